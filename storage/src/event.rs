//! WiredTiger's messages: remembered for the error they belong to and handed to the program, never printed.

use crate::error::remember_message;
use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use wiredtiger_sys as wt;

/// How serious an [`Event`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Something failed; the call that failed also returns an error, if a call was the cause.
    Error,
    /// News, such as the progress of recovery.
    Message,
}

/// Something WiredTiger has to say.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// How serious it is.
    pub severity: Severity,
    /// WiredTiger's error number; 0 for a message.
    pub code: i32,
    /// The text.
    pub text: &'a str,
}

/// Receives events, from any thread. It must not call storage.
pub type EventSink = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// What WiredTiger sees as its event handler; our data follows the part it knows.
#[repr(C)]
pub(crate) struct EventHandler {
    base: wt::WT_EVENT_HANDLER,
    sink: Option<EventSink>,
}

impl EventHandler {
    pub(crate) fn new(sink: Option<EventSink>) -> Box<EventHandler> {
        let base = wt::WT_EVENT_HANDLER {
            handle_error: Some(handle_error),
            handle_message: Some(handle_message),
            handle_progress: None,
            handle_close: None,
            handle_general: None,
        };
        Box::new(EventHandler { base, sink })
    }

    fn emit(&self, event: Event<'_>) {
        if let Some(sink) = &self.sink {
            // A panic must not unwind into C. The program's own panic hook has reported it.
            let _ = catch_unwind(AssertUnwindSafe(|| sink(event)));
        }
    }
}

unsafe extern "C" fn handle_error(
    handler: *mut wt::WT_EVENT_HANDLER,
    _session: *mut wt::WT_SESSION,
    code: c_int,
    message: *const c_char,
) -> c_int {
    // SAFETY: WiredTiger passes the handler given to wiredtiger_open, which is the first member of an EventHandler that
    // outlives the connection, and a valid C string.
    let (handler, text) = unsafe { (&*handler.cast::<EventHandler>(), text(message)) };
    remember_message(code, &text);
    handler.emit(Event { severity: Severity::Error, code, text: &text });
    0
}

unsafe extern "C" fn handle_message(
    handler: *mut wt::WT_EVENT_HANDLER,
    _session: *mut wt::WT_SESSION,
    message: *const c_char,
) -> c_int {
    // SAFETY: as in handle_error.
    let (handler, text) = unsafe { (&*handler.cast::<EventHandler>(), text(message)) };
    handler.emit(Event { severity: Severity::Message, code: 0, text: &text });
    0
}

/// # Safety
/// `message` is null or a C string that stays valid during `'a`.
unsafe fn text<'a>(message: *const c_char) -> std::borrow::Cow<'a, str> {
    if ptr::eq(message, ptr::null()) {
        return "".into();
    }
    // SAFETY: not null, and the caller vouches for the rest.
    unsafe { CStr::from_ptr(message) }.to_string_lossy()
}
