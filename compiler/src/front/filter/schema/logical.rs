//! `allOf`, `anyOf`, `oneOf` and `not`: schemas for the same subject, combined.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::super::all_of as conjunction;
use super::{Keyword, Parser, must_be, negation, object, parse_schema};
use crate::ir::Filter;

/// `allOf`.
pub(super) fn all_of(value: Value<'_>, keyword: &Keyword<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    Ok(Some(conjunction(schemas(value, keyword, parser)?)))
}

/// `anyOf`.
pub(super) fn any_of(value: Value<'_>, keyword: &Keyword<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    Ok(Some(Filter::Or(schemas(value, keyword, parser)?)))
}

/// `oneOf`.
pub(super) fn one_of(value: Value<'_>, keyword: &Keyword<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    Ok(Some(Filter::ExactlyOne(schemas(value, keyword, parser)?)))
}

/// `not`.
pub(super) fn not(value: Value<'_>, keyword: &Keyword<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    let schema = object(value, keyword.name)?;
    Ok(Some(negation(parse_schema(schema, keyword.subject, parser)?)))
}

fn schemas(value: Value<'_>, keyword: &Keyword<'_>, parser: &mut Parser<'_>) -> Result<Vec<Filter>> {
    let list = value.as_array().ok_or_else(|| must_be(keyword.name, "an array"))?;
    if list.is_empty() {
        return Err(Error::bad_value(format!("$jsonSchema keyword '{}' must be a non-empty array", keyword.name)));
    }
    let one = |schema: Value<'_>| {
        let schema = schema.as_doc().ok_or_else(|| must_be(keyword.name, "an array of objects"))?;
        parse_schema(schema, keyword.subject, parser)
    };
    list.values().map(one).collect()
}
