//! smongo's storage: ordered tables of bytes with cursors and transactions, on WiredTiger.
//!
//! This crate must not know of documents, queries or MongoDB's error codes. A table maps keys to byte strings; keys are
//! byte strings in `memcmp` order or [record ids](KeyFormat::RecordId), signed 64-bit numbers in numeric order. What
//! lies on disk is described in `FORMAT.md`. All `unsafe` code of storage is in this crate, and none of it shows.
//!
//! | type | what it is |
//! |---|---|
//! | [`Engine`] | an open database; shared by all threads |
//! | [`Session`] | one thread's context, lent from a pool |
//! | [`Table`] | a handle to a table, made by [`Engine::create_table`] or [`Engine::table`] |
//! | [`Cursor`] | a position in a table; lends the value it stands on |
//! | [`Txn`] | a transaction; rolls back when dropped |
//!
//! Writes happen only inside a transaction. Values are lent, not copied, until the cursor moves; a transaction cannot
//! be committed while one of its cursors lives. The compiler checks both.
//!
//! ```
//! use smongo_storage::{Engine, KeyFormat, OpenOptions, TableOptions};
//! # fn main() -> smongo_storage::Result<()> {
//! let engine = Engine::open(&OpenOptions::in_memory())?;
//! let table = engine.create_table("people", &TableOptions::new(KeyFormat::RecordId))?;
//!
//! let mut session = engine.session()?;
//! let txn = session.begin()?;
//! txn.cursor(&table)?.insert(1, b"Ada")?;
//! txn.cursor(&table)?.insert(2, b"Grace")?;
//! txn.commit()?;
//!
//! let mut cursor = session.cursor(&table)?;
//! assert!(cursor.search(2)?);
//! assert_eq!(cursor.value(), b"Grace");
//! # Ok(())
//! # }
//! ```

#[macro_use]
mod raw;

mod backup;
mod bulk;
mod checkpoint;
mod compact;
mod compress;
mod cursor;
mod engine;
mod error;
mod event;
mod log;
mod options;
mod owner;
mod session;
mod stats;
mod table;
mod txn;

pub use backup::Backup;
pub use bulk::BulkLoader;
pub use compact::AutoCompact;
pub use cursor::{Cursor, Key};
pub use engine::Engine;
pub use error::{Error, Result};
pub use event::{Event, EventSink, Severity};
pub use options::{CommitMode, Compression, Isolation, KeyFormat, OpenOptions, TableOptions};
pub use session::Session;
pub use stats::{EngineStats, TableStats};
pub use table::Table;
pub use txn::Txn;
