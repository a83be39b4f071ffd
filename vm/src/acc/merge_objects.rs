//! `$mergeObjects`: one document of many. Null and missing are passed over; anything else that is no document fails.

use ahash::AHashMap;
use bumpalo::Bump;

use super::{Accumulator, Definition, Example, Form, Kept, first};
use crate::error::{Error, Result};
use crate::func::build;
use crate::value::{Value, extjson};

/// The row.
pub(super) static DEFINITIONS: &[Definition] = &[Definition {
    name: "$mergeObjects",
    form: Form::One,
    doc: "A document with the fields of all documents; of a field that several have, the last value.",
    example: Some(Example {
        documents: "[{a: {x: 1, y: 1}}, {}, {a: {y: 2, z: 3}}]",
        argument: "'$a'",
        value: "{x: 1, y: 2, z: 3}",
    }),
    begin: Some(|_| Ok(Box::new(Merging::default()))),
    begin_sliding: None,
}];

#[derive(Default)]
struct Merging {
    /// Where each name stands among the fields.
    places: AHashMap<Box<[u8]>, usize>,
    fields: Vec<(Box<[u8]>, Kept)>,
}

impl Accumulator for Merging {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let value = first(args);
        if value.is_nullish() {
            return Ok(());
        }
        let Some(doc) = value.as_doc() else {
            let message = format!(
                "$mergeObjects requires object inputs, but input {} is of type {}",
                extjson::to_string_shell(value),
                value.tag().name()
            );
            return Err(Error::location(40400, message).or_in_group(5_911_200));
        };
        for element in doc {
            let name = element.name();
            if let Some(&at) = self.places.get(name) {
                let kept = &mut self.fields[at].1;
                *held = held.saturating_sub(kept.heap_bytes());
                kept.set(element.value());
                *held += kept.heap_bytes();
                continue;
            }
            let kept = Kept::new(element.value());
            *held += kept.memory_bytes() + 2 * name.len();
            self.places.insert(name.into(), self.fields.len());
            self.fields.push((name.into(), kept));
        }
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        build::document(arena, |out| {
            self.fields.iter().for_each(|(name, kept)| out.value_named(name, kept.get()));
            Ok(())
        })
    }
}
