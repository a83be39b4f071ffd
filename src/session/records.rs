//! What sessions must know after a restart: a record for each, written in the storage transaction of what it tells of.
//!
//! ```text
//! key    session id, 16 bytes
//! value  {_id: {id, uid}, txnNum, lastWriteOpTime: {ts, t}, lastWriteDate, state: "committed",
//!         inserted: [from, to, …], executed: [{stmtId, outcome}, …]}
//! ```
//!
//! A retryable write's record says which of its statements were carried out: inserts as ranges, others with what their
//! reply said.

use std::collections::BTreeMap;

use smongo_storage::{Engine as Storage, KeyFormat, Session, Table, TableOptions};
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, RawDoc, Value, View};

use super::{SessionId, write_session_id};
use crate::error::Result;
use crate::oplog::write_op_time;
use crate::request::wall_clock_millis;

const TABLE_NAME: &str = "_sessions";

/// Records removed in one transaction.
const PORTION: usize = 1000;

/// What a statement's reply said; `None` for an insert.
pub(crate) type Outcome = Option<DocBuf>;

/// One session's record.
#[derive(Default, Debug, PartialEq, Clone)]
pub(super) struct Record {
    pub number: i64,
    /// A transaction that was committed; else a retryable write.
    pub committed: bool,
    /// The time of the last entry in the log.
    pub last_time: u64,
    pub executed: BTreeMap<i32, Outcome>,
}

/// The table of records.
#[derive(Clone, Debug)]
pub(super) struct Records {
    storage: Storage,
    table: Table,
}

impl Records {
    pub fn open(storage: Storage) -> Result<Self> {
        let table = match storage.table_exists(TABLE_NAME)? {
            true => storage.table(TABLE_NAME)?,
            false => storage.create_table(TABLE_NAME, &TableOptions::new(KeyFormat::Bytes))?,
        };
        Ok(Self { storage, table })
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The record of a session.
    pub fn load(&self, id: &SessionId) -> Result<Option<Record>> {
        let session = self.storage.session()?;
        let mut cursor = session.cursor(&self.table)?;
        Ok(if cursor.search(id)? { RawDoc::from_bytes(cursor.value()).and_then(decode) } else { None })
    }

    /// Writes a session's record in the transaction that `session` is in.
    pub fn put(&self, session: &Session, id: &SessionId, record: &Record) -> Result<()> {
        let record = encode(id, record, wall_clock_millis());
        Ok(session.cursor(&self.table)?.put(id, record.as_bytes())?)
    }

    /// Removes records whose last write was before a moment; gives how many there were.
    pub fn remove_older_than(&self, millis: i64) -> Result<u64> {
        let mut removed = 0;
        let mut after: Vec<u8> = Vec::new();
        loop {
            let mut session = self.storage.session()?;
            let txn = session.begin()?;
            let mut cursor = txn.cursor(&self.table)?;
            let mut old = Vec::new();
            let mut looked_at = 0;
            let mut found = cursor.seek_gt(&after)?;
            while found && looked_at < PORTION {
                looked_at += 1;
                after = cursor.key_bytes().to_vec();
                let date = RawDoc::from_bytes(cursor.value()).and_then(|record| record.get("lastWriteDate"));
                if matches!(date.map(|date| date.view()), Some(View::DateTime(date)) if date < millis) {
                    old.push(after.clone());
                }
                found = cursor.next()?;
            }
            for key in &old {
                cursor.remove(key)?;
            }
            drop(cursor);
            txn.commit()?;
            removed += old.len() as u64;
            if !found {
                return Ok(removed);
            }
        }
    }
}

fn encode(id: &SessionId, record: &Record, now_millis: i64) -> DocBuf {
    DocBuf::build(|doc| {
        doc.document("_id", |lsid| write_session_id(lsid, id));
        doc.value("txnNum", Value::int64(record.number));
        doc.document("lastWriteOpTime", |time| write_op_time(time, record.last_time));
        doc.value("lastWriteDate", Value::date_time(now_millis));
        if record.committed {
            doc.string("state", "committed");
        }
        doc.array("inserted", |ranges| write_inserted(ranges, &record.executed));
        doc.array("executed", |others| {
            for (statement, outcome) in &record.executed {
                if let Some(outcome) = outcome {
                    others.document(|entry| write_executed(entry, *statement, outcome));
                }
            }
        });
    })
}

fn write_inserted(ranges: &mut ArrayWriter<'_, Vec<u8>>, executed: &BTreeMap<i32, Outcome>) {
    let mut open: Option<(i32, i32)> = None;
    let mut close = |range: Option<(i32, i32)>| {
        if let Some((from, to)) = range {
            ranges.value(Value::int32(from));
            ranges.value(Value::int32(to));
        }
    };
    for (&statement, outcome) in executed {
        match (&mut open, outcome) {
            (_, Some(_)) => close(open.take()),
            (Some((_, to)), None) if statement.checked_sub(1) == Some(*to) => *to = statement,
            (range, None) => close(range.replace((statement, statement))),
        }
    }
    close(open);
}

fn write_executed(entry: &mut DocWriter<'_, Vec<u8>>, statement: i32, outcome: &RawDoc) {
    entry.value("stmtId", Value::int32(statement));
    entry.value("outcome", Value::document(outcome));
}

fn decode(doc: &RawDoc) -> Option<Record> {
    let View::Timestamp(last_time) = doc.get("lastWriteOpTime")?.as_doc()?.get("ts")?.view() else { return None };
    let integer = |value: Value<'_>| value.as_integer().and_then(|n| i32::try_from(n).ok());
    let mut executed = BTreeMap::new();
    let mut bounds = doc.get("inserted")?.as_array()?.values();
    while let (Some(from), Some(to)) = (bounds.next(), bounds.next()) {
        executed.extend((integer(from)?..=integer(to)?).map(|statement| (statement, None)));
    }
    for entry in doc.get("executed")?.as_array()?.values() {
        let entry = entry.as_doc()?;
        executed.insert(integer(entry.get("stmtId")?)?, Some(entry.get("outcome")?.as_doc()?.into()));
    }
    Some(Record {
        number: doc.get("txnNum")?.as_integer()?,
        committed: doc.get("state").and_then(Value::as_str) == Some("committed"),
        last_time,
        executed,
    })
}

#[cfg(test)]
mod tests {
    use smongo_storage::OpenOptions;

    use super::*;

    #[test]
    fn survives_the_trip_to_disk() {
        let outcome = DocBuf::build(|doc| doc.value("n", Value::int32(1)));
        let statements = [(0, None), (1, None), (2, Some(outcome)), (3, None), (7, None)];
        let record =
            Record { number: 3, committed: false, last_time: 5 << 32, executed: statements.into_iter().collect() };
        let encoded = encode(&[1; 16], &record, 0);
        assert_eq!(encoded.get("inserted").unwrap().as_array().unwrap().iter().count(), 6);
        assert_eq!(decode(&encoded).unwrap(), record);
        let committed = Record { number: 4, committed: true, ..Record::default() };
        assert_eq!(decode(&encode(&[1; 16], &committed, 0)).unwrap(), committed);
    }

    #[test]
    fn old_records_go() {
        let storage = Storage::open(&OpenOptions::in_memory()).unwrap();
        let records = Records::open(storage.clone()).unwrap();
        let mut session = storage.session().unwrap();
        let txn = session.begin().unwrap();
        records.put(&txn, &[1; 16], &Record { number: 1, ..Record::default() }).unwrap();
        txn.commit().unwrap();
        assert_eq!(records.remove_older_than(wall_clock_millis() - 1000).unwrap(), 0);
        assert_eq!(records.remove_older_than(wall_clock_millis() + 1000).unwrap(), 1);
        assert!(records.load(&[1; 16]).unwrap().is_none());
    }
}
