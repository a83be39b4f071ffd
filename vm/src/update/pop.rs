//! `$pop`: removes the first or the last element of an array.

use crate::code::Code;
use crate::error::{Error, Result};
use crate::value::Value;

use super::element::Slot;
use super::operator::Change;
use super::place::Place;

/// Which end of the array loses its element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// `-1`.
    First,
    /// `1`.
    Last,
}

/// Writes the array without one of its elements.
pub(super) fn change(existing: Value<'_>, end: End, place: &Place<'_>, slot: Slot<'_, '_>) -> Result<Change> {
    let Some(array) = existing.as_array() else {
        return Err(Error::new(
            Code::TYPE_MISMATCH,
            format!("Path '{}' contains an element of non-array type '{}'", place.path(), existing.tag().name()),
        ));
    };
    Ok(match (end, array.iter().count()) {
        (_, 0) => Change::Kept,
        (End::First, _) => slot.set_array(array.values().skip(1)),
        (End::Last, count) => slot.set_array(array.values().take(count - 1)),
    })
}
