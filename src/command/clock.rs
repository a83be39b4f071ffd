//! The cluster clock: the timestamp that orders operations, as clients gossip it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::request::wall_clock_millis;

/// A hybrid clock: seconds of wall time in the upper half, a count within the second in the lower. It never goes back.
#[derive(Debug)]
pub(super) struct ClusterClock {
    last: AtomicU64,
}

impl ClusterClock {
    /// A clock that starts at the wall's time.
    pub(super) fn new() -> Self {
        let clock = Self { last: AtomicU64::new(0) };
        clock.tick();
        clock
    }

    /// The time of the latest write.
    pub(super) fn now(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    /// A time later than every one given before.
    pub(super) fn tick(&self) -> u64 {
        let seconds = u64::try_from(wall_clock_millis() / 1000).unwrap_or(0);
        let floor = seconds << 32 | 1;
        let next = |last: u64| Some((last + 1).max(floor));
        // The closure always gives a value, so both arms hold the time before.
        let (Ok(last) | Err(last)) = self.last.fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
        (last + 1).max(floor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_goes_forward() {
        let clock = ClusterClock::new();
        let mut last = clock.now();
        for _ in 0..1000 {
            let next = clock.tick();
            assert!(next > last);
            assert_eq!(clock.now(), next);
            last = next;
        }
    }
}
