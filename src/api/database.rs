//! A database: a name under which there may be collections.

use std::sync::Arc;

use bson::{Document, RawDocumentBuf};

use super::Collection;
use super::action::{
    Aggregate, CreateCollection, DropDatabase, ListCollectionNames, ListCollections, RunCommand, RunCursorCommand,
    Watch,
};
use super::backend::Backend;
use super::change_stream::Watched;
use super::convert::to_doc;
use super::gridfs::{GridFsBucket, GridFsBucketOptions};
use crate::engine::Engine;
use crate::error::Result;

/// A database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    backend: Backend,
    name: String,
}

impl Database {
    pub(super) fn new(backend: Backend, name: String) -> Self {
        Self { backend, name }
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A collection whose documents are of type `T`. It exists once it has been created or written to.
    pub fn collection<T: Send + Sync>(&self, name: impl Into<String>) -> Collection<T> {
        Collection::new(self.backend.clone(), self.name.clone(), name.into())
    }

    /// Runs a pipeline that begins with documents of its own making, such as `$documents`.
    pub fn aggregate(&self, pipeline: impl IntoIterator<Item = Document>) -> Aggregate<Document> {
        Aggregate::over_database(&self.backend, &self.name, pipeline.into_iter().collect())
    }

    /// Watches the changes of all the database's collections.
    pub fn watch(&self) -> Watch<'_> {
        Watch::new(&self.backend, Watched::Database(self.name.clone()))
    }

    /// Runs a command document, which says everything that can be said to a server.
    ///
    /// ```
    /// # fn main() -> smongo::Result<()> {
    /// # use smongo::bson::doc;
    /// # let db = smongo::Client::in_memory()?.database("cinema");
    /// db.run_command(doc! { "create": "films", "capped": false }).run()?;
    /// let error = db.run_command(doc! { "create": "films", "viewOn": "cast" }).run().unwrap_err();
    /// assert_eq!(error.code_name(), "NamespaceExists");
    /// # Ok(())
    /// # }
    /// ```
    pub fn run_command(&self, command: Document) -> RunCommand<'_> {
        RunCommand::new(&self.backend, &self.name, to_doc(&command))
    }

    /// [`run_command`](Self::run_command) for a command in bytes.
    pub fn run_raw_command(&self, command: RawDocumentBuf) -> RunCommand<'_> {
        RunCommand::new(&self.backend, &self.name, to_doc(&command))
    }

    /// Runs a command that gives a cursor, such as `find` or `listIndexes`, and iterates over what it gives.
    pub fn run_cursor_command(&self, command: Document) -> RunCursorCommand<'_> {
        RunCursorCommand::new(&self.backend, &self.name, to_doc(&command))
    }

    /// Makes a collection.
    pub fn create_collection(&self, name: impl Into<String>) -> CreateCollection<'_> {
        CreateCollection::new(&self.backend, &self.name, name.into())
    }

    /// The names of the database's collections.
    pub fn list_collection_names(&self) -> ListCollectionNames<'_> {
        ListCollectionNames::new(&self.backend, &self.name)
    }

    /// The database's collections, views and time series.
    pub fn list_collections(&self) -> ListCollections<'_> {
        ListCollections::new(&self.backend, &self.name)
    }

    /// A bucket of files.
    pub fn gridfs_bucket(&self, options: impl Into<Option<GridFsBucketOptions>>) -> GridFsBucket {
        GridFsBucket::new(self, options.into().unwrap_or_default())
    }

    /// The engine below.
    pub(super) fn engine(&self) -> Result<&Arc<Engine>> {
        self.backend.engine()
    }

    /// Drops the database with all its collections.
    pub fn drop(&self) -> DropDatabase {
        DropDatabase::new(self.backend.clone(), self.name.clone())
    }
}
