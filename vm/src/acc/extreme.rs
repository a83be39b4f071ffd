//! `$min $max`: the least and the greatest value that is not null. Of equal values the first one stays.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use bumpalo::Bump;

use super::{Accumulator, Definition, Example, Form, Kept, Sliding, first, strings};
use crate::collation::Collation;
use crate::error::Result;
use crate::value::{Value, compare_with};

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$max",
        form: Form::One,
        doc: "The greatest of the values that are not null; null when there are none.",
        example: Some(Example { documents: "[{a: 1}, {a: 3}, {a: null}]", argument: "'$a'", value: "3" }),
        begin: Some(|_| Ok(Box::new(Extreme::new(Ordering::Greater)))),
        begin_sliding: Some(|_| Ok(Box::new(SlidingExtreme::new(Ordering::Greater)))),
    },
    Definition {
        name: "$min",
        form: Form::One,
        doc: "The least of the values that are not null; null when there are none.",
        example: Some(Example { documents: "[{a: 2}, {a: 1}, {}]", argument: "'$a'", value: "1" }),
        begin: Some(|_| Ok(Box::new(Extreme::new(Ordering::Less)))),
        begin_sliding: Some(|_| Ok(Box::new(SlidingExtreme::new(Ordering::Less)))),
    },
];

struct Extreme {
    /// How a value must compare with the best so far to take its place.
    wins: Ordering,
    best: Kept,
    collation: Option<Arc<Collation>>,
}

impl Extreme {
    fn new(wins: Ordering) -> Self {
        Self { wins, best: Kept::NOTHING, collation: None }
    }
}

impl Accumulator for Extreme {
    #[inline]
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let value = first(args);
        if value.is_nullish() {
            return Ok(());
        }
        let best = self.best.get();
        if best.is_nothing() || compare_with(value, best, strings(&self.collation)) == self.wins {
            *held = held.saturating_sub(self.best.heap_bytes());
            self.best.set(value);
            *held += self.best.heap_bytes();
        }
        Ok(())
    }

    fn set_collation(&mut self, collation: &Arc<Collation>) {
        self.collation = Some(collation.clone());
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        let best = self.best.get();
        Ok(if best.is_nothing() { Value::NULL } else { best })
    }
}

/// The values that may yet become the extreme of a window: each is beaten only by older ones.
pub(super) struct SlidingExtreme {
    wins: Ordering,
    /// Values with the numbers of their documents.
    candidates: VecDeque<(u64, Kept)>,
    taken: u64,
    removed: u64,
    collation: Option<Arc<Collation>>,
}

impl SlidingExtreme {
    pub(super) fn new(wins: Ordering) -> Self {
        Self { wins, candidates: VecDeque::new(), taken: 0, removed: 0, collation: None }
    }
}

impl Accumulator for SlidingExtreme {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let value = first(args);
        let number = self.taken;
        self.taken += 1;
        if value.is_nullish() {
            return Ok(());
        }
        while let Some((_, last)) = self.candidates.back() {
            if compare_with(value, last.get(), strings(&self.collation)) != self.wins {
                break;
            }
            *held = held.saturating_sub(last.memory_bytes());
            self.candidates.pop_back();
        }
        let kept = Kept::new(value);
        *held += kept.memory_bytes();
        self.candidates.push_back((number, kept));
        Ok(())
    }

    fn set_collation(&mut self, collation: &Arc<Collation>) {
        self.collation = Some(collation.clone());
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        Ok(self.candidates.front().map_or(Value::NULL, |(_, best)| best.get()))
    }
}

impl Sliding for SlidingExtreme {
    fn remove(&mut self, _: &[Value<'_>], held: &mut usize) {
        if self.candidates.front().is_some_and(|(number, _)| *number == self.removed) {
            let gone = self.candidates.pop_front();
            *held = held.saturating_sub(gone.map_or(0, |(_, kept)| kept.memory_bytes()));
        }
        self.removed += 1;
    }
}
