//! What verbs are told and what they give back.

use std::collections::HashMap;

use bson::{Bson, Document};

/// What an `insert_one` did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InsertOneResult {
    /// The document's `_id`.
    pub inserted_id: Bson,
}

/// What an `insert_many` did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InsertManyResult {
    /// The documents' `_id`s by position.
    pub inserted_ids: HashMap<usize, Bson>,
}

/// What an update or replacement did.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct UpdateResult {
    /// How many documents matched.
    pub matched_count: u64,
    /// How many changed.
    pub modified_count: u64,
    /// The `_id` of the document that was inserted because none matched.
    pub upserted_id: Option<Bson>,
}

/// What a delete did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteResult {
    /// How many documents are gone.
    pub deleted_count: u64,
}

/// What a `create_index` did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateIndexResult {
    /// The index's name.
    pub index_name: String,
}

/// What a `create_indexes` did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CreateIndexesResult {
    /// The indexes' names, in their order.
    pub index_names: Vec<String>,
}

/// Which state of a changed document is given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnDocument {
    /// The one before the change.
    #[default]
    Before,
    /// The one after the change.
    After,
}

/// What an update does.
#[derive(Clone, Debug, PartialEq)]
pub enum UpdateModifications {
    /// Update operators.
    Document(Document),
    /// An aggregation pipeline.
    Pipeline(Vec<Document>),
}

impl From<Document> for UpdateModifications {
    fn from(document: Document) -> Self {
        Self::Document(document)
    }
}

impl From<Vec<Document>> for UpdateModifications {
    fn from(pipeline: Vec<Document>) -> Self {
        Self::Pipeline(pipeline)
    }
}
