//! A collection of documents of one type.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use bson::Document;
use serde::Serialize;

use super::UpdateModifications;
use super::action::{
    Aggregate, CountDocuments, CreateIndex, CreateIndexes, Delete, Distinct, DropCollection, DropIndexes,
    EstimatedDocumentCount, Find, FindOne, FindOneAndDelete, FindOneAndReplace, FindOneAndUpdate, InsertMany,
    InsertOne, ListIndexNames, ListIndexes, RenameCollection, ReplaceOne, Update, Watch,
};
use super::backend::Backend;
use super::change_stream::Watched;
use super::convert::to_document;
use super::models::{self, InsertOneModel, ReplaceOneModel};
use super::options::IndexModel;
use crate::engine::Engine;
use crate::error::Result;
use crate::request::Namespace;

/// A collection whose documents are of type `T`. Cheap to clone.
pub struct Collection<T: Send + Sync> {
    backend: Backend,
    db: String,
    name: String,
    documents: PhantomData<fn() -> T>,
}

impl<T: Send + Sync> Collection<T> {
    pub(super) fn new(backend: Backend, db: String, name: String) -> Self {
        Self { backend, db, name, documents: PhantomData }
    }

    /// The collection's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same collection with documents of another type.
    pub fn clone_with_type<U: Send + Sync>(&self) -> Collection<U> {
        Collection::new(self.backend.clone(), self.db.clone(), self.name.clone())
    }

    pub(super) fn engine(&self) -> Result<&Arc<Engine>> {
        self.backend.engine()
    }

    /// Where the collection is.
    pub(super) fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The database's name.
    pub(super) fn db(&self) -> &str {
        &self.db
    }

    /// The collection as the driver has it, where it is on a server.
    #[cfg(feature = "remote")]
    pub(super) fn remote(&self) -> Option<super::remote::RemoteCollection> {
        Some(self.backend.remote()?.database(&self.db).collection(&self.name))
    }

    /// The checked namespace: names are only looked at when something is done.
    pub(super) fn checked_namespace(&self) -> Result<Namespace> {
        Namespace::new(&self.db, &self.name)
    }

    /// Finds documents.
    pub fn find(&self, filter: Document) -> Find<'_, T> {
        Find::new(self, filter)
    }

    /// Finds one document.
    pub fn find_one(&self, filter: Document) -> FindOne<'_, T> {
        FindOne::new(self, filter)
    }

    /// Runs a pipeline over the collection.
    pub fn aggregate(&self, pipeline: impl IntoIterator<Item = Document>) -> Aggregate<Document> {
        Aggregate::over_collection(&self.backend, self.checked_namespace(), pipeline.into_iter().collect())
    }

    /// Watches the collection's changes.
    pub fn watch(&self) -> Watch<'_, T> {
        Watch::new(&self.backend, Watched::Collection(self.db.clone(), self.name.clone()))
    }

    /// Counts the documents that match.
    pub fn count_documents(&self, filter: Document) -> CountDocuments<'_, T> {
        CountDocuments::new(self, filter)
    }

    /// The number of documents, from what the engine keeps count of.
    pub fn estimated_document_count(&self) -> EstimatedDocumentCount<'_, T> {
        EstimatedDocumentCount::new(self)
    }

    /// The distinct values of a field in the documents that match.
    pub fn distinct(&self, field: impl Into<String>, filter: Document) -> Distinct<'_, T> {
        Distinct::new(self, field.into(), filter)
    }

    /// The collection's full name.
    pub fn namespace(&self) -> models::Namespace {
        models::Namespace::new(&self.db, &self.name)
    }

    /// Makes an index, of which a document is the keys: `{field: 1}`.
    pub fn create_index(&self, index: impl Into<IndexModel>) -> CreateIndex<'_, T> {
        CreateIndex::new(self, index.into())
    }

    /// Makes several indexes.
    pub fn create_indexes(&self, indexes: impl IntoIterator<Item = IndexModel>) -> CreateIndexes<'_, T> {
        CreateIndexes::new(self, indexes.into_iter().collect())
    }

    /// The collection's indexes.
    pub fn list_indexes(&self) -> ListIndexes<'_, T> {
        ListIndexes::new(self)
    }

    /// Drops an index.
    pub fn drop_index(&self, name: impl Into<String>) -> DropIndexes<'_, T> {
        DropIndexes::new(self, Some(name.into()))
    }

    /// Drops all indexes but the one on `_id`.
    pub fn drop_indexes(&self) -> DropIndexes<'_, T> {
        DropIndexes::new(self, None)
    }

    /// The names of the collection's indexes.
    pub fn list_index_names(&self) -> ListIndexNames<'_, T> {
        ListIndexNames::new(self)
    }

    /// Updates the first document that matches.
    pub fn update_one(&self, filter: Document, update: impl Into<UpdateModifications>) -> Update<'_, T> {
        Update::new(self, filter, update.into(), false)
    }

    /// Updates all documents that match.
    pub fn update_many(&self, filter: Document, update: impl Into<UpdateModifications>) -> Update<'_, T> {
        Update::new(self, filter, update.into(), true)
    }

    /// Deletes the first document that matches.
    pub fn delete_one(&self, filter: Document) -> Delete<'_, T> {
        Delete::new(self, filter, false)
    }

    /// Deletes all documents that match.
    pub fn delete_many(&self, filter: Document) -> Delete<'_, T> {
        Delete::new(self, filter, true)
    }

    /// Deletes a document and gives it back.
    pub fn find_one_and_delete(&self, filter: Document) -> FindOneAndDelete<'_, T> {
        FindOneAndDelete::new(self, filter)
    }

    /// Updates a document and gives it back, as it was or as it became.
    pub fn find_one_and_update(
        &self,
        filter: Document,
        update: impl Into<UpdateModifications>,
    ) -> FindOneAndUpdate<'_, T> {
        FindOneAndUpdate::new(self, filter, update.into())
    }

    /// Gives the collection another name.
    pub fn rename(&self, to: impl Into<String>) -> RenameCollection<'_, T> {
        RenameCollection::new(self, to.into())
    }

    /// Drops the collection.
    pub fn drop(&self) -> DropCollection<'_, T> {
        DropCollection::new(self)
    }
}

impl<T: Serialize + Send + Sync> Collection<T> {
    /// Inserts a document. It is given an `_id` when it has none.
    pub fn insert_one(&self, document: impl Borrow<T>) -> InsertOne<'_, T> {
        InsertOne::new(self, document.borrow())
    }

    /// Inserts documents. Those without an `_id` are given one.
    pub fn insert_many(&self, documents: impl IntoIterator<Item = impl Borrow<T>>) -> InsertMany<'_, T> {
        InsertMany::new(self, documents)
    }

    /// Replaces the first document that matches.
    pub fn replace_one(&self, filter: Document, replacement: impl Borrow<T>) -> ReplaceOne<'_, T> {
        ReplaceOne::new(self, filter, replacement.borrow())
    }

    /// An insert for a bulk write.
    pub fn insert_one_model(&self, document: impl Borrow<T>) -> Result<InsertOneModel> {
        Ok(InsertOneModel::builder().namespace(self.namespace()).document(to_document(document.borrow())?).build())
    }

    /// A replacement for a bulk write.
    pub fn replace_one_model(&self, filter: Document, replacement: impl Borrow<T>) -> Result<ReplaceOneModel> {
        let replacement = to_document(replacement.borrow())?;
        let model = ReplaceOneModel::builder().namespace(self.namespace()).filter(filter).replacement(replacement);
        Ok(model.build())
    }

    /// Replaces a document and gives it back, as it was or as it became.
    pub fn find_one_and_replace(&self, filter: Document, replacement: impl Borrow<T>) -> FindOneAndReplace<'_, T> {
        FindOneAndReplace::new(self, filter, replacement.borrow())
    }
}

impl<T: Send + Sync> Clone for Collection<T> {
    fn clone(&self) -> Self {
        self.clone_with_type()
    }
}

impl<T: Send + Sync> fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").field("db", &self.db).field("name", &self.name).finish_non_exhaustive()
    }
}
