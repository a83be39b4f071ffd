//! Change streams: what the log of operations says, told as events.
//!
//! A stream reads the log from a moment on and picks what its [`scope`](Scope) sees. Each event carries a resume token
//! ([`token`]), a key that orders events as the log does and by which another stream can go on behind it. What an entry
//! says becomes an event in [`event`]; descriptions of updates are made in [`update`].
//!
//! Nothing here knows requests, cursors or the user's pipeline, which runs on events as on any documents.

mod event;
mod key_string;
mod progress;
mod reader;
mod scope;
mod token;
mod update;

use smongo_storage::Session;
use smongo_vm::value::{DocBuf, Value};

use crate::error::Result;
pub(crate) use progress::Progress;
pub(crate) use reader::{Next, Reader, StreamOptions};
pub(crate) use scope::Scope;
pub(crate) use token::{Token, fragment_token};

/// Documents as they are now, for events that come with them.
pub(crate) trait Documents: Send + Sync {
    /// The document with this `_id` in the collection with this UUID, as `session` sees it.
    fn find(&self, session: &Session, uuid: &[u8; 16], id: Value<'_>) -> Result<Option<DocBuf>>;
}
