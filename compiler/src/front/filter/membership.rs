//! `$in` and `$nin`: equality with one of several values, or a match with one of several patterns.

use smongo_vm::value::{Value, View};
use smongo_vm::{Error, Result};

use super::field::Operator;
use super::{Parser, is_operator_document, negation, regex};
use crate::ir::{Filter, LeafTest};

/// `$in`. An empty list matches nothing.
pub(super) fn in_list(value: Value<'_>, operator: &Operator<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    parse(value, operator, parser).map(Some)
}

/// `$nin`: `$in` does not hold.
pub(super) fn not_in_list(
    value: Value<'_>,
    operator: &Operator<'_>,
    parser: &mut Parser<'_>,
) -> Result<Option<Filter>> {
    Ok(Some(negation(parse(value, operator, parser)?)))
}

fn parse(value: Value<'_>, operator: &Operator<'_>, parser: &mut Parser<'_>) -> Result<Filter> {
    let name = operator.name;
    let list = value.as_array().ok_or_else(|| Error::bad_value(format!("{name} needs an array")))?;
    let mut values = Vec::new();
    let mut patterns = Vec::new();
    for member in list.values() {
        match member.view() {
            View::Regex { .. } => patterns.push(regex::parts_of_literal(member)?),
            View::Undefined => return Err(Error::bad_value("InMatchExpression equality cannot be undefined")),
            View::Document(doc) if is_operator_document(doc) => {
                return Err(Error::bad_value(format!("cannot nest $ under {name}")));
            }
            _ => values.push(parser.ctx.literal(member)),
        }
    }
    Ok(operator.target.leaf(LeafTest::In { values, patterns }))
}
