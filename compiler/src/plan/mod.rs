//! Access paths: how the documents that a filter asks for are reached, given the indexes there are.
//!
//! [`plan`] is a pure function of a filter, a sort order and descriptions of indexes. It reads the filter as
//! conditions on single paths ([`predicate`](self)), each with the index keys that matching documents have; an index
//! is scanned over the keys that the conditions on its fields leave. The filter itself is run on what is fetched,
//! unless the keys alone prove it.
//!
//! ```text
//! {a: 1, b: {$gt: 2}, c: 3}   index {a: 1, b: -1}   ->   a: [1, 1], b: [Infinity, 2)   then the filter
//! ```
//!
//! # Arrays
//!
//! An index holds a key for each element of an array, so two conditions on one path may be satisfied by different
//! elements, and so by different keys. Conditions narrow a scan together only where no array lies on the part of
//! their paths that they share, or where one `$elemMatch` ties them to one element.
//!
//! # Collations
//!
//! An index has strings as sort keys of its collation. A request that compares strings in the same way looks for the sort
//! keys of its operands; one that does not has no use for the index as far as strings are concerned.
//!
//! Storage, and how keys look, are not known here.

mod choice;
mod collated;
mod combine;
mod distinct;
mod implication;
mod interval;
mod predicate;
#[cfg(test)]
mod tests;
mod wildcard;

use std::sync::Arc;

use smongo_vm::collation::Collation;
use smongo_vm::value::{ArrayComponents, FieldPath};

use crate::ir::{Filter, Sort};
pub use choice::{candidates, plan, plan_again};
pub use collated::compares_strings;
pub use distinct::{DistinctPlan, distinct};
pub use interval::{Interval, Intervals};
pub use wildcard::{
    PATH_FIELD, Standing, Wildcard, WildcardArrays, WildcardPaths, WildcardView, arrays_on as wildcard_arrays_on,
};

/// How an index orders one of its fields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldOrder {
    /// Least first.
    Ascending,
    /// Greatest first.
    Descending,
    /// By the hash of the value.
    Hashed,
}

/// A field of an index.
#[derive(Clone, Debug)]
pub struct IndexField {
    /// Where the values are.
    pub path: FieldPath,
    /// How they are ordered.
    pub order: FieldOrder,
}

/// What an index is, for as long as it lives.
#[derive(Clone, Debug)]
pub struct IndexDescription {
    /// The fields of its keys.
    pub fields: Vec<IndexField>,
    /// Whether documents without any of the fields have no keys.
    pub is_sparse: bool,
    /// What documents must match to have keys.
    pub partial_filter: Option<Filter>,
    /// Whether plans must do without it.
    pub is_hidden: bool,
    /// The collation by whose keys it has strings; bytewise without one.
    pub collation: Option<Arc<Collation>>,
    /// What makes it a wildcard index, if it is one.
    pub wildcard: Option<Wildcard>,
}

/// An index as it is when a plan is made.
#[derive(Clone, Debug)]
pub struct IndexView<'i> {
    /// What it is.
    pub description: &'i IndexDescription,
    /// For each field, where documents had arrays.
    pub arrays: Vec<ArrayComponents>,
    /// The paths of a wildcard index at which documents had arrays.
    pub wildcard_arrays: Option<Arc<WildcardArrays>>,
}

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct PlanRequest<'r> {
    /// What documents must match.
    pub filter: &'r Filter,
    /// The collation under which the request compares strings; bytewise without one.
    pub collation: Option<&'r Arc<Collation>>,
    /// In which order they are wanted.
    pub sort: Option<&'r Sort>,
    /// The index to use, by its place among the views.
    pub hint: Option<usize>,
}

/// Which way an index is walked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScanDirection {
    /// In the order of its keys.
    Forward,
    /// Against it.
    Backward,
}

/// How documents are reached.
#[derive(Clone, Debug)]
pub enum AccessPath {
    /// All documents are looked at.
    CollectionScan,
    /// Those documents are looked at that an index leads to.
    IndexScan(IndexScanPlan),
    /// Those that any of several scans leads to.
    Union(UnionPlan),
}

impl AccessPath {
    /// Whether documents come in the wanted order.
    pub fn is_sorted(&self) -> bool {
        match self {
            AccessPath::CollectionScan => false,
            AccessPath::IndexScan(scan) => scan.is_sorted,
            AccessPath::Union(union) => union.is_sorted,
        }
    }

    /// What must be tested on the documents that are reached.
    pub fn residual(&self) -> &Residual {
        match self {
            AccessPath::CollectionScan => &Residual::Whole,
            AccessPath::IndexScan(scan) => &scan.residual,
            AccessPath::Union(union) => &union.residual,
        }
    }
}

/// What of a filter the keys that were met do not prove.
#[derive(Clone, Debug)]
pub enum Residual {
    /// Every document that is reached matches.
    Nothing,
    /// These of the filter's conditions are left.
    Part(Filter),
    /// The filter must be run as it is.
    Whole,
}

/// A walk over a part of an index.
#[derive(Clone, Debug)]
pub struct IndexScanPlan {
    /// The index, by its place among the views.
    pub index: usize,
    /// For each field of the index, the values that keys must have; ascending, whatever the field's order. Under a
    /// collation, strings stand there as their sort keys, as in the index.
    pub bounds: Vec<Intervals>,
    /// Which way the index is walked.
    pub direction: ScanDirection,
    /// Whether documents come in the wanted order.
    pub is_sorted: bool,
    /// What must be tested besides.
    pub residual: Residual,
    /// Of a wildcard index, the path that is looked up in it.
    pub wildcard: Option<Arc<WildcardView>>,
}

/// Several scans, of which each may lead to a document.
#[derive(Clone, Debug)]
pub struct UnionPlan {
    /// The scans.
    pub branches: Vec<IndexScanPlan>,
    /// Whether each scan comes in the wanted order, so that they are to be merged.
    pub is_sorted: bool,
    /// What must be tested besides.
    pub residual: Residual,
}
