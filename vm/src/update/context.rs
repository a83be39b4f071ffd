//! What an update is given besides tree, arguments and document, and what it says about its result.

use crate::error::{Error, Result};
use crate::value::{RawDoc, StringOrder};

/// The filters that an update refers to by number.
///
/// Every filter runs over a document. A filter of `arrayFilters` sees `{<identifier>: <element>}`, a `$pull` condition
/// on values sees the element in a field named [`PULLED_VALUE`](super::PULLED_VALUE), and a `$pull` condition on
/// documents sees the element itself.
pub trait Predicates {
    /// Whether `document` matches the filter of this number.
    fn test(&mut self, predicate: u16, document: &RawDoc) -> Result<bool>;
}

/// For updates that refer to no filters.
pub struct NoPredicates;

impl Predicates for NoPredicates {
    fn test(&mut self, predicate: u16, _: &RawDoc) -> Result<bool> {
        Err(Error::location(9_900_001, format!("the update has no filter numbered {predicate}")))
    }
}

/// The inputs of an update besides tree, arguments and document.
pub struct UpdateContext<'c> {
    /// The index of the array element that made the query match: what `$` stands for.
    pub matched_position: Option<u32>,
    /// The time that `$currentDate` writes as a date, in milliseconds since the Unix epoch.
    pub now_millis: i64,
    /// The time that `$currentDate` writes as a timestamp, as timestamp bits.
    pub timestamp: u64,
    /// Whether the document is one that an upsert is about to insert. `$setOnInsert` applies only then, and names
    /// with a dollar sign are then allowed at the top level.
    pub is_insert: bool,
    /// The collation by which strings are compared; bytewise without one.
    pub strings: Option<&'c dyn StringOrder>,
    /// The filters that the tree refers to.
    pub predicates: &'c mut dyn Predicates,
}

impl<'c> UpdateContext<'c> {
    /// The context of an update of a stored document, with the epoch as the time and without position and collation.
    pub fn new(predicates: &'c mut dyn Predicates) -> Self {
        Self { matched_position: None, now_millis: 0, timestamp: 0, is_insert: false, strings: None, predicates }
    }
}

/// What an update did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Whether any byte of the document changed.
    pub modified: bool,
}
