//! A database: a name under which there may be collections.

use std::sync::Arc;

use bson::Document;

use super::Collection;
use super::action::{Aggregate, CreateCollection, DropDatabase, ListCollectionNames};
use crate::engine::Engine;

/// A database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    engine: Arc<Engine>,
    name: String,
}

impl Database {
    pub(super) fn new(engine: Arc<Engine>, name: String) -> Self {
        Self { engine, name }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A collection whose documents are of type `T`. It exists once it has been created or written to.
    pub fn collection<T: Send + Sync>(&self, name: impl Into<String>) -> Collection<T> {
        Collection::new(Arc::clone(&self.engine), self.name.clone(), name.into())
    }

    /// Runs a pipeline that begins with documents of its own making, such as `$documents`.
    pub fn aggregate(&self, pipeline: impl IntoIterator<Item = Document>) -> Aggregate<Document> {
        Aggregate::over_database(&self.engine, &self.name, pipeline.into_iter().collect())
    }

    /// Makes a collection.
    pub fn create_collection(&self, name: impl Into<String>) -> CreateCollection<'_> {
        CreateCollection::new(&self.engine, &self.name, name.into())
    }

    /// The names of the database's collections.
    pub fn list_collection_names(&self) -> ListCollectionNames<'_> {
        ListCollectionNames::new(&self.engine, &self.name)
    }

    /// Drops the database with all its collections.
    pub fn drop(&self) -> DropDatabase {
        DropDatabase::new(Arc::clone(&self.engine), self.name.clone())
    }
}
