//! Transactions as guards: dropped without a commit, they roll back.

use crate::error::Result;
use crate::options::Isolation;
use crate::session::Session;
use std::borrow::BorrowMut;
use std::fmt;
use std::ops::Deref;

/// A transaction on a session that it borrows ([`Session::begin`]) or owns ([`Session::into_txn`]). It lends the session
/// for reading and writing: `txn.cursor(&table)`, or `&txn` where a `&Session` is wanted. It cannot end while one of its
/// cursors lives, because its end invalidates what they lend.
///
/// After [`WriteConflict`](crate::Error::WriteConflict) or [`CacheFull`](crate::Error::CacheFull) it can only be rolled
/// back; committing it then reports the same error.
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Txn<S: BorrowMut<Session> = Session> {
    session: S,
    active: bool,
}

impl<S: BorrowMut<Session>> Txn<S> {
    pub(crate) fn begin(session: S, isolation: Isolation) -> Result<Txn<S>> {
        session.borrow().inner().begin(isolation)?;
        Ok(Txn { session, active: true })
    }

    /// Commits. The changes survive what the engine's [`CommitMode`](crate::CommitMode) promises.
    pub fn commit(mut self) -> Result<()> {
        self.end_by_commit().map(drop)
    }

    /// Commits and returns when the changes are on the storage device. Threads that wait share one sync.
    pub fn commit_sync(mut self) -> Result<()> {
        let wrote = self.end_by_commit()?;
        if wrote { self.sync_log() } else { Ok(()) }
    }

    /// Rolls back, as dropping does.
    pub fn rollback(self) {}

    fn end_by_commit(&mut self) -> Result<bool> {
        self.active = false;
        let session: &Session = self.session.borrow();
        let wrote = session.inner().commit()?;
        if wrote {
            session.engine().note_commit();
        }
        Ok(wrote)
    }
}

impl<S: BorrowMut<Session>> Deref for Txn<S> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session.borrow()
    }
}

impl<S: BorrowMut<Session>> Drop for Txn<S> {
    fn drop(&mut self) {
        if self.active {
            let session: &Session = self.session.borrow();
            session.inner().rollback();
        }
    }
}

impl<S: BorrowMut<Session>> fmt::Debug for Txn<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Txn").field("active", &self.active).finish_non_exhaustive()
    }
}
