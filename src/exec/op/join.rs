//! Equality between documents of two collections: which values join, and the filter that finds their partners.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::{AHashMap, RandomState};
use smongo_compiler::{CompiledFilter, ParseContext, compile_filter};
use smongo_vm::collation::Collation;
use smongo_vm::value::path::match_path;
use smongo_vm::value::{self, Component, DocBuf, FieldPath, RawDoc, StringOrder, Tag, Value};

use crate::error::Result;

/// Hands out the values at a path, elements of arrays one by one. Nothing is handed out where nothing is.
pub(crate) fn visit_values<'d>(value: Value<'d>, path: &[Component], visit: &mut impl FnMut(Value<'d>)) {
    let Some((first, rest)) = path.split_first() else {
        match value.as_array() {
            Some(array) => array.values().for_each(visit),
            None if value.is_nothing() => {}
            None => visit(value),
        }
        return;
    };
    if let Some(doc) = value.as_doc() {
        if let Some(inner) = doc.get(first.name()) {
            visit_values(inner, rest, visit);
        }
    } else if let Some(array) = value.as_array() {
        if let Some(inner) = first.index().and_then(|at| array.get_index(at as usize)) {
            visit_values(inner, rest, visit);
        }
        for element in array.values().filter(|element| element.as_doc().is_some()) {
            visit_values(element, path, visit);
        }
    }
}

/// The values by which a local document joins; a missing value joins as null.
pub(crate) fn local_values<'d>(doc: &'d RawDoc, path: &FieldPath) -> Vec<Value<'d>> {
    let mut values = Vec::new();
    visit_values(Value::document(doc), path.components(), &mut |value| values.push(value));
    if values.is_empty() {
        values.push(Value::NULL);
    }
    values
}

/// The filter for documents with one of `values` at `path`.
pub(crate) fn partners_filter(
    path: &FieldPath,
    values: &[Value<'_>],
    collation: Option<&Arc<Collation>>,
) -> Result<(CompiledFilter, DocBuf)> {
    let name = path.to_string();
    let source = DocBuf::build(|doc| equality(doc, &name, values));
    Ok((compile_filter(&source, &mut ParseContext::new().with_collation(collation.cloned()))?, source))
}

fn equality(doc: &mut value::DocWriter<'_, Vec<u8>>, name: &str, values: &[Value<'_>]) {
    match values {
        [one] => doc.document(name, |test| test.value("$eq", *one)),
        // In `$in` a pattern would match and a name like an operator's would be refused.
        many if many.iter().any(|value| matches!(value.tag(), Tag::Regex | Tag::Document)) => {
            doc.array("$or", |parts| {
                for value in many {
                    parts.document(|part| part.document(name, |test| test.value("$eq", *value)));
                }
            });
        }
        many => doc.document(name, |test| {
            test.array("$in", |list| many.iter().for_each(|value| list.value(*value)));
        }),
    }
}

/// The documents of a collection by the values at a path, so that partners are found without a scan for each.
pub(crate) struct ForeignTable {
    docs: Vec<DocBuf>,
    by_hash: AHashMap<u64, Vec<u32>>,
    hasher: RandomState,
    bytes: usize,
    /// The collation under which strings are equal; bytewise without one.
    collation: Option<Arc<Collation>>,
}

impl ForeignTable {
    /// A table without documents.
    pub fn new(collation: Option<Arc<Collation>>) -> Self {
        Self { docs: Vec::new(), by_hash: AHashMap::new(), hasher: RandomState::new(), bytes: 0, collation }
    }

    /// Adds a document; `false` when the table has become too large.
    pub fn add(&mut self, doc: &RawDoc, path: &FieldPath, memory_max: usize) -> bool {
        let at = u32::try_from(self.docs.len()).unwrap_or(u32::MAX);
        let mut hashes = Vec::new();
        let mut note = |value: Value<'_>| hashes.push(self.hash(value));
        let _ = match_path(doc, path.components(), true, &mut |value, _| {
            note(value);
            std::ops::ControlFlow::Continue(())
        });
        if hashes.is_empty() {
            hashes.push(self.hash(Value::NULL));
        }
        hashes.sort_unstable();
        hashes.dedup();
        self.bytes += doc.as_bytes().len() + hashes.len() * size_of::<(u64, Vec<u32>)>();
        for hash in hashes {
            self.by_hash.entry(hash).or_default().push(at);
        }
        self.docs.push(doc.into());
        self.bytes <= memory_max && at < u32::MAX
    }

    /// The documents among which the partners of `values` are, in the order in which they were added.
    pub fn candidates(&self, values: &[Value<'_>]) -> impl Iterator<Item = &RawDoc> {
        let mut places: Vec<u32> = Vec::new();
        for value in values {
            places.extend(self.by_hash.get(&self.hash(*value)).into_iter().flatten());
        }
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|at| self.docs.get(at as usize).map(DocBuf::as_doc))
    }

    /// What equal values have in common; all kinds of absence count as equal.
    fn hash(&self, value: Value<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        let value = if value.is_nullish() { Value::NULL } else { value };
        let strings = self.collation.as_deref().map(|collation| collation as &dyn StringOrder);
        value::hash_with(value, &mut hasher, strings);
        hasher.finish()
    }
}
