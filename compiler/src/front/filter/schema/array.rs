//! Keywords on arrays.

use smongo_vm::Result;
use smongo_vm::schema::SchemaTest;
use smongo_vm::value::{RawDoc, Value, View};

use super::super::all_of;
use super::{Keyword, Parser, Subject, bound, flag, must_be, parse_schema};
use crate::ir::{Filter, LeafTest};

/// `items`: one schema for every element, or a list of schemas by position.
pub(super) fn items(value: Value<'_>, keyword: &Keyword<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    let filter = match value.view() {
        View::Document(schema) => each(keyword, 0, None, schema, parser)?,
        View::Array(schemas) => {
            let mut parts = Vec::new();
            for (at, schema) in (0u32..).zip(schemas.values()) {
                let schema = schema.as_doc().ok_or_else(|| must_be(keyword.name, "an array of objects"))?;
                parts.push(each(keyword, at, Some(at + 1), schema, parser)?);
            }
            all_of(parts)
        }
        _ => return Err(must_be(keyword.name, "an array or an object")),
    };
    Ok(Some(filter))
}

/// `additionalItems`: the elements behind those that a list in `items` speaks of.
pub(super) fn additional_items(
    value: Value<'_>,
    keyword: &Keyword<'_>,
    parser: &mut Parser<'_>,
) -> Result<Option<Filter>> {
    let filter = match value.view() {
        View::Bool(true) => Filter::Always(true),
        View::Bool(false) => Filter::Always(false),
        View::Document(schema) => parse_schema(schema, &Subject::VALUE, parser)?,
        _ => return Err(must_be(keyword.name, "either an object or a boolean")),
    };
    let Some(items) = keyword.schema.get("items").and_then(Value::as_array) else { return Ok(None) };
    let from = u32::try_from(items.iter().count()).unwrap_or(u32::MAX);
    Ok(Some(Filter::Elements { path: keyword.subject.path(), from, to: None, filter: Box::new(filter) }))
}

fn each(keyword: &Keyword<'_>, from: u32, to: Option<u32>, schema: &RawDoc, parser: &mut Parser<'_>) -> Result<Filter> {
    let filter = Box::new(parse_schema(schema, &Subject::VALUE, parser)?);
    Ok(Filter::Elements { path: keyword.subject.path(), from, to, filter })
}

/// `minItems`.
pub(super) fn min_items(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let test = SchemaTest::MinItems(bound(value, keyword.name)?);
    Ok(Some(keyword.subject.test(LeafTest::Schema(test))))
}

/// `maxItems`.
pub(super) fn max_items(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let test = SchemaTest::MaxItems(bound(value, keyword.name)?);
    Ok(Some(keyword.subject.test(LeafTest::Schema(test))))
}

/// `uniqueItems`.
pub(super) fn unique_items(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let test = flag(value, keyword.name)?.then_some(LeafTest::Schema(SchemaTest::UniqueItems));
    Ok(test.map(|test| keyword.subject.test(test)))
}
