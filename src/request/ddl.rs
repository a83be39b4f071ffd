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
