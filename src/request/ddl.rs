//! Requests about collections as such.

use smongo_vm::value::RawDoc;

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
    /// How many indexes the collection had.
    pub index_count: u32,
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
