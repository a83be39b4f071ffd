//! The log of operations: what every committed write did, in order of time, in the form of MongoDB's replica sets.
//!
//! An entry is written in the storage transaction of the write that it tells of, so the two cannot disagree. Entries
//! lie in a table of their own, keyed by timestamp; each is a document and the checksum of its bytes. Clients read them
//! as `local.oplog.rs`.
//!
//! Timestamps are taken just before the commit ([`times`]); readers see the log up to the first one whose writer has
//! not ended. What is oldest goes when the log is too large, but never what a registered consumer still needs.

mod consumers;
mod entry;
mod images;
mod operation;
mod retention;
mod times;

use std::sync::Arc;

use smongo_storage::{Engine as Storage, KeyFormat, Session, Table, TableOptions};
use smongo_vm::Code;
#[cfg(test)]
use smongo_vm::value::DocBuf;
use smongo_vm::value::RawDoc;

use crate::cursor::Signal;
use crate::error::{Error, Result};
use consumers::Consumers;
pub(crate) use entry::{Origin, TERM, write_op_time};
pub(crate) use operation::{Change, Operations, Subject};
pub(crate) use retention::OplogLimits;
pub(crate) use times::Reservation;
use times::Times;

/// The table of entries.
const TABLE_NAME: &str = "_oplog";

/// Bytes of the checksum behind each entry.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// The log.
#[derive(Debug)]
pub(crate) struct Oplog {
    storage: Storage,
    table: Table,
    /// Documents as they were, for collections that keep them.
    images: Table,
    times: Times,
    size: retention::Size,
    consumers: Consumers,
}

impl Oplog {
    /// Opens the log, or begins one, and notes in it that this process writes from here on.
    pub fn open(storage: Storage) -> Result<Self> {
        let is_new = !storage.table_exists(TABLE_NAME)?;
        let table = match is_new {
            true => storage.create_table(TABLE_NAME, &TableOptions::new(KeyFormat::RecordId))?,
            false => storage.table(TABLE_NAME)?,
        };
        let images = match storage.table_exists(images::TABLE_NAME)? {
            false => storage.create_table(images::TABLE_NAME, &TableOptions::new(KeyFormat::Bytes))?,
            true => storage.table(images::TABLE_NAME)?,
        };
        let latest = storage.session()?.cursor(&table)?.largest_record_id()?.map_or(0, timestamp_of_key);
        let size = retention::Size::new(storage.table_stats(&table)?.file_bytes);
        let log = Self { storage, table, images, times: Times::new(latest), size, consumers: Consumers::default() };
        let mut operations = Operations::default();
        operations.noop(if is_new { "initiating set" } else { "new primary" });
        log.write_alone(&operations)?;
        Ok(log)
    }

    /// The table of entries.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// The time of the latest write, as clients are told it.
    pub fn now(&self) -> u64 {
        self.times.latest()
    }

    /// The time up to which the log is complete.
    pub fn visible(&self) -> u64 {
        self.times.visible()
    }

    /// Takes note of a time that a client has been told elsewhere.
    pub fn advance_to(&self, time: u64) {
        self.times.advance_to(time);
    }

    /// Runs `with` while nothing is being committed, with the time of the latest write.
    pub fn at_rest<R>(&self, with: impl FnOnce(u64) -> R) -> R {
        self.times.at_rest(with)
    }

    /// What tells that more of the log can be read.
    pub fn arrivals(&self) -> Arc<Signal> {
        Arc::clone(self.times.arrivals())
    }

    /// Writes the entries of a statement's operations, one for each, in the transaction that `session` is in. The
    /// reservation must live until that transaction has ended.
    pub fn append(&self, session: &Session, operations: &Operations, origin: &Origin) -> Result<Reservation<'_>> {
        let reservation = self.times.reserve(operations.len());
        let mut previous = origin.previous;
        let mut cursor = session.cursor(&self.table)?;
        let mut buffer = Vec::new();
        for (time, operation) in (reservation.first..).zip(operations.iter()) {
            buffer.clear();
            entry::write(&mut buffer, &operation, origin, previous, time);
            self.insert(&mut cursor, time, &mut buffer)?;
            self.put_images(session, time, std::iter::once(operation))?;
            previous = time;
        }
        Ok(reservation)
    }

    /// Writes the entries of a transaction of several statements: as few as their size allows.
    pub fn append_transaction(
        &self,
        session: &Session,
        operations: &Operations,
        origin: &Origin,
    ) -> Result<(Reservation<'_>, u64)> {
        let groups = entry::groups(operations);
        let reservation = self.times.reserve(groups.len());
        let mut cursor = session.cursor(&self.table)?;
        let mut buffer = Vec::new();
        let mut previous = 0;
        let mut written = 0;
        for (at, group) in groups.iter().enumerate() {
            let time = reservation.first + at as u64;
            buffer.clear();
            written += group.len();
            let last = at + 1 == groups.len();
            let part = entry::Part { operations: group, is_last: last, is_first: at == 0, count: written };
            entry::write_part(&mut buffer, &part, origin, previous, time);
            self.insert(&mut cursor, time, &mut buffer)?;
            self.put_images(session, time, group.iter().copied())?;
            previous = time;
        }
        Ok((reservation, previous))
    }

    /// Writes operations that belong to no other change on disk.
    pub fn write_alone(&self, operations: &Operations) -> Result<()> {
        let mut session = self.storage.session()?;
        let txn = session.begin()?;
        let reservation = self.append(&txn, operations, &Origin::default())?;
        txn.commit()?;
        drop(reservation);
        Ok(())
    }

    fn insert(&self, cursor: &mut smongo_storage::Cursor<'_>, time: u64, entry: &mut Vec<u8>) -> Result<()> {
        let checksum = crc32c::crc32c(entry);
        entry.extend_from_slice(&checksum.to_le_bytes());
        cursor.insert(key_of(time), entry)?;
        self.size.add(entry.len());
        Ok(())
    }

    /// The entry of a time.
    #[cfg(test)]
    pub fn entry(&self, session: &Session, time: u64) -> Result<Option<DocBuf>> {
        let mut cursor = session.cursor(&self.table)?;
        if !cursor.search(key_of(time))? {
            return Ok(None);
        }
        verified(cursor.value(), time).map(|entry| Some(entry.into()))
    }

    /// The time of the oldest entry; `None` when there is none.
    #[cfg(test)]
    pub fn oldest(&self) -> Result<Option<u64>> {
        let session = self.storage.session()?;
        let mut cursor = session.cursor(&self.table)?;
        Ok(cursor.first()?.then(|| timestamp_of_key(cursor.record_id())))
    }

    /// The time of the first entry after `time`.
    pub fn first_after(&self, time: u64) -> Result<Option<u64>> {
        let session = self.storage.session()?;
        let mut cursor = session.cursor(&self.table)?;
        Ok(cursor.seek_gt(key_of(time))?.then(|| timestamp_of_key(cursor.record_id())))
    }
}

/// The key of an entry.
pub(crate) fn key_of(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

/// The time of an entry.
pub(crate) fn timestamp_of_key(key: i64) -> u64 {
    u64::try_from(key).unwrap_or(0)
}

/// An entry as stored, if it is what was written.
pub(crate) fn verified(bytes: &[u8], time: u64) -> Result<&RawDoc> {
    let split = bytes.len().checked_sub(CHECKSUM_BYTES).map(|at| bytes.split_at(at));
    let entry = split.and_then(|(entry, checksum)| {
        let expected = u32::from_le_bytes(checksum.try_into().ok()?);
        (crc32c::crc32c(entry) == expected).then(|| RawDoc::from_stored(entry)).flatten()
    });
    entry.ok_or_else(|| {
        let message = format!("the oplog entry of Timestamp({}, {}) is damaged", time >> 32, time as u32);
        Error::new(Code::INTERNAL_ERROR, message)
    })
}

#[cfg(test)]
mod tests {
    use smongo_storage::OpenOptions;
    use smongo_vm::value::Value;

    use super::*;

    fn insert(operations: &mut Operations, id: i32) {
        let doc = DocBuf::build(|doc| doc.value("_id", Value::int32(id)));
        operations.insert(Subject { ns: "db.c", uuid: &[7; 16] }, None, &doc);
    }

    #[test]
    fn entries_are_written_in_the_transaction_and_verified_when_read() {
        let storage = Storage::open(&OpenOptions::in_memory()).unwrap();
        let log = Oplog::open(storage.clone()).unwrap();
        let mut operations = Operations::default();
        insert(&mut operations, 1);
        insert(&mut operations, 2);
        let mut session = storage.session().unwrap();
        let txn = session.begin().unwrap();
        let before = log.visible();
        let reservation = log.append(&txn, &operations, &Origin::default()).unwrap();
        let first = reservation.first;
        assert_eq!(log.visible(), before.max(first - 1));
        txn.commit().unwrap();
        drop(reservation);
        assert_eq!(log.visible(), first + 1);
        let entry = log.entry(&session, first).unwrap().unwrap();
        let names: Vec<_> = entry.iter().map(|field| field.name_str().to_owned()).collect();
        assert_eq!(names, ["op", "ns", "ui", "o", "o2", "ts", "t", "v", "wall"]);
        assert_eq!(log.first_after(first).unwrap(), Some(first + 1));
        let mut bytes = entry.as_bytes().to_vec();
        bytes.extend([0; 4]);
        assert_eq!(verified(&bytes, first).unwrap_err().code(), 1);
    }

    #[test]
    fn what_is_rolled_back_leaves_no_entry_and_no_wait() {
        let storage = Storage::open(&OpenOptions::in_memory()).unwrap();
        let log = Oplog::open(storage.clone()).unwrap();
        let oldest = log.oldest().unwrap().unwrap();
        let mut operations = Operations::default();
        insert(&mut operations, 1);
        let mut session = storage.session().unwrap();
        let txn = session.begin().unwrap();
        let reservation = log.append(&txn, &operations, &Origin::default()).unwrap();
        let last = reservation.first;
        txn.rollback();
        drop(reservation);
        assert_eq!(log.visible(), last);
        assert_eq!(log.first_after(oldest).unwrap(), None);
    }
}
