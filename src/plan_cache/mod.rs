//! The plan cache: what was compiled and chosen for requests that came before, by their shape.
//!
//! One cache serves all collections of an engine. A key holds the collection, the version of its indexes and the shape
//! ([`smongo_compiler::shape`]); an entry holds programs with parameters and the index that was chosen. What depends on
//! the values of a request, its programs' operands and the keys to scan, is never here. Entries whose key names a
//! collection or a version that is gone are not found any more, and leave as those used least recently.
//!
//! The cache knows neither operators nor how an index is chosen.

mod filters;
pub(crate) mod hashes;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use lru::LruCache;
use parking_lot::Mutex;
use smongo_compiler::plan::AccessPath;
use smongo_compiler::shape::ShapedFilter;
use smongo_compiler::{CompiledProjection, ir};
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, RawDoc};

use crate::collection::Shared;
use crate::exec::Matching;
use crate::request::wall_clock_millis;
pub(crate) use filters::{IndexFilter, IndexFilters, allows};

/// Bytes of all entries, estimated. MongoDB: 5 % of the memory (`planCacheSize`).
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Entries, however small. MongoDB counts bytes only.
const ENTRIES_MAX: NonZeroUsize = NonZeroUsize::new(20_000).expect("not zero");

/// Bytes of an entry besides its key and the request's words: programs, paths, tables, bookkeeping.
const ENTRY_OVERHEAD_BYTES: usize = 2048;

/// The entries of an engine.
#[derive(Debug)]
pub(crate) struct PlanCache {
    entries: Mutex<Entries>,
    hits: AtomicU64,
    misses: AtomicU64,
    /// Which indexes plans may use.
    pub index_filters: IndexFilters,
}

#[derive(Debug)]
struct Entries {
    by_key: LruCache<Box<[u8]>, Arc<CachedQuery>, ahash::RandomState>,
    bytes: usize,
}

/// A sort order with its program.
#[derive(Debug)]
pub(crate) struct SortOrder {
    pub ir: ir::Sort,
    pub program: Arc<Program>,
}

/// How the documents of a shape are reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    /// By the index at this place.
    Index(usize),
    /// By looking at all of them.
    Scan,
    /// By several scans, which are chosen anew for the values of each request.
    Several,
}

impl Choice {
    /// What is noted of a path that was chosen.
    pub fn of(path: &AccessPath) -> Self {
        match path {
            AccessPath::CollectionScan => Choice::Scan,
            AccessPath::IndexScan(scan) => Choice::Index(scan.index),
            AccessPath::Union(_) => Choice::Several,
        }
    }
}

/// What is kept of a shape.
#[derive(Debug)]
pub(crate) struct CachedQuery {
    pub filter: ShapedFilter,
    pub sort: Option<Arc<SortOrder>>,
    pub projection: Option<CompiledProjection>,
    choice: OnceLock<Choice>,
    /// The collection, and the version of its indexes.
    pub coll: [u8; 16],
    pub indexes_version: u64,
    /// The request that came first, as `$planCacheStats` shows it.
    pub example: Example,
    /// When it came.
    pub created_millis: i64,
    bytes: usize,
}

/// The words of a request.
#[derive(Debug)]
pub(crate) struct Example {
    pub filter: DocBuf,
    pub sort: DocBuf,
    pub projection: DocBuf,
    pub collation: DocBuf,
}

/// How the cache has been used.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanCacheCounts {
    /// Requests whose shape was there.
    pub hits: u64,
    /// Requests whose shape was put there.
    pub misses: u64,
    /// Entries.
    pub entries: u64,
    /// Their bytes, estimated.
    pub bytes: u64,
}

impl Default for PlanCache {
    fn default() -> Self {
        let by_key = LruCache::with_hasher(ENTRIES_MAX, ahash::RandomState::new());
        Self {
            entries: Mutex::new(Entries { by_key, bytes: 0 }),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            index_filters: IndexFilters::default(),
        }
    }
}

impl PlanCache {
    /// What is kept under a key. Counts as used.
    pub fn get(&self, key: &[u8]) -> Option<Arc<CachedQuery>> {
        let found = self.entries.lock().by_key.get(key).cloned();
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    /// Whether something is kept under a key. Does not count as use.
    pub fn knows(&self, key: &[u8]) -> bool {
        self.entries.lock().by_key.contains(key)
    }

    /// Keeps a query, unless another thread did meanwhile. Gives what is kept.
    pub fn put(&self, key: Vec<u8>, query: CachedQuery) -> Arc<CachedQuery> {
        let query = Arc::new(query);
        let mut entries = self.entries.lock();
        entries.bytes += query.bytes;
        if let Some((_, replaced)) = entries.by_key.push(key.into(), Arc::clone(&query)) {
            entries.bytes -= replaced.bytes;
        }
        while entries.bytes > BYTES_MAX {
            let Some((_, oldest)) = entries.by_key.pop_lru() else { break };
            entries.bytes -= oldest.bytes;
        }
        query
    }

    /// The queries that are kept of a collection, those used last first.
    pub fn of_collection(&self, coll: &[u8; 16], indexes_version: u64) -> Vec<Arc<CachedQuery>> {
        let entries = self.entries.lock();
        let wanted = |query: &&Arc<CachedQuery>| query.coll == *coll && query.indexes_version == indexes_version;
        entries.by_key.iter().map(|(_, query)| query).filter(wanted).cloned().collect()
    }

    /// Forgets the queries of a collection that `forget` names.
    pub fn clear(&self, coll: &[u8; 16], forget: impl Fn(&CachedQuery) -> bool) {
        let mut entries = self.entries.lock();
        let gone: Vec<Box<[u8]>> = entries
            .by_key
            .iter()
            .filter(|(_, query)| query.coll == *coll && forget(query))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            if let Some(query) = entries.by_key.pop(&key) {
                entries.bytes -= query.bytes;
            }
        }
    }

    /// How the cache has been used.
    pub fn counts(&self) -> PlanCacheCounts {
        let entries = self.entries.lock();
        PlanCacheCounts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: entries.by_key.len() as u64,
            bytes: entries.bytes as u64,
        }
    }
}

impl CachedQuery {
    /// What is kept of a request.
    pub fn new(
        shared: &Shared<'_>,
        matching: &Matching<'_>,
        filter: ShapedFilter,
        sort: Option<Arc<SortOrder>>,
        projection: Option<CompiledProjection>,
    ) -> Self {
        let words = |part: Option<&RawDoc>| DocBuf::from(part.unwrap_or(RawDoc::EMPTY));
        let example = Example {
            filter: matching.filter.into(),
            sort: words(matching.sort),
            projection: words(matching.projection),
            collation: words(matching.collation),
        };
        let words = [&example.filter, &example.sort, &example.projection];
        // The words stand in the key too, and in the programs in another form.
        let bytes = ENTRY_OVERHEAD_BYTES + 4 * words.iter().map(|doc| doc.as_bytes().len()).sum::<usize>();
        Self {
            filter,
            sort,
            projection,
            choice: OnceLock::new(),
            coll: *shared.uuid(),
            indexes_version: shared.indexes_version(),
            example,
            created_millis: wall_clock_millis(),
            bytes,
        }
    }

    /// The text of the shape.
    pub fn shape(&self) -> String {
        let Example { sort, projection, collation, .. } = &self.example;
        let rest = hashes::Rest { sort: Some(sort), projection: Some(projection), collation: Some(collation) };
        hashes::plan_shape(self.filter.ir(), &rest)
    }

    /// Bytes, estimated.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How the documents of this shape are reached, once that has been decided.
    pub fn choice(&self) -> Option<Choice> {
        self.choice.get().copied()
    }

    /// Notes how they are reached. The first choice stays.
    pub fn choose(&self, choice: Choice) {
        let _ = self.choice.set(choice);
    }
}
