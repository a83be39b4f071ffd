//! `$push $concatArrays`: arrays of everything that came by, in its order.

use std::collections::VecDeque;

use bumpalo::Bump;

use super::ends::array_of;
use super::{Accumulator, Definition, Example, Form, Kept, Sliding, first};
use crate::error::{Error, Result};
use crate::func::build;
use crate::value::{RawDoc, Value, extjson};

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$push",
        form: Form::One,
        doc: "An array of the values that are there.",
        example: Some(Example { documents: "[{a: 1}, {}, {a: null}]", argument: "'$a'", value: "[1, null]" }),
        begin: Some(|_| Ok(Box::new(Pushing(VecDeque::new())))),
        begin_sliding: Some(|_| Ok(Box::new(Pushing(VecDeque::new())))),
    },
    Definition {
        name: "$concatArrays",
        form: Form::One,
        doc: "The elements of all arrays, in one array.",
        example: Some(Example { documents: "[{a: [1]}, {}, {a: [2, 1]}]", argument: "'$a'", value: "[1, 2, 1]" }),
        begin: Some(|_| Ok(Box::new(Concatenating(VecDeque::new())))),
        begin_sliding: Some(|_| Ok(Box::new(Concatenating(VecDeque::new())))),
    },
];

struct Pushing(VecDeque<Kept>);

impl Accumulator for Pushing {
    #[inline]
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let value = first(args);
        if !value.is_nothing() {
            let kept = Kept::new(value);
            *held += kept.memory_bytes();
            self.0.push_back(kept);
        }
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        array_of(self.0.iter(), arena)
    }
}

impl Sliding for Pushing {
    fn remove(&mut self, args: &[Value<'_>], held: &mut usize) {
        if !first(args).is_nothing() {
            let gone = self.0.pop_front();
            *held = held.saturating_sub(gone.map_or(0, |kept| kept.memory_bytes()));
        }
    }
}

/// The array that an accumulator of arrays is given; `None` when there is nothing.
pub(super) fn array_argument<'d>(operator: &str, value: Value<'d>) -> Result<Option<&'d RawDoc>> {
    match value.as_array() {
        Some(array) => Ok(Some(array)),
        None if value.is_nothing() => Ok(None),
        None => Err(Error::type_mismatch(format!(
            "{operator} requires array inputs, but input {} is of type {}",
            extjson::to_string_shell(value),
            value.tag().name()
        ))),
    }
}

/// Whole arrays, opened when the value is asked for.
struct Concatenating(VecDeque<Kept>);

impl Accumulator for Concatenating {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let value = first(args);
        if array_argument("$concatArrays", value)?.is_some() {
            let kept = Kept::new(value);
            *held += kept.memory_bytes();
            self.0.push_back(kept);
        }
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        build::array(arena, |out| {
            let arrays = self.0.iter().filter_map(|kept| kept.get().as_array());
            arrays.flat_map(RawDoc::values).for_each(|value| out.value(value));
            Ok(())
        })
    }
}

impl Sliding for Concatenating {
    fn remove(&mut self, args: &[Value<'_>], held: &mut usize) {
        if first(args).as_array().is_some() {
            let gone = self.0.pop_front();
            *held = held.saturating_sub(gone.map_or(0, |kept| kept.memory_bytes()));
        }
    }
}
