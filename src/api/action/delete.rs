//! `delete_one` and `delete_many`.

use bson::Document;

use crate::api::convert::{to_doc, to_optional_doc};
use crate::api::{Collection, DeleteResult};
use crate::error::{Error, Result};
use crate::request::{DeleteRequest, DeleteStatement, OpContext, WriteOptions};

/// Deletes documents.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Delete<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    multi: bool,
    let_variables: Option<Document>,
    journal: bool,
}

impl<'a, T: Send + Sync> Delete<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, multi: bool) -> Self {
        Self { coll, filter, multi, let_variables: None, journal: false }
    }

    /// Variables for `$expr`.
    pub fn let_vars(mut self, variables: Document) -> Self {
        self.let_variables = Some(variables);
        self
    }

    /// Waits until the change is on the storage device.
    pub fn journal(mut self, journal: bool) -> Self {
        self.journal = journal;
        self
    }

    /// Deletes.
    pub fn run(self) -> Result<DeleteResult> {
        let filter = to_doc(&self.filter)?;
        let let_variables = to_optional_doc(self.let_variables.as_ref())?;
        let statement = DeleteStatement::new(&filter, self.multi);
        let request = DeleteRequest {
            let_variables: let_variables.as_deref(),
            options: WriteOptions { journal: self.journal, ..WriteOptions::default() },
            ..DeleteRequest::new(self.coll.namespace()?, std::slice::from_ref(&statement))
        };
        let reply = self.coll.engine().delete(&OpContext::new(), &request)?;
        match Error::from_write_errors(reply.write_errors) {
            Some(error) => Err(error),
            None => Ok(DeleteResult { deleted_count: reply.deleted }),
        }
    }
}
