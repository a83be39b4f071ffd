//! Sort specifications: `{a: 1, "b.c": -1}`.

use smongo_vm::program::Direction;
use smongo_vm::value::{FieldPath, RawDoc, Tag, Value, View};
use smongo_vm::{Error, Result};

use super::expr::field_path;
use crate::ir::Sort;

/// Most parts of a sort key; MongoDB's limit.
const MAX_SORT_PARTS: usize = 32;

/// Parses a sort specification. `{}` sorts nothing and gives `None`.
pub fn parse(spec: &RawDoc) -> Result<Option<Sort>> {
    let mut parts: Vec<(FieldPath, Direction)> = Vec::new();
    for element in spec.iter() {
        let name = element.name_str();
        let path = path_of(name)?;
        let direction = direction(name, element.value())?;
        if parts.iter().any(|(known, _)| *known == path) {
            return Err(Error::location(
                7472500,
                format!("$sort key must not contain duplicate keys (field: '{name}')"),
            ));
        }
        parts.push((path, direction));
    }
    if parts.len() > MAX_SORT_PARTS {
        return Err(Error::bad_value(format!("too many compound keys: a sort has at most {MAX_SORT_PARTS} parts")));
    }
    Ok((!parts.is_empty()).then_some(Sort { parts }))
}

fn path_of(name: &str) -> Result<FieldPath> {
    if name.is_empty() {
        return Err(Error::location(40352, "FieldPath cannot be constructed with empty string"));
    }
    field_path(name)
}

/// 1 or -1, in any number type; anything else is one of MongoDB's errors.
fn direction(name: &str, value: Value<'_>) -> Result<Direction> {
    if value.tag() == Tag::Document {
        return Err(meta_direction(value));
    }
    let number = match value.view() {
        View::Int32(number) => f64::from(number),
        View::Int64(number) => number as f64,
        View::Double(number) => number,
        View::Decimal128(number) => number.to_f64(),
        _ => {
            return Err(Error::location(
                15974,
                format!(
                    "Illegal key in $sort specification: {name}: {}",
                    smongo_vm::value::extjson::to_string_shell(value)
                ),
            ));
        }
    };
    match number {
        1.0 => Ok(Direction::Ascending),
        -1.0 => Ok(Direction::Descending),
        _ => Err(Error::location(15975, "$sort key ordering must be 1 (for ascending) or -1 (for descending)")),
    }
}

/// A document is `{$meta: …}`, which needs metadata that no plan here provides yet, or an error.
fn meta_direction(value: Value<'_>) -> Error {
    let is_meta = value.as_doc().is_some_and(|doc| doc.get("$meta").is_some());
    if is_meta {
        return Error::location(40218, "query requires text score metadata, but it is not available");
    }
    Error::location(17312, "$meta is the only expression supported by $sort right now")
}
