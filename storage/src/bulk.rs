//! Filling an empty table in key order.

use crate::cursor::{Key, set_key, set_value};
use crate::engine::Engine;
use crate::error::{Error, Result, check};
use crate::raw::close_cursor;
use crate::session::Session;
use crate::table::Table;
use std::fmt;
use std::ptr::NonNull;
use wiredtiger_sys as wt;

/// Fills an empty table, see [`Engine::bulk_load`]. Dropped before [`BulkLoader::finish`], it leaves the records written
/// so far; the table is then best dropped.
pub struct BulkLoader {
    engine: Engine,
    /// Owns `raw`, which is closed first.
    _session: Session,
    table: Table,
    /// `None` once it is closed.
    raw: Option<NonNull<wt::WT_CURSOR>>,
}

// SAFETY: the cursor belongs to the session, which may move between threads, and moves with it.
unsafe impl Send for BulkLoader {}

impl BulkLoader {
    pub(crate) fn open_cursor(session: &Session, table: &Table) -> Result<NonNull<wt::WT_CURSOR>> {
        session.inner().close_cached(|cached| cached == table);
        session.inner().raw().open_cursor(table.uri(), Some(c"bulk=true"))
    }

    pub(crate) fn new(engine: Engine, session: Session, table: Table, raw: NonNull<wt::WT_CURSOR>) -> BulkLoader {
        BulkLoader { engine, _session: session, table, raw: Some(raw) }
    }

    /// Appends a record. Its key must be greater than the one before.
    pub fn append<'k>(&mut self, key: impl Into<Key<'k>>, value: &[u8]) -> Result<()> {
        let Some(raw) = self.raw.map(NonNull::as_ptr) else {
            return Err(Error::InvalidArgument("the bulk load is finished".to_string()));
        };
        // SAFETY: the cursor is open on the table, and the bytes live until the end of this method.
        let code = unsafe {
            set_key(raw, &self.table, key.into())?;
            set_value(raw, value)?;
            call!(raw, insert)
        };
        check(code)
    }

    /// Ends the load and takes a checkpoint, because bulk loads are not logged: afterwards the records survive a crash.
    pub fn finish(mut self) -> Result<()> {
        if let Some(raw) = self.raw.take() {
            // SAFETY: the cursor is open and not used again.
            check(unsafe { call!(raw.as_ptr(), close) })?;
        }
        self.engine.checkpoint()
    }
}

impl Drop for BulkLoader {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            // SAFETY: the cursor is open and not used again; its session is still there.
            unsafe { close_cursor(raw) };
        }
    }
}

impl fmt::Debug for BulkLoader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BulkLoader").field("table", &self.table.name()).finish_non_exhaustive()
    }
}
