//! Conversions: `$convert` and the operators that are short for it.
//!
//! Missing and null give null. What cannot be converted fails with `ConversionFailure` (241), which `onError` replaces;
//! a request that is itself wrong (an unknown type, a format that is no format) fails with a code of its own.
//!
//! | target | from |
//! |---|---|
//! | bool | everything |
//! | int, long, double | bool, numbers, strings, binary data; long and double also dates |
//! | decimal | bool, numbers, strings, dates |
//! | date | long, double, decimal, strings, dates, ObjectIds, timestamps |
//! | objectId | strings, ObjectIds |
//! | string | bool, numbers, strings, dates, ObjectIds, binary data |
//! | binData | strings, int, long, double, binary data of the same subtype |
//! | array, object | strings of JSON; array also from vectors (binary data of subtype 9) |

mod binary;
pub(crate) mod integer;
mod json;
mod number;
mod rows;
mod vector;

pub use self::rows::FUNCTIONS;

use self::binary::Format;
use self::json::Json;
use super::build;
use super::date::format::{ISO_UTC, write};
use super::date::zone::Zone;
use super::display::{describe, double_shortest, hex};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::value::decimal::DecimalParts;
use crate::value::{Tag, Value, View};
use bumpalo::Bump;

/// The arguments of `$convert` besides input and type.
#[derive(Clone, Copy, Debug)]
struct Options {
    /// The subtype of binary data to make.
    subtype: u8,
    /// How binary data is written as text.
    format: Option<Format>,
    /// The order of the bytes of numbers.
    big_endian: bool,
    /// The base of numbers in texts.
    base: Option<u32>,
}

impl Options {
    const DEFAULT: Options = Options { subtype: 0, format: None, big_endian: false, base: None };
}

#[cold]
fn conversion_failure(message: String) -> Error {
    Error::new(Code::CONVERSION_FAILURE, message)
}

#[cold]
fn unsupported(value: Value<'_>, target: Tag) -> Error {
    let (from, to) = (value.tag().name(), target.name());
    conversion_failure(format!("Unsupported conversion from {from} to {to} in $convert with no onError value"))
}

#[cold]
fn overflow(value: Value<'_>) -> Error {
    let shown = describe(value);
    conversion_failure(format!("Conversion would overflow target type in $convert with no onError value: {shown}"))
}

/// A value, which is not nullish, as another type.
fn convert<'d>(arena: &'d Bump, value: Value<'d>, target: Tag, options: &Options) -> Result<Value<'d>> {
    match target {
        Tag::Bool => Ok(Value::bool(is_true(value))),
        Tag::Int32 => number::to_int(value, options).map(Value::int32),
        Tag::Int64 => number::to_long(value, options).map(Value::int64),
        Tag::Double => number::to_double(value, options).map(Value::double),
        Tag::Decimal128 if value.tag() == Tag::Decimal128 => Ok(value),
        Tag::Decimal128 => number::to_decimal(value, options).map(|decimal| build::decimal(arena, decimal)),
        Tag::DateTime => number::to_millis(value, options).map(Value::date_time),
        Tag::ObjectId => to_object_id(arena, value),
        Tag::String => to_string(arena, value, options),
        Tag::Binary => to_binary(arena, value, options),
        Tag::Array => to_array(arena, value),
        Tag::Document => to_object(arena, value),
        _ => Err(unsupported(value, target)),
    }
}

/// Everything is true but `false` and the zeros.
fn is_true(value: Value<'_>) -> bool {
    match value.view() {
        View::Bool(flag) => flag,
        View::Int32(number) => number != 0,
        View::Int64(number) => number != 0,
        View::Double(number) => number != 0.0,
        View::Decimal128(number) => !matches!(number.parts(), DecimalParts::Finite(finite) if finite.coefficient == 0),
        _ => true,
    }
}

fn to_object_id<'d>(arena: &'d Bump, value: Value<'d>) -> Result<Value<'d>> {
    let text = match value.view() {
        View::ObjectId(_) => return Ok(value),
        View::String(bytes) => String::from_utf8_lossy(bytes),
        _ => return Err(unsupported(value, Tag::ObjectId)),
    };
    let failure = |reason: String| {
        conversion_failure(format!("Failed to parse objectId '{text}' in $convert with no onError value: {reason}"))
    };
    if text.len() != 24 {
        let reason = format!("Invalid string length for parsing to OID, expected 24 but found {}", text.len());
        return Err(failure(reason));
    }
    if let Some(bad) = text.chars().find(|char| !char.is_ascii_hexdigit()) {
        return Err(failure(format!("Invalid character found in hex string: '{bad}'")));
    }
    let bytes = binary::hex_bytes(&text).and_then(|bytes| <[u8; 12]>::try_from(bytes).ok());
    bytes.map(|bytes| Value::object_id(arena.alloc(bytes))).ok_or_else(|| failure("Invalid hex string".to_owned()))
}

fn to_string<'d>(arena: &'d Bump, value: Value<'d>, options: &Options) -> Result<Value<'d>> {
    let text = match value.view() {
        View::String(_) => return Ok(value),
        View::Int32(_) | View::Int64(_) | View::Double(_) | View::Decimal128(_)
            if let Some(base) = options.base.filter(|base| *base != 10) =>
        {
            number::in_base(value, base)?
        }
        View::Bool(flag) => flag.to_string(),
        View::Int32(number) => number.to_string(),
        View::Int64(number) => number.to_string(),
        View::Double(number) => double_shortest(number),
        View::Decimal128(number) => number.to_string(),
        View::ObjectId(id) => hex(id, false),
        View::DateTime(millis) => write(ISO_UTC, &Zone::UTC, millis)?,
        View::Binary { subtype, bytes } => {
            binary::to_text(subtype, bytes, options.format.ok_or_else(|| no_format(value, Tag::String))?)?
        }
        _ => return Err(unsupported(value, Tag::String)),
    };
    Ok(build::string(arena, text.as_bytes()))
}

#[cold]
fn no_format(value: Value<'_>, target: Tag) -> Error {
    let (from, to) = (value.tag().name(), target.name());
    // The spelling is mongod's.
    Error::location(4341115, format!("Format must be speficied when converting from '{from}' to '{to}'"))
}

fn to_binary<'d>(arena: &'d Bump, value: Value<'d>, options: &Options) -> Result<Value<'d>> {
    let number = |little: &mut [u8]| {
        if options.big_endian {
            little.reverse();
        }
        Ok(build::binary(arena, options.subtype, little))
    };
    match value.view() {
        View::Binary { subtype, .. } if subtype == options.subtype => Ok(value),
        View::Binary { .. } => {
            let message =
                "Conversions between different binData subtypes are not supported in $convert with no onError value";
            Err(conversion_failure(message.to_owned()))
        }
        View::String(_) => {
            let format = options.format.ok_or_else(|| no_format(value, Tag::Binary))?;
            let bytes = binary::from_text(value.as_str().unwrap_or_default(), options.subtype, format)?;
            Ok(build::binary(arena, options.subtype, &bytes))
        }
        View::Int32(int) => number(&mut int.to_le_bytes()),
        View::Int64(long) => number(&mut long.to_le_bytes()),
        View::Double(double) => number(&mut double.to_le_bytes()),
        _ => Err(unsupported(value, Tag::Binary)),
    }
}

fn to_array<'d>(arena: &'d Bump, value: Value<'d>) -> Result<Value<'d>> {
    match value.view() {
        View::Binary { subtype: vector::SUBTYPE, bytes } => vector::to_array(arena, bytes),
        View::String(_) => match json::parse(value.as_str().unwrap_or_default())? {
            Json::Array(items) => build::array(arena, |array| {
                items.iter().for_each(|item| item.write_item(array));
                Ok(())
            }),
            _ => Err(conversion_failure("Input doesn't match expected type 'array'".to_owned())),
        },
        _ => Err(unsupported(value, Tag::Array)),
    }
}

fn to_object<'d>(arena: &'d Bump, value: Value<'d>) -> Result<Value<'d>> {
    if value.tag() != Tag::String {
        return Err(unsupported(value, Tag::Document));
    }
    match json::parse(value.as_str().unwrap_or_default())? {
        Json::Object(fields) => build::document(arena, |doc| {
            fields.iter().for_each(|(name, value)| value.write_field(doc, name));
            Ok(())
        }),
        _ => Err(conversion_failure("Input doesn't match expected type 'object'".to_owned())),
    }
}
