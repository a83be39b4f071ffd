//! `insert_many`.

use std::borrow::Borrow;

use bson::Bson;
use bson::oid::ObjectId;
use serde::Serialize;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::api::convert::{to_bson, to_doc};
use crate::api::{Collection, InsertManyResult};
use crate::error::{Error, Result};
use crate::object_id;
use crate::request::{InsertReply, InsertRequest, OpContext, WriteOptions};

/// Inserts documents.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct InsertMany<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    documents: Result<Vec<WithId>>,
    ordered: bool,
    journal: bool,
}

impl<'a, T: Serialize + Send + Sync> InsertMany<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, documents: impl IntoIterator<Item = impl Borrow<T>>) -> Self {
        let documents = documents.into_iter().map(|document| WithId::new(document.borrow())).collect();
        Self { coll, documents, ordered: true, journal: false }
    }

    /// Whether the first document that cannot be inserted ends the work. Default: yes.
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.ordered = ordered;
        self
    }

    /// Waits until the documents are on the storage device.
    pub fn journal(mut self, journal: bool) -> Self {
        self.journal = journal;
        self
    }

    /// Inserts the documents. When some could not be inserted, the error says which.
    pub fn run(self) -> Result<InsertManyResult> {
        let documents = self.documents?;
        let reply = insert(self.coll, &documents, self.ordered, self.journal)?;
        match Error::from_write_errors(reply.write_errors) {
            Some(error) => Err(error),
            None => Ok(InsertManyResult {
                inserted_ids: documents.into_iter().map(|document| document.id).enumerate().collect(),
            }),
        }
    }
}

/// A document that has an `_id`, given here when the caller gave none.
#[derive(Debug)]
pub(super) struct WithId {
    doc: DocBuf,
    pub id: Bson,
}

impl WithId {
    pub fn new(document: &impl Serialize) -> Result<Self> {
        let doc = to_doc(document)?;
        if let Some(id) = doc.get("_id") {
            let id = to_bson(id)?;
            return Ok(Self { doc, id });
        }
        let id = object_id::generate();
        let doc = DocBuf::build(|with_id| {
            with_id.value("_id", Value::object_id(&id));
            with_id.elements_of(&doc);
        });
        Ok(Self { doc, id: Bson::ObjectId(ObjectId::from_bytes(id)) })
    }
}

pub(super) fn insert<T: Send + Sync>(
    coll: &Collection<T>,
    documents: &[WithId],
    ordered: bool,
    journal: bool,
) -> Result<InsertReply> {
    let documents: Vec<&RawDoc> = documents.iter().map(|document| document.doc.as_doc()).collect();
    let options = WriteOptions { ordered, journal, ..WriteOptions::default() };
    let request = InsertRequest { options, ..InsertRequest::new(coll.namespace()?, &documents) };
    coll.engine().insert(&OpContext::new(), &request)
}
