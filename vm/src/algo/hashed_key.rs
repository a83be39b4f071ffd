//! The hash under which hashed indexes file values: MongoDB's, bit for bit.
//!
//! MD5 over the seed 0 and the value, of which the first eight bytes are a little-endian int64. A value contributes
//! its canonical type and its content: numbers as the int64 they truncate to, so that equal numbers hash alike,
//! documents and arrays as their fields with names followed by an end mark, everything else as BSON stores it.

use md5::{Digest, Md5};

use crate::value::decimal::DecimalParts;
use crate::value::{DocBuf, RawDoc, Tag, Value, View, canonical_type};

/// The hash of a value. A missing value is filed as null.
pub fn hashed_key(value: Value<'_>) -> i64 {
    seeded(value, 0)
}

fn seeded(value: Value<'_>, seed: i32) -> i64 {
    let mut md5 = Md5::new();
    md5.update(seed.to_le_bytes());
    let value = if value.is_nothing() { Value::NULL } else { value };
    // The writer lays the payload out as BSON does.
    let document = DocBuf::build(|doc| doc.value("", value));
    if let Some(element) = document.iter().next() {
        update(&mut md5, element.value(), element.raw_payload(), None);
    }
    let digest = md5.finalize();
    digest.first_chunk::<8>().map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

fn update(md5: &mut Md5, value: Value<'_>, payload: &[u8], name: Option<&[u8]>) {
    md5.update(hash_type(value.tag()).to_le_bytes());
    if let Some(name) = name {
        md5.update(name);
        md5.update([0]);
    }
    match value.view() {
        View::Int32(int) => md5.update(i64::from(int).to_le_bytes()),
        View::Int64(int) => md5.update(int.to_le_bytes()),
        // 2^63, the first double too large, is filed with the smallest integer; all above go with the largest.
        View::Double(double) if double == -(i64::MIN as f64) => md5.update(i64::MIN.to_le_bytes()),
        View::Double(double) => md5.update((double as i64).to_le_bytes()),
        View::Decimal128(decimal) => {
            let int = match super::decimal::integral(decimal, super::decimal::Rounding::Truncate).parts() {
                DecimalParts::NaN => 0,
                DecimalParts::Infinity { negative } => extreme(negative),
                DecimalParts::Finite(finite) => finite.to_i64().unwrap_or_else(|| extreme(finite.negative)),
            };
            md5.update(int.to_le_bytes());
        }
        View::Document(doc) | View::Array(doc) => update_fields(md5, doc),
        View::JavaScriptWithScope { code, scope } => {
            md5.update(code);
            md5.update([0]);
            update_fields(md5, scope);
        }
        _ => md5.update(payload),
    }
}

fn update_fields(md5: &mut Md5, doc: &RawDoc) {
    for element in doc {
        update(md5, element.value(), element.raw_payload(), Some(element.name()));
    }
    md5.update(0i32.to_le_bytes());
}

fn extreme(negative: bool) -> i64 {
    if negative { i64::MIN } else { i64::MAX }
}

/// The canonical type as hashes use it: MinKey is -1 there and undefined 0.
fn hash_type(tag: Tag) -> i32 {
    match tag {
        Tag::MinKey => -1,
        Tag::Undefined | Tag::Nothing => 0,
        Tag::MaxKey => 127,
        other => i32::from(canonical_type(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_mongodbs() {
        let rows = [(Value::int32(123), -6548868637522515075), (Value::date_time(1360707177211), -4185544074338741873)];
        for (value, hash) in rows {
            assert_eq!(hashed_key(value), hash, "{value:?}");
        }
    }

    /// The values that MongoDB pins for the seed 1.
    #[test]
    fn hashes_at_the_edges_are_mongodbs() {
        const LARGEST: i64 = 1136124329541638701;
        const LOWEST: i64 = 5744114172487291558;
        const ZERO: i64 = 5574369198691456941;
        let two_63 = 2f64.powi(63);
        let plain = DocBuf::build(|d| {
            d.value("a", Value::double(1.0));
            d.value("b", Value::int32(2));
        });
        let corner = DocBuf::build(|d| {
            d.value("a", Value::double(two_63));
            d.value("b", Value::double(f64::NAN));
        });
        let rows = [
            (Value::string("hashthis"), 6271151123721111923),
            (Value::double(two_63), LOWEST),
            (Value::double(two_63 + 2048.0), LARGEST),
            (Value::double(f64::INFINITY), LARGEST),
            (Value::double(two_63 - 1024.0), -3954856262017896439),
            (Value::double(-two_63), LOWEST),
            (Value::double(1024.0 - two_63), -1762411739488908479),
            (Value::double(f64::NEG_INFINITY), LOWEST),
            (Value::double(f64::NAN), ZERO),
            (Value::int64(0), ZERO),
            (Value::document(&plain), -7076810813311352857),
            (Value::document(&corner), 1223292051903137684),
        ];
        for (value, hash) in rows {
            assert_eq!(seeded(value, 1), hash, "{value:?}");
        }
    }
}
