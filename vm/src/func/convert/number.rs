//! Conversions to numbers.

use std::borrow::Cow;

use super::{Options, conversion_failure, integer, overflow, unsupported};
use crate::algo::decimal::from_f64_15;
use crate::error::Result;
use crate::func::date;
use crate::func::display::describe;
use crate::value::decimal::{DecimalParts, Finite, MAX_DIGITS};
use crate::value::{Decimal128, Tag, Value, View};

/// A value as int32.
pub(super) fn to_int(value: Value<'_>, options: &Options) -> Result<i32> {
    let number = match value.view() {
        View::Int32(number) => return Ok(number),
        View::Binary { bytes, .. } if bytes.len() <= 4 => integer_of_bytes(bytes, options)?,
        View::Binary { bytes, .. } => return Err(bad_length(bytes)),
        View::DateTime(_) => return Err(unsupported(value, Tag::Int32)),
        _ => to_integer(value, Tag::Int32, options)?,
    };
    i32::try_from(number).map_err(|_| overflow(value))
}

/// A value as int64.
pub(super) fn to_long(value: Value<'_>, options: &Options) -> Result<i64> {
    match value.view() {
        View::DateTime(millis) => Ok(millis),
        View::Binary { bytes, .. } => integer_of_bytes(bytes, options),
        _ => to_integer(value, Tag::Int64, options),
    }
}

/// A value as a date's milliseconds.
pub(super) fn to_millis(value: Value<'_>, options: &Options) -> Result<i64> {
    match value.view() {
        View::Int64(_) | View::Double(_) | View::Decimal128(_) => to_integer(value, Tag::DateTime, options),
        View::String(_) => date::parse::date(value.as_str().unwrap_or_default(), &date::zone::Zone::UTC),
        _ => date::moment_of(value).ok_or_else(|| unsupported(value, Tag::DateTime)),
    }
}

/// What conversions to int, long and date share.
fn to_integer(value: Value<'_>, target: Tag, options: &Options) -> Result<i64> {
    match value.view() {
        View::Bool(flag) => Ok(i64::from(flag)),
        View::Int32(number) => Ok(i64::from(number)),
        View::Int64(number) => Ok(number),
        View::Double(number) if number.is_nan() => Err(not_an_integer("NaN")),
        View::Double(number) if number.is_infinite() => Err(not_an_integer("infinity")),
        View::Double(number) => integer::truncated_double(number).ok_or_else(|| overflow(value)),
        View::Decimal128(number) => match number.parts() {
            DecimalParts::NaN => Err(not_an_integer("NaN")),
            DecimalParts::Infinity { .. } => Err(not_an_integer("infinity")),
            DecimalParts::Finite(_) => integer::truncated_decimal(number).ok_or_else(|| overflow(value)),
        },
        View::String(bytes) => integer_of_text(bytes, options.base.unwrap_or(10)),
        _ => Err(unsupported(value, target)),
    }
}

fn not_an_integer(what: &str) -> crate::Error {
    conversion_failure(format!("Attempt to convert {what} value to integer type in $convert with no onError value"))
}

/// A value as a double.
pub(super) fn to_double(value: Value<'_>, options: &Options) -> Result<f64> {
    match value.view() {
        View::Bool(flag) => Ok(f64::from(u8::from(flag))),
        View::Int32(number) => Ok(f64::from(number)),
        View::Int64(number) => Ok(number as f64),
        View::Double(number) => Ok(number),
        View::DateTime(millis) => Ok(millis as f64),
        View::Decimal128(decimal) => double_of_decimal(decimal).ok_or_else(|| overflow(value)),
        View::String(bytes) => match options.base {
            None | Some(10) => double_of_text(bytes),
            Some(base) => integer_of_text(bytes, base).map(|number| number as f64),
        },
        View::Binary { bytes, .. } => double_of_bytes(bytes, options),
        _ => Err(unsupported(value, Tag::Double)),
    }
}

/// The nearest double, unless the number lies outside the range of doubles.
fn double_of_decimal(decimal: Decimal128) -> Option<f64> {
    let double = decimal.to_f64();
    match decimal.parts() {
        DecimalParts::Finite(finite) if finite.coefficient != 0 => double.is_normal().then_some(double),
        _ => Some(double),
    }
}

/// A value as a decimal128.
pub(super) fn to_decimal(value: Value<'_>, options: &Options) -> Result<Decimal128> {
    match value.view() {
        View::Bool(flag) => Ok(Decimal128::from_i64(i64::from(flag))),
        View::Int32(number) => Ok(Decimal128::from_i64(i64::from(number))),
        View::Int64(number) => Ok(Decimal128::from_i64(number)),
        View::Double(number) => Ok(from_f64_15(number)),
        View::DateTime(millis) => Ok(Decimal128::from_i64(millis)),
        View::Decimal128(decimal) => Ok(decimal),
        View::String(bytes) => match options.base {
            None | Some(10) => decimal_of_text(bytes),
            Some(base) => integer_of_text(bytes, base).map(Decimal128::from_i64),
        },
        _ => Err(unsupported(value, Tag::Decimal128)),
    }
}

/// Two's complement of 1, 2, 4 or 8 bytes.
fn integer_of_bytes(bytes: &[u8], options: &Options) -> Result<i64> {
    if !matches!(bytes.len(), 1 | 2 | 4 | 8) {
        return Err(bad_length(bytes));
    }
    let mut padded = [0; 8];
    padded[..bytes.len()].copy_from_slice(bytes);
    if options.big_endian {
        padded[..bytes.len()].reverse();
    }
    let unused = 64 - 8 * bytes.len() as u32;
    Ok(i64::from_le_bytes(padded) << unused >> unused)
}

/// IEEE 754 single or double precision.
fn double_of_bytes(bytes: &[u8], options: &Options) -> Result<f64> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(f64::from(if options.big_endian { f32::from_be_bytes(four) } else { f32::from_le_bytes(four) }));
    }
    match <[u8; 8]>::try_from(bytes) {
        Ok(eight) if options.big_endian => Ok(f64::from_be_bytes(eight)),
        Ok(eight) => Ok(f64::from_le_bytes(eight)),
        Err(_) => Err(bad_length(bytes)),
    }
}

fn bad_length(bytes: &[u8]) -> crate::Error {
    conversion_failure(format!("Failed to convert BinData because of invalid length: {}", bytes.len()))
}

/// The text of a number, unless it is written in hexadecimal.
fn number_text(bytes: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(bytes).map_err(|_| unparsable(&String::from_utf8_lossy(bytes), NOTHING_CONSUMED))?;
    if bytes.starts_with(b"0x") || bytes.starts_with(b"0X") {
        let message = format!("Illegal hexadecimal input in $convert with no onError value: {text}");
        return Err(conversion_failure(message));
    }
    if text.is_empty() {
        return Err(unparsable(text, "Empty string"));
    }
    Ok(text)
}

const NOTHING_CONSUMED: &str = "Did not consume any digits";
const NOT_ALL_CONSUMED: &str = "Did not consume whole string.";

fn unparsable(text: &str, reason: &str) -> crate::Error {
    conversion_failure(format!("Failed to parse number '{text}' in $convert with no onError value: {reason}"))
}

/// An optional sign and digits of the base, nothing else.
fn integer_of_text(bytes: &[u8], base: u32) -> Result<i64> {
    let text = number_text(bytes)?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let valid = digits.chars().take_while(|char| char.is_digit(base)).count();
    if valid == 0 {
        return Err(unparsable(text, NOTHING_CONSUMED));
    }
    if valid < digits.len() {
        return Err(unparsable(text, NOT_ALL_CONSUMED));
    }
    i64::from_str_radix(text, base).map_err(|_| unparsable(text, "Overflow"))
}

fn double_of_text(bytes: &[u8]) -> Result<f64> {
    let text = number_text(bytes)?;
    let Ok(number) = text.parse::<f64>() else {
        let begins = text.trim_start_matches(['+', '-', '.']).starts_with(|char: char| char.is_ascii_digit());
        return Err(unparsable(text, if begins { NOT_ALL_CONSUMED } else { NOTHING_CONSUMED }));
    };
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let is_zero = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    // "inf" and "nan" have no digits; a text of digits must land within the range of doubles.
    let is_named = text.trim_start_matches(['+', '-']).starts_with(|char: char| char.is_ascii_alphabetic());
    if is_named || is_zero || number.is_normal() { Ok(number) } else { Err(unparsable(text, "Out of range")) }
}

fn decimal_of_text(bytes: &[u8]) -> Result<Decimal128> {
    let text = number_text(bytes)?;
    if text.eq_ignore_ascii_case("-nan") {
        let mut negative = Decimal128::NAN;
        negative.0[15] |= 0x80;
        return Ok(negative);
    }
    let Some((decimal, exact)) = Decimal128::parse_rounded(&without_excess_digits(text)) else {
        return Err(unparsable(text, "Failed to parse string to decimal"));
    };
    match decimal.parts() {
        DecimalParts::Infinity { .. } if !exact => {
            Err(unparsable(text, "Conversion from string to decimal would overflow"))
        }
        DecimalParts::Finite(Finite { coefficient: 0, .. }) if !exact => {
            Err(unparsable(text, "Conversion from string to decimal would underflow"))
        }
        _ => Ok(decimal),
    }
}

/// An integer in another base, digits in upper case; `None` when the number is not an integer.
pub(super) fn in_base(value: Value<'_>, base: u32) -> Result<String> {
    let Some(number) = integer::exact_i64(value) else {
        let message = format!(
            "Base conversion is not supported for non-integers in $convert with no onError value: {}",
            describe(value)
        );
        return Err(conversion_failure(message));
    };
    let mut digits = Vec::new();
    let mut rest = number.unsigned_abs();
    loop {
        let digit = (rest % u64::from(base)) as u32;
        digits.push(char::from_digit(digit, base).unwrap_or('0').to_ascii_uppercase());
        rest /= u64::from(base);
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        digits.push('-');
    }
    Ok(digits.iter().rev().collect())
}

/// The text of a number with zeros for the digits after the 34th significant one: mongod cuts them off where it could
/// round.
fn without_excess_digits(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_DIGITS as usize {
        return Cow::Borrowed(text);
    }
    let end = text.find(['e', 'E']).unwrap_or(text.len());
    let mut significant = 0;
    let kept = text.bytes().take(end).map(|byte| {
        significant += u32::from(byte.is_ascii_digit() && (significant > 0 || byte != b'0'));
        if byte.is_ascii_digit() && significant > MAX_DIGITS { '0' } else { char::from(byte) }
    });
    Cow::Owned(kept.collect::<String>() + &text[end..])
}
