//! `$mul`: multiplies by a number. A missing field becomes 0 of the number's type.

use crate::algo::decimal;
use crate::error::Result;
use crate::value::Value;

use super::element::Slot;
use super::number::{Arithmetic, Number};
use super::operator::Change;
use super::place::Place;

const MULTIPLICATION: Arithmetic =
    Arithmetic { operator: "$mul", integers: i64::checked_mul, doubles: |a, b| a * b, decimals: decimal::mul };

/// Writes the product.
pub(super) fn change(existing: Value<'_>, by: Value<'_>, place: &Place<'_>, slot: Slot<'_, '_>) -> Result<Change> {
    MULTIPLICATION.change(existing, by, place, slot)
}

/// Writes 0.
pub(super) fn create(by: Value<'_>, slot: Slot<'_, '_>) -> Result<Change> {
    Ok(Number::of(by).map_or(Change::Kept, |number| number.zero().write(slot)))
}
