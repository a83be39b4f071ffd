//! Integers in requests: any number type is taken as long as the number is whole.

use smongo_vm::value::decimal::DecimalParts;
use smongo_vm::value::{Decimal128, Value, View};
use smongo_vm::{Error, Result};

use super::echo::echo_element;

/// 2^63: the first double above every int64.
const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;

/// The integer a number is: whole, and within 64 bits.
pub(in crate::front) fn to_exact_i64(value: Value<'_>) -> Option<i64> {
    match value.view() {
        View::Double(_) => truncated(value).ok().filter(|&whole| whole as f64 == value.as_double().unwrap_or(f64::NAN)),
        View::Decimal128(decimal) => match decimal.parts() {
            DecimalParts::Finite(finite) => finite.to_i64(),
            _ => None,
        },
        _ => value.as_integer(),
    }
}

/// Why a number has no integral part of 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::front) enum NoInteger {
    /// NaN or infinite.
    NotFinite,
    /// Outside of 64 bits.
    OutOfRange,
}

/// A number without its fraction. Values that are not numbers count as zero; callers check.
pub(in crate::front) fn truncated(value: Value<'_>) -> Result<i64, NoInteger> {
    match value.view() {
        View::Double(double) if !double.is_finite() => Err(NoInteger::NotFinite),
        View::Double(double) if (-TWO_POW_63..TWO_POW_63).contains(&double) => Ok(double as i64),
        View::Double(_) => Err(NoInteger::OutOfRange),
        View::Decimal128(decimal) => truncated_decimal(decimal),
        _ => Ok(value.as_integer().unwrap_or(0)),
    }
}

fn truncated_decimal(decimal: Decimal128) -> Result<i64, NoInteger> {
    let DecimalParts::Finite(mut finite) = decimal.parts() else { return Err(NoInteger::NotFinite) };
    if finite.exponent < 0 {
        let divisor = 10u128.checked_pow(finite.exponent.unsigned_abs());
        finite.coefficient = divisor.map_or(0, |divisor| finite.coefficient / divisor);
        finite.exponent = 0;
    }
    finite.to_i64().ok_or(NoInteger::OutOfRange)
}

/// The integer that the field `name` of a request must hold. The message says which rule it breaks.
pub(in crate::front) fn integer(name: &str, value: Value<'_>) -> Result<i64> {
    let refuse = |rule: &str| Err(Error::failed_to_parse(format!("{rule}: {}", echo_element(name, value))));
    if !value.is_number() {
        return refuse("Expected a number in");
    }
    if let Some(integer) = to_exact_i64(value) {
        return Ok(integer);
    }
    let is_nan = match value.view() {
        View::Double(double) => double.is_nan(),
        View::Decimal128(decimal) => decimal.is_nan(),
        _ => false,
    };
    match truncated(value) {
        _ if is_nan => refuse("Expected an integer, but found NaN in"),
        Ok(_) => refuse("Expected an integer"),
        Err(_) => refuse("Cannot represent as a 64-bit integer"),
    }
}

/// [`integer`], not negative.
pub(in crate::front) fn non_negative(name: &str, value: Value<'_>) -> Result<i64> {
    match integer(name, value)? {
        negative @ ..0 => Err(Error::failed_to_parse(format!(
            "Expected a non-negative number in: {}",
            echo_element(name, Value::integer(negative))
        ))),
        number => Ok(number),
    }
}
