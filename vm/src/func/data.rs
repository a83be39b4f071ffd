//! `$serializeEJSON` and `$deserializeEJSON`: values as documents of Extended JSON wrappers, and back.
//!
//! Follows the Extended JSON specification, version 2: canonical form keeps every type, relaxed form writes numbers and
//! ordinary dates plainly.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::date::format::{ISO_UTC, write};
use super::date::zone::Zone;
use super::display::{double_shortest, hex};
use super::{Args, Context, Example, Fault, Function, Param, build};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::value::{ArrayWriter, DocWriter, RawDoc, Value, View, extjson};

type Doc<'b, 'd> = DocWriter<'b, build::Buffer<'d>>;

const INPUT: Param = Param::required("input", Fault::new(9, "Missing 'input' parameter to {op}"));
const NOT_A_DOCUMENT: Fault = Fault::new(9, "{op} expects an object of named arguments but found: {type}");
const UNKNOWN: Fault = Fault::new(9, "{op} found an unknown argument: {name}");

/// The functions of this family.
pub static FUNCTIONS: &[Function] = &[
    Function {
        name: "$serializeEJSON",
        args: Args::Named {
            params: &[INPUT, Param::optional("relaxed"), Param::ON_ERROR],
            not_a_document: NOT_A_DOCUMENT,
            unknown: UNKNOWN,
        },
        pure: true,
        doc: "A value in Extended JSON: wrappers such as {$oid: …} in place of what JSON lacks.",
        examples: &[
            Example {
                document: r#"{"x": 42}"#,
                expression: r#"{"$objectToArray": {"$serializeEJSON": {"input": "$x"}}}"#,
                value: r#"[{"k": "$numberInt", "v": "42"}]"#,
            },
            Example {
                document: r#"{"x": 42}"#,
                expression: r#"{"$serializeEJSON": {"input": "$x", "relaxed": true}}"#,
                value: "42",
            },
        ],
        eval: serialize,
    },
    Function {
        name: "$deserializeEJSON",
        args: Args::Named { params: &[INPUT, Param::ON_ERROR], not_a_document: NOT_A_DOCUMENT, unknown: UNKNOWN },
        pure: true,
        doc: "The value that a document of Extended JSON wrappers stands for.",
        examples: &[Example {
            document: "{}",
            expression: r#"{"$deserializeEJSON": {"input": {"$toObject": "{\"a\": {\"$numberLong\": \"7\"}}"}}}"#,
            value: r#"{"a": {"$numberLong": "7"}}"#,
        }],
        eval: deserialize,
    },
];

fn serialize<'d>(context: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let &[input, relaxed] = args else { return Ok(Value::NULL) };
    let relaxed = match relaxed.as_bool() {
        Some(flag) => flag,
        None if relaxed.is_nullish() => false,
        None => {
            let message = format!("$serializeEJSON requires that 'relaxed' be a bool, found: {}", relaxed.tag().name());
            return Err(Error::failed_to_parse(message));
        }
    };
    if input.is_nullish() {
        return Ok(Value::NULL);
    }
    let holder = build::document(context.arena, |doc| {
        Writer { relaxed }.field(doc, "", input);
        Ok::<(), Error>(())
    })?;
    Ok(only_field(holder))
}

/// Writes values, in canonical or relaxed form.
struct Writer {
    relaxed: bool,
}

impl Writer {
    fn field(&self, doc: &mut Doc<'_, '_>, name: &str, value: Value<'_>) {
        match value.view() {
            View::Document(inner) => doc.document(name, |out| self.fields(out, inner)),
            View::Array(inner) => doc.array(name, |out| self.items(out, inner)),
            _ => match self.plain(value) {
                Some(plain) => doc.value(name, plain),
                None => doc.document(name, |out| self.wrapper(out, value)),
            },
        }
    }

    fn fields(&self, out: &mut Doc<'_, '_>, doc: &RawDoc) {
        for element in doc {
            self.field(out, element.name_str(), element.value());
        }
    }

    fn items(&self, out: &mut ArrayWriter<'_, build::Buffer<'_>>, array: &RawDoc) {
        for value in array.values() {
            match value.view() {
                View::Document(inner) => out.document(|out| self.fields(out, inner)),
                View::Array(inner) => out.array(|out| self.items(out, inner)),
                _ => match self.plain(value) {
                    Some(plain) => out.value(plain),
                    None => out.document(|out| self.wrapper(out, value)),
                },
            }
        }
    }

    /// The value itself where JSON can say it.
    fn plain<'v>(&self, value: Value<'v>) -> Option<Value<'v>> {
        match value.view() {
            View::String(_) | View::Bool(_) | View::Null => Some(value),
            View::Int32(_) | View::Int64(_) if self.relaxed => Some(value),
            View::Double(number) if self.relaxed && number.is_finite() => Some(value),
            _ => None,
        }
    }

    /// The one or two fields of a scalar's wrapper.
    fn wrapper(&self, out: &mut Doc<'_, '_>, value: Value<'_>) {
        match value.view() {
            View::Int32(number) => out.string("$numberInt", &number.to_string()),
            View::Int64(number) => out.string("$numberLong", &number.to_string()),
            View::Double(number) => out.string("$numberDouble", &json_double(number)),
            View::Decimal128(number) => out.string("$numberDecimal", &number.to_string()),
            View::ObjectId(id) => out.string("$oid", &hex(id, false)),
            View::DateTime(millis) => self.date(out, millis),
            View::Timestamp(bits) => out.document("$timestamp", |inner| {
                inner.value("t", Value::integer((bits >> 32) as i64));
                inner.value("i", Value::integer((bits & 0xFFFF_FFFF) as i64));
            }),
            View::Binary { subtype, bytes } => out.document("$binary", |inner| {
                inner.string("base64", &STANDARD.encode(bytes));
                inner.string("subType", &hex(&[subtype], false));
            }),
            View::Regex { pattern, options } => out.document("$regularExpression", |inner| {
                inner.value("pattern", Value::string_bytes(pattern));
                inner.value("options", Value::string_bytes(options));
            }),
            View::Symbol(text) => out.value("$symbol", Value::string_bytes(text)),
            View::JavaScript(code) => out.value("$code", Value::string_bytes(code)),
            View::JavaScriptWithScope { code, scope } => {
                out.value("$code", Value::string_bytes(code));
                out.document("$scope", |inner| self.fields(inner, scope));
            }
            View::DbPointer { namespace, id } => out.document("$dbPointer", |inner| {
                inner.value("$ref", Value::string_bytes(namespace));
                inner.document("$id", |inner| inner.string("$oid", &hex(id, false)));
            }),
            View::MinKey => out.value("$minKey", Value::int32(1)),
            View::MaxKey => out.value("$maxKey", Value::int32(1)),
            View::Undefined => out.value("$undefined", Value::TRUE),
            View::Nothing | View::Null | View::Bool(_) | View::String(_) | View::Document(_) | View::Array(_) => {}
        }
    }

    fn date(&self, out: &mut Doc<'_, '_>, millis: i64) {
        let ordinary = self.relaxed && millis >= 0;
        match write(ISO_UTC, &Zone::UTC, millis) {
            Ok(text) if ordinary => out.string("$date", &text),
            _ => out.document("$date", |inner| inner.string("$numberLong", &millis.to_string())),
        }
    }
}

/// A double as Extended JSON writes it: always with a point or an exponent.
fn json_double(number: f64) -> String {
    let text = double_shortest(number);
    if !number.is_finite() || text.contains(['.', 'e']) { text } else { format!("{text}.0") }
}

fn deserialize<'d>(context: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let &[input] = args else { return Ok(Value::NULL) };
    if input.is_nullish() {
        return Ok(Value::NULL);
    }
    // As text, a document of wrappers and the values they stand for are one and the same.
    let text = extjson::to_string_canonical(input);
    let value = extjson::parse_value(&text).map_err(|error| {
        let message = format!("{} in $deserializeEJSON with no onError value", error.message());
        Error::new(Code::CONVERSION_FAILURE, message)
    })?;
    let holder = build::document(context.arena, |doc| {
        doc.value("", value.get());
        Ok::<(), Error>(())
    })?;
    Ok(only_field(holder))
}

/// The value that was written as a document's only field because it may be a scalar.
fn only_field(holder: Value<'_>) -> Value<'_> {
    holder.as_doc().and_then(|doc| doc.get_index(0)).unwrap_or(Value::NULL)
}
