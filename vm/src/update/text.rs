//! Values as MongoDB's messages show them: `a: { b: 1, c: [ "x" ] }`.

use std::fmt::Write;

use crate::value::{RawDoc, Value, View};

/// Longest string shown in full, in bytes. MongoDB: 160.
const MAX_STRING_BYTES: usize = 160;

/// Deepest nesting shown, in levels.
const MAX_DEPTH: usize = 32;

/// A value as MongoDB's messages show it.
pub fn describe(value: Value<'_>) -> String {
    let mut text = String::new();
    append(&mut text, value, 0);
    text
}

/// A field as MongoDB's messages show it: `a: 1`.
pub(super) fn describe_field(name: &str, value: Value<'_>) -> String {
    let mut text = format!("{name}: ");
    append(&mut text, value, 0);
    text
}

fn append(text: &mut String, value: Value<'_>, depth: usize) {
    // Writing to a `String` cannot fail, so the results are dropped.
    let _ = match value.view() {
        View::Nothing => write!(text, "EOO"),
        View::MinKey => write!(text, "MinKey"),
        View::MaxKey => write!(text, "MaxKey"),
        View::Undefined => write!(text, "undefined"),
        View::Null => write!(text, "null"),
        View::Bool(flag) => write!(text, "{flag}"),
        View::Int32(int) => write!(text, "{int}"),
        View::Int64(int) => write!(text, "{int}"),
        View::Double(double) => append_double(text, double),
        View::Decimal128(decimal) => write!(text, "{decimal}"),
        View::String(bytes) | View::Symbol(bytes) => append_string(text, bytes),
        View::Document(doc) => append_container(text, doc, depth, false),
        View::Array(array) => append_container(text, array, depth, true),
        View::Binary { subtype, bytes } => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            write!(text, "BinData({subtype}, {hex})")
        }
        View::ObjectId(id) => {
            let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            write!(text, "ObjectId('{hex}')")
        }
        View::DateTime(millis) => write!(text, "new Date({millis})"),
        View::Timestamp(bits) => write!(text, "Timestamp({}, {})", bits >> 32, bits & 0xFFFF_FFFF),
        View::Regex { pattern, options } => {
            write!(text, "/{}/{}", String::from_utf8_lossy(pattern), String::from_utf8_lossy(options))
        }
        View::JavaScript(code) | View::JavaScriptWithScope { code, .. } => {
            write!(text, "{}", String::from_utf8_lossy(code))
        }
        View::DbPointer { namespace, .. } => write!(text, "DBRef('{}')", String::from_utf8_lossy(namespace)),
    };
}

fn append_double(text: &mut String, double: f64) -> std::fmt::Result {
    if double.is_nan() {
        write!(text, "nan.0")
    } else if double.is_infinite() {
        write!(text, "{}", if double > 0.0 { "inf.0" } else { "-inf.0" })
    } else {
        write!(text, "{double:?}")
    }
}

fn append_string(text: &mut String, bytes: &[u8]) -> std::fmt::Result {
    if bytes.len() <= MAX_STRING_BYTES {
        return write!(text, "\"{}\"", String::from_utf8_lossy(bytes));
    }
    write!(text, "\"{}...\"", String::from_utf8_lossy(&bytes[..MAX_STRING_BYTES - 10]))
}

fn append_container(text: &mut String, container: &RawDoc, depth: usize, is_array: bool) -> std::fmt::Result {
    let (open, close) = if is_array { ("[", "]") } else { ("{", "}") };
    if depth >= MAX_DEPTH {
        return write!(text, "{open}...{close}");
    }
    text.push_str(open);
    for (nth, element) in container.iter().enumerate() {
        text.push_str(if nth == 0 { " " } else { ", " });
        if !is_array {
            write!(text, "{}: ", element.name_str())?;
        }
        append(text, element.value(), depth + 1);
    }
    text.push_str(if container.is_empty() && !is_array { "" } else { " " });
    text.push_str(close);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::DocBuf;

    #[test]
    fn values_read_as_in_mongodbs_messages() {
        let doc = DocBuf::build(|doc| {
            doc.value("a", Value::int32(1));
            doc.value("b", Value::double(1.0));
            doc.string("c", "x");
            doc.array("d", |array| {
                array.value(Value::NULL);
                array.value(Value::TRUE);
            });
            doc.document("e", |_| {});
        });
        assert_eq!(describe(Value::document(&doc)), r#"{ a: 1, b: 1.0, c: "x", d: [ null, true ], e: {} }"#);
        assert_eq!(describe_field("_id", Value::int64(7)), "_id: 7");
    }
}
