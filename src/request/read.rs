//! Requests that read: find, getMore, count, distinct.

use std::time::Duration;

use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Namespace;

/// `find`.
#[derive(Clone, Debug)]
pub struct FindRequest<'r> {
    /// The collection.
    pub ns: Namespace,
    /// The filter; `{}` matches everything.
    pub filter: &'r RawDoc,
    /// The projection; absent or `{}` gives whole documents.
    pub projection: Option<&'r RawDoc>,
    /// The order; absent or `{}` is natural order.
    pub sort: Option<&'r RawDoc>,
    /// An index name or key pattern, or `{$natural: ±1}`.
    pub hint: Option<Value<'r>>,
    /// How many matches to leave out.
    pub skip: u64,
    /// At most how many matches to give.
    pub limit: Option<u64>,
    /// How many documents the first batch holds; 101 when absent, and 0 opens the cursor only.
    pub batch_size: Option<u64>,
    /// Whether the cursor is closed after the first batch.
    pub single_batch: bool,
    /// Whether the cursor outlives its idle time.
    pub no_cursor_timeout: bool,
    /// Whether the cursor stays open at the end of a capped collection.
    pub tailable: bool,
    /// Whether a tailable cursor waits for new documents.
    pub await_data: bool,
    /// Whether only index keys are given.
    pub return_key: bool,
    /// Whether `$recordId` is added to each document.
    pub show_record_id: bool,
    /// Variables for `$expr`.
    pub let_variables: Option<&'r RawDoc>,
    /// How strings compare.
    pub collation: Option<&'r RawDoc>,
    /// Whether a sort may put aside on disk what does not fit in memory; when absent, the server's setting holds.
    pub allow_disk_use: Option<bool>,
    /// The inclusive lower bound of an index scan.
    pub min: Option<&'r RawDoc>,
    /// The exclusive upper bound of an index scan.
    pub max: Option<&'r RawDoc>,
}

impl<'r> FindRequest<'r> {
    /// Everything in the collection, with MongoDB's defaults.
    pub fn new(ns: Namespace) -> Self {
        Self {
            ns,
            filter: RawDoc::EMPTY,
            projection: None,
            sort: None,
            hint: None,
            skip: 0,
            limit: None,
            batch_size: None,
            single_batch: false,
            no_cursor_timeout: false,
            tailable: false,
            await_data: false,
            return_key: false,
            show_record_id: false,
            let_variables: None,
            collation: None,
            allow_disk_use: None,
            min: None,
            max: None,
        }
    }
}

/// `getMore`.
#[derive(Clone, Debug)]
pub struct GetMoreRequest {
    /// The namespace that the cursor was opened on.
    pub ns: Namespace,
    /// The cursor.
    pub cursor_id: i64,
    /// At most how many documents to give; absent or 0 is as many as fit a reply.
    pub batch_size: Option<u64>,
    /// How long to wait for documents, for a cursor that does; 1 s when absent.
    pub max_time: Option<Duration>,
}

/// A batch of a cursor, besides its documents.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batched {
    /// The cursor that has more; 0 when nothing is left.
    pub id: i64,
    /// From where another change stream can go on; absent with other cursors.
    pub resume_token: Option<DocBuf>,
}

impl From<i64> for Batched {
    fn from(id: i64) -> Self {
        Self { id, resume_token: None }
    }
}

/// What `killCursors` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KilledCursors {
    /// Cursors that are gone now.
    pub killed: Vec<i64>,
    /// Cursors that were not there.
    pub not_found: Vec<i64>,
}

/// `count`.
#[derive(Clone, Debug)]
pub struct CountRequest<'r> {
    /// The collection.
    pub ns: Namespace,
    /// What to count.
    pub filter: &'r RawDoc,
    /// How many matches to leave out.
    pub skip: u64,
    /// The count at which to stop.
    pub limit: Option<u64>,
    /// An index name or key pattern.
    pub hint: Option<Value<'r>>,
    /// How strings compare.
    pub collation: Option<&'r RawDoc>,
}

impl<'r> CountRequest<'r> {
    /// Counts everything.
    pub fn new(ns: Namespace) -> Self {
        Self { ns, filter: RawDoc::EMPTY, skip: 0, limit: None, hint: None, collation: None }
    }
}

/// `distinct`.
#[derive(Clone, Debug)]
pub struct DistinctRequest<'r> {
    /// The collection.
    pub ns: Namespace,
    /// The dotted path whose values are gathered.
    pub key: &'r str,
    /// Which documents to look at.
    pub filter: &'r RawDoc,
    /// An index name or key pattern.
    pub hint: Option<Value<'r>>,
    /// How strings compare.
    pub collation: Option<&'r RawDoc>,
}

impl<'r> DistinctRequest<'r> {
    /// The distinct values of `key` in all documents.
    pub fn new(ns: Namespace, key: &'r str) -> Self {
        Self { ns, key, filter: RawDoc::EMPTY, hint: None, collation: None }
    }
}

/// A query of a shape, for commands about plans.
#[derive(Clone, Copy, Debug)]
pub struct ShapeRequest<'r> {
    /// The filter.
    pub query: &'r RawDoc,
    /// The order.
    pub sort: Option<&'r RawDoc>,
    /// The projection.
    pub projection: Option<&'r RawDoc>,
    /// How strings compare.
    pub collation: Option<&'r RawDoc>,
}
