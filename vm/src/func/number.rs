//! Numbers of the four types, as arithmetic sees them.

use bumpalo::Bump;

use super::build;
use crate::algo::decimal;
use crate::value::decimal::DecimalParts;
use crate::value::{Decimal128, Value, View};

/// The types of numbers, narrowest first; arithmetic answers in the widest type among its arguments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Width {
    Int32,
    Int64,
    Double,
    Decimal,
}

/// A number with its type.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Int32(i32),
    Int64(i64),
    Double(f64),
    Decimal(Decimal128),
}

impl Number {
    /// The number, when the value is one.
    pub(crate) fn of(value: Value<'_>) -> Option<Number> {
        Some(match value.view() {
            View::Int32(int) => Number::Int32(int),
            View::Int64(int) => Number::Int64(int),
            View::Double(double) => Number::Double(double),
            View::Decimal128(decimal) => Number::Decimal(decimal),
            _ => return None,
        })
    }

    /// An int32 when it fits, else an int64.
    pub(crate) fn narrow(int: i64) -> Number {
        i32::try_from(int).map_or(Number::Int64(int), Number::Int32)
    }

    pub(crate) fn width(self) -> Width {
        match self {
            Number::Int32(_) => Width::Int32,
            Number::Int64(_) => Width::Int64,
            Number::Double(_) => Width::Double,
            Number::Decimal(_) => Width::Decimal,
        }
    }

    /// The nearest double.
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Number::Int32(int) => int.into(),
            Number::Int64(int) => int as f64,
            Number::Double(double) => double,
            Number::Decimal(decimal) => decimal.to_f64(),
        }
    }

    /// The decimal that stands for the number in decimal arithmetic: a double gives its first 15 digits.
    pub(crate) fn to_decimal(self) -> Decimal128 {
        match self {
            Number::Int32(int) => Decimal128::from_i64(int.into()),
            Number::Int64(int) => Decimal128::from_i64(int),
            Number::Double(double) => decimal::from_f64_15(double),
            Number::Decimal(decimal) => decimal,
        }
    }

    /// The integer part, pressed into an int64; NaN gives 0.
    pub(crate) fn to_i64_saturating(self) -> i64 {
        match self {
            Number::Int32(int) => int.into(),
            Number::Int64(int) => int,
            Number::Double(double) => double as i64,
            Number::Decimal(decimal) => match decimal::integral(decimal, decimal::Rounding::Truncate).parts() {
                DecimalParts::NaN => 0,
                DecimalParts::Infinity { negative } => extreme(negative),
                DecimalParts::Finite(finite) => finite.to_i64().unwrap_or_else(|| extreme(finite.negative)),
            },
        }
    }

    /// The number as an int64, when it is an integer that fits.
    pub(crate) fn to_i64_exact(self) -> Option<i64> {
        match self {
            Number::Int32(int) => Some(int.into()),
            Number::Int64(int) => Some(int),
            Number::Double(double) => {
                let in_range = double >= i64::MIN as f64 && double < -(i64::MIN as f64);
                (in_range && double.fract() == 0.0).then_some(double as i64)
            }
            Number::Decimal(decimal) => match decimal.parts() {
                DecimalParts::Finite(finite) => finite.to_i64(),
                _ => None,
            },
        }
    }

    /// The number as an int32, when it is an integer that fits.
    pub(crate) fn to_i32_exact(self) -> Option<i32> {
        self.to_i64_exact().and_then(|int| i32::try_from(int).ok())
    }

    /// The number as a value.
    pub(crate) fn value(self, arena: &Bump) -> Value<'_> {
        match self {
            Number::Int32(int) => Value::int32(int),
            Number::Int64(int) => Value::int64(int),
            Number::Double(double) => Value::double(double),
            Number::Decimal(decimal) => build::decimal(arena, decimal),
        }
    }
}

fn extreme(negative: bool) -> i64 {
    if negative { i64::MIN } else { i64::MAX }
}

/// An integer as int32 when it fits, else as int64.
pub(crate) fn int_value(int: i64) -> Value<'static> {
    i32::try_from(int).map_or(Value::int64(int), Value::int32)
}
