//! The arithmetic of `$inc` and `$mul`: the result has the wider type of both numbers, an int32 that overflows becomes
//! an int64, and an int64 that overflows is an error.

use crate::algo::decimal;
use crate::code::Code;
use crate::error::{Error, Result};
use crate::value::{Decimal128, Value, View};

use super::element::Slot;
use super::operator::Change;
use super::place::Place;

/// A number taken out of its value.
#[derive(Clone, Copy)]
pub(super) enum Number {
    Int32(i32),
    Int64(i64),
    Double(f64),
    Decimal(Decimal128),
}

/// One operation for each way to represent the operands. The integer one gives nothing on overflow.
pub(super) struct Arithmetic {
    /// The operator's name, for messages.
    pub(super) operator: &'static str,
    pub(super) integers: fn(i64, i64) -> Option<i64>,
    pub(super) doubles: fn(f64, f64) -> f64,
    pub(super) decimals: fn(Decimal128, Decimal128) -> Decimal128,
}

impl Number {
    pub(super) fn of(value: Value<'_>) -> Option<Number> {
        Some(match value.view() {
            View::Int32(int) => Number::Int32(int),
            View::Int64(int) => Number::Int64(int),
            View::Double(double) => Number::Double(double),
            View::Decimal128(decimal) => Number::Decimal(decimal),
            _ => return None,
        })
    }

    fn as_integer(self) -> Option<i64> {
        match self {
            Number::Int32(int) => Some(i64::from(int)),
            Number::Int64(int) => Some(int),
            Number::Double(_) | Number::Decimal(_) => None,
        }
    }

    fn to_double(self) -> f64 {
        match self {
            Number::Int32(int) => f64::from(int),
            Number::Int64(int) => int as f64,
            Number::Double(double) => double,
            Number::Decimal(decimal) => decimal.to_f64(),
        }
    }

    fn to_decimal(self) -> Decimal128 {
        match self {
            Number::Int32(int) => Decimal128::from_i64(i64::from(int)),
            Number::Int64(int) => Decimal128::from_i64(int),
            Number::Double(double) => decimal::from_f64_15(double),
            Number::Decimal(decimal) => decimal,
        }
    }

    /// The 0 of the same type.
    pub(super) fn zero(self) -> Number {
        match self {
            Number::Int32(_) => Number::Int32(0),
            Number::Int64(_) => Number::Int64(0),
            Number::Double(_) => Number::Double(0.0),
            Number::Decimal(_) => Number::Decimal(Decimal128::from_i64(0)),
        }
    }

    /// The result of an operation; `None` when an int64 overflows.
    fn combine(self, other: Number, arithmetic: &Arithmetic) -> Option<Number> {
        if let (Some(a), Some(b)) = (self.as_integer(), other.as_integer()) {
            let result = (arithmetic.integers)(a, b)?;
            let both_short = matches!((self, other), (Number::Int32(_), Number::Int32(_)));
            return Some(match i32::try_from(result) {
                Ok(short) if both_short => Number::Int32(short),
                _ => Number::Int64(result),
            });
        }
        if matches!(self, Number::Decimal(_)) || matches!(other, Number::Decimal(_)) {
            return Some(Number::Decimal((arithmetic.decimals)(self.to_decimal(), other.to_decimal())));
        }
        Some(Number::Double((arithmetic.doubles)(self.to_double(), other.to_double())))
    }

    pub(super) fn write(self, slot: Slot<'_, '_>) -> Change {
        match self {
            Number::Int32(int) => slot.set(Value::int32(int)),
            Number::Int64(int) => slot.set(Value::int64(int)),
            Number::Double(double) => slot.set(Value::double(double)),
            Number::Decimal(decimal) => slot.set(Value::decimal128(&decimal.0)),
        }
    }
}

impl Arithmetic {
    /// Writes the result of the operation on a value that is there and the operator's argument.
    pub(super) fn change(
        &self,
        existing: Value<'_>,
        operand: Value<'_>,
        place: &Place<'_>,
        slot: Slot<'_, '_>,
    ) -> Result<Change> {
        let Some(current) = Number::of(existing) else {
            return Err(Error::new(
                Code::TYPE_MISMATCH,
                format!(
                    "Cannot apply {} to a value of non-numeric type. {{{}}} has the field '{}' of non-numeric type {}",
                    self.operator,
                    place.id(),
                    place.name(),
                    existing.tag().name()
                ),
            ));
        };
        let Some(operand) = Number::of(operand) else {
            return Ok(Change::Kept);
        };
        match current.combine(operand, self) {
            Some(result) => Ok(result.write(slot)),
            None => Err(Error::bad_value(format!(
                "Failed to apply {} operations to current value ((NumberLong){}) for document {{{}}}",
                self.operator,
                current.as_integer().unwrap_or(0),
                place.id()
            ))),
        }
    }
}
