//! Groups: documents brought together by a key, and accumulators over each group.

use smongo_vm::acc::Definition;
use smongo_vm::value::{DocBuf, OwnedValue};

use super::{Expr, Sort};

/// What is computed of each document for an accumulator.
#[derive(Clone, Debug)]
pub enum Argument {
    /// The value of an expression.
    Value(Expr),
    /// The key by which the document sorts, as binary data.
    SortKey(Sort),
}

/// An argument that holds for a whole group.
#[derive(Clone, Debug)]
pub enum Setting {
    /// It is the same for every group.
    Constant(OwnedValue),
    /// It depends on the group's key, which it sees as the current document.
    OfKey(Expr),
}

/// An accumulator with its arguments.
#[derive(Clone, Debug)]
pub struct AccumulatorCall {
    /// The row of the machine's table.
    pub definition: &'static Definition,
    /// What it is given of each document.
    pub args: Vec<Argument>,
    /// What it is given once.
    pub settings: Vec<Setting>,
}

/// A field of a group's document.
#[derive(Clone, Debug)]
pub struct GroupField {
    /// Its name, without dots.
    pub name: String,
    /// What it holds.
    pub call: AccumulatorCall,
}

/// `$group`.
#[derive(Clone, Debug)]
pub struct Group {
    /// `_id`: what the documents of a group have in common.
    pub key: Expr,
    /// The other fields, in the order of the request.
    pub fields: Vec<GroupField>,
}

/// `$bucketAuto`.
#[derive(Clone, Debug)]
pub struct BucketAuto {
    /// What documents are ordered by.
    pub key: Expr,
    /// How many buckets there are at most.
    pub buckets: u32,
    /// The series that boundaries are taken from, by MongoDB's name.
    pub granularity: Option<String>,
    /// The fields of a bucket besides its bounds.
    pub fields: Vec<GroupField>,
    /// The request's words for it.
    pub source: DocBuf,
}
