//! The third walk: which values an index, or a sort, holds for a document.

use smallvec::SmallVec;

use super::super::raw::RawDoc;
use super::super::repr::{Tag, Value};
use super::Component;
use crate::{Code, Error, Result};

/// Which components of a path held arrays in a document: what makes an index multikey, and where.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ArrayComponents([u64; 4]);

impl ArrayComponents {
    /// Notes that the component at `position` (0 is the outermost) held an array.
    pub fn insert(&mut self, position: usize) {
        // Paths have at most 200 components; a longer one shares the last bit, which only makes plans more careful.
        let bit = position.min(255);
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    /// Whether the component at `position` held an array.
    pub fn contains(&self, position: usize) -> bool {
        let bit = position.min(255);
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// Whether no component did.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// Adds what another document of the same path had.
    pub fn merge(&mut self, other: ArrayComponents) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    /// The positions, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..256).filter(move |&position| self.contains(position))
    }
}

/// Gives `emit` every value that an index on `path` holds for `doc`, and tells which components held arrays.
///
/// This is [`index_keys`] for one path.
pub fn key_values<'d>(doc: &'d RawDoc, path: &[Component], emit: &mut dyn FnMut(Value<'d>)) -> Result<ArrayComponents> {
    let mut arrays = [ArrayComponents::default()];
    index_keys(doc, &[path], &mut arrays, &mut |key| key.iter().for_each(|&value| emit(value)))?;
    Ok(arrays[0])
}

/// Gives `emit` every key that an index on `paths` holds for `doc`: one value per path. Adds to `arrays`, which has
/// one entry per path, which components held arrays.
///
/// A path that leads nowhere gives `null`, an empty array at a path's end gives `undefined`. Paths through the same
/// array are taken from the same element together; paths through different arrays cannot be indexed (error 171). Keys
/// come in document order and may repeat. A numeric component is a position of an array or a field of the documents
/// in it; both at once is an error (16746).
pub fn index_keys<'d>(
    doc: &'d RawDoc,
    paths: &[&[Component]],
    arrays: &mut [ArrayComponents],
    emit: &mut dyn FnMut(&[Value<'d>]),
) -> Result<()> {
    let mut with_nulls: SmallVec<[Value<'d>; 4]> = SmallVec::new();
    index_keys_with_missing(doc, paths, arrays, &mut |key| {
        with_nulls.clear();
        with_nulls.extend(key.iter().map(|value| if value.is_nothing() { Value::NULL } else { *value }));
        emit(&with_nulls);
    })
}

/// [`index_keys`] with the missing value in place of `null` where a path leads nowhere, for indexes to which the
/// difference matters.
pub fn index_keys_with_missing<'d>(
    doc: &'d RawDoc,
    paths: &[&[Component]],
    arrays: &mut [ArrayComponents],
    emit: &mut dyn FnMut(&[Value<'d>]),
) -> Result<()> {
    let fields = paths.iter().map(|path| Field::Open { path, at: None }).collect();
    Walk { paths, arrays, emit }.within(Some(doc), fields)
}

/// What is known of one path's value.
#[derive(Clone, Copy)]
enum Field<'d, 'p> {
    Known(Value<'d>),
    /// Still to be followed. `at` is the element that the first component names by position in the array just entered.
    Open {
        path: &'p [Component],
        at: Option<Value<'d>>,
    },
}

struct Walk<'w, 'p, 'd> {
    paths: &'w [&'p [Component]],
    arrays: &'w mut [ArrayComponents],
    emit: &'w mut dyn FnMut(&[Value<'d>]),
}

type Fields<'d, 'p> = SmallVec<[Field<'d, 'p>; 4]>;

impl<'p, 'd> Walk<'_, 'p, 'd> {
    /// Follows every open field from `doc`, which is an element of the array last entered, or the whole document.
    fn within(&mut self, doc: Option<&'d RawDoc>, mut fields: Fields<'d, 'p>) -> Result<()> {
        let mut entered: Option<(&'d RawDoc, &str)> = None;
        // The fields that stopped at the array, with what is left of their paths.
        let mut waiting: SmallVec<[(usize, &'p [Component]); 4]> = SmallVec::new();
        for (i, field) in fields.iter_mut().enumerate() {
            let Field::Open { path, at } = *field else { continue };
            let reached = reach_from_element(doc, path, at)?;
            let Some(array) = reached.value.as_array().filter(|_| !reached.by_position) else {
                *field = Field::Known(reached.value);
                continue;
            };
            let position = self.paths[i].len() - reached.rest.len() - 1;
            if let Some(arrays) = self.arrays.get_mut(i) {
                arrays.insert(position);
            }
            let name = self.paths[i][position].name();
            match entered {
                Some((other, earlier)) if !std::ptr::eq(other, array) => return Err(parallel(name, earlier)),
                _ => entered = Some((array, name)),
            }
            waiting.push((i, reached.rest));
        }
        let Some((array, _)) = entered else {
            let key: SmallVec<[Value<'d>; 4]> = fields
                .iter()
                .map(|field| match field {
                    Field::Known(value) => *value,
                    Field::Open { .. } => Value::NOTHING,
                })
                .collect();
            (self.emit)(&key);
            return Ok(());
        };
        let positions: SmallVec<[Option<Value<'d>>; 4]> =
            waiting.iter().map(|(_, rest)| positional(array, rest)).collect();
        let mut with_element = |element: Value<'d>| {
            let mut fields = fields.clone();
            for (&(i, rest), &at) in waiting.iter().zip(&positions) {
                fields[i] = if rest.is_empty() { Field::Known(element) } else { Field::Open { path: rest, at } };
            }
            self.within(element.as_doc(), fields)
        };
        if array.is_empty() {
            return with_element(Value::UNDEFINED);
        }
        array.values().try_for_each(with_element)
    }
}

/// What following a path without entering arrays comes to.
struct Reached<'d, 'p> {
    value: Value<'d>,
    /// What is left of the path below `value`; only an array leaves anything.
    rest: &'p [Component],
    /// Whether the path's end named an element by position; if that is an array, it is a value and is not entered.
    by_position: bool,
}

impl<'d, 'p> Reached<'d, 'p> {
    const NOWHERE: Reached<'static, 'static> = Reached { value: Value::NOTHING, rest: &[], by_position: false };

    fn at(value: Value<'d>, rest: &'p [Component]) -> Self {
        Reached { value, rest, by_position: false }
    }
}

/// Follows `path` from `doc` until it ends, an array stands in the way, or there is nothing.
fn reach<'d, 'p>(mut doc: &'d RawDoc, mut path: &'p [Component]) -> Reached<'d, 'p> {
    while let Some((first, rest)) = path.split_first() {
        let Some(value) = doc.get(first.name()) else { break };
        if rest.is_empty() || value.tag() == Tag::Array {
            return Reached::at(value, rest);
        }
        let Some(inner) = value.as_doc() else { break };
        (doc, path) = (inner, rest);
    }
    Reached::NOWHERE
}

/// The element of an array that the first component of `path` names by position.
fn positional<'d>(array: &'d RawDoc, path: &[Component]) -> Option<Value<'d>> {
    array.get_index(path.first()?.index()? as usize)
}

/// Follows `path` from one element of an array (`None` when the element is no document), or by position from the array.
fn reach_from_element<'d, 'p>(
    element: Option<&'d RawDoc>,
    path: &'p [Component],
    at: Option<Value<'d>>,
) -> Result<Reached<'d, 'p>> {
    let Some(at) = at else {
        return Ok(element.map_or(Reached::NOWHERE, |doc| reach(doc, path)));
    };
    let Some((first, rest)) = path.split_first() else { return Ok(Reached::NOWHERE) };
    if element.is_some_and(|doc| doc.get(first.name()).is_some()) {
        return Err(ambiguous(first.name()));
    }
    Ok(match at.tag() {
        _ if rest.is_empty() => Reached { value: at, rest, by_position: true },
        Tag::Array => Reached::at(at, rest),
        _ => at.as_doc().map_or(Reached::NOWHERE, |doc| reach(doc, rest)),
    })
}

#[cold]
fn ambiguous(name: &str) -> Error {
    Error::location(
        16746,
        format!(
            "Ambiguous field name found in array (do not use numeric field names in embedded elements in an array), \
             field: '{name}'"
        ),
    )
}

#[cold]
fn parallel(name: &str, earlier: &str) -> Error {
    Error::new(Code::CANNOT_INDEX_PARALLEL_ARRAYS, format!("cannot index parallel arrays [{name}] [{earlier}]"))
}
