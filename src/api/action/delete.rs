//! `delete_one` and `delete_many`.

use bson::{Bson, Document};

use super::options::{Options, durability, in_session, setters};
use crate::api::convert::to_doc;
use crate::api::{Collection, DeleteResult};
use crate::error::{Error, Result};
use crate::request::{DeleteRequest, DeleteStatement, WriteOptions};

/// Deletes documents.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Delete<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    multi: bool,
    options: Options,
    journal: bool,
}

impl<'a, T: Send + Sync> Delete<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, multi: bool) -> Self {
        Self { coll, filter, multi, options: Options::default(), journal: false }
    }

    setters! {
        /// Variables for `$expr`.
        let_vars(Document) => "let";
        /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
        collation(Document) => "collation";
        /// An index by name or key pattern.
        hint(Bson) => "hint";
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
    }

    durability!();

    in_session!();

    /// Deletes.
    pub fn run(self) -> Result<DeleteResult> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            let delete = if self.multi { remote.delete_many(self.filter) } else { remote.delete_one(self.filter) };
            let options = self.options.for_driver::<mongodb::options::DeleteOptions>()?;
            return Ok(DeleteResult { deleted_count: delete.with_options(options).run()?.deleted_count });
        }
        let filter = to_doc(&self.filter)?;
        let options = self.options.bytes()?;
        let statement = DeleteStatement {
            hint: options.value("hint"),
            collation: options.doc("collation"),
            ..DeleteStatement::new(&filter, self.multi)
        };
        let request = DeleteRequest {
            let_variables: options.doc("let"),
            options: WriteOptions { journal: self.journal, ..WriteOptions::default() },
            ..DeleteRequest::new(self.coll.checked_namespace()?, std::slice::from_ref(&statement))
        };
        let engine = self.coll.engine()?;
        let reply = self.options.run(engine, self.coll.db(), |op| engine.delete(op, &request))?;
        match Error::from_write_errors(reply.write_errors) {
            Some(error) => Err(error),
            None => Ok(DeleteResult { deleted_count: reply.deleted }),
        }
    }
}
