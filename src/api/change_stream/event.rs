//! What a change stream tells.

use bson::{DateTime, Document, Timestamp};
use serde::{Deserialize, Serialize};

/// Where a stream can go on: opaque, and the same for a server and an embedded store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResumeToken(pub(in crate::api) Document);

/// A change.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChangeStreamEvent<T> {
    /// Where another stream can go on behind this event.
    #[serde(rename = "_id")]
    pub id: ResumeToken,
    /// What happened.
    pub operation_type: OperationType,
    /// The cluster time.
    pub cluster_time: Option<Timestamp>,
    /// The time of the day.
    pub wall_time: Option<DateTime>,
    /// Where it happened; absent when the stream ends.
    pub ns: Option<ChangeNamespace>,
    /// What a collection is called from now on.
    pub to: Option<ChangeNamespace>,
    /// The `_id` of the document.
    pub document_key: Option<Document>,
    /// What an update changed.
    pub update_description: Option<UpdateDescription>,
    /// The document as it became.
    pub full_document: Option<T>,
    /// The document as it was.
    pub full_document_before_change: Option<T>,
    /// The number of the transaction, in its session.
    pub txn_number: Option<i64>,
    /// The session of the transaction.
    pub lsid: Option<Document>,
    /// What a command on collections or indexes did, where a stream shows expanded events.
    pub operation_description: Option<Document>,
}

/// The kind of a change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum OperationType {
    /// A document was inserted.
    Insert,
    /// A document was changed.
    Update,
    /// A document was replaced.
    Replace,
    /// A document was deleted.
    Delete,
    /// A collection was dropped.
    Drop,
    /// A collection got another name.
    Rename,
    /// A database was dropped.
    DropDatabase,
    /// The stream ends.
    Invalidate,
    /// Another kind, by MongoDB's name.
    #[serde(untagged)]
    Other(String),
}

/// The collection of a change, or its database.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ChangeNamespace {
    /// The database.
    pub db: String,
    /// The collection; absent when the database is concerned.
    pub coll: Option<String>,
}

/// What an update changed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UpdateDescription {
    /// Fields that got another value, by their paths.
    pub updated_fields: Document,
    /// The paths of fields that went.
    pub removed_fields: Vec<String>,
    /// Arrays that were cut.
    pub truncated_arrays: Option<Vec<TruncatedArray>>,
    /// Paths that dots and digits in names make ambiguous, component by component.
    pub disambiguated_paths: Option<Document>,
}

/// An array that was cut.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TruncatedArray {
    /// Its path.
    pub field: String,
    /// Its new length.
    pub new_size: i32,
}
