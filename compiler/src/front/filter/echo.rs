//! Parts of a request as mongod shows them inside error messages: close to the shell's notation.

use std::fmt;

use smongo_vm::value::{RawDoc, Value, View};

/// Longest echo of one message, in bytes. mongod cuts long ones too.
const MAX_ECHO_BYTES: usize = 512;

/// `name: value`.
pub(in crate::front) fn echo_element(name: &str, value: Value<'_>) -> String {
    cut(format!("{name}: {}", Shown(value)))
}

/// `{ a: 1, b: "x" }`.
pub(in crate::front) fn echo_document(doc: &RawDoc) -> String {
    cut(Shown(Value::document(doc)).to_string())
}

/// A number alone.
pub(in crate::front) fn echo_number(value: Value<'_>) -> String {
    match value.view() {
        View::Double(double) => double.to_string(),
        _ => Shown(value).to_string(),
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_ECHO_BYTES {
        let end = (0..=MAX_ECHO_BYTES).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("...");
    }
    text
}

struct Shown<'d>(Value<'d>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.view() {
            View::Nothing => f.write_str("EOO"),
            View::MinKey => f.write_str("MinKey"),
            View::MaxKey => f.write_str("MaxKey"),
            View::Undefined => f.write_str("undefined"),
            View::Null => f.write_str("null"),
            View::Bool(flag) => write!(f, "{flag}"),
            View::Int32(number) => write!(f, "{number}"),
            View::Int64(number) => write!(f, "{number}"),
            View::Double(number) if number.fract() == 0.0 && number.abs() < 1e15 => write!(f, "{number:.1}"),
            View::Double(number) if number.is_nan() => f.write_str("nan"),
            View::Double(number) => write!(f, "{number}"),
            View::Decimal128(number) => write!(f, "{number}"),
            View::String(text) | View::Symbol(text) => write!(f, "\"{}\"", String::from_utf8_lossy(text)),
            View::Document(doc) if doc.is_empty() => f.write_str("{}"),
            View::Document(doc) => {
                f.write_str("{ ")?;
                for (i, element) in doc.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", element.name_str(), Shown(element.value()))?;
                }
                f.write_str(" }")
            }
            View::Array(array) if array.is_empty() => f.write_str("[]"),
            View::Array(array) => {
                f.write_str("[ ")?;
                for (i, value) in array.values().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", Shown(value))?;
                }
                f.write_str(" ]")
            }
            View::Binary { subtype, bytes } => write!(f, "BinData({subtype}, {})", Hex(bytes)),
            View::ObjectId(id) => write!(f, "ObjectId('{}')", Hex(id).to_string().to_lowercase()),
            View::DateTime(millis) => write!(f, "new Date({millis})"),
            View::Timestamp(bits) => write!(f, "Timestamp({}, {})", bits >> 32, bits as u32),
            View::Regex { pattern, options } => {
                write!(f, "/{}/{}", String::from_utf8_lossy(pattern), String::from_utf8_lossy(options))
            }
            View::JavaScript(code) => f.write_str(&String::from_utf8_lossy(code)),
            View::JavaScriptWithScope { code, scope } => {
                write!(f, "CodeWScope( {}, {})", String::from_utf8_lossy(code), Shown(Value::document(scope)))
            }
            View::DbPointer { namespace, id } => {
                write!(f, "DBRef('{}',{})", String::from_utf8_lossy(namespace), Hex(id))
            }
        }
    }
}

struct Hex<'d>(&'d [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}
