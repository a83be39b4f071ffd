//! `$first $last $firstN $lastN`: what comes first or last in the order of the input. `n` is an integer above zero.

use std::collections::VecDeque;

use bumpalo::Bump;

use super::{Accumulator, Definition, Example, Form, Kept, Sliding, first, ranked};
use crate::error::Result;
use crate::func::build;
use crate::value::Value;

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$first",
        form: Form::One,
        doc: "The value of the first document.",
        example: Some(Example { documents: "[{a: 1}, {a: 2}]", argument: "'$a'", value: "1" }),
        begin: Some(|_| Ok(Box::new(First(None)))),
        begin_sliding: Some(|_| Ok(Box::new(Ends { side: Side::First, count: None, values: VecDeque::new() }))),
    },
    Definition {
        name: "$last",
        form: Form::One,
        doc: "The value of the last document.",
        example: Some(Example { documents: "[{a: 1}, {a: 2}]", argument: "'$a'", value: "2" }),
        begin: Some(|_| Ok(Box::new(Last(Kept::new(Value::NULL))))),
        begin_sliding: Some(|_| Ok(Box::new(Ends { side: Side::Last, count: None, values: VecDeque::new() }))),
    },
    Definition {
        name: "$firstN",
        form: Form::Counted(5_787_801),
        doc: "The values of the first documents; null stands for missing ones.",
        example: Some(Example {
            documents: "[{a: 1}, {}, {a: 3}]",
            argument: "{n: 2, input: '$a'}",
            value: "[1, null]",
        }),
        begin: Some(|settings| Ok(Box::new(FirstN { count: ranked::count(settings)?, values: Vec::new() }))),
        begin_sliding: Some(|settings| Ok(Box::new(Ends::counted(Side::First, settings)?))),
    },
    Definition {
        name: "$lastN",
        form: Form::Counted(5_787_801),
        doc: "The values of the last documents, in their order; null stands for missing ones.",
        example: Some(Example {
            documents: "[{a: 1}, {a: 2}, {a: 3}]",
            argument: "{n: 2, input: '$a'}",
            value: "[2, 3]",
        }),
        begin: Some(|settings| Ok(Box::new(LastN { count: ranked::count(settings)?, values: VecDeque::new() }))),
        begin_sliding: Some(|settings| Ok(Box::new(Ends::counted(Side::Last, settings)?))),
    },
];

struct First(Option<Kept>);

impl Accumulator for First {
    #[inline]
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        if self.0.is_none() {
            let kept = Kept::new(first(args));
            *held += kept.heap_bytes();
            self.0 = Some(kept);
        }
        Ok(())
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        Ok(self.0.as_ref().map_or(Value::NULL, Kept::get))
    }
}

struct Last(Kept);

impl Accumulator for Last {
    #[inline]
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        *held = held.saturating_sub(self.0.heap_bytes());
        self.0.set(first(args));
        *held += self.0.heap_bytes();
        Ok(())
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        Ok(self.0.get())
    }
}

struct FirstN {
    count: usize,
    values: Vec<Kept>,
}

impl Accumulator for FirstN {
    #[inline]
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        if self.values.len() < self.count {
            let kept = Kept::new(first(args));
            *held += kept.memory_bytes();
            self.values.push(kept);
        }
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        array_of(self.values.iter(), arena)
    }
}

struct LastN {
    count: usize,
    values: VecDeque<Kept>,
}

impl Accumulator for LastN {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let mut kept = Kept::NOTHING;
        if self.values.len() >= self.count {
            // The oldest value's buffer is used again.
            kept = self.values.pop_front().unwrap_or_default();
            *held = held.saturating_sub(kept.memory_bytes());
        }
        kept.set(first(args));
        *held += kept.memory_bytes();
        self.values.push_back(kept);
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        array_of(self.values.iter(), arena)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    First,
    Last,
}

/// All values of a window, of which those at one end are given: one of them, or an array when there is a count.
struct Ends {
    side: Side,
    count: Option<usize>,
    values: VecDeque<Kept>,
}

impl Ends {
    fn counted(side: Side, settings: &[Value<'_>]) -> Result<Self> {
        Ok(Self { side, count: Some(ranked::count(settings)?), values: VecDeque::new() })
    }
}

impl Accumulator for Ends {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let kept = Kept::new(first(args));
        *held += kept.memory_bytes();
        self.values.push_back(kept);
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        let Some(count) = self.count else {
            let end = if self.side == Side::First { self.values.front() } else { self.values.back() };
            return Ok(end.map_or(Value::NULL, Kept::get));
        };
        let skipped = if self.side == Side::First { 0 } else { self.values.len().saturating_sub(count) };
        array_of(self.values.iter().skip(skipped).take(count), arena)
    }
}

impl Sliding for Ends {
    fn remove(&mut self, _: &[Value<'_>], held: &mut usize) {
        let gone = self.values.pop_front();
        *held = held.saturating_sub(gone.map_or(0, |kept| kept.memory_bytes()));
    }
}

/// An array of kept values, null for missing ones.
pub(super) fn array_of<'d, 'k>(values: impl Iterator<Item = &'k Kept>, arena: &'d Bump) -> Result<Value<'d>> {
    build::array(arena, |out| {
        values.for_each(|kept| out.value(kept.get()));
        Ok(())
    })
}
