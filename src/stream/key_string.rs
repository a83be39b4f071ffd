//! The keys that resume tokens are: values in MongoDB's key-string format, version 1, ascending.
//!
//! ```text
//! 0a MinKey · 0f undefined · 14 null · f0 MaxKey
//! 1e… number      as in the keys of indexes
//! 3c string       text 00                       00 inside the text is 00 ff; symbols too
//! 46 document     (class name 00 value)… 00     the value has a class of its own; the class before the name is 1e for
//!                                               every number
//! 50 array        value… 00
//! 5a binary       length, subtype, bytes        one byte of length, or ff and four
//! 64 ObjectId     12 bytes
//! 6e false · 6f true
//! 78 date         8 bytes, sign bit flipped
//! 82 timestamp    8 bytes
//! 8c regex        pattern 00 options 00
//! 96 DBPointer    length(4) namespace id(12)
//! a0 code         text 00
//! aa code with scope: text 00, then the content of a document
//! 04 the end
//! ```

use smongo_vm::Code;
use smongo_vm::key::{Direction, KeyDecoder, KeyEncoder};
use smongo_vm::limits::MAX_DOCUMENT_DEPTH;
use smongo_vm::value::{RawDoc, Tag, Value, View};

use crate::error::{Error, Result};

/// What ends a key.
pub(super) const END: u8 = 4;

/// `KeyString`'s code for a class that there is not.
const UNKNOWN_CLASS: Code = Code(50811);

mod class {
    pub const MIN_KEY: u8 = 0x0a;
    pub const UNDEFINED: u8 = 0x0f;
    pub const NULL: u8 = 0x14;
    pub const NUMBER: u8 = 0x1e;
    pub const LAST_NUMBER: u8 = 0x33;
    pub const STRING: u8 = 0x3c;
    pub const DOCUMENT: u8 = 0x46;
    pub const ARRAY: u8 = 0x50;
    pub const BINARY: u8 = 0x5a;
    pub const OBJECT_ID: u8 = 0x64;
    pub const FALSE: u8 = 0x6e;
    pub const TRUE: u8 = 0x6f;
    pub const DATE: u8 = 0x78;
    pub const TIMESTAMP: u8 = 0x82;
    pub const REGEX: u8 = 0x8c;
    pub const DB_POINTER: u8 = 0x96;
    pub const CODE: u8 = 0xa0;
    pub const CODE_WITH_SCOPE: u8 = 0xaa;
    pub const MAX_KEY: u8 = 0xf0;
}

/// The class that stands before a field's name.
fn class_of(tag: Tag) -> u8 {
    match tag {
        Tag::MinKey => class::MIN_KEY,
        Tag::Nothing | Tag::Undefined => class::UNDEFINED,
        Tag::Null => class::NULL,
        Tag::Double | Tag::Int32 | Tag::Int64 | Tag::Decimal128 => class::NUMBER,
        Tag::String | Tag::Symbol => class::STRING,
        Tag::Document => class::DOCUMENT,
        Tag::Array => class::ARRAY,
        Tag::Binary => class::BINARY,
        Tag::ObjectId => class::OBJECT_ID,
        Tag::Bool => class::FALSE,
        Tag::DateTime => class::DATE,
        Tag::Timestamp => class::TIMESTAMP,
        Tag::Regex => class::REGEX,
        Tag::DbPointer => class::DB_POINTER,
        Tag::JavaScript => class::CODE,
        Tag::JavaScriptWithScope => class::CODE_WITH_SCOPE,
        Tag::MaxKey => class::MAX_KEY,
    }
}

/// Appends a value. Documents are as deep as documents may be, which bounds the recursion.
pub(super) fn append(value: Value<'_>, key: &mut Vec<u8>) {
    if value.is_number() {
        KeyEncoder::new(key, &mut Vec::new()).field(value, Direction::Ascending);
        return;
    }
    key.push(class_of(value.tag()));
    match value.view() {
        View::Bool(true) => {
            key.pop();
            key.push(class::TRUE);
        }
        View::String(text) | View::Symbol(text) | View::JavaScript(text) => append_text(text, key),
        View::Document(doc) => append_fields(doc, key),
        View::Array(array) => {
            array.values().for_each(|value| append(value, key));
            key.push(0);
        }
        View::Binary { subtype, bytes } => {
            match u8::try_from(bytes.len()) {
                Ok(len) if len < u8::MAX => key.push(len),
                _ => {
                    key.push(u8::MAX);
                    append_length(bytes.len(), key);
                }
            }
            key.push(subtype);
            key.extend_from_slice(bytes);
        }
        View::ObjectId(id) => key.extend_from_slice(id),
        View::DateTime(millis) => key.extend_from_slice(&(millis ^ i64::MIN).to_be_bytes()),
        View::Timestamp(bits) => key.extend_from_slice(&bits.to_be_bytes()),
        View::Regex { pattern, options } => {
            for text in [pattern, options] {
                key.extend_from_slice(text);
                key.push(0);
            }
        }
        View::DbPointer { namespace, id } => {
            append_length(namespace.len(), key);
            key.extend_from_slice(namespace);
            key.extend_from_slice(id);
        }
        View::JavaScriptWithScope { code, scope } => {
            append_text(code, key);
            append_fields(scope, key);
        }
        _ => {}
    }
}

fn append_length(len: usize, key: &mut Vec<u8>) {
    // Values lie inside documents, whose lengths are int32.
    key.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
}

fn append_text(text: &[u8], key: &mut Vec<u8>) {
    for &byte in text {
        key.push(byte);
        if byte == 0 {
            key.push(0xff);
        }
    }
    key.push(0);
}

fn append_fields(doc: &RawDoc, key: &mut Vec<u8>) {
    for field in doc {
        key.push(class_of(field.value().tag()));
        key.extend_from_slice(field.name());
        key.push(0);
        append(field.value(), key);
    }
    key.push(0);
}

/// A key being read. What a client sends as a token may be anything.
pub(super) struct Reader<'k> {
    rest: &'k [u8],
}

impl<'k> Reader<'k> {
    /// Begins to read.
    pub fn new(key: &'k [u8]) -> Self {
        Self { rest: key }
    }

    /// Whether there is no further value: the key ends here, or is cut off here.
    pub fn is_at_end(&self) -> bool {
        self.rest.first().is_none_or(|first| *first == END)
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'k [u8] {
        self.rest
    }

    /// Reads a timestamp; `None` when another value comes next.
    pub fn timestamp(&mut self) -> Result<Option<u64>> {
        if self.rest.first() != Some(&class::TIMESTAMP) {
            return Ok(None);
        }
        self.take(1)?;
        let bytes = self.take(8)?.first_chunk().ok_or_else(too_short)?;
        Ok(Some(u64::from_be_bytes(*bytes)))
    }

    /// Reads an integer; `None` when another value comes next.
    pub fn integer(&mut self) -> Result<Option<i64>> {
        if !self.rest.first().is_some_and(|first| (class::NUMBER..=class::LAST_NUMBER).contains(first)) {
            return Ok(None);
        }
        self.number()
    }

    /// Reads a boolean; `None` when another value comes next.
    pub fn boolean(&mut self) -> Result<Option<bool>> {
        let value = match self.rest.first() {
            Some(&class::FALSE) => false,
            Some(&class::TRUE) => true,
            _ => return Ok(None),
        };
        self.take(1)?;
        Ok(Some(value))
    }

    /// Passes over a value.
    pub fn skip(&mut self) -> Result<()> {
        self.skip_nested(0)
    }

    fn skip_nested(&mut self, depth: usize) -> Result<()> {
        if depth > MAX_DOCUMENT_DEPTH {
            return Err(Error::new(Code::OVERFLOW, "KeyString is nested too deeply"));
        }
        let class = *self.rest.first().ok_or_else(too_short)?;
        if (class::NUMBER..=class::LAST_NUMBER).contains(&class) {
            return self.number().map(drop);
        }
        self.take(1)?;
        match class {
            class::MIN_KEY | class::UNDEFINED | class::NULL | class::FALSE | class::TRUE | class::MAX_KEY => Ok(()),
            class::STRING | class::CODE => self.skip_text(),
            class::DOCUMENT => self.skip_fields(depth),
            class::ARRAY => {
                while *self.rest.first().ok_or_else(too_short)? != 0 {
                    self.skip_nested(depth + 1)?;
                }
                self.take(1).map(drop)
            }
            class::BINARY => {
                let len = match self.take(1)? {
                    [u8::MAX] => self.length()?,
                    [len] => usize::from(*len),
                    _ => return Err(too_short()),
                };
                self.take(len.saturating_add(1)).map(drop)
            }
            class::OBJECT_ID => self.take(12).map(drop),
            class::DATE | class::TIMESTAMP => self.take(8).map(drop),
            class::REGEX => self.skip_name().and_then(|()| self.skip_name()),
            class::DB_POINTER => {
                let len = self.length()?;
                self.take(len.saturating_add(12)).map(drop)
            }
            class::CODE_WITH_SCOPE => {
                self.skip_text()?;
                self.skip_fields(depth)
            }
            other => Err(Error::new(UNKNOWN_CLASS, format!("Unknown type: {other}"))),
        }
    }

    fn skip_fields(&mut self, depth: usize) -> Result<()> {
        while self.take(1)? != [0] {
            self.skip_name()?;
            self.skip_nested(depth + 1)?;
        }
        Ok(())
    }

    /// Passes over bytes up to a 00.
    fn skip_name(&mut self) -> Result<()> {
        let len = self.rest.iter().position(|byte| *byte == 0).ok_or_else(too_short)?;
        self.take(len + 1).map(drop)
    }

    /// Passes over a text whose 00 bytes are escaped.
    fn skip_text(&mut self) -> Result<()> {
        self.skip_name()?;
        while self.rest.first() == Some(&0xff) {
            self.skip_name()?;
        }
        Ok(())
    }

    fn length(&mut self) -> Result<usize> {
        let bytes = self.take(4)?.first_chunk().ok_or_else(too_short)?;
        Ok(usize::try_from(u32::from_be_bytes(*bytes)).unwrap_or(usize::MAX))
    }

    /// Reads a number; `None` when it is no integer.
    fn number(&mut self) -> Result<Option<i64>> {
        let mut decoder = KeyDecoder::new(self.rest, &[]);
        let read = decoder.with_field(Direction::Ascending, |value| value.as_integer()).map_err(|_| too_short())?;
        self.rest = decoder.rest();
        Ok(read)
    }

    fn take(&mut self, len: usize) -> Result<&'k [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(too_short)?;
        self.rest = rest;
        Ok(taken)
    }
}

#[cold]
fn too_short() -> Error {
    Error::new(Code::OVERFLOW, "KeyString is too short for the values that it has")
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::DocBuf;

    use super::*;

    fn key(value: Value<'_>) -> Vec<u8> {
        let mut key = Vec::new();
        append(value, &mut key);
        key
    }

    /// Source: the tokens in MongoDB's manual and in issues about change streams, taken apart.
    #[test]
    fn values_are_as_in_tokens_of_mongod() {
        assert_eq!(
            key(Value::timestamp(0x5f84_8d2e_0000_0001)),
            [&[0x82, 0x5f, 0x84, 0x8d, 0x2e][..], &[0, 0, 0, 1]].concat()
        );
        assert_eq!(key(Value::int32(2)), [0x2b, 4]);
        assert_eq!(key(Value::int32(128)), [0x2c, 1, 0]);
        assert_eq!(key(Value::int32(0)), [0x29]);
        assert_eq!((key(Value::FALSE), key(Value::TRUE)), (vec![0x6e], vec![0x6f]));
        assert_eq!(key(Value::binary(4, &[7; 16]))[..3], [0x5a, 0x10, 4]);
        let id = DocBuf::build(|doc| doc.value("_id", Value::object_id(&[9; 12])));
        let expected = [&[0x46, 0x64][..], b"_id\0", &[0x64], &[9; 12], &[0]].concat();
        assert_eq!(key(Value::document(&id)), expected);
    }

    #[test]
    fn every_value_is_passed_over_whole() {
        let doc = DocBuf::build(|doc| {
            doc.value("n", Value::double(-1.5));
            doc.value("big", Value::int64(i64::MIN));
            doc.string("s", "a\0b");
            doc.value("bytes", Value::binary(0, &[1; 300]));
            doc.value("date", Value::date_time(-5));
            doc.array("list", |list| {
                list.value(Value::NULL);
                list.document(|inner| inner.value("x", Value::TRUE));
            });
        });
        let mut bytes = key(Value::document(&doc));
        let len = bytes.len();
        bytes.push(END);
        let mut reader = Reader::new(&bytes);
        reader.skip().unwrap();
        assert!(reader.is_at_end());
        assert_eq!(reader.rest(), [END]);
        for cut in 0..len {
            assert_eq!(Reader::new(&bytes[..cut]).skip().unwrap_err().code(), 15, "{cut}");
        }
        assert_eq!(Reader::new(&[0]).skip().unwrap_err().code(), 50811);
    }
}
