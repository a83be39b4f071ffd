//! How an engine is opened.

use std::path::Path;

use smongo_storage::{EventSink, OpenOptions};

use crate::oplog::OplogLimits;

/// The least size of the storage cache that is chosen without being asked, in bytes. MongoDB: 256 MB.
const CACHE_MIN_BYTES: u64 = 256 << 20;

/// Memory that is left to others before the cache takes half of the rest, in bytes. MongoDB: 1 GB.
const MEMORY_FOR_OTHERS_BYTES: u64 = 1 << 30;

/// How long dropping a table waits for its users, in milliseconds; after that it goes with a later change.
const TABLE_WAIT_MS: u64 = 200;

/// How an engine is opened. Start from [`EngineOptions::new`] or [`EngineOptions::in_memory`].
#[derive(Clone, Debug)]
pub struct EngineOptions {
    pub(super) storage: OpenOptions,
    pub(super) oplog: OplogLimits,
}

impl EngineOptions {
    /// An engine over the data directory at `path`, which is made when missing.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { storage: OpenOptions::new(path).busy_wait_ms(TABLE_WAIT_MS), oplog: OplogLimits::default() }
            .cache_size_bytes(default_cache_bytes())
    }

    /// An engine that keeps everything in memory and forgets it at the end.
    pub fn in_memory() -> Self {
        Self { storage: OpenOptions::in_memory().busy_wait_ms(TABLE_WAIT_MS), oplog: OplogLimits::in_memory() }
            .cache_size_bytes(default_cache_bytes())
    }

    /// The most memory that the storage cache may take; it takes what it needs. Default: as MongoDB's, half of the
    /// machine's memory beyond 1 GB, at least 256 MB.
    #[must_use]
    pub fn cache_size_bytes(mut self, bytes: u64) -> Self {
        self.storage = self.storage.cache_size_bytes(bytes);
        self
    }

    /// About how many bytes the log of operations may take, and for how many seconds entries stay all the same. Default:
    /// MongoDB's least, 990 MB (50 MB in memory), and no time.
    #[must_use]
    pub fn oplog(mut self, bytes: u64, retention_s: u64) -> Self {
        self.oplog = OplogLimits { bytes, retention_s };
        self
    }

    /// Where the storage engine's messages go. Default: nowhere.
    #[must_use]
    pub fn event_sink(mut self, sink: EventSink) -> Self {
        self.storage = self.storage.event_sink(sink);
        self
    }
}

fn default_cache_bytes() -> u64 {
    let memory = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| memory_bytes(&text)).unwrap_or(0);
    (memory.saturating_sub(MEMORY_FOR_OTHERS_BYTES) / 2).max(CACHE_MIN_BYTES)
}

/// The machine's memory, from the text in which Linux describes it.
fn memory_bytes(meminfo: &str) -> Option<u64> {
    let kilobytes = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().strip_suffix("kB")?;
    Some(kilobytes.trim().parse::<u64>().ok()? << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_linux() {
        assert_eq!(memory_bytes("MemTotal:        2048 kB\nMemFree: 1 kB\n"), Some(2 << 20));
        assert_eq!(memory_bytes("nonsense"), None);
        assert!(default_cache_bytes() >= CACHE_MIN_BYTES);
    }
}
