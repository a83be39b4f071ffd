//! `$push`: appends values to an array, or inserts them, then sorts it, then cuts it.

use std::cmp::Ordering;

use crate::error::{Error, Result};
use crate::value::{OwnedValue, RawDoc, Value, compare_with};

use super::context::UpdateContext;
use super::element::Slot;
use super::operator::{Arg, Change};
use super::place::Place;

/// The arguments of `$push`.
#[derive(Clone, PartialEq, Debug)]
pub struct Push {
    /// An array of the values to push.
    pub values: Arg,
    /// `$position`: an integer; negative counts from the end.
    pub position: Option<Arg>,
    /// `$sort`.
    pub sort: Option<PushSort>,
    /// `$slice`: an integer; negative keeps the end.
    pub slice: Option<Arg>,
}

/// How `$push` sorts.
#[derive(Clone, PartialEq, Debug)]
pub enum PushSort {
    /// By the elements themselves.
    Whole {
        /// Whether the greatest comes first.
        descending: bool,
    },
    /// By fields of elements that are documents.
    Fields(Vec<SortField>),
}

/// A field that `$push` sorts by.
#[derive(Clone, PartialEq, Debug)]
pub struct SortField {
    /// The components of its path.
    pub path: Box<[Box<str>]>,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// Writes the array with the values pushed.
pub(super) fn change(
    existing: Value<'_>,
    push: &Push,
    args: &[OwnedValue],
    place: &Place<'_>,
    context: &UpdateContext<'_>,
    slot: Slot<'_, '_>,
) -> Result<Change> {
    let Some(array) = existing.as_array() else {
        return Err(Error::bad_value(format!(
            "The field '{}' must be an array but is of type {} in document {{{}}}",
            place.path(),
            existing.tag().name(),
            place.id()
        )));
    };
    write(array, push, args, context, slot)
}

/// Writes a new array of the values.
pub(super) fn create(
    push: &Push,
    args: &[OwnedValue],
    context: &UpdateContext<'_>,
    slot: Slot<'_, '_>,
) -> Result<Change> {
    write(RawDoc::EMPTY, push, args, context, slot)
}

fn write(
    array: &RawDoc,
    push: &Push,
    args: &[OwnedValue],
    context: &UpdateContext<'_>,
    slot: Slot<'_, '_>,
) -> Result<Change> {
    let pushed = push.values.of(args).as_array().unwrap_or(RawDoc::EMPTY);
    if push.position.is_none() && push.sort.is_none() && push.slice.is_none() {
        return Ok(slot.set_extended(array, pushed.values()));
    }
    let mut elements: Vec<Value<'_>> = array.values().collect();
    let at = insertion_index(integer(push.position, args), elements.len());
    elements.splice(at..at, pushed.values());
    if let Some(sort) = &push.sort {
        elements.sort_by(|&a, &b| sort.compare(a, b, context));
    }
    match integer(push.slice, args) {
        None => {}
        Some(kept) if kept >= 0 => elements.truncate(usize::try_from(kept).unwrap_or(usize::MAX)),
        Some(kept) => {
            let kept = usize::try_from(kept.unsigned_abs()).unwrap_or(usize::MAX);
            elements.drain(..elements.len().saturating_sub(kept));
        }
    }
    Ok(slot.set_array(elements))
}

fn integer(arg: Option<Arg>, args: &[OwnedValue]) -> Option<i64> {
    arg.and_then(|arg| arg.of(args).as_integer())
}

/// Where pushed values go in an array of `len` elements.
fn insertion_index(position: Option<i64>, len: usize) -> usize {
    match position {
        None => len,
        Some(position) if position >= 0 => usize::try_from(position).map_or(len, |at| at.min(len)),
        Some(position) => usize::try_from(position.unsigned_abs()).map_or(0, |back| len.saturating_sub(back)),
    }
}

impl PushSort {
    fn compare(&self, a: Value<'_>, b: Value<'_>, context: &UpdateContext<'_>) -> Ordering {
        let directed = |ordering: Ordering, descending| if descending { ordering.reverse() } else { ordering };
        match self {
            PushSort::Whole { descending } => directed(compare_with(a, b, context.strings), *descending),
            PushSort::Fields(fields) => fields
                .iter()
                .map(|field| {
                    let ordering = compare_with(field.of(a), field.of(b), context.strings);
                    directed(ordering, field.descending)
                })
                .find(|ordering| ordering.is_ne())
                .unwrap_or(Ordering::Equal),
        }
    }
}

impl SortField {
    /// The value to sort `element` by: null where there is none.
    fn of<'v>(&self, element: Value<'v>) -> Value<'v> {
        let Some(mut value) = element.as_doc().map(Value::document) else {
            return Value::NULL;
        };
        for name in &self.path {
            match value.as_container().and_then(|container| container.get(name)) {
                Some(inner) => value = inner,
                None => return Value::NULL,
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_cut_to_the_array() {
        for (position, at) in
            [(None, 3), (Some(0), 0), (Some(2), 2), (Some(9), 3), (Some(-1), 2), (Some(-3), 0), (Some(i64::MIN), 0)]
        {
            assert_eq!(insertion_index(position, 3), at, "{position:?}");
        }
    }
}
