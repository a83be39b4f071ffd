//! `insert_many`.

use std::borrow::Borrow;

use bson::Bson;
use bson::oid::ObjectId;
use serde::Serialize;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::options::{Options, durability, in_session, setters};
use crate::api::convert::{to_bson, to_doc};
use crate::api::{Collection, InsertManyResult};
use crate::error::{Error, Result};
use crate::object_id;
use crate::request::{InsertReply, InsertRequest, WriteOptions};

/// Inserts documents.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct InsertMany<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    documents: Result<Vec<WithId>>,
    options: Options,
    journal: bool,
}

impl<'a, T: Serialize + Send + Sync> InsertMany<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, documents: impl IntoIterator<Item = impl Borrow<T>>) -> Self {
        let documents = documents.into_iter().map(|document| WithId::new(document.borrow())).collect();
        Self { coll, documents, options: Options::default(), journal: false }
    }

    setters! {
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
        /// Whether the collection's validator is left out.
        bypass_document_validation(bool) => "bypassDocumentValidation";
    }

    durability!();

    in_session!();

    /// Whether the first document that cannot be inserted ends the work. Default: yes.
    pub fn ordered(mut self, ordered: bool) -> Self {
        self.options.set("ordered", ordered);
        self
    }

    /// Inserts the documents. When some could not be inserted, the error says which.
    pub fn run(self) -> Result<InsertManyResult> {
        let documents = self.documents?;
        let reply = insert(self.coll, &documents, &self.options, self.journal)?;
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
    options: &Options,
    journal: bool,
) -> Result<InsertReply> {
    #[cfg(feature = "remote")]
    if let Some(remote) = coll.remote() {
        return insert_remotely(&remote, documents, options, journal);
    }
    let documents: Vec<&RawDoc> = documents.iter().map(|document| document.doc.as_doc()).collect();
    let write = WriteOptions {
        ordered: options.document().get_bool("ordered").unwrap_or(true),
        journal,
        bypass_document_validation: options.flag("bypassDocumentValidation"),
    };
    let request = InsertRequest { options: write, ..InsertRequest::new(coll.checked_namespace()?, &documents) };
    let engine = coll.engine()?;
    options.run(engine, coll.db(), |op| engine.insert(op, &request))
}

#[cfg(feature = "remote")]
fn insert_remotely(
    remote: &crate::api::remote::RemoteCollection,
    documents: &[WithId],
    options: &Options,
    journal: bool,
) -> Result<InsertReply> {
    let documents =
        documents.iter().map(|document| crate::api::remote::raw(&document.doc)).collect::<Result<Vec<_>>>()?;
    let mut driver_options = options.for_driver::<mongodb::options::InsertManyOptions>()?;
    if journal {
        driver_options.write_concern = Some(mongodb::options::WriteConcern::builder().journal(true).build());
    }
    remote.insert_many(&documents).with_options(driver_options).run()?;
    Ok(InsertReply { inserted: documents.len() as u64, write_errors: Vec::new() })
}
