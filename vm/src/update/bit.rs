//! `$bit`: and, or and xor on int32 and int64. A missing field counts as 0.

use crate::error::{Error, Result};
use crate::value::{OwnedValue, Tag, Value};

use super::element::Slot;
use super::operator::{Arg, Change};
use super::place::Place;

/// A bitwise operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum BitOperation {
    And,
    Or,
    Xor,
}

/// Writes the result of the operations on an integer.
pub(super) fn change(
    existing: Value<'_>,
    operations: &[(BitOperation, Arg)],
    args: &[OwnedValue],
    place: &Place<'_>,
    slot: Slot<'_, '_>,
) -> Result<Change> {
    let Some(mut bits) = existing.as_integer() else {
        return Err(Error::bad_value(format!(
            "Cannot apply $bit to a value of non-integral type.{{{}}} has the field {} of non-integer type {}",
            place.id(),
            place.name(),
            existing.tag().name()
        )));
    };
    let mut is_long = existing.tag() == Tag::Int64;
    for &(operation, arg) in operations {
        let operand = arg.of(args);
        is_long |= operand.tag() == Tag::Int64;
        let operand = operand.as_integer().unwrap_or(0);
        // A sign-extended int32 gives the same low 32 bits under these operations, so one width serves both.
        bits = match operation {
            BitOperation::And => bits & operand,
            BitOperation::Or => bits | operand,
            BitOperation::Xor => bits ^ operand,
        };
    }
    Ok(slot.set(if is_long { Value::int64(bits) } else { Value::int32(bits as i32) }))
}

/// Writes the result of the operations on 0.
pub(super) fn create(
    operations: &[(BitOperation, Arg)],
    args: &[OwnedValue],
    place: &Place<'_>,
    slot: Slot<'_, '_>,
) -> Result<Change> {
    change(Value::int32(0), operations, args, place, slot)
}
