//! Values as text: how they are quoted inside error messages, and the two spellings of a double that MongoDB knows.

use std::fmt::Write as _;

use super::date::format::iso_text;
use crate::value::{RawDoc, Value, View};

/// A value as mongod quotes it inside an error message: strings in quotation marks, documents as `{a: 1}`.
pub(crate) fn describe(value: Value<'_>) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    out
}

fn write_value(out: &mut String, value: Value<'_>) {
    // Writing into a `String` cannot fail.
    let _ = match value.view() {
        View::Nothing => out.write_str("MISSING"),
        View::MinKey => out.write_str("MinKey"),
        View::MaxKey => out.write_str("MaxKey"),
        View::Undefined => out.write_str("undefined"),
        View::Null => out.write_str("null"),
        View::Bool(value) => write!(out, "{value}"),
        View::Int32(value) => write!(out, "{value}"),
        View::Int64(value) => write!(out, "{value}"),
        View::Double(value) => out.write_str(&double_6(value)),
        View::Decimal128(value) => write!(out, "{value}"),
        View::String(bytes) => write!(out, "\"{}\"", String::from_utf8_lossy(bytes)),
        View::Symbol(bytes) => write!(out, "Symbol(\"{}\")", String::from_utf8_lossy(bytes)),
        View::Document(doc) => return write_elements(out, doc, '{', '}', true),
        View::Array(array) => return write_elements(out, array, '[', ']', false),
        View::Binary { subtype, bytes } => write!(out, "BinData({subtype}, {})", hex(bytes, true)),
        View::ObjectId(id) => out.write_str(&hex(id, false)),
        View::DateTime(millis) => out.write_str(&iso_text(millis)),
        View::Timestamp(bits) => write!(out, "Timestamp({}, {})", bits >> 32, bits as u32),
        View::Regex { pattern, options } => {
            write!(out, "/{}/{}", String::from_utf8_lossy(pattern), String::from_utf8_lossy(options))
        }
        View::JavaScript(code) => write!(out, "Code(\"{}\")", String::from_utf8_lossy(code)),
        View::JavaScriptWithScope { code, scope } => {
            let _ = write!(out, "CodeWScope(\"{}\", ", String::from_utf8_lossy(code));
            write_elements(out, scope, '{', '}', true);
            out.write_char(')')
        }
        View::DbPointer { namespace, id } => {
            write!(out, "DBRef(\"{}\", {})", String::from_utf8_lossy(namespace), hex(id, false))
        }
    };
}

fn write_elements(out: &mut String, doc: &RawDoc, open: char, close: char, names: bool) {
    out.push(open);
    for (index, element) in doc.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        if names {
            out.push_str(element.name_str());
            out.push_str(": ");
        }
        write_value(out, element.value());
    }
    out.push(close);
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8], upper: bool) -> String {
    let digits: &[u8; 16] = if upper { b"0123456789ABCDEF" } else { b"0123456789abcdef" };
    bytes
        .iter()
        .flat_map(|byte| [digits[usize::from(byte >> 4)] as char, digits[usize::from(byte & 15)] as char])
        .collect()
}

/// A double with six significant digits, as C's `%g` writes it: what `$substr` and `$toLower` make of a number.
pub(crate) fn double_6(value: f64) -> String {
    const DIGITS: i32 = 6;
    if !value.is_finite() {
        let name = if value.is_nan() { "nan" } else { "inf" };
        return if value == f64::NEG_INFINITY { format!("-{name}") } else { name.to_owned() };
    }
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = split_exponent(&scientific);
    let text = if (-4..DIGITS).contains(&exponent) {
        let decimals = (DIGITS - 1 - exponent).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        mantissa.to_owned()
    };
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if (-4..DIGITS).contains(&exponent) { text.to_owned() } else { with_exponent(text, exponent) }
}

/// A double in the fewest digits that read back as the same double: what `$toString` makes of a number.
pub(crate) fn double_shortest(value: f64) -> String {
    const PLAIN_EXPONENTS: std::ops::Range<i32> = -4..16;
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = split_exponent(&scientific);
    if PLAIN_EXPONENTS.contains(&exponent) { format!("{value}") } else { with_exponent(mantissa, exponent) }
}

/// Mantissa and exponent of Rust's `1.5e-7` notation.
fn split_exponent(text: &str) -> (&str, i32) {
    text.split_once('e').map_or((text, 0), |(mantissa, exponent)| (mantissa, exponent.parse().unwrap_or(0)))
}

/// `1.5e-07`: C writes a sign and at least two digits.
fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::DocBuf;

    #[test]
    fn doubles_with_six_digits() {
        for (value, text) in [
            (3.0, "3"),
            (-1.25, "-1.25"),
            (-0.0, "-0"),
            (123456.789, "123457"),
            (999999.0, "999999"),
            (999999.5, "1e+06"),
            (1e20, "1e+20"),
            (0.0001, "0.0001"),
            (9e-5, "9e-05"),
            (f64::from_bits(1), "4.94066e-324"),
            (f64::MAX, "1.79769e+308"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(double_6(value), text);
        }
    }

    #[test]
    fn shortest_doubles() {
        for (value, text) in [
            (2.5, "2.5"),
            (12345.0, "12345"),
            (-0.0, "-0"),
            (1e15, "1000000000000000"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (std::f64::consts::PI, "3.141592653589793"),
            (f64::INFINITY, "Infinity"),
        ] {
            assert_eq!(double_shortest(value), text);
        }
    }

    #[test]
    fn values_in_messages() {
        let doc = DocBuf::build(|d| {
            d.value("a", Value::int32(1));
            d.array("b", |b| {
                b.value(Value::string("x"));
                b.value(Value::NULL);
            });
        });
        assert_eq!(describe(Value::document(&doc)), "{a: 1, b: [\"x\", null]}");
        assert_eq!(describe(Value::date_time(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(describe(Value::binary(0, b"\x01\xab")), "BinData(0, 01AB)");
    }
}
