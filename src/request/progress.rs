//! How far a long operation has come, for others to see.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// What an operation is at. One thread writes; any may look.
#[derive(Debug, Default)]
pub struct Progress {
    phase: Mutex<Option<&'static str>>,
    done: AtomicU64,
    total: AtomicU64,
}

/// A look at an operation that says how far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProgressReport {
    /// What it is doing, in MongoDB's words.
    pub phase: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is, as far as that is known.
    pub total: u64,
}

impl Progress {
    /// Says that something of so many parts begins.
    pub fn begin(&self, phase: &'static str, total: u64) {
        let mut current = self.phase.lock();
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        *current = Some(phase);
    }

    /// Says how many parts are done.
    pub fn advance(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// Says that nothing of length goes on.
    pub fn clear(&self) {
        *self.phase.lock() = None;
    }

    /// A look at it.
    pub fn report(&self) -> Option<ProgressReport> {
        let phase = (*self.phase.lock())?;
        Some(ProgressReport {
            phase,
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
        })
    }
}
