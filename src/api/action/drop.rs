//! `drop`, of a collection or a database.

use crate::api::Collection;
use crate::api::backend::Backend;
use crate::error::Result;
use crate::request::OpContext;

/// Drops a collection.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct DropCollection<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
}

impl<'a, T: Send + Sync> DropCollection<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>) -> Self {
        Self { coll }
    }

    /// Drops the collection; nothing happens when there is none.
    pub fn run(self) -> Result<()> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            return Ok(remote.drop().run()?);
        }
        self.coll.engine()?.drop_collection(&OpContext::new(), &self.coll.checked_namespace()?).map(drop)
    }
}

/// Drops a database.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct DropDatabase {
    backend: Backend,
    name: String,
}

impl DropDatabase {
    pub(crate) fn new(backend: Backend, name: String) -> Self {
        Self { backend, name }
    }

    /// Drops the database; nothing happens when there is none.
    pub fn run(self) -> Result<()> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.backend.remote() {
            return Ok(remote.database(&self.name).drop().run()?);
        }
        self.backend.engine()?.drop_database(&OpContext::new(), &self.name).map(drop)
    }
}
