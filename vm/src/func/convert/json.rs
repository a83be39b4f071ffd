//! JSON texts as arrays and objects.
//!
//! Strict RFC 8259: no comments, no trailing commas. Extended JSON wrappers are ordinary objects here. Of fields with one
//! name the last value stays, at the place of the first. Integers become int or long, or double beyond 64 bits.

use super::conversion_failure;
use crate::error::{Error, Result};
use crate::limits::MAX_DOCUMENT_DEPTH;
use crate::value::{ArrayWriter, Buf, DocWriter, Value};

/// A parsed JSON value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    String(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// The array or object a text denotes.
pub(super) fn parse(text: &str) -> Result<Json> {
    let mut parser = Parser { text, at: 0 };
    parser.skip_space();
    if !matches!(parser.peek(), Some(b'[' | b'{')) && parser.value(0).is_ok() {
        return Err(invalid("Unexpected standalone value"));
    }
    parser.at = 0;
    parser.skip_space();
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(invalid("Unexpected trailing content"));
    }
    Ok(value)
}

fn invalid(reason: &str) -> Error {
    conversion_failure(format!("Input doesn't represent valid JSON: {reason}"))
}

impl Json {
    /// Appends the value to a document.
    pub(super) fn write_field<B: Buf>(&self, doc: &mut DocWriter<'_, B>, name: &str) {
        match self {
            Json::Array(items) => doc.array(name, |array| items.iter().for_each(|item| item.write_item(array))),
            Json::Object(fields) => {
                doc.document(name, |inner| fields.iter().for_each(|(name, value)| value.write_field(inner, name)))
            }
            scalar => doc.value(name, scalar.scalar()),
        }
    }

    /// Appends the value to an array.
    pub(super) fn write_item<B: Buf>(&self, array: &mut ArrayWriter<'_, B>) {
        match self {
            Json::Array(items) => array.array(|inner| items.iter().for_each(|item| item.write_item(inner))),
            Json::Object(fields) => {
                array.document(|inner| fields.iter().for_each(|(name, value)| value.write_field(inner, name)))
            }
            scalar => array.value(scalar.scalar()),
        }
    }

    fn scalar(&self) -> Value<'_> {
        match self {
            Json::Bool(flag) => Value::bool(*flag),
            Json::Int(number) => Value::integer(*number),
            Json::Double(number) => Value::double(*number),
            Json::String(text) => Value::string(text),
            Json::Null | Json::Array(_) | Json::Object(_) => Value::NULL,
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(invalid("Invalid value."));
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > MAX_DOCUMENT_DEPTH {
            return Err(invalid("Nesting is too deep"));
        }
        match self.peek() {
            None => Err(invalid("The document is empty.")),
            Some(b'n') => self.word("null", Json::Null),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'"') => self.string().map(Json::String),
            Some(b'[') => self.array(depth),
            Some(b'{') => self.object(depth),
            Some(_) => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Json::Array(items));
            }
            if !self.take(b',') {
                return Err(invalid("Missing a comma or ] after an array element."));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json> {
        self.at += 1;
        let mut fields: Vec<(String, Json)> = Vec::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Json::Object(fields));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err(invalid("Missing a name for object member."));
            }
            let name = self.string()?;
            if name.contains('\0') {
                return Err(invalid("Illegal embedded null byte"));
            }
            self.skip_space();
            if !self.take(b':') {
                return Err(invalid("Missing a colon after a name of object member."));
            }
            self.skip_space();
            let value = self.value(depth + 1)?;
            match fields.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => fields.push((name, value)),
            }
            self.skip_space();
            if self.take(b'}') {
                return Ok(Json::Object(fields));
            }
            if !self.take(b',') {
                return Err(invalid("Missing a comma or } after an object member."));
            }
        }
    }

    fn number(&mut self) -> Result<Json> {
        let start = self.at;
        self.take(b'-');
        let whole = self.digits();
        let leading_zero = whole > 1 && self.text.as_bytes()[self.at - whole] == b'0';
        let fraction = self.take(b'.').then(|| self.digits());
        let exponent = matches!(self.peek(), Some(b'e' | b'E')).then(|| {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()
        });
        if whole == 0 || leading_zero || fraction == Some(0) || exponent == Some(0) {
            return Err(invalid("Invalid value."));
        }
        let text = &self.text[start..self.at];
        if fraction.is_none()
            && exponent.is_none()
            && let Ok(number) = text.parse()
        {
            return Ok(Json::Int(number));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Json::Double(number)),
            _ => Err(invalid("Number too big to be stored in double.")),
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|char: char| char == '"' || char == '\\' || char < ' ').unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(invalid("Invalid encoding in string.")),
                None => return Err(invalid("Missing a closing quotation mark in string.")),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let letter = self.text.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(plain @ (b'"' | b'\\' | b'/')) => plain as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.unit()?;
                let pair = (0xD800..0xDC00).contains(&first) && self.take(b'\\') && self.take(b'u');
                let code = if pair {
                    let second = self.unit()?.checked_sub(0xDC00).filter(|low| *low < 0x400);
                    second.map(|low| 0x10000 + ((first - 0xD800) << 10) + low)
                } else {
                    Some(first)
                };
                code.and_then(char::from_u32).ok_or_else(|| invalid("The surrogate pair in string is invalid."))?
            }
            _ => return Err(invalid("Invalid escape character in string.")),
        })
    }

    fn unit(&mut self) -> Result<u32> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        unit.ok_or_else(|| invalid("Incorrect hex digit after \\u escape in string."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let object = |fields: &[(&str, Json)]| {
            Json::Object(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
        };
        for (text, expected) in [
            ("[1, 2, 3]", Json::Array(vec![Json::Int(1), Json::Int(2), Json::Int(3)])),
            (" [ ] ", Json::Array(vec![])),
            (r#"{"a": 1, "b": 2, "a": 3}"#, object(&[("a", Json::Int(3)), ("b", Json::Int(2))])),
            (r#"{"x": 1.2e+3}"#, object(&[("x", Json::Double(1200.0))])),
            (r#"{"x": 18446744073709551615}"#, object(&[("x", Json::Double(18_446_744_073_709_551_615.0))])),
            (r#"{"x": "fo\u0000\ud83d\ude00"}"#, object(&[("x", Json::String("fo\0😀".to_owned()))])),
            (r#"[null, true, {"$oid": "5"}]"#, {
                let oid = object(&[("$oid", Json::String("5".to_owned()))]);
                Json::Array(vec![Json::Null, Json::Bool(true), oid])
            }),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn texts_that_are_not_json() {
        let deep = "[".repeat(300);
        for text in [
            "",
            "123",
            "\"x\"",
            "asdf",
            "[1,]",
            "[1 2]",
            "{\"a\"}",
            "{a: 1}",
            "{\"a\": 01}",
            "[1] 2",
            "[-]",
            "[1.]",
            "[\"\\x\"]",
            "[\"\\ud800\"]",
            "[\"",
            "[\"\\u12",
            "[\"\\",
            "[\"\\u00é0\"]",
            "{\"na\\u0000me\": 1}",
            "[// c\n1]",
            "[1e999]",
            &deep,
        ] {
            assert_eq!(parse(text).unwrap_err().code().0, 241, "{text}");
        }
    }
}
