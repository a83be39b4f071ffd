//! Similarity of vectors: `$similarityCosine $similarityDotProduct $similarityEuclidean`.
//!
//! A vector is an array of numbers, or binary data of subtype 9 (BSON's vector: int8, float32 or packed bits).

use super::number::Number;
use super::row::row;
use super::{Args, Context, Function};
use crate::error::{Error, Result};
use crate::value::{Value, View};

const VECTOR_SUBTYPE: u8 = 9;
const INT8: u8 = 0x03;
const PACKED_BIT: u8 = 0x10;
const FLOAT32: u8 = 0x27;

/// The rows. The third argument asks for the score, which lies between 0 and 1, instead of the raw value.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$similarityCosine",
        Args::Exactly(3),
        "The cosine of the angle between two vectors, given as an array or as `{vectors, score}`.",
        [
            ("{a: [1, 0], b: [0, 1]}", "{$similarityCosine: ['$a', '$b']}", "0.0"),
            ("{a: [1, 0], b: [0, 1]}", "{$similarityCosine: {vectors: ['$a', '$b'], score: true}}", "0.5"),
        ],
        cosine
    ),
    row!(
        "$similarityDotProduct",
        Args::Exactly(3),
        "The dot product of two vectors, given as an array or as `{vectors, score}`.",
        [("{a: [1, 2, 3]}", "{$similarityDotProduct: ['$a', [3, 2, 1]]}", "10.0")],
        dot_product
    ),
    row!(
        "$similarityEuclidean",
        Args::Exactly(3),
        "The distance of two vectors, given as an array or as `{vectors, score}`.",
        [("{a: [0, 0]}", "{$similarityEuclidean: ['$a', [3, 4]]}", "5.0")],
        euclidean
    ),
];

fn cosine<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let measure = |a: &[f64], b: &[f64]| {
        let magnitudes = dot(a, a).sqrt() * dot(b, b).sqrt();
        if magnitudes == 0.0 { 0.0 } else { dot(a, b) / magnitudes }
    };
    similarity("$similarityCosine", args, measure, |cosine| (1.0 + cosine) / 2.0)
}

fn dot_product<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    similarity("$similarityDotProduct", args, dot, |product| (1.0 + product) / 2.0)
}

fn euclidean<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let measure = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b)).sqrt();
    similarity("$similarityEuclidean", args, measure, |distance| 1.0 / (1.0 + distance))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

fn similarity<'d>(
    operator: &str,
    args: &[Value<'d>],
    measure: impl Fn(&[f64], &[f64]) -> f64,
    score: impl Fn(f64) -> f64,
) -> Result<Value<'d>> {
    if args[0].is_nullish() || args[1].is_nullish() {
        return Ok(Value::NULL);
    }
    let (a, b) = (vector(operator, args[0])?, vector(operator, args[1])?);
    if a.len() != b.len() {
        return Err(Error::bad_value(format!(
            "{operator} requires vectors of equal length, found {} and {}",
            a.len(),
            b.len()
        )));
    }
    let raw = measure(&a, &b);
    Ok(Value::double(if args[2].as_bool() == Some(true) { score(raw) } else { raw }))
}

fn vector(operator: &str, value: Value<'_>) -> Result<Vec<f64>> {
    let components = match value.view() {
        View::Array(array) => array.values().map(|value| Number::of(value).map(Number::to_f64)).collect(),
        View::Binary { subtype: VECTOR_SUBTYPE, bytes } => binary_vector(bytes),
        _ => None,
    };
    components.ok_or_else(|| {
        let found = value.tag().name();
        Error::type_mismatch(format!("{operator} requires arrays of numbers or BinData vectors, found: {found}"))
    })
}

fn binary_vector(bytes: &[u8]) -> Option<Vec<f64>> {
    let (&[kind, padding], rest) = bytes.split_first_chunk::<2>()?;
    match kind {
        INT8 if padding == 0 => Some(rest.iter().map(|byte| f64::from(*byte as i8)).collect()),
        FLOAT32 if padding == 0 && rest.len() % 4 == 0 => {
            let words = rest.chunks_exact(4).filter_map(|chunk| chunk.first_chunk::<4>());
            Some(words.map(|word| f64::from(f32::from_le_bytes(*word))).collect())
        }
        PACKED_BIT if padding < 8 && (padding == 0 || !rest.is_empty()) => {
            let bits = rest.iter().flat_map(|byte| (0..8).rev().map(move |bit| f64::from(byte >> bit & 1)));
            Some(bits.take(rest.len() * 8 - usize::from(padding)).collect())
        }
        _ => None,
    }
}
