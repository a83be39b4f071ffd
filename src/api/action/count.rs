//! `count_documents` and `estimated_document_count`.

use bson::{Bson, Document};

use super::options::{Options, count_setters, in_session, setters, time_limit};
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
    limit: Option<u64>,
    options: Options,
}

impl<'a, T: Send + Sync> CountDocuments<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self { coll, filter, limit: None, options: Options::default() }
    }

    setters! {
        /// The index to use: a name or a key pattern, or `{$natural: 1}`.
        hint(Bson) => "hint";
        /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
        collation(Document) => "collation";
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
    }

    count_setters! {
        /// How many matches are left out.
        skip(u64) => "skip";
    }

    time_limit!();

    in_session!();

    /// The count at which to stop.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self.options.set_count("limit", limit);
        self
    }

    /// Counts.
    pub fn run(self) -> Result<u64> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            let options = self.options.for_driver::<mongodb::options::CountOptions>()?;
            return Ok(remote.count_documents(self.filter).with_options(options).run()?);
        }
        let filter = to_doc(&self.filter)?;
        let options = self.options.bytes()?;
        let request = CountRequest {
            filter: &filter,
            hint: options.value("hint"),
            collation: options.doc("collation"),
            skip: self.options.count("skip"),
            limit: self.limit,
            ..CountRequest::new(self.coll.checked_namespace()?)
        };
        let engine = self.coll.engine()?;
        self.options.run(engine, self.coll.db(), |op| engine.count(op, &request))
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
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            return Ok(remote.estimated_document_count().run()?);
        }
        self.coll.engine()?.count(&OpContext::new(), &CountRequest::new(self.coll.checked_namespace()?))
    }
}
