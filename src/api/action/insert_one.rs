//! `insert_one`.

use bson::Bson;
use serde::Serialize;

use super::insert_many::{WithId, insert};
use super::options::{Options, durability, in_session, setters};
use crate::api::{Collection, InsertOneResult};
use crate::error::{Error, Result};

/// Inserts one document.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct InsertOne<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    document: Result<WithId>,
    options: Options,
    journal: bool,
}

impl<'a, T: Serialize + Send + Sync> InsertOne<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, document: &T) -> Self {
        Self { coll, document: WithId::new(document), options: Options::default(), journal: false }
    }

    setters! {
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
        /// Whether the collection's validator is left out.
        bypass_document_validation(bool) => "bypassDocumentValidation";
    }

    durability!();

    in_session!();

    /// Inserts the document.
    ///
    /// # Errors
    ///
    /// `DuplicateKey`, `DocumentValidationFailure`, and what else a write can meet.
    pub fn run(self) -> Result<InsertOneResult> {
        let document = self.document?;
        let reply = insert(self.coll, std::slice::from_ref(&document), &self.options, self.journal)?;
        match Error::from_write_errors(reply.write_errors) {
            Some(error) => Err(error),
            None => Ok(InsertOneResult { inserted_id: document.id }),
        }
    }
}
