//! Writes of several kinds, told as values: what a bulk write takes and gives.

use std::collections::HashMap;

use bson::{Array, Bson, Document};
use typed_builder::TypedBuilder;

use super::results::{DeleteResult, InsertOneResult, UpdateModifications, UpdateResult};

/// A collection's full name: `database.collection`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Namespace {
    /// The database.
    pub db: String,
    /// The collection.
    pub coll: String,
}

impl Namespace {
    /// The collection `coll` of the database `db`.
    pub fn new(db: impl Into<String>, coll: impl Into<String>) -> Self {
        Self { db: db.into(), coll: coll.into() }
    }
}

impl std::fmt::Display for Namespace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.db, self.coll)
    }
}

/// Inserts a document.
#[derive(Clone, Debug, PartialEq, TypedBuilder)]
#[builder(field_defaults(setter(into)))]
#[non_exhaustive]
pub struct InsertOneModel {
    /// Where.
    pub namespace: Namespace,
    /// The document; it is given an `_id` when it has none.
    pub document: Document,
}

/// Updates a document.
#[derive(Clone, Debug, PartialEq, TypedBuilder)]
#[builder(field_defaults(default, setter(into)))]
#[non_exhaustive]
pub struct UpdateOneModel {
    /// Where.
    #[builder(!default)]
    pub namespace: Namespace,
    /// Which document.
    #[builder(!default)]
    pub filter: Document,
    /// What becomes of it.
    #[builder(!default)]
    pub update: UpdateModifications,
    /// Which array elements `$[identifier]` means.
    pub array_filters: Option<Array>,
    /// How strings compare.
    pub collation: Option<Document>,
    /// An index by name or key pattern.
    pub hint: Option<Bson>,
    /// Whether a document is inserted when none matches.
    pub upsert: Option<bool>,
    /// Which match comes first.
    pub sort: Option<Document>,
}

/// Updates all documents that match.
#[derive(Clone, Debug, PartialEq, TypedBuilder)]
#[builder(field_defaults(default, setter(into)))]
#[non_exhaustive]
pub struct UpdateManyModel {
    /// Where.
    #[builder(!default)]
    pub namespace: Namespace,
    /// Which documents.
    #[builder(!default)]
    pub filter: Document,
    /// What becomes of them.
    #[builder(!default)]
    pub update: UpdateModifications,
    /// Which array elements `$[identifier]` means.
    pub array_filters: Option<Array>,
    /// How strings compare.
    pub collation: Option<Document>,
    /// An index by name or key pattern.
    pub hint: Option<Bson>,
    /// Whether a document is inserted when none matches.
    pub upsert: Option<bool>,
}

/// Replaces a document.
#[derive(Clone, Debug, PartialEq, TypedBuilder)]
#[builder(field_defaults(default, setter(into)))]
#[non_exhaustive]
pub struct ReplaceOneModel {
    /// Where.
    #[builder(!default)]
    pub namespace: Namespace,
    /// Which document.
    #[builder(!default)]
    pub filter: Document,
    /// What takes its place.
    #[builder(!default)]
    pub replacement: Document,
    /// How strings compare.
    pub collation: Option<Document>,
    /// An index by name or key pattern.
    pub hint: Option<Bson>,
    /// Whether the replacement is inserted when none matches.
    pub upsert: Option<bool>,
    /// Which match comes first.
    pub sort: Option<Document>,
}

/// Deletes a document.
#[derive(Clone, Debug, PartialEq, TypedBuilder)]
#[builder(field_defaults(default, setter(into)))]
#[non_exhaustive]
pub struct DeleteOneModel {
    /// Where.
    #[builder(!default)]
    pub namespace: Namespace,
    /// Which document.
    #[builder(!default)]
    pub filter: Document,
    /// How strings compare.
    pub collation: Option<Document>,
    /// An index by name or key pattern.
    pub hint: Option<Bson>,
}

/// Deletes all documents that match.
#[derive(Clone, Debug, PartialEq, TypedBuilder)]
#[builder(field_defaults(default, setter(into)))]
#[non_exhaustive]
pub struct DeleteManyModel {
    /// Where.
    #[builder(!default)]
    pub namespace: Namespace,
    /// Which documents.
    #[builder(!default)]
    pub filter: Document,
    /// How strings compare.
    pub collation: Option<Document>,
    /// An index by name or key pattern.
    pub hint: Option<Bson>,
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the write that its model tells")]
pub enum WriteModel {
    InsertOne(InsertOneModel),
    UpdateOne(UpdateOneModel),
    UpdateMany(UpdateManyModel),
    ReplaceOne(ReplaceOneModel),
    DeleteOne(DeleteOneModel),
    DeleteMany(DeleteManyModel),
}

macro_rules! into_write_model {
    ($($model:ident => $variant:ident,)*) => {
        $(
            impl From<$model> for WriteModel {
                fn from(model: $model) -> Self {
                    Self::$variant(model)
                }
            }
        )*
    };
}

into_write_model! {
    InsertOneModel => InsertOne,
    UpdateOneModel => UpdateOne,
    UpdateManyModel => UpdateMany,
    ReplaceOneModel => ReplaceOne,
    DeleteOneModel => DeleteOne,
    DeleteManyModel => DeleteMany,
}

/// What a bulk write did, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SummaryBulkWriteResult {
    /// How many documents were inserted.
    pub inserted_count: i64,
    /// How many matched an update.
    pub matched_count: i64,
    /// How many changed.
    pub modified_count: i64,
    /// How many were inserted because none matched.
    pub upserted_count: i64,
    /// How many were deleted.
    pub deleted_count: i64,
}

/// What a bulk write did, write by write.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct VerboseBulkWriteResult {
    /// In numbers.
    pub summary: SummaryBulkWriteResult,
    /// What inserts did, by their positions.
    pub insert_results: HashMap<usize, InsertOneResult>,
    /// What updates and replacements did, by their positions.
    pub update_results: HashMap<usize, UpdateResult>,
    /// What deletes did, by their positions.
    pub delete_results: HashMap<usize, DeleteResult>,
}
