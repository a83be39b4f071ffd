//! How databases and tables are opened.

use crate::event::EventSink;
use std::fmt;
use std::path::{Path, PathBuf};

/// How the blocks of a table are compressed. Both compressors write the format of WiredTiger's own extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Blocks are stored as they are.
    None,
    /// Fast, moderate.
    #[default]
    Snappy,
    /// Slower, smaller.
    Zstd,
}

impl Compression {
    pub(crate) fn config_name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Snappy => "snappy",
            Compression::Zstd => "zstd",
        }
    }
}

/// What a committed transaction survives. [`Session::sync_log`](crate::Session::sync_log) makes everything committed
/// so far survive a crash of the machine, whatever the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommitMode {
    /// A commit leaves its log record in the process; a crash of the process may lose the last few.
    Buffer,
    /// A commit hands its log record to the operating system: it survives the end of the process.
    #[default]
    Write,
    /// A commit waits until its log record is on the storage device.
    Sync,
}

/// How a database is opened. Start from [`OpenOptions::new`] or [`OpenOptions::in_memory`].
#[derive(Clone)]
pub struct OpenOptions {
    pub(crate) path: Option<PathBuf>,
    pub(crate) create: bool,
    pub(crate) cache_size_bytes: u64,
    pub(crate) commit_mode: CommitMode,
    pub(crate) log_sync_interval_ms: u64,
    pub(crate) checkpoint_interval_s: u32,
    pub(crate) checkpoint_log_size_bytes: u64,
    pub(crate) sessions_max: u32,
    pub(crate) busy_wait_ms: u64,
    pub(crate) event_sink: Option<EventSink>,
}

impl OpenOptions {
    /// A database in the folder `path`, created if there is none.
    pub fn new(path: impl AsRef<Path>) -> OpenOptions {
        OpenOptions { path: Some(path.as_ref().to_path_buf()), ..OpenOptions::in_memory() }
    }

    /// A database that lives in this process's memory and ends with the engine.
    pub fn in_memory() -> OpenOptions {
        OpenOptions {
            path: None,
            create: true,
            cache_size_bytes: 256 << 20,
            commit_mode: CommitMode::default(),
            log_sync_interval_ms: 100,
            checkpoint_interval_s: 60,
            checkpoint_log_size_bytes: 1 << 30,
            sessions_max: 2000,
            busy_wait_ms: 3000,
            event_sink: None,
        }
    }

    /// Whether a missing database is created. Default: yes.
    pub fn create(mut self, create: bool) -> OpenOptions {
        self.create = create;
        self
    }

    /// The size of the cache; at least 1 MB. Default: 256 MB.
    pub fn cache_size_bytes(mut self, bytes: u64) -> OpenOptions {
        self.cache_size_bytes = bytes.max(1 << 20);
        self
    }

    /// What a commit waits for. Default: [`CommitMode::Write`].
    pub fn commit_mode(mut self, mode: CommitMode) -> OpenOptions {
        self.commit_mode = mode;
        self
    }

    /// How long a commit may stay off the storage device before a background thread syncs the log. Default: 100.
    pub fn log_sync_interval_ms(mut self, interval_ms: u64) -> OpenOptions {
        self.log_sync_interval_ms = interval_ms.max(1);
        self
    }

    /// The longest time between two checkpoints; 0 turns automatic checkpoints off. Default: 60.
    pub fn checkpoint_interval_s(mut self, interval_s: u32) -> OpenOptions {
        self.checkpoint_interval_s = interval_s;
        self
    }

    /// The most sessions open at once. Default: 2000.
    pub fn sessions_max(mut self, sessions: u32) -> OpenOptions {
        self.sessions_max = sessions.max(10);
        self
    }

    /// How long dropping or renaming a table waits for its users before it is [`Busy`](crate::Error::Busy).
    /// Default: 3000.
    pub fn busy_wait_ms(mut self, wait_ms: u64) -> OpenOptions {
        self.busy_wait_ms = wait_ms;
        self
    }

    /// Where WiredTiger's messages go. Default: nowhere.
    pub fn event_sink(mut self, sink: EventSink) -> OpenOptions {
        self.event_sink = Some(sink);
        self
    }
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpenOptions")
            .field("path", &self.path)
            .field("create", &self.create)
            .field("cache_size_bytes", &self.cache_size_bytes)
            .field("commit_mode", &self.commit_mode)
            .finish_non_exhaustive()
    }
}

/// The keys of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// Byte strings in `memcmp` order.
    Bytes,
    /// Signed 64-bit numbers in numeric order.
    RecordId,
}

impl KeyFormat {
    pub(crate) fn config_name(self) -> &'static str {
        match self {
            KeyFormat::Bytes => "u",
            KeyFormat::RecordId => "q",
        }
    }
}

/// How a table is created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableOptions {
    /// The table's keys.
    pub key: KeyFormat,
    /// How blocks are compressed. Default: snappy.
    pub compression: Compression,
    /// Whether neighbouring keys share their common prefix on disk. Suits indexes. Default: no.
    pub prefix_compression: bool,
    /// The size of a leaf page before compression. Default: 32 KB.
    pub leaf_page_bytes: u32,
    /// Whether changes are logged, that is, survive a crash without a checkpoint. Default: yes.
    pub logged: bool,
}

impl TableOptions {
    /// A logged table with snappy compression and 32 KB pages.
    pub fn new(key: KeyFormat) -> TableOptions {
        TableOptions {
            key,
            compression: Compression::default(),
            prefix_compression: false,
            leaf_page_bytes: 32 << 10,
            logged: true,
        }
    }

    /// The same with another compression.
    pub fn compression(mut self, compression: Compression) -> TableOptions {
        self.compression = compression;
        self
    }

    /// The same with or without key prefix compression.
    pub fn prefix_compression(mut self, on: bool) -> TableOptions {
        self.prefix_compression = on;
        self
    }
}

/// What a transaction sees of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Isolation {
    /// The state at its beginning, and its own writes.
    #[default]
    Snapshot,
    /// Whatever is committed when it reads, and its own writes. Such a transaction cannot write.
    ReadCommitted,
}
