//! Who still needs entries of the log: as long as a consumer is registered, nothing after its position goes.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// All consumers.
#[derive(Clone, Default, Debug)]
pub(super) struct Consumers(Arc<Mutex<Positions>>);

#[derive(Default, Debug)]
struct Positions {
    #[allow(dead_code, reason = "synchronisation comes next")]
    next: u64,
    by_number: HashMap<u64, u64>,
}

/// A reader of the log whose entries must stay. Dropping it ends that.
#[derive(Debug)]
#[allow(dead_code, reason = "synchronisation comes next")]
pub(crate) struct OplogConsumer {
    consumers: Consumers,
    number: u64,
}

impl Consumers {
    /// Registers a consumer that needs everything after `time`.
    #[allow(dead_code, reason = "synchronisation comes next")]
    pub fn register(&self, time: u64) -> OplogConsumer {
        let mut positions = self.0.lock();
        let number = positions.next;
        positions.next += 1;
        positions.by_number.insert(number, time);
        OplogConsumer { consumers: self.clone(), number }
    }

    /// The time up to which every consumer has read.
    pub fn oldest(&self) -> Option<u64> {
        self.0.lock().by_number.values().min().copied()
    }
}

impl OplogConsumer {
    /// Notes that everything up to `time` has been read.
    #[allow(dead_code, reason = "synchronisation comes next")]
    pub fn advance(&self, time: u64) {
        self.consumers.0.lock().by_number.insert(self.number, time);
    }
}

impl Drop for OplogConsumer {
    fn drop(&mut self) {
        self.consumers.0.lock().by_number.remove(&self.number);
    }
}

impl super::Oplog {
    /// Registers a reader that needs everything after `time`.
    #[allow(dead_code, reason = "synchronisation comes next")]
    pub fn consumer(&self, time: u64) -> OplogConsumer {
        self.consumers.register(time)
    }
}
