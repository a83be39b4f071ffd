//! `list_collection_names`.

use bson::Document;
use smongo_vm::value::{ArrayWriter, RawDoc, Value};

use crate::api::convert::to_doc;
use crate::engine::Engine;
use crate::error::Result;
use crate::request::{ListCollectionsRequest, OpContext};

/// The names of a database's collections.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct ListCollectionNames<'a> {
    engine: &'a Engine,
    db: &'a str,
    filter: Document,
}

impl<'a> ListCollectionNames<'a> {
    pub(crate) fn new(engine: &'a Engine, db: &'a str) -> Self {
        Self { engine, db, filter: Document::new() }
    }

    /// Which collections, by what `listCollections` says of them.
    pub fn filter(mut self, filter: Document) -> Self {
        self.filter = filter;
        self
    }

    /// Gives the names in their order.
    pub fn run(self) -> Result<Vec<String>> {
        let filter = to_doc(&self.filter)?;
        let request = ListCollectionsRequest {
            filter: &filter,
            name_only: true,
            batch_size: Some(u64::MAX),
            ..ListCollectionsRequest::new(self.db)
        };
        let mut bytes = Vec::new();
        let mut list = ArrayWriter::new(&mut bytes);
        self.engine.list_collections(&OpContext::new(), &request, &mut list)?;
        list.finish();
        Ok(names(&bytes))
    }
}

/// The `name` of each document in an array.
pub(super) fn names(array: &[u8]) -> Vec<String> {
    let documents = RawDoc::from_bytes(array).unwrap_or(RawDoc::EMPTY);
    let name = |doc: Value<'_>| Some(doc.as_doc()?.get("name")?.as_str()?.to_owned());
    documents.values().filter_map(name).collect()
}
