//! The error for a second document with a unique key.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Index;
use crate::error::Error;
use crate::request::Namespace;
use crate::shell_text::ShellText;

/// `DuplicateKey` (11000) for `doc` in `index`.
#[cold]
pub(super) fn error(ns: &Namespace, index: &Index, doc: &RawDoc) -> Error {
    let pattern = index.key_pattern();
    let key_value = DocBuf::build(|key| {
        for field in pattern {
            let value = doc.get(field.name_str()).unwrap_or(Value::NULL);
            key.value(field.name_str(), value);
        }
    });
    let shown = ShellText(Value::document(&key_value));
    let message = format!("E11000 duplicate key error collection: {ns} index: {} dup key: {shown}", index.name());
    Error::new(Code::DUPLICATE_KEY, message).with_details(DocBuf::build(|details| {
        details.value("keyPattern", Value::document(pattern));
        details.value("keyValue", Value::document(&key_value));
    }))
}
