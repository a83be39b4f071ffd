//! Making and dropping indexes.
//!
//! An index is built while its collection is locked, and named in the catalog last: before that it is a table that no
//! entry names, which a crash leaves to the next opening to remove.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::entry::{IndexEntry, new_uuid, uuid_text};
use super::{Catalog, clustered, is_log, log};
use crate::collection::{Collection, State, checked_document};
use crate::error::{Error, Result};
use crate::index::{self, Builder, Index, SpecChanges};
use crate::oplog::Operations;
use crate::request::{
    CreateIndexesRequest, CreatedIndexes, IndexSelection, ModifiedIndex, ModifyIndexRequest, Namespace, OpContext,
};
use crate::shell_text::ShellText;

/// The most indexes of a collection; MongoDB's limit.
const MAX_INDEXES: usize = 64;

/// How many documents of a build pass between two looks at whether to go on.
const DOCUMENTS_PER_CHECK: u64 = 1024;

/// How often a request looks again for a collection that was dropped under it.
const ATTEMPTS_MAX: u32 = 100;

impl Catalog {
    /// Makes the indexes that are not there yet, all or none. The collection is made when there is none.
    pub fn create_indexes(&self, op: &OpContext, request: &CreateIndexesRequest<'_>) -> Result<CreatedIndexes> {
        let ns = &request.ns;
        if is_log(ns) {
            return Err(Error::new(Code::CANNOT_CREATE_INDEX, "cannot create index on the oplog"));
        }
        let normalize = |spec| index::normalize(spec, request.ignore_unknown_options);
        let wanted = request.specs.iter().copied().map(normalize).collect::<Result<Vec<DocBuf>>>()?;
        if ns.coll().starts_with("system.") && wanted.iter().any(|spec| spec.get("hidden").is_some()) {
            return Err(Error::new(Code::BAD_VALUE, "Can't hide index on system collection"));
        }
        let mut created_collection = false;
        for _ in 0..ATTEMPTS_MAX {
            if self.get(ns).is_none() {
                // What is wrong with the descriptions must not leave a collection behind.
                let options = RawDoc::EMPTY;
                missing_of(ns, &in_collection(&wanted, options)?, &[index::id_spec(options)])?;
                created_collection = true;
            }
            let coll = self.get_or_create(ns)?;
            let mut changing = self.change()?;
            let mut state = coll.lock_exclusively();
            if state.is_ended() {
                continue;
            }
            let known: Vec<DocBuf> = state.indexes().iter().map(|index| index.entry().spec.clone()).collect();
            let specs = missing_of(ns, &in_collection(&wanted, state.options())?, &known)?;
            let before = state.index_count();
            if !specs.is_empty() {
                let mut made = Vec::new();
                let built = self.build(op, &coll, &state, specs, &mut made);
                let mut indexes = state.indexes().to_vec();
                indexes.extend(made.iter().cloned());
                let mut logged = Operations::default();
                log::created_indexes(&mut logged, state.ns(), coll.uuid(), &made);
                let listed = built.and_then(|()| self.list(&coll, &state, &indexes, &logged));
                if let Err(error) = listed {
                    drop(state);
                    self.drop_tables(&mut changing, made.iter().map(|index| index.table().clone()).collect());
                    return Err(error);
                }
                state.set_indexes(indexes);
                coll.changed_at(self.oplog.now());
            }
            let after = state.index_count();
            return Ok(CreatedIndexes { before: count(before), after: count(after), created_collection });
        }
        Err(Error::new(Code::QUERY_PLAN_KILLED, format!("collection dropped: {ns}")))
    }

    /// Makes indexes with the keys of all documents there are. What was made is in `made`, also after a failure.
    fn build(
        &self,
        op: &OpContext,
        coll: &Collection,
        state: &State,
        specs: Vec<DocBuf>,
        made: &mut Vec<Arc<Index>>,
    ) -> Result<()> {
        for spec in specs {
            let number = self.next_ident.fetch_add(1, Ordering::Relaxed);
            let entry = IndexEntry { spec, ident: format!("index-{number}") };
            made.push(Arc::new(Index::create(&self.storage, entry)?));
        }
        let mut builders = Builder::of(made, state.ns(), &self.storage, &self.workspace);
        self.fill(op, coll, &mut builders).map_err(|error| build_failed(coll, state.ns(), error))
    }

    fn fill(&self, op: &OpContext, coll: &Collection, builders: &mut Vec<Builder<'_>>) -> Result<()> {
        let session = self.storage.session()?;
        let mut records = session.cursor(coll.records())?;
        let mut documents = 0u64;
        let known = coll.known_sizes().and_then(|sizes| u64::try_from(sizes.documents).ok());
        op.begin_phase("Index Build: scanning collection", known.unwrap_or(0));
        while records.next_value()?.is_some() {
            let record_id = records.record_id();
            let doc = checked_document(records.value())?;
            for builder in builders.iter_mut() {
                builder.add(doc, record_id)?;
            }
            documents += 1;
            if documents.is_multiple_of(DOCUMENTS_PER_CHECK) {
                op.advance(documents)?;
            }
        }
        drop(records);
        builders.drain(..).try_for_each(|builder| builder.finish(op))
    }

    /// Drops indexes; gives how many the collection had.
    pub fn drop_indexes(&self, ns: &Namespace, which: &IndexSelection<'_>) -> Result<u32> {
        let mut changing = self.change()?;
        let missing = || Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns not found {ns}"));
        let coll = self.get_collection(ns)?.ok_or_else(missing)?;
        let mut state = coll.lock_exclusively();
        if state.is_ended() {
            return Err(missing());
        }
        let before = state.index_count();
        let (gone, kept): (Vec<_>, Vec<_>) = {
            let chosen = chosen(&state, which)?;
            state.indexes().iter().cloned().partition(|index| chosen.contains(&index.name()))
        };
        if !gone.is_empty() {
            let mut logged = Operations::default();
            log::dropped_indexes(&mut logged, state.ns(), coll.uuid(), &gone);
            self.list(&coll, &state, &kept, &logged)?;
            state.set_indexes(kept);
            drop(state);
            self.drop_tables(&mut changing, gone.iter().map(|index| index.table().clone()).collect());
        }
        Ok(count(before))
    }

    /// Makes all indexes of a collection anew; gives their descriptions.
    pub fn rebuild_indexes(&self, op: &OpContext, ns: &Namespace) -> Result<Vec<DocBuf>> {
        let mut changing = self.change()?;
        if is_log(ns) {
            return Err(Error::new(Code::ILLEGAL_OPERATION, format!("{ns} has no indexes")));
        }
        let missing = || Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}"));
        let coll = self.get(ns).ok_or_else(missing)?;
        let mut state = coll.lock_exclusively();
        if state.is_ended() {
            return Err(missing());
        }
        let specs: Vec<DocBuf> = state.indexes().iter().map(|index| index.entry().spec.clone()).collect();
        let mut made = Vec::new();
        let built = self.build(op, &coll, &state, specs.clone(), &mut made);
        let listed = built.and_then(|()| self.list(&coll, &state, &made, &Operations::default()));
        let gone = match listed {
            Ok(()) => {
                let gone = state.indexes().to_vec();
                state.set_indexes(made);
                coll.changed_at(self.oplog.now());
                gone
            }
            Err(_) => made,
        };
        drop(state);
        self.drop_tables(&mut changing, gone.iter().map(|index| index.table().clone()).collect());
        listed.map(|()| specs)
    }

    /// Changes an index's options.
    pub fn modify_index(&self, op: &OpContext, request: &ModifyIndexRequest<'_>) -> Result<ModifiedIndex> {
        let ns = &request.ns;
        let mut changing = self.change()?;
        let missing = || Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}"));
        let coll = self.get(ns).ok_or_else(missing)?;
        let mut state = coll.lock_exclusively();
        let mut indexes = state.indexes().to_vec();
        let is_named = matches!(request.index, IndexSelection::Names(_));
        let selected = |index: &&mut Arc<Index>| is_selected(index, &request.index);
        let found = indexes.iter_mut().find(selected).filter(|index| !index.is_clustered() || is_named);
        let Some(index) = found else {
            let wanted = match &request.index {
                IndexSelection::Pattern(pattern) => ShellText(Value::document(pattern)).to_string(),
                IndexSelection::Names(names) => names.join(", "),
                IndexSelection::All => String::new(),
            };
            return Err(Error::new(Code::INDEX_NOT_FOUND, format!("cannot find index {wanted} for ns {ns}")));
        };
        if index.is_clustered() {
            return Err(Error::new(Code(6_011_800), "Cannot hide or unhide the clustered index"));
        }
        if index.is_id() && request.hidden.is_some() {
            return Err(Error::new(Code::BAD_VALUE, "can't hide _id index"));
        }
        let spec = &index.entry().spec;
        let seconds = |spec: &DocBuf| spec.get("expireAfterSeconds").and_then(Value::as_integer);
        let changes = SpecChanges {
            hidden: request.hidden,
            expire_after_seconds: request.expire_after_seconds,
            prepare_unique: request.prepare_unique,
        };
        let changed = index::with_changes(spec, &changes)?;
        if request.make_unique && !index.is_unique() {
            if !index.prepares_unique() && !request.is_dry_run {
                return Err(Error::new(
                    Code::INVALID_OPTIONS,
                    "Cannot make index unique with 'prepareUnique=false'. Run collMod to set it first.",
                ));
            }
            let session = self.storage.session()?;
            index.check_unique(&mut session.cursor(index.table())?, &mut session.cursor(coll.records())?)?;
        }
        if request.is_dry_run {
            return Ok(ModifiedIndex::default());
        }
        let was_hidden = index.description().is_hidden;
        let modified = ModifiedIndex {
            hidden: request.hidden.filter(|hidden| *hidden != was_hidden).map(|hidden| (was_hidden, hidden)),
            expire_after_seconds: request
                .expire_after_seconds
                .and_then(|_| Some((seconds(spec), seconds(&changed)?)))
                .filter(|(old, new)| *old != Some(*new)),
            prepare_unique: request
                .prepare_unique
                .map(|new| (index.prepares_unique(), new))
                .filter(|(old, new)| old != new && !index.is_unique()),
            made_unique: request.make_unique && !index.is_unique(),
        };
        if modified.made_unique {
            let mut made = Vec::new();
            let built = self.build(op, &coll, &state, vec![index::made_unique(&changed)], &mut made);
            let (old, name) = (index.table().clone(), index.name().to_owned());
            let place = indexes.iter().position(|index| *index.table() == old);
            if let (Some(place), Some(new)) = (place, made.first()) {
                indexes[place] = Arc::clone(new);
            }
            let mut logged = Operations::default();
            log::modified_index(&mut logged, state.ns(), coll.uuid(), &name, request);
            if let Err(error) = built.and_then(|()| self.list(&coll, &state, &indexes, &logged)) {
                drop(state);
                self.drop_tables(&mut changing, made.iter().map(|index| index.table().clone()).collect());
                return Err(error);
            }
            state.set_indexes(indexes);
            coll.changed_at(self.oplog.now());
            drop(state);
            self.drop_tables(&mut changing, vec![old]);
            return Ok(modified);
        }
        if modified != ModifiedIndex::default() {
            let name = index.name().to_owned();
            let entry = IndexEntry { spec: changed, ident: index.entry().ident.clone() };
            *index = Arc::new(Index::open(&self.storage, entry)?);
            let mut logged = Operations::default();
            log::modified_index(&mut logged, state.ns(), coll.uuid(), &name, request);
            self.list(&coll, &state, &indexes, &logged)?;
            state.set_indexes(indexes);
        }
        Ok(modified)
    }

    /// Sets after how many seconds the documents of a clustered collection go; `None` keeps them.
    pub fn set_expiry(&self, ns: &Namespace, expiry: Option<Value<'_>>) -> Result<()> {
        let _changing = self.change()?;
        let missing = || Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}"));
        let coll = self.get(ns).ok_or_else(missing)?;
        let mut state = coll.lock_exclusively();
        let expiry = expiry.map(clustered::seconds).transpose()?;
        let options = clustered::with_expiry(state.options(), expiry)?;
        let mut entry = coll.entry(&state);
        entry.options = options.clone();
        let mut logged = Operations::default();
        log::changed_expiry(&mut logged, state.ns(), coll.uuid(), expiry);
        self.store.replace(&[], &[entry], &logged)?;
        coll.set_options(&mut state, options);
        Ok(())
    }

    /// Writes the collection's entry with these indexes.
    fn list(&self, coll: &Collection, state: &State, indexes: &[Arc<Index>], logged: &Operations) -> Result<()> {
        let mut entry = coll.entry(state);
        entry.indexes = indexes.iter().map(|index| index.entry().clone()).collect();
        self.store.replace(&[], &[entry], logged)
    }
}

fn count(indexes: usize) -> u32 {
    u32::try_from(indexes).unwrap_or(u32::MAX)
}

/// The descriptions of `wanted` that are not among `known`.
fn in_collection(wanted: &[DocBuf], options: &RawDoc) -> Result<Vec<DocBuf>> {
    wanted.iter().map(|spec| index::in_collection(spec, options)).collect()
}

fn missing_of(ns: &Namespace, wanted: &[DocBuf], known: &[DocBuf]) -> Result<Vec<DocBuf>> {
    let mut missing: Vec<DocBuf> = Vec::new();
    for spec in wanted {
        if index::check_conflicts(spec, known.iter().map(DocBuf::as_doc))? {
            continue;
        }
        if index::check_conflicts(spec, missing.iter().map(DocBuf::as_doc))? {
            return Err(Error::new(
                Code::INDEX_ALREADY_EXISTS,
                format!("Identical index already exists: {}", index::name_of(spec)),
            ));
        }
        if known.len() + missing.len() >= MAX_INDEXES {
            let key = ShellText(Value::document(index::pattern_of(spec)));
            return Err(Error::new(
                Code::CANNOT_CREATE_INDEX,
                format!("add index fails, too many indexes for {ns} key:{key}"),
            ));
        }
        missing.push(spec.clone());
    }
    Ok(missing)
}

/// Whether an index is the one that is asked for.
fn is_selected(index: &Index, selection: &IndexSelection<'_>) -> bool {
    match selection {
        IndexSelection::All => false,
        IndexSelection::Names(names) => names.contains(&index.name()),
        IndexSelection::Pattern(pattern) => index::same_pattern(index.key_pattern(), pattern),
    }
}

/// The names of the indexes that a request wants dropped.
fn chosen<'s>(state: &'s State, which: &IndexSelection<'_>) -> Result<Vec<&'s str>> {
    let not_id = |index: &'s Arc<Index>| {
        if index.is_clustered() {
            let message = "Cannot drop the clustered index. Try dropping the collection instead";
            return Err(Error::new(Code(5_979_800), message));
        }
        match index.is_id() {
            true => Err(Error::new(Code::INVALID_OPTIONS, "cannot drop _id index")),
            false => Ok(index.name()),
        }
    };
    match which {
        IndexSelection::All => Ok(secondary(state)),
        IndexSelection::Names(names) if names.contains(&"*") => Ok(secondary(state)),
        IndexSelection::Names(names) => names
            .iter()
            .map(|name| {
                let named = state.indexes().iter().find(|index| index.name() == *name);
                named.map(not_id).unwrap_or_else(|| {
                    Err(Error::new(Code::INDEX_NOT_FOUND, format!("index not found with name [{name}]")))
                })
            })
            .collect(),
        IndexSelection::Pattern(pattern) => {
            let matching: Vec<_> =
                state.indexes().iter().filter(|index| index::same_pattern(index.key_pattern(), pattern)).collect();
            let shown = ShellText(Value::document(pattern));
            match matching.as_slice() {
                [] => Err(Error::new(Code::INDEX_NOT_FOUND, format!("can't find index with key: {shown}"))),
                [one] => not_id(one).map(|name| vec![name]),
                several => Err(Error::new(
                    Code::AMBIGUOUS_INDEX_KEY_PATTERN,
                    format!(
                        "{} indexes found for key: {shown}, identify by name instead. Conflicting indexes: {}",
                        several.len(),
                        several.iter().map(|index| index.name()).collect::<Vec<_>>().join(", ")
                    ),
                )),
            }
        }
    }
}

fn secondary(state: &State) -> Vec<&str> {
    state.indexes().iter().filter(|index| !index.is_id()).map(|index| index.name()).collect()
}

/// The error of a build, with what was being built.
fn build_failed(coll: &Collection, ns: &Namespace, error: Error) -> Error {
    if error.ends_request() {
        return error;
    }
    let (build, coll) = (uuid_text(&new_uuid()), uuid_text(coll.uuid()));
    let context = format!("Index build failed: {build}: Collection {ns} ( {coll} ) :: caused by :: ");
    error.with_context(&context)
}
