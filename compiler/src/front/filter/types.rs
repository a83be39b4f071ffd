//! `$type`: the value, or an element of the array at the path, is of one of the types.
//!
//! A type is named by BSON's number, by an alias, or is `"number"`; several stand in an array.

use smongo_vm::program::TypeSet;
use smongo_vm::value::{Tag, Value, View};
use smongo_vm::{Error, Result};

use super::Parser;
use super::echo::echo_number;
use super::field::Operator;
use super::integer::to_exact_i64;
use crate::ir::{Filter, LeafTest};

/// Every type that has a number.
const TYPES: &[Tag] = &[
    Tag::Double,
    Tag::String,
    Tag::Document,
    Tag::Array,
    Tag::Binary,
    Tag::Undefined,
    Tag::ObjectId,
    Tag::Bool,
    Tag::DateTime,
    Tag::Null,
    Tag::Regex,
    Tag::DbPointer,
    Tag::JavaScript,
    Tag::Symbol,
    Tag::JavaScriptWithScope,
    Tag::Int32,
    Tag::Timestamp,
    Tag::Int64,
    Tag::Decimal128,
    Tag::MinKey,
    Tag::MaxKey,
];

pub(super) fn parse(value: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    Ok(Some(operator.target.leaf(LeafTest::Type(type_set(value, operator.name)?))))
}

/// The types that `value` names: one, or an array of them.
pub(super) fn type_set(value: Value<'_>, operator: &str) -> Result<TypeSet> {
    let Some(list) = value.as_array() else { return one_type(value) };
    if list.is_empty() {
        return Err(Error::failed_to_parse(format!("{operator} must match at least one type")));
    }
    list.values().try_fold(TypeSet::EMPTY, |types, value| Ok(types.union(one_type(value)?)))
}

fn one_type(value: Value<'_>) -> Result<TypeSet> {
    match value.view() {
        View::String(_) => by_alias(value.as_str().unwrap_or_default()),
        View::Int32(_) | View::Int64(_) | View::Double(_) | View::Decimal128(_) => by_number(value),
        _ => Err(Error::type_mismatch("type must be represented as a number or a string")),
    }
}

/// The type of this alias, `"number"` included.
pub(super) fn by_alias(alias: &str) -> Result<TypeSet> {
    if alias == "number" {
        return Ok(TypeSet::NUMBER);
    }
    match TYPES.iter().find(|tag| tag.name() == alias) {
        Some(tag) => Ok(TypeSet::EMPTY.with(*tag)),
        None => Err(Error::bad_value(format!("Unknown type name alias: {alias}"))),
    }
}

fn by_number(value: Value<'_>) -> Result<TypeSet> {
    let number = to_exact_i64(value);
    if number == Some(0) {
        return Err(Error::bad_value("Invalid numerical type code: 0. Instead use {$exists:false}."));
    }
    // MinKey's byte is 255; requests call it -1.
    let byte =
        if number == Some(-1) { Some(255) } else { number.and_then(|n| u8::try_from(n).ok()).filter(|&n| n < 255) };
    match byte.and_then(Tag::from_byte) {
        Some(tag) => Ok(TypeSet::EMPTY.with(tag)),
        None => Err(Error::bad_value(format!("Invalid numerical type code: {}", echo_number(value)))),
    }
}
