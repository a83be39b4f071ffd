//! `drop`, of a collection or a database.

use std::sync::Arc;

use crate::api::Collection;
use crate::engine::Engine;
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
        self.coll.engine().drop_collection(&OpContext::new(), &self.coll.namespace()?).map(drop)
    }
}

/// Drops a database.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct DropDatabase {
    engine: Arc<Engine>,
    name: String,
}

impl DropDatabase {
    pub(crate) fn new(engine: Arc<Engine>, name: String) -> Self {
        Self { engine, name }
    }

    /// Drops the database; nothing happens when there is none.
    pub fn run(self) -> Result<()> {
        self.engine.drop_database(&OpContext::new(), &self.name).map(drop)
    }
}
