//! Which changes of a document can change its keys: an update leaves alone every index that it does not reach.

use smongo_compiler::ir::Filter;
use smongo_compiler::plan::IndexDescription;
use smongo_vm::value::{FieldPath, RawDoc};

/// The top-level fields on which the keys of an index depend; `None` where any field may count.
#[derive(Debug)]
pub(super) struct Reach(Option<Vec<Box<str>>>);

impl Reach {
    /// Nothing: an update never changes `_id`.
    pub fn nothing() -> Self {
        Self(Some(Vec::new()))
    }

    /// What the keys of an index depend on: where its paths begin, and what its filter looks at.
    pub fn of(index: &IndexDescription) -> Self {
        let mut names = Vec::new();
        let is_known = index.wildcard.as_ref().is_none_or(|wildcard| {
            wildcard.paths.listed.iter().for_each(|path| note(path, &mut names));
            if wildcard.paths.has_id {
                note(&FieldPath::new("_id"), &mut names);
            }
            wildcard.paths.includes
        });
        index.fields.iter().for_each(|field| note(&field.path, &mut names));
        let is_known = is_known && index.partial_filter.as_ref().is_none_or(|filter| note_filter(filter, &mut names));
        Self(is_known.then_some(names))
    }

    /// Whether two versions of a document may have different keys.
    pub fn differ(&self, old: &RawDoc, new: &RawDoc) -> bool {
        let differs = |name: &str| raw_field(old, name) != raw_field(new, name);
        self.0.as_ref().is_none_or(|names| names.iter().any(|name| differs(name)))
    }
}

fn note(path: &FieldPath, names: &mut Vec<Box<str>>) {
    if let Some(first) = path.components().first().map(|component| component.name())
        && !names.iter().any(|name| **name == *first)
    {
        names.push(first.into());
    }
}

/// Notes the fields that a filter looks at; `false` if it is of a kind that could look at any.
fn note_filter(filter: &Filter, names: &mut Vec<Box<str>>) -> bool {
    match filter {
        Filter::Always(_) => true,
        Filter::And(parts) | Filter::Or(parts) => parts.iter().all(|part| note_filter(part, names)),
        Filter::Leaf { path, .. } => {
            path.path.iter().for_each(|path| note(path, names));
            path.path.is_some()
        }
        _ => false,
    }
}

/// The bytes of a field, name and type included.
fn raw_field<'d>(doc: &'d RawDoc, name: &str) -> Option<&'d [u8]> {
    doc.iter().find(|field| field.name() == name.as_bytes()).map(|field| field.raw())
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::parse_doc;

    use super::*;
    use crate::index::describe;

    #[test]
    fn an_update_reaches_the_indexes_whose_fields_it_changes() {
        let old = parse_doc("{_id: 1, a: {x: 1}, b: [1, 2], c: 1, d: 1}").unwrap();
        for (spec, changed, differ) in [
            ("{key: {a: 1}}", "{_id: 1, a: {x: 1}, b: 1, c: 2, d: 2}", false),
            ("{key: {a: 1}}", "{_id: 1, a: {x: 2}, b: [1, 2], c: 1, d: 1}", true),
            ("{key: {'a.x': 1, b: -1}}", "{_id: 1, a: {x: 1}, b: [1, 2], c: 2, d: 2}", false),
            ("{key: {'a.x': 1, b: -1}}", "{_id: 1, a: {x: 1}, b: [1], c: 1, d: 1}", true),
            ("{key: {a: 'hashed'}}", "{_id: 1, a: {x: 1}, b: 1, d: 1}", false),
            ("{key: {a: 1}, partialFilterExpression: {c: {$gt: 0}}}", "{_id: 1, a: {x: 1}, b: 1, c: 1, d: 2}", false),
            (
                "{key: {a: 1}, partialFilterExpression: {c: {$gt: 0}}}",
                "{_id: 1, a: {x: 1}, b: [1, 2], c: 0, d: 1}",
                true,
            ),
            ("{key: {'a.$**': 1}}", "{_id: 1, a: {x: 1}, b: 1, c: 2, d: 2}", false),
            ("{key: {'a.$**': 1}}", "{_id: 1, a: {y: 1}, b: [1, 2], c: 1, d: 1}", true),
            ("{key: {'$**': 1}, wildcardProjection: {b: 1, c: 1}}", "{_id: 1, a: 1, b: [1, 2], c: 1, d: 2}", false),
            ("{key: {'$**': 1}, wildcardProjection: {b: 0}}", "{_id: 1, a: 1, b: [1, 2], c: 1, d: 2}", true),
            ("{key: {'b.$**': 1, d: 1}}", "{_id: 1, a: 1, b: [1, 2], c: 1, d: 2}", true),
            ("{key: {'b.$**': 1, d: 1}}", "{_id: 1, a: 1, b: [1, 2], c: 3, d: 1}", false),
        ] {
            let (description, _) = describe(&parse_doc(spec).unwrap()).unwrap();
            let new = parse_doc(changed).unwrap();
            assert_eq!(Reach::of(&description).differ(&old, &new), differ, "{spec} {changed}");
        }
    }
}
