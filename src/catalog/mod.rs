//! Which collections exist.
//!
//! One table holds an entry for each ([`entry`]); in memory a map from namespace to [`Collection`] answers every
//! operation. Changes are made one at a time, first on disk, then in memory, while the collections they concern are
//! locked exclusively. Databases exist as long as they have collections.
//!
//! Tables are made before the entry that names them and dropped after it is gone. A crash in between leaves a table
//! that no entry names; opening removes such tables.
//!
//! The catalog does not know how documents are read or written.

mod clustered;
pub(crate) mod entry;
mod indexes;
mod listing;
mod log;
mod options;
mod store;
mod validators;
mod views;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock, RwLockWriteGuard};
use smongo_storage::{Engine as Storage, Error as StorageError, Table};
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc};

use crate::collection::{Collection, End, State};
use crate::error::{Error, Result};
use crate::index;
use crate::oplog::{Operations, Oplog};
use crate::plan_cache::PlanCache;
use crate::request::{ModifyCollectionRequest, Namespace};
use crate::spill::Workspace;
use entry::{Entry, IndexEntry};
use store::Store;

pub(crate) use listing::{collection_document, database_document, view_document};
pub(crate) use options::check_storage_engine;
pub(crate) use views::{SYSTEM_VIEWS, View, ViewTable, is_a_view, joined};

/// How long a transaction waits for others that change the catalog. MongoDB: `maxTransactionLockRequestTimeoutMillis`, 5;
/// its locks are a collection's, this one is everybody's.
const TRANSACTION_LOCK_WAIT: Duration = Duration::from_secs(1);

/// All collections of a data directory.
#[derive(Debug)]
pub(crate) struct Catalog {
    storage: Storage,
    store: Store,
    /// For what builds of indexes cannot hold in memory.
    workspace: Workspace,
    /// The number of the next table.
    next_ident: AtomicU64,
    collections: RwLock<BTreeMap<Namespace, Arc<Collection>>>,
    plan_cache: Arc<PlanCache>,
    /// Changes only while `changing` is held.
    views: RwLock<Arc<ViewTable>>,
    oplog: Arc<Oplog>,
    /// The log, as a collection to read.
    log: Arc<Collection>,
    /// Held while something changes.
    changing: Mutex<Changes>,
}

/// What changes of the catalog leave for later ones.
#[derive(Debug, Default)]
struct Changes {
    /// Tables that are still to be dropped, because someone used them.
    tables_to_drop: Vec<Table>,
    closed: bool,
}

impl Catalog {
    /// Reads the catalog and opens every collection in it.
    pub fn open(storage: Storage, workspace: Workspace, oplog: Arc<Oplog>) -> Result<Self> {
        let store = Store::open(storage.clone(), Arc::clone(&oplog))?;
        let entries = store.entries()?;
        remove_orphans(&storage, &entries)?;
        let mut sizes = store.take_sizes()?;
        let mut collections = BTreeMap::new();
        let plan_cache = Arc::default();
        // A crash while a table came or went can leave a part of it, whose name must not be used again.
        let idents = storage.names_in_use()?;
        let next_ident = idents.iter().filter_map(|ident| ident_number(ident)).max().map_or(1, |last| last + 1);
        for entry in entries {
            let size = sizes.remove(&entry.ident);
            let opened = Collection::open(&storage, entry.clone(), size, &plan_cache, &oplog)?;
            collections.insert(entry.ns, Arc::new(opened));
        }
        Ok(Self {
            storage,
            store,
            workspace,
            log: Arc::new(Collection::of_log(&oplog, &plan_cache)?),
            oplog,
            next_ident: AtomicU64::new(next_ident),
            collections: RwLock::new(collections),
            plan_cache,
            views: RwLock::default(),
            changing: Mutex::default(),
        })
    }

    /// Ends all reading and writing, and notes what the next opening can use.
    pub fn close(&self) -> Result<()> {
        let mut changes = self.changing.lock();
        if std::mem::replace(&mut changes.closed, true) {
            return Ok(());
        }
        let collections = self.collections.read();
        let mut sizes = Vec::new();
        for coll in collections.values() {
            coll.lock_exclusively().end(End::Closed);
            sizes.extend(coll.known_sizes().map(|size| (coll.ident(), size)));
        }
        self.store.put_sizes(&sizes)
    }

    /// The right to change the catalog.
    fn change(&self) -> Result<MutexGuard<'_, Changes>> {
        let changes = self.changing.lock();
        if changes.closed {
            return Err(Error::new(Code::INTERRUPTED_AT_SHUTDOWN, "interrupted at shutdown"));
        }
        Ok(changes)
    }

    /// The table of the catalog itself.
    pub fn table(&self) -> &Table {
        self.store.table()
    }

    /// The plan cache of all collections.
    pub fn plan_cache(&self) -> &PlanCache {
        &self.plan_cache
    }

    /// The collection of this name that clients may change.
    pub fn get(&self, ns: &Namespace) -> Option<Arc<Collection>> {
        self.collections.read().get(ns).cloned()
    }

    /// The collection with this UUID.
    pub fn by_uuid(&self, uuid: &[u8; 16]) -> Option<Arc<Collection>> {
        self.collections.read().values().find(|coll| coll.uuid() == uuid).cloned()
    }

    /// The log of operations, as a collection to read.
    pub fn log(&self) -> Arc<Collection> {
        Arc::clone(&self.log)
    }

    /// The collection of this name for reading: the log of operations, too.
    pub fn readable(&self, ns: &Namespace) -> Option<Arc<Collection>> {
        if ns.is_log() { Some(Arc::clone(&self.log)) } else { self.get(ns) }
    }

    /// Makes a collection for a transaction, which must not wait for others that change the catalog.
    pub fn create_in_transaction(&self, ns: &Namespace, options: &RawDoc) -> Result<()> {
        ns.check_creatable()?;
        let options = options::normalize(ns, options)?;
        let mut changing = self.changing.try_lock_for(TRANSACTION_LOCK_WAIT).ok_or_else(|| {
            let wait = TRANSACTION_LOCK_WAIT.as_millis();
            let message = format!(
                "Unable to acquire IX lock on the catalog within a max lock request timeout of '{wait}ms' milliseconds."
            );
            Error::new(Code::LOCK_TIMEOUT, message)
        })?;
        match self.get(ns) {
            Some(coll) if options::same(&coll.options(), &options) => Ok(()),
            Some(_) => Err(Error::new(
                Code::NAMESPACE_EXISTS,
                format!("namespace {ns} already exists, but with other options"),
            )),
            None => self.make(&mut changing, ns, options).map(drop),
        }
    }

    /// The collection of this name; fails when it is a view's.
    pub fn get_collection(&self, ns: &Namespace) -> Result<Option<Arc<Collection>>> {
        match self.get(ns) {
            None if self.is_view(ns) => Err(is_a_view(ns)),
            found => Ok(found),
        }
    }

    /// The collection of this name for reading; fails when it is a view's.
    pub fn readable_collection(&self, ns: &Namespace) -> Result<Option<Arc<Collection>>> {
        if ns.is_log() { Ok(self.readable(ns)) } else { self.get_collection(ns) }
    }

    /// The views there are now.
    pub fn views(&self) -> Arc<ViewTable> {
        Arc::clone(&self.views.read())
    }

    /// Whether a name is that of a view.
    pub fn is_view(&self, ns: &Namespace) -> bool {
        self.views.read().get(ns).is_some()
    }

    /// Puts other views in place, while no collection comes or goes.
    pub fn change_views(&self, change: impl FnOnce(&ViewTable) -> Result<ViewTable>) -> Result<()> {
        let _changing = self.change()?;
        let changed = change(&self.views())?;
        *self.views.write() = Arc::new(changed);
        Ok(())
    }

    fn forget_views(&self, db: &str) {
        let kept = self.views().with_database(db, []);
        *self.views.write() = Arc::new(kept);
    }

    /// The collections of a database, by name.
    pub fn in_database(&self, db: &str) -> Vec<Arc<Collection>> {
        let from = Namespace::trusted(db, "");
        let collections = self.collections.read();
        let tail = collections.range((Bound::Included(from), Bound::Unbounded));
        tail.take_while(|(ns, _)| ns.db() == db).map(|(_, coll)| Arc::clone(coll)).collect()
    }

    /// The databases that have collections, by name.
    pub fn databases(&self) -> BTreeSet<String> {
        self.collections.read().keys().map(|ns| ns.db().to_owned()).collect()
    }

    /// Makes a collection. One with the same options may exist already.
    pub fn create(&self, ns: &Namespace, options: &RawDoc) -> Result<()> {
        ns.check_creatable()?;
        let options = options::normalize(ns, options)?;
        let mut changing = self.change()?;
        if self.is_view(ns) {
            return Err(Error::new(Code::NAMESPACE_EXISTS, format!("A view already exists. NS: {ns}")));
        }
        match self.get(ns) {
            Some(coll) if options::same(&coll.options(), &options) => Ok(()),
            Some(_) => Err(Error::new(
                Code::NAMESPACE_EXISTS,
                format!("namespace {ns} already exists, but with other options"),
            )),
            None => self.make(&mut changing, ns, options).map(drop),
        }
    }

    /// The collection of this name, made without options when there is none.
    pub fn get_or_create(&self, ns: &Namespace) -> Result<Arc<Collection>> {
        if let Some(coll) = self.get(ns) {
            return Ok(coll);
        }
        ns.check_creatable()?;
        let mut changing = self.change()?;
        match self.get_collection(ns)? {
            Some(coll) => Ok(coll),
            None => self.make(&mut changing, ns, DocBuf::new()),
        }
    }

    fn make(&self, changing: &mut MutexGuard<'_, Changes>, ns: &Namespace, options: DocBuf) -> Result<Arc<Collection>> {
        self.check_database_case(ns.db())?;
        self.drop_tables(changing, Vec::new());
        let number = self.next_ident.fetch_add(2, Ordering::Relaxed);
        let spec = match clustered::index_spec(&options) {
            Some(spec) => index::in_collection(&spec, &options)?,
            None => index::id_spec(&options),
        };
        let entry = Entry {
            ns: ns.clone(),
            ident: format!("collection-{number}"),
            uuid: entry::new_uuid(),
            indexes: vec![IndexEntry { spec, ident: format!("index-{}", number + 1) }],
            options,
        };
        let coll = Arc::new(Collection::create(&self.storage, entry.clone(), &self.plan_cache, &self.oplog)?);
        let mut logged = Operations::default();
        log::created(&mut logged, &entry);
        self.store.replace(&[], &[entry], &logged)?;
        coll.changed_at(self.oplog.now());
        self.collections.write().insert(ns.clone(), Arc::clone(&coll));
        Ok(coll)
    }

    /// Two databases whose names differ only in case cannot live together.
    fn check_database_case(&self, db: &str) -> Result<()> {
        match self.databases().iter().find(|other| *other != db && other.to_lowercase() == db.to_lowercase()) {
            None => Ok(()),
            Some(other) => Err(Error::new(
                Code::DATABASE_DIFFER_CASE,
                format!("db already exists with different case already have: [{other}] trying to create [{db}]"),
            )),
        }
    }

    /// Drops a collection; gives the number of indexes it had, or `None` when there was no such collection.
    pub fn drop_collection(&self, ns: &Namespace) -> Result<Option<usize>> {
        let mut changing = self.change()?;
        let Some(coll) = self.get(ns) else { return Ok(None) };
        let indexes = self.remove(&mut changing, &[ns], &[&coll])?;
        if ns.coll() == SYSTEM_VIEWS {
            self.forget_views(ns.db());
        }
        Ok(Some(indexes))
    }

    /// Drops all collections of a database; false when there was none.
    pub fn drop_database(&self, db: &str) -> Result<bool> {
        let mut changing = self.change()?;
        let collections = self.in_database(db);
        for coll in &collections {
            self.remove(&mut changing, &[&coll.ns()], &[coll])?;
        }
        self.forget_views(db);
        if !collections.is_empty() {
            let mut logged = Operations::default();
            log::dropped_database(&mut logged, db);
            self.oplog.write_alone(&logged)?;
        }
        Ok(!collections.is_empty())
    }

    /// Changes a collection's options.
    pub fn modify(&self, request: &ModifyCollectionRequest<'_>) -> Result<()> {
        let ns = &request.ns;
        let _changing = self.change()?;
        let missing = || Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}"));
        let coll = self.get(ns).ok_or_else(missing)?;
        let mut state = coll.lock_exclusively();
        let options = options::modified(state.options(), request)?;
        let mut entry = coll.entry(&state);
        entry.options = options.clone();
        let mut logged = Operations::default();
        log::modified(&mut logged, ns, coll.uuid(), request);
        self.store.replace(&[], &[entry], &logged)?;
        coll.set_options(&mut state, options);
        Ok(())
    }

    /// Gives a collection another name; the collection that has it goes when `drop_target` allows.
    pub fn rename(&self, from: &Namespace, to: &Namespace, drop_target: bool) -> Result<()> {
        let mut changing = self.change()?;
        if self.is_view(from) {
            return Err(Error::new(Code::COMMAND_NOT_SUPPORTED_ON_VIEW, format!("cannot rename view: {from}")));
        }
        let Some(coll) = self.get(from) else {
            return Err(Error::new(Code::NAMESPACE_NOT_FOUND, format!("Source collection {from} does not exist")));
        };
        if from == to {
            return Err(Error::new(Code::ILLEGAL_OPERATION, "Can't rename a collection to itself"));
        }
        if is_log(to) {
            return Err(Error::new(Code::ILLEGAL_OPERATION, "Cannot rename collections to the oplog"));
        }
        to.check_creatable()?;
        self.check_database_case(to.db())?;
        if self.is_view(to) {
            let message = format!("a view already exists with that name: {to}");
            return Err(Error::new(Code::NAMESPACE_EXISTS, message));
        }
        let target = self.get(to);
        if target.is_some() && !drop_target {
            return Err(Error::new(Code::NAMESPACE_EXISTS, "target namespace exists"));
        }
        let mut state = coll.lock_exclusively();
        let mut target_state = target.as_ref().map(|target| target.lock_exclusively());
        let mut entry = coll.entry(&state);
        entry.ns = to.clone();
        let mut logged = Operations::default();
        let replaced = target.as_ref().map(|target| target.uuid());
        log::renamed(&mut logged, coll.uuid(), from, to, replaced);
        self.store.replace(&[from, to], &[entry], &logged)?;
        state.rename(to.clone());
        let mut collections = self.collections.write();
        collections.remove(from);
        collections.insert(to.clone(), Arc::clone(&coll));
        drop(collections);
        if let (Some(target), Some(target_state)) = (&target, &mut target_state) {
            target_state.end(End::Dropped);
            let tables = target.tables(target_state);
            drop(state);
            self.drop_tables(&mut changing, tables);
        }
        Ok(())
    }

    /// Removes collections from disk and memory; gives the number of indexes they had.
    fn remove(
        &self,
        changing: &mut MutexGuard<'_, Changes>,
        names: &[&Namespace],
        collections: &[&Arc<Collection>],
    ) -> Result<usize> {
        let states = collections.iter().map(|coll| coll.lock_exclusively()).collect();
        self.remove_locked(changing, names, collections, states)
    }

    /// Drops a collection that is empty and in which nobody works; another stays.
    pub fn drop_if_unused(&self, ns: &Namespace) -> Result<()> {
        let mut changing = self.change()?;
        let Some(coll) = self.get(ns) else { return Ok(()) };
        let Some(state) = coll.try_lock_exclusively() else { return Ok(()) };
        if coll.known_sizes().is_none_or(|sizes| sizes.documents > 0) {
            return Ok(());
        }
        self.remove_locked(&mut changing, &[ns], &[&coll], vec![state]).map(drop)
    }

    /// [`Catalog::remove`], with the collections locked.
    fn remove_locked(
        &self,
        changing: &mut MutexGuard<'_, Changes>,
        names: &[&Namespace],
        collections: &[&Arc<Collection>],
        mut states: Vec<RwLockWriteGuard<'_, State>>,
    ) -> Result<usize> {
        let mut logged = Operations::default();
        for (coll, ns) in collections.iter().zip(names) {
            log::dropped(&mut logged, ns, coll.uuid());
        }
        self.store.replace(names, &[], &logged)?;
        let mut tables = Vec::new();
        let mut indexes = 0;
        for (coll, state) in collections.iter().zip(&mut states) {
            indexes += state.index_count();
            state.end(End::Dropped);
            tables.extend(coll.tables(state));
        }
        drop(states);
        let mut map = self.collections.write();
        for ns in names {
            map.remove(*ns);
        }
        drop(map);
        self.drop_tables(changing, tables);
        Ok(indexes)
    }

    /// Drops tables that no entry names any more, and those that earlier attempts left. What cannot be dropped now is
    /// tried again with the next change, and at the latest when the database is next opened.
    fn drop_tables(&self, changing: &mut MutexGuard<'_, Changes>, tables: Vec<Table>) {
        changing.tables_to_drop.extend(tables);
        let mut busy = false;
        // One that is in use costs the wait for its users; the others then wait for the next change.
        changing.tables_to_drop.retain(|table| {
            busy = busy || matches!(self.storage.drop_table(table), Err(StorageError::Busy(_)));
            busy
        });
    }
}

/// Whether a name is kept for logs: there is one, `local.oplog.rs`, and no other collection may become one.
fn is_log(ns: &Namespace) -> bool {
    ns.db() == "local" && ns.coll().strip_prefix("oplog.").is_some_and(|rest| !rest.is_empty())
}

/// The number in the name of a table that the catalog made.
fn ident_number(ident: &str) -> Option<u64> {
    let (kind, number) = ident.rsplit_once('-')?;
    matches!(kind, "collection" | "index").then(|| number.parse().ok()).flatten()
}

/// Drops tables that a crash left without an entry.
fn remove_orphans(storage: &Storage, entries: &[Entry]) -> Result<()> {
    let named: HashSet<&str> = entries
        .iter()
        .flat_map(|entry| entry.indexes.iter().map(|index| index.ident.as_str()).chain([entry.ident.as_str()]))
        .collect();
    for name in storage.list_tables()? {
        if ident_number(&name).is_some() && !named.contains(name.as_str()) {
            storage.drop_table(&storage.table(&name)?)?;
        }
    }
    Ok(())
}
