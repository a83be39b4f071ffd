//! `$eq`, `$ne`, `$lt`, `$lte`, `$gt`, `$gte`, and equality without an operator.
//!
//! Ranges hold only between values of one type class; `null` equals a missing path. Both are the test's business.

use smongo_vm::value::{OwnedValue, Tag, Value};
use smongo_vm::{Error, Result};

use super::field::Operator;
use super::{Parser, Target, negation, operand};
use crate::ir::{Filter, LeafTest};

/// `{a: value}`.
pub(super) fn equality(value: Value<'_>, target: &Target, parser: &mut Parser<'_>) -> Result<Filter> {
    Ok(target.leaf(LeafTest::Eq(operand(value, parser)?)))
}

/// `$eq`. A regular expression is compared with, not matched.
pub(super) fn eq(value: Value<'_>, operator: &Operator<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    equality(value, operator.target, parser).map(Some)
}

/// `$ne`: no value at the path is equal.
pub(super) fn ne(value: Value<'_>, operator: &Operator<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    if value.tag() == Tag::Regex {
        return Err(Error::bad_value("Can't have regex as arg to $ne."));
    }
    Ok(Some(negation(equality(value, operator.target, parser)?)))
}

/// `$lt` and its family.
pub(super) fn range(
    value: Value<'_>,
    operator: &Operator<'_>,
    parser: &mut Parser<'_>,
    test: fn(OwnedValue) -> LeafTest,
) -> Result<Option<Filter>> {
    if value.tag() == Tag::Regex {
        let name = &operator.target.name;
        return Err(Error::bad_value(format!("Can't have RegEx as arg to predicate over field '{name}'.")));
    }
    Ok(Some(operator.target.leaf(test(operand(value, parser)?))))
}
