//! Entries as they are stored.
//!
//! ```text
//! one operation      {lsid, txnNumber, op, ns, ui, o, o2, stmtId, ts, t, v: 2, wall, prevOpTime}
//! a transaction      {lsid, txnNumber, op: "c", ns: "admin.$cmd", o: {applyOps: [{op, ns, ui, o, o2}, …]}, ts, …}
//! ```
//!
//! A transaction that does not fit one entry takes several: all but the last say `partialTxn: true`, the last says
//! `count`, and `prevOpTime` leads from each to the one before.

use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::value::{DocWriter, Value};

use super::operation::{Operation, Operations};
use crate::request::wall_clock_millis;
use crate::session::{SessionId, write_session_id};

/// The term of the one-node set: its only election was won at the start.
pub(crate) const TERM: i64 = 1;

/// The version of the entries' form.
const FORMAT_VERSION: i64 = 2;

/// Room for what an entry says besides its operation.
const FRAME_BYTES: usize = 256;

/// Bytes of an entry besides the operations of a transaction.
const ENVELOPE_BYTES: usize = 4096;

/// Who wrote.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Origin {
    /// The session and the transaction number in it.
    pub session: Option<(SessionId, i64)>,
    /// The time of the session's last entry under that number; 0 for none.
    pub previous: u64,
}

/// Some of a transaction's operations.
pub(super) struct Part<'p> {
    pub operations: &'p [Operation<'p>],
    pub is_first: bool,
    pub is_last: bool,
    /// How many operations there were, these included.
    pub count: usize,
}

/// Writes the entry of one operation.
pub(super) fn write(out: &mut Vec<u8>, operation: &Operation<'_>, origin: &Origin, previous: u64, time: u64) {
    out.reserve(operation.doc.as_bytes().len() + FRAME_BYTES);
    let mut entry = DocWriter::new(out);
    write_session(&mut entry, origin);
    entry.elements_of(operation.doc);
    if let Some(statement) = operation.statement {
        entry.value("stmtId", Value::int32(statement));
    }
    write_times(&mut entry, time);
    if origin.session.is_some() {
        write_previous(&mut entry, previous);
    }
    entry.finish();
}

/// Writes an entry of a transaction.
pub(super) fn write_part(out: &mut Vec<u8>, part: &Part<'_>, origin: &Origin, previous: u64, time: u64) {
    let mut entry = DocWriter::new(out);
    write_session(&mut entry, origin);
    entry.string("op", "c");
    entry.string("ns", "admin.$cmd");
    entry.document("o", |o| {
        o.array("applyOps", |operations| {
            for operation in part.operations {
                operations.value(Value::document(operation.doc));
            }
        });
        if !part.is_last {
            o.value("partialTxn", Value::TRUE);
        } else if !part.is_first {
            o.value("count", Value::int64(i64::try_from(part.count).unwrap_or(i64::MAX)));
        }
    });
    write_times(&mut entry, time);
    write_previous(&mut entry, previous);
    entry.finish();
}

/// The operations of a transaction in groups that fit an entry each; at least one group.
pub(super) fn groups(operations: &Operations) -> Vec<Vec<Operation<'_>>> {
    let mut groups = vec![Vec::new()];
    let mut bytes = ENVELOPE_BYTES;
    for operation in operations.iter() {
        let size = operation.doc.as_bytes().len() + 16;
        if bytes + size > MAX_USER_DOCUMENT_BYTES && groups.last().is_some_and(|group| !group.is_empty()) {
            groups.push(Vec::new());
            bytes = ENVELOPE_BYTES;
        }
        bytes += size;
        if let Some(group) = groups.last_mut() {
            group.push(operation);
        }
    }
    groups
}

fn write_session(entry: &mut DocWriter<'_, Vec<u8>>, origin: &Origin) {
    if let Some((session, number)) = &origin.session {
        entry.document("lsid", |lsid| write_session_id(lsid, session));
        entry.value("txnNumber", Value::int64(*number));
    }
}

fn write_times(entry: &mut DocWriter<'_, Vec<u8>>, time: u64) {
    entry.value("ts", Value::timestamp(time));
    entry.value("t", Value::int64(TERM));
    entry.value("v", Value::int64(FORMAT_VERSION));
    entry.value("wall", Value::date_time(wall_clock_millis()));
}

fn write_previous(entry: &mut DocWriter<'_, Vec<u8>>, previous: u64) {
    entry.document("prevOpTime", |op_time| write_op_time(op_time, previous));
}

/// A time and its term; a null time has the term -1.
pub(crate) fn write_op_time(op_time: &mut DocWriter<'_, Vec<u8>>, time: u64) {
    op_time.value("ts", Value::timestamp(time));
    op_time.value("t", Value::int64(if time == 0 { -1 } else { TERM }));
}
