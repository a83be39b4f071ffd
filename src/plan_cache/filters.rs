//! Index filters: which indexes plans of a shape may use (`planCacheSetFilter`). They live as long as the process.

use std::sync::atomic::{AtomicBool, Ordering};

use ahash::AHashMap;
use parking_lot::RwLock;
use smongo_vm::value::{DocBuf, OwnedValue};

use crate::index::{Index, same_pattern};

/// The index filters of all collections.
#[derive(Debug, Default)]
pub(crate) struct IndexFilters {
    by_collection: RwLock<AHashMap<[u8; 16], Vec<IndexFilter>>>,
    /// Whether there ever was one: what most requests have to look at.
    any: AtomicBool,
}

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct IndexFilter {
    /// [`plan_shape`](super::hashes::plan_shape) of the requests it is for.
    pub shape: String,
    pub query: DocBuf,
    pub sort: DocBuf,
    pub projection: DocBuf,
    pub collation: DocBuf,
    /// Names and key patterns.
    pub indexes: Vec<OwnedValue>,
}

/// Whether an index is among those allowed, which are told by names and key patterns.
pub(crate) fn allows(allowed: &[OwnedValue], index: &Index) -> bool {
    allowed.iter().any(|wanted| match (wanted.get().as_str(), wanted.get().as_doc()) {
        (Some(name), _) => name == index.name(),
        (None, Some(pattern)) => same_pattern(index.key_pattern(), pattern),
        (None, None) => false,
    })
}

impl IndexFilters {
    /// Sets a filter, in place of one for the same shape.
    pub fn set(&self, coll: [u8; 16], filter: IndexFilter) {
        let mut all = self.by_collection.write();
        let filters = all.entry(coll).or_default();
        match filters.iter_mut().find(|other| other.shape == filter.shape) {
            Some(other) => *other = filter,
            None => filters.push(filter),
        }
        self.any.store(true, Ordering::Release);
    }

    /// The filter for a shape. `shape` is only asked for where the collection has filters.
    pub fn find(&self, coll: &[u8; 16], shape: impl FnOnce() -> String) -> Option<IndexFilter> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let all = self.by_collection.read();
        let filters = all.get(coll)?;
        let shape = shape();
        filters.iter().find(|filter| filter.shape == shape).cloned()
    }

    /// All filters of a collection.
    pub fn of_collection(&self, coll: &[u8; 16]) -> Vec<IndexFilter> {
        self.by_collection.read().get(coll).cloned().unwrap_or_default()
    }

    /// Removes the filter for a shape, or all.
    pub fn clear(&self, coll: &[u8; 16], shape: Option<&str>) {
        let mut all = self.by_collection.write();
        match (shape, all.get_mut(coll)) {
            (Some(shape), Some(filters)) => filters.retain(|filter| filter.shape != shape),
            (None, Some(_)) => {
                all.remove(coll);
            }
            (_, None) => {}
        }
    }
}
