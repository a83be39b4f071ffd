//! `$indexOfBytes`, `$indexOfCP`, `$replaceOne`, `$replaceAll`.

use bumpalo::Bump;
use memchr::memmem;

use super::{code_point_offset, code_points, is_continuation, length};
use crate::error::{Error, Result};
use crate::func::build;
use crate::func::convert::integer;
use crate::func::display::describe;
use crate::value::Value;

/// What the two searches differ in.
pub(super) struct Search {
    /// The operator.
    pub op: &'static str,
    /// The codes for a first and a second argument that is no string.
    pub codes: [i32; 2],
    /// Whether places are counted in code points.
    pub by_code_points: bool,
}

pub(super) fn index_of<'d>(args: &[Value<'d>], search: &Search) -> Result<Value<'d>> {
    let Search { op, codes, by_code_points } = search;
    let (Some(&text), Some(&wanted)) = (args.first(), args.get(1)) else { return Ok(Value::NULL) };
    if text.is_nullish() {
        return Ok(Value::NULL);
    }
    let string = |value: Value<'d>, code: i32, which| {
        value.as_str_bytes().ok_or_else(|| {
            let kind = value.tag().name();
            Error::location(code, format!("{op} requires a string as the {which} argument, found: {kind}"))
        })
    };
    let text = string(text, codes[0], "first")?;
    let wanted = string(wanted, codes[1], "second")?;
    let start = args.get(2).map_or(Ok(0), |value| place(*value, op, "starting index"))?;
    let end = args.get(3).map_or(Ok(usize::MAX), |value| place(*value, op, "ending index"))?;
    let byte_offset = |place| if *by_code_points { code_point_offset(text, place) } else { Some(place) };
    let end = byte_offset(end).unwrap_or(text.len()).min(text.len());
    let found = match byte_offset(start) {
        Some(start) if start <= end => memmem::find(&text[start..end], wanted).map(|at| start + at),
        _ => None,
    };
    Ok(match found {
        None => Value::int32(-1),
        Some(at) if *by_code_points => length(code_points(&text[..at])),
        Some(at) => length(at),
    })
}

fn place(value: Value<'_>, op: &str, what: &str) -> Result<usize> {
    let Some(number) = integer::exact_i32(value) else {
        let (kind, shown) = (value.tag().name(), describe(value));
        let message =
            format!("{op} requires an integral {what}, found a value of type: {kind}, with value: \"{shown}\"");
        return Err(Error::location(40096, message));
    };
    usize::try_from(number)
        .map_err(|_| Error::location(40097, format!("{op} requires a nonnegative {what}, found: {number}")))
}

pub(super) fn replace<'d>(arena: &'d Bump, args: &[Value<'d>], op: &str, all: bool) -> Result<Value<'d>> {
    let &[input, find, replacement] = args else { return Ok(Value::NULL) };
    let string = |value: Value<'d>, code: i32, name| match value.as_str_bytes() {
        None if !value.is_nullish() => {
            let shown = describe(value);
            Err(Error::location(code, format!("{op} requires that '{name}' be a string, found: {shown}")))
        }
        text => Ok(text),
    };
    let input = string(input, 10503904, "input")?;
    let find = string(find, 10503901, "find")?;
    let replacement = string(replacement, 10503902, "replacement")?;
    let (Some(input), Some(find), Some(replacement)) = (input, find, replacement) else { return Ok(Value::NULL) };
    let places = places(input, find, if all { usize::MAX } else { 1 });
    if places.is_empty() {
        return Ok(Value::string_bytes(input));
    }
    let mut parts = Vec::with_capacity(places.len() * 2 + 1);
    let mut copied = 0;
    for place in places {
        parts.extend([&input[copied..place], replacement]);
        copied = place + find.len();
    }
    parts.push(&input[copied..]);
    build::string_of(arena, &parts)
}

/// Where `find` stands in `input`, without overlaps. The empty string stands before every character and at the end.
fn places(input: &[u8], find: &[u8], most: usize) -> Vec<usize> {
    if find.is_empty() {
        let starts = (0..=input.len()).filter(|at| !input.get(*at).is_some_and(|byte| is_continuation(*byte)));
        return starts.take(most).collect();
    }
    memmem::find_iter(input, find).take(most).collect()
}
