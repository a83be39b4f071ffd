//! The writers: one walk over a value, three notations.

use std::fmt::{self, Write};

use super::super::raw::{RawDoc, RawIter};
use super::super::repr::{Value, View};
use super::{base64, format_date};

/// How typed values are spelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Notation {
    /// Extended JSON v2, every type kept.
    Canonical,
    /// Extended JSON v2, numbers and dates as plain JSON reads them; int64 and int32 look alike.
    Relaxed,
    /// The shell's: unquoted names, constructors, every type kept.
    Shell,
}

/// The text of `value`. The absent value has no JSON; it is written as the word `missing`.
pub fn to_string(value: Value<'_>, notation: Notation) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, value, notation);
    text
}

/// The canonical extended JSON of `value`.
pub fn to_string_canonical(value: Value<'_>) -> String {
    to_string(value, Notation::Canonical)
}

/// The relaxed extended JSON of `value`.
pub fn to_string_relaxed(value: Value<'_>) -> String {
    to_string(value, Notation::Relaxed)
}

/// `value` in the shell's notation.
pub fn to_string_shell(value: Value<'_>) -> String {
    to_string(value, Notation::Shell)
}

/// Writes the text of `value`.
pub fn write<W: Write + ?Sized>(out: &mut W, value: Value<'_>, notation: Notation) -> fmt::Result {
    let mut writer = Writer { out, notation, stack: Vec::new() };
    writer.value(value)?;
    // Containers are walked with a stack of our own, so that no nesting can exhaust the thread's.
    while let Some(open) = writer.stack.last_mut() {
        let Some(element) = open.elements.next() else {
            let close = open.close;
            writer.stack.pop();
            writer.out.write_str(close)?;
            continue;
        };
        let (named, first) = (open.named, std::mem::take(&mut open.first));
        if !first {
            writer.out.write_str(if notation == Notation::Shell { ", " } else { "," })?;
        }
        if named {
            writer.name(element.name())?;
        }
        writer.value(element.value())?;
    }
    Ok(())
}

struct Open<'d> {
    elements: RawIter<'d>,
    named: bool,
    first: bool,
    close: &'static str,
}

struct Writer<'w, 'd, W: Write + ?Sized> {
    out: &'w mut W,
    notation: Notation,
    stack: Vec<Open<'d>>,
}

impl<'d, W: Write + ?Sized> Writer<'_, 'd, W> {
    fn open(&mut self, doc: &'d RawDoc, named: bool, close: &'static str) -> fmt::Result {
        self.stack.push(Open { elements: doc.iter(), named, first: true, close });
        self.out.write_char(if named { '{' } else { '[' })
    }

    fn name(&mut self, name: &[u8]) -> fmt::Result {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
        let bare = self.notation == Notation::Shell
            && name.iter().all(plain)
            && name.first().is_some_and(|first| !first.is_ascii_digit());
        if bare {
            name.iter().try_for_each(|&byte| self.out.write_char(char::from(byte)))?;
        } else {
            self.text(name)?;
        }
        self.out.write_str(if self.notation == Notation::Shell { ": " } else { ":" })
    }

    /// A JSON string. Bytes that are not UTF-8 become replacement characters: JSON has no spelling for them.
    fn text(&mut self, bytes: &[u8]) -> fmt::Result {
        self.out.write_char('"')?;
        for c in String::from_utf8_lossy(bytes).chars() {
            match c {
                '"' => self.out.write_str("\\\"")?,
                '\\' => self.out.write_str("\\\\")?,
                '\n' => self.out.write_str("\\n")?,
                '\r' => self.out.write_str("\\r")?,
                '\t' => self.out.write_str("\\t")?,
                '\u{8}' => self.out.write_str("\\b")?,
                '\u{c}' => self.out.write_str("\\f")?,
                c if c < ' ' => write!(self.out, "\\u{:04x}", u32::from(c))?,
                c => self.out.write_char(c)?,
            }
        }
        self.out.write_char('"')
    }

    fn hex(&mut self, bytes: &[u8]) -> fmt::Result {
        bytes.iter().try_for_each(|byte| write!(self.out, "{byte:02x}"))
    }

    fn value(&mut self, value: Value<'d>) -> fmt::Result {
        match value.view() {
            View::Nothing => self.out.write_str("missing"),
            View::Null => self.out.write_str("null"),
            View::Bool(bool) => write!(self.out, "{bool}"),
            View::String(text) => self.text(text),
            View::Document(doc) => self.open(doc, true, "}"),
            View::Array(array) => self.open(array, false, "]"),
            _ if self.notation == Notation::Shell => self.shell(value),
            _ => self.json(value),
        }
    }

    /// A value that JSON has no plain form of, as a wrapper document.
    fn json(&mut self, value: Value<'d>) -> fmt::Result {
        let relaxed = self.notation == Notation::Relaxed;
        match value.view() {
            View::Int32(int) if relaxed => write!(self.out, "{int}"),
            View::Int64(int) if relaxed => write!(self.out, "{int}"),
            View::Double(double) if relaxed && double.is_finite() => write!(self.out, "{double:?}"),
            View::Int32(int) => write!(self.out, "{{\"$numberInt\":\"{int}\"}}"),
            View::Int64(int) => write!(self.out, "{{\"$numberLong\":\"{int}\"}}"),
            View::Double(double) => write!(self.out, "{{\"$numberDouble\":\"{}\"}}", double_text(double)),
            View::Decimal128(decimal) => write!(self.out, "{{\"$numberDecimal\":\"{decimal}\"}}"),
            View::ObjectId(id) => {
                self.out.write_str("{\"$oid\":\"")?;
                self.hex(id)?;
                self.out.write_str("\"}")
            }
            View::DateTime(millis) => match format_date(millis).filter(|_| relaxed) {
                Some(text) => write!(self.out, "{{\"$date\":\"{text}\"}}"),
                None => write!(self.out, "{{\"$date\":{{\"$numberLong\":\"{millis}\"}}}}"),
            },
            View::Timestamp(bits) => {
                write!(self.out, "{{\"$timestamp\":{{\"t\":{},\"i\":{}}}}}", bits >> 32, bits & 0xffff_ffff)
            }
            View::Binary { subtype, bytes } => write!(
                self.out,
                "{{\"$binary\":{{\"base64\":\"{}\",\"subType\":\"{subtype:02x}\"}}}}",
                base64::encode(bytes)
            ),
            View::Regex { pattern, options } => {
                self.out.write_str("{\"$regularExpression\":{\"pattern\":")?;
                self.text(pattern)?;
                self.out.write_str(",\"options\":")?;
                self.text(options)?;
                self.out.write_str("}}")
            }
            View::Symbol(text) => self.wrapped_text("$symbol", text),
            View::JavaScript(code) => self.wrapped_text("$code", code),
            View::JavaScriptWithScope { code, scope } => {
                self.out.write_str("{\"$code\":")?;
                self.text(code)?;
                self.out.write_str(",\"$scope\":")?;
                self.open(scope, true, "}}")
            }
            View::DbPointer { namespace, id } => {
                self.out.write_str("{\"$dbPointer\":{\"$ref\":")?;
                self.text(namespace)?;
                self.out.write_str(",\"$id\":{\"$oid\":\"")?;
                self.hex(id)?;
                self.out.write_str("\"}}}")
            }
            View::Undefined => self.out.write_str("{\"$undefined\":true}"),
            View::MinKey => self.out.write_str("{\"$minKey\":1}"),
            _ => self.out.write_str("{\"$maxKey\":1}"),
        }
    }

    fn wrapped_text(&mut self, name: &str, text: &[u8]) -> fmt::Result {
        write!(self.out, "{{\"{name}\":")?;
        self.text(text)?;
        self.out.write_char('}')
    }

    /// A value that JSON has no plain form of, as the shell spells it.
    fn shell(&mut self, value: Value<'d>) -> fmt::Result {
        match value.view() {
            View::Int32(int) => write!(self.out, "{int}"),
            View::Int64(int) => match i32::try_from(int) {
                // A number this large is read back as an int64 anyway.
                Err(_) => write!(self.out, "{int}"),
                Ok(int) => write!(self.out, "NumberLong({int})"),
            },
            View::Double(double) => self.out.write_str(&double_text(double)),
            View::Decimal128(decimal) => write!(self.out, "NumberDecimal(\"{decimal}\")"),
            View::ObjectId(id) => {
                self.out.write_str("ObjectId(\"")?;
                self.hex(id)?;
                self.out.write_str("\")")
            }
            View::DateTime(millis) => match format_date(millis) {
                Some(text) => write!(self.out, "ISODate(\"{text}\")"),
                None => write!(self.out, "Date({millis})"),
            },
            View::Timestamp(bits) => write!(self.out, "Timestamp({}, {})", bits >> 32, bits & 0xffff_ffff),
            View::Binary { subtype: 4, bytes } if bytes.len() == 16 => {
                self.out.write_str("UUID(\"")?;
                for (i, part) in
                    [&bytes[..4], &bytes[4..6], &bytes[6..8], &bytes[8..10], &bytes[10..]].iter().enumerate()
                {
                    if i > 0 {
                        self.out.write_char('-')?;
                    }
                    self.hex(part)?;
                }
                self.out.write_str("\")")
            }
            View::Binary { subtype, bytes } => {
                write!(self.out, "BinData({subtype}, \"{}\")", base64::encode(bytes))
            }
            View::Regex { pattern, options } => {
                self.out.write_str("BSONRegExp(")?;
                self.text(pattern)?;
                self.out.write_str(", ")?;
                self.text(options)?;
                self.out.write_char(')')
            }
            View::Symbol(text) => self.called("Symbol", text),
            View::JavaScript(code) => self.called("Code", code),
            View::JavaScriptWithScope { code, scope } => {
                self.out.write_str("Code(")?;
                self.text(code)?;
                self.out.write_str(", ")?;
                self.open(scope, true, "})")
            }
            View::DbPointer { namespace, id } => {
                self.out.write_str("DBPointer(")?;
                self.text(namespace)?;
                self.out.write_str(", ObjectId(\"")?;
                self.hex(id)?;
                self.out.write_str("\"))")
            }
            View::Undefined => self.out.write_str("undefined"),
            View::MinKey => self.out.write_str("MinKey"),
            _ => self.out.write_str("MaxKey"),
        }
    }

    fn called(&mut self, name: &str, text: &[u8]) -> fmt::Result {
        write!(self.out, "{name}(")?;
        self.text(text)?;
        self.out.write_char(')')
    }
}

fn double_text(double: f64) -> String {
    if double.is_nan() {
        "NaN".into()
    } else if double.is_infinite() {
        if double > 0.0 { "Infinity" } else { "-Infinity" }.into()
    } else {
        format!("{double:?}")
    }
}
