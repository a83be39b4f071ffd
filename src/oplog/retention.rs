//! How much of the past the log keeps.

use std::sync::atomic::{AtomicU64, Ordering};

use super::times::wall_floor;
use super::{Oplog, key_of, timestamp_of_key};
use crate::error::Result;

/// Entries removed in one transaction.
const PORTION: usize = 1000;

/// How much the log keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OplogLimits {
    /// About how many bytes it may take.
    pub bytes: u64,
    /// Entries younger than this stay whatever they take, in seconds.
    pub retention_s: u64,
}

impl Default for OplogLimits {
    /// MongoDB's least default size, 990 MB, and no retention by time.
    fn default() -> Self {
        Self { bytes: 990 << 20, retention_s: 0 }
    }
}

impl OplogLimits {
    /// MongoDB's size where everything is in memory, 50 MB.
    pub fn in_memory() -> Self {
        Self { bytes: 50 << 20, retention_s: 0 }
    }
}

/// About how many bytes the log takes. After an opening that is what its file takes.
#[derive(Debug)]
pub(super) struct Size(AtomicU64);

impl Size {
    pub fn new(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn remove(&self, bytes: usize) {
        // The number is an estimate and must not wrap.
        let less = |size: u64| Some(size.saturating_sub(bytes as u64));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

impl Oplog {
    /// About how many bytes the log takes.
    pub fn bytes(&self) -> u64 {
        self.size.0.load(Ordering::Relaxed)
    }

    /// Removes the oldest entries until the log is within its limits; gives how many went.
    pub fn keep_within(&self, limits: OplogLimits) -> Result<u64> {
        let young = wall_floor().saturating_sub(limits.retention_s << 32);
        let end = if limits.retention_s == 0 { u64::MAX } else { young };
        self.remove_oldest(end, || self.bytes() > limits.bytes)
    }

    /// Removes the entries before `time`; gives how many went.
    pub fn remove_before(&self, time: u64) -> Result<u64> {
        self.remove_oldest(time, || true)
    }

    /// Removes entries from the oldest on while `go_on` says so, up to `end`, to what a consumer needs, and to the last
    /// entry, which always stays.
    fn remove_oldest(&self, end: u64, go_on: impl Fn() -> bool) -> Result<u64> {
        let needed = self.consumers.oldest().map_or(u64::MAX, |read| read + 1);
        let end = end.min(needed).min(self.visible());
        let mut removed = 0;
        while go_on() {
            let portion = self.remove_portion(end, &go_on)?;
            if portion == 0 {
                break;
            }
            removed += portion;
        }
        Ok(removed)
    }

    fn remove_portion(&self, end: u64, go_on: &dyn Fn() -> bool) -> Result<u64> {
        let mut session = self.storage.session()?;
        let txn = session.begin()?;
        let mut cursor = txn.cursor(&self.table)?;
        let mut doomed = Vec::new();
        while doomed.len() < PORTION && cursor.next()? && timestamp_of_key(cursor.record_id()) < end {
            doomed.push((cursor.record_id(), cursor.value().len()));
        }
        let mut removed = 0;
        for (key, bytes) in doomed {
            if !go_on() {
                break;
            }
            cursor.remove(key_of(timestamp_of_key(key)))?;
            self.remove_images(&txn, key)?;
            self.size.remove(bytes);
            removed += 1;
        }
        drop(cursor);
        txn.commit()?;
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use smongo_storage::{Engine as Storage, OpenOptions};

    use super::*;
    use crate::oplog::Operations;

    #[test]
    fn the_oldest_go_but_never_what_a_consumer_needs() {
        let log = Oplog::open(Storage::open(&OpenOptions::in_memory()).unwrap()).unwrap();
        let mut times = vec![log.visible()];
        for _ in 0..5 {
            let mut operations = Operations::default();
            operations.noop("test");
            log.write_alone(&operations).unwrap();
            times.push(log.visible());
        }
        let consumer = log.consumer(times[2]);
        assert_eq!(log.remove_before(times[4]).unwrap(), 3);
        assert_eq!(log.oldest().unwrap(), Some(times[3]));
        consumer.advance(times[3]);
        assert_eq!(log.remove_before(u64::MAX).unwrap(), 1);
        drop(consumer);
        assert_eq!(log.keep_within(OplogLimits { bytes: 0, retention_s: 3600 }).unwrap(), 0);
        assert_eq!(log.keep_within(OplogLimits { bytes: 0, retention_s: 0 }).unwrap(), 1);
        assert_eq!(log.oldest().unwrap(), Some(times[5]));
    }
}
