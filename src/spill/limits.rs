//! How much memory queries may take, by purpose.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What memory is limited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Limit {
    /// Sorts, and the order of the input of windows and buckets.
    Sort,
    /// Groups.
    Group,
    /// `$bucketAuto`.
    BucketAuto,
    /// `$setWindowFields`.
    Window,
    /// The other side of a join that is held in a table.
    HashJoin,
    /// The documents that are joined to one.
    JoinedToOne,
    /// `$graphLookup`.
    GraphLookup,
    /// `$densify`.
    Densify,
    /// The document that `$facet` makes.
    FacetOutput,
    /// The keys of all indexes of one build.
    IndexBuild,
}

/// How many limits there are.
const LIMITS: usize = Limit::IndexBuild as usize + 1;

/// What all limits are at the start, in bytes. MongoDB: 100 MiB.
const MEMORY_MAX_BYTES: usize = 100 * 1024 * 1024;

/// What builds of indexes may take at the start, in bytes. MongoDB: 200 MiB.
const INDEX_BUILD_MAX_BYTES: usize = 200 * 1024 * 1024;

/// The limits of an engine.
#[derive(Debug)]
pub(crate) struct Limits {
    values: [AtomicUsize; LIMITS],
    disk_use_by_default: AtomicBool,
}

impl Limits {
    /// The value of a limit, in bytes.
    pub fn get(&self, limit: Limit) -> usize {
        self.values.get(limit as usize).map_or(MEMORY_MAX_BYTES, |value| value.load(Ordering::Relaxed))
    }

    /// Changes a limit.
    pub fn set(&self, limit: Limit, bytes: usize) {
        if let Some(value) = self.values.get(limit as usize) {
            value.store(bytes, Ordering::Relaxed);
        }
    }

    /// Whether requests that do not say may use the disk: `allowDiskUseByDefault`.
    pub fn disk_use_by_default(&self) -> bool {
        self.disk_use_by_default.load(Ordering::Relaxed)
    }

    /// Changes what holds for requests that do not say.
    pub fn set_disk_use_by_default(&self, allowed: bool) {
        self.disk_use_by_default.store(allowed, Ordering::Relaxed);
    }
}

impl Default for Limits {
    fn default() -> Self {
        let values = std::array::from_fn(|_| AtomicUsize::new(MEMORY_MAX_BYTES));
        let limits = Self { values, disk_use_by_default: AtomicBool::new(true) };
        limits.set(Limit::IndexBuild, INDEX_BUILD_MAX_BYTES);
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_its_place() {
        let limits = Limits::default();
        limits.set(Limit::FacetOutput, 5);
        assert_eq!((limits.get(Limit::FacetOutput), limits.get(Limit::Sort)), (5, MEMORY_MAX_BYTES));
    }
}
