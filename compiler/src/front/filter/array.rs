//! `$all`, `$elemMatch` and `$size`.

use smongo_vm::value::{RawDoc, Value, View};
use smongo_vm::{Error, Result};

use super::echo::echo_element;
use super::field::{self, Operator};
use super::integer::non_negative;
use super::{Parser, Target, all_of, compare, is_part_of_reference, parse_document, regex, top_level_operator};
use crate::ir::{ArrayRule, Filter, LeafTest};

/// The largest `$size` that an array could have.
const MAX_SIZE: i64 = i32::MAX as i64;

/// `$all`: each member of the list is equal to, matches, or element-matches some value at the path. An empty list
/// matches nothing.
pub(super) fn all(value: Value<'_>, operator: &Operator<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    let list = value.as_array().ok_or_else(|| Error::bad_value("$all needs an array"))?;
    let Some(first) = list.get_index(0) else { return Ok(Some(Filter::Always(false))) };
    let target = operator.target;
    let parts = if elem_match_argument(first).is_some() {
        list.values().map(|member| all_elem_match(member, target, parser)).collect::<Result<_>>()?
    } else {
        list.values().map(|member| all_member(member, target, parser)).collect::<Result<_>>()?
    };
    Ok(Some(all_of(parts)))
}

/// The argument of `{$elemMatch: …}`, when the value is such a document.
fn elem_match_argument(value: Value<'_>) -> Option<Value<'_>> {
    value.as_doc()?.iter().next().filter(|first| first.name() == b"$elemMatch").map(|first| first.value())
}

fn all_elem_match(member: Value<'_>, target: &Target, parser: &mut Parser<'_>) -> Result<Filter> {
    let argument =
        elem_match_argument(member).ok_or_else(|| Error::bad_value("$all/$elemMatch has to be consistent"))?;
    parse_elem_match(argument, target, parser)
}

fn all_member(member: Value<'_>, target: &Target, parser: &mut Parser<'_>) -> Result<Filter> {
    match member.view() {
        View::Regex { .. } => regex::literal(member, target),
        View::Document(doc) if doc.iter().next().is_some_and(|first| field::is_operator(first.name_str())) => {
            Err(Error::bad_value("no $ expressions in $all"))
        }
        _ => compare::equality(member, target, parser),
    }
}

/// `$elemMatch`: one element of the array satisfies everything.
pub(super) fn elem_match(value: Value<'_>, operator: &Operator<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    parse_elem_match(value, operator.target, parser).map(Some)
}

fn parse_elem_match(value: Value<'_>, target: &Target, parser: &mut Parser<'_>) -> Result<Filter> {
    let doc = value.as_doc().ok_or_else(|| Error::bad_value("$elemMatch needs an Object"))?;
    let path = target.path(ArrayRule::Whole);
    if tests_values(doc) {
        let filter = parser.in_element(|parser| field::parse_operators(doc, &Target::element(), parser))?;
        return Ok(Filter::ElemMatchValue { path, filter: Box::new(filter) });
    }
    if doc.get("$where").is_some() {
        return Err(Error::bad_value("$elemMatch cannot contain $where expression"));
    }
    let filter = parser.in_element(|parser| parse_document(doc, parser))?;
    Ok(Filter::ElemMatchObject { path, filter: Box::new(filter) })
}

/// Whether the argument of `$elemMatch` is a document of operators on the element itself, as opposed to a filter on
/// elements that are documents.
fn tests_values(doc: &RawDoc) -> bool {
    let Some(first) = doc.iter().next() else { return false };
    let name = first.name_str();
    name.starts_with('$') && top_level_operator(name).is_none() && !is_part_of_reference(doc)
}

/// `$size`: the array at the path has exactly so many elements.
pub(super) fn size(value: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let failed = |reason: &str| Error::bad_value(format!("Failed to parse $size. {reason}"));
    let size = non_negative(operator.name, value).map_err(|error| failed(error.message()))?;
    if size > MAX_SIZE {
        let echo = echo_element(operator.name, value);
        return Err(failed(&format!("Cannot represent in an int: {echo}")));
    }
    Ok(Some(operator.target.whole(LeafTest::Size(size))))
}
