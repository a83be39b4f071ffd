//! `$addToSet $setUnion`: values without repetition, equal as `$eq` sees them. MongoDB leaves their order open; a
//! group gives them as they came, a window in the order of values.

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::AHashSet;
use bumpalo::Bump;

use super::array::array_argument;
use super::ends::array_of;
use super::{Accumulator, Definition, Example, Form, Kept, Sliding, append_key, first};
use crate::collation::Collation;
use crate::error::Result;
use crate::value::{RawDoc, Value};

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$addToSet",
        form: Form::One,
        doc: "An array of the different values.",
        example: Some(Example { documents: "[{a: 1}, {a: 2}, {a: 1.0}, {}]", argument: "'$a'", value: "[1, 2]" }),
        begin: Some(|_| Ok(Box::new(Growing::new(Source::Value)))),
        begin_sliding: Some(|_| Ok(Box::new(Counted::new(Source::Value)))),
    },
    Definition {
        name: "$setUnion",
        form: Form::One,
        doc: "The different elements of all arrays.",
        example: Some(Example { documents: "[{a: [1, 2]}, {}, {a: [2, 3]}]", argument: "'$a'", value: "[1, 2, 3]" }),
        begin: Some(|_| Ok(Box::new(Growing::new(Source::Elements)))),
        begin_sliding: Some(|_| Ok(Box::new(Counted::new(Source::Elements)))),
    },
];

/// What a document adds to a set.
#[derive(Clone, Copy)]
enum Source {
    Value,
    Elements,
}

impl Source {
    fn for_each<'d>(self, value: Value<'d>, mut visit: impl FnMut(Value<'d>)) -> Result<()> {
        match self {
            Source::Value if value.is_nothing() => {}
            Source::Value => visit(value),
            Source::Elements => {
                array_argument("$setUnion", value)?.unwrap_or(RawDoc::EMPTY).values().for_each(visit);
            }
        }
        Ok(())
    }
}

struct Growing {
    source: Source,
    /// The keys of the members.
    known: AHashSet<Box<[u8]>>,
    members: Vec<Kept>,
    key: Vec<u8>,
    collation: Option<Arc<Collation>>,
}

impl Growing {
    fn new(source: Source) -> Self {
        Self { source, known: AHashSet::new(), members: Vec::new(), key: Vec::new(), collation: None }
    }
}

impl Accumulator for Growing {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let Self { source, known, members, key, collation } = self;
        source.for_each(first(args), |value| {
            key.clear();
            append_key(value, collation, key);
            if !known.contains(key.as_slice()) {
                let kept = Kept::new(value);
                *held += kept.memory_bytes() + key.len() + size_of::<Box<[u8]>>();
                known.insert(key.as_slice().into());
                members.push(kept);
            }
        })
    }

    fn set_collation(&mut self, collation: &Arc<Collation>) {
        self.collation = Some(collation.clone());
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        array_of(self.members.iter(), arena)
    }
}

/// Members by their keys, with how often each is in the window.
struct Counted {
    source: Source,
    members: BTreeMap<Box<[u8]>, (u64, Kept)>,
    collation: Option<Arc<Collation>>,
}

impl Counted {
    fn new(source: Source) -> Self {
        Self { source, members: BTreeMap::new(), collation: None }
    }
}

impl Accumulator for Counted {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let Self { source, members, collation } = self;
        source.for_each(first(args), |value| {
            let mut key = Vec::new();
            append_key(value, collation, &mut key);
            let (count, _) = members.entry(key.into()).or_insert_with_key(|key| {
                let kept = Kept::new(value);
                *held += kept.memory_bytes() + key.len();
                (0, kept)
            });
            *count += 1;
        })
    }

    fn set_collation(&mut self, collation: &Arc<Collation>) {
        self.collation = Some(collation.clone());
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        array_of(self.members.values().map(|(_, kept)| kept), arena)
    }
}

impl Sliding for Counted {
    fn remove(&mut self, args: &[Value<'_>], held: &mut usize) {
        let Self { source, members, collation } = self;
        let removed = source.for_each(first(args), |value| {
            let mut key = Vec::new();
            append_key(value, collation, &mut key);
            if let Some((count, kept)) = members.get_mut(key.as_slice()) {
                *count -= 1;
                if *count == 0 {
                    *held = held.saturating_sub(kept.memory_bytes() + key.len());
                    members.remove(key.as_slice());
                }
            }
        });
        // What was taken in once is of the right type.
        debug_assert!(removed.is_ok());
    }
}
