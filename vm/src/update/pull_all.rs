//! `$pullAll`: removes the elements of an array that equal one of several values.

use crate::error::Result;
use crate::value::{Value, equal_with};

use super::context::UpdateContext;
use super::element::Slot;
use super::operator::Change;
use super::pull::retain;

/// Writes the array without the elements that equal one of the values.
pub(super) fn change(
    existing: Value<'_>,
    values: Value<'_>,
    context: &UpdateContext<'_>,
    slot: Slot<'_, '_>,
) -> Result<Change> {
    let picked: Vec<_> = values.as_array().into_iter().flat_map(|values| values.values()).collect();
    retain(existing, "$pull", slot, |element| {
        Ok(!picked.iter().any(|&value| equal_with(element, value, context.strings)))
    })
}
