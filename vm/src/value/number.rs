//! One number line for int32, int64, double and decimal128.
//!
//! Comparison loses nothing: an int64 is compared with a double exactly, and with a decimal128 exactly. A double is
//! compared with a decimal128 as the decimal of 34 digits nearest to it, which is MongoDB's rule; no two doubles
//! share such a decimal, so the result is still one total order. NaN of any type equals NaN of any type and is less
//! than every number; -0.0 equals 0.

use std::cmp::Ordering;

use super::decimal::{DecimalParts, Finite};
use super::repr::{Decimal128, Tag, Value, View};

/// 2^63: the first double above every int64.
const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;

/// Order of two doubles on MongoDB's number line.
#[inline]
pub fn compare_doubles(a: f64, b: f64) -> Ordering {
    // NaN is the only double that `partial_cmp` declines; `is_nan` of `b` then tells which side it was.
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Order of an int64 and a double, exact.
#[inline]
pub fn compare_int_double(int: i64, double: f64) -> Ordering {
    if double.is_nan() || double < -TWO_POW_63 {
        return Ordering::Greater;
    }
    if double >= TWO_POW_63 {
        return Ordering::Less;
    }
    let whole = double as i64;
    int.cmp(&whole).then_with(|| compare_doubles(0.0, double.fract()))
}

/// Order of two numbers of any types. Values that are not numbers compare as if they were 0; callers check.
pub(super) fn compare_numbers(a: Value<'_>, b: Value<'_>) -> Ordering {
    match (a.view(), b.view()) {
        (View::Int32(_) | View::Int64(_), View::Int32(_) | View::Int64(_)) => a.int().cmp(&b.int()),
        (View::Double(a), View::Double(b)) => compare_doubles(a, b),
        (View::Double(double), View::Int32(_) | View::Int64(_)) => compare_int_double(b.int(), double).reverse(),
        (View::Int32(_) | View::Int64(_), View::Double(double)) => compare_int_double(a.int(), double),
        _ => as_decimal(a).compare(as_decimal(b)),
    }
}

fn as_decimal(value: Value<'_>) -> Decimal128 {
    match value.view() {
        View::Decimal128(decimal) => decimal,
        View::Double(double) => Decimal128::from_f64(double),
        _ => Decimal128::from_i64(value.as_integer().unwrap_or(0)),
    }
}

/// The one form of a number that all its representations share: what equality, hashing and key bytes rest on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Canonical {
    /// NaN of any type.
    NaN,
    /// An integer that an int64 holds.
    Int(i64),
    /// A double that is no such integer; the infinities too.
    Double(f64),
    /// A decimal, normalized and not zero, that neither of the above equals.
    Decimal(Finite),
}

impl Canonical {
    /// The canonical form of a number; `None` for values that are none.
    #[inline]
    pub(crate) fn of(value: Value<'_>) -> Option<Canonical> {
        match value.tag() {
            Tag::Int32 | Tag::Int64 => Some(Canonical::Int(value.int())),
            Tag::Double => value.as_double().map(Canonical::of_double),
            Tag::Decimal128 => match value.view() {
                View::Decimal128(decimal) => Some(Canonical::of_decimal(decimal)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The canonical form of a double.
    #[inline]
    pub(crate) fn of_double(double: f64) -> Canonical {
        if double.is_nan() {
            Canonical::NaN
        } else if (-TWO_POW_63..TWO_POW_63).contains(&double) && (double as i64) as f64 == double {
            Canonical::Int(double as i64)
        } else {
            Canonical::Double(double)
        }
    }

    /// The canonical form of a decimal.
    pub(crate) fn of_decimal(decimal: Decimal128) -> Canonical {
        let finite = match decimal.parts() {
            DecimalParts::NaN => return Canonical::NaN,
            DecimalParts::Infinity { negative: false } => return Canonical::Double(f64::INFINITY),
            DecimalParts::Infinity { negative: true } => return Canonical::Double(f64::NEG_INFINITY),
            DecimalParts::Finite(finite) => finite,
        };
        if let Some(int) = finite.to_i64() {
            return Canonical::Int(int);
        }
        let nearest = finite.to_f64();
        match Finite::from_f64(nearest) {
            Some(back) if back.compare(finite) == Ordering::Equal => Canonical::Double(nearest),
            _ => Canonical::Decimal(finite.normalized()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal128 {
        Decimal128::parse(text).unwrap()
    }

    #[test]
    fn int64_and_double_are_compared_exactly() {
        let exact = 1i64 << 53;
        for (int, double, expected) in [
            (exact + 1, exact as f64, Ordering::Greater),
            (exact, exact as f64, Ordering::Equal),
            (i64::MAX, TWO_POW_63, Ordering::Less),
            (i64::MIN, -TWO_POW_63, Ordering::Equal),
            (i64::MIN, f64::NEG_INFINITY, Ordering::Greater),
            (0, -0.0, Ordering::Equal),
            (0, 5e-324, Ordering::Less),
            (-1, -1.5, Ordering::Greater),
            (-2, -1.5, Ordering::Less),
            (i64::MIN, f64::NAN, Ordering::Greater),
        ] {
            assert_eq!(compare_int_double(int, double), expected, "{int} {double}");
        }
    }

    #[test]
    fn a_double_compares_as_its_decimal_of_34_digits() {
        let near = decimal("0.1000000000000000055511151231257827");
        let below = decimal("0.1000000000000000055511151231257826");
        let tenth = decimal("0.1");
        let [near, below, tenth] = [&near, &below, &tenth].map(|d| Value::decimal128(&d.0));
        assert_eq!(compare_numbers(Value::double(0.1), near), Ordering::Equal);
        assert_eq!(compare_numbers(Value::double(0.1), below), Ordering::Greater);
        assert_eq!(compare_numbers(Value::double(0.1), tenth), Ordering::Greater);
    }

    #[test]
    fn canonical_forms_agree() {
        for (decimal_text, canonical) in [
            ("1.00", Canonical::Int(1)),
            ("-0.0", Canonical::Int(0)),
            ("0.5", Canonical::Double(0.5)),
            ("-9223372036854775808", Canonical::Int(i64::MIN)),
            ("9223372036854775808", Canonical::Double(TWO_POW_63)),
            ("Infinity", Canonical::Double(f64::INFINITY)),
            ("NaN", Canonical::NaN),
        ] {
            assert_eq!(Canonical::of_decimal(decimal(decimal_text)), canonical, "{decimal_text}");
        }
        assert_eq!(Canonical::of_double(-0.0), Canonical::Int(0));
        assert!(matches!(Canonical::of_decimal(decimal("0.1")), Canonical::Decimal(_)));
    }
}
