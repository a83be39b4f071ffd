//! What can go wrong in storage, by cause. Callers match on the variant, never on the text.

use std::cell::RefCell;
use std::ffi::{CStr, c_int};
use std::io;
use wiredtiger_sys as wt;

/// The result of a storage operation.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed storage operation, by cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An insert found the key already there. The transaction can go on.
    #[error("duplicate key")]
    DuplicateKey,
    /// Another transaction wrote the same key first. The transaction must be rolled back; it may then be retried.
    #[error("write conflict with another transaction")]
    WriteConflict,
    /// The cache cannot hold the transaction's changes. The transaction must be rolled back.
    #[error("the storage cache is full")]
    CacheFull,
    /// There is no such table or database.
    #[error("not found: {0}")]
    NotFound(String),
    /// There is such a table already.
    #[error("already exists: {0}")]
    Exists(String),
    /// Someone else uses the database, the table or the session.
    #[error("busy: {0}")]
    Busy(String),
    /// The operating system refused to read or write.
    #[error("input/output: {0}")]
    Io(String),
    /// The files are damaged.
    #[error("corrupt data: {0}")]
    Corrupt(String),
    /// WiredTiger met an error from which only reopening the database recovers.
    #[error("storage engine panic: {0}")]
    Panic(String),
    /// The call makes no sense: a wrong key type, a write outside a transaction, a closed engine.
    #[error("invalid argument: {0}")]
    InvalidArgument(String),
    /// The operation is not available here.
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// Anything else, with WiredTiger's number.
    #[error("storage error {code}: {message}")]
    Other {
        /// WiredTiger's error number.
        code: i32,
        /// WiredTiger's description.
        message: String,
    },
}

impl Error {
    /// True if rolling the transaction back and running it again may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Error::WriteConflict | Error::CacheFull)
    }

    /// True if the transaction in which the error happened can only be rolled back.
    pub(crate) fn dooms_transaction(&self) -> bool {
        !matches!(self, Error::DuplicateKey | Error::InvalidArgument(_) | Error::NotFound(_))
    }

    /// The error for a nonzero code, with the message that WiredTiger reported for it on this thread, if any.
    #[cold]
    pub(crate) fn from_code(code: c_int) -> Error {
        let message = take_message(code);
        match code {
            wt::WT_DUPLICATE_KEY => return Error::DuplicateKey,
            wt::WT_ROLLBACK | wt::WT_PREPARE_CONFLICT => return Error::WriteConflict,
            wt::WT_CACHE_FULL => return Error::CacheFull,
            _ => {}
        }
        let message = message.unwrap_or_else(|| describe(code));
        match code {
            wt::WT_NOTFOUND => Error::NotFound(message),
            wt::WT_PANIC => Error::Panic(message),
            wt::WT_TRY_SALVAGE => Error::Corrupt(message),
            code if code > 0 => match io::Error::from_raw_os_error(code).kind() {
                io::ErrorKind::ResourceBusy => Error::Busy(message),
                io::ErrorKind::InvalidInput => Error::InvalidArgument(message),
                io::ErrorKind::NotFound => Error::NotFound(message),
                io::ErrorKind::AlreadyExists => Error::Exists(message),
                io::ErrorKind::Unsupported => Error::Unsupported(message),
                _ => Error::Io(message),
            },
            code => Error::Other { code, message },
        }
    }

    pub(crate) fn io(context: &str, error: &io::Error) -> Error {
        Error::Io(format!("{context}: {error}"))
    }
}

/// Turns a WiredTiger return code into a result.
#[inline]
pub(crate) fn check(code: c_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Error::from_code(code)) }
}

/// Like [`check`], where "not found" is an ordinary answer: false.
#[inline]
pub(crate) fn check_found(code: c_int) -> Result<bool> {
    match code {
        0 => Ok(true),
        wt::WT_NOTFOUND => Ok(false),
        code => Err(Error::from_code(code)),
    }
}

thread_local! {
    /// WiredTiger reports a message through the event handler just before it returns the code.
    static LAST_MESSAGE: RefCell<Option<(c_int, String)>> = const { RefCell::new(None) };
}

pub(crate) fn remember_message(code: c_int, message: &str) {
    // A thread that is shutting down has no storage left for the message; then the error goes without it.
    let _ = LAST_MESSAGE.try_with(|last| *last.borrow_mut() = Some((code, message.to_string())));
}

fn take_message(code: c_int) -> Option<String> {
    let last = LAST_MESSAGE.try_with(RefCell::take).ok().flatten();
    last.filter(|(reported, _)| *reported == code).map(|(_, message)| message)
}

fn describe(code: c_int) -> String {
    // SAFETY: wiredtiger_strerror accepts any number and returns a C string that stays valid on this thread until the
    // next call; it is copied at once.
    unsafe { CStr::from_ptr(wt::wiredtiger_strerror(code)) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_map_to_causes() {
        assert_eq!(Error::from_code(wt::WT_ROLLBACK), Error::WriteConflict);
        assert_eq!(Error::from_code(wt::WT_DUPLICATE_KEY), Error::DuplicateKey);
        assert_eq!(Error::from_code(wt::WT_CACHE_FULL), Error::CacheFull);
        assert!(matches!(Error::from_code(wt::WT_PANIC), Error::Panic(_)));
        assert!(matches!(Error::from_code(wt::WT_TRY_SALVAGE), Error::Corrupt(_)));
        for (errno, expected) in
            [(16, "busy"), (22, "invalid argument"), (2, "not found"), (28, "input/output"), (17, "already")]
        {
            assert!(Error::from_code(errno).to_string().starts_with(expected), "{errno}");
        }
    }

    #[test]
    fn a_message_belongs_to_its_code_only() {
        remember_message(16, "the reason");
        assert_eq!(Error::from_code(16), Error::Busy("the reason".to_string()));
        remember_message(16, "the reason");
        assert!(!Error::from_code(22).to_string().contains("the reason"));
    }
}
