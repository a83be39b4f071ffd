//! One collection: its table of documents, its indexes, its lock.
//!
//! Documents are keyed by record id, a number that grows with each insert, so that natural order is insertion order.
//! Reading and writing take the collection's lock shared ([`Collection::share`]), changes to the collection itself
//! take it exclusively. A thread takes each shared lock once; one that needs several takes them in the order of
//! [`Collection::ident`].
//!
//! All writing goes through [`Writer`], which keeps documents and index entries together in one transaction. What a
//! write does to a document is not known here.

mod conformance;
mod document;
mod pins;
mod rules;
mod sizes;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use smongo_storage::{Engine as Storage, KeyFormat, Table, TableOptions};
use smongo_vm::Code;
use smongo_vm::collation::Collation;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::catalog::entry::{Entry, new_uuid, uuid_text};
use crate::collation;
use crate::cursor::Signal;
use crate::error::{Error, Result};
use crate::index::{ArrayPaths, Index};
use crate::oplog::{self, Operations, Oplog};
use crate::plan_cache::PlanCache;
use crate::request::Namespace;
use crate::session::Outcome;
pub(crate) use conformance::is_conformant;
pub(crate) use document::prepare;
pub(crate) use pins::Pin;
use pins::Pins;
pub(crate) use rules::{Action, Cap, Level, Rules, Validator};
use sizes::SizeCounter;
pub(crate) use sizes::Sizes;
pub(crate) use writer::Writer;

/// A collection that the catalog lists, or did until it was dropped.
#[derive(Debug)]
pub(crate) struct Collection {
    ident: String,
    uuid: [u8; 16],
    records: Table,
    next_record_id: AtomicI64,
    sizes: SizeCounter,
    plan_cache: Arc<PlanCache>,
    /// The cluster time since when the collection has the indexes it has; 0 for before this process began.
    changed_at: AtomicU64,
    /// Held by writers of a capped collection until their commit, so that documents appear in the order of their records.
    order: Mutex<()>,
    /// No record of a capped collection is before this one, which spares evictions the walk over those that were there.
    first_record: AtomicI64,
    /// Tells cursors that wait about new documents of a capped collection.
    arrivals: Arc<Signal>,
    state: RwLock<State>,
    /// The collation of requests that name none.
    collation: Option<Arc<Collation>>,
    /// Transactions that the collection must not change under.
    pins: Pins,
    /// Where writes are logged; `None` where they are not.
    log: Option<Arc<Oplog>>,
    /// Whether the documents are the log's entries, which nobody else writes.
    is_log: bool,
}

/// What changes about a collection besides its documents.
#[derive(Debug)]
pub(crate) struct State {
    ns: Namespace,
    options: DocBuf,
    /// What the options ask of documents.
    rules: Rules,
    /// The `_id` index first.
    indexes: Vec<Arc<Index>>,
    /// Changes with the indexes, so that plans made for others are not taken for current ones.
    indexes_version: u64,
    end: Option<End>,
}

/// What a transaction changed besides documents and entries: counted and confirmed once it has committed.
#[derive(Default, Debug)]
pub(crate) struct Delta {
    pub sizes: Sizes,
    /// Arrays that were new to indexes, by the index's place.
    pub arrays: Vec<(usize, ArrayPaths)>,
    /// What is to be logged.
    pub operations: Operations,
    /// The record before which an eviction has left none.
    pub first_record: Option<i64>,
    /// Which statements of a retryable write were carried out, and what they came to.
    pub statements: Vec<(i32, Outcome)>,
}

/// Why nothing more can be done with a collection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// It was dropped.
    Dropped,
    /// The engine was closed.
    Closed,
}

/// A collection that cannot change, apart from its documents, while this lives.
pub(crate) struct Shared<'c> {
    coll: &'c Arc<Collection>,
    state: RwLockReadGuard<'c, State>,
    /// The last record to be read, where later ones are not to be seen yet.
    last_record: Option<i64>,
}

impl Collection {
    /// Makes the tables of a new collection.
    pub fn create(storage: &Storage, entry: Entry, plan_cache: &Arc<PlanCache>, log: &Arc<Oplog>) -> Result<Self> {
        let records = storage.create_table(&entry.ident, &TableOptions::new(KeyFormat::RecordId))?;
        let indexes = entry.indexes.iter().map(|index| Index::create(storage, index.clone()).map(Arc::new));
        let indexes = indexes.collect::<Result<_>>()?;
        Self::assemble(entry, records, indexes, 0, Some(Sizes::default()), plan_cache, log)
    }

    /// Opens a collection that the catalog lists. Its sizes may be unknown.
    pub fn open(
        storage: &Storage,
        entry: Entry,
        sizes: Option<Sizes>,
        plan_cache: &Arc<PlanCache>,
        log: &Arc<Oplog>,
    ) -> Result<Self> {
        let records = storage.table(&entry.ident)?;
        let indexes = entry.indexes.iter().map(|index| Index::open(storage, index.clone()).map(Arc::new));
        let indexes = indexes.collect::<Result<_>>()?;
        let largest = storage.session()?.cursor(&records)?.largest_record_id()?.unwrap_or(0);
        let coll = Self::assemble(entry, records, indexes, largest, sizes, plan_cache, log)?;
        if coll.state.read().rules.capped.is_some() {
            // Every insert needs the sizes, and cannot count while it holds the collection.
            coll.sizes(storage)?;
        }
        Ok(coll)
    }

    /// The log as a collection that can be read.
    pub fn of_log(log: &Arc<Oplog>, plan_cache: &Arc<PlanCache>) -> Result<Self> {
        let options = DocBuf::build(|options| options.value("capped", Value::TRUE));
        let (ns, uuid) = (Namespace::trusted("local", "oplog.rs"), new_uuid());
        let entry = Entry { ns, ident: log.table().name().to_owned(), uuid, options, indexes: Vec::new() };
        let coll = Self::assemble(entry, log.table().clone(), Vec::new(), 0, None, plan_cache, log)?;
        Ok(Self { is_log: true, ..coll })
    }

    fn assemble(
        entry: Entry,
        records: Table,
        indexes: Vec<Arc<Index>>,
        largest_record_id: i64,
        sizes: Option<Sizes>,
        plan_cache: &Arc<PlanCache>,
        log: &Arc<Oplog>,
    ) -> Result<Self> {
        let Entry { ns, ident, uuid, options, .. } = entry;
        let log = (is_logged(&ns) || ns.full() == "local.oplog.rs").then(|| Arc::clone(log));
        let collation = collation::of_options(&options)?;
        let rules = Rules::of(&options, collation.as_ref());
        Ok(Self {
            collation,
            pins: Pins::default(),
            log,
            is_log: false,
            ident,
            uuid,
            records,
            next_record_id: AtomicI64::new(largest_record_id + 1),
            sizes: SizeCounter::new(sizes),
            plan_cache: Arc::clone(plan_cache),
            changed_at: AtomicU64::new(0),
            order: Mutex::default(),
            first_record: AtomicI64::new(0),
            arrivals: Arc::default(),
            state: RwLock::new(State { ns, options, rules, indexes, indexes_version: 0, end: None }),
        })
    }

    /// The name of the table of documents, which the collection keeps for life.
    pub fn ident(&self) -> &str {
        &self.ident
    }

    /// The collection's UUID.
    pub fn uuid(&self) -> &[u8; 16] {
        &self.uuid
    }

    /// The collection's present name.
    pub fn ns(&self) -> Namespace {
        self.state.read().ns.clone()
    }

    /// The collation of requests that name none.
    pub fn collation(&self) -> Option<&Arc<Collation>> {
        self.collation.as_ref()
    }

    /// The collection's options.
    pub fn options(&self) -> DocBuf {
        self.state.read().options.clone()
    }

    /// Takes the lock for reading and writing documents. Fails when the collection's life has ended.
    pub fn share(self: &Arc<Self>) -> Result<Shared<'_>> {
        let state = self.state.read();
        match state.end {
            None => {
                let log = self.log.as_ref().filter(|_| self.is_log);
                let last_record = log.map(|log| oplog::key_of(log.visible()));
                Ok(Shared { coll: self, state, last_record })
            }
            Some(End::Dropped) => {
                Err(Error::new(Code::QUERY_PLAN_KILLED, format!("collection dropped. UUID {}", uuid_text(&self.uuid))))
            }
            Some(End::Closed) => Err(Error::new(Code::INTERRUPTED_AT_SHUTDOWN, "interrupted at shutdown")),
        }
    }

    /// Takes the lock for changing the collection itself. Waits for the transactions that have used it.
    pub fn lock_exclusively(&self) -> RwLockWriteGuard<'_, State> {
        loop {
            let state = self.state.write();
            if self.pins.is_free() {
                return state;
            }
            drop(state);
            self.pins.wait();
        }
    }

    /// Puts other options in place of the collection's, whose lock the caller holds.
    pub fn set_options(&self, state: &mut State, options: DocBuf) {
        state.rules = Rules::of(&options, self.collation.as_ref());
        state.options = options;
    }

    /// The same without waiting; `None` while somebody works in the collection.
    pub fn try_lock_exclusively(&self) -> Option<RwLockWriteGuard<'_, State>> {
        self.state.try_write().filter(|_| self.pins.is_free())
    }

    /// Waits until no transaction is at work that has used the collection. Another may come.
    pub fn wait_for_transactions(&self) {
        self.pins.wait();
    }

    /// What the catalog keeps about the collection.
    pub fn entry(&self, state: &State) -> Entry {
        Entry {
            ns: state.ns.clone(),
            ident: self.ident.clone(),
            uuid: self.uuid,
            options: state.options.clone(),
            indexes: state.indexes.iter().map(|index| index.entry().clone()).collect(),
        }
    }

    /// The table of documents.
    pub fn records(&self) -> &Table {
        &self.records
    }

    /// Notes that the collection is new, or has an index that it had not before `time`.
    pub fn changed_at(&self, time: u64) {
        self.changed_at.store(time, Ordering::Release);
    }

    /// Fails when a moment is not to be read by indexes, or in a collection, that there were not then.
    pub fn check_readable_at(&self, time: u64) -> Result<()> {
        if self.changed_at.load(Ordering::Acquire) <= time {
            return Ok(());
        }
        let message = "Unable to read from a snapshot due to pending collection catalog changes; please retry the \
                       operation.";
        Err(Error::new(Code::SNAPSHOT_UNAVAILABLE, message))
    }

    /// What tells about new documents of a capped collection.
    pub fn arrivals(&self) -> Arc<Signal> {
        Arc::clone(&self.arrivals)
    }

    /// The collection's tables.
    pub fn tables(&self, state: &State) -> Vec<Table> {
        let indexes = state.indexes.iter().map(|index| index.table().clone());
        indexes.chain([self.records.clone()]).collect()
    }

    /// The sizes, when they are known.
    pub fn known_sizes(&self) -> Option<Sizes> {
        self.sizes.get()
    }

    /// The sizes; counted now, with all writers kept out, when they are unknown.
    pub fn sizes(&self, storage: &Storage) -> Result<Sizes> {
        if let Some(sizes) = self.sizes.get() {
            return Ok(sizes);
        }
        let _exclusive = self.state.write();
        if let Some(sizes) = self.sizes.get() {
            return Ok(sizes);
        }
        let mut sizes = Sizes::default();
        let session = storage.session()?;
        let mut cursor = session.cursor(&self.records)?;
        while let Some(doc) = cursor.next_value()? {
            sizes.add(doc.len());
        }
        self.sizes.set(sizes);
        Ok(sizes)
    }

    /// What a count found. The caller keeps all writers out.
    pub fn set_sizes(&self, sizes: Sizes) {
        self.sizes.set(sizes);
    }

    fn new_record_id(&self) -> i64 {
        self.next_record_id.fetch_add(1, Ordering::Relaxed)
    }
}

impl State {
    /// All indexes, the one on `_id` first.
    pub fn indexes(&self) -> &[Arc<Index>] {
        &self.indexes
    }

    /// How many indexes there are, the one by which a clustered collection is ordered not counted.
    pub fn index_count(&self) -> usize {
        self.indexes.iter().filter(|index| !index.is_clustered()).count()
    }

    /// The collection's options.
    pub fn options(&self) -> &DocBuf {
        &self.options
    }

    /// Puts other indexes in place of the collection's.
    pub fn set_indexes(&mut self, indexes: Vec<Arc<Index>>) {
        self.indexes = indexes;
        self.indexes_version += 1;
    }

    /// The collection's present name.
    pub fn ns(&self) -> &Namespace {
        &self.ns
    }

    /// Whether the collection's life has ended.
    pub fn is_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Ends the collection's life.
    pub fn end(&mut self, why: End) {
        self.end = Some(why);
    }

    /// Gives the collection another name.
    pub fn rename(&mut self, ns: Namespace) {
        self.ns = ns;
    }
}

impl<'c> Shared<'c> {
    /// The collection itself.
    pub fn collection(&self) -> &'c Arc<Collection> {
        self.coll
    }

    /// Where writes are logged.
    pub fn log(&self) -> Option<&'c Arc<Oplog>> {
        self.coll.log.as_ref()
    }

    /// The last record to be read, where later ones are not to be seen yet.
    pub fn last_record(&self) -> Option<i64> {
        self.last_record
    }

    /// The collection's UUID.
    pub fn uuid(&self) -> &'c [u8; 16] {
        &self.coll.uuid
    }

    /// Whether the log is to keep documents as they were before a change.
    pub fn keeps_images(&self) -> bool {
        let images = self.state.options.get("changeStreamPreAndPostImages").and_then(Value::as_doc);
        images.and_then(|images| images.get("enabled")).and_then(Value::as_bool) == Some(true)
    }

    /// The collection's present name.
    pub fn ns(&self) -> &Namespace {
        &self.state.ns
    }

    /// The collation of requests that name none.
    pub fn collation(&self) -> Option<&Arc<Collation>> {
        self.coll.collation.as_ref()
    }

    /// The table of documents.
    pub fn records(&self) -> &Table {
        &self.coll.records
    }

    /// All indexes, the one on `_id` first.
    pub fn indexes(&self) -> &[Arc<Index>] {
        &self.state.indexes
    }

    /// A number that is another one when the indexes are others.
    pub fn indexes_version(&self) -> u64 {
        self.state.indexes_version
    }

    /// The engine's plan cache.
    pub fn plan_cache(&self) -> &PlanCache {
        &self.coll.plan_cache
    }

    /// The index that gives a clustered collection its order.
    pub fn clustered_index(&self) -> Option<&Arc<Index>> {
        self.state.indexes.first().filter(|index| index.is_clustered())
    }

    /// The collection's options.
    pub fn options(&self) -> &RawDoc {
        &self.state.options
    }

    /// What the options ask of documents.
    pub fn rules(&self) -> &Rules {
        &self.state.rules
    }

    /// The table of the index on `_id`.
    pub fn id_table(&self) -> Option<&Table> {
        self.state.indexes.first().map(|index| index.table())
    }

    /// Whether the collection is capped.
    pub fn is_capped(&self) -> bool {
        self.state.rules.capped.is_some()
    }

    /// The turn of a writer, to be held from before its first change until after its commit.
    pub fn turn(&self) -> Option<MutexGuard<'c, ()>> {
        self.is_capped().then(|| self.coll.order.lock())
    }

    /// Counts and confirms what a commit changed.
    pub fn committed(&self, delta: &Delta) {
        self.coll.sizes.apply(delta.sizes);
        if let Some(first) = delta.first_record {
            self.coll.first_record.store(first, Ordering::Relaxed);
        }
        if self.state.rules.capped.is_some() {
            self.coll.arrivals.raise();
        }
        for (at, arrays) in &delta.arrays {
            if let Some(index) = self.state.indexes.get(*at) {
                index.confirm_arrays(arrays);
            }
        }
    }

    fn new_record_id(&self) -> i64 {
        self.coll.new_record_id()
    }
}

/// A document that a [`checked_document`] has been before.
#[inline]
pub(crate) fn stored_document(bytes: &[u8]) -> &RawDoc {
    RawDoc::from_stored(bytes).or_else(|| before_checksum(bytes)).unwrap_or(RawDoc::EMPTY)
}

/// Entries of the log have a checksum behind them.
#[cold]
fn before_checksum(bytes: &[u8]) -> Option<&RawDoc> {
    bytes.len().checked_sub(oplog::CHECKSUM_BYTES).and_then(|end| RawDoc::from_stored(&bytes[..end]))
}

/// Whether writes to a collection are logged: all are but those that are about this server alone.
fn is_logged(ns: &Namespace) -> bool {
    ns.db() != "local" && ns.coll() != "system.profile" && ns.full() != "config.system.preimages"
}

/// A document as it comes from a table of documents; damage is an error.
#[inline]
pub(crate) fn checked_document(bytes: &[u8]) -> Result<&RawDoc> {
    RawDoc::from_stored(bytes).or_else(|| before_checksum(bytes)).ok_or_else(damaged_document)
}

#[cold]
fn damaged_document() -> Error {
    Error::new(Code::INVALID_BSON, "Stored bytes are no BSON document; run validate on the collection")
}

/// The `_id` of a document.
pub(crate) fn id_of(doc: &RawDoc) -> Value<'_> {
    doc.get("_id").unwrap_or(Value::NOTHING)
}
