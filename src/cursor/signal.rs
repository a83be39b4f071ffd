//! Waking cursors that wait for documents.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::Result;

/// How often a waiting cursor looks whether it should give up. What it waits for wakes it at once.
const LOOK: Duration = Duration::from_millis(50);

/// Counts the commits that cursors may wait for, and wakes those that do.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    count: AtomicU64,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    raised: Condvar,
}

impl Signal {
    /// How often it has been raised.
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    /// Wakes all who wait.
    pub fn raise(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // Whoever has seen the old count under the lock waits by now.
            drop(self.lock.lock());
            self.raised.notify_all();
        }
    }

    /// Waits until it has been raised since the count was `seen`, at the longest until `deadline`. Gives whether it has;
    /// fails when `go_on` does.
    pub fn wait(&self, seen: u64, deadline: Instant, go_on: &dyn Fn() -> Result<()>) -> Result<bool> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let raised = self.wait_counted(seen, deadline, go_on);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        raised
    }

    fn wait_counted(&self, seen: u64, deadline: Instant, go_on: &dyn Fn() -> Result<()>) -> Result<bool> {
        loop {
            go_on()?;
            let mut guard = self.lock.lock();
            if self.count() != seen {
                return Ok(true);
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(false);
            }
            self.raised.wait_until(&mut guard, deadline.min(now + LOOK));
        }
    }
}

#[cfg(test)]
mod tests {
    use smongo_vm::Code;

    use super::*;
    use crate::error::Error;

    #[test]
    fn waiting_ends_when_raised_or_late_or_stopped() {
        let signal = Signal::default();
        let seen = signal.count();
        let far = Instant::now() + Duration::from_secs(60);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| signal.wait(seen, far, &|| Ok(())));
            signal.raise();
            assert!(waiting.join().unwrap().unwrap());
        });
        assert!(signal.wait(seen, far, &|| Ok(())).unwrap());
        let seen = signal.count();
        assert!(!signal.wait(seen, Instant::now(), &|| Ok(())).unwrap());
        let stopped = || Err(Error::new(Code::INTERRUPTED, "operation was interrupted"));
        assert_eq!(signal.wait(seen, far, &stopped).unwrap_err().code(), 11601);
    }
}
