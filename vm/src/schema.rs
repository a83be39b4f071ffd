//! Tests of JSON schema keywords that look at one value.
//!
//! A keyword speaks of values of one type; values of other types, and missing ones, satisfy it. Only `enum` speaks of
//! every value. Keywords that look into other values (`properties`, `items`, `oneOf`) are the compiler's to combine.

use crate::value::decimal::{DecimalParts, Finite, MAX_COEFFICIENT};
use crate::value::{self, Decimal128, OwnedValue, RawDoc, Value, View};

/// One keyword with its argument.
#[derive(Clone, Debug)]
pub enum SchemaTest {
    /// `minLength`: a string has at least so many code points.
    MinLength(u64),
    /// `maxLength`.
    MaxLength(u64),
    /// `minItems`: an array has at least so many elements.
    MinItems(u64),
    /// `maxItems`.
    MaxItems(u64),
    /// `uniqueItems`: no two elements of an array are equal; the order of fields does not tell documents apart.
    UniqueItems,
    /// `minProperties`: a document has at least so many fields.
    MinProperties(u64),
    /// `maxProperties`.
    MaxProperties(u64),
    /// `multipleOf`: a number divided by this leaves nothing. The divisor is positive. Doubles count as the decimal
    /// of 15 digits that they print as, so that 0.3 is a multiple of 0.1.
    MultipleOf(Decimal128),
    /// `enum`: equals one of these; the order of fields does not tell documents apart.
    OneOf(Vec<OwnedValue>),
}

impl SchemaTest {
    /// Whether `value` satisfies the keyword.
    pub fn holds(&self, value: Value<'_>) -> bool {
        match self {
            SchemaTest::MinLength(least) => length(value).is_none_or(|length| length >= *least),
            SchemaTest::MaxLength(most) => length(value).is_none_or(|length| length <= *most),
            SchemaTest::MinItems(least) => count(value.as_array()).is_none_or(|items| items >= *least),
            SchemaTest::MaxItems(most) => count(value.as_array()).is_none_or(|items| items <= *most),
            SchemaTest::MinProperties(least) => count(value.as_doc()).is_none_or(|fields| fields >= *least),
            SchemaTest::MaxProperties(most) => count(value.as_doc()).is_none_or(|fields| fields <= *most),
            SchemaTest::UniqueItems => value.as_array().is_none_or(all_differ),
            SchemaTest::MultipleOf(divisor) => as_decimal(value).is_none_or(|number| is_multiple(number, *divisor)),
            SchemaTest::OneOf(values) => values.iter().any(|one| equal_unordered(one.get(), value)),
        }
    }
}

fn length(value: Value<'_>) -> Option<u64> {
    let bytes = value.as_str_bytes()?;
    // Every code point has exactly one byte that is not a continuation.
    Some(bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count() as u64)
}

fn count(container: Option<&RawDoc>) -> Option<u64> {
    container.map(|doc| doc.iter().count() as u64)
}

fn all_differ(array: &RawDoc) -> bool {
    array.values().enumerate().all(|(at, value)| !array.values().take(at).any(|other| equal_unordered(value, other)))
}

/// Equality where the order of a document's fields does not matter, at any depth.
pub fn equal_unordered(a: Value<'_>, b: Value<'_>) -> bool {
    match (a.view(), b.view()) {
        (View::Document(a), View::Document(b)) => {
            a.iter().count() == b.iter().count()
                && a.iter().all(|field| {
                    b.iter().any(|other| other.name() == field.name() && equal_unordered(field.value(), other.value()))
                })
        }
        (View::Array(a), View::Array(b)) => {
            a.iter().count() == b.iter().count() && a.values().zip(b.values()).all(|(a, b)| equal_unordered(a, b))
        }
        (View::Nothing, _) | (_, View::Nothing) => false,
        _ => value::equal(a, b),
    }
}

/// The number as `multipleOf` sees it; `None` for values that are no numbers.
pub fn as_decimal(value: Value<'_>) -> Option<Decimal128> {
    match value.view() {
        View::Decimal128(decimal) => Some(decimal),
        View::Double(double) if double.is_finite() => Decimal128::parse(&format!("{double:.14e}")),
        View::Double(_) => Some(Decimal128::NAN),
        _ => value.as_integer().map(Decimal128::from_i64),
    }
}

/// Whether `number` is a whole multiple of `divisor`, which is not zero. Infinities and NaN are multiples of nothing.
fn is_multiple(number: Decimal128, divisor: Decimal128) -> bool {
    match (number.parts(), divisor.parts()) {
        (DecimalParts::Finite(number), DecimalParts::Finite(divisor)) => divides(divisor, number),
        _ => false,
    }
}

fn divides(divisor: Finite, number: Finite) -> bool {
    let (divisor, number) = (divisor.normalized(), number.normalized());
    if number.coefficient == 0 {
        return true;
    }
    if divisor.coefficient == 0 || divisor.exponent > number.exponent && !fits(divisor, number.exponent) {
        return false;
    }
    let shift = number.exponent - divisor.exponent;
    if shift < 0 {
        // `fits` has made sure that the power of ten does not overflow.
        return number.coefficient.is_multiple_of(divisor.coefficient * 10u128.pow(shift.unsigned_abs()));
    }
    let modulus = divisor.coefficient;
    multiply_mod(number.coefficient % modulus, power_of_ten_mod(shift.unsigned_abs(), modulus), modulus) == 0
}

/// Whether a decimal can be written with this lower exponent without its coefficient growing beyond every other.
fn fits(number: Finite, exponent: i32) -> bool {
    let shift = number.exponent.abs_diff(exponent);
    10u128
        .checked_pow(shift)
        .and_then(|power| number.coefficient.checked_mul(power))
        .is_some_and(|c| c <= MAX_COEFFICIENT)
}

fn power_of_ten_mod(mut exponent: u32, modulus: u128) -> u128 {
    let (mut power, mut base) = (1 % modulus, 10 % modulus);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = multiply_mod(power, base, modulus);
        }
        base = multiply_mod(base, base, modulus);
        exponent >>= 1;
    }
    power
}

/// `a * b % modulus` for factors below a modulus of at most 34 digits, whose doubles fit 128 bits.
fn multiply_mod(mut a: u128, mut b: u128, modulus: u128) -> u128 {
    let mut product = 0;
    while b > 0 {
        if b & 1 == 1 {
            product = (product + a) % modulus;
        }
        a = (a << 1) % modulus;
        b >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::DocBuf;

    #[test]
    fn multiples() {
        let divisor = |text: &str| SchemaTest::MultipleOf(Decimal128::parse(text).unwrap());
        for (number, by, expected) in [
            (Value::int32(9), "3", true),
            (Value::int32(10), "3", false),
            (Value::int32(-9), "3", true),
            (Value::double(0.3), "0.1", true),
            (Value::double(0.35), "0.1", false),
            (Value::double(1e300), "7", false),
            (Value::double(1e20), "1E+20", true),
            (Value::double(1e20), "1E+21", false),
            (Value::int32(0), "1E+6000", true),
            (Value::int32(5), "1E+6000", false),
            (Value::double(f64::INFINITY), "1", false),
            (Value::string("x"), "3", true),
        ] {
            assert_eq!(divisor(by).holds(number), expected, "{number:?} {by}");
        }
        let googol = Decimal128::parse("1E+6000").unwrap();
        assert!(divisor("2").holds(Value::decimal128(&googol.0)));
        assert!(!divisor("3").holds(Value::decimal128(&googol.0)));
    }

    #[test]
    fn lengths_are_code_points() {
        assert!(SchemaTest::MinLength(2).holds(Value::string("日本")));
        assert!(!SchemaTest::MinLength(3).holds(Value::string("日本")));
        assert!(SchemaTest::MaxLength(2).holds(Value::string("日本")));
    }

    #[test]
    fn unique_items_ignore_field_order() {
        let array = DocBuf::build(|doc| {
            doc.document("0", |doc| {
                doc.value("a", Value::int32(1));
                doc.value("b", Value::int32(2));
            });
            doc.document("1", |doc| {
                doc.value("b", Value::double(2.0));
                doc.value("a", Value::int32(1));
            });
        });
        assert!(!SchemaTest::UniqueItems.holds(Value::array(array.as_doc())));
    }
}
