//! What goes by itself: transactions that last too long, idle sessions, moments nobody reads, and the log's oldest
//! entries.
//!
//! A thread looks once a second. It holds the engine only while it works, and ends with it.

use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Engine;
use crate::request::wall_clock_millis;

/// How often the thread looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// How many looks pass between two removals of old session records.
const LOOKS_PER_REMOVAL: u32 = 60;

/// Ends the thread when it is dropped.
pub(super) struct Housekeeper {
    _alive: Sender<()>,
}

impl Housekeeper {
    /// Starts the thread for an engine.
    pub fn start(engine: Weak<Engine>) -> Self {
        let (alive, ended) = channel();
        // A machine that has no thread to spare goes on without.
        let _ = thread::Builder::new().name("housekeeping".into()).spawn(move || run(&engine, &ended));
        Self { _alive: alive }
    }
}

fn run(engine: &Weak<Engine>, ended: &Receiver<()>) {
    let mut looks = 0u32;
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
        let Some(engine) = engine.upgrade() else { return };
        looks = looks.wrapping_add(1);
        let now = Instant::now();
        engine.drop_made(&engine.sessions.expire(now));
        engine.snapshots.expire(now);
        // What could not be removed now is tried again.
        let _ = engine.oplog.keep_within(engine.oplog_limits);
        if looks.is_multiple_of(LOOKS_PER_REMOVAL) {
            let _ = engine.sessions.remove_old_records(wall_clock_millis());
        }
    }
}
