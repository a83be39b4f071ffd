//! `$addToSet`: appends those values to an array that it does not hold yet. What the array holds twice stays.

use crate::error::{Error, Result};
use crate::value::{RawDoc, Value, equal_with};

use super::context::UpdateContext;
use super::element::Slot;
use super::operator::Change;
use super::place::Place;

/// Writes the array with the values that it lacks.
pub(super) fn change(
    existing: Value<'_>,
    values: Value<'_>,
    place: &Place<'_>,
    context: &UpdateContext<'_>,
    slot: Slot<'_, '_>,
) -> Result<Change> {
    let Some(array) = existing.as_array() else {
        return Err(Error::bad_value(format!(
            "Cannot apply $addToSet to non-array field. Field named '{}' has non-array type {}",
            place.name(),
            existing.tag().name()
        )));
    };
    let added = lacking(array, values, context);
    Ok(if added.is_empty() { Change::Kept } else { slot.set_extended(array, added) })
}

/// Writes a new array of the values.
pub(super) fn create(values: Value<'_>, context: &UpdateContext<'_>, slot: Slot<'_, '_>) -> Result<Change> {
    Ok(slot.set_array(lacking(RawDoc::EMPTY, values, context)))
}

/// Those of `values` that neither the array nor an earlier value equals.
fn lacking<'v>(array: &RawDoc, values: Value<'v>, context: &UpdateContext<'_>) -> Vec<Value<'v>> {
    let mut added: Vec<Value<'v>> = Vec::new();
    let is_equal = |a: Value<'_>, b: Value<'_>| equal_with(a, b, context.strings);
    for value in values.as_array().into_iter().flat_map(|values| values.values()) {
        if !added.iter().any(|&other| is_equal(other, value)) && !array.values().any(|other| is_equal(other, value)) {
            added.push(value);
        }
    }
    added
}
