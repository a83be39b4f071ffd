//! `$inc`: adds a number. A missing field gets the number itself.

use crate::algo::decimal;
use crate::error::Result;
use crate::value::Value;

use super::element::Slot;
use super::number::Arithmetic;
use super::operator::Change;
use super::place::Place;

const ADDITION: Arithmetic =
    Arithmetic { operator: "$inc", integers: i64::checked_add, doubles: |a, b| a + b, decimals: decimal::add };

/// Writes the sum.
pub(super) fn change(existing: Value<'_>, by: Value<'_>, place: &Place<'_>, slot: Slot<'_, '_>) -> Result<Change> {
    ADDITION.change(existing, by, place, slot)
}
