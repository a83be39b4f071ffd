//! How a statement gets at storage.

use std::sync::Arc;

use parking_lot::MappedMutexGuard;
use smongo_storage::{Engine as Storage, Isolation, Session, Txn};

use super::snapshots::Reading;
use super::transaction::Active;
use super::{Outcome, PinnedSnapshot, RetryableWrite, Transaction};
use crate::collection::{Collection, Delta, Shared};
use crate::error::Result;
use crate::oplog::Origin;

/// What a request is part of.
#[derive(Clone, Debug, Default)]
pub(crate) enum Scope {
    /// Nothing.
    #[default]
    Alone,
    /// A retryable write.
    Retryable {
        write: Arc<RetryableWrite>,
        /// The numbers of the request's statements; empty when they are numbered from `first` on.
        statements: Arc<[i32]>,
        first: i32,
    },
    /// A transaction.
    Transaction(Arc<Transaction>),
    /// A series of reads of one moment.
    Snapshot(Arc<PinnedSnapshot>),
}

/// A storage transaction for a statement, or part of one.
pub(crate) enum Work<'t> {
    /// The statement's own.
    Own(Txn<Session>),
    /// That of a transaction of several statements.
    Joined(MappedMutexGuard<'t, Active>),
    /// A moment that others read too.
    Pinned(Reading<'t>),
}

impl Scope {
    /// Begins work.
    pub fn begin(&self, storage: &Storage) -> Result<Work<'_>> {
        Ok(match self {
            Scope::Alone | Scope::Retryable { .. } => Work::Own(storage.session()?.into_txn(Isolation::Snapshot)?),
            Scope::Transaction(transaction) => Work::Joined(transaction.join()?),
            Scope::Snapshot(snapshot) => Work::Pinned(snapshot.read()),
        })
    }

    /// The number of the statement at a position of the request, in a retryable write.
    pub fn statement(&self, at: usize) -> Option<i32> {
        let Scope::Retryable { statements, first, .. } = self else { return None };
        let numbered = || i32::try_from(at).ok().and_then(|at| first.checked_add(at));
        statements.get(at).copied().or_else(numbered)
    }

    /// Whether a statement of a retryable write has been carried out before.
    pub fn was_executed(&self, statement: i32) -> bool {
        self.retryable().is_some_and(|write| write.outcome_of(statement).is_some())
    }

    /// What the first statement came to, if it has been carried out before.
    pub fn earlier_outcome(&self) -> Option<Outcome> {
        self.retryable()?.outcome_of(self.statement(0)?)
    }

    /// The same for a request whose first statement is at position `at` of this one.
    pub fn starting_at(&self, at: usize) -> Scope {
        match self.statement(at) {
            Some(statement) => match self {
                Scope::Retryable { write, .. } => {
                    Scope::Retryable { write: Arc::clone(write), statements: Arc::default(), first: statement }
                }
                other => other.clone(),
            },
            None => self.clone(),
        }
    }

    /// The retryable write, if it is one.
    pub fn retryable(&self) -> Option<&Arc<RetryableWrite>> {
        if let Scope::Retryable { write, .. } = self { Some(write) } else { None }
    }

    /// The transaction, if it is one.
    pub fn transaction(&self) -> Option<&Arc<Transaction>> {
        if let Scope::Transaction(transaction) = self { Some(transaction) } else { None }
    }
}

impl Work<'_> {
    /// The storage session, which is in a transaction.
    pub fn session(&self) -> &Session {
        match self {
            Work::Own(txn) => txn,
            Work::Joined(active) => active.session(),
            Work::Pinned(reading) => reading,
        }
    }

    /// Keeps a collection as it is for as long as the work's transaction lasts.
    ///
    /// Fails when the work reads a moment at which the collection was not as it is.
    pub fn pin(&mut self, coll: &Arc<Collection>) -> Result<()> {
        match self {
            Work::Own(_) => Ok(()),
            Work::Joined(active) => active.pin(coll),
            Work::Pinned(reading) => coll.check_readable_at(reading.time()),
        }
    }

    /// Ends work that changed a collection: commits it with its entries in the log, or leaves that to the transaction.
    pub fn finish(self, scope: &Scope, shared: &Shared<'_>, mut delta: Delta) -> Result<()> {
        let txn = match self {
            Work::Own(txn) => txn,
            Work::Joined(mut active) => return active.add(shared.collection(), delta),
            // Nothing is written in a snapshot.
            Work::Pinned(_) => return Ok(()),
        };
        let retryable = scope.retryable();
        let mut reservation = None;
        let mut last_time = 0;
        if let (Some(log), false) = (shared.log(), delta.operations.is_empty()) {
            let origin = retryable.map_or(Origin::default(), |write| write.origin());
            let taken = log.append(&txn, &delta.operations, &origin)?;
            last_time = taken.first + delta.operations.len() as u64 - 1;
            if let Some(write) = retryable {
                write.record(&txn, &delta.statements, last_time)?;
            }
            reservation = Some(taken);
        }
        txn.commit()?;
        drop(reservation);
        shared.committed(&delta);
        if let Some(write) = retryable {
            write.committed(std::mem::take(&mut delta.statements), last_time);
        }
        Ok(())
    }
}
