//! Requests about collections as such.

use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use super::Namespace;

/// `create`.
#[derive(Clone, Debug)]
pub struct CreateRequest<'r> {
    /// The collection.
    pub ns: Namespace,
    /// Its options, as `listCollections` gives them back.
    pub options: &'r RawDoc,
}

impl CreateRequest<'_> {
    /// A collection without options.
    pub fn new(ns: Namespace) -> Self {
        Self { ns, options: RawDoc::EMPTY }
    }
}

/// What a drop took away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DroppedCollection {
    /// How many indexes the collection had; a view has none to speak of.
    pub index_count: Option<u32>,
}

/// `createIndexes`.
#[derive(Clone, Debug)]
pub struct CreateIndexesRequest<'r> {
    /// The collection; it is made when there is none.
    pub ns: Namespace,
    /// What the indexes are to be: `{key, name, unique, …}`.
    pub specs: &'r [&'r RawDoc],
    /// Whether options that nobody knows are left out instead of being refused.
    pub ignore_unknown_options: bool,
}

/// What became of `createIndexes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedIndexes {
    /// How many indexes there were, the one on `_id` among them.
    pub before: u32,
    /// How many there are.
    pub after: u32,
    /// Whether the collection was made.
    pub created_collection: bool,
}

/// Which indexes `dropIndexes` takes away.
#[derive(Clone, Debug)]
pub enum IndexSelection<'r> {
    /// All but the one on `_id`.
    All,
    /// Those of these names.
    Names(Vec<&'r str>),
    /// The one with this key pattern.
    Pattern(&'r RawDoc),
}

/// What `collMod` changes about a collection's options. What is absent stays as it is.
#[derive(Clone, Debug)]
pub struct ModifyCollectionRequest<'r> {
    /// The collection.
    pub ns: Namespace,
    /// What documents must satisfy; empty takes the validator away.
    pub validator: Option<&'r RawDoc>,
    /// Which writes the validator looks at.
    pub validation_level: Option<&'r str>,
    /// What becomes of a write that does not satisfy it.
    pub validation_action: Option<&'r str>,
    /// Whether the log keeps documents as they were before a change.
    pub images: Option<bool>,
    /// The most bytes of a capped collection.
    pub capped_size: Option<i64>,
    /// The most documents of a capped collection; 0 is no limit.
    pub capped_max: Option<i64>,
}

impl<'r> ModifyCollectionRequest<'r> {
    /// A request that changes nothing.
    pub fn new(ns: Namespace) -> Self {
        Self {
            ns,
            validator: None,
            validation_level: None,
            validation_action: None,
            images: None,
            capped_size: None,
            capped_max: None,
        }
    }

    /// Whether nothing is to change.
    pub fn is_empty(&self) -> bool {
        self.validator.is_none()
            && self.validation_level.is_none()
            && self.validation_action.is_none()
            && self.images.is_none()
            && self.capped_size.is_none()
            && self.capped_max.is_none()
    }

    /// Writes the changes as the command has them.
    pub(crate) fn write(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        for (name, limit) in [("cappedSize", self.capped_size), ("cappedMax", self.capped_max)] {
            if let Some(limit) = limit {
                doc.value(name, Value::int64(limit));
            }
        }
        if let Some(enabled) = self.images {
            doc.document("changeStreamPreAndPostImages", |images| images.value("enabled", Value::bool(enabled)));
        }
        if let Some(validator) = self.validator {
            doc.value("validator", Value::document(validator));
        }
        for (name, text) in [("validationLevel", self.validation_level), ("validationAction", self.validation_action)] {
            if let Some(text) = text {
                doc.string(name, text);
            }
        }
    }
}

/// What `collMod` changes about an index.
#[derive(Clone, Debug)]
pub struct ModifyIndexRequest<'r> {
    /// The collection.
    pub ns: Namespace,
    /// The index: one name or a key pattern.
    pub index: IndexSelection<'r>,
    /// Whether queries are to do without the index.
    pub hidden: Option<bool>,
    /// How long after the date in the indexed field a document is to be removed; a number.
    pub expire_after_seconds: Option<Value<'r>>,
    /// Whether the index is to take no key of two documents from now on.
    pub prepare_unique: Option<bool>,
    /// Whether the index is to become unique.
    pub make_unique: bool,
    /// Whether it is only to be found out if it could.
    pub is_dry_run: bool,
}

impl<'r> ModifyIndexRequest<'r> {
    /// A request that changes nothing.
    pub fn new(ns: Namespace, index: IndexSelection<'r>) -> Self {
        Self {
            ns,
            index,
            hidden: None,
            expire_after_seconds: None,
            prepare_unique: None,
            make_unique: false,
            is_dry_run: false,
        }
    }
}

/// What an index was like before and after a change; a part is absent where nothing changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModifiedIndex {
    /// Whether it was hidden, and is.
    pub hidden: Option<(bool, bool)>,
    /// The seconds after which documents went, if they did, and go.
    pub expire_after_seconds: Option<(Option<i64>, i64)>,
    /// Whether it took no key of two documents, and does.
    pub prepare_unique: Option<(bool, bool)>,
    /// Whether it has become unique.
    pub made_unique: bool,
}

/// `listCollections`.
#[derive(Clone, Debug)]
pub struct ListCollectionsRequest<'r> {
    /// The database.
    pub db: &'r str,
    /// A filter over the result documents.
    pub filter: &'r RawDoc,
    /// Whether only names and types are given.
    pub name_only: bool,
    /// How many documents the first batch holds.
    pub batch_size: Option<u64>,
}

impl<'r> ListCollectionsRequest<'r> {
    /// All collections of a database.
    pub fn new(db: &'r str) -> Self {
        Self { db, filter: RawDoc::EMPTY, name_only: false, batch_size: None }
    }
}

/// How indexes are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IndexListing {
    /// Their descriptions.
    Plain,
    /// Their descriptions as `spec`, with room for how far they are built. An index is listed when it is.
    WithBuilds,
}

impl IndexListing {
    /// An index of this description in the list.
    pub(crate) fn describe(self, spec: &RawDoc) -> DocBuf {
        match self {
            IndexListing::Plain => spec.into(),
            IndexListing::WithBuilds => DocBuf::build(|doc| doc.value("spec", Value::document(spec))),
        }
    }
}
