//! Keywords on numbers and strings, and `enum`.

use smongo_vm::program::TypeSet;
use smongo_vm::regex::Regex;
use smongo_vm::schema::{SchemaTest, as_decimal, equal_unordered};
use smongo_vm::value::{OwnedValue, Tag, Value, compare};
use smongo_vm::{Error, Result};

use super::{Keyword, Parser, bound, elements, flag, must_be};
use crate::ir::{Filter, LeafTest};

/// `enum`.
pub(super) fn one_of(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let values = elements(value, keyword.name)?;
    let repeated =
        |(at, value): (usize, Value<'_>)| values.values().take(at).any(|other| equal_unordered(value, other));
    if values.values().enumerate().any(repeated) {
        return Err(Error::failed_to_parse("$jsonSchema keyword 'enum' array cannot contain duplicate values."));
    }
    let values = values.values().map(OwnedValue::new).collect();
    Ok(Some(keyword.subject.test(LeafTest::Schema(SchemaTest::OneOf(values)))))
}

/// `minimum`, strict when `exclusiveMinimum` is true.
pub(super) fn minimum(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    limit(value, keyword, "exclusiveMinimum", LeafTest::Gte, LeafTest::Gt)
}

/// `maximum`, strict when `exclusiveMaximum` is true.
pub(super) fn maximum(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    limit(value, keyword, "exclusiveMaximum", LeafTest::Lte, LeafTest::Lt)
}

fn limit(
    value: Value<'_>,
    keyword: &Keyword<'_>,
    exclusive: &str,
    inclusive_test: fn(OwnedValue) -> LeafTest,
    exclusive_test: fn(OwnedValue) -> LeafTest,
) -> Result<Option<Filter>> {
    number(value, keyword.name)?;
    let is_exclusive = keyword.schema.get(exclusive).map_or(Ok(false), |value| flag(value, exclusive))?;
    let test = if is_exclusive { exclusive_test } else { inclusive_test };
    let subject = keyword.subject;
    Ok(Some(subject.when(TypeSet::NUMBER, subject.test(test(OwnedValue::new(value))))))
}

/// `exclusiveMinimum` and `exclusiveMaximum`, which only change the limit beside them.
pub(super) fn exclusive(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    flag(value, keyword.name)?;
    let limit = if keyword.name == "exclusiveMinimum" { "minimum" } else { "maximum" };
    match keyword.schema.get(limit) {
        Some(_) => Ok(None),
        None => Err(Error::failed_to_parse(format!(
            "$jsonSchema keyword '{limit}' must be a present if {} is present",
            keyword.name
        ))),
    }
}

/// `multipleOf`.
pub(super) fn multiple_of(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    number(value, keyword.name)?;
    if compare(value, Value::int32(0)).is_le() {
        return Err(Error::failed_to_parse("$jsonSchema keyword 'multipleOf' must have a positive value"));
    }
    let divisor = as_decimal(value).ok_or_else(|| must_be(keyword.name, "a number"))?;
    Ok(Some(keyword.subject.test(LeafTest::Schema(SchemaTest::MultipleOf(divisor)))))
}

fn number(value: Value<'_>, keyword: &str) -> Result<()> {
    if value.is_number() { Ok(()) } else { Err(must_be(keyword, "a number")) }
}

/// `minLength`.
pub(super) fn min_length(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let test = SchemaTest::MinLength(bound(value, keyword.name)?);
    Ok(Some(keyword.subject.test(LeafTest::Schema(test))))
}

/// `maxLength`.
pub(super) fn max_length(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let test = SchemaTest::MaxLength(bound(value, keyword.name)?);
    Ok(Some(keyword.subject.test(LeafTest::Schema(test))))
}

/// `pattern`: matches somewhere in the string.
pub(super) fn pattern(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let pattern = value.as_str().ok_or_else(|| must_be(keyword.name, "a string"))?;
    Regex::new(pattern, "")?;
    let subject = keyword.subject;
    let test = LeafTest::Regex { pattern: pattern.to_owned(), options: String::new() };
    Ok(Some(subject.when(TypeSet::EMPTY.with(Tag::String), subject.test(test))))
}
