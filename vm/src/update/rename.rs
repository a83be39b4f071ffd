//! `$rename`: moves a value from one path to another.
//!
//! The tree holds it twice: at the destination, which reads the value from the old document, and at the source, which
//! loses it. Neither path may go through an array. A source that is not there makes the whole operator do nothing.

use crate::code::Code;
use crate::error::{Error, Result};
use crate::value::{Tag, Value};

use super::element::Slot;
use super::operator::Change;
use super::place::Place;
use super::text;
use super::tree::array_index;

/// Writes the value of the source at the destination.
pub(super) fn write(from: &[Box<str>], place: &Place<'_>, slot: Slot<'_, '_>) -> Result<Change> {
    let Some(value) = source(from, place)? else {
        return Ok(Change::Kept);
    };
    if let Some(array) = place.enclosing_array() {
        return Err(inside_array("destination", &place.path(), &array, place));
    }
    Ok(slot.set(value))
}

/// The value to be moved; `None` when there is none.
pub(super) fn source<'p>(from: &[Box<str>], place: &Place<'p>) -> Result<Option<Value<'p>>> {
    let mut value = Value::document(place.root);
    let mut array = None;
    for (at, name) in from.iter().enumerate() {
        let step = match value.tag() {
            Tag::Document => value.as_doc().and_then(|doc| doc.get(name)),
            Tag::Array => {
                array = array.or(at.checked_sub(1));
                match array_index(name) {
                    Some(index) => value.as_array().and_then(|array| array.get_index(index as usize)),
                    None => return Err(blocked(from, at, value)),
                }
            }
            _ => return Err(blocked(from, at, value)),
        };
        match step {
            Some(inner) => value = inner,
            None => return Ok(None),
        }
    }
    match array {
        Some(at) => Err(inside_array("source", &from.join("."), &from[at], place)),
        None => Ok(Some(value)),
    }
}

#[cold]
fn inside_array(which: &str, path: &str, array: &str, place: &Place<'_>) -> Error {
    Error::bad_value(format!(
        "The {which} field cannot be an array element, '{path}' in doc with {} has an array field called '{array}'",
        place.id()
    ))
}

/// The error for a path that goes on, at component `at`, where a value without fields stands.
#[cold]
fn blocked(path: &[Box<str>], at: usize, value: Value<'_>) -> Error {
    let name = at.checked_sub(1).and_then(|at| path.get(at)).map_or("", |name| name);
    Error::new(
        Code::PATH_NOT_VIABLE,
        format!(
            "Cannot use the part ({}) of ({}) to traverse the element ({{{}}})",
            path[at],
            path.join("."),
            text::describe_field(name, value)
        ),
    )
}
