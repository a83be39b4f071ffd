//! Sessions and transactions, as far as they concern collections: what a transaction makes goes when it comes to nothing.

use std::sync::Arc;

use smongo_vm::Code;
use smongo_vm::value::RawDoc;

use super::Engine;
use crate::collection::Collection;
use crate::error::{Error, Result};
use crate::oplog::Operations;
use crate::request::{Namespace, OpContext};
use crate::session::{LogicalSession, PinnedSnapshot, Scope, SessionId, Sessions, Transaction};

impl Engine {
    /// All logical sessions.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The time of the latest write.
    pub fn cluster_time(&self) -> u64 {
        self.oplog.now()
    }

    /// Takes note of a cluster time that a client was told elsewhere.
    pub fn advance_cluster_time(&self, time: u64) {
        self.oplog.advance_to(time);
    }

    /// Writes a note into the log.
    pub(crate) fn append_oplog_note(&self, note: &RawDoc) -> Result<()> {
        let mut operations = Operations::default();
        operations.note(note);
        self.oplog.write_alone(&operations)
    }

    /// Removes entries of the log that were written before a cluster time, unless somebody needs them; gives how many
    /// there were.
    pub fn compact_oplog(&self, before: u64) -> Result<u64> {
        self.oplog.remove_before(before)
    }

    /// About how many bytes the log of operations takes.
    pub fn oplog_bytes(&self) -> u64 {
        self.oplog.bytes()
    }

    /// The moment at a cluster time, or the present one, for a series of reads.
    pub(crate) fn snapshot(&self, time: Option<u64>) -> Result<Arc<PinnedSnapshot>> {
        self.snapshots.at(&self.storage, &self.oplog, time)
    }

    /// Commits a session's transaction. Once more is as good as once.
    pub(crate) fn commit_transaction(&self, session: &LogicalSession, number: i64, journal: bool) -> Result<()> {
        self.sessions.commit(session, number, journal)
    }

    /// Aborts a session's transaction.
    pub(crate) fn abort_transaction(&self, session: &LogicalSession, number: i64) -> Result<()> {
        let made = self.sessions.abort(session, number)?;
        self.drop_made(&made);
        Ok(())
    }

    /// Ends what sessions are at.
    pub(crate) fn end_sessions(&self, which: impl Fn(&SessionId) -> bool) {
        self.drop_made(&self.sessions.end(which));
    }

    /// Rolls a transaction back in which something failed. Its session learns of it with the next statement.
    pub(crate) fn abandon(&self, transaction: &Transaction) {
        self.drop_made(&transaction.abort());
    }

    /// Drops collections that a transaction had made, as long as nothing is in them.
    pub(super) fn drop_made(&self, made: &[Namespace]) {
        for ns in made {
            // One that stays does no harm; others may have begun to use it.
            let _ = self.catalog.drop_if_unused(ns);
        }
    }

    /// The collection to write to; made when there is none.
    pub(super) fn collection_for_write(&self, op: &OpContext, ns: &Namespace) -> Result<Arc<Collection>> {
        let Scope::Transaction(transaction) = op.scope() else { return self.catalog.get_or_create(ns) };
        if let Some(coll) = self.catalog.get(ns) {
            return Ok(coll);
        }
        self.catalog.create_in_transaction(ns, RawDoc::EMPTY)?;
        transaction.note_made(ns)?;
        self.catalog.get(ns).ok_or_else(|| Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}")))
    }
}
