//! `$minN $maxN $top $topN $bottom $bottomN`: the few that come first in an order, or last. `n` is an integer above
//! zero. A value that comes level with the last one kept does not take its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use bumpalo::Bump;

use super::ends::array_of;
use super::{Accumulator, Definition, Example, Form, Kept, Sliding, append_key, first, second};
use crate::collation::Collation;
use crate::error::Result;
use crate::func::sorted;
use crate::value::{Value, View};

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$minN",
        form: Form::Counted(5_787_900),
        doc: "The smallest values that are not null, smallest first.",
        example: Some(Example {
            documents: "[{a: 3}, {a: null}, {a: 1}, {a: 2}]",
            argument: "{n: 2, input: '$a'}",
            value: "[1, 2]",
        }),
        begin: Some(|settings| Ok(Box::new(Ranked::new(Order::BY_VALUE, End::First, count(settings)?)))),
        begin_sliding: Some(|settings| sliding(Order::BY_VALUE, End::First, count(settings)?)),
    },
    Definition {
        name: "$maxN",
        form: Form::Counted(5_787_900),
        doc: "The largest values that are not null, largest first.",
        example: Some(Example {
            documents: "[{a: 3}, {a: null}, {a: 1}, {a: 2}]",
            argument: "{n: 2, input: '$a'}",
            value: "[3, 2]",
        }),
        begin: Some(|settings| Ok(Box::new(Ranked::new(Order::BY_VALUE_REVERSED, End::Last, count(settings)?)))),
        begin_sliding: Some(|settings| sliding(Order::BY_VALUE_REVERSED, End::Last, count(settings)?)),
    },
    Definition {
        name: "$top",
        form: Form::Ordered { counted: false },
        doc: "The output of the first document in an order.",
        example: Some(Example {
            documents: "[{a: 2, b: 'x'}, {a: 1, b: 'y'}]",
            argument: "{sortBy: {a: 1}, output: '$b'}",
            value: "'y'",
        }),
        begin: Some(|_| Ok(Box::new(Ranked::only(End::First)))),
        begin_sliding: Some(|_| Ok(Box::new(AllRanked::only(End::First)))),
    },
    Definition {
        name: "$topN",
        form: Form::Ordered { counted: true },
        doc: "The outputs of the first documents in an order.",
        example: Some(Example {
            documents: "[{a: 2, b: 'x'}, {a: 1, b: 'y'}, {a: 3}]",
            argument: "{n: 2, sortBy: {a: -1}, output: '$b'}",
            value: "[null, 'x']",
        }),
        begin: Some(|settings| Ok(Box::new(Ranked::new(Order::GIVEN, End::First, count(settings)?)))),
        begin_sliding: Some(|settings| sliding(Order::GIVEN, End::First, count(settings)?)),
    },
    Definition {
        name: "$bottom",
        form: Form::Ordered { counted: false },
        doc: "The output of the last document in an order.",
        example: Some(Example {
            documents: "[{a: 2, b: 'x'}, {a: 1, b: 'y'}]",
            argument: "{sortBy: {a: 1}, output: '$b'}",
            value: "'x'",
        }),
        begin: Some(|_| Ok(Box::new(Ranked::only(End::Last)))),
        begin_sliding: Some(|_| Ok(Box::new(AllRanked::only(End::Last)))),
    },
    Definition {
        name: "$bottomN",
        form: Form::Ordered { counted: true },
        doc: "The outputs of the last documents in an order.",
        example: Some(Example {
            documents: "[{a: 2, b: 'x'}, {a: 1, b: 'y'}, {a: 3, b: 'z'}]",
            argument: "{n: 2, sortBy: {a: 1}, output: '$b'}",
            value: "['x', 'z']",
        }),
        begin: Some(|settings| Ok(Box::new(Ranked::new(Order::GIVEN, End::Last, count(settings)?)))),
        begin_sliding: Some(|settings| sliding(Order::GIVEN, End::Last, count(settings)?)),
    },
];

/// `n`.
pub(super) fn count(settings: &[Value<'_>]) -> Result<usize> {
    sorted::count(first(settings)).map_err(|error| error.or_in_group(7_548_606))
}

fn sliding(order: Order, end: End, count: usize) -> Result<Box<dyn Sliding>> {
    Ok(Box::new(AllRanked { order, end, count: Some(count), entries: BTreeMap::new(), taken: 0, collation: None }))
}

/// Which end of the order is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    First,
    Last,
}

/// By what values are ordered, and which way round they are given.
#[derive(Clone, Copy)]
struct Order {
    /// The key of a document is its first argument, and its value the second; otherwise its only argument is both.
    has_key: bool,
    gives_last_first: bool,
}

impl Order {
    const BY_VALUE: Order = Order { has_key: false, gives_last_first: false };
    const BY_VALUE_REVERSED: Order = Order { has_key: false, gives_last_first: true };
    const GIVEN: Order = Order { has_key: true, gives_last_first: false };

    /// Writes the document's key and gives its value; `None` when the document does not count.
    fn key_and_value<'d>(
        self,
        args: &[Value<'d>],
        collation: &Option<Arc<Collation>>,
        key: &mut Vec<u8>,
    ) -> Option<Value<'d>> {
        key.clear();
        if self.has_key {
            key.extend_from_slice(sort_key(first(args)));
            return Some(second(args));
        }
        let value = first(args);
        if value.is_nullish() {
            return None;
        }
        append_key(value, collation, key);
        Some(value)
    }
}

/// The bytes of a sort key that a program computed.
pub(super) fn sort_key(value: Value<'_>) -> &[u8] {
    match value.view() {
        View::Binary { bytes, .. } => bytes,
        _ => &[],
    }
}

/// Keys, with a number that keeps documents of equal keys in the order of their coming.
type Entries = BTreeMap<(Box<[u8]>, u64), Kept>;

fn entry_bytes(key: &[u8], value: &Kept) -> usize {
    key.len() + size_of::<(Box<[u8]>, u64)>() + value.memory_bytes()
}

fn values<'d>(entries: &'d Entries, order: Order, end: End, count: usize, arena: &'d Bump) -> Result<Value<'d>> {
    let skipped = if end == End::Last { entries.len().saturating_sub(count) } else { 0 };
    let chosen = entries.values().skip(skipped).take(count);
    if order.gives_last_first {
        let chosen: Vec<&Kept> = chosen.collect();
        return array_of(chosen.into_iter().rev(), arena);
    }
    array_of(chosen, arena)
}

fn only_value(entries: &Entries, end: End) -> Value<'_> {
    let entry = if end == End::First { entries.first_key_value() } else { entries.last_key_value() };
    entry.map_or(Value::NULL, |(_, value)| value.get())
}

/// The best so far, no more than are wanted.
struct Ranked {
    order: Order,
    end: End,
    /// How many are wanted, when an array is.
    count: Option<usize>,
    entries: Entries,
    taken: u64,
    key: Vec<u8>,
    collation: Option<Arc<Collation>>,
}

impl Ranked {
    fn new(order: Order, end: End, count: usize) -> Self {
        Self { count: Some(count), order, ..Self::only(end) }
    }

    fn only(end: End) -> Self {
        Self {
            order: Order::GIVEN,
            end,
            count: None,
            entries: BTreeMap::new(),
            taken: 0,
            key: Vec::new(),
            collation: None,
        }
    }

    /// Whether a document of this key comes before the worst of those kept.
    fn is_better(&self, key: &[u8]) -> bool {
        match self.end {
            End::First => self.entries.last_key_value().is_some_and(|((worst, _), _)| *key < **worst),
            End::Last => self.entries.first_key_value().is_some_and(|((worst, _), _)| *key > **worst),
        }
    }
}

impl Accumulator for Ranked {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let mut key = std::mem::take(&mut self.key);
        if let Some(value) = self.order.key_and_value(args, &self.collation, &mut key) {
            let is_full = self.entries.len() >= self.count.unwrap_or(1);
            if !is_full || self.is_better(&key) {
                if is_full {
                    let worst = if self.end == End::First { self.entries.pop_last() } else { self.entries.pop_first() };
                    *held = held.saturating_sub(worst.map_or(0, |((key, _), value)| entry_bytes(&key, &value)));
                }
                let value = Kept::new(value);
                *held += entry_bytes(&key, &value);
                self.entries.insert((key.as_slice().into(), self.taken), value);
                self.taken += 1;
            }
        }
        self.key = key;
        Ok(())
    }

    fn set_collation(&mut self, collation: &Arc<Collation>) {
        self.collation = Some(collation.clone());
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        match self.count {
            Some(count) => values(&self.entries, self.order, self.end, count, arena),
            None => Ok(only_value(&self.entries, self.end)),
        }
    }
}

/// All documents of a window, in order.
struct AllRanked {
    order: Order,
    end: End,
    count: Option<usize>,
    entries: Entries,
    taken: u64,
    collation: Option<Arc<Collation>>,
}

impl AllRanked {
    fn only(end: End) -> Self {
        Self { order: Order::GIVEN, end, count: None, entries: BTreeMap::new(), taken: 0, collation: None }
    }
}

impl Accumulator for AllRanked {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let mut key = Vec::new();
        if let Some(value) = self.order.key_and_value(args, &self.collation, &mut key) {
            let value = Kept::new(value);
            *held += entry_bytes(&key, &value);
            self.entries.insert((key.into(), self.taken), value);
            self.taken += 1;
        }
        Ok(())
    }

    fn set_collation(&mut self, collation: &Arc<Collation>) {
        self.collation = Some(collation.clone());
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        match self.count {
            Some(count) => values(&self.entries, self.order, self.end, count, arena),
            None => Ok(only_value(&self.entries, self.end)),
        }
    }
}

impl Sliding for AllRanked {
    fn remove(&mut self, args: &[Value<'_>], held: &mut usize) {
        let mut key = Vec::new();
        if self.order.key_and_value(args, &self.collation, &mut key).is_none() {
            return;
        }
        // Of the documents with this key, the oldest has the smallest number.
        let oldest = self.entries.range((key.clone().into(), 0)..).next().map(|(entry, _)| entry.clone());
        if let Some(entry) = oldest.filter(|(found, _)| **found == *key) {
            let gone = self.entries.remove(&entry);
            *held = held.saturating_sub(gone.map_or(0, |value| entry_bytes(&key, &value)));
        }
    }
}
