//! Wildcard indexes: one index on every path that a pattern takes in.
//!
//! The keys have the path in front of the value. To a plan such an index is one on each single path that the request
//! speaks of, whose first field, the path, is always the same; that is how it is [expanded](Expansion), and the rest of
//! the planner knows of it only that some documents have no keys there.
//!
//! ```text
//! {"$**": 1}   filter {a: 5, b: {$gt: 1}}   ->   {$_path: 1, a: 1} over ["a", "a"], [5, 5]
//!                                                {$_path: 1, b: 1} over ["b", "b"], (1, Infinity]
//! ```
//!
//! Documents and arrays have no keys as wholes, except empty ones, but their contents do. A document without the path
//! has none, so only conditions that want the path to be there can be answered.

use std::collections::BTreeSet;
use std::sync::Arc;

use smongo_vm::value::{ArrayComponents, FieldPath, OwnedValue, RawDoc, Tag, Value, canonical_type, compare};

use super::choice::applies;
use super::collated::Strings;
use super::interval::{Interval, Intervals};
use super::predicate::{Predicate, Predicates, conjuncts};
use super::{AccessPath, IndexDescription, IndexScanPlan, IndexView, PlanRequest};
use crate::ir::Filter;

/// The name of the field that holds paths.
pub const PATH_FIELD: &str = "$_path";

/// What makes an index a wildcard index.
#[derive(Clone, Debug)]
pub struct Wildcard {
    /// The place of the path among the fields of the keys; the value comes behind it.
    pub place: usize,
    /// The paths that the index has.
    pub paths: WildcardPaths,
}

/// A set of paths: all below some, or all but those below some.
#[derive(Clone, Debug)]
pub struct WildcardPaths {
    /// The paths that are named.
    pub listed: Vec<FieldPath>,
    /// Whether the named ones are the ones that are in.
    pub includes: bool,
    /// Whether `_id` is in, when nothing named begins with it.
    pub has_id: bool,
}

/// How a path lies to a set of paths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It is in the set, and so is everything below it.
    Inside,
    /// Neither it nor anything below it is in the set.
    Outside,
    /// Some paths below it are in the set and others are not.
    Partly,
}

impl WildcardPaths {
    /// How a path lies to the set.
    pub fn standing(&self, path: &[&str]) -> Standing {
        let begins_with_id =
            |listed: &FieldPath| listed.components().first().is_some_and(|first| first.name() == "_id");
        if path.first() == Some(&"_id") && !self.listed.iter().any(begins_with_id) {
            return if self.has_id { Standing::Inside } else { Standing::Outside };
        }
        let mut leads_to_listed = false;
        for listed in &self.listed {
            let names = listed.components();
            if names.iter().zip(path).all(|(component, name)| component.name() == *name) {
                if names.len() <= path.len() {
                    return if self.includes { Standing::Inside } else { Standing::Outside };
                }
                leads_to_listed = true;
            }
        }
        match (leads_to_listed, self.includes) {
            (true, _) => Standing::Partly,
            (false, true) => Standing::Outside,
            (false, false) => Standing::Inside,
        }
    }

    /// Whether a value that is no container has a key when its path stands so.
    pub fn has_values(&self, standing: Standing) -> bool {
        standing == Standing::Inside || standing == Standing::Partly && !self.includes
    }
}

impl Wildcard {
    /// The place of the value among the fields of the keys.
    pub fn value_place(&self) -> usize {
        self.place + 1
    }

    /// Whether a predicate on the value's path may narrow a scan: every document that satisfies it has a key for it.
    pub(super) fn serves(&self, predicate: &Predicate, arrays: ArrayComponents) -> bool {
        if !predicate.needs_field || !applies(predicate, arrays) {
            return false;
        }
        let names: Vec<&str> = predicate.path.components().iter().map(|component| component.name()).collect();
        let standing = self.paths.standing(&names);
        if predicate.intervals.is_full() {
            return standing == Standing::Inside;
        }
        self.paths.has_values(standing) && predicate.intervals.as_slice().iter().all(has_whole_values)
    }

    /// The paths to scan, given what is wanted of the values at `path`.
    pub(super) fn path_bounds(&self, path: &FieldPath, values: &Intervals) -> Intervals {
        if path.is_empty() {
            // All keys, those of documents without any of the paths among them.
            return Intervals::union([
                Interval::new((Value::MIN_KEY, true), (Value::MIN_KEY, true)),
                Interval::new((Value::string(""), true), (Value::document(RawDoc::EMPTY), false)),
            ]);
        }
        let text = path.to_string();
        let itself = Interval::new((Value::string(&text), true), (Value::string(&text), true));
        if !values.is_full() {
            return Intervals::union([itself]);
        }
        // Whatever is below the path: `/` follows the dot.
        let (from, to) = (format!("{text}."), format!("{text}/"));
        Intervals::union([itself, Interval::new((Value::string(&from), true), (Value::string(&to), false))])
    }
}

/// Whether the index has the values of an interval as they are: none of them is a document or an array with anything
/// inside.
fn has_whole_values(interval: &Interval) -> bool {
    let empty = Value::document(RawDoc::EMPTY);
    let (start, end) = (interval.start.get(), interval.end.get());
    let ends_before = compare(end, empty).is_lt() || compare(end, empty).is_eq() && !interval.end_inclusive;
    let is_empty_document = compare(start, empty).is_eq() && compare(end, empty).is_eq();
    ends_before || is_empty_document || canonical_type(start.tag()) > canonical_type(Tag::Array)
}

/// Whether a key in the interval may stand for a document of which the index tells nothing more.
pub(super) fn has_containers(intervals: &Intervals) -> bool {
    let is_container = |value: &OwnedValue| matches!(value.get().tag(), Tag::Document | Tag::Array);
    intervals.as_slice().iter().any(|interval| is_container(&interval.start))
}

/// The paths at which documents have arrays, as a wildcard index knows them.
pub type WildcardArrays = BTreeSet<Box<str>>;

/// A wildcard index as an index on one path.
#[derive(Clone, Debug)]
pub struct WildcardView {
    /// What the index is, with the path in the place of the value's.
    pub description: IndexDescription,
    /// For each field, where documents had arrays.
    pub arrays: Vec<ArrayComponents>,
    /// The path; empty when only the fields in front of it are used.
    pub path: FieldPath,
}

impl WildcardView {
    /// The index as one on `path`.
    pub fn new(index: &IndexView<'_>, wildcard: &Wildcard, path: FieldPath) -> Self {
        let mut description = index.description.clone();
        let mut arrays = index.arrays.clone();
        if let Some(field) = description.fields.get_mut(wildcard.value_place()) {
            field.path = path.clone();
        }
        if let Some(value) = arrays.get_mut(wildcard.value_place()) {
            *value = arrays_on(&path, index.wildcard_arrays.as_deref());
        }
        Self { description, arrays, path }
    }

    fn view(&self) -> IndexView<'_> {
        IndexView { description: &self.description, arrays: self.arrays.clone(), wildcard_arrays: None }
    }
}

/// Which components of a path hold arrays in some document.
pub fn arrays_on(path: &FieldPath, known: Option<&WildcardArrays>) -> ArrayComponents {
    let mut arrays = ArrayComponents::default();
    if path.is_empty() {
        // A document has a key for each of its paths.
        arrays.insert(0);
    }
    let mut name = String::new();
    for (at, component) in path.components().iter().enumerate() {
        if at > 0 {
            name.push('.');
        }
        name.push_str(component.name());
        if known.is_some_and(|known| known.contains(name.as_str())) {
            arrays.insert(at);
        }
    }
    arrays
}

/// Indexes as plans are made of them, each wildcard index standing there once for each path that a request speaks of.
pub(super) struct Expansion {
    indexes: Vec<(usize, Option<Arc<WildcardView>>)>,
}

impl Expansion {
    /// Expands the indexes at `places`.
    pub fn of(request: &PlanRequest<'_>, views: &[IndexView<'_>], places: impl Iterator<Item = usize>) -> Self {
        let mut indexes = Vec::new();
        for at in places {
            let Some(view) = views.get(at) else { continue };
            let Some(wildcard) = &view.description.wildcard else {
                indexes.push((at, None));
                continue;
            };
            let strings = Strings::between(request.collation.map(Arc::as_ref), view.description.collation.as_deref());
            let mut paths = Vec::new();
            paths_in(request.filter, strings, &mut paths);
            if wildcard.place > 0 {
                paths.push(FieldPath::from_components([]));
            }
            let expanded = paths.into_iter().map(|path| (at, Some(Arc::new(WildcardView::new(view, wildcard, path)))));
            indexes.extend(expanded);
        }
        Self { indexes }
    }

    /// The indexes as they are expanded.
    pub fn views<'e>(&'e self, views: &'e [IndexView<'_>]) -> Vec<IndexView<'e>> {
        let view = |(at, wildcard): &'e (usize, Option<Arc<WildcardView>>)| match wildcard {
            Some(wildcard) => wildcard.view(),
            None => views[*at].clone(),
        };
        self.indexes.iter().map(view).collect()
    }

    /// Says which index each scan of a plan walks.
    pub fn name_indexes(&self, path: &mut AccessPath) {
        let name = |scan: &mut IndexScanPlan| {
            let (at, wildcard) = &self.indexes[scan.index];
            (scan.index, scan.wildcard) = (*at, wildcard.clone());
        };
        match path {
            AccessPath::CollectionScan => {}
            AccessPath::IndexScan(scan) => name(scan),
            AccessPath::Union(union) => union.branches.iter_mut().for_each(name),
        }
    }
}

/// The paths that conditions speak of which could decide how documents are reached.
fn paths_in(filter: &Filter, strings: Strings<'_>, paths: &mut Vec<FieldPath>) {
    for part in conjuncts(filter) {
        for predicate in Predicates::of(part, strings).list {
            if !paths.contains(&predicate.path) {
                paths.push(predicate.path);
            }
        }
        if let Filter::Or(branches) = part {
            branches.iter().for_each(|branch| paths_in(branch, strings, paths));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lie_inside_or_outside() {
        let set = |listed: &[&str], includes| WildcardPaths {
            listed: listed.iter().map(|path| FieldPath::new(path)).collect(),
            includes,
            has_id: false,
        };
        for (set, path, standing) in [
            (set(&[], false), &["a"] as &[&str], Standing::Inside),
            (set(&[], false), &["_id"], Standing::Outside),
            (set(&["_id"], true), &["_id", "a"], Standing::Inside),
            (set(&["a.b"], true), &["a"], Standing::Partly),
            (set(&["a.b"], true), &["a", "b"], Standing::Inside),
            (set(&["a.b"], true), &["a", "b", "c"], Standing::Inside),
            (set(&["a.b"], true), &["a", "c"], Standing::Outside),
            (set(&["a.b"], false), &["a"], Standing::Partly),
            (set(&["a.b"], false), &["a", "b", "c"], Standing::Outside),
            (set(&["a.b"], false), &["a", "c"], Standing::Inside),
        ] {
            assert_eq!(set.standing(path), standing, "{set:?} {path:?}");
        }
    }
}
