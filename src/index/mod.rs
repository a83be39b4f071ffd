//! Indexes: tables of keys made from documents.
//!
//! An [`Index`] is a table and a [`KeyGenerator`], the one thing in which kinds of indexes differ; one kind is one
//! file. Keys are made and entries written only here, by the collection's writer and by the [`Builder`].
//!
//! ```text
//! unique index   key    KeyString(fields)
//!                value  record id, 8 bytes big-endian ++ type bits
//! other indexes  key    KeyString(fields) ++ record id
//!                value  type bits
//! any index      key    00: where documents have arrays, see `multikey`
//! ```
//!
//! An index does not know which documents exist or how queries use it.

mod bounds;
mod build;
mod check;
mod duplicate;
mod fields;
mod id;
mod key_document;
mod keys;
mod multikey;
mod reach;
mod spec;
mod unique;
mod wildcard;
mod wildcard_spec;

use std::sync::Arc;

use smongo_compiler::plan::{
    FieldOrder, IndexDescription, IndexField, IndexView, PATH_FIELD, Wildcard, WildcardView, wildcard_arrays_on,
};
use smongo_compiler::{ParseContext, compile_filter};
use smongo_storage::{Cursor, Engine as Storage, Error as StorageError, KeyFormat, Table, TableOptions};
use smongo_vm::key::RECORD_ID_BYTES;
use smongo_vm::value::{ArrayComponents, FieldPath, RawDoc, Value};

use crate::catalog::entry::IndexEntry;
use crate::error::Result;
use crate::request::Namespace;
pub(crate) use bounds::{ABOVE, ScanBounds, Verdict};
pub(crate) use build::Builder;
pub(crate) use check::{Fault, FaultyEntry, IndexCheck, IndexFindings};
pub(crate) use id::{append_id_key, id_spec, is_id_pattern};
pub(crate) use key_document::{KeyDocuments, direction_of};
pub(crate) use keys::{KeyGenerator, KeyScratch, KeySet, Layout, record_id_of};
pub(crate) use multikey::{ArrayPaths, is_reserved};
pub(crate) use spec::{
    SpecChanges, check_conflicts, in_collection, made_unique, normalize, same_pattern, whole_seconds, with_changes,
};

use multikey::Multikey;
use reach::Reach;

/// An index of a collection.
#[derive(Debug)]
pub(crate) struct Index {
    entry: IndexEntry,
    table: Table,
    layout: Layout,
    description: Arc<IndexDescription>,
    keys: Box<dyn KeyGenerator>,
    multikey: Multikey,
    reach: Reach,
    is_clustered: bool,
    /// Whether it takes no key of two documents, although its entries have room for them.
    prepares_unique: bool,
}

impl Index {
    /// Makes the table of a new index.
    pub fn create(storage: &Storage, entry: IndexEntry) -> Result<Self> {
        let options = TableOptions::new(KeyFormat::Bytes).prefix_compression(true);
        let table = storage.create_table(&entry.ident, &options)?;
        Self::assemble(entry, table, |fields| Ok(Multikey::new(fields)))
    }

    /// Opens an index that the catalog lists.
    pub fn open(storage: &Storage, entry: IndexEntry) -> Result<Self> {
        let table = storage.table(&entry.ident)?;
        let session = storage.session()?;
        let multikey = |fields| Multikey::open(fields, &mut session.cursor(&table)?);
        Self::assemble(entry, table.clone(), multikey)
    }

    fn assemble(entry: IndexEntry, table: Table, multikey: impl FnOnce(usize) -> Result<Multikey>) -> Result<Self> {
        let (description, partial) = describe(&entry.spec)?;
        let multikey = multikey(description.fields.len())?;
        let is_id = is_id_pattern(pattern_of(&entry.spec));
        let reach = if is_id { Reach::nothing() } else { Reach::of(&description) };
        let description = Arc::new(description);
        let keys: Box<dyn KeyGenerator> = if is_id {
            Box::new(id::IdKeys)
        } else if let Some(keys) = wildcard::WildcardKeys::new(&description, partial.clone()) {
            Box::new(keys)
        } else {
            Box::new(fields::FieldKeys { description: Arc::clone(&description), partial })
        };
        let is_unique = is_id || entry.spec.get("unique").and_then(Value::as_bool) == Some(true);
        let layout = if is_unique { Layout::Unique } else { Layout::Shared };
        let is_clustered = entry.spec.get("clustered").is_some();
        let prepares_unique = entry.spec.get("prepareUnique").and_then(Value::as_bool) == Some(true) && !is_unique;
        Ok(Self { entry, table, layout, description, keys, multikey, reach, is_clustered, prepares_unique })
    }

    /// What the catalog keeps about the index.
    pub fn entry(&self) -> &IndexEntry {
        &self.entry
    }

    /// The index's name.
    pub fn name(&self) -> &str {
        name_of(&self.entry.spec)
    }

    /// The fields of the index with their directions or kinds.
    pub fn key_pattern(&self) -> &RawDoc {
        pattern_of(&self.entry.spec)
    }

    /// The table of its entries.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Whether it is the one on `_id`.
    pub fn is_id(&self) -> bool {
        is_id_pattern(self.key_pattern())
    }

    /// Whether it takes no key of two documents, although it is not unique.
    pub fn prepares_unique(&self) -> bool {
        self.prepares_unique
    }

    /// Whether it is the one by which a clustered collection is ordered.
    pub fn is_clustered(&self) -> bool {
        self.is_clustered
    }

    /// Whether each key is there once.
    pub fn is_unique(&self) -> bool {
        self.layout == Layout::Unique
    }

    /// What planners know of it.
    pub fn description(&self) -> &IndexDescription {
        &self.description
    }

    /// The index as planners see it now.
    pub fn view(&self) -> IndexView<'_> {
        let arrays = self.array_paths();
        let wildcard_arrays = self.description.wildcard.is_some().then(|| Arc::clone(arrays.below()));
        IndexView { description: &self.description, arrays: arrays.as_slice().to_vec(), wildcard_arrays }
    }

    /// For each field of the keys, where documents have arrays; of a wildcard index, as one on a path.
    pub fn arrays(&self, wildcard: Option<&WildcardView>) -> Vec<ArrayComponents> {
        let known = self.array_paths();
        let mut arrays = known.as_slice().to_vec();
        let place = self.description.wildcard.as_ref().map(Wildcard::value_place);
        if let (Some(view), Some(value)) = (wildcard, place.and_then(|place| arrays.get_mut(place))) {
            *value = wildcard_arrays_on(&view.path, Some(known.below()));
        }
        arrays
    }

    /// Where documents have arrays.
    pub fn array_paths(&self) -> ArrayPaths {
        self.multikey.paths()
    }

    /// Takes note that the transaction which brought arrays to new places has committed.
    pub fn confirm_arrays(&self, paths: &ArrayPaths) {
        self.multikey.confirm(paths);
    }

    /// The part of an entry's value that tells the types of its key's values.
    pub fn type_bits<'v>(&self, value: &'v [u8]) -> &'v [u8] {
        if self.is_unique() { value.get(RECORD_ID_BYTES..).unwrap_or_default() } else { value }
    }

    /// The record that an entry leads to.
    pub fn record_id(&self, key: &[u8], value: &[u8]) -> Option<i64> {
        self.layout.record_id(key, value)
    }

    /// Writes the entries of a document. When one is there already, none is left written. Gives where arrays are new
    /// to the index, to be confirmed.
    pub fn insert(
        &self,
        cursor: &mut Cursor<'_>,
        ns: &Namespace,
        doc: &RawDoc,
        record_id: i64,
        scratch: &mut KeyScratch,
    ) -> Result<Option<ArrayPaths>> {
        let keys = &mut scratch.new;
        self.make_keys(doc, record_id, keys)?;
        self.add(cursor, ns, keys.iter())?;
        self.note_arrays(keys, cursor)
    }

    /// Removes the entries of a document.
    pub fn remove(
        &self,
        cursor: &mut Cursor<'_>,
        doc: &RawDoc,
        record_id: i64,
        scratch: &mut KeyScratch,
    ) -> Result<()> {
        self.make_keys(doc, record_id, &mut scratch.old)?;
        for (key, _) in scratch.old.iter() {
            cursor.remove(key)?;
        }
        Ok(())
    }

    /// Replaces the entries of `old` by those of `new`, where they differ. Gives what [`Self::insert`] gives.
    pub fn update(
        &self,
        cursor: &mut Cursor<'_>,
        ns: &Namespace,
        (old, new): (&RawDoc, &RawDoc),
        record_id: i64,
        scratch: &mut KeyScratch,
    ) -> Result<Option<ArrayPaths>> {
        if !self.reach.differ(old, new) {
            return Ok(None);
        }
        self.make_keys(old, record_id, &mut scratch.old)?;
        self.make_keys(new, record_id, &mut scratch.new)?;
        let (before, after) = (&scratch.old, &scratch.new);
        self.add(cursor, ns, difference(after, before))?;
        for (key, _) in difference(before, after) {
            cursor.remove(key)?;
        }
        for (key, value) in after.iter() {
            // The same key may stand for a value of another type now.
            if before.iter().any(|(known, was)| known == key && was != value) {
                cursor.update(key, value)?;
            }
        }
        self.note_arrays(after, cursor)
    }

    fn make_keys(&self, doc: &RawDoc, record_id: i64, keys: &mut KeySet) -> Result<()> {
        keys.fill(&*self.keys, self.layout, &self.description, doc, record_id)
    }

    /// Writes entries, all or none.
    fn add<'k>(
        &self,
        cursor: &mut Cursor<'_>,
        ns: &Namespace,
        entries: impl Iterator<Item = (&'k [u8], &'k [u8])> + Clone,
    ) -> Result<()> {
        for (at, (key, value)) in entries.clone().enumerate() {
            let inserted = match self.prepares_unique && self.is_taken(cursor, key)? {
                true => Err(StorageError::DuplicateKey),
                false => cursor.insert(key, value),
            };
            match inserted {
                Ok(()) => {}
                Err(StorageError::DuplicateKey) => {
                    for (key, _) in entries.take(at) {
                        cursor.remove(key)?;
                    }
                    return Err(self.duplicate(ns, key, value));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Writes an entry of an index that is being built.
    fn add_built(&self, cursor: &mut Cursor<'_>, ns: &Namespace, key: &[u8], value: &[u8]) -> Result<()> {
        match cursor.insert(key, value) {
            Err(StorageError::DuplicateKey) => Err(self.duplicate(ns, key, value)),
            outcome => Ok(outcome?),
        }
    }

    fn note_arrays(&self, keys: &KeySet, cursor: &mut Cursor<'_>) -> Result<Option<ArrayPaths>> {
        if keys.has_arrays() { self.multikey.note(&keys.arrays, cursor) } else { Ok(None) }
    }

    /// The error for an entry whose key is there already.
    fn duplicate(&self, ns: &Namespace, key: &[u8], value: &[u8]) -> crate::error::Error {
        duplicate::error(ns, self, key, self.type_bits(value))
    }
}

/// The entries of one version of a document whose keys another does not have.
fn difference<'k>(of: &'k KeySet, without: &'k KeySet) -> impl Iterator<Item = (&'k [u8], &'k [u8])> + Clone {
    of.iter().filter(|(key, _)| !without.has(key))
}

/// The key pattern in an index's description document.
pub(crate) fn pattern_of(spec: &RawDoc) -> &RawDoc {
    spec.get("key").and_then(Value::as_doc).unwrap_or(RawDoc::EMPTY)
}

/// The name in an index's description document.
pub(crate) fn name_of(spec: &RawDoc) -> &str {
    spec.get("name").and_then(Value::as_str).unwrap_or_default()
}

type PartialProgram = Option<Arc<smongo_vm::program::Program>>;

/// What planners know of an index, and the program of its filter.
fn describe(spec: &RawDoc) -> Result<(IndexDescription, PartialProgram)> {
    let is_on = |option: &str| spec.get(option).and_then(Value::as_bool) == Some(true);
    let filter = spec.get("partialFilterExpression").and_then(Value::as_doc);
    let collation = crate::collation::of_options(spec)?;
    let mut context = ParseContext::new().with_collation(collation.clone());
    let filter = filter.map(|filter| compile_filter(filter, &mut context)).transpose()?;
    let pattern = pattern_of(spec);
    let mut fields: Vec<IndexField> = pattern
        .iter()
        .map(|field| IndexField { path: FieldPath::new(field.name_str()), order: order_of(field.value()) })
        .collect();
    let wildcard = wildcard::place_in(pattern).map(|(place, below)| {
        // Which path the value has is the key's to say.
        fields[place].path = FieldPath::from_components([]);
        fields.insert(place, IndexField { path: FieldPath::new(PATH_FIELD), order: FieldOrder::Ascending });
        let projection = spec.get("wildcardProjection").and_then(Value::as_doc);
        Wildcard { place, paths: wildcard::paths_of(below, projection) }
    });
    let (partial_filter, program) = match filter {
        Some(filter) => (Some(Arc::unwrap_or_clone(filter.ir)), Some(filter.program)),
        None => (None, None),
    };
    let (is_sparse, is_hidden) = (is_on("sparse"), is_on("hidden"));
    Ok((IndexDescription { fields, is_sparse, partial_filter, is_hidden, collation, wildcard }, program))
}

fn order_of(value: Value<'_>) -> FieldOrder {
    match (value.as_str(), value.as_integer(), value.as_double()) {
        (Some(_), _, _) => FieldOrder::Hashed,
        (_, Some(order), _) if order < 0 => FieldOrder::Descending,
        (_, _, Some(order)) if order < 0.0 => FieldOrder::Descending,
        _ => FieldOrder::Ascending,
    }
}
