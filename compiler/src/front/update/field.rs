//! Operators whose argument is the value itself: `$set`, `$setOnInsert`, `$unset`, `$min`, `$max`, `$inc`, `$mul`.

use smongo_vm::update::Operator;
use smongo_vm::value::Element;
use smongo_vm::{Error, Result};

use super::{Parser, describe_element};

pub(super) fn set(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let value = parser.arg(field.value())?;
    parser.add(field.name_str(), Operator::Set { value })
}

pub(super) fn set_on_insert(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let value = parser.arg(field.value())?;
    parser.add(field.name_str(), Operator::SetOnInsert { value })
}

/// The argument of `$unset` says nothing.
pub(super) fn unset(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    parser.add(field.name_str(), Operator::Unset)
}

pub(super) fn min(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let value = parser.arg(field.value())?;
    parser.add(field.name_str(), Operator::Min { value })
}

pub(super) fn max(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let value = parser.arg(field.value())?;
    parser.add(field.name_str(), Operator::Max { value })
}

pub(super) fn inc(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    require_number(field, "increment")?;
    let by = parser.arg(field.value())?;
    parser.add(field.name_str(), Operator::Inc { by })
}

pub(super) fn mul(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    require_number(field, "multiply")?;
    let by = parser.arg(field.value())?;
    parser.add(field.name_str(), Operator::Mul { by })
}

fn require_number(field: Element<'_>, verb: &str) -> Result<()> {
    if field.value().is_number() {
        return Ok(());
    }
    Err(Error::type_mismatch(format!("Cannot {verb} with non-numeric argument: {{{}}}", describe_element(field))))
}
