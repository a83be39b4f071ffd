//! `list_database_names`.

use bson::Document;
use smongo_vm::value::ArrayWriter;

use super::list_collection_names::names;
use crate::api::backend::Backend;
use crate::api::convert::to_doc;
use crate::error::Result;
use crate::request::OpContext;

/// The names of all databases.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct ListDatabaseNames<'a> {
    backend: &'a Backend,
    filter: Document,
}

impl<'a> ListDatabaseNames<'a> {
    pub(crate) fn new(backend: &'a Backend) -> Self {
        Self { backend, filter: Document::new() }
    }

    /// Which databases, by what `listDatabases` says of them.
    pub fn filter(mut self, filter: Document) -> Self {
        self.filter = filter;
        self
    }

    /// Gives the names in their order.
    pub fn run(self) -> Result<Vec<String>> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.backend.remote() {
            return Ok(remote.client().list_database_names().filter(self.filter).run()?);
        }
        let filter = to_doc(&self.filter)?;
        let mut bytes = Vec::new();
        let mut list = ArrayWriter::new(&mut bytes);
        self.backend.engine()?.list_databases(&OpContext::new(), &filter, true, &mut list)?;
        list.finish();
        Ok(names(&bytes))
    }
}
