//! What a value is and how large: `$binarySize $bsonSize $isNumber $subtype $type`.

use super::number::int_value;
use super::row::row;
use super::{Args, Context, Function};
use crate::error::{Error, Result};
use crate::value::{Value, View};

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$binarySize",
        Args::Exactly(1),
        "The length of a string or of binary data in bytes.",
        [("{a: 'é'}", "{$binarySize: '$a'}", "2"), ("{}", "{$binarySize: '$a'}", "null")],
        binary_size
    ),
    row!(
        "$bsonSize",
        Args::Exactly(1),
        "The length of a document in bytes as BSON.",
        [("{a: {}}", "{$bsonSize: '$a'}", "5"), ("{a: null}", "{$bsonSize: '$a'}", "null")],
        bson_size
    ),
    row!(
        "$isNumber",
        Args::Exactly(1),
        "Whether a value is an int, long, double or decimal.",
        [("{a: 1.5}", "{$isNumber: '$a'}", "true"), ("{a: '1'}", "{$isNumber: '$a'}", "false")],
        is_number
    ),
    row!(
        "$subtype",
        Args::Exactly(1),
        "The subtype of binary data.",
        [("{a: {$binary: {base64: 'AA==', subType: '80'}}}", "{$subtype: '$a'}", "128")],
        subtype
    ),
    row!(
        "$type",
        Args::Exactly(1),
        "The name of a value's type; \"missing\" for a field that is not there.",
        [("{a: 1}", "{$type: '$a'}", "'int'"), ("{}", "{$type: '$a'}", "'missing'")],
        type_name
    ),
];

fn binary_size<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    match args[0].view() {
        View::String(bytes) | View::Binary { bytes, .. } => Ok(int_value(bytes.len() as i64)),
        View::Nothing | View::Null | View::Undefined => Ok(Value::NULL),
        _ => {
            let found = args[0].tag().name();
            Err(Error::location(51276, format!("$binarySize requires a string or BinData argument, found: {found}")))
        }
    }
}

fn bson_size<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    match args[0].as_doc() {
        Some(doc) => Ok(int_value(doc.as_bytes().len() as i64)),
        None if args[0].is_nullish() => Ok(Value::NULL),
        None => {
            let found = args[0].tag().name();
            Err(Error::location(31393, format!("$bsonSize requires a document input, found: {found}")))
        }
    }
}

fn is_number<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(Value::bool(args[0].is_number()))
}

fn subtype<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    match args[0].view() {
        View::Binary { subtype, .. } => Ok(Value::int32(subtype.into())),
        View::Nothing | View::Null | View::Undefined => Ok(Value::NULL),
        _ => {
            Err(Error::type_mismatch(format!("$subtype requires a BinData argument, found: {}", args[0].tag().name())))
        }
    }
}

fn type_name<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(Value::string(args[0].tag().name()))
}
