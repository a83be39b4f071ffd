//! Checking bytes from outside: after it, every read of the document succeeds.
//!
//! One pass, no recursion, no allocation at ordinary depth. Checked: lengths and terminators of every document,
//! string and binary; known type bytes; booleans 0 or 1; UTF-8 in names, strings, code and regular expressions;
//! nesting depth. Not checked: names of array elements, repeated names, `$` or `.` in names (rules of commands).

use smallvec::SmallVec;

use super::raw::RawDoc;
use super::repr::{length, scan_cstring};
use crate::limits::MAX_DOCUMENT_DEPTH;
use crate::{Code, Error, Result};

/// The document that `bytes` hold, no byte more or less, if it is valid and at most `max_bytes` long.
pub fn validate(bytes: &[u8], max_bytes: usize) -> Result<&RawDoc> {
    let (doc, rest) = validate_first(bytes, max_bytes)?;
    if !rest.is_empty() {
        return Err(invalid("BSON length doesn't match what we found"));
    }
    Ok(doc)
}

/// The valid document that `bytes` begin with, and the bytes behind it.
pub fn validate_first(bytes: &[u8], max_bytes: usize) -> Result<(&RawDoc, &[u8])> {
    let Some(len) = length(bytes).filter(|&len| len >= 5) else {
        return Err(invalid("BSON data has to be at least 5 bytes"));
    };
    if len > max_bytes {
        return Err(Error::new(
            Code::BSON_OBJECT_TOO_LARGE,
            format!("BSONObj size: {len} (0x{len:X}) is invalid. Size must be between 0 and {max_bytes}"),
        ));
    }
    let Some((doc, rest)) = bytes.split_at_checked(len) else {
        return Err(invalid("incorrect BSON length"));
    };
    match (Walk { bytes: doc, at: 4, name: 0..0 }).run() {
        Ok(()) => Ok((RawDoc::trusted(doc), rest)),
        Err((fault, name)) => Err(describe(doc, fault, name)),
    }
}

#[cold]
fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::INVALID_BSON, message)
}

#[cold]
fn describe(doc: &[u8], fault: Fault, name: std::ops::Range<usize>) -> Error {
    let field = String::from_utf8_lossy(doc.get(name).unwrap_or_default());
    match fault {
        Fault::TooDeep => {
            Error::new(Code::OVERFLOW, format!("BSONObj exceeds maximum nested object depth: {MAX_DOCUMENT_DEPTH}"))
        }
        Fault::Is(what) => invalid(format!("{what} in element with field name '{field}' in object with unknown _id")),
    }
}

/// What was wrong, without the cost of a message until one is needed.
enum Fault {
    Is(&'static str),
    TooDeep,
}

const TRUNCATED: Fault = Fault::Is("incorrect BSON length");
const UNTERMINATED: Fault = Fault::Is("not null terminated string");
const NOT_UTF8: Fault = Fault::Is("invalid UTF-8");

struct Walk<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Where the name of the element being read stands.
    name: std::ops::Range<usize>,
}

impl<'b> Walk<'b> {
    /// Walks to the end of the outermost document.
    fn run(mut self) -> Result<(), (Fault, std::ops::Range<usize>)> {
        match self.elements() {
            Ok(()) => Ok(()),
            Err(fault) => Err((fault, self.name)),
        }
    }

    fn elements(&mut self) -> Result<(), Fault> {
        // Ends (offset of the terminator) of the documents being walked, outermost first, but the innermost.
        let mut outer: SmallVec<[u32; 16]> = SmallVec::new();
        let mut end = self.bytes.len() - 1;
        loop {
            let type_byte = self.bytes[self.at];
            self.at += 1;
            if type_byte == 0 {
                if self.at != end + 1 {
                    return Err(Fault::Is("BSON length doesn't match what we found"));
                }
                match outer.pop() {
                    None => return Ok(()),
                    Some(previous) => {
                        end = previous as usize;
                        continue;
                    }
                }
            }
            if self.at > end {
                return Err(TRUNCATED);
            }
            self.read_name(end)?;
            match type_byte {
                0x10 => self.skip(4, end)?,
                0x02 | 0x0d | 0x0e => self.string(end)?,
                0x01 | 0x09 | 0x11 | 0x12 => self.skip(8, end)?,
                0x03 | 0x04 => {
                    let inner = self.frame(end)?;
                    if outer.len() + 1 >= MAX_DOCUMENT_DEPTH {
                        return Err(Fault::TooDeep);
                    }
                    outer.push(end as u32);
                    end = inner;
                }
                0x08 => {
                    if self.bytes[self.at] > 1 {
                        return Err(Fault::Is("BSON bool is neither false nor true"));
                    }
                    self.skip(1, end)?;
                }
                0x07 => self.skip(12, end)?,
                0x06 | 0x0a | 0x7f | 0xff => {}
                0x05 => self.binary(end)?,
                0x13 => self.skip(16, end)?,
                0x0b => {
                    self.cstring(end)?;
                    self.cstring(end)?;
                }
                0x0c => {
                    self.string(end)?;
                    self.skip(12, end)?;
                }
                0x0f => {
                    let whole = self.length(end)?;
                    let stop = self.at - 4 + whole;
                    if stop > end {
                        return Err(TRUNCATED);
                    }
                    self.string(stop)?;
                    if self.frame(stop)? + 1 != stop {
                        return Err(Fault::Is("incorrect BSON length of code with scope"));
                    }
                    if outer.len() + 1 >= MAX_DOCUMENT_DEPTH {
                        return Err(Fault::TooDeep);
                    }
                    outer.push(end as u32);
                    end = stop - 1;
                }
                _ => return Err(Fault::Is("Unrecognized BSON type")),
            }
        }
    }

    /// Moves over `count` bytes. Every document keeps its terminator at `end`, so a payload may reach up to it.
    #[inline(always)]
    fn skip(&mut self, count: usize, end: usize) -> Result<(), Fault> {
        self.at += count;
        if self.at <= end { Ok(()) } else { Err(TRUNCATED) }
    }

    /// The non-negative int32 at the cursor, which moves past it.
    #[inline(always)]
    fn length(&mut self, end: usize) -> Result<usize, Fault> {
        let len = self.bytes.get(self.at..end).and_then(length).ok_or(TRUNCATED)?;
        self.at += 4;
        Ok(len)
    }

    /// Enters a document: moves past its length and gives the offset of its terminator.
    #[inline(always)]
    fn frame(&mut self, end: usize) -> Result<usize, Fault> {
        let start = self.at;
        let len = self.length(end)?;
        if len < 5 || start + len > end {
            return Err(TRUNCATED);
        }
        Ok(start + len - 1)
    }

    #[inline(always)]
    fn string(&mut self, end: usize) -> Result<(), Fault> {
        let len = self.length(end)?;
        let start = self.at;
        if len == 0 {
            return Err(UNTERMINATED);
        }
        self.skip(len, end)?;
        if self.bytes[self.at - 1] != 0 {
            return Err(UNTERMINATED);
        }
        check_utf8(&self.bytes[start..self.at - 1])
    }

    #[inline(always)]
    fn binary(&mut self, end: usize) -> Result<(), Fault> {
        let len = self.length(end)?;
        let start = self.at;
        self.skip(1 + len, end)?;
        let old_form = self.bytes[start] == 2;
        if old_form && length(&self.bytes[start + 1..self.at]).is_none_or(|inner| inner + 4 != len) {
            return Err(Fault::Is("incorrect length of binary data of subtype 2"));
        }
        Ok(())
    }

    /// A NUL-terminated text.
    #[inline(always)]
    fn cstring(&mut self, end: usize) -> Result<(), Fault> {
        let text = self.bytes.get(self.at..end).ok_or(TRUNCATED)?;
        let (len, ascii) = scan_cstring(text).ok_or(UNTERMINATED)?;
        if !ascii {
            check_utf8(&text[..len])?;
        }
        self.at += len + 1;
        Ok(())
    }

    #[inline(always)]
    fn read_name(&mut self, end: usize) -> Result<(), Fault> {
        let start = self.at;
        self.cstring(end)?;
        self.name = start..self.at - 1;
        Ok(())
    }
}

#[inline(always)]
fn check_utf8(bytes: &[u8]) -> Result<(), Fault> {
    if std::str::from_utf8(bytes).is_ok() { Ok(()) } else { Err(NOT_UTF8) }
}

#[cfg(test)]
mod tests {
    use super::super::{DocBuf, Value};
    use super::*;

    const LIMIT: usize = crate::limits::MAX_USER_DOCUMENT_BYTES;

    fn framed(elements: &[u8]) -> Vec<u8> {
        let len = i32::try_from(elements.len() + 5).unwrap();
        [&len.to_le_bytes()[..], elements, &[0]].concat()
    }

    #[test]
    fn accepts_every_type() {
        for elements in [
            &b""[..],
            b"\x01a\0\0\0\0\0\0\0\0\0",
            b"\x02a\0\x02\0\0\0x\0",
            b"\x03a\0\x05\0\0\0\0",
            b"\x04a\0\x05\0\0\0\0",
            b"\x05a\0\x01\0\0\0\0x",
            b"\x05a\0\x05\0\0\0\x02\x01\0\0\0x",
            b"\x06a\0",
            b"\x07a\0abcdefghijkl",
            b"\x08a\0\x01",
            b"\x09a\0\0\0\0\0\0\0\0\0",
            b"\x0aa\0",
            b"\x0ba\0x\0i\0",
            b"\x0ca\0\x02\0\0\0x\0abcdefghijkl",
            b"\x0da\0\x02\0\0\0x\0",
            b"\x0ea\0\x02\0\0\0x\0",
            b"\x0fa\0\x0f\0\0\0\x02\0\0\0x\0\x05\0\0\0\0",
            b"\x10a\0\0\0\0\0",
            b"\x11a\0\0\0\0\0\0\0\0\0",
            b"\x12a\0\0\0\0\0\0\0\0\0",
            b"\x13a\0abcdefghijklmnop",
            b"\x7fa\0",
            b"\xffa\0",
            "\x0anäme-longer-than-eight\0".as_bytes(),
        ] {
            let bytes = framed(elements);
            let doc = validate(&bytes, LIMIT).unwrap_or_else(|error| panic!("{elements:?}: {error}"));
            let mut iter = doc.iter();
            assert_eq!(iter.by_ref().count(), usize::from(!elements.is_empty()), "{elements:?}");
            assert!(iter.is_complete());
        }
    }

    #[test]
    fn refuses_malformed_elements() {
        for elements in [
            &b"\x01a\0\0\0\0\0\0\0\0"[..],
            b"\x02a\0\0\0\0\0",
            b"\x02a\0\x02\0\0\0xx",
            b"\x02a\0\x03\0\0\0x\0",
            b"\x02a\0\xff\xff\xff\xffx\0",
            b"\x02a\0\x02\0\0\0\xff\0",
            b"\x03a\0\x04\0\0\0\0",
            b"\x03a\0\x06\0\0\0\0",
            b"\x03a\0\x06\0\0\0\0\0",
            b"\x05a\0\x05\0\0\0\x02\x02\0\0\0x",
            b"\x05a\0\x01\0\0\0\x02x",
            b"\x05a\0\x02\0\0\0\0x",
            b"\x08a\0\x02",
            b"\x0ba\0x\0i",
            b"\x0fa\0\x10\0\0\0\x02\0\0\0x\0\x05\0\0\0\0",
            b"\x0fa\0\x0f\0\0\0\x01\0\0\0\0\x05\0\0\0\0\0",
            b"\x14a\0",
            b"\x0aa",
            b"\x0a\xff\0",
            b"\x0a",
        ] {
            let error = validate(&framed(elements), LIMIT).expect_err(&format!("{elements:?}"));
            assert_eq!(error.code(), Code::INVALID_BSON, "{elements:?}");
        }
        for bytes in [&b""[..], b"\x05\0\0", b"\x04\0\0\0", b"\x05\0\0\0\x01", b"\x06\0\0\0\0", b"\x05\0\0\0\0\0"] {
            assert_eq!(validate(bytes, LIMIT).unwrap_err().code(), Code::INVALID_BSON, "{bytes:?}");
        }
    }

    #[test]
    fn depth_and_size_are_limited() {
        let nested = |levels: usize| {
            let mut bytes = framed(b"");
            for _ in 1..levels {
                bytes = framed(&[b"\x03a\0", &bytes[..]].concat());
            }
            bytes
        };
        assert!(validate(&nested(MAX_DOCUMENT_DEPTH), LIMIT).is_ok());
        assert_eq!(validate(&nested(MAX_DOCUMENT_DEPTH + 1), LIMIT).unwrap_err().code(), Code::OVERFLOW);
        assert_eq!(validate(&nested(4), 16).unwrap_err().code(), Code::BSON_OBJECT_TOO_LARGE);
    }

    #[test]
    fn the_field_is_named() {
        let error = validate(&framed(b"\x0aa\0\x14bad\0"), LIMIT).unwrap_err();
        assert!(error.message().contains("'bad'"), "{error}");
    }

    #[test]
    fn a_sequence_is_taken_one_by_one() {
        let first = DocBuf::build(|d| d.value("a", Value::int32(1)));
        let bytes = [first.as_bytes(), RawDoc::EMPTY.as_bytes()].concat();
        let (doc, rest) = validate_first(&bytes, LIMIT).unwrap();
        assert_eq!((doc, rest), (first.as_doc(), RawDoc::EMPTY.as_bytes()));
    }
}
