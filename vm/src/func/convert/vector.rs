//! Vectors: binary data of subtype 9 (BSON's binary vector specification), as arrays.

use bumpalo::Bump;

use super::conversion_failure;
use crate::error::{Error, Result};
use crate::func::build;
use crate::value::Value;

/// The subtype of vectors.
pub(super) const SUBTYPE: u8 = 9;

/// The element types of the specification.
const INT8: u8 = 0x03;
const PACKED_BIT: u8 = 0x10;
const FLOAT32: u8 = 0x27;

/// The elements of a vector: int8 as int, float32 as double, packed bits as bool.
pub(super) fn to_array<'d>(arena: &'d Bump, bytes: &[u8]) -> Result<Value<'d>> {
    let (kind, padding, data) = match bytes {
        [kind, padding, data @ ..] => (*kind, *padding, data),
        _ => return Err(invalid()),
    };
    match kind {
        INT8 if padding == 0 => build::array(arena, |array| {
            data.iter().for_each(|byte| array.value(Value::int32(i32::from(*byte as i8))));
            Ok(())
        }),
        FLOAT32 if padding == 0 => build::array(arena, |array| {
            let (numbers, rest) = data.as_chunks::<4>();
            numbers.iter().for_each(|number| array.value(Value::double(f64::from(f32::from_le_bytes(*number)))));
            if rest.is_empty() { Ok(()) } else { Err(invalid()) }
        }),
        PACKED_BIT if padding < 8 && (padding == 0 || !data.is_empty()) => build::array(arena, |array| {
            let count = data.len() * 8 - usize::from(padding);
            (0..count).for_each(|bit| array.value(Value::bool(data[bit / 8] >> (7 - bit % 8) & 1 == 1)));
            Ok(())
        }),
        _ => Err(invalid()),
    }
}

fn invalid() -> Error {
    conversion_failure("Input is not a valid vector in $convert with no onError value".to_owned())
}
