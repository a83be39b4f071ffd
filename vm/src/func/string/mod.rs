//! Strings: joining, cutting, searching, trimming, replacing, and changing case.
//!
//! Letters change case in ASCII only, as in mongod. Operators that take "anything" (`$toLower`, `$substr`, `$strcasecmp`)
//! first write numbers and dates as text ([`coerce`]); the others want strings.
//!
//! Strings are treated as bytes that are meant to be UTF-8: a byte that begins a character counts as one code point, so
//! even text that is not UTF-8 has a length and places.

mod coerce;
mod rows;
mod search;
mod substring;
mod trim;

use bumpalo::Bump;
use smallvec::SmallVec;

use self::coerce::coerce;
pub use self::rows::FUNCTIONS;
use super::build;
use crate::error::{Error, Result};
use crate::value::Value;

/// Whether a byte continues a character.
pub(crate) fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// How many characters begin in `bytes`.
pub(crate) fn code_points(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| !is_continuation(**byte)).count()
}

/// Where the `index`-th character begins; `None` when there are fewer. The end counts as the beginning of one more.
fn code_point_offset(bytes: &[u8], index: usize) -> Option<usize> {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| !is_continuation(**byte)).map(|(at, _)| at);
    starts.chain([bytes.len()]).nth(index)
}

/// A string's length, as an int32; no document holds a longer one.
fn length(value: usize) -> Value<'static> {
    Value::int32(i32::try_from(value).unwrap_or(i32::MAX))
}

fn concat<'d>(arena: &'d Bump, args: &[Value<'d>]) -> Result<Value<'d>> {
    let mut parts: SmallVec<[&[u8]; 8]> = SmallVec::new();
    for arg in args {
        if arg.is_nullish() {
            return Ok(Value::NULL);
        }
        let Some(bytes) = arg.as_str_bytes() else {
            let message = format!("$concat only supports strings, not {}", arg.tag().name());
            return Err(Error::location(16702, message));
        };
        parts.push(bytes);
    }
    match parts[..] {
        [only] => Ok(Value::string_bytes(only)),
        _ => build::string_of(arena, &parts),
    }
}

fn change_case<'d>(arena: &'d Bump, args: &[Value<'d>], change: fn(&mut [u8])) -> Result<Value<'d>> {
    let &[value] = args else { return Ok(Value::NULL) };
    let bytes = arena.alloc_slice_copy(&coerce(value)?);
    change(bytes);
    Ok(Value::string_bytes(bytes))
}

fn compare_ignoring_case<'d>(args: &[Value<'d>]) -> Result<Value<'d>> {
    let &[left, right] = args else { return Ok(Value::NULL) };
    let (left, right) = (coerce(left)?.to_ascii_uppercase(), coerce(right)?.to_ascii_uppercase());
    Ok(Value::int32(left.cmp(&right) as i32))
}

/// `$strLenBytes` and `$strLenCP`.
fn measure<'d>(args: &[Value<'d>], op: &str, code: i32, measure: fn(&[u8]) -> usize) -> Result<Value<'d>> {
    let &[value] = args else { return Ok(Value::NULL) };
    match value.as_str_bytes() {
        Some(bytes) => Ok(length(measure(bytes))),
        None => {
            let message = format!("{op} requires a string argument, found: {}", value.tag().name());
            Err(Error::location(code, message))
        }
    }
}

fn split<'d>(arena: &'d Bump, args: &[Value<'d>]) -> Result<Value<'d>> {
    let &[text, separator] = args else { return Ok(Value::NULL) };
    if text.is_nullish() || separator.is_nullish() {
        return Ok(Value::NULL);
    }
    let string = |value: Value<'d>, code, which| {
        value.as_str_bytes().ok_or_else(|| {
            let kind = value.tag().name();
            let message = format!(
                "$split requires an expression that evaluates to a string as a {which} argument, found: {kind}"
            );
            Error::location(code, message)
        })
    };
    let text = string(text, 40085, "first")?;
    let separator = string(separator, 10_503_900, "second")?;
    if separator.is_empty() {
        return Err(Error::location(40087, "$split requires a non-empty separator"));
    }
    build::array(arena, |array| {
        let mut start = 0;
        for found in memchr::memmem::find_iter(text, separator) {
            array.value(Value::string_bytes(&text[start..found]));
            start = found + separator.len();
        }
        array.value(Value::string_bytes(&text[start..]));
        Ok(())
    })
}
