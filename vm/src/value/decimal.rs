//! Decimal128 without arithmetic: taking the BID encoding apart, exact comparison, and conversion from and to text.
//!
//! The encoding is IEEE 754-2008's binary integer decimal, as the BSON decimal128 specification restates it:
//!
//! ```text
//! bit 127   126..113        112..0
//!     sign  exponent+6176   coefficient            first two exponent bits not 11
//!     sign  11110…                                 infinity
//!     sign  11111…                                 NaN
//!     sign  11 (other)                             coefficient above 10^34 - 1: stands for zero
//! ```

use std::cmp::Ordering;
use std::fmt::{self, Write};

use super::repr::Decimal128;

/// The largest coefficient: 34 nines.
pub const MAX_COEFFICIENT: u128 = 10u128.pow(34) - 1;
/// Significant decimal digits.
pub const MAX_DIGITS: u32 = 34;
/// The exponent of the largest number.
pub const MAX_EXPONENT: i32 = 6111;
/// The exponent of the smallest number.
pub const MIN_EXPONENT: i32 = -6176;

const COEFFICIENT_BITS: u32 = 113;

/// A decimal128 taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum DecimalParts {
    /// Not a number, of either sign and any payload.
    NaN,
    Infinity {
        negative: bool,
    },
    Finite(Finite),
}

/// The number `± coefficient × 10^exponent`. The coefficient has at most 34 digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finite {
    /// Whether the sign bit is set; zero has a sign too.
    pub negative: bool,
    /// At most [`MAX_COEFFICIENT`].
    pub coefficient: u128,
    /// The power of ten.
    pub exponent: i32,
}

impl Decimal128 {
    /// The usual NaN.
    pub const NAN: Decimal128 = Decimal128((0b11111u128 << 122).to_le_bytes());
    /// Positive infinity.
    pub const INFINITY: Decimal128 = Decimal128((0b11110u128 << 122).to_le_bytes());
    /// Negative infinity.
    pub const NEG_INFINITY: Decimal128 = Decimal128((0b111110u128 << 122).to_le_bytes());

    /// Sign, coefficient and exponent.
    pub fn parts(self) -> DecimalParts {
        let bits = u128::from_le_bytes(self.0);
        let negative = bits >> 127 == 1;
        match (bits >> 122) & 0b11111 {
            0b11111 => DecimalParts::NaN,
            0b11110 => DecimalParts::Infinity { negative },
            // The implied leading bits put every coefficient of this form above the maximum; such encodings are
            // not canonical and read as zero.
            high if high >> 3 == 0b11 => {
                let exponent = ((bits >> 111) & 0x3fff) as i32 + MIN_EXPONENT;
                DecimalParts::Finite(Finite { negative, coefficient: 0, exponent })
            }
            _ => {
                let exponent = ((bits >> COEFFICIENT_BITS) & 0x3fff) as i32 + MIN_EXPONENT;
                let coefficient = bits & ((1 << COEFFICIENT_BITS) - 1);
                let coefficient = if coefficient > MAX_COEFFICIENT { 0 } else { coefficient };
                DecimalParts::Finite(Finite { negative, coefficient, exponent })
            }
        }
    }

    /// The decimal of an integer, with exponent 0.
    pub fn from_i64(value: i64) -> Decimal128 {
        Finite::from(value).encode().unwrap_or(Decimal128::NAN)
    }

    /// The decimal nearest to `value` with 34 digits, ties to even: the decimal MongoDB compares a double as.
    pub fn from_f64(value: f64) -> Decimal128 {
        if value.is_nan() {
            return Decimal128::NAN;
        }
        match Finite::from_f64(value) {
            Some(finite) => finite.encode().unwrap_or(Decimal128::NAN),
            None if value < 0.0 => Decimal128::NEG_INFINITY,
            None => Decimal128::INFINITY,
        }
    }

    /// The double nearest to the number.
    pub fn to_f64(self) -> f64 {
        match self.parts() {
            DecimalParts::NaN => f64::NAN,
            DecimalParts::Infinity { negative: false } => f64::INFINITY,
            DecimalParts::Infinity { negative: true } => f64::NEG_INFINITY,
            DecimalParts::Finite(finite) => finite.to_f64(),
        }
    }

    /// Whether the number is NaN.
    pub fn is_nan(self) -> bool {
        self.parts() == DecimalParts::NaN
    }

    /// MongoDB's order: NaN before every number and equal to itself, trailing zeros and zero's sign ignored.
    pub fn compare(self, other: Decimal128) -> Ordering {
        use DecimalParts::{Finite, Infinity, NaN};
        match (self.parts(), other.parts()) {
            (NaN, NaN) => Ordering::Equal,
            (NaN, _) => Ordering::Less,
            (_, NaN) => Ordering::Greater,
            (Infinity { negative: a }, Infinity { negative: b }) => b.cmp(&a),
            (Infinity { negative }, _) => {
                if negative {
                    Ordering::Less
                } else {
                    Ordering::Greater
                }
            }
            (_, Infinity { negative }) => {
                if negative {
                    Ordering::Greater
                } else {
                    Ordering::Less
                }
            }
            (Finite(a), Finite(b)) => a.compare(b),
        }
    }

    /// The number a text denotes, by the grammar of the BSON decimal128 specification, when 34 digits hold it exactly.
    pub fn parse(text: &str) -> Option<Decimal128> {
        match Decimal128::parse_rounded(text)? {
            (decimal, true) => Some(decimal),
            (_, false) => None,
        }
    }

    /// The number nearest to what a text denotes (ties to even), and whether it is exactly that. `None` when the text
    /// is not a decimal number.
    pub fn parse_rounded(text: &str) -> Option<(Decimal128, bool)> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if ["inf", "infinity"].iter().any(|name| unsigned.eq_ignore_ascii_case(name)) {
            return Some((if negative { Decimal128::NEG_INFINITY } else { Decimal128::INFINITY }, true));
        }
        if unsigned.eq_ignore_ascii_case("nan") {
            return Some((Decimal128::NAN, true));
        }
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let mut digits = Digits::default();
        let mut seen_point = false;
        for byte in mantissa.bytes() {
            match byte {
                b'0'..=b'9' => digits.push(byte - b'0', seen_point),
                b'.' if !seen_point => seen_point = true,
                _ => return None,
            }
        }
        digits.seen.then(|| digits.finish(negative, exponent))
    }
}

/// A decimal exponent, saturated far outside the range that matters.
fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = digits.bytes().fold(0i64, |value, byte| (value * 10 + i64::from(byte - b'0')).min(1 << 40));
    Some(if negative { -value } else { value })
}

/// Digits of a decimal text, gathered with as much precision as rounding to 34 digits needs.
#[derive(Default)]
struct Digits {
    seen: bool,
    coefficient: u128,
    /// How many of the digits are in `coefficient`, leading zeros not counted.
    kept: u32,
    /// The power of ten that the digits alone ask for.
    scale: i64,
    /// The first digit that did not fit, and whether anything but zeros came after it.
    round: u8,
    sticky: bool,
    dropped: bool,
}

impl Digits {
    fn push(&mut self, digit: u8, after_point: bool) {
        self.seen = true;
        if self.kept < MAX_DIGITS {
            self.coefficient = self.coefficient * 10 + u128::from(digit);
            self.kept += u32::from(self.coefficient != 0);
            self.scale -= i64::from(after_point);
            return;
        }
        if self.dropped {
            self.sticky |= digit != 0;
        } else {
            self.round = digit;
            self.dropped = true;
        }
        self.scale += i64::from(!after_point);
    }

    /// Drops the last digit kept, which becomes the digit that decides rounding.
    fn shift_right(&mut self) {
        self.sticky |= self.round != 0;
        self.round = (self.coefficient % 10) as u8;
        self.coefficient /= 10;
        self.scale += 1;
    }

    fn finish(mut self, negative: bool, exponent: i64) -> (Decimal128, bool) {
        self.scale = self.scale.saturating_add(exponent);
        if self.coefficient == 0 {
            let exponent = self.scale.clamp(MIN_EXPONENT.into(), MAX_EXPONENT.into()) as i32;
            // Zero is exact at any exponent: the specification clamps it.
            return (pack(negative, 0, exponent), true);
        }
        while self.scale < MIN_EXPONENT.into() {
            if self.coefficient == 0 && self.round == 0 {
                // Nothing is left that further shifts could change.
                self.sticky = true;
                self.scale = MIN_EXPONENT.into();
                break;
            }
            self.shift_right();
        }
        let exact = self.round == 0 && !self.sticky;
        let up = self.round > 5 || (self.round == 5 && (self.sticky || self.coefficient % 2 == 1));
        self.coefficient += u128::from(up);
        if self.coefficient > MAX_COEFFICIENT {
            // 99…9 rounded up to 10^34.
            self.coefficient /= 10;
            self.scale += 1;
        }
        while self.scale > MAX_EXPONENT.into() && self.coefficient <= MAX_COEFFICIENT / 10 {
            self.coefficient *= 10;
            self.scale -= 1;
        }
        if self.scale > MAX_EXPONENT.into() {
            return (if negative { Decimal128::NEG_INFINITY } else { Decimal128::INFINITY }, false);
        }
        (pack(negative, self.coefficient, self.scale as i32), exact)
    }
}

/// The encoding of parts that are known to be in range.
fn pack(negative: bool, coefficient: u128, exponent: i32) -> Decimal128 {
    debug_assert!(coefficient <= MAX_COEFFICIENT && (MIN_EXPONENT..=MAX_EXPONENT).contains(&exponent));
    let biased = (exponent - MIN_EXPONENT) as u128;
    Decimal128((u128::from(negative) << 127 | biased << COEFFICIENT_BITS | coefficient).to_le_bytes())
}

impl From<i64> for Finite {
    fn from(value: i64) -> Self {
        Finite { negative: value < 0, coefficient: value.unsigned_abs().into(), exponent: 0 }
    }
}

impl Finite {
    /// The number of 34 digits nearest to `value`, ties to even; `None` for NaN and the infinities.
    pub fn from_f64(value: f64) -> Option<Finite> {
        if !value.is_finite() {
            return None;
        }
        let (negative, magnitude) = (value.is_sign_negative(), value.abs());
        if magnitude < 2f64.powi(64) && magnitude.trunc() == magnitude {
            return Some(Finite { negative, coefficient: magnitude as u128, exponent: 0 });
        }
        // The standard library prints exact digits, rounded half to even where they are cut.
        let mut text = Text::<64>::default();
        write!(text, "{magnitude:.33e}").ok()?;
        let (digits, exponent) = text.as_str().split_once('e')?;
        let coefficient =
            digits.bytes().filter(u8::is_ascii_digit).fold(0u128, |sum, digit| sum * 10 + u128::from(digit - b'0'));
        let exponent = exponent.parse::<i32>().ok()? - 33;
        Some(Finite { negative, coefficient, exponent }.normalized())
    }

    /// The double nearest to the number.
    pub fn to_f64(self) -> f64 {
        let magnitude = if self.exponent == 0 && self.coefficient < 1 << 53 {
            self.coefficient as f64
        } else {
            let mut text = Text::<64>::default();
            // 39 digits of a u128 and a five-character exponent fit the buffer, and Rust reads what Rust writes.
            write!(text, "{}e{}", self.coefficient, self.exponent)
                .ok()
                .and_then(|()| text.as_str().parse().ok())
                .unwrap_or(f64::NAN)
        };
        if self.negative { -magnitude } else { magnitude }
    }

    /// The encoding, when coefficient and exponent are in range.
    pub fn encode(self) -> Option<Decimal128> {
        (self.coefficient <= MAX_COEFFICIENT && (MIN_EXPONENT..=MAX_EXPONENT).contains(&self.exponent))
            .then(|| pack(self.negative, self.coefficient, self.exponent))
    }

    /// The same number with trailing zeros of the coefficient moved into the exponent; zero gets exponent 0.
    #[must_use]
    pub fn normalized(mut self) -> Finite {
        if self.coefficient == 0 {
            return Finite { exponent: 0, ..self };
        }
        while self.coefficient.is_multiple_of(10) {
            self.coefficient /= 10;
            self.exponent += 1;
        }
        self
    }

    /// How many digits the coefficient has; zero has one.
    pub fn digits(self) -> u32 {
        self.coefficient.checked_ilog10().map_or(1, |log| log + 1)
    }

    /// The power of ten of the first digit.
    pub fn adjusted_exponent(self) -> i32 {
        self.exponent + self.digits() as i32 - 1
    }

    /// The integer, when the number is one and an int64 holds it.
    pub fn to_i64(self) -> Option<i64> {
        let number = self.normalized();
        if number.exponent < 0 || number.exponent > 18 {
            return None;
        }
        let magnitude = number.coefficient.checked_mul(10u128.pow(number.exponent as u32))?;
        let magnitude = i128::try_from(magnitude).ok()?;
        i64::try_from(if self.negative { -magnitude } else { magnitude }).ok()
    }

    /// Exact order of the numbers; zero's sign is ignored.
    pub fn compare(self, other: Finite) -> Ordering {
        match (self.coefficient, other.coefficient) {
            (0, 0) => return Ordering::Equal,
            (0, _) => return if other.negative { Ordering::Greater } else { Ordering::Less },
            (_, 0) => return if self.negative { Ordering::Less } else { Ordering::Greater },
            _ => {}
        }
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
        }
    }

    /// Order of two numbers that are not zero, signs ignored.
    pub fn compare_magnitude(self, other: Finite) -> Ordering {
        let (a_digits, b_digits) = (self.digits(), other.digits());
        let a_first = self.exponent + a_digits as i32;
        let b_first = other.exponent + b_digits as i32;
        a_first.cmp(&b_first).then_with(|| {
            // Both begin at the same power of ten, so the shorter one padded to the other's length compares as is.
            let longest = a_digits.max(b_digits);
            let a = self.coefficient * 10u128.pow(longest - a_digits);
            let b = other.coefficient * 10u128.pow(longest - b_digits);
            a.cmp(&b)
        })
    }
}

impl fmt::Display for Decimal128 {
    /// The text of the BSON decimal128 specification ("To-String representation").
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let finite = match self.parts() {
            DecimalParts::NaN => return f.write_str("NaN"),
            DecimalParts::Infinity { negative: false } => return f.write_str("Infinity"),
            DecimalParts::Infinity { negative: true } => return f.write_str("-Infinity"),
            DecimalParts::Finite(finite) => finite,
        };
        if finite.negative {
            f.write_char('-')?;
        }
        let mut digits = Text::<40>::default();
        write!(digits, "{}", finite.coefficient)?;
        let digits = digits.as_str();
        let adjusted = finite.adjusted_exponent();
        if finite.exponent > 0 || adjusted < -6 {
            let (first, rest) = digits.split_at(1);
            f.write_str(first)?;
            if !rest.is_empty() {
                write!(f, ".{rest}")?;
            }
            return write!(f, "E{adjusted:+}");
        }
        if finite.exponent == 0 {
            return f.write_str(digits);
        }
        let point = digits.len() as i32 + finite.exponent;
        if point > 0 {
            let (whole, fraction) = digits.split_at(point as usize);
            write!(f, "{whole}.{fraction}")
        } else {
            write!(f, "0.{:0>width$}", digits, width = finite.exponent.unsigned_abs() as usize)
        }
    }
}

/// A short text on the stack.
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> Text<N> {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal128 {
        Decimal128::parse(text).unwrap_or_else(|| panic!("{text} is a decimal"))
    }

    /// Rows of the BSON corpus (decimal128-1.json and following): text, and text again where it differs.
    #[test]
    fn text_round_trips() {
        for (text, printed) in [
            ("0", "0"),
            ("-0", "-0"),
            ("0.0", "0.0"),
            ("-0.0", "-0.0"),
            ("0E+3", "0E+3"),
            ("0E-7", "0E-7"),
            ("0.000001", "0.000001"),
            ("0.0000001", "1E-7"),
            ("12345678901234567", "12345678901234567"),
            ("0.001234", "0.001234"),
            ("0.1234567890123456789012345678901234", "0.1234567890123456789012345678901234"),
            ("1.000000000000000000000000000000000E+6144", "1.000000000000000000000000000000000E+6144"),
            ("1E6144", "1.000000000000000000000000000000000E+6144"),
            ("1E-6176", "1E-6176"),
            ("10E-6177", "1E-6176"),
            ("9.999999999999999999999999999999999E+6144", "9.999999999999999999999999999999999E+6144"),
            ("1.0", "1.0"),
            ("1.2E+3", "1.2E+3"),
            ("100", "100"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+1e-1", "0.1"),
            ("Inf", "Infinity"),
            ("-infinity", "-Infinity"),
            ("nan", "NaN"),
            ("-NaN", "NaN"),
            ("0E+8000", "0E+6111"),
            ("0E-8000", "0E-6176"),
            ("0001", "1"),
        ] {
            assert_eq!(decimal(text).to_string(), printed, "{text}");
        }
    }

    /// decimal128-6.json and 7: what is not a decimal, and what 34 digits cannot hold.
    #[test]
    fn refused_text() {
        for text in
            ["", " ", "E01", "ABC", "..1", "1abc", "1e", "1e+", "-", "+", "-.", ".e1", "1.2.3", "i", "--1", "1e1.5"]
        {
            assert_eq!(Decimal128::parse_rounded(text), None, "{text}");
        }
        for text in
            ["0.12345678901234567890123456789012345", "1E+6145", "12345678901234567890123456789012345", "1E-6177"]
        {
            assert_eq!(Decimal128::parse(text), None, "{text}");
        }
    }

    #[test]
    fn rounding_is_half_even() {
        for (text, printed) in [
            ("10000000000000000000000000000000005", "1.000000000000000000000000000000000E+34"),
            ("10000000000000000000000000000000015", "1.000000000000000000000000000000002E+34"),
            ("100000000000000000000000000000000050001", "1.000000000000000000000000000000001E+38"),
            ("99999999999999999999999999999999995", "1.000000000000000000000000000000000E+35"),
            ("5E-6177", "0E-6176"),
            ("15E-6177", "2E-6176"),
            ("1E-9999999999999", "0E-6176"),
            ("1E9999999999999", "Infinity"),
        ] {
            let (decimal, exact) = Decimal128::parse_rounded(text).unwrap();
            assert_eq!((decimal.to_string().as_str(), exact), (printed, false), "{text}");
        }
    }

    #[test]
    fn order_ignores_representation() {
        let ascending = [
            "NaN",
            "-Infinity",
            "-1E6000",
            "-1",
            "-1E-6176",
            "0",
            "1E-6176",
            "0.1",
            "0.11",
            "1",
            "1.1",
            "10",
            "1E6000",
            "Infinity",
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(decimal(a).compare(decimal(b)), i.cmp(&j), "{a} {b}");
            }
        }
        for (a, b) in [("1.00", "1"), ("100", "1E+2"), ("-0", "0E+10"), ("1E6144", "1000E6141")] {
            assert_eq!(decimal(a).compare(decimal(b)), Ordering::Equal);
        }
    }

    #[test]
    fn coefficients_beyond_34_digits_are_zero() {
        let bits = (6176u128 << 113) | (MAX_COEFFICIENT + 1);
        assert_eq!(Decimal128(bits.to_le_bytes()).compare(decimal("0")), Ordering::Equal);
        let large_form = (0b11u128 << 125) | 5;
        assert_eq!(Decimal128(large_form.to_le_bytes()).compare(decimal("0")), Ordering::Equal);
    }

    #[test]
    fn doubles() {
        for (double, text) in [
            (0.1, "0.1000000000000000055511151231257827"),
            (1e22, "1E+22"),
            (-1.5, "-1.5"),
            (f64::MAX, "1.797693134862315708145274237317044E+308"),
            (5e-324, "4.940656458412465441765687928682214E-324"),
        ] {
            assert_eq!(Decimal128::from_f64(double).compare(decimal(text)), Ordering::Equal, "{double}");
            assert_eq!(decimal(text).to_f64(), double);
        }
        assert_eq!(decimal("1E6000").to_f64(), f64::INFINITY);
        assert_eq!(decimal("1E-6000").to_f64(), 0.0);
    }
}
