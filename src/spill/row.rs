//! Rows of values as bytes, for memory and disk: each value its type and its payload.

use smallvec::SmallVec;
use smongo_vm::Code;
use smongo_vm::value::{Tag, Value};

use crate::error::{Error, Result};

/// Appends values.
pub(crate) fn push_values<'d>(values: impl IntoIterator<Item = Value<'d>>, out: &mut Vec<u8>) {
    for value in values {
        out.push(value.tag() as u8);
        value.write_payload(out);
    }
}

/// The values that were appended.
pub(crate) fn read_values(mut bytes: &[u8]) -> Result<SmallVec<[Value<'_>; 8]>> {
    let mut values = SmallVec::new();
    while let Some((&tag, rest)) = bytes.split_first() {
        let (value, length) = if tag == Tag::Nothing as u8 {
            (Value::NOTHING, 0)
        } else {
            Value::decode(tag, rest).ok_or_else(damaged)?
        };
        values.push(value);
        bytes = rest.get(length..).ok_or_else(damaged)?;
    }
    Ok(values)
}

/// The error for bytes that are not what was written.
#[cold]
pub(super) fn damaged() -> Error {
    Error::new(Code::INTERNAL_ERROR, "a temporary file is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let doc = smongo_vm::value::extjson::parse_doc("{a: [1, 'x', {b: null}], c: 2.5}").unwrap();
        let values = [Value::NOTHING, Value::document(&doc), Value::string("s"), Value::NULL, Value::NOTHING];
        let mut bytes = Vec::new();
        push_values(values, &mut bytes);
        let read = read_values(&bytes).unwrap();
        assert_eq!(read.len(), values.len());
        for (read, value) in read.iter().zip(values) {
            assert_eq!(format!("{read:?}"), format!("{value:?}"));
        }
        assert!(read_values(&[16, 1]).is_err());
    }
}
