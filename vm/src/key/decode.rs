//! Key bytes and type bits back to values.
//!
//! Keys come from storage. Damaged ones give errors, never panics and never unbounded recursion.

use super::{Bound, Direction, class, number};
use crate::limits::MAX_DOCUMENT_DEPTH;
use crate::value::{Buf, DocWriter, Tag, Value};
use crate::{Code, Error, Result};

/// What a key that no encoder wrote gives.
#[cold]
pub(super) fn corrupt() -> Error {
    Error::new(Code::INTERNAL_ERROR, "Corrupt index key")
}

/// Bytes read from the front, inverted on demand.
pub(super) struct Reader<'k> {
    bytes: &'k [u8],
    mask: u8,
}

impl<'k> Reader<'k> {
    pub(super) fn invert_if(&mut self, invert: bool) {
        if invert {
            self.mask = !self.mask;
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        let (&first, rest) = self.bytes.split_first().ok_or_else(corrupt)?;
        self.bytes = rest;
        Ok(first ^ self.mask)
    }

    pub(super) fn chunk<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (chunk, rest) = self.bytes.split_first_chunk::<N>().ok_or_else(corrupt)?;
        self.bytes = rest;
        Ok(chunk.map(|byte| byte ^ self.mask))
    }

    /// The next byte; type bits have their trailing zeros cut off.
    pub(super) fn byte_or_zero(&mut self) -> u8 {
        self.byte().unwrap_or(0)
    }

    /// The next bytes, with zeros for those that were cut off.
    pub(super) fn chunk_or_zeros<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte_or_zero())
    }

    fn append(&mut self, len: usize, out: &mut Vec<u8>) -> Result<()> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or_else(corrupt)?;
        self.bytes = rest;
        let start = out.len();
        out.extend_from_slice(taken);
        out[start..].iter_mut().for_each(|byte| *byte ^= self.mask);
        Ok(())
    }

    /// Appends the bytes up to a 00, which is taken too.
    fn append_terminated(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let len = memchr::memchr(self.mask, self.bytes).ok_or_else(corrupt)?;
        self.append(len, out)?;
        self.byte().map(drop)
    }

    /// Appends a text whose 00 bytes are escaped.
    fn append_text(&mut self, out: &mut Vec<u8>) -> Result<()> {
        loop {
            self.append_terminated(out)?;
            if self.bytes.first() != Some(&!self.mask) {
                return Ok(());
            }
            self.byte()?;
            out.push(0);
        }
    }
}

/// Reads the fields of one key, in order.
pub struct KeyDecoder<'k> {
    key: Reader<'k>,
    types: Reader<'k>,
    payload: Vec<u8>,
}

impl<'k> KeyDecoder<'k> {
    /// Begins to read a key.
    pub fn new(key: &'k [u8], type_bits: &'k [u8]) -> Self {
        Self { key: Reader { bytes: key, mask: 0 }, types: Reader { bytes: type_bits, mask: 0 }, payload: Vec::new() }
    }

    /// Reads a field and appends it to a document under `name`. A missing value appends nothing.
    pub fn field<B: Buf + ?Sized>(
        &mut self,
        direction: Direction,
        name: &str,
        out: &mut DocWriter<'_, B>,
    ) -> Result<()> {
        self.with_field(direction, |value| out.value(name, value))
    }

    /// Reads a field and gives its value to `with`.
    pub fn with_field<R>(&mut self, direction: Direction, with: impl FnOnce(Value<'_>) -> R) -> Result<R> {
        self.key.mask = if direction == Direction::Descending { 0xff } else { 0 };
        let class = self.key.byte()?;
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        let result = match self.content(class, &mut payload, 0) {
            Ok(Tag::Nothing) => Ok(with(Value::NOTHING)),
            Ok(tag) => Value::decode(tag as u8, &payload).map(|(value, _)| with(value)).ok_or_else(corrupt),
            Err(error) => Err(error),
        };
        self.payload = payload;
        result
    }

    /// The bytes of the key that have not been read yet.
    pub fn rest(&self) -> &'k [u8] {
        self.key.bytes
    }

    /// Passes over a field.
    pub fn skip(&mut self, direction: Direction) -> Result<()> {
        self.with_field(direction, |_| ())
    }

    /// Reads the byte that ends the fields, and gives what lies behind it.
    pub fn finish(mut self) -> Result<(Bound, &'k [u8])> {
        self.key.mask = 0;
        let bound = match self.key.byte()? {
            0x01 => Bound::Less,
            0x04 => Bound::Equal,
            0xfe => Bound::Greater,
            _ => return Err(corrupt()),
        };
        Ok((bound, self.key.bytes))
    }

    /// Reads what follows a class byte; the payload is appended in BSON's encoding.
    fn content(&mut self, class: u8, out: &mut Vec<u8>, depth: usize) -> Result<Tag> {
        if depth > MAX_DOCUMENT_DEPTH {
            return Err(corrupt());
        }
        if let Some(number) = number::decode(class, &mut self.key)? {
            return number::restore(number, &mut self.types, |value| {
                value.write_payload(out);
                value.tag()
            });
        }
        Ok(match class {
            class::MIN_KEY => Tag::MinKey,
            class::UNDEFINED => match self.types.byte_or_zero() {
                0 => Tag::Undefined,
                _ => Tag::Nothing,
            },
            class::NULL => Tag::Null,
            class::STRING => {
                let tag = if self.types.byte_or_zero() == 0 { Tag::String } else { Tag::Symbol };
                self.text(out)?;
                tag
            }
            class::DOCUMENT => {
                self.elements(out, depth, true)?;
                Tag::Document
            }
            class::ARRAY => {
                self.elements(out, depth, false)?;
                Tag::Array
            }
            class::BINARY => {
                let len = u32::from_be_bytes(self.key.chunk()?);
                out.extend_from_slice(&len.to_le_bytes());
                self.key.append(1 + len as usize, out)?;
                Tag::Binary
            }
            class::OBJECT_ID => {
                self.key.append(12, out)?;
                Tag::ObjectId
            }
            class::BOOL => {
                self.key.append(1, out)?;
                Tag::Bool
            }
            class::DATE => {
                let millis = i64::from_be_bytes(self.key.chunk()?) ^ i64::MIN;
                out.extend_from_slice(&millis.to_le_bytes());
                Tag::DateTime
            }
            class::TIMESTAMP => {
                let bits = u64::from_be_bytes(self.key.chunk()?);
                out.extend_from_slice(&bits.to_le_bytes());
                Tag::Timestamp
            }
            class::REGEX => {
                self.key.append_terminated(out)?;
                out.push(0);
                self.key.append_terminated(out)?;
                out.push(0);
                Tag::Regex
            }
            class::DB_POINTER => {
                let len = u32::from_be_bytes(self.key.chunk()?);
                out.extend_from_slice(&len.checked_add(1).ok_or_else(corrupt)?.to_le_bytes());
                self.key.append(len as usize, out)?;
                out.push(0);
                self.key.append(12, out)?;
                Tag::DbPointer
            }
            class::CODE => {
                self.text(out)?;
                Tag::JavaScript
            }
            class::CODE_WITH_SCOPE => {
                let start = out.len();
                out.extend_from_slice(&[0; 4]);
                self.text(out)?;
                self.elements(out, depth, true)?;
                patch_length(out, start, out.len() - start)?;
                Tag::JavaScriptWithScope
            }
            class::MAX_KEY => Tag::MaxKey,
            _ => return Err(corrupt()),
        })
    }

    /// Reads a text; it is appended with its length before and a NUL behind.
    fn text(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        self.key.append_text(out)?;
        out.push(0);
        patch_length(out, start, out.len() - start - 4)
    }

    /// Reads the elements of a document (`named`) or array up to its end.
    fn elements(&mut self, out: &mut Vec<u8>, depth: usize, named: bool) -> Result<()> {
        let start = out.len();
        out.extend_from_slice(&[0; 4]);
        for index in 0u32.. {
            let mut class = self.key.byte()?;
            if class == 0 {
                break;
            }
            let type_at = out.len();
            out.push(0);
            if named {
                self.key.append_terminated(out)?;
                if class == class::NUMBER {
                    class = self.key.byte()?;
                }
            } else {
                out.extend_from_slice(index.to_string().as_bytes());
            }
            out.push(0);
            match self.content(class, out, depth + 1)? {
                Tag::Nothing => return Err(corrupt()),
                tag => out[type_at] = tag as u8,
            }
        }
        out.push(0);
        patch_length(out, start, out.len() - start)
    }
}

fn patch_length(out: &mut Vec<u8>, at: usize, len: usize) -> Result<()> {
    out.patch_i32(at, i32::try_from(len).map_err(|_| corrupt())?);
    Ok(())
}
