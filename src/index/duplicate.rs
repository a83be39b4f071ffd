//! The error for a second document with a unique key.

use smongo_vm::Code;
use smongo_vm::key::{Direction, KeyDecoder};
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Index;
use crate::error::Error;
use crate::request::Namespace;
use crate::shell_text::ShellText;

/// `DuplicateKey` (11000) for an entry of `index`.
#[cold]
pub(super) fn error(ns: &Namespace, index: &Index, key: &[u8], type_bits: &[u8]) -> Error {
    let pattern = index.key_pattern();
    let key_value = key_document(pattern, key, type_bits);
    let shown = ShellText(Value::document(&key_value));
    let message = format!("E11000 duplicate key error collection: {ns} index: {} dup key: {shown}", index.name());
    Error::new(Code::DUPLICATE_KEY, message).with_details(DocBuf::build(|details| {
        details.value("keyPattern", Value::document(pattern));
        details.value("keyValue", Value::document(&key_value));
    }))
}

/// The values of a key under the names of the index's fields.
pub(super) fn key_document(pattern: &RawDoc, key: &[u8], type_bits: &[u8]) -> DocBuf {
    let mut decoder = KeyDecoder::new(key, type_bits);
    DocBuf::build(|doc| {
        for field in pattern {
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
