//! The document that an upsert begins with: what the filter's equalities say of it.
//!
//! An equality counts when every matching document has it: alone, below `$and`, or below an `$or` with nothing else in
//! it. An `$in` of one value is an equality. Two that speak of one path, or of a path and something inside it, leave no
//! way to tell which is meant, so they are an error.

use std::collections::BTreeMap;

use smongo_vm::code::Code;
use smongo_vm::value::{DocBuf, DocWriter, FieldPath, OwnedValue};
use smongo_vm::{Error, Result};

use crate::ir::{Filter, LeafTest};

/// The document of all equalities, for an update by operators or by a pipeline. `_id` comes first, the other fields
/// in the order of their paths.
pub fn base_document(filter: &Filter) -> Result<DocBuf> {
    let mut equalities = Equalities::default();
    equalities.collect(filter, &|_| true)?;
    let mut tree = Branch::default();
    for (path, value) in &equalities.0 {
        tree.insert(path.components().iter().map(|component| component.name()), value);
    }
    Ok(DocBuf::build(|writer| {
        let (id, rest): (Vec<_>, Vec<_>) = tree.0.iter().partition(|(name, _)| **name == "_id");
        for (name, twig) in id.into_iter().chain(rest) {
            twig.write(name, writer);
        }
    }))
}

/// The document of the equality on `_id`, for a replacement.
pub fn base_id(filter: &Filter) -> Result<DocBuf> {
    let is_id = |path: &FieldPath| path.components().first().is_some_and(|first| first.name() == "_id");
    let mut equalities = Equalities::default();
    equalities.collect(filter, &is_id)?;
    if let Some((path, _)) = equalities.0.iter().find(|(path, _)| path.len() > 1) {
        return Err(Error::location(
            111,
            format!("field at '_id' must be exactly specified, field at sub-path '{path}'found"),
        ));
    }
    Ok(DocBuf::build(|writer| {
        for (_, value) in &equalities.0 {
            writer.value("_id", value.get());
        }
    }))
}

/// Equalities, sorted by path as text.
#[derive(Default)]
struct Equalities<'f>(Vec<(&'f FieldPath, &'f OwnedValue)>);

impl<'f> Equalities<'f> {
    fn collect(&mut self, filter: &'f Filter, is_wanted: &dyn Fn(&FieldPath) -> bool) -> Result<()> {
        let mut open = vec![filter];
        while let Some(filter) = open.pop() {
            match filter {
                Filter::And(parts) => open.extend(parts.iter().rev()),
                Filter::Or(parts) if parts.len() == 1 => open.extend(parts),
                Filter::Leaf { path, test } => {
                    if let (Some(path), Some(value)) = (&path.path, equality(test))
                        && is_wanted(path)
                    {
                        self.add(path, value)?;
                    }
                }
                _ => {}
            }
        }
        self.0.sort_by_cached_key(|(path, _)| path.to_string());
        Ok(())
    }

    fn add(&mut self, path: &'f FieldPath, value: &'f OwnedValue) -> Result<()> {
        for &(other, _) in &self.0 {
            let message = if other == path {
                format!("cannot infer query fields to set, path '{path}' is matched twice")
            } else if other.is_prefix_of(path) || path.is_prefix_of(other) {
                format!("cannot infer query fields to set, both paths '{other}' and '{path}' are matched")
            } else {
                continue;
            };
            return Err(Error::new(Code::NOT_SINGLE_VALUE_FIELD, message));
        }
        self.0.push((path, value));
        Ok(())
    }
}

/// The value that a test pins its path to.
fn equality(test: &LeafTest) -> Option<&OwnedValue> {
    match test {
        LeafTest::Eq(value) => Some(value),
        LeafTest::In { values, patterns } if patterns.is_empty() && values.len() == 1 => values.first(),
        _ => None,
    }
}

/// A document being put together from paths.
#[derive(Default)]
struct Branch<'f>(BTreeMap<&'f str, Twig<'f>>);

enum Twig<'f> {
    Value(&'f OwnedValue),
    Branch(Branch<'f>),
}

impl<'f> Branch<'f> {
    fn insert(&mut self, mut names: impl Iterator<Item = &'f str>, value: &'f OwnedValue) {
        let Some(mut name) = names.next() else { return };
        let mut branch = self;
        for next in names {
            // No path is inside another, so a value never stands where a branch is wanted.
            match branch.0.entry(name).or_insert_with(|| Twig::Branch(Branch::default())) {
                Twig::Branch(inner) => branch = inner,
                Twig::Value(_) => return,
            }
            name = next;
        }
        branch.0.insert(name, Twig::Value(value));
    }
}

impl Twig<'_> {
    fn write(&self, name: &str, writer: &mut DocWriter<'_, Vec<u8>>) {
        match self {
            Twig::Value(value) => writer.value(name, value.get()),
            Twig::Branch(branch) => writer.document(name, |inner| {
                for (name, twig) in &branch.0 {
                    twig.write(name, inner);
                }
            }),
        }
    }
}
