//! The error for a second document with a unique key.

use smongo_compiler::plan::PATH_FIELD;
use smongo_vm::Code;
use smongo_vm::key::{Direction, KeyDecoder};
use smongo_vm::value::{DocBuf, RawDoc, Value, View};

use super::Index;
use crate::error::Error;
use crate::request::Namespace;
use crate::shell_text::ShellText;

/// `DuplicateKey` (11000) for an entry of `index`.
#[cold]
pub(super) fn error(ns: &Namespace, index: &Index, key: &[u8], type_bits: &[u8]) -> Error {
    let pattern = index.key_pattern();
    let collation = index.entry().spec.get("collation").and_then(Value::as_doc);
    let key_value = key_document(index, key, type_bits);
    let key_value = if collation.is_some() { in_hexadecimal(&key_value) } else { key_value };
    let shown = ShellText(Value::document(&key_value));
    let by = collation.map(|collation| format!(" collation: {}", ShellText(Value::document(collation))));
    let (name, by) = (index.name(), by.unwrap_or_default());
    let message = format!("E11000 duplicate key error collection: {ns} index: {name}{by} dup key: {shown}");
    Error::new(Code::DUPLICATE_KEY, message).with_details(DocBuf::build(|details| {
        details.value("keyPattern", Value::document(pattern));
        details.value("keyValue", Value::document(&key_value));
        if let Some(collation) = collation {
            details.value("collation", Value::document(collation));
        }
    }))
}

/// The values of a key under the names of the index's fields.
pub(super) fn key_document(index: &Index, key: &[u8], type_bits: &[u8]) -> DocBuf {
    let path_place = index.description().wildcard.as_ref().map(|wildcard| wildcard.place);
    let mut decoder = KeyDecoder::new(key, type_bits);
    DocBuf::build(|doc| {
        for (at, field) in index.key_pattern().iter().enumerate() {
            if Some(at) == path_place && decoder.field(Direction::Ascending, PATH_FIELD, doc).is_err() {
                break;
            }
            let is_descending = match field.value().as_integer() {
                Some(order) => order < 0,
                None => field.value().as_double().is_some_and(|order| order < 0.0),
            };
            let direction = if is_descending { Direction::Descending } else { Direction::Ascending };
            // The key was made a moment ago; one that cannot be read ends the document early.
            if decoder.field(direction, field.name_str(), doc).is_err() {
                break;
            }
        }
    })
}

/// The document with sort keys, which are no texts, as the texts of their bytes.
fn in_hexadecimal(doc: &RawDoc) -> DocBuf {
    DocBuf::build(|out| {
        for field in doc {
            match field.value().view() {
                View::String(key) => out.string(field.name_str(), &hexadecimal(key)),
                View::Document(inner) => out.value_named(field.name(), Value::document(&in_hexadecimal(inner))),
                View::Array(inner) => out.value_named(field.name(), Value::array(&in_hexadecimal(inner))),
                _ => out.value_named(field.name(), field.value()),
            }
        }
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("0x{digits}")
}
