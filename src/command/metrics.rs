//! Counters of the server: operations, traffic, and time per collection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::table::{Command, Counter, Usage};

/// Most collections that `top` keeps apart; names beyond are not recorded, so that made-up names cannot fill memory.
const MAX_TOP_COLLECTIONS: usize = 10_000;

/// A number of events and the time they took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) micros: u64,
}

impl Tally {
    fn add(&mut self, elapsed: Duration) {
        self.count += 1;
        self.micros += micros(elapsed);
    }
}

fn micros(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
}

/// All counters.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    pub(super) insert: AtomicU64,
    pub(super) query: AtomicU64,
    pub(super) update: AtomicU64,
    pub(super) delete: AtomicU64,
    pub(super) getmore: AtomicU64,
    pub(super) command: AtomicU64,
    pub(super) user_errors: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) reads: Latency,
    pub(super) writes: Latency,
    pub(super) commands: Latency,
    pub(super) top: Top,
}

/// Operations of one class and their total time.
#[derive(Debug, Default)]
pub(super) struct Latency {
    pub(super) count: AtomicU64,
    pub(super) micros: AtomicU64,
}

impl Metrics {
    /// Counts one command; those that count their documents are left to their handlers.
    pub(super) fn count(&self, counter: Counter) {
        let counter = match counter {
            Counter::ByHandler => return,
            Counter::Query => &self.query,
            Counter::GetMore => &self.getmore,
            Counter::Command => &self.command,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a command that failed by the client's fault.
    pub(super) fn failed(&self) {
        self.user_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one message each way.
    pub(super) fn traffic(&self, bytes_in: usize, bytes_out: usize) {
        self.bytes_in.fetch_add(bytes_in as u64, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes_out as u64, Ordering::Relaxed);
        self.requests.fetch_add(u64::from(bytes_in > 0), Ordering::Relaxed);
    }

    /// Notes how long a command took.
    pub(super) fn latency(&self, command: &Command, elapsed: Duration) {
        let class = match command.usage {
            Usage::Queries | Usage::GetMore => &self.reads,
            Usage::Insert | Usage::Update | Usage::Remove => &self.writes,
            Usage::Commands | Usage::None => &self.commands,
        };
        class.count.fetch_add(1, Ordering::Relaxed);
        class.micros.fetch_add(micros(elapsed), Ordering::Relaxed);
    }
}

/// Time per collection and kind of use.
#[derive(Debug, Default)]
pub(super) struct Top {
    collections: Mutex<HashMap<String, TopEntry, ahash::RandomState>>,
}

/// One collection's use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TopEntry {
    pub(super) total: Tally,
    pub(super) reads: Tally,
    pub(super) writes: Tally,
    pub(super) queries: Tally,
    pub(super) getmore: Tally,
    pub(super) insert: Tally,
    pub(super) update: Tally,
    pub(super) remove: Tally,
    pub(super) commands: Tally,
}

impl Top {
    /// Notes one operation on `namespace`.
    pub(super) fn record(&self, namespace: &str, usage: Usage, elapsed: Duration) {
        let mut collections = self.collections.lock();
        if let Some(entry) = collections.get_mut(namespace) {
            entry.add(usage, elapsed);
        } else if collections.len() < MAX_TOP_COLLECTIONS {
            collections.entry(namespace.to_owned()).or_default().add(usage, elapsed);
        }
    }

    /// Forgets a collection, or all those of a database.
    pub(super) fn forget(&self, gone: impl Fn(&str) -> bool) {
        self.collections.lock().retain(|namespace, _| !gone(namespace));
    }

    /// All entries, by name.
    pub(super) fn entries(&self) -> Vec<(String, TopEntry)> {
        let mut entries: Vec<_> = self.collections.lock().iter().map(|(name, entry)| (name.clone(), *entry)).collect();
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        entries
    }
}

impl TopEntry {
    fn add(&mut self, usage: Usage, elapsed: Duration) {
        self.total.add(elapsed);
        let (class, kind) = match usage {
            Usage::None => return,
            Usage::Queries => (&mut self.reads, &mut self.queries),
            Usage::GetMore => (&mut self.reads, &mut self.getmore),
            Usage::Insert => (&mut self.writes, &mut self.insert),
            Usage::Update => (&mut self.writes, &mut self.update),
            Usage::Remove => (&mut self.writes, &mut self.remove),
            Usage::Commands => (&mut self.reads, &mut self.commands),
        };
        class.add(elapsed);
        kind.add(elapsed);
    }
}
