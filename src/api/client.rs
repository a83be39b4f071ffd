//! The client: an open data directory.

use std::path::Path;
use std::sync::Arc;

use super::Database;
use super::action::{DropDatabase, ListDatabaseNames};
use crate::engine::{Engine, EngineOptions};
use crate::error::Result;

/// An open data directory. Cheap to clone; clones share it, and the last one closes it.
#[derive(Clone, Debug)]
pub struct Client {
    engine: Arc<Engine>,
}

impl Client {
    /// Opens the data directory at `path`; makes it when there is none.
    ///
    /// ```
    /// # fn main() -> smongo::Result<()> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path();
    /// use bson::doc;
    ///
    /// let client = smongo::Client::open(path)?;
    /// let films = client.database("cinema").collection::<bson::Document>("films");
    /// films.insert_one(doc! { "title": "Metropolis", "year": 1927 }).run()?;
    /// for film in films.find(doc! { "year": { "$lt": 1930 } }).sort(doc! { "year": 1 }).run()? {
    ///     println!("{}", film?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::with_options(EngineOptions::new(path))
    }

    /// A client over memory that is forgotten at the end.
    pub fn in_memory() -> Result<Self> {
        Self::with_options(EngineOptions::in_memory())
    }

    /// Opens a data directory with options.
    pub fn with_options(options: EngineOptions) -> Result<Self> {
        Ok(Self { engine: Engine::open(options)? })
    }

    /// A client over an engine that others use too.
    pub fn from_engine(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// The engine below.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// A database. It exists once it has a collection.
    pub fn database(&self, name: impl Into<String>) -> Database {
        Database::new(Arc::clone(&self.engine), name.into())
    }

    /// The names of all databases.
    pub fn list_database_names(&self) -> ListDatabaseNames<'_> {
        ListDatabaseNames::new(&self.engine)
    }

    /// Drops a database; [`Database::drop`] by name.
    pub fn drop_database(&self, name: impl Into<String>) -> DropDatabase {
        DropDatabase::new(Arc::clone(&self.engine), name.into())
    }
}
