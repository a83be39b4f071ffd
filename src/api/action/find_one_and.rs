//! `find_one_and_delete`, `find_one_and_replace` and `find_one_and_update`: one command, three verbs.

use bson::Document;
use serde::Serialize;
use serde::de::DeserializeOwned;
use smongo_vm::value::{DocBuf, Value};

use super::replace_one::replacement_doc;
use super::update::ModificationBytes;
use crate::api::convert::{from_doc, to_array, to_doc, to_optional_doc};
use crate::api::{Collection, ReturnDocument, UpdateModifications};
use crate::error::Result;
use crate::request::{FindAndModifyRequest, Modification, OpContext};

/// What the three verbs share.
#[derive(Debug)]
struct FindOneAnd<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    sort: Option<Document>,
    projection: Option<Document>,
}

impl<'a, T: Send + Sync> FindOneAnd<'a, T> {
    fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self { coll, filter, sort: None, projection: None }
    }

    fn run(self, action: Modification<'_>) -> Result<Option<T>>
    where
        T: DeserializeOwned,
    {
        let filter = to_doc(&self.filter)?;
        let sort = to_optional_doc(self.sort.as_ref())?;
        let fields = to_optional_doc(self.projection.as_ref())?;
        let request = FindAndModifyRequest {
            sort: sort.as_deref(),
            fields: fields.as_deref(),
            ..FindAndModifyRequest::new(self.coll.namespace()?, &filter, action)
        };
        let reply = self.coll.engine().find_and_modify(&OpContext::new(), &request)?;
        reply.value.as_deref().map(from_doc).transpose()
    }
}

/// Deletes a document and gives it back.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct FindOneAndDelete<'a, T: Send + Sync>(FindOneAnd<'a, T>);

impl<'a, T: Send + Sync> FindOneAndDelete<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self(FindOneAnd::new(coll, filter))
    }

    /// Which match comes first.
    pub fn sort(mut self, sort: Document) -> Self {
        self.0.sort = Some(sort);
        self
    }

    /// Which fields are given back.
    pub fn projection(mut self, projection: Document) -> Self {
        self.0.projection = Some(projection);
        self
    }

    /// Deletes the document, if there is one.
    pub fn run(self) -> Result<Option<T>>
    where
        T: DeserializeOwned,
    {
        self.0.run(Modification::Remove)
    }
}

/// Replaces a document and gives it back.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct FindOneAndReplace<'a, T: Send + Sync> {
    find: FindOneAnd<'a, T>,
    replacement: Result<DocBuf>,
    upsert: bool,
    returned: ReturnDocument,
}

impl<'a, T: Serialize + Send + Sync> FindOneAndReplace<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, replacement: &T) -> Self {
        Self {
            find: FindOneAnd::new(coll, filter),
            replacement: replacement_doc(replacement),
            upsert: false,
            returned: ReturnDocument::default(),
        }
    }

    /// Whether the replacement is inserted when no document matches.
    pub fn upsert(mut self, upsert: bool) -> Self {
        self.upsert = upsert;
        self
    }

    /// Which state is given back. Default: the one before.
    pub fn return_document(mut self, returned: ReturnDocument) -> Self {
        self.returned = returned;
        self
    }

    /// Which match comes first.
    pub fn sort(mut self, sort: Document) -> Self {
        self.find.sort = Some(sort);
        self
    }

    /// Which fields are given back.
    pub fn projection(mut self, projection: Document) -> Self {
        self.find.projection = Some(projection);
        self
    }

    /// Replaces the document, if there is one.
    pub fn run(self) -> Result<Option<T>>
    where
        T: DeserializeOwned,
    {
        let replacement = self.replacement?;
        self.find.run(Modification::Update {
            update: Value::document(&replacement),
            upsert: self.upsert,
            return_new: self.returned == ReturnDocument::After,
            array_filters: None,
        })
    }
}

/// Updates a document and gives it back.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct FindOneAndUpdate<'a, T: Send + Sync> {
    find: FindOneAnd<'a, T>,
    update: UpdateModifications,
    upsert: bool,
    returned: ReturnDocument,
    array_filters: Option<Vec<Document>>,
}

impl<'a, T: Send + Sync> FindOneAndUpdate<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document, update: UpdateModifications) -> Self {
        Self {
            find: FindOneAnd::new(coll, filter),
            update,
            upsert: false,
            returned: ReturnDocument::default(),
            array_filters: None,
        }
    }

    /// Whether a document is inserted when none matches.
    pub fn upsert(mut self, upsert: bool) -> Self {
        self.upsert = upsert;
        self
    }

    /// Which state is given back. Default: the one before.
    pub fn return_document(mut self, returned: ReturnDocument) -> Self {
        self.returned = returned;
        self
    }

    /// Which array elements `$[identifier]` means.
    pub fn array_filters(mut self, filters: impl IntoIterator<Item = Document>) -> Self {
        self.array_filters = Some(filters.into_iter().collect());
        self
    }

    /// Which match comes first.
    pub fn sort(mut self, sort: Document) -> Self {
        self.find.sort = Some(sort);
        self
    }

    /// Which fields are given back.
    pub fn projection(mut self, projection: Document) -> Self {
        self.find.projection = Some(projection);
        self
    }

    /// Updates the document, if there is one.
    pub fn run(self) -> Result<Option<T>>
    where
        T: DeserializeOwned,
    {
        let update = ModificationBytes::new(&self.update)?;
        let array_filters = self.array_filters.as_deref().map(to_array).transpose()?;
        self.find.run(Modification::Update {
            update: update.value(),
            upsert: self.upsert,
            return_new: self.returned == ReturnDocument::After,
            array_filters: array_filters.as_deref(),
        })
    }
}
