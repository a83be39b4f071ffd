//! `count_documents` and `estimated_document_count`.

use bson::{Bson, Document};

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
    hint: Option<Bson>,
}

impl<'a, T: Send + Sync> CountDocuments<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self { coll, filter, skip: 0, limit: None, hint: None }
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

    /// The index to use: a name or a key pattern, or `{$natural: 1}`.
    pub fn hint(mut self, hint: impl Into<Bson>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Counts.
    pub fn run(self) -> Result<u64> {
        let filter = to_doc(&self.filter)?;
        let hint = self.hint.as_ref().map(|hint| to_doc(&bson::doc! { "hint": hint })).transpose()?;
        let request = CountRequest {
            filter: &filter,
            hint: hint.as_ref().and_then(|holder| holder.get("hint")),
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
