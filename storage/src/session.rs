//! Sessions, lent from the engine's pool, and the cursors each keeps open between uses. Opening a WiredTiger session or
//! cursor costs more than a search with one.

use crate::cursor::Cursor;
use crate::engine::Inner as EngineInner;
use crate::error::{Error, Result, check};
use crate::options::Isolation;
use crate::raw::{RawSession, close_cursor};
use crate::table::{Table, TableState};
use crate::txn::Txn;
use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_int};
use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wiredtiger_sys as wt;

/// The most cursors a session keeps open while they are not in use.
const CACHED_CURSORS_MAX: usize = 64;

/// How a cursor's inserts treat a key that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CursorMode {
    /// They fail.
    Strict,
    /// They replace the value.
    Overwrite,
}

impl CursorMode {
    fn config(self) -> Option<&'static CStr> {
        match self {
            CursorMode::Strict => Some(c"overwrite=false"),
            CursorMode::Overwrite => None,
        }
    }
}

/// A cursor that is open but not in use; reset, so that it holds no page.
struct CachedCursor {
    table: Table,
    mode: CursorMode,
    raw: NonNull<wt::WT_CURSOR>,
}

/// A session that lives on in the pool when it is not lent.
pub(crate) struct Inner {
    raw: RawSession,
    /// The most recently used last.
    cached: RefCell<Vec<CachedCursor>>,
    in_txn: Cell<bool>,
    /// The transaction wrote something.
    wrote: Cell<bool>,
    /// An operation failed in a way after which the transaction can only be rolled back.
    doomed: RefCell<Option<Error>>,
    /// The engine's table-change number when this session last looked for cursors to give up.
    seen_change: Cell<u64>,
}

// SAFETY: the cached cursors belong to `raw`, which may move between threads, and they move with it.
unsafe impl Send for Inner {}

impl Inner {
    pub(crate) fn new(raw: RawSession) -> Inner {
        Inner {
            raw,
            cached: RefCell::default(),
            in_txn: Cell::new(false),
            wrote: Cell::new(false),
            doomed: RefCell::new(None),
            seen_change: Cell::new(0),
        }
    }

    pub(crate) fn raw(&self) -> &RawSession {
        &self.raw
    }

    /// Takes a cached cursor or opens one.
    pub(crate) fn take_cursor(&self, table: &Table, mode: CursorMode) -> Result<(Table, NonNull<wt::WT_CURSOR>)> {
        let mut cached = self.cached.borrow_mut();
        if let Some(at) = cached.iter().rposition(|cursor| cursor.table == *table && cursor.mode == mode) {
            let cursor = cached.swap_remove(at);
            return Ok((cursor.table, cursor.raw));
        }
        drop(cached);
        Ok((table.clone(), self.raw.open_cursor(table.uri(), mode.config())?))
    }

    /// Takes a cursor back: keeps it if it may be wanted again, else closes it.
    ///
    /// # Safety
    /// The cursor came from `take_cursor` of this session with this table and mode, and is not used afterwards.
    pub(crate) unsafe fn return_cursor(&self, table: Table, mode: CursorMode, raw: NonNull<wt::WT_CURSOR>) {
        // SAFETY: the caller vouches for the cursor.
        let reset = unsafe { call!(raw.as_ptr(), reset) };
        if reset != 0 || table.state() != TableState::Live {
            // SAFETY: as above.
            return unsafe { close_cursor(raw) };
        }
        let mut cached = self.cached.borrow_mut();
        if cached.len() >= CACHED_CURSORS_MAX {
            let oldest = cached.remove(0);
            // SAFETY: a cached cursor is used by nobody.
            unsafe { close_cursor(oldest.raw) };
        }
        cached.push(CachedCursor { table, mode, raw });
    }

    /// Closes the cached cursors for which `unwanted` holds.
    pub(crate) fn close_cached(&self, unwanted: impl Fn(&Table) -> bool) {
        self.cached.borrow_mut().retain(|cursor| {
            let close = unwanted(&cursor.table);
            if close {
                // SAFETY: a cached cursor is used by nobody.
                unsafe { close_cursor(cursor.raw) };
            }
            !close
        });
    }

    /// Gives up the cached cursors of tables that are being or have been dropped, if there was such a change.
    fn follow_table_changes(&self, engine: &EngineInner) {
        let change = engine.table_change.load(Ordering::Acquire);
        if self.seen_change.get() != change {
            self.seen_change.set(change);
            self.close_cached(|table| table.state() != TableState::Live);
        }
    }

    /// Notes that the transaction is about to write; an error if there is none.
    pub(crate) fn note_write(&self) -> Result<()> {
        if !self.in_txn.get() {
            return Err(Error::InvalidArgument("a write outside a transaction".to_string()));
        }
        self.wrote.set(true);
        Ok(())
    }

    /// The error for a failed operation; remembers if it dooms the transaction.
    #[cold]
    pub(crate) fn error(&self, code: c_int) -> Error {
        let mut error = Error::from_code(code);
        if error == Error::WriteConflict && self.rolled_back_for_cache() {
            error = Error::CacheFull;
        }
        if self.in_txn.get() && error.dooms_transaction() {
            *self.doomed.borrow_mut() = Some(error.clone());
        }
        error
    }

    /// WiredTiger rolls transactions back for conflicts and to free its cache, with the same code.
    fn rolled_back_for_cache(&self) -> bool {
        // SAFETY: the session is open; the answer is null or a C string that lives as long as the program.
        let reason = unsafe {
            match (*self.raw.as_ptr()).get_rollback_reason {
                Some(method) => method(self.raw.as_ptr()),
                None => ptr::null(),
            }
        };
        if reason.is_null() {
            return false;
        }
        // SAFETY: not null, see above.
        let reason = unsafe { CStr::from_ptr(reason) }.to_bytes();
        !reason.starts_with(b"conflict")
    }

    pub(crate) fn begin(&self, isolation: Isolation) -> Result<()> {
        if self.in_txn.get() {
            return Err(Error::InvalidArgument("the session is in a transaction".to_string()));
        }
        let config = match isolation {
            Isolation::Snapshot => ptr::null(),
            Isolation::ReadCommitted => c"isolation=read-committed".as_ptr(),
        };
        // SAFETY: the session is open, the setting is null or a C string.
        check(unsafe { call!(self.raw.as_ptr(), begin_transaction, config) })?;
        self.in_txn.set(true);
        self.wrote.set(false);
        Ok(())
    }

    /// Commits; true if the transaction wrote something. After an error it is rolled back.
    pub(crate) fn commit(&self) -> Result<bool> {
        if let Some(error) = self.doomed.take() {
            self.rollback();
            return Err(error);
        }
        self.in_txn.set(false);
        // SAFETY: the session is open. Whatever the outcome, the transaction is over.
        match unsafe { call!(self.raw.as_ptr(), commit_transaction, ptr::null()) } {
            0 => Ok(self.wrote.get()),
            code => Err(self.error(code)),
        }
    }

    pub(crate) fn rollback(&self) {
        self.in_txn.set(false);
        self.doomed.take();
        // SAFETY: the session is open. A failure means that the connection has panicked, which every later call reports.
        let _ = unsafe { call!(self.raw.as_ptr(), rollback_transaction, ptr::null()) };
    }

    /// Makes the session fit for its next user.
    fn tidy(&self, engine: &EngineInner) {
        if self.in_txn.get() {
            self.rollback();
        }
        self.follow_table_changes(engine);
    }

    /// # Safety
    /// The connection is open.
    pub(crate) unsafe fn close(self) {
        // SAFETY: the caller vouches for the connection; closing the session closes the cached cursors.
        unsafe { self.raw.close() };
    }
}

/// One thread's context for reading and writing, lent by [`Engine::session`](crate::Engine::session) and returned when
/// dropped. May move to another thread, not be shared.
pub struct Session {
    /// `None` only while it is being dropped.
    inner: Option<Inner>,
    engine: Arc<EngineInner>,
}

impl Session {
    pub(crate) fn new(inner: Inner, engine: Arc<EngineInner>) -> Session {
        Session { inner: Some(inner), engine }
    }

    #[inline]
    pub(crate) fn inner(&self) -> &Inner {
        self.inner.as_ref().expect("only drop takes the session away")
    }

    pub(crate) fn engine(&self) -> &Arc<EngineInner> {
        &self.engine
    }

    /// A cursor on a table, standing nowhere. Outside a transaction it reads what is committed and cannot write.
    pub fn cursor(&self, table: &Table) -> Result<Cursor<'_>> {
        let inner = self.inner();
        inner.follow_table_changes(&self.engine);
        table.check_live()?;
        Cursor::open(inner, table)
    }

    /// Begins a transaction with snapshot isolation.
    pub fn begin(&mut self) -> Result<Txn<&mut Session>> {
        Txn::begin(self, Isolation::Snapshot)
    }

    /// Begins a transaction.
    pub fn begin_with(&mut self, isolation: Isolation) -> Result<Txn<&mut Session>> {
        Txn::begin(self, isolation)
    }

    /// Begins a transaction that owns the session: for transactions that outlive a call.
    pub fn into_txn(self, isolation: Isolation) -> Result<Txn<Session>> {
        Txn::begin(self, isolation)
    }

    /// True inside a transaction.
    pub fn in_txn(&self) -> bool {
        self.inner().in_txn.get()
    }

    /// Returns when everything committed before the call is on the storage device. Threads that wait share one sync.
    pub fn sync_log(&self) -> Result<()> {
        self.engine.sync_log()
    }

    /// Closes the cursors kept for later use, so that they do not stand in the way of dropping a table. Worth doing
    /// before a session rests for long without being returned.
    pub fn release_cursors(&self) {
        self.inner().close_cached(|_| true);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take() {
            inner.tidy(&self.engine);
            self.engine.return_session(inner);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("in_txn", &self.in_txn()).finish_non_exhaustive()
    }
}
