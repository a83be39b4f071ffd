//! Transactions that have used a collection, and waiting for them to end.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::Collection;

/// How many transactions a collection must not change under.
#[derive(Default, Debug)]
pub(super) struct Pins {
    count: Mutex<usize>,
    freed: Condvar,
}

impl Pins {
    pub fn is_free(&self) -> bool {
        *self.count.lock() == 0
    }

    /// Waits until no transaction is left.
    pub fn wait(&self) {
        let mut count = self.count.lock();
        while *count > 0 {
            self.freed.wait(&mut count);
        }
    }
}

/// Keeps a collection from changing, apart from its documents. To be made while the collection is shared.
#[derive(Debug)]
pub(crate) struct Pin(Arc<Collection>);

impl Pin {
    pub fn new(coll: &Arc<Collection>) -> Self {
        *coll.pins.count.lock() += 1;
        Self(Arc::clone(coll))
    }

    pub fn is_of(&self, ns: &crate::request::Namespace) -> bool {
        self.0.ns() == *ns
    }

    pub fn is_on(&self, coll: &Arc<Collection>) -> bool {
        Arc::ptr_eq(&self.0, coll)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        *self.0.pins.count.lock() -= 1;
        self.0.pins.freed.notify_all();
    }
}
