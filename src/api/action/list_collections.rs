//! `list_collections` and `list_databases`: more than names.

use bson::{Binary, Document};
use serde::Deserialize;

use super::run_command::CommandCursor;
use crate::api::backend::Backend;
use crate::api::convert::{from_doc, to_doc};
use crate::error::Result;

/// What kind of thing a collection's name stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CollectionType {
    /// A collection.
    #[default]
    Collection,
    /// A view.
    View,
    /// A time series.
    Timeseries,
}

/// What a collection was made with; absent is the default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CollectionOptions {
    /// Whether it forgets its oldest documents.
    pub capped: Option<bool>,
    /// How many bytes a capped collection has.
    pub size: Option<i64>,
    /// How many documents a capped collection has at most.
    pub max: Option<i64>,
    /// What documents must match.
    pub validator: Option<Document>,
    /// Which writes are validated.
    pub validation_level: Option<String>,
    /// What happens to documents that do not match.
    pub validation_action: Option<String>,
    /// The collection that a view is on.
    pub view_on: Option<String>,
    /// What a view makes of its documents.
    pub pipeline: Option<Vec<Document>>,
    /// How strings compare.
    pub collation: Option<Document>,
    /// What a time series is made of.
    pub timeseries: Option<Document>,
    /// The key by which documents are kept.
    pub clustered_index: Option<Document>,
}

/// What else is known of a collection.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CollectionSpecificationInfo {
    /// Whether it can only be read.
    #[serde(default)]
    pub read_only: bool,
    /// Its UUID; a view has none.
    pub uuid: Option<Binary>,
}

/// A collection, view or time series.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CollectionSpecification {
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub collection_type: CollectionType,
    /// What it was made with.
    #[serde(default)]
    pub options: CollectionOptions,
    /// What else is known of it.
    #[serde(default)]
    pub info: CollectionSpecificationInfo,
    /// The index on `_id`; a view has none.
    pub id_index: Option<Document>,
}

/// The collections of a database.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct ListCollections<'a> {
    backend: &'a Backend,
    db: &'a str,
    filter: Document,
}

impl<'a> ListCollections<'a> {
    pub(crate) fn new(backend: &'a Backend, db: &'a str) -> Self {
        Self { backend, db, filter: Document::new() }
    }

    /// Which collections, by what `listCollections` says of them.
    pub fn filter(mut self, filter: Document) -> Self {
        self.filter = filter;
        self
    }

    /// Lists them.
    pub fn run(self) -> Result<CommandCursor<CollectionSpecification>> {
        let command = to_doc(&bson::doc! { "listCollections": 1, "filter": self.filter })?;
        CommandCursor::open(self.backend, self.db, &command, None)
    }
}

/// A database.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DatabaseSpecification {
    /// Its name.
    pub name: String,
    /// Bytes that it takes on disk.
    #[serde(default)]
    pub size_on_disk: u64,
    /// Whether it has no data.
    #[serde(default)]
    pub empty: bool,
}

/// All databases.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct ListDatabases<'a> {
    backend: &'a Backend,
    filter: Document,
}

impl<'a> ListDatabases<'a> {
    pub(crate) fn new(backend: &'a Backend) -> Self {
        Self { backend, filter: Document::new() }
    }

    /// Which databases, by what `listDatabases` says of them.
    pub fn filter(mut self, filter: Document) -> Self {
        self.filter = filter;
        self
    }

    /// Lists them.
    pub fn run(self) -> Result<Vec<DatabaseSpecification>> {
        #[derive(Deserialize)]
        struct Reply {
            databases: Vec<DatabaseSpecification>,
        }
        let command = to_doc(&bson::doc! { "listDatabases": 1, "filter": self.filter })?;
        let reply: Reply = from_doc(&self.backend.run_command("admin", &command)?)?;
        Ok(reply.databases)
    }
}
