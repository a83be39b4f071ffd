//! Numbers of any type as integers: exactly, truncated, or rounded.

use crate::algo::decimal::{Rounding, integral};
use crate::func::number::Number;
use crate::value::decimal::DecimalParts;
use crate::value::{Decimal128, Value};

/// The integer that a number of any type is, if it is one that int64 holds.
pub(crate) fn exact_i64(value: Value<'_>) -> Option<i64> {
    Number::of(value).and_then(Number::to_i64_exact)
}

/// [`exact_i64`] within int32.
pub(crate) fn exact_i32(value: Value<'_>) -> Option<i32> {
    Number::of(value).and_then(Number::to_i32_exact)
}

/// A double without its fraction; `None` for NaN and what int64 does not hold.
pub(super) fn truncated_double(number: f64) -> Option<i64> {
    Number::Double(number.trunc()).to_i64_exact()
}

/// A decimal without its fraction; `None` for what int64 does not hold.
pub(super) fn truncated_decimal(number: Decimal128) -> Option<i64> {
    Number::Decimal(integral(number, Rounding::Truncate)).to_i64_exact()
}

/// A number as mongod coerces it where an index or a length is wanted: doubles lose their fraction, decimals round half
/// to even, and what int64 does not hold becomes its nearest bound. NaN becomes the upper one.
pub(crate) fn coerced_i64(value: Value<'_>) -> i64 {
    match Number::of(value) {
        None => 0,
        Some(Number::Int32(number)) => i64::from(number),
        Some(Number::Int64(number)) => number,
        Some(Number::Double(number)) if number.is_nan() => i64::MAX,
        Some(Number::Double(number)) => number as i64,
        Some(Number::Decimal(number)) => {
            let rounded = integral(number, Rounding::HalfEven);
            let bound = match rounded.parts() {
                DecimalParts::Finite(finite) if finite.negative => i64::MIN,
                DecimalParts::Infinity { negative: true } => i64::MIN,
                _ => i64::MAX,
            };
            Number::Decimal(rounded).to_i64_exact().unwrap_or(bound)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coercion_of_decimals_rounds_half_to_even() {
        for (text, expected) in [
            ("0.5", 0),
            ("1.5", 2),
            ("2.5", 2),
            ("-0.5", 0),
            ("-1.5", -2),
            ("2.51", 3),
            ("3E0", 3),
            ("30E-1", 3),
            ("1E-6176", 0),
            ("1E+6144", i64::MAX),
            ("-1E+30", i64::MIN),
            ("NaN", i64::MAX),
        ] {
            let decimal = Decimal128::parse(text).unwrap();
            assert_eq!(coerced_i64(Value::decimal128(&decimal.0)), expected, "{text}");
        }
    }

    #[test]
    fn truncation() {
        assert_eq!(truncated_double(-1.9), Some(-1));
        assert_eq!(truncated_double(i64::MAX as f64), None);
        assert_eq!(truncated_double(f64::NAN), None);
        assert_eq!(truncated_decimal(Decimal128::parse("-1.9").unwrap()), Some(-1));
        assert_eq!(truncated_decimal(Decimal128::parse("9223372036854775808.0").unwrap()), None);
        assert_eq!(truncated_decimal(Decimal128::INFINITY), None);
    }
}
