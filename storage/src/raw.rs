//! Calls through WiredTiger's structures of function pointers, and the owners of the raw handles.

use crate::error::{Result, check};
use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};
use wiredtiger_sys as wt;

/// EINVAL: what a missing method answers. Methods of an open handle are never missing.
pub(crate) const MISSING_METHOD: c_int = 22;

/// `call!(handle, method, arguments…)` calls a method of a raw WiredTiger handle and gives its return code.
/// To be used in an `unsafe` block: the handle must be open and used by no other thread meanwhile.
macro_rules! call {
    ($handle:expr, $method:ident $(, $argument:expr)*) => {{
        let handle = $handle;
        match (*handle).$method {
            Some(method) => method(handle $(, $argument)*),
            None => crate::raw::MISSING_METHOD,
        }
    }};
}

/// An open WiredTiger session. Not closed on drop: whoever owns it knows whether the connection still lives.
#[derive(Debug)]
pub(crate) struct RawSession(NonNull<wt::WT_SESSION>);

// SAFETY: a WT_SESSION may be used from any thread, by one at a time; RawSession is neither Sync nor Clone.
unsafe impl Send for RawSession {}

impl RawSession {
    /// # Safety
    /// `conn` is open and stays open for as long as the session is used.
    pub(crate) unsafe fn open(conn: *mut wt::WT_CONNECTION) -> Result<RawSession> {
        let mut session = ptr::null_mut();
        // SAFETY: the caller vouches for `conn`; the out pointer is valid.
        check(unsafe { call!(conn, open_session, ptr::null_mut(), ptr::null(), &mut session) })?;
        NonNull::new(session).map(RawSession).ok_or_else(|| crate::Error::from_code(wt::WT_ERROR))
    }

    pub(crate) fn as_ptr(&self) -> *mut wt::WT_SESSION {
        self.0.as_ptr()
    }

    pub(crate) fn open_cursor(&self, uri: &CStr, config: Option<&CStr>) -> Result<NonNull<wt::WT_CURSOR>> {
        let mut cursor = ptr::null_mut();
        let config = config.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the session is open, the strings are C strings, the out pointer is valid.
        check(unsafe { call!(self.as_ptr(), open_cursor, uri.as_ptr(), ptr::null_mut(), config, &mut cursor) })?;
        NonNull::new(cursor).ok_or_else(|| crate::Error::from_code(wt::WT_ERROR))
    }

    pub(crate) fn create(&self, uri: &CStr, config: &CStr) -> Result<()> {
        // SAFETY: the session is open, the strings are C strings.
        check(unsafe { call!(self.as_ptr(), create, uri.as_ptr(), config.as_ptr()) })
    }

    /// Drops an object. Changes that are not yet in its file are discarded; without "force" WiredTiger would want them
    /// written first.
    pub(crate) fn drop_object(&self, uri: &CStr) -> Result<()> {
        // SAFETY: as above.
        check(unsafe { call!(self.as_ptr(), drop, uri.as_ptr(), c"force=true".as_ptr()) })
    }

    pub(crate) fn rename(&self, uri: &CStr, new_uri: &CStr) -> Result<()> {
        // SAFETY: as above.
        check(unsafe { call!(self.as_ptr(), rename, uri.as_ptr(), new_uri.as_ptr(), ptr::null()) })
    }

    pub(crate) fn verify(&self, uri: &CStr) -> Result<()> {
        // SAFETY: as above.
        check(unsafe { call!(self.as_ptr(), verify, uri.as_ptr(), ptr::null()) })
    }

    pub(crate) fn checkpoint(&self) -> Result<()> {
        // SAFETY: the session is open.
        check(unsafe { call!(self.as_ptr(), checkpoint, ptr::null()) })
    }

    /// Moves a table's blocks towards the start of its file; without a table, starts or stops doing so by itself.
    pub(crate) fn compact(&self, uri: Option<&CStr>, config: &CStr) -> Result<()> {
        let uri = uri.map_or(ptr::null(), CStr::as_ptr);
        // SAFETY: the session is open; the name is null or a C string, the setting is a C string.
        check(unsafe { call!(self.as_ptr(), compact, uri, config.as_ptr()) })
    }

    pub(crate) fn log_flush_sync(&self) -> Result<()> {
        // SAFETY: the session is open.
        check(unsafe { call!(self.as_ptr(), log_flush, c"sync=on".as_ptr()) })
    }

    /// Closes the session and with it all its cursors.
    ///
    /// # Safety
    /// The connection is open, and no cursor of the session is used afterwards.
    pub(crate) unsafe fn close(self) {
        // SAFETY: the session is open and used by nobody else. A failure leaves nothing to undo: the session is gone.
        let _ = unsafe { call!(self.as_ptr(), close, ptr::null()) };
    }
}

/// Closes a cursor.
///
/// # Safety
/// The cursor and its session are open, and the cursor is not used afterwards.
pub(crate) unsafe fn close_cursor(cursor: NonNull<wt::WT_CURSOR>) {
    // SAFETY: the caller vouches for the cursor. A failure leaves nothing to undo: the cursor is gone.
    let _ = unsafe { call!(cursor.as_ptr(), close) };
}
