//! Which timestamps have been given out, and up to which one everything has ended.
//!
//! A writer takes its timestamps just before it commits and gives them back when it has. Others wait for neither: what
//! readers of the log see ends before the first timestamp that is still out, so that they never see a gap that would be
//! filled later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::cursor::Signal;
use crate::request::wall_clock_millis;

/// Seconds of wall time in the upper half, a count within the second in the lower. It never goes back.
#[derive(Debug)]
pub(super) struct Times {
    given: Mutex<Given>,
    /// The latest timestamp given out.
    latest: AtomicU64,
    /// Everything up to here has ended.
    visible: AtomicU64,
    waiting: AtomicUsize,
    moved: Condvar,
    /// Raised when more has become visible.
    arrivals: Arc<Signal>,
}

#[derive(Debug, Default)]
struct Given {
    latest: u64,
    /// Those that are out, and ended ones behind them, in order.
    out: VecDeque<Out>,
}

#[derive(Debug)]
struct Out {
    first: u64,
    ended: bool,
}

/// Timestamps that a writer has taken: `count` of them from `first` on. Dropping it gives them back.
#[derive(Debug)]
pub(crate) struct Reservation<'t> {
    times: &'t Times,
    pub first: u64,
}

impl Times {
    /// Times after `latest`.
    pub fn new(latest: u64) -> Self {
        Self {
            given: Mutex::new(Given { latest, out: VecDeque::new() }),
            latest: AtomicU64::new(latest),
            visible: AtomicU64::new(latest),
            waiting: AtomicUsize::new(0),
            moved: Condvar::new(),
            arrivals: Arc::default(),
        }
    }

    /// The latest timestamp given out.
    pub fn latest(&self) -> u64 {
        self.latest.load(Ordering::Acquire)
    }

    /// The timestamp up to which everything has ended.
    pub fn visible(&self) -> u64 {
        self.visible.load(Ordering::Acquire)
    }

    /// Takes `count` timestamps, at least one.
    pub fn reserve(&self, count: usize) -> Reservation<'_> {
        let mut given = self.given.lock();
        let first = (given.latest + 1).max(wall_floor());
        given.latest = first + (count.max(1) as u64 - 1);
        given.out.push_back(Out { first, ended: false });
        self.latest.store(given.latest, Ordering::Release);
        Reservation { times: self, first }
    }

    /// Moves on to `time`, which somebody else's clock shows.
    pub fn advance_to(&self, time: u64) {
        let mut given = self.given.lock();
        if time > given.latest {
            given.latest = time;
            self.latest.store(time, Ordering::Release);
            self.follow(&given);
        }
    }

    /// Runs `with` while no timestamp is out, with the latest one given.
    pub fn at_rest<R>(&self, with: impl FnOnce(u64) -> R) -> R {
        let mut given = self.given.lock();
        while !given.out.is_empty() {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            self.moved.wait(&mut given);
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        with(given.latest)
    }

    /// What tells that more has become visible.
    pub fn arrivals(&self) -> &Arc<Signal> {
        &self.arrivals
    }

    fn give_back(&self, first: u64) {
        let mut given = self.given.lock();
        if let Ok(at) = given.out.binary_search_by_key(&first, |out| out.first) {
            given.out[at].ended = true;
        }
        while given.out.front().is_some_and(|out| out.ended) {
            given.out.pop_front();
        }
        self.follow(&given);
    }

    fn follow(&self, given: &Given) {
        let visible = given.out.front().map_or(given.latest, |out| out.first - 1);
        if self.visible.swap(visible, Ordering::AcqRel) != visible {
            self.arrivals.raise();
        }
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.moved.notify_all();
        }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.times.give_back(self.first);
    }
}

/// The first timestamp of the present second.
pub(super) fn wall_floor() -> u64 {
    u64::try_from(wall_clock_millis() / 1000).unwrap_or(0) << 32 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_goes_forward() {
        let times = Times::new(0);
        let mut last = 0;
        for count in [1, 5, 1] {
            let reservation = times.reserve(count);
            assert!(reservation.first > last);
            last = times.latest();
            assert_eq!(last, reservation.first + count as u64 - 1);
        }
        assert_eq!(times.visible(), last);
    }

    #[test]
    fn what_is_out_hides_what_comes_after_it() {
        let times = Times::new(0);
        let first = times.reserve(2);
        let second = times.reserve(1);
        let (before, end) = (first.first - 1, second.first);
        drop(second);
        assert_eq!(times.visible(), before);
        drop(first);
        assert_eq!(times.visible(), end);
        assert_eq!(times.at_rest(|latest| latest), end);
    }

    #[test]
    fn readers_are_told_when_more_is_visible() {
        let times = Times::new(0);
        drop(times.reserve(1));
        let seen = times.arrivals().count();
        let first = times.reserve(1);
        let second = times.reserve(1);
        drop(second);
        assert_eq!(times.arrivals().count(), seen);
        drop(first);
        assert_eq!(times.arrivals().count(), seen + 1);
    }
}
