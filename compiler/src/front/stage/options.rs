//! What the options of several stages have in common.

use smongo_vm::value::{FieldPath, Tag, Value};
use smongo_vm::{Error, Result};

use crate::front::expr::field_path;

/// A namespace that a stage names: a collection of the request's database, or `{db, coll}`.
pub(super) fn target(value: Value<'_>, context: &str, db: &str) -> Result<(String, String)> {
    if let Some(coll) = value.as_str() {
        return Ok((db.to_owned(), coll.to_owned()));
    }
    let Some(doc) = value.as_doc() else {
        return Err(wrong_type(context, value.tag(), "[string, object]"));
    };
    let mut named = (None, None);
    for field in doc {
        let slot = match field.name_str() {
            "db" => &mut named.0,
            "coll" => &mut named.1,
            other => return Err(unknown(context, other)),
        };
        if field.value().is_nullish() {
            continue;
        }
        let path = format!("{context}.{}", field.name_str());
        *slot = Some(string(field.value(), &path)?.to_owned());
    }
    let coll = named.1.ok_or_else(|| {
        Error::location(5_786_801, format!("{context} must name a collection: 'coll' is missing, null or undefined"))
    })?;
    // An empty name of a database stands for none.
    let db = named.0.filter(|named| !named.is_empty()).unwrap_or_else(|| db.to_owned());
    Ok((db, coll))
}

/// A string and nothing else.
pub(super) fn string<'d>(value: Value<'d>, path: &str) -> Result<&'d str> {
    value.as_str().ok_or_else(|| wrong_type(path, value.tag(), "string"))
}

/// The path of a field that a stage reads or writes, without dollar sign.
pub(super) fn path(text: &str) -> Result<FieldPath> {
    if text.is_empty() {
        return Err(Error::location(40352, "FieldPath cannot be constructed with empty string"));
    }
    field_path(text)
}

#[cold]
pub(super) fn unknown(context: &str, field: &str) -> Error {
    Error::location(40415, format!("BSON field '{context}.{field}' is an unknown field."))
}

#[cold]
pub(super) fn missing(context: &str, field: &str) -> Error {
    Error::location(40414, format!("BSON field '{context}.{field}' is missing but a required field"))
}

/// The error for a value of a wrong type; several types that would do stand in brackets.
#[cold]
pub(super) fn wrong_type(path: &str, found: Tag, wanted: &str) -> Error {
    let noun = if wanted.starts_with('[') { "types" } else { "type" };
    let found = found.name();
    Error::type_mismatch(format!("BSON field '{path}' is the wrong type '{found}', expected {noun} '{wanted}'"))
}
