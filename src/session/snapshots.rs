//! Moments that clients may go on reading: storage snapshots, each with the cluster time of which it is.

use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use smongo_storage::{Engine as Storage, Isolation, Session, Txn};
use smongo_vm::Code;

use crate::error::{Error, Result};
use crate::oplog::Oplog;

/// How long a moment stays readable after its last use. MongoDB: `minSnapshotHistoryWindowInSeconds`, 300.
const WINDOW: Duration = Duration::from_secs(300);

/// The most moments kept. Each keeps storage from forgetting what it sees.
const SNAPSHOTS_MAX: usize = 32;

/// A moment.
pub(crate) struct PinnedSnapshot {
    time: u64,
    txn: Mutex<Txn<Session>>,
    used: Mutex<Instant>,
}

/// The moments kept, in order of time.
#[derive(Default)]
pub(crate) struct Snapshots(Mutex<Vec<Arc<PinnedSnapshot>>>);

impl PinnedSnapshot {
    /// The cluster time of the moment.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The right to read.
    pub(super) fn read(&self) -> Reading<'_> {
        *self.used.lock() = Instant::now();
        Reading { txn: self.txn.lock(), time: self.time }
    }
}

/// The right to read at a moment. Cursors are given up at its end: a moment that rests must not keep tables from being
/// dropped.
pub(crate) struct Reading<'s> {
    txn: MutexGuard<'s, Txn<Session>>,
    time: u64,
}

impl Reading<'_> {
    /// The cluster time of the moment.
    pub fn time(&self) -> u64 {
        self.time
    }
}

impl Deref for Reading<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.txn
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.txn.release_cursors();
    }
}

impl Snapshots {
    /// The moment at `time`, or the present one.
    pub fn at(&self, storage: &Storage, oplog: &Oplog, time: Option<u64>) -> Result<Arc<PinnedSnapshot>> {
        let mut kept = self.0.lock();
        let latest = oplog.now();
        let wanted = time.unwrap_or(latest);
        if wanted > latest {
            return Err(Error::new(
                Code::INVALID_OPTIONS,
                format!(
                    "readConcern atClusterTime value must not be greater than the current clusterTime. Requested \
                     clusterTime: {}; current clusterTime: {}",
                    text(wanted),
                    text(latest)
                ),
            ));
        }
        // A moment holds until the next write.
        if let Some(before) = kept.iter().rev().find(|snapshot| snapshot.time <= wanted)
            && oplog.first_after(before.time)?.is_none_or(|next| next > wanted)
        {
            return Ok(Arc::clone(before));
        }
        let snapshot = Arc::new(take(storage, oplog)?);
        if let Some(time) = time
            && oplog.first_after(time)?.is_some_and(|next| next <= snapshot.time)
        {
            return Err(Error::new(
                Code::SNAPSHOT_TOO_OLD,
                format!("Read timestamp {} is older than the oldest available timestamp.", text(time)),
            ));
        }
        if kept.len() >= SNAPSHOTS_MAX {
            kept.remove(0);
        }
        kept.push(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// Gives up moments that have not been used for long.
    pub fn expire(&self, now: Instant) {
        self.0.lock().retain(|snapshot| now.saturating_duration_since(*snapshot.used.lock()) < WINDOW);
    }

    /// Gives up all moments.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}

/// Takes the present moment, while nothing is being committed.
fn take(storage: &Storage, oplog: &Oplog) -> Result<PinnedSnapshot> {
    let session = storage.session()?;
    oplog.at_rest(|time| {
        let txn = Mutex::new(session.into_txn(Isolation::Snapshot)?);
        Ok(PinnedSnapshot { time, txn, used: Mutex::new(Instant::now()) })
    })
}

fn text(time: u64) -> String {
    format!("Timestamp({}, {})", time >> 32, time & u64::from(u32::MAX))
}

impl std::fmt::Debug for PinnedSnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PinnedSnapshot").field("time", &self.time).finish_non_exhaustive()
    }
}
