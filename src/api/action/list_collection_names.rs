//! `list_collection_names`.

use bson::Document;
use smongo_vm::value::{ArrayWriter, RawDoc, Value};

use crate::api::backend::Backend;
use crate::api::convert::to_doc;
use crate::error::Result;
use crate::request::{ListCollectionsRequest, OpContext};

/// The names of a database's collections.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct ListCollectionNames<'a> {
    backend: &'a Backend,
    db: &'a str,
    filter: Document,
}

impl<'a> ListCollectionNames<'a> {
    pub(crate) fn new(backend: &'a Backend, db: &'a str) -> Self {
        Self { backend, db, filter: Document::new() }
    }

    /// Which collections, by what `listCollections` says of them.
    pub fn filter(mut self, filter: Document) -> Self {
        self.filter = filter;
        self
    }

    /// Gives the names in their order.
    pub fn run(self) -> Result<Vec<String>> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.backend.remote() {
            return Ok(remote.database(self.db).list_collection_names().filter(self.filter).run()?);
        }
        let filter = to_doc(&self.filter)?;
        let request = ListCollectionsRequest {
            filter: &filter,
            name_only: true,
            batch_size: Some(u64::MAX),
            ..ListCollectionsRequest::new(self.db)
        };
        let mut bytes = Vec::new();
        let mut list = ArrayWriter::new(&mut bytes);
        self.backend.engine()?.list_collections(&OpContext::new(), &request, &mut list)?;
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
