//! `$trim`, `$ltrim`, `$rtrim`.

use crate::error::{Error, Result};
use crate::func::display::describe;
use crate::value::Value;

/// What is trimmed when the request does not say: whitespace as mongod's manual lists it, NUL among it.
const WHITESPACE: [char; 20] = [
    '\0', '\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2001}', '\u{2002}',
    '\u{2003}', '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}', '\u{200a}',
];

/// Which ends are trimmed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Left,
    Right,
    Both,
}

pub(super) fn trim<'d>(args: &[Value<'d>], op: &str, ends: Ends) -> Result<Value<'d>> {
    let &[input, chars] = args else { return Ok(Value::NULL) };
    if input.is_nullish() {
        return Ok(Value::NULL);
    }
    let string = |value: Value<'d>, code: i32, what| {
        value.as_str().ok_or_else(|| {
            let (kind, shown) = (value.tag().name(), describe(value));
            Error::location(code, format!("{op} requires {what} to be a string, got {shown} (of type {kind}) instead."))
        })
    };
    let input = string(input, 50699, "its input")?;
    if chars.is_nothing() {
        return Ok(Value::string(cut(input, ends, |char| WHITESPACE.contains(&char))));
    }
    if chars.is_nullish() {
        return Ok(Value::NULL);
    }
    let chars = string(chars, 50700, "'chars'")?;
    Ok(Value::string(cut(input, ends, |char| chars.contains(char))))
}

fn cut(text: &str, ends: Ends, unwanted: impl Fn(char) -> bool) -> &str {
    let text = if ends == Ends::Right { text } else { text.trim_start_matches(&unwanted) };
    if ends == Ends::Left { text } else { text.trim_end_matches(&unwanted) }
}
