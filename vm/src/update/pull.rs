//! `$pull`: removes the elements of an array that equal a value or match a condition.

use crate::error::{Error, Result};
use crate::value::{DocWriter, OwnedValue, RawDoc, Value, equal_with};

use super::context::UpdateContext;
use super::element::Slot;
use super::operator::{Arg, Change};

/// The field in which a condition on values finds the element.
pub const PULLED_VALUE: &str = "value";

/// Which elements go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PullCondition {
    /// Those that equal the argument.
    Equal(Arg),
    /// Those whose value matches a filter over `{value: <element>}`, as in `{$gte: 5}` or a regular expression.
    Value(u16),
    /// Those that are documents and match a filter over themselves, as in `{x: 5}`.
    Document(u16),
}

/// Writes the array without the elements that the condition picks.
pub(super) fn change(
    existing: Value<'_>,
    condition: &PullCondition,
    args: &[OwnedValue],
    context: &mut UpdateContext<'_>,
    slot: Slot<'_, '_>,
) -> Result<Change> {
    let mut wrapped = Vec::new();
    retain(existing, "$pull", slot, |element| {
        let is_picked = match *condition {
            PullCondition::Equal(arg) => equal_with(element, arg.of(args), context.strings),
            PullCondition::Document(predicate) => match element.as_doc() {
                Some(document) => context.predicates.test(predicate, document)?,
                None => false,
            },
            PullCondition::Value(predicate) => {
                wrapped.clear();
                let mut wrapper = DocWriter::new(&mut wrapped);
                wrapper.value(PULLED_VALUE, element);
                wrapper.finish();
                match RawDoc::from_bytes(&wrapped) {
                    Some(document) => context.predicates.test(predicate, document)?,
                    None => false,
                }
            }
        };
        Ok(!is_picked)
    })
}

/// Writes the array with the elements for which `keep` is true.
pub(super) fn retain(
    existing: Value<'_>,
    operator: &str,
    slot: Slot<'_, '_>,
    mut keep: impl FnMut(Value<'_>) -> Result<bool>,
) -> Result<Change> {
    let Some(array) = existing.as_array() else {
        return Err(Error::bad_value(format!("Cannot apply {operator} to a non-array value")));
    };
    let mut kept = Vec::new();
    let mut count = 0;
    for element in array.values() {
        count += 1;
        if keep(element)? {
            kept.push(element);
        }
    }
    Ok(if kept.len() == count { Change::Kept } else { slot.set_array(kept) })
}
