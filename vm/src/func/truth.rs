//! Truth of values, as `$and`, `$cond`, `$filter` and `$expr` see it.

use super::number::Number;
use crate::algo::decimal;
use crate::value::{Value, View};

/// Whether a value counts as true: everything but missing, null, undefined, false and the zeros. NaN counts as true.
pub fn is_true(value: Value<'_>) -> bool {
    match value.view() {
        View::Nothing | View::Null | View::Undefined => false,
        View::Bool(value) => value,
        _ => match Number::of(value) {
            Some(Number::Int32(int)) => int != 0,
            Some(Number::Int64(int)) => int != 0,
            Some(Number::Double(double)) => double != 0.0,
            Some(Number::Decimal(value)) => !decimal::is_zero(value),
            None => true,
        },
    }
}
