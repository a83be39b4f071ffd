//! `$substrBytes` (and its old name `$substr`) and `$substrCP`.

use std::borrow::Cow;

use bumpalo::Bump;

use super::coerce::coerce;
use super::{code_point_offset, is_continuation};
use crate::error::{Error, Result};
use crate::func::build;
use crate::func::convert::integer;
use crate::func::display::describe;
use crate::value::Value;

pub(super) fn by_bytes<'d>(arena: &'d Bump, args: &[Value<'d>]) -> Result<Value<'d>> {
    let &[text, start, count] = args else { return Ok(Value::NULL) };
    let text = coerce(text)?;
    let numeric = |value: Value<'_>, code, what| {
        if value.is_number() {
            return Ok(integer::coerced_i64(value));
        }
        let kind = value.tag().name();
        Err(Error::location(code, format!("$substrBytes:  {what} must be a numeric type (is BSON type {kind})")))
    };
    let start = numeric(start, 16034, "starting index")?;
    let count = numeric(count, 16035, "length")?;
    let Ok(start) = usize::try_from(start) else {
        let message = format!("$substrBytes:  starting index must be non-negative (got: {start})");
        return Err(Error::location(50752, message));
    };
    // A negative length means the rest of the string.
    let count = usize::try_from(count).unwrap_or(text.len());
    let end = start.saturating_add(count).min(text.len());
    if text.get(start).is_some_and(|byte| is_continuation(*byte)) {
        let message = "$substrBytes:  Invalid range, starting index is a UTF-8 continuation byte.";
        return Err(Error::location(28656, message));
    }
    if start <= end && text.get(end).is_some_and(|byte| is_continuation(*byte)) {
        let message = "$substrBytes:  Invalid range, ending index is in the middle of a UTF-8 character.";
        return Err(Error::location(28657, message));
    }
    Ok(cut(arena, text, start, end))
}

pub(super) fn by_code_points<'d>(arena: &'d Bump, args: &[Value<'d>]) -> Result<Value<'d>> {
    let &[text, start, count] = args else { return Ok(Value::NULL) };
    let text = coerce(text)?;
    let integral = |value: Value<'_>, codes: [i32; 2], what| {
        if !value.is_number() {
            let kind = value.tag().name();
            let message = format!("$substrCP: {what} must be a numeric type (is BSON type {kind})");
            return Err(Error::location(codes[0], message));
        }
        integer::exact_i32(value).ok_or_else(|| {
            let shown = describe(value);
            let message = format!("$substrCP: {what} cannot be represented as a 32-bit integral value: {shown}");
            Error::location(codes[1], message)
        })
    };
    let start = integral(start, [34450, 34451], "starting index")?;
    let count = integral(count, [34452, 34453], "length")?;
    let Ok(count) = usize::try_from(count) else {
        return Err(Error::location(34454, "$substrCP: length must be a nonnegative integer."));
    };
    let Ok(start) = usize::try_from(start) else {
        return Err(Error::location(34455, "$substrCP: the starting index must be nonnegative integer."));
    };
    let first = code_point_offset(&text, start).unwrap_or(text.len());
    let end = first + code_point_offset(&text[first..], count).unwrap_or(text.len() - first);
    Ok(cut(arena, text, first, end))
}

/// `text[start..end]`, empty where that does not lie within the text.
fn cut<'d>(arena: &'d Bump, text: Cow<'d, [u8]>, start: usize, end: usize) -> Value<'d> {
    match text {
        Cow::Borrowed(bytes) => Value::string_bytes(bytes.get(start..end).unwrap_or_default()),
        Cow::Owned(bytes) => build::string(arena, bytes.get(start..end).unwrap_or_default()),
    }
}
