//! How an engine is opened.

use std::path::Path;

use smongo_storage::{EventSink, OpenOptions};

/// How an engine is opened. Start from [`EngineOptions::new`] or [`EngineOptions::in_memory`].
#[derive(Clone, Debug)]
pub struct EngineOptions {
    pub(super) storage: OpenOptions,
}

impl EngineOptions {
    /// An engine over the data directory at `path`, which is made when missing.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { storage: OpenOptions::new(path) }
    }

    /// An engine that keeps everything in memory and forgets it at the end.
    pub fn in_memory() -> Self {
        Self { storage: OpenOptions::in_memory() }
    }

    /// The size of the storage cache. Default: 256 MB.
    #[must_use]
    pub fn cache_size_bytes(mut self, bytes: u64) -> Self {
        self.storage = self.storage.cache_size_bytes(bytes);
        self
    }

    /// Where the storage engine's messages go. Default: nowhere.
    #[must_use]
    pub fn event_sink(mut self, sink: EventSink) -> Self {
        self.storage = self.storage.event_sink(sink);
        self
    }
}
