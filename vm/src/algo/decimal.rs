//! Decimal128 arithmetic: IEEE 754-2008 with 34 digits, rounding half to even, by Intel's decimal floating-point
//! library, whose encoding (BID) is BSON's.
//!
//! Nothing here fails: results that do not exist are NaN, results too large are infinite. Text, comparison and
//! conversion to integers are in [`crate::value::decimal`].

use dfp_number_sys::{BID128, EXE_CLEAR, RND_NEAREST_EVEN, RND_TOWARD_ZERO, bid128_000 as bid};

use crate::value::Decimal128;
use crate::value::decimal::{DecimalParts, Finite, MIN_EXPONENT};

/// Significant digits a double keeps where it meets a decimal in arithmetic.
const DOUBLE_DIGITS: i32 = 15;

/// Which way [`quantize`] and [`integral`] go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// To the nearest, ties to the even neighbour.
    HalfEven,
    /// Towards zero.
    Truncate,
}

fn lib(value: Decimal128) -> BID128 {
    let bits = u128::from_le_bytes(value.0);
    BID128::new(bits as u64, (bits >> 64) as u64)
}

fn ours(value: BID128) -> Decimal128 {
    const _: () = assert!(size_of::<BID128>() == size_of::<[u64; 2]>());
    // SAFETY: `BID128` is `repr(C)` around one `[u64; 2]`, as the assertion confirms, and keeps that field private.
    let [low, high] = unsafe { std::mem::transmute::<BID128, [u64; 2]>(value) };
    Decimal128(((u128::from(high) << 64) | u128::from(low)).to_le_bytes())
}

macro_rules! rounded_functions {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),+) = $function:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $name($($argument: Decimal128),+) -> Decimal128 {
                let mut flags = EXE_CLEAR;
                ours(bid::$function($(lib($argument)),+, RND_NEAREST_EVEN, &mut flags))
            }
        )*
    };
}

rounded_functions! {
    /// `a + b`.
    add(a, b) = bid128_add;
    /// `a - b`.
    sub(a, b) = bid128_sub;
    /// `a × b`.
    mul(a, b) = bid128_mul;
    /// `a ÷ b`.
    div(a, b) = bid128_div;
    /// `a` to the power `b`.
    pow(a, b) = bid128_pow;
    /// The angle of the point (x: `b`, y: `a`).
    atan2(a, b) = bid128_atan2;
    /// e to the power `a`.
    exp(a) = bid128_exp;
    /// Natural logarithm.
    ln(a) = bid128_log;
    /// Logarithm to the base 10.
    log10(a) = bid128_log10;
    /// Logarithm to the base 2.
    log2(a) = bid128_log2;
    /// Square root.
    sqrt(a) = bid128_sqrt;
    /// Sine of radians.
    sin(a) = bid128_sin;
    /// Cosine of radians.
    cos(a) = bid128_cos;
    /// Tangent of radians.
    tan(a) = bid128_tan;
    /// Arc sine in radians.
    asin(a) = bid128_asin;
    /// Arc cosine in radians.
    acos(a) = bid128_acos;
    /// Arc tangent in radians.
    atan(a) = bid128_atan;
    /// Hyperbolic sine.
    sinh(a) = bid128_sinh;
    /// Hyperbolic cosine.
    cosh(a) = bid128_cosh;
    /// Hyperbolic tangent.
    tanh(a) = bid128_tanh;
    /// Inverse hyperbolic sine.
    asinh(a) = bid128_asinh;
    /// Inverse hyperbolic cosine.
    acosh(a) = bid128_acosh;
    /// Inverse hyperbolic tangent.
    atanh(a) = bid128_atanh;
}

macro_rules! exact_functions {
    ($($(#[$doc:meta])* $name:ident($($argument:ident),+) = $function:ident;)*) => {
        $(
            $(#[$doc])*
            pub fn $name($($argument: Decimal128),+) -> Decimal128 {
                let mut flags = EXE_CLEAR;
                ours(bid::$function($(lib($argument)),+, &mut flags))
            }
        )*
    };
}

exact_functions! {
    /// The remainder of `a ÷ b` with the sign of `a`.
    rem(a, b) = bid128_fmod;
    /// The nearest integer not below `a`.
    ceil(a) = bid128_round_integral_positive;
    /// The nearest integer not above `a`.
    floor(a) = bid128_round_integral_negative;
}

/// The magnitude.
pub fn abs(a: Decimal128) -> Decimal128 {
    Decimal128((u128::from_le_bytes(a.0) & !(1 << 127)).to_le_bytes())
}

/// The number with its sign turned.
pub fn neg(a: Decimal128) -> Decimal128 {
    Decimal128((u128::from_le_bytes(a.0) ^ (1 << 127)).to_le_bytes())
}

/// `a` without digits below one.
pub fn integral(a: Decimal128, rounding: Rounding) -> Decimal128 {
    let mut flags = EXE_CLEAR;
    ours(match rounding {
        Rounding::HalfEven => bid::bid128_round_integral_nearest_even(lib(a), &mut flags),
        Rounding::Truncate => bid::bid128_round_integral_zero(lib(a), &mut flags),
    })
}

/// `a` with this exponent, digits below it rounded away. NaN when 34 digits do not reach.
pub fn quantize(a: Decimal128, exponent: i32, rounding: Rounding) -> Decimal128 {
    let Some(quantum) = (Finite { negative: false, coefficient: 1, exponent }).encode() else {
        return Decimal128::NAN;
    };
    let mode = match rounding {
        Rounding::HalfEven => RND_NEAREST_EVEN,
        Rounding::Truncate => RND_TOWARD_ZERO,
    };
    let mut flags = EXE_CLEAR;
    ours(bid::bid128_quantize(lib(a), lib(quantum), mode, &mut flags))
}

/// The decimal that stands for a double in arithmetic: its first 15 significant digits, all of them kept.
pub fn from_f64_15(value: f64) -> Decimal128 {
    let full = Decimal128::from_f64(value);
    match full.parts() {
        DecimalParts::Finite(finite) if finite.coefficient != 0 => {
            let exponent = (finite.adjusted_exponent() - (DOUBLE_DIGITS - 1)).max(MIN_EXPONENT);
            let rounded = quantize(full, exponent, Rounding::HalfEven);
            match rounded.parts() {
                // 9.9…9 rounds up to a number of one more digit.
                DecimalParts::Finite(r) if r.digits() as i32 > DOUBLE_DIGITS => {
                    quantize(full, exponent + 1, Rounding::HalfEven)
                }
                _ => rounded,
            }
        }
        _ => full,
    }
}

/// Whether the number is zero of either sign.
pub fn is_zero(a: Decimal128) -> bool {
    matches!(a.parts(), DecimalParts::Finite(finite) if finite.coefficient == 0)
}

/// Whether the number is neither NaN nor infinite.
pub fn is_finite(a: Decimal128) -> bool {
    matches!(a.parts(), DecimalParts::Finite(_))
}

/// Whether the number is below zero; NaN and negative zero are not.
pub fn is_negative(a: Decimal128) -> bool {
    match a.parts() {
        DecimalParts::NaN => false,
        DecimalParts::Infinity { negative } => negative,
        DecimalParts::Finite(finite) => finite.negative && finite.coefficient != 0,
    }
}

/// A decimal constant.
pub const fn small(value: u32) -> Decimal128 {
    // Exponent 0 is stored as 6176.
    Decimal128(((6176u128 << 113) | value as u128).to_le_bytes())
}

/// The integer nearest to the number, ties to even; `None` when an int64 does not hold it.
pub fn to_i64_rounded(a: Decimal128) -> Option<i64> {
    match integral(a, Rounding::HalfEven).parts() {
        DecimalParts::Finite(finite) => finite.to_i64(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal128 {
        Decimal128::parse(text).expect("a decimal in a test")
    }

    #[test]
    fn arithmetic_is_decimal() {
        let rows = [
            (add(dec("0.1"), dec("0.2")), "0.3"),
            (add(dec("1.5"), dec("2.5")), "4.0"),
            (sub(dec("1"), dec("1.00")), "0.00"),
            (mul(dec("1.5"), dec("2.5")), "3.75"),
            (div(dec("1"), dec("3")), "0.3333333333333333333333333333333333"),
            (rem(dec("-7.5"), dec("2")), "-1.5"),
            (sqrt(dec("2")), "1.414213562373095048801688724209698"),
            (log10(dec("2")), "0.3010299956639811952137388947244930"),
            (quantize(dec("2.015"), -2, Rounding::HalfEven), "2.02"),
            (quantize(dec("2.019"), -2, Rounding::Truncate), "2.01"),
            (quantize(dec("1E+30"), -20, Rounding::HalfEven), "NaN"),
            (ceil(dec("-1.5")), "-1"),
            (floor(dec("-1.5")), "-2"),
            (from_f64_15(0.1), "0.100000000000000"),
            (from_f64_15(1.0), "1.00000000000000"),
            (from_f64_15(0.9999999999999999), "1.00000000000000"),
            (small(7), "7"),
            (neg(dec("1")), "-1"),
            (abs(dec("-0")), "0"),
        ];
        for (value, text) in rows {
            assert_eq!(value.to_string(), text);
        }
    }
}
