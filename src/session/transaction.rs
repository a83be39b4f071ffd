//! Transactions of several statements: one storage transaction, kept between requests.
//!
//! Its snapshot is taken at the beginning, so every statement sees the same data and its own changes. The collections
//! that it has used cannot change, apart from their documents, until it ends; a time limit bounds how long that is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use smongo_storage::{Engine as Storage, Isolation, Session, Txn};
use smongo_vm::Code;

use super::records::{Record, Records};
use super::{SessionId, aborted};
use crate::collection::{Collection, Delta, Pin};
use crate::error::{Error, Result};
use crate::oplog::{Operations, Oplog, Origin};
use crate::request::Namespace;

/// A transaction.
pub(crate) struct Transaction {
    id: SessionId,
    number: i64,
    expires: Instant,
    /// `None` once it has ended.
    active: Mutex<Option<Active>>,
}

/// A transaction that has not ended.
pub(crate) struct Active {
    txn: Txn<Session>,
    /// A cluster time up to which the transaction sees everything.
    since: u64,
    operations: Operations,
    deltas: Vec<(Arc<Collection>, Delta)>,
    pins: Vec<Pin>,
    made: Vec<Namespace>,
}

impl Transaction {
    /// Begins a transaction.
    pub(super) fn begin(
        storage: &Storage,
        oplog: &Oplog,
        id: SessionId,
        number: i64,
        lifetime: Duration,
    ) -> Result<Self> {
        // Looked at before the snapshot is taken, which then has at least that.
        let since = oplog.visible();
        let active = Active {
            since,
            txn: storage.session()?.into_txn(Isolation::Snapshot)?,
            operations: Operations::default(),
            deltas: Vec::new(),
            pins: Vec::new(),
            made: Vec::new(),
        };
        let expires = Instant::now() + lifetime;
        Ok(Self { id, number, expires, active: Mutex::new(Some(active)) })
    }

    /// The session and the number.
    pub fn key(&self) -> (SessionId, i64) {
        (self.id, self.number)
    }

    /// The right to work in the transaction.
    pub fn join(&self) -> Result<MappedMutexGuard<'_, Active>> {
        MutexGuard::try_map(self.active.lock(), Option::as_mut).map_err(|_| aborted(self.number))
    }

    /// Whether it has lasted too long.
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires
    }

    /// Notes a collection that was made for the transaction.
    pub fn note_made(&self, ns: &Namespace) -> Result<()> {
        self.join()?.made.push(ns.clone());
        Ok(())
    }

    /// Whether a collection was made for the transaction and nothing has been done to it since.
    pub fn has_only_made(&self, ns: &Namespace) -> bool {
        let is_untouched = |active: &Active| active.made.contains(ns) && !active.pins.iter().any(|pin| pin.is_of(ns));
        self.active.lock().as_ref().is_some_and(is_untouched)
    }

    /// Commits: documents, index entries, the log and the session's record together.
    pub(super) fn commit(&self, oplog: &Oplog, records: &Records, journal: bool) -> Result<()> {
        let active = self.active.lock().take().ok_or_else(|| aborted(self.number))?;
        let Active { txn, operations, deltas, .. } = active;
        if operations.is_empty() && deltas.is_empty() {
            return Ok(txn.commit()?);
        }
        let origin = Origin { session: Some((self.id, self.number)), previous: 0 };
        let (reservation, last_time) = oplog.append_transaction(&txn, &operations, &origin)?;
        let record = Record { number: self.number, committed: true, last_time, ..Record::default() };
        records.put(&txn, &self.id, &record)?;
        if journal {
            txn.commit_sync()?
        } else {
            txn.commit()?
        }
        drop(reservation);
        for (coll, delta) in &deltas {
            if let Ok(shared) = coll.share() {
                shared.committed(delta);
            }
        }
        Ok(())
    }

    /// Rolls back; gives the collections that were made for the transaction.
    pub fn abort(&self) -> Vec<Namespace> {
        self.active.lock().take().map(|active| active.made).unwrap_or_default()
    }
}

impl Active {
    /// The storage session of the transaction.
    pub fn session(&self) -> &Session {
        &self.txn
    }

    /// Keeps a collection from changing, apart from its documents, until the transaction ends. The caller has it
    /// locked.
    ///
    /// Fails when the collection, or one of its indexes, came after the transaction had begun.
    pub fn pin(&mut self, coll: &Arc<Collection>) -> Result<()> {
        if self.pins.iter().any(|pin| pin.is_on(coll)) {
            return Ok(());
        }
        let pin = Pin::new(coll);
        if !self.made.iter().any(|ns| pin.is_of(ns)) {
            coll.check_readable_at(self.since)?;
        }
        self.pins.push(pin);
        Ok(())
    }

    /// Takes over what a statement did to a collection.
    pub fn add(&mut self, coll: &Arc<Collection>, mut delta: Delta) -> Result<()> {
        let operations = std::mem::take(&mut delta.operations);
        if self.operations.bytes() + operations.bytes() > i32::MAX as usize {
            return Err(Error::new(
                Code::TRANSACTION_TOO_LARGE,
                "Total size of all transaction operations is too large",
            ));
        }
        self.operations.append(operations);
        self.deltas.push((Arc::clone(coll), delta));
        Ok(())
    }
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").field("number", &self.number).finish_non_exhaustive()
    }
}
