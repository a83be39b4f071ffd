//! Arbitrary values for fuzzing, biased towards where engines differ: few field names, numbers near the edges of
//! their types, the same value in several representations, arrays in arrays.
//!
//! What is generated is valid BSON, and its `Debug` is the shell's notation, so that a failing input can be pasted
//! into a test.

use arbitrary::{Arbitrary, Result, Unstructured};

use super::decimal::{Finite, MAX_COEFFICIENT, MAX_EXPONENT, MIN_EXPONENT};
use super::{Decimal128, DocBuf, DocWriter, OwnedValue, Tag, Value};

/// Names that documents share, so that paths hit. `0` and `1` are array positions too.
pub const NAMES: [&str; 8] = ["a", "b", "c", "0", "1", "_id", "", "ab"];

/// Deepest nesting that is generated.
const MAX_DEPTH: usize = 4;

const WORDS: [&str; 8] = ["", "a", "A", "ab", "b", "a\0", "é", "10"];

const INTEGERS: [i64; 20] = [
    0,
    1,
    -1,
    2,
    5,
    10,
    127,
    128,
    255,
    256,
    i32::MAX as i64,
    i32::MIN as i64,
    i32::MAX as i64 + 1,
    i32::MIN as i64 - 1,
    1 << 53,
    (1 << 53) + 1,
    -(1 << 53) - 1,
    i64::MAX,
    i64::MIN,
    i64::MIN + 1,
];

const DOUBLES: [f64; 20] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    0.1,
    10.0,
    2147483648.0,
    9007199254740992.0,
    4503599627370495.5,
    9223372036854775808.0,
    -9223372036854775808.0,
    9223372036854774784.0,
    1e22,
    5e-324,
    f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

impl<'a> Arbitrary<'a> for DocBuf {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        DocBuf::try_build(|doc| fields(u, doc, 0))
    }
}

impl<'a> Arbitrary<'a> for OwnedValue {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let doc = DocBuf::try_build(|doc| element(u, doc, "", 0))?;
        Ok(OwnedValue::new(doc.get_index(0).unwrap_or_default()))
    }
}

impl<'a> Arbitrary<'a> for Decimal128 {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let finite = match u.int_in_range(0..=5)? {
            // Equal to an integer or a double, at times with trailing zeros.
            0 => Finite::from(integer(u)?),
            1 => match Finite::from_f64(double(u)?) {
                Some(finite) => finite,
                None => return Ok(Decimal128::INFINITY),
            },
            2 => Finite {
                negative: u.arbitrary()?,
                coefficient: u.int_in_range(0..=2000)?,
                exponent: u.int_in_range(-4..=4)?,
            },
            3 => Finite {
                negative: u.arbitrary()?,
                coefficient: u.int_in_range(0..=MAX_COEFFICIENT)?,
                exponent: u.int_in_range(-36..=4)?,
            },
            4 => Finite {
                negative: u.arbitrary()?,
                coefficient: u.int_in_range(0..=MAX_COEFFICIENT)?,
                exponent: u.int_in_range(MIN_EXPONENT..=MAX_EXPONENT)?,
            },
            // Any bits at all, NaN and forms that are not canonical among them.
            _ => return Ok(Decimal128(u.arbitrary()?)),
        };
        let zeros = u.int_in_range(0..=2)?;
        let padded = Finite {
            coefficient: finite.coefficient * 10u128.pow(zeros),
            exponent: finite.exponent - zeros as i32,
            ..finite
        };
        Ok(padded.encode().or(finite.encode()).unwrap_or(Decimal128::NAN))
    }
}

fn integer(u: &mut Unstructured<'_>) -> Result<i64> {
    Ok(match u.int_in_range(0..=3)? {
        0 => u.int_in_range(-3..=12)?,
        1 => u.arbitrary()?,
        2 => u.arbitrary::<i64>()? >> u.int_in_range(0..=63)?,
        _ => *u.choose(&INTEGERS)?,
    })
}

fn double(u: &mut Unstructured<'_>) -> Result<f64> {
    Ok(match u.int_in_range(0..=3)? {
        0 => integer(u)? as f64,
        1 => f64::from_bits(u.arbitrary()?),
        2 => integer(u)? as f64 / 8.0,
        _ => *u.choose(&DOUBLES)?,
    })
}

fn text<'u>(u: &mut Unstructured<'u>) -> Result<&'u str> {
    if u.ratio(1, 4)? { u.arbitrary() } else { u.choose(&WORDS).copied() }
}

fn fields(u: &mut Unstructured<'_>, doc: &mut DocWriter<'_, Vec<u8>>, depth: usize) -> Result<()> {
    for _ in 0..u.int_in_range(0..=4)? {
        let name = *u.choose(&NAMES)?;
        element(u, doc, name, depth)?;
    }
    Ok(())
}

/// Appends one field of any type. Once the input is used up, what is drawn is the first choice: a null.
fn element(u: &mut Unstructured<'_>, doc: &mut DocWriter<'_, Vec<u8>>, name: &str, depth: usize) -> Result<()> {
    // From 22 on values nest.
    let last = if depth >= MAX_DEPTH { 21 } else { 30 };
    match u.int_in_range(0..=last)? {
        0 => doc.value(name, Value::NULL),
        1..=3 => doc.value(name, Value::integer(integer(u)?)),
        4 | 5 => doc.value(name, Value::int64(integer(u)?)),
        6 | 7 => doc.value(name, Value::double(double(u)?)),
        8 | 9 => doc.value(name, Value::decimal128(&u.arbitrary::<Decimal128>()?.0)),
        10 | 11 => doc.value(name, Value::string(text(u)?)),
        12 => doc.value(name, Value::bool(u.arbitrary()?)),
        13 => doc.value(name, Value::date_time(integer(u)?)),
        14 => doc.value(name, Value::timestamp(integer(u)? as u64)),
        15 => doc.value(name, Value::object_id(&u.arbitrary()?)),
        16 => {
            let bytes: &[u8] = text(u)?.as_bytes();
            match *u.choose(&[0, 2, 4, 5, 128])? {
                2 => {
                    let len = (bytes.len() as u32).to_le_bytes();
                    doc.value(name, Value::binary(2, &[&len, bytes].concat()));
                }
                subtype => doc.value(name, Value::binary(subtype, bytes)),
            }
        }
        17 => doc.value(name, *u.choose(&[Value::MIN_KEY, Value::MAX_KEY, Value::UNDEFINED])?),
        18 => doc.value(name, Value::symbol(text(u)?.as_bytes())),
        19 => doc.value(name, Value::javascript(text(u)?.as_bytes())),
        20 => {
            let options = *u.choose(&["", "i", "im"])?;
            let pattern = text(u)?.split('\0').next().unwrap_or_default();
            payload(doc, Tag::Regex, name, &[pattern.as_bytes(), &[0], options.as_bytes(), &[0]]);
        }
        21 => {
            let namespace = text(u)?;
            let len = (namespace.len() as u32 + 1).to_le_bytes();
            payload(doc, Tag::DbPointer, name, &[&len, namespace.as_bytes(), &[0], &u.arbitrary::<[u8; 12]>()?]);
        }
        22 => {
            let code = text(u)?;
            let scope = DocBuf::try_build(|doc| fields(u, doc, depth + 1))?;
            let code_len = (code.len() as u32 + 1).to_le_bytes();
            let len = (8 + code.len() + 1 + scope.as_bytes().len()) as u32;
            let parts = [&len.to_le_bytes()[..], &code_len, code.as_bytes(), &[0], scope.as_bytes()];
            payload(doc, Tag::JavaScriptWithScope, name, &parts);
        }
        23..=25 => doc.document(name, |doc| fields(u, doc, depth + 1))?,
        _ => {
            let count = u.int_in_range(0..=4)?;
            let array = DocBuf::try_build(|doc| {
                (0..count).try_for_each(|index: usize| element(u, doc, &index.to_string(), depth + 1))
            })?;
            doc.value(name, Value::array(&array));
        }
    }
    Ok(())
}

/// Appends a field of a type that values are only ever read of.
fn payload(doc: &mut DocWriter<'_, Vec<u8>>, tag: Tag, name: &str, parts: &[&[u8]]) {
    let header = [&[tag as u8], name.as_bytes(), &[0]].concat();
    doc.raw_element(&header);
    parts.iter().for_each(|part| doc.raw_element(part));
}

#[cfg(test)]
mod tests {
    use super::super::validate;
    use super::*;
    use crate::limits::MAX_USER_DOCUMENT_BYTES;

    #[test]
    fn everything_generated_is_valid() {
        // A fixed stream of bytes that looks random enough to reach every branch.
        let mut state = 1u64;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(200_000)
        .collect();
        let mut u = Unstructured::new(&bytes);
        let mut generated = 0;
        while !u.is_empty() {
            let Ok(doc) = DocBuf::arbitrary(&mut u) else { break };
            validate(doc.as_bytes(), MAX_USER_DOCUMENT_BYTES).unwrap_or_else(|error| panic!("{doc:?}: {error}"));
            generated += 1;
        }
        assert!(generated > 100);
    }
}
