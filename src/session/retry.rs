//! Retryable writes: statements that are carried out once, however often a client sends them.

use parking_lot::Mutex;
use smongo_storage::Session;

use super::SessionId;
use super::records::{Outcome, Record, Records};
use crate::error::Result;
use crate::oplog::Origin;

/// A retryable write: the statements that a session sends under one number.
#[derive(Debug)]
pub(crate) struct RetryableWrite {
    id: SessionId,
    number: i64,
    records: Records,
    done: Mutex<Record>,
    /// Statements of the present request that had been carried out before.
    retried: Mutex<Vec<i32>>,
}

impl RetryableWrite {
    /// A write nothing of which has been carried out.
    pub(super) fn new(id: SessionId, number: i64, records: Records) -> Self {
        Self::resumed(id, Record { number, ..Record::default() }, records)
    }

    /// A write some of which was carried out earlier.
    pub(super) fn resumed(id: SessionId, done: Record, records: Records) -> Self {
        Self { id, number: done.number, records, done: Mutex::new(done), retried: Mutex::default() }
    }

    /// Who writes.
    pub fn origin(&self) -> Origin {
        Origin { session: Some((self.id, self.number)), previous: self.done.lock().last_time }
    }

    /// What a statement came to when it was carried out earlier; notes that it has been sent again.
    pub fn outcome_of(&self, statement: i32) -> Option<Outcome> {
        let outcome = self.done.lock().executed.get(&statement).cloned()?;
        self.retried.lock().push(statement);
        Some(outcome)
    }

    /// The statements that were sent again, each once; forgets them.
    pub fn take_retried(&self) -> Vec<i32> {
        std::mem::take(&mut self.retried.lock())
    }

    /// Writes the record with statements that are being carried out, in the transaction that `session` is in.
    pub fn record(&self, session: &Session, statements: &[(i32, Outcome)], last_time: u64) -> Result<()> {
        let mut record = self.done.lock().clone();
        record.last_time = last_time;
        record.executed.extend(statements.iter().cloned());
        self.records.put(session, &self.id, &record)
    }

    /// Notes that the transaction with these statements has committed.
    pub fn committed(&self, statements: Vec<(i32, Outcome)>, last_time: u64) {
        let mut done = self.done.lock();
        done.last_time = last_time;
        done.executed.extend(statements);
    }
}
