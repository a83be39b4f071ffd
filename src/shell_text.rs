//! Values as the shell would write them, for messages: `{ _id: ObjectId('…'), n: 1 }`.

use std::fmt::{self, Write};

use smongo_vm::value::{RawDoc, Value, View};

/// A value, shown in the shell's notation.
pub(crate) struct ShellText<'d>(pub Value<'d>);

impl fmt::Display for ShellText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.view() {
            View::Nothing => Ok(()),
            View::MinKey => f.write_str("MinKey"),
            View::MaxKey => f.write_str("MaxKey"),
            View::Undefined => f.write_str("undefined"),
            View::Null => f.write_str("null"),
            View::Bool(value) => write!(f, "{value}"),
            View::Int32(value) => write!(f, "{value}"),
            View::Int64(value) => write!(f, "{value}"),
            View::Double(value) => double(f, value),
            View::Decimal128(value) => write!(f, "{value}"),
            View::String(text) | View::Symbol(text) => quoted(f, text, '"'),
            View::Document(doc) => document(f, doc),
            View::Array(array) => list(f, array),
            View::Binary { subtype, bytes } => {
                write!(f, "BinData({subtype}, ")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))?;
                f.write_char(')')
            }
            View::ObjectId(id) => {
                f.write_str("ObjectId('")?;
                id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("')")
            }
            View::DateTime(millis) => write!(f, "new Date({millis})"),
            View::Timestamp(bits) => write!(f, "Timestamp({}, {})", bits >> 32, bits as u32),
            View::Regex { pattern, options } => {
                write!(f, "/{}/{}", String::from_utf8_lossy(pattern), String::from_utf8_lossy(options))
            }
            View::JavaScript(code) => f.write_str(&String::from_utf8_lossy(code)),
            View::JavaScriptWithScope { code, scope } => {
                write!(f, "CodeWScope( {}, ", String::from_utf8_lossy(code))?;
                document(f, scope)?;
                f.write_char(')')
            }
            View::DbPointer { namespace, id } => {
                write!(f, "DBRef('{}', ", String::from_utf8_lossy(namespace))?;
                id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_char(')')
            }
        }
    }
}

/// Doubles keep a decimal point, so that they are not taken for integers.
fn double(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    if value.is_nan() {
        f.write_str("nan.0")
    } else if value.is_infinite() {
        f.write_str(if value > 0.0 { "inf.0" } else { "-inf.0" })
    } else {
        write!(f, "{value:?}")
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &[u8], quote: char) -> fmt::Result {
    f.write_char(quote)?;
    for char in String::from_utf8_lossy(text).chars() {
        match char {
            '"' | '\\' => write!(f, "\\{char}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            char => f.write_char(char)?,
        }
    }
    f.write_char(quote)
}

fn document(f: &mut fmt::Formatter<'_>, doc: &RawDoc) -> fmt::Result {
    if doc.is_empty() {
        return f.write_str("{}");
    }
    f.write_str("{ ")?;
    for (at, element) in doc.iter().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        write!(f, "{separator}{}: {}", element.name_str(), ShellText(element.value()))?;
    }
    f.write_str(" }")
}

fn list(f: &mut fmt::Formatter<'_>, array: &RawDoc) -> fmt::Result {
    if array.is_empty() {
        return f.write_str("[]");
    }
    f.write_str("[ ")?;
    for (at, value) in array.values().enumerate() {
        let separator = if at == 0 { "" } else { ", " };
        write!(f, "{separator}{}", ShellText(value))?;
    }
    f.write_str(" ]")
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::DocBuf;

    use super::*;

    #[test]
    fn writes_what_the_shell_shows() {
        let doc = DocBuf::build(|doc| {
            doc.value("_id", Value::object_id(&[0xab; 12]));
            doc.value("n", Value::double(1.0));
            doc.string("s", "a\"b");
            doc.array("list", |list| list.value(Value::NULL));
            doc.document("empty", |_| ());
        });
        assert_eq!(
            ShellText(Value::document(&doc)).to_string(),
            "{ _id: ObjectId('abababababababababababab'), n: 1.0, s: \"a\\\"b\", list: [ null ], empty: {} }"
        );
    }
}
