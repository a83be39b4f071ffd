//! The two ways a typed value is spelled: a wrapper document (`{"$oid": "…"}`) and a constructor (`ObjectId("…")`).
//!
//! Both are interpreted after their parts have been read as ordinary BSON, so the parts may be spelled in any way and
//! the order of a wrapper's fields does not matter.

use super::super::buf::DocWriter;
use super::super::raw::RawDoc;
use super::super::repr::{Decimal128, Tag, Value, View};
use super::{base64, parse_date};

/// A value in BSON's encoding.
pub(super) type Encoded = (Tag, Vec<u8>);

fn encoded(value: Value<'_>) -> Encoded {
    let mut bytes = Vec::new();
    value.write_payload(&mut bytes);
    (value.tag(), bytes)
}

/// What a document that begins with a `$` name stands for: itself (`Ok(None)`), a typed value, or nothing legal.
pub(super) fn wrapper(doc: &RawDoc) -> Result<Option<Encoded>, String> {
    let mut elements = doc.iter();
    let Some(first) = elements.next() else { return Ok(None) };
    let value = first.value();
    let second = elements.next();
    let name = first.name_str();
    let parsed = match (name, second) {
        ("$code", None) => value.as_str().map(|code| encoded(Value::javascript(code.as_bytes()))),
        ("$code" | "$scope", Some(_)) => code_with_scope(doc.get("$code"), doc.get("$scope")),
        (_, None) => match single(name, value) {
            Some(parsed) => parsed,
            None => return Ok(None),
        },
        (_, Some(_)) if single(name, Value::NOTHING).is_none() => return Ok(None),
        (_, Some(_)) => None,
    };
    let fields = doc.iter().count();
    if fields > 2 && matches!(name, "$code" | "$scope") {
        return Err(format!("unexpected field beside {name}"));
    }
    match parsed {
        Some(parsed) => Ok(Some(parsed)),
        None => Err(format!("malformed {name}")),
    }
}

/// The value of a wrapper with one field. `None`: no wrapper has that name. `Some(None)`: one has, but not with this
/// value.
fn single(name: &str, value: Value<'_>) -> Option<Option<Encoded>> {
    let text = value.as_str();
    let integer = value.as_integer();
    Some(match name {
        "$oid" => text.and_then(object_id),
        "$symbol" => text.map(|text| encoded(Value::symbol(text.as_bytes()))),
        "$numberInt" => text.and_then(|text| text.parse().ok()).map(|int| encoded(Value::int32(int))),
        "$numberLong" => text.and_then(|text| text.parse().ok()).map(|int| encoded(Value::int64(int))),
        "$numberDouble" => text.and_then(double).map(|double| encoded(Value::double(double))),
        "$numberDecimal" => text.and_then(decimal),
        "$date" => date(value),
        "$uuid" => text.and_then(uuid),
        "$binary" => value.as_doc().and_then(|doc| {
            let bytes = base64::decode(doc.get("base64")?.as_str()?)?;
            let subtype = u8::from_str_radix(doc.get("subType")?.as_str()?, 16).ok()?;
            (doc.iter().count() == 2).then(|| encoded(Value::binary(subtype, &bytes)))
        }),
        "$timestamp" => value.as_doc().and_then(timestamp),
        "$regularExpression" => value.as_doc().and_then(|doc| {
            let pattern = doc.get("pattern")?.as_str()?;
            let options = doc.get("options")?.as_str()?;
            if doc.iter().count() == 2 { regex(pattern, options) } else { None }
        }),
        "$dbPointer" => value.as_doc().and_then(|doc| {
            let namespace = doc.get("$ref")?.as_str()?;
            let View::ObjectId(id) = doc.get("$id")?.view() else { return None };
            (doc.iter().count() == 2).then(|| db_pointer(namespace, id))
        }),
        "$minKey" => (integer == Some(1)).then(|| encoded(Value::MIN_KEY)),
        "$maxKey" => (integer == Some(1)).then(|| encoded(Value::MAX_KEY)),
        "$undefined" => (value.as_bool() == Some(true)).then(|| encoded(Value::UNDEFINED)),
        _ => return None,
    })
}

/// The value of a constructor call; `None` when there is no such constructor or the arguments do not suit it.
pub(super) fn constructor(name: &str, arguments: &RawDoc) -> Option<Encoded> {
    let argument = |index| arguments.get_index(index).unwrap_or(Value::NOTHING);
    let first = argument(0);
    let text = first.as_str();
    let count = arguments.values().count();
    if count > 2 {
        return None;
    }
    if count == 2 {
        let second = argument(1);
        return match name {
            "BinData" | "HexData" => {
                let subtype = u8::try_from(first.as_integer()?).ok()?;
                let bytes = if name == "BinData" { base64::decode(second.as_str()?)? } else { hex(second.as_str()?)? };
                Some(encoded(Value::binary(subtype, &bytes)))
            }
            "Timestamp" => timestamp_of(first, second),
            "RegExp" | "BSONRegExp" => regex(text?, &sorted(second.as_str()?)),
            "Code" => code_with_scope(Some(first), Some(second)),
            "DBPointer" => match second.view() {
                View::ObjectId(id) => Some(db_pointer(text?, id)),
                _ => None,
            },
            "DBRef" => {
                let mut bytes = Vec::new();
                let mut doc = DocWriter::new(&mut bytes);
                doc.value("$ref", first);
                doc.value("$id", second);
                doc.finish();
                Some((Tag::Document, bytes))
            }
            _ => None,
        };
    }
    match name {
        "MinKey" if count == 0 => Some(encoded(Value::MIN_KEY)),
        "MaxKey" if count == 0 => Some(encoded(Value::MAX_KEY)),
        "ObjectId" | "ObjectID" => object_id(text?),
        "ISODate" | "Date" => date(first),
        "NumberLong" | "Long" => match text {
            Some(text) => text.parse().ok(),
            None => first.as_integer(),
        }
        .map(|int| encoded(Value::int64(int))),
        "NumberInt" | "Int32" => match text {
            Some(text) => text.parse().ok(),
            None => first.as_integer().and_then(|int| i32::try_from(int).ok()),
        }
        .map(|int| encoded(Value::int32(int))),
        "Double" => match first.view() {
            View::Double(double) => Some(double),
            View::Int32(int) => Some(f64::from(int)),
            _ => double(text?),
        }
        .map(|double| encoded(Value::double(double))),
        "NumberDecimal" | "Decimal128" => match first.view() {
            View::Int32(_) | View::Int64(_) => {
                Some(encoded(Value::decimal128(&Decimal128::from_i64(first.as_integer()?).0)))
            }
            View::Double(double) => decimal(&format!("{double:?}")),
            _ => decimal(text?),
        },
        "UUID" => uuid(text?),
        "Timestamp" => timestamp(first.as_doc()?),
        "RegExp" | "BSONRegExp" => regex(text?, ""),
        "Code" => Some(encoded(Value::javascript(text?.as_bytes()))),
        "Symbol" | "BSONSymbol" => Some(encoded(Value::symbol(text?.as_bytes()))),
        _ => None,
    }
}

/// The value of a bare word.
pub(super) fn keyword(word: &str) -> Option<Encoded> {
    Some(encoded(match word {
        "true" => Value::TRUE,
        "false" => Value::FALSE,
        "null" => Value::NULL,
        "undefined" => Value::UNDEFINED,
        "NaN" => Value::double(f64::NAN),
        "Infinity" => Value::double(f64::INFINITY),
        "MinKey" => Value::MIN_KEY,
        "MaxKey" => Value::MAX_KEY,
        _ => return None,
    }))
}

/// The value of a number's text: the narrowest integer type that holds it, or a double.
pub(super) fn number(text: &str) -> Option<Encoded> {
    let integral = !text.contains(['.', 'e', 'E']);
    if let Some(int) = text.parse::<i64>().ok().filter(|_| integral) {
        return Some(encoded(Value::integer(int)));
    }
    text.parse().ok().map(|double| encoded(Value::double(double)))
}

/// A regular expression literal: pattern and flags.
pub(super) fn regex_literal(pattern: &str, flags: &str) -> Option<Encoded> {
    regex(pattern, &sorted(flags))
}

/// BSON wants options in alphabetical order.
fn sorted(options: &str) -> String {
    let mut letters: Vec<char> = options.chars().collect();
    letters.sort_unstable();
    letters.into_iter().collect()
}

fn regex(pattern: &str, options: &str) -> Option<Encoded> {
    if pattern.contains('\0') || options.contains('\0') {
        return None;
    }
    Some((Tag::Regex, [pattern.as_bytes(), &[0], options.as_bytes(), &[0]].concat()))
}

fn db_pointer(namespace: &str, id: &[u8; 12]) -> Encoded {
    let (_, text) = encoded(Value::string(namespace));
    (Tag::DbPointer, [&text[..], id].concat())
}

fn code_with_scope(code: Option<Value<'_>>, scope: Option<Value<'_>>) -> Option<Encoded> {
    let (_, text) = encoded(Value::string(code?.as_str()?));
    let scope = scope?.as_doc()?.as_bytes();
    let len = i32::try_from(4 + text.len() + scope.len()).ok()?;
    Some((Tag::JavaScriptWithScope, [&len.to_le_bytes(), &text[..], scope].concat()))
}

fn object_id(text: &str) -> Option<Encoded> {
    let bytes: [u8; 12] = hex(text)?.try_into().ok()?;
    Some(encoded(Value::object_id(&bytes)))
}

fn uuid(text: &str) -> Option<Encoded> {
    let hyphens: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
    if !hyphens.is_empty() && hyphens != [8, 13, 18, 23] {
        return None;
    }
    let bytes: [u8; 16] = hex(&text.replace('-', ""))?.try_into().ok()?;
    Some(encoded(Value::binary(4, &bytes)))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn double(text: &str) -> Option<f64> {
    match text {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ if text.bytes().any(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

fn decimal(text: &str) -> Option<Encoded> {
    Some(encoded(Value::decimal128(&Decimal128::parse(text)?.0)))
}

fn date(value: Value<'_>) -> Option<Encoded> {
    let millis = match value.view() {
        View::Int32(_) | View::Int64(_) => value.as_integer()?,
        View::Double(millis) if millis == millis.trunc() && millis.abs() < 9e15 => millis as i64,
        _ => parse_date(value.as_str()?)?,
    };
    Some(encoded(Value::date_time(millis)))
}

fn timestamp(doc: &RawDoc) -> Option<Encoded> {
    if doc.iter().count() == 2 { timestamp_of(doc.get("t")?, doc.get("i")?) } else { None }
}

fn timestamp_of(seconds: Value<'_>, ordinal: Value<'_>) -> Option<Encoded> {
    let seconds = u32::try_from(seconds.as_integer()?).ok()?;
    let ordinal = u32::try_from(ordinal.as_integer()?).ok()?;
    Some(encoded(Value::timestamp(u64::from(seconds) << 32 | u64::from(ordinal))))
}
