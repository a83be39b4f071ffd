//! `$addToSet`, `$pop`, `$pull` and `$pullAll`.

use smongo_vm::update::{End, Operator, PULLED_VALUE, PullCondition, describe};
use smongo_vm::value::{DocBuf, Element, RawDoc, Value, View};
use smongo_vm::{Error, Result};

use super::push::{single, whole_number};
use super::{Parser, describe_element};
use crate::front::filter;

/// `$addToSet: {a: 1}` and `$addToSet: {a: {$each: [1, 2]}}`.
pub(super) fn add_to_set(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let values = match each_clause(field.value())? {
        Some(values) => parser.arg(Value::array(values))?,
        None => parser.arg(Value::array(&single(field.value())))?,
    };
    parser.add(field.name_str(), Operator::AddToSet { values })
}

/// The values of a document that begins with `$each`.
fn each_clause(value: Value<'_>) -> Result<Option<&RawDoc>> {
    let Some(clauses) = value.as_doc() else { return Ok(None) };
    let mut elements = clauses.iter();
    let Some(each) = elements.next().filter(|first| first.name() == b"$each") else { return Ok(None) };
    let Some(values) = each.value().as_array() else {
        return Err(Error::type_mismatch(format!(
            "The argument to $each in $addToSet must be an array but it was of type {}",
            each.value().tag().name()
        )));
    };
    if elements.next().is_some() {
        return Err(Error::bad_value(format!("Found unexpected fields after $each in $addToSet: {}", describe(value))));
    }
    Ok(Some(values))
}

/// `$pop: {a: 1}` and `$pop: {a: -1}`.
pub(super) fn pop(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    if !field.value().is_number() {
        return Err(Error::failed_to_parse(format!("Expected a number in: {}", describe_element(field))));
    }
    let end = match whole_number(field.value()) {
        Some(1) => End::Last,
        Some(-1) => End::First,
        Some(other) => return Err(Error::failed_to_parse(format!("$pop expects 1 or -1, found: {other}"))),
        None => return Err(Error::failed_to_parse(format!("Expected an integer: {}", describe_element(field)))),
    };
    parser.add(field.name_str(), Operator::Pop(end))
}

/// `$pull: {a: 1}`, `$pull: {a: {$gt: 1}}` and `$pull: {a: {x: 1}}`.
pub(super) fn pull(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let value = field.value();
    let condition = match value.view() {
        View::Document(condition) if !begins_with_field_operator(condition) => {
            PullCondition::Document(parser.predicate(condition)?)
        }
        View::Document(_) | View::Regex { .. } => {
            let wrapped = DocBuf::build(|filter| filter.value(PULLED_VALUE, value));
            PullCondition::Value(parser.predicate(&wrapped)?)
        }
        _ => PullCondition::Equal(parser.arg(value)?),
    };
    parser.add(field.name_str(), Operator::Pull(condition))
}

fn begins_with_field_operator(condition: &RawDoc) -> bool {
    condition.iter().next().is_some_and(|first| filter::is_field_operator(first.name_str()))
}

/// `$pullAll: {a: [1, 2]}`.
pub(super) fn pull_all(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    if field.value().as_array().is_none() {
        return Err(Error::bad_value(format!(
            "$pullAll requires an array argument but was given a {}",
            field.value().tag().name()
        )));
    }
    let values = parser.arg(field.value())?;
    parser.add(field.name_str(), Operator::PullAll { values })
}
