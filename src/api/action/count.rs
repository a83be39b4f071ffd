//! `count_documents` and `estimated_document_count`.

use bson::Document;

use crate::api::Collection;
use crate::api::convert::to_doc;
use crate::error::Result;
use crate::request::{CountRequest, OpContext};

/// Counts the documents that match.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct CountDocuments<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    skip: u64,
    limit: Option<u64>,
}

impl<'a, T: Send + Sync> CountDocuments<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self { coll, filter, skip: 0, limit: None }
    }

    /// How many matches are left out.
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// The count at which to stop.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Counts.
    pub fn run(self) -> Result<u64> {
        let filter = to_doc(&self.filter)?;
        let request = CountRequest {
            filter: &filter,
            skip: self.skip,
            limit: self.limit,
            ..CountRequest::new(self.coll.namespace()?)
        };
        self.coll.engine().count(&OpContext::new(), &request)
    }
}

/// The number of documents in a collection.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct EstimatedDocumentCount<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
}

impl<'a, T: Send + Sync> EstimatedDocumentCount<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>) -> Self {
        Self { coll }
    }

    /// Gives the number.
    pub fn run(self) -> Result<u64> {
        self.coll.engine().count(&OpContext::new(), &CountRequest::new(self.coll.namespace()?))
    }
}
