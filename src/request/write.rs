//! Requests that write, and what comes back from them.

use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value};

use super::Namespace;
use crate::error::WriteError;

/// What all writes share.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    /// Whether the first failure ends the request.
    pub ordered: bool,
    /// Whether the reply waits until the log is on the storage device (`j: true`).
    pub journal: bool,
    /// Whether the collection's validator is left out.
    pub bypass_document_validation: bool,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { ordered: true, journal: false, bypass_document_validation: false }
    }
}

/// `insert`.
#[derive(Clone, Debug)]
pub struct InsertRequest<'r> {
    /// The collection; created when missing.
    pub ns: Namespace,
    /// The documents.
    pub documents: &'r [&'r RawDoc],
    /// What all writes share.
    pub options: WriteOptions,
}

impl<'r> InsertRequest<'r> {
    /// An ordered insert.
    pub fn new(ns: Namespace, documents: &'r [&'r RawDoc]) -> Self {
        Self { ns, documents, options: WriteOptions::default() }
    }
}

/// What an insert did.
#[derive(Clone, Debug, Default)]
pub struct InsertReply {
    /// How many documents were stored.
    pub inserted: u64,
    /// Which failed.
    pub write_errors: Vec<WriteError>,
}

/// One statement of an `update`.
#[derive(Clone, Copy, Debug)]
pub struct UpdateStatement<'r> {
    /// Which documents.
    pub filter: &'r RawDoc,
    /// Update operators, a replacement document, or a pipeline.
    pub update: Value<'r>,
    /// Whether all matches are updated, not only the first.
    pub multi: bool,
    /// Whether a document is inserted when nothing matches.
    pub upsert: bool,
    /// Filters for `$[identifier]`, an array of documents.
    pub array_filters: Option<&'r RawDoc>,
    /// An index name or key pattern.
    pub hint: Option<Value<'r>>,
    /// How strings compare.
    pub collation: Option<&'r RawDoc>,
    /// Variables for a pipeline.
    pub constants: Option<&'r RawDoc>,
    /// Which match comes first.
    pub sort: Option<&'r RawDoc>,
}

impl<'r> UpdateStatement<'r> {
    /// Updates the first match.
    pub fn new(filter: &'r RawDoc, update: Value<'r>) -> Self {
        Self {
            filter,
            update,
            multi: false,
            upsert: false,
            array_filters: None,
            hint: None,
            collation: None,
            constants: None,
            sort: None,
        }
    }
}

/// `update`.
#[derive(Clone, Debug)]
pub struct UpdateRequest<'r> {
    /// The collection.
    pub ns: Namespace,
    /// The statements, run in order.
    pub statements: &'r [UpdateStatement<'r>],
    /// Variables for `$expr` and pipelines.
    pub let_variables: Option<&'r RawDoc>,
    /// What all writes share.
    pub options: WriteOptions,
}

impl<'r> UpdateRequest<'r> {
    /// Ordered updates.
    pub fn new(ns: Namespace, statements: &'r [UpdateStatement<'r>]) -> Self {
        Self { ns, statements, let_variables: None, options: WriteOptions::default() }
    }
}

/// A document that an upsert inserted.
#[derive(Clone, Debug)]
pub struct Upserted {
    /// The statement's position in the request.
    pub index: u32,
    /// The document's `_id`.
    pub id: OwnedValue,
}

/// What an update did.
#[derive(Clone, Debug, Default)]
pub struct UpdateReply {
    /// How many documents matched, upserts not among them.
    pub matched: u64,
    /// How many changed.
    pub modified: u64,
    /// What was inserted.
    pub upserted: Vec<Upserted>,
    /// Which statements failed.
    pub write_errors: Vec<WriteError>,
}

/// One statement of a `delete`.
#[derive(Clone, Copy, Debug)]
pub struct DeleteStatement<'r> {
    /// Which documents.
    pub filter: &'r RawDoc,
    /// Whether all matches are deleted, not only the first.
    pub multi: bool,
    /// An index name or key pattern.
    pub hint: Option<Value<'r>>,
    /// How strings compare.
    pub collation: Option<&'r RawDoc>,
}

impl<'r> DeleteStatement<'r> {
    /// Deletes the first match, or all of them.
    pub fn new(filter: &'r RawDoc, multi: bool) -> Self {
        Self { filter, multi, hint: None, collation: None }
    }
}

/// `delete`.
#[derive(Clone, Debug)]
pub struct DeleteRequest<'r> {
    /// The collection.
    pub ns: Namespace,
    /// The statements, run in order.
    pub statements: &'r [DeleteStatement<'r>],
    /// Variables for `$expr`.
    pub let_variables: Option<&'r RawDoc>,
    /// What all writes share.
    pub options: WriteOptions,
}

impl<'r> DeleteRequest<'r> {
    /// Ordered deletes.
    pub fn new(ns: Namespace, statements: &'r [DeleteStatement<'r>]) -> Self {
        Self { ns, statements, let_variables: None, options: WriteOptions::default() }
    }
}

/// What a delete did.
#[derive(Clone, Debug, Default)]
pub struct DeleteReply {
    /// How many documents are gone.
    pub deleted: u64,
    /// Which statements failed.
    pub write_errors: Vec<WriteError>,
}

/// What `findAndModify` does with the document it finds.
#[derive(Clone, Copy, Debug)]
pub enum Modification<'r> {
    /// Deletes it.
    Remove,
    /// Updates it.
    Update {
        /// Update operators, a replacement document, or a pipeline.
        update: Value<'r>,
        /// Whether a document is inserted when nothing matches.
        upsert: bool,
        /// Whether the reply holds the document after the change.
        return_new: bool,
        /// Filters for `$[identifier]`, an array of documents.
        array_filters: Option<&'r RawDoc>,
    },
}

/// `findAndModify`.
#[derive(Clone, Debug)]
pub struct FindAndModifyRequest<'r> {
    /// The collection.
    pub ns: Namespace,
    /// Which document.
    pub filter: &'r RawDoc,
    /// Which match comes first.
    pub sort: Option<&'r RawDoc>,
    /// The projection of the reply's document.
    pub fields: Option<&'r RawDoc>,
    /// What happens to it.
    pub action: Modification<'r>,
    /// An index name or key pattern.
    pub hint: Option<Value<'r>>,
    /// How strings compare.
    pub collation: Option<&'r RawDoc>,
    /// Variables for `$expr` and pipelines.
    pub let_variables: Option<&'r RawDoc>,
    /// What all writes share.
    pub options: WriteOptions,
}

impl<'r> FindAndModifyRequest<'r> {
    /// Finds the first match of `filter`.
    pub fn new(ns: Namespace, filter: &'r RawDoc, action: Modification<'r>) -> Self {
        Self {
            ns,
            filter,
            sort: None,
            fields: None,
            action,
            hint: None,
            collation: None,
            let_variables: None,
            options: WriteOptions::default(),
        }
    }
}

/// What `findAndModify` did.
#[derive(Clone, Debug, Default)]
pub struct FindAndModifyReply {
    /// The document before or after the change, projected.
    pub value: Option<DocBuf>,
    /// How many documents matched: 0 or 1.
    pub matched: u64,
    /// Whether a document was found and updated.
    pub updated_existing: bool,
    /// The `_id` of a document that was inserted.
    pub upserted: Option<OwnedValue>,
}

impl FindAndModifyReply {
    /// `lastErrorObject.n`: documents matched or inserted.
    pub fn n(&self) -> u64 {
        self.matched + u64::from(self.upserted.is_some())
    }
}
