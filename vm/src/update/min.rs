//! `$min`: writes its argument where that is less than what is there, over all types. A missing field gets it too.

use std::cmp::Ordering;

use crate::error::Result;
use crate::value::{Value, compare_with};

use super::context::UpdateContext;
use super::element::Slot;
use super::operator::Change;

/// Writes the lesser of both values.
pub(super) fn change(
    existing: Value<'_>,
    value: Value<'_>,
    context: &UpdateContext<'_>,
    slot: Slot<'_, '_>,
) -> Result<Change> {
    let is_less = compare_with(value, existing, context.strings) == Ordering::Less;
    Ok(if is_less { slot.set(value) } else { Change::Kept })
}
