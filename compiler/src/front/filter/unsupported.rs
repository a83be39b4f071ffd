//! Operators that need something this engine does not have. Each is refused as mongod refuses it when it lacks the same
//! thing: no text index, no geospatial index, no script engine.

use smongo_vm::code::Code;
use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::field::Operator;
use super::{Level, Parser};
use crate::ir::Filter;

/// `$where`: scripts are switched off.
pub(super) fn where_clause(_: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    parser.require_top_level("$where")?;
    Err(Error::bad_value("no globalScriptEngine in $where parsing"))
}

/// `$text`: its arguments are checked; no collection has a text index.
pub(super) fn text(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    if parser.level == Level::Element || parser.depth > 1 {
        return Err(Error::bad_value("$text can only be applied to the top-level document"));
    }
    let arguments = value.as_doc().ok_or_else(|| Error::bad_value("$text expects an object"))?;
    let check = |name: &str, expected: &str, is_right: fn(Value<'_>) -> bool| match arguments.get(name) {
        Some(value) if !is_right(value) => {
            let found = value.tag().name();
            Err(Error::type_mismatch(format!("\"{name}\" had the wrong type. Expected {expected}, found {found}")))
        }
        found => Ok(found.is_some()),
    };
    if !check("$search", "string", |value| value.as_str().is_some())? {
        return Err(Error::new(Code::NO_SUCH_KEY, "Missing expected field \"$search\""));
    }
    check("$language", "string", |value| value.as_str().is_some())?;
    check("$caseSensitive", "boolean", |value| value.as_bool().is_some())?;
    check("$diacriticSensitive", "boolean", |value| value.as_bool().is_some())?;
    const KNOWN: [&[u8]; 4] = [b"$search", b"$language", b"$caseSensitive", b"$diacriticSensitive"];
    if arguments.iter().any(|argument| !KNOWN.contains(&argument.name())) {
        return Err(Error::bad_value("extra fields in $text"));
    }
    Err(Error::new(Code::INDEX_NOT_FOUND, "text index required for $text query"))
}

/// `$near` and its family: no collection has a geospatial index.
pub(super) fn near(_: Value<'_>, _: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    Err(Error::new(
        Code::NO_QUERY_EXECUTION_PLANS,
        "error processing query: planner returned error :: caused by :: unable to find index for $geoNear query",
    ))
}

/// `$geoWithin` and `$geoIntersects`.
pub(super) fn geo(_: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    Err(Error::bad_value(format!("{} is not supported by this server", operator.name)))
}
