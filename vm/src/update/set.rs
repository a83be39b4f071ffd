//! `$set`: writes a value, whatever is there.

use crate::error::Result;
use crate::value::Value;

use super::element::Slot;
use super::operator::Change;

/// Writes the value.
pub(super) fn write(value: Value<'_>, slot: Slot<'_, '_>) -> Result<Change> {
    Ok(slot.set(value))
}
