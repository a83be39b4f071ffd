//! Cursors between two batches: queries that wait for a `getMore`.
//!
//! A waiting query holds no snapshot, no session and no lock; see [`Executor`].

mod signal;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use smongo_vm::Code;

use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::object_id::random_u64;
use crate::request::{KilledCursors, Moment, Namespace, OpContext};
use crate::session::Scope;
use crate::stream::Progress;
pub(crate) use signal::Signal;

/// How long a cursor may wait. MongoDB: 10 minutes (`cursorTimeoutMillis`).
const IDLE_MAX: Duration = Duration::from_secs(10 * 60);

/// How often waiting cursors are looked through for those that waited too long.
const SWEEP_INTERVAL: Duration = Duration::from_secs(4);

/// A query with the name it was asked under.
pub(crate) struct OpenCursor {
    pub executor: Executor,
    pub ns: Namespace,
    pub no_timeout: bool,
    /// What its reads are part of.
    pub scope: Scope,
    /// What wakes it while it waits for documents; absent for a cursor that does not wait.
    pub awaits: Option<Arc<Signal>>,
    /// How far a change stream has come.
    pub progress: Option<Arc<Progress>>,
    /// What the time is for all its batches.
    pub moment: Moment,
}

impl OpenCursor {
    /// A cursor of a request that waits for nothing, and not for ever.
    pub fn new(executor: Executor, ns: Namespace, op: &OpContext) -> Self {
        let (scope, moment) = (op.scope().clone(), op.moment());
        Self { executor, ns, no_timeout: false, scope, awaits: None, progress: None, moment }
    }
}

/// All cursors of an engine.
#[derive(Default)]
pub(crate) struct CursorRegistry(Mutex<Cursors>);

#[derive(Default)]
struct Cursors {
    by_id: HashMap<i64, Slot>,
    last_sweep: Option<Instant>,
}

enum Slot {
    Waiting {
        cursor: Box<OpenCursor>,
        since: Instant,
    },
    /// A `getMore` is at work; `killed` says what becomes of the cursor after it.
    InUse {
        ns: Namespace,
        killed: bool,
    },
}

impl Slot {
    fn ns(&self) -> &Namespace {
        match self {
            Slot::Waiting { cursor, .. } => &cursor.ns,
            Slot::InUse { ns, .. } => ns,
        }
    }
}

impl CursorRegistry {
    /// Keeps a query for later and gives the id by which it can be had: random, so that it cannot be guessed.
    pub fn register(&self, cursor: OpenCursor) -> i64 {
        let mut cursors = self.0.lock();
        cursors.sweep();
        loop {
            let id = (random_u64() >> 1) as i64;
            if id != 0 && !cursors.by_id.contains_key(&id) {
                cursors.by_id.insert(id, Slot::Waiting { cursor: Box::new(cursor), since: Instant::now() });
                return id;
            }
        }
    }

    /// Takes a query out to work on. It must be asked for under the name that it was opened under.
    pub fn take(&self, id: i64, ns: &Namespace) -> Result<Box<OpenCursor>> {
        let mut cursors = self.0.lock();
        cursors.sweep();
        let slot = cursors
            .by_id
            .get_mut(&id)
            .ok_or_else(|| Error::new(Code::CURSOR_NOT_FOUND, format!("cursor id {id} not found")))?;
        if slot.ns() != ns {
            return Err(Error::new(
                Code::UNAUTHORIZED,
                format!(
                    "Requested getMore on namespace '{ns}', but cursor belongs to a different namespace {}",
                    slot.ns()
                ),
            ));
        }
        match std::mem::replace(slot, Slot::InUse { ns: ns.clone(), killed: false }) {
            Slot::Waiting { cursor, .. } => Ok(cursor),
            in_use @ Slot::InUse { .. } => {
                *slot = in_use;
                Err(Error::new(Code::CURSOR_IN_USE, format!("cursor id {id} is already in use")))
            }
        }
    }

    /// What a cursor's reads are part of.
    pub fn scope_of(&self, id: i64) -> Option<Scope> {
        match self.0.lock().by_id.get(&id)? {
            Slot::Waiting { cursor, .. } => Some(cursor.scope.clone()),
            Slot::InUse { .. } => None,
        }
    }

    /// Puts a query back that [`take`](Self::take) gave; false when it was killed meanwhile.
    pub fn put_back(&self, id: i64, cursor: Box<OpenCursor>) -> bool {
        let mut cursors = self.0.lock();
        match cursors.by_id.remove(&id) {
            Some(Slot::InUse { killed: false, .. }) => {
                cursors.by_id.insert(id, Slot::Waiting { cursor, since: Instant::now() });
                true
            }
            _ => false,
        }
    }

    /// Fails when a query that [`take`](Self::take) gave has been killed since.
    pub fn check_alive(&self, id: i64) -> Result<()> {
        match self.0.lock().by_id.get(&id) {
            Some(Slot::InUse { killed: false, .. }) => Ok(()),
            _ => Err(Error::new(Code::CURSOR_KILLED, "operation was interrupted because its cursor was killed")),
        }
    }

    /// Forgets a query that [`take`](Self::take) gave.
    pub fn finish(&self, id: i64) {
        self.0.lock().by_id.remove(&id);
    }

    /// Ends cursors of a namespace.
    pub fn kill(&self, ns: &Namespace, ids: &[i64]) -> KilledCursors {
        let mut outcome = KilledCursors::default();
        let mut cursors = self.0.lock();
        for &id in ids {
            match cursors.by_id.get_mut(&id) {
                Some(Slot::InUse { ns: of, killed }) if of == ns => {
                    *killed = true;
                    outcome.killed.push(id);
                }
                Some(Slot::Waiting { cursor, .. }) if cursor.ns == *ns => {
                    cursors.by_id.remove(&id);
                    outcome.killed.push(id);
                }
                _ => outcome.not_found.push(id),
            }
        }
        outcome
    }

    /// How many cursors there are.
    pub fn len(&self) -> usize {
        self.0.lock().by_id.len()
    }
}

impl Cursors {
    /// Drops cursors that have waited too long.
    fn sweep(&mut self) {
        let now = Instant::now();
        if self.last_sweep.is_some_and(|last| now.duration_since(last) < SWEEP_INTERVAL) {
            return;
        }
        self.last_sweep = Some(now);
        self.by_id.retain(|_, slot| match slot {
            Slot::Waiting { cursor, since } => cursor.no_timeout || now.duration_since(*since) < IDLE_MAX,
            Slot::InUse { .. } => true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::op::Eof;

    fn open(coll: &str) -> OpenCursor {
        let executor = Executor::new(Box::new(Eof::default()), None, Vec::new());
        OpenCursor::new(executor, Namespace::trusted("db", coll), &OpContext::new())
    }

    #[test]
    fn a_cursor_is_used_by_one_at_a_time_and_under_its_own_name() {
        let registry = CursorRegistry::default();
        let ns = Namespace::trusted("db", "c");
        let id = registry.register(open("c"));
        assert!(id > 0);
        assert_eq!(registry.take(id, &Namespace::trusted("db", "other")).err().unwrap().code(), 13);
        let cursor = registry.take(id, &ns).unwrap();
        assert_eq!(registry.take(id, &ns).err().unwrap().code_name(), "CursorInUse");
        assert!(registry.put_back(id, cursor));
        let cursor = registry.take(id, &ns).unwrap();
        assert_eq!(registry.kill(&ns, &[id, 5]), KilledCursors { killed: vec![id], not_found: vec![5] });
        assert!(!registry.put_back(id, cursor));
        assert_eq!(registry.take(id, &ns).err().unwrap().code(), 43);
        assert_eq!(registry.len(), 0);
    }
}
