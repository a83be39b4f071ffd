//! Numbers in keys: the canonical form to bytes and back, and the type bits that restore the representation.

use super::class;
use super::decode::{Reader, corrupt};
use crate::Result;
use crate::value::decimal::{DecimalParts, Finite, MAX_DIGITS};
use crate::value::{Canonical, Decimal128, Value, View};

/// 2^63, as an integer and as the bits of a double.
const TWO_POW_63: u64 = 1 << 63;
const TWO_POW_63_BITS: u64 = 0x43e0_0000_0000_0000;
const FRACTION_BITS: u32 = 52;
const EXPONENT_BIAS: i32 = 1 << 14;

pub(super) mod code {
    pub(in super::super) const NATURAL: u8 = 0;
    pub(in super::super) const INT64: u8 = 1;
    pub(in super::super) const DOUBLE: u8 = 2;
    pub(in super::super) const RAW_DECIMAL: u8 = 3;
    pub(in super::super) const NEGATIVE_ZERO: u8 = 4;
    pub(in super::super) const RAW_DOUBLE: u8 = 5;
    pub(in super::super) const DECIMAL: u8 = 8;
}

/// Appends a number, class byte first, and its type bits.
#[inline]
pub(super) fn encode(value: Value<'_>, key: &mut Vec<u8>, types: &mut Vec<u8>) {
    if let Some(int) = value.as_integer() {
        let fits = i32::try_from(int).is_ok();
        let natural = matches!(value.view(), View::Int32(_)) || !fits;
        types.push(if natural { code::NATURAL } else { code::INT64 });
        encode_int(int, key);
        return;
    }
    let Some(canonical) = Canonical::of(value) else { return };
    encode_types(value, canonical, types);
    match canonical {
        Canonical::NaN => key.push(class::NUMBER),
        Canonical::Int(int) => encode_int(int, key),
        Canonical::Double(double) => encode_double(double, key),
        Canonical::Decimal(finite) => encode_decimal(finite, key),
    }
}

fn encode_types(value: Value<'_>, canonical: Canonical, types: &mut Vec<u8>) {
    match value.view() {
        View::Double(double) => match canonical {
            Canonical::Int(0) if double.is_sign_negative() => types.push(code::NEGATIVE_ZERO),
            Canonical::Int(_) => types.push(code::DOUBLE),
            Canonical::NaN if double.to_bits() != f64::NAN.to_bits() => {
                types.push(code::RAW_DOUBLE);
                types.extend_from_slice(&double.to_bits().to_le_bytes());
            }
            _ => types.push(code::NATURAL),
        },
        View::Decimal128(decimal) => match trailing_zeros(decimal) {
            Some(0) if matches!(canonical, Canonical::Decimal(_)) => types.push(code::NATURAL),
            Some(zeros) => types.push(code::DECIMAL + zeros),
            None => {
                types.push(code::RAW_DECIMAL);
                types.extend_from_slice(&decimal.0);
            }
        },
        _ => types.push(code::NATURAL),
    }
}

/// How many zeros the coefficient ends with; `None` for decimals that value and zeros do not determine.
fn trailing_zeros(decimal: Decimal128) -> Option<u8> {
    let DecimalParts::Finite(finite) = decimal.parts() else { return None };
    if finite.coefficient == 0 || finite.encode() != Some(decimal) {
        return None;
    }
    u8::try_from(finite.normalized().exponent - finite.exponent).ok()
}

#[inline]
fn encode_int(int: i64, key: &mut Vec<u8>) {
    let magnitude = int.unsigned_abs();
    if magnitude == 0 {
        key.push(class::ZERO);
    } else if magnitude == TWO_POW_63 {
        encode_double(int as f64, key);
    } else {
        let start = key.len();
        encode_whole(int < 0, magnitude << 1, key);
        invert_content(key, start, int < 0);
    }
}

/// Appends class and bytes of the whole part, whose lowest bit already tells whether a fraction follows.
#[inline]
fn encode_whole(negative: bool, word: u64, key: &mut Vec<u8>) {
    let bytes = 8 - word.leading_zeros() as usize / 8;
    let above_one = bytes as u8 - 1;
    key.push(if negative { class::NEGATIVE_INT - above_one } else { class::POSITIVE_INT + above_one });
    key.extend_from_slice(&word.to_be_bytes()[8 - bytes..]);
}

/// Inverts everything behind the class byte at `start` of a negative number.
#[inline]
fn invert_content(key: &mut [u8], start: usize, negative: bool) {
    if negative {
        key[start + 1..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// Appends a double that is no int64 (but for -2^63).
fn encode_double(double: f64, key: &mut Vec<u8>) {
    let (negative, magnitude) = (double < 0.0, double.abs());
    let start = key.len();
    if magnitude < 1.0 {
        encode_bits(negative, Range::Small, magnitude.to_bits(), false, key);
    } else if magnitude < TWO_POW_63 as f64 {
        let fraction = magnitude.fract() * (1u64 << FRACTION_BITS) as f64;
        encode_fraction(negative, magnitude as u64, fraction as u64, false, key);
    } else {
        encode_bits(negative, Range::Large, magnitude.to_bits(), false, key);
    }
    invert_content(key, start, negative);
}

/// Appends a decimal that equals no int64 and no double.
fn encode_decimal(finite: Finite, key: &mut Vec<u8>) {
    let start = key.len();
    let first_digit = finite.adjusted_exponent();
    if first_digit < 0 {
        encode_bits(finite.negative, Range::Small, double_below(finite).to_bits(), true, key);
    } else if let Some((whole, fraction)) = split(finite, first_digit) {
        encode_fraction(finite.negative, whole, fraction, true, key);
    } else {
        encode_bits(finite.negative, Range::Large, double_below(finite).to_bits(), true, key);
    }
    key.extend_from_slice(&((first_digit + EXPONENT_BIAS) as u16).to_be_bytes());
    // Digits from the first one on, in pairs, the last pair padded.
    let digits = finite.digits();
    let mut rest = if digits % 2 == 1 { finite.coefficient * 10 } else { finite.coefficient };
    let mut unit = 100u128.pow(digits.div_ceil(2) - 1);
    while rest > 0 {
        key.push((rest / unit) as u8 + 1);
        rest %= unit;
        unit = (unit / 100).max(1);
    }
    key.push(0);
    invert_content(key, start, finite.negative);
}

/// The largest double whose value as a decimal is not above the magnitude, which equals none.
fn double_below(finite: Finite) -> f64 {
    let magnitude = Finite { negative: false, ..finite };
    let nearest = magnitude.to_f64();
    match Finite::from_f64(nearest) {
        Some(decimal) if decimal.compare(magnitude).is_le() => nearest,
        _ => nearest.next_down(),
    }
}

/// Whole part and the first 52 bits of the fraction of a magnitude of at least 1; `None` from 2^63 on.
fn split(finite: Finite, first_digit: i32) -> Option<(u64, u64)> {
    // 2^63 has 19 digits. A number without fraction below it would have been an int64.
    if first_digit > 18 || finite.exponent >= 0 {
        return None;
    }
    let unit = 10u128.checked_pow(finite.exponent.unsigned_abs())?;
    let whole = u64::try_from(finite.coefficient / unit).ok().filter(|&whole| whole < TWO_POW_63)?;
    let mut rest = finite.coefficient % unit;
    let mut fraction = 0;
    for _ in 0..FRACTION_BITS / 4 {
        // The unit is at most 10^33, below 2^110, so four more bits fit.
        rest <<= 4;
        fraction = fraction << 4 | (rest / unit) as u64;
        rest %= unit;
    }
    Some((whole, fraction))
}

fn encode_fraction(negative: bool, whole: u64, fraction: u64, more: bool, key: &mut Vec<u8>) {
    encode_whole(negative, whole << 1 | 1, key);
    key.extend_from_slice(&(fraction << 4 | u64::from(more)).to_be_bytes()[1..]);
}

/// On which side of the whole numbers that int64 holds a magnitude lies.
#[derive(Clone, Copy)]
enum Range {
    Small,
    Large,
}

fn encode_bits(negative: bool, range: Range, bits: u64, more: bool, key: &mut Vec<u8>) {
    let (class, bits) = match range {
        Range::Small if negative => (class::NEGATIVE_SMALL, bits),
        Range::Small => (class::POSITIVE_SMALL, bits),
        Range::Large if negative => (class::NEGATIVE_LARGE, bits - TWO_POW_63_BITS),
        Range::Large => (class::POSITIVE_LARGE, bits - TWO_POW_63_BITS),
    };
    key.push(class);
    key.extend_from_slice(&(bits << 2 | u64::from(more)).to_be_bytes());
}

/// Reads what follows a number's class byte; `None` when the class is not a number's.
pub(super) fn decode(class: u8, key: &mut Reader<'_>) -> Result<Option<Canonical>> {
    let negative = class < class::ZERO;
    Ok(Some(match class {
        class::NUMBER => Canonical::NaN,
        class::ZERO => Canonical::Int(0),
        class::NEGATIVE_LARGE..=class::POSITIVE_LARGE => {
            key.invert_if(negative);
            let number = decode_magnitude(class, negative, key);
            key.invert_if(negative);
            number?
        }
        _ => return Ok(None),
    }))
}

fn decode_magnitude(class: u8, negative: bool, key: &mut Reader<'_>) -> Result<Canonical> {
    let (double, more) = match class {
        class::NEGATIVE_SMALL | class::POSITIVE_SMALL => {
            let word = u64::from_be_bytes(key.chunk()?);
            (f64::from_bits(word >> 2), word & 1 == 1)
        }
        class::NEGATIVE_LARGE | class::POSITIVE_LARGE => {
            let word = u64::from_be_bytes(key.chunk()?);
            (f64::from_bits((word >> 2) + TWO_POW_63_BITS), word & 1 == 1)
        }
        _ => {
            let bytes = 1 + if negative { class::NEGATIVE_INT - class } else { class - class::POSITIVE_INT };
            let mut word = 0u64;
            for _ in 0..bytes {
                word = word << 8 | u64::from(key.byte()?);
            }
            let whole = word >> 1;
            if word & 1 == 0 {
                let int = whole as i64;
                return Ok(Canonical::Int(if negative { -int } else { int }));
            }
            let mut fraction = [0; 8];
            fraction[1..].copy_from_slice(&key.chunk::<7>()?);
            let fraction = u64::from_be_bytes(fraction);
            let part = (fraction >> 4) as f64 / (1u64 << FRACTION_BITS) as f64;
            (whole as f64 + part, fraction & 1 == 1)
        }
    };
    if !more {
        return Ok(Canonical::of_double(if negative { -double } else { double }));
    }
    let first_digit = i32::from(u16::from_be_bytes(key.chunk()?)) - EXPONENT_BIAS;
    let mut coefficient = 0u128;
    let mut digits = 0;
    loop {
        match key.byte()? {
            0 => break,
            pair @ 1..=100 if digits < MAX_DIGITS => {
                coefficient = coefficient * 100 + u128::from(pair - 1);
                digits += 2;
            }
            _ => return Err(corrupt()),
        }
    }
    Ok(Canonical::Decimal(Finite { negative, coefficient, exponent: first_digit + 1 - digits as i32 }.normalized()))
}

/// Gives `with` the value that `number` was encoded from, which the type bits tell.
pub(super) fn restore<R>(number: Canonical, types: &mut Reader<'_>, with: impl FnOnce(Value<'_>) -> R) -> Result<R> {
    let code = types.byte_or_zero();
    let as_double = match number {
        Canonical::NaN => f64::NAN,
        Canonical::Int(int) => int as f64,
        Canonical::Double(double) => double,
        Canonical::Decimal(finite) => finite.to_f64(),
    };
    let value = match (code, number) {
        (code::NATURAL, Canonical::Int(int)) => Value::integer(int),
        (code::NATURAL, Canonical::Decimal(finite)) => return decimal(finite, 0, with),
        (code::NATURAL | code::DOUBLE, _) => Value::double(as_double),
        (code::INT64, Canonical::Int(int)) => Value::int64(int),
        (code::NEGATIVE_ZERO, _) => Value::double(-0.0),
        (code::RAW_DOUBLE, _) => Value::double(f64::from_le_bytes(types.chunk_or_zeros())),
        (code::RAW_DECIMAL, _) => return Ok(with(Value::decimal128(&types.chunk_or_zeros()))),
        (code::DECIMAL.., _) => {
            let finite = match number {
                Canonical::Int(int) => Finite::from(int),
                Canonical::Decimal(finite) => finite,
                _ => Finite::from_f64(as_double).ok_or_else(corrupt)?,
            };
            return decimal(finite.normalized(), code - code::DECIMAL, with);
        }
        _ => return Err(corrupt()),
    };
    Ok(with(value))
}

fn decimal<R>(finite: Finite, zeros: u8, with: impl FnOnce(Value<'_>) -> R) -> Result<R> {
    let coefficient =
        10u128.checked_pow(zeros.into()).and_then(|unit| finite.coefficient.checked_mul(unit)).ok_or_else(corrupt)?;
    let restored = Finite { coefficient, exponent: finite.exponent - i32::from(zeros), ..finite };
    Ok(with(Value::decimal128(&restored.encode().ok_or_else(corrupt)?.0)))
}
