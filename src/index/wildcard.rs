//! Wildcard indexes: a key for every value at every path that the index takes in, the path in front of the value.
//!
//! Of documents and arrays only what is inside has keys, unless that is nothing: an empty document is a value, and an
//! empty array is `undefined`, as in other indexes. An array inside an array is a value too. Fields beside the wildcard
//! stand in each key; a document without any of the paths has one key then, so that it can be found by those fields.
//!
//! ```text
//! {"$**": 1}   {a: {b: 1, c: [2, {d: 3}]}}   ->   ("a.b", 1)  ("a.c", 2)  ("a.c.d", 3)
//! ```

use std::sync::Arc;

use smallvec::SmallVec;
use smongo_compiler::plan::{IndexDescription, Standing, Wildcard, WildcardPaths};
use smongo_vm::Error;
use smongo_vm::env::Env;
use smongo_vm::key::{Bound, Direction};
use smongo_vm::program::Program;
use smongo_vm::value::{Component, FieldPath, RawDoc, Tag, Value, index_keys};

use super::key_document::direction_of;
use super::{ArrayPaths, KeyGenerator, KeySet};
use crate::error::Result;

/// Makes a key of each value at each path.
#[derive(Debug)]
pub(super) struct WildcardKeys {
    description: Arc<IndexDescription>,
    wildcard: Wildcard,
    /// Which documents have keys at all.
    partial: Option<Arc<Program>>,
}

type Values<'d> = SmallVec<[Value<'d>; 4]>;

impl WildcardKeys {
    /// The keys of an index that is described so; `None` when it is no wildcard index.
    pub fn new(description: &Arc<IndexDescription>, partial: Option<Arc<Program>>) -> Option<Self> {
        let wildcard = description.wildcard.clone()?;
        Some(Self { description: Arc::clone(description), wildcard, partial })
    }

    /// The values of the fields beside the wildcard.
    fn values_beside<'d>(&self, doc: &'d RawDoc) -> Result<Values<'d>> {
        let beside = self.description.fields.iter().enumerate();
        let beside = beside.filter(|(at, _)| *at != self.wildcard.place && *at != self.wildcard.value_place());
        let paths: SmallVec<[&[Component]; 4]> = beside.map(|(_, field)| field.path.components()).collect();
        let mut values = Values::new();
        if paths.is_empty() {
            return Ok(values);
        }
        let mut arrays = ArrayPaths::none(paths.len());
        index_keys(doc, &paths, arrays.fields(), &mut |key| {
            values.clear();
            values.extend_from_slice(key);
        })?;
        if !arrays.is_empty() {
            return Err(Error::location(
                7_246_301,
                "Only the wildcard component of a compound wildcard index may be an array",
            )
            .into());
        }
        Ok(values)
    }

    fn push(&self, keys: &mut KeySet, beside: &[Value<'_>], path: Option<&str>, value: Value<'_>) {
        keys.push(|mut encoder| {
            let mut beside = beside.iter();
            for (at, field) in self.description.fields.iter().enumerate() {
                let direction = direction_of(field.order);
                match (at == self.wildcard.place, at == self.wildcard.value_place(), path) {
                    (true, _, Some(path)) => encoder.name(path),
                    (true, _, None) => encoder.field(Value::MIN_KEY, Direction::Ascending),
                    (_, true, _) => encoder.field(value, direction),
                    _ => encoder.field(beside.next().copied().unwrap_or(Value::NULL), direction),
                }
            }
            encoder.finish(Bound::Equal);
        });
    }
}

impl KeyGenerator for WildcardKeys {
    fn keys(&self, doc: &RawDoc, keys: &mut KeySet) -> Result<()> {
        if let Some(partial) = &self.partial
            && !keys.machine.matches(partial, doc, &Env::fixed())?
        {
            return Ok(());
        }
        let beside = self.values_beside(doc)?;
        let mut walk = Walk { of: self, beside: &beside, keys, names: SmallVec::new(), path: String::new(), count: 0 };
        walk.document(doc, Standing::Partly);
        if walk.count == 0 && self.description.fields.len() > 2 {
            self.push(keys, &beside, None, Value::MIN_KEY);
        }
        Ok(())
    }
}

/// A walk through a document.
struct Walk<'w, 'd> {
    of: &'w WildcardKeys,
    beside: &'w [Value<'d>],
    keys: &'w mut KeySet,
    /// The names on the way to where the walk is.
    names: SmallVec<[&'d str; 8]>,
    path: String,
    /// How many keys there are so far.
    count: usize,
}

impl<'d> Walk<'_, 'd> {
    fn paths(&self) -> &WildcardPaths {
        &self.of.wildcard.paths
    }

    /// The fields of a document at the current path.
    fn document(&mut self, doc: &'d RawDoc, standing: Standing) {
        for field in doc {
            let name = field.name_str();
            // A dotted path never leads to a field with a dot in its name.
            if name.contains('.') {
                continue;
            }
            let length = self.path.len();
            if !self.names.is_empty() {
                self.path.push('.');
            }
            self.path.push_str(name);
            self.names.push(name);
            let standing = match standing {
                Standing::Partly => self.paths().standing(&self.names),
                settled => settled,
            };
            if standing != Standing::Outside {
                self.value(field.value(), standing);
            }
            self.names.pop();
            self.path.truncate(length);
        }
    }

    /// A field's value.
    fn value(&mut self, value: Value<'d>, standing: Standing) {
        match value.as_array() {
            Some(array) => {
                self.keys.arrays.insert_below(&self.path);
                if array.is_empty() {
                    self.single(Value::UNDEFINED, standing);
                }
                array.values().for_each(|element| self.element(element, standing));
            }
            None => self.element(value, standing),
        }
    }

    /// An element of an array, or a value that is none.
    fn element(&mut self, value: Value<'d>, standing: Standing) {
        let inner = value.as_doc().filter(|inner| value.tag() == Tag::Document && !inner.is_empty());
        let Some(inner) = inner else { return self.single(value, standing) };
        let before = self.count;
        self.document(inner, standing);
        if self.count == before && standing == Standing::Inside {
            // There are fields that no path leads to; the document is there all the same.
            self.single(Value::document(RawDoc::EMPTY), standing);
        }
    }

    fn single(&mut self, value: Value<'d>, standing: Standing) {
        if self.paths().has_values(standing) {
            self.of.push(self.keys, self.beside, Some(&self.path), value);
            self.count += 1;
        }
    }
}

/// The place of the wildcard in a key pattern, and the path below which it takes in everything; an empty one stands for
/// the whole document.
pub(super) fn place_in(pattern: &RawDoc) -> Option<(usize, &str)> {
    pattern.iter().enumerate().find_map(|(at, field)| below(field.name_str()).map(|below| (at, below)))
}

/// The path below which a field of a key pattern takes in everything.
pub(super) fn below(name: &str) -> Option<&str> {
    if name == "$**" { Some("") } else { name.strip_suffix(".$**") }
}

/// The paths of an index with a wildcard below `below` and a projection.
pub(super) fn paths_of(below: &str, projection: Option<&RawDoc>) -> WildcardPaths {
    let mut paths = WildcardPaths { listed: Vec::new(), includes: false, has_id: false };
    if !below.is_empty() {
        paths.listed.push(FieldPath::new(below));
        paths.includes = true;
    }
    if let Some(projection) = projection {
        list(projection, "", &mut paths);
    }
    paths
}

fn list(projection: &RawDoc, prefix: &str, paths: &mut WildcardPaths) {
    for field in projection {
        let name = field.name_str();
        let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
        if let Some(inner) = field.value().as_doc() {
            list(inner, &path, paths);
            continue;
        }
        let is_in = super::spec::is_true(field.value());
        if path == "_id" {
            paths.has_id = is_in;
        } else {
            paths.includes = is_in;
            paths.listed.push(FieldPath::new(&path));
        }
    }
    // Nothing but `_id` is named: that alone is in, or all but that.
    if prefix.is_empty() && paths.listed.is_empty() && paths.has_id {
        paths.includes = true;
    }
}
