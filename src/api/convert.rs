//! Between the caller's types and the engine's bytes.

use bson::{Bson, Document};
use serde::Serialize;
use serde::de::DeserializeOwned;
use smongo_vm::Code;
use smongo_vm::limits::MAX_INTERNAL_DOCUMENT_BYTES;
use smongo_vm::value::{DocBuf, RawDoc, Value, validate};

use crate::error::{Error, Result};

/// The caller's value as a document. Its size and depth are checked here, where it enters.
pub(super) fn to_doc(value: &impl Serialize) -> Result<DocBuf> {
    let bytes = bson::serialize_to_vec(value)
        .map_err(|error| Error::new(Code::BAD_VALUE, format!("cannot turn the value into BSON: {error}")))?;
    validate(&bytes, MAX_INTERNAL_DOCUMENT_BYTES)?;
    DocBuf::from_vec(bytes).ok_or_else(|| Error::new(Code::INVALID_BSON, "the value is not a document"))
}

/// The caller's value as a document of the `bson` crate.
pub(super) fn to_document(value: &impl Serialize) -> Result<Document> {
    bson::serialize_to_document(value)
        .map_err(|error| Error::new(Code::BAD_VALUE, format!("cannot turn the value into BSON: {error}")))
}

/// Documents as an array.
pub(super) fn to_array(documents: &[Document]) -> Result<DocBuf> {
    let documents = documents.iter().map(to_doc).collect::<Result<Vec<_>>>()?;
    let mut bytes = Vec::new();
    let mut array = smongo_vm::value::ArrayWriter::new(&mut bytes);
    for doc in &documents {
        array.value(Value::document(doc));
    }
    array.finish();
    DocBuf::from_vec(bytes).ok_or_else(|| Error::new(Code::INVALID_BSON, "the array is too large"))
}

/// A document as the caller's type.
pub(super) fn from_doc<T: DeserializeOwned>(doc: &RawDoc) -> Result<T> {
    bson::deserialize_from_slice(doc.as_bytes()).map_err(|error| {
        Error::new(Code::FAILED_TO_PARSE, format!("cannot turn the document into the collection's type: {error}"))
    })
}

/// A document in the `bson` crate's bytes as the caller's type.
#[cfg(feature = "remote")]
pub(super) fn from_raw<T: DeserializeOwned>(doc: &bson::RawDocument) -> Result<T> {
    from_doc(RawDoc::from_bytes(doc.as_bytes()).unwrap_or(RawDoc::EMPTY))
}

/// A value as the `bson` crate has it; missing is null.
pub(super) fn to_bson(value: Value<'_>) -> Result<Bson> {
    let holder = DocBuf::build(|doc| doc.value("", value));
    let mut holder: Document = from_doc(&holder)?;
    Ok(holder.remove("").unwrap_or(Bson::Null))
}
