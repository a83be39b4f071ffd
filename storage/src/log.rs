//! Making commits durable: one fsync for all who wait, and a thread that sees to it that no commit waits for long.

use crate::error::{Error, Result};
use crate::raw::RawSession;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Syncs the log on behalf of many threads.
#[derive(Debug)]
pub(crate) struct LogSync {
    state: Mutex<SyncState>,
    /// Told whenever a sync ends.
    sync_ended: Condvar,
    /// Set by commits, cleared by the flusher.
    unsynced: AtomicBool,
    stopped: Mutex<bool>,
    /// Told when the flusher is to end.
    stop: Condvar,
}

#[derive(Debug)]
struct SyncState {
    /// Away while a sync runs; gone for good once the engine is closed.
    session: Option<RawSession>,
    running: bool,
    /// Syncs are numbered from 1 in the order in which they start.
    started: u64,
    ended: u64,
    /// The last sync that failed, and why.
    failed: Option<(u64, Error)>,
}

impl LogSync {
    pub(crate) fn new(session: RawSession) -> LogSync {
        let state = SyncState { session: Some(session), running: false, started: 0, ended: 0, failed: None };
        LogSync {
            state: Mutex::new(state),
            sync_ended: Condvar::new(),
            unsynced: AtomicBool::new(false),
            stopped: Mutex::new(false),
            stop: Condvar::new(),
        }
    }

    /// Notes that there is a commit which is not on the storage device.
    #[inline]
    pub(crate) fn mark_unsynced(&self) {
        // Most commits find the flag set; reading first keeps its cache line shared.
        if !self.unsynced.load(Ordering::Relaxed) {
            self.unsynced.store(true, Ordering::Release);
        }
    }

    /// Returns when everything committed before the call is on the storage device. Whoever comes first syncs; those who
    /// come while a sync runs wait for the next one, which one of them does for all.
    pub(crate) fn sync(&self) -> Result<()> {
        let mut state = self.state.lock();
        let mine = state.started + 1;
        while state.ended < mine {
            if state.running {
                self.sync_ended.wait(&mut state);
                continue;
            }
            let Some(session) = state.session.take() else {
                return Err(Error::InvalidArgument("the engine is closed".to_string()));
            };
            state.running = true;
            state.started += 1;
            let number = state.started;
            drop(state);

            self.unsynced.store(false, Ordering::Release);
            let result = session.log_flush_sync();

            state = self.state.lock();
            state.session = Some(session);
            state.running = false;
            state.ended = number;
            if let Err(error) = result {
                state.failed = Some((number, error));
            }
            self.sync_ended.notify_all();
        }
        match &state.failed {
            Some((number, error)) if *number >= mine => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Starts the thread that syncs at least every `interval` while there are commits.
    pub(crate) fn start_flusher(self: &Arc<Self>, interval: Duration) -> Result<JoinHandle<()>> {
        let log = Arc::clone(self);
        thread::Builder::new()
            .name("storage-log".to_string())
            .spawn(move || log.flush_until_stopped(interval))
            .map_err(|error| Error::io("cannot start the log thread", &error))
    }

    fn flush_until_stopped(&self, interval: Duration) {
        let mut stopped = self.stopped.lock();
        while !*stopped {
            self.stop.wait_for(&mut stopped, interval);
            if self.unsynced.load(Ordering::Acquire) {
                parking_lot::MutexGuard::unlocked(&mut stopped, || {
                    // A failure has reached the event sink, and every later operation reports it to its caller.
                    let _ = self.sync();
                });
            }
        }
    }

    /// Lets the flusher end.
    pub(crate) fn stop_flusher(&self) {
        *self.stopped.lock() = true;
        self.stop.notify_all();
    }

    /// Waits for a running sync and gives the session back, to be closed. Later syncs fail.
    pub(crate) fn close(&self) -> Option<RawSession> {
        let mut state = self.state.lock();
        while state.running {
            self.sync_ended.wait(&mut state);
        }
        state.session.take()
    }
}
