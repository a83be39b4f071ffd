//! Keywords on documents.

use smongo_vm::regex::Regex;
use smongo_vm::schema::SchemaTest;
use smongo_vm::value::{RawDoc, Value, View};
use smongo_vm::{Error, Result};

use super::super::all_of;
use super::{Keyword, Parser, Subject, bound, distinct_strings, must_be, negation, object, parse_schema};
use crate::ir::{Filter, LeafTest};

/// `required`.
pub(super) fn required(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let names = distinct_strings(value, keyword.name)?;
    Ok(Some(keyword.subject.fields(present(&names))))
}

fn present(names: &[&str]) -> Filter {
    all_of(names.iter().map(|name| exists(name)).collect())
}

fn exists(name: &str) -> Filter {
    Subject::property(name).test(LeafTest::Exists)
}

/// `properties`.
pub(super) fn properties(value: Value<'_>, keyword: &Keyword<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    let mut parts = Vec::new();
    for property in object(value, keyword.name)? {
        let name = property.name_str();
        let schema = property.value().as_doc().ok_or_else(|| nested(name))?;
        let filter = parse_schema(schema, &Subject::property(name), parser)?;
        parts.push(Filter::Or(vec![negation(exists(name)), filter]));
    }
    Ok(Some(keyword.subject.fields(all_of(parts))))
}

#[cold]
fn nested(name: &str) -> Error {
    Error::type_mismatch(format!("Nested schema for $jsonSchema property '{name}' must be an object"))
}

/// `patternProperties`, with `additionalProperties` beside it.
pub(super) fn pattern_properties(
    value: Value<'_>,
    keyword: &Keyword<'_>,
    parser: &mut Parser<'_>,
) -> Result<Option<Filter>> {
    let mut patterns = Vec::new();
    for property in object(value, keyword.name)? {
        let pattern = property.name_str();
        let schema = property.value().as_doc().ok_or_else(|| nested(pattern))?;
        Regex::new(pattern, "")?;
        patterns.push((pattern.to_owned(), parse_schema(schema, &Subject::VALUE, parser)?));
    }
    fields(patterns, keyword, parser).map(Some)
}

/// `additionalProperties` without `patternProperties`, which speaks for both.
pub(super) fn additional_properties(
    _: Value<'_>,
    keyword: &Keyword<'_>,
    parser: &mut Parser<'_>,
) -> Result<Option<Filter>> {
    match keyword.schema.get("patternProperties") {
        Some(_) => Ok(None),
        None => fields(Vec::new(), keyword, parser).map(Some),
    }
}

fn fields(patterns: Vec<(String, Filter)>, keyword: &Keyword<'_>, parser: &mut Parser<'_>) -> Result<Filter> {
    let other = match keyword.schema.get("additionalProperties").map(Value::view) {
        None => Filter::Always(true),
        Some(View::Bool(allowed)) => Filter::Always(allowed),
        Some(View::Document(schema)) => parse_schema(schema, &Subject::VALUE, parser)?,
        Some(_) => return Err(must_be("additionalProperties", "an object or a boolean")),
    };
    let known = keyword.schema.get("properties").and_then(Value::as_doc).map(names).unwrap_or_default();
    Ok(keyword.subject.fields(Filter::Fields { known, patterns, other: Box::new(other) }))
}

fn names(properties: &RawDoc) -> Vec<String> {
    properties.iter().map(|property| property.name_str().to_owned()).collect()
}

/// `minProperties`.
pub(super) fn min_properties(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let test = SchemaTest::MinProperties(bound(value, keyword.name)?);
    Ok(Some(keyword.subject.test(LeafTest::Schema(test))))
}

/// `maxProperties`.
pub(super) fn max_properties(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let test = SchemaTest::MaxProperties(bound(value, keyword.name)?);
    Ok(Some(keyword.subject.test(LeafTest::Schema(test))))
}

/// `dependencies`: where a property is present, others must be, or the document must fit a schema.
pub(super) fn dependencies(value: Value<'_>, keyword: &Keyword<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    let mut parts = Vec::new();
    for dependency in object(value, keyword.name)? {
        let name = dependency.name_str();
        let consequence = match dependency.value().view() {
            View::Document(schema) => parse_schema(schema, &Subject::ROOT, parser)?,
            View::Array(_) => present(&distinct_strings(dependency.value(), keyword.name)?),
            _ => {
                return Err(Error::type_mismatch(format!(
                    "$jsonSchema keyword 'dependencies' must contain objects or arrays, but found {} in '{name}'",
                    dependency.value().tag().name()
                )));
            }
        };
        parts.push(Filter::Or(vec![negation(exists(name)), consequence]));
    }
    Ok(Some(keyword.subject.fields(all_of(parts))))
}
