//! `$unset`: removes a field. An array keeps its length: the element becomes null.

use crate::error::Result;
use crate::value::Value;

use super::element::Slot;
use super::operator::Change;
use super::place::Place;

/// Removes the value.
pub(super) fn change(place: &Place<'_>, slot: Slot<'_, '_>) -> Result<Change> {
    Ok(if place.is_array_element() { slot.set(Value::NULL) } else { Change::Removed })
}
