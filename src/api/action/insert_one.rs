//! `insert_one`.

use serde::Serialize;

use super::insert_many::{WithId, insert};
use crate::api::{Collection, InsertOneResult};
use crate::error::{Error, Result};

/// Inserts one document.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct InsertOne<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    document: Result<WithId>,
    journal: bool,
}

impl<'a, T: Serialize + Send + Sync> InsertOne<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, document: &T) -> Self {
        Self { coll, document: WithId::new(document), journal: false }
    }

    /// Waits until the document is on the storage device.
    pub fn journal(mut self, journal: bool) -> Self {
        self.journal = journal;
        self
    }

    /// Inserts the document.
    pub fn run(self) -> Result<InsertOneResult> {
        let document = self.document?;
        let reply = insert(self.coll, std::slice::from_ref(&document), true, self.journal)?;
        match Error::from_write_errors(reply.write_errors) {
            Some(error) => Err(error),
            None => Ok(InsertOneResult { inserted_id: document.id }),
        }
    }
}
