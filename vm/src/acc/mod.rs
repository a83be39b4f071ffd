//! Accumulators: values computed over many documents, one after the other.
//!
//! An accumulator is a row of the table: its name, how a request writes its arguments, documentation, an example, and
//! how its state begins. The state takes in the arguments of one document at a time and gives its value whenever it is
//! asked. A sliding state also forgets documents, oldest first, so that a window can move over a partition without
//! being computed anew at every step.
//!
//! Nothing here knows where documents come from, how they are grouped, or what a window is.

mod array;
mod covariance;
mod ends;
mod extreme;
mod kept;
mod mean;
mod merge_objects;
mod percentile;
mod ranked;
mod ranking;
mod scale;
mod series;
mod set;
mod spread;

use std::sync::Arc;

use bumpalo::Bump;

pub use kept::Kept;

use crate::collation::Collation;
use crate::error::Result;
use crate::key::{Bound, Direction, KeyEncoder};
use crate::value::{StringOrder, Value};

/// The state of an accumulator over the documents that it has seen.
pub trait Accumulator: Send {
    /// Takes in the arguments of one document. `held` is kept up to date with the bytes that states hold on the heap.
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()>;

    /// Says, before the first step, under which collation strings compare. States that compare none need not know.
    fn set_collation(&mut self, _collation: &Arc<Collation>) {}

    /// The value over everything taken in; missing where there is none.
    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>>;

    /// The value for one of the documents that were taken in. Only functions of windows tell documents apart.
    fn value_for<'d>(&'d self, args: &[Value<'_>], arena: &'d Bump) -> Result<Value<'d>> {
        let _ = args;
        self.finish(arena)
    }
}

/// A state that also forgets.
pub trait Sliding: Accumulator {
    /// Forgets the oldest document, whose arguments these are.
    fn remove(&mut self, args: &[Value<'_>], held: &mut usize);
}

/// How a request writes the argument of an accumulator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// An expression.
    One,
    /// `{}`.
    Nothing,
    /// `{n, input}`; other shapes than documents are the error of this number.
    Counted(i32),
    /// `{sortBy, output}`, or `{n, sortBy, output}` when counted.
    Ordered {
        /// Whether `n` belongs to it.
        counted: bool,
    },
    /// `{input, method}`; with `p` between them where there is a choice of percentiles.
    Percentile {
        /// Whether `p` belongs to it.
        with_p: bool,
    },
    /// `{}`, over the order of the partition, which must be by one field.
    Place,
    /// `{input, N}` or `{input, alpha}`, over the order of the partition.
    Smoothing,
    /// `{input, unit}`, over the field that the partition is ordered by.
    OverTime,
    /// `{input, min, max}`.
    Scaling,
    /// An expression, over the documents of the partition so far.
    SoFar,
}

/// An example that documents an accumulator and is run as a test. All parts are extended JSON, loose form.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The documents, as an array.
    pub documents: &'static str,
    /// The argument of the accumulator.
    pub argument: &'static str,
    /// Its value over all of them.
    pub value: &'static str,
}

/// Begins a state. `settings` are the arguments that hold for the state as a whole: `n`, `p`.
pub type Begin<S> = fn(settings: &[Value<'_>]) -> Result<Box<S>>;

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The operator, with its dollar sign.
    pub name: &'static str,
    /// How its argument is written.
    pub form: Form,
    /// One line of documentation.
    pub doc: &'static str,
    /// An example over an unordered group; `None` for functions of windows alone.
    pub example: Option<Example>,
    /// Begins a state that only grows; `None` when groups do not have this accumulator.
    pub begin: Option<Begin<dyn Accumulator>>,
    /// Begins a state that slides; `None` when windows do not have this accumulator.
    pub begin_sliding: Option<Begin<dyn Sliding>>,
}

impl Definition {
    /// Whether `$group` and its like have this accumulator.
    pub fn is_for_groups(&self) -> bool {
        self.example.is_some()
    }

    /// Whether `$setWindowFields` has this accumulator.
    pub fn is_for_windows(&self) -> bool {
        self.begin_sliding.is_some()
    }
}

/// Every accumulator, family by family.
pub static FAMILIES: &[&[Definition]] = &[
    array::DEFINITIONS,
    covariance::DEFINITIONS,
    ends::DEFINITIONS,
    extreme::DEFINITIONS,
    mean::DEFINITIONS,
    merge_objects::DEFINITIONS,
    percentile::DEFINITIONS,
    ranked::DEFINITIONS,
    ranking::DEFINITIONS,
    scale::DEFINITIONS,
    series::DEFINITIONS,
    set::DEFINITIONS,
    spread::DEFINITIONS,
];

/// The accumulator of this operator name, dollar sign included.
pub fn find(name: &str) -> Option<&'static Definition> {
    FAMILIES.iter().flat_map(|family| family.iter()).find(|definition| definition.name == name)
}

/// The first argument; every accumulator that reads one is called with it.
#[inline]
fn first<'d>(args: &[Value<'d>]) -> Value<'d> {
    args.first().copied().unwrap_or(Value::NOTHING)
}

/// The second argument.
#[inline]
fn second<'d>(args: &[Value<'d>]) -> Value<'d> {
    args.get(1).copied().unwrap_or(Value::NOTHING)
}

/// A collation as what comparisons take.
#[inline]
fn strings(collation: &Option<Arc<Collation>>) -> Option<&dyn StringOrder> {
    collation.as_deref().map(|collation| collation as &dyn StringOrder)
}

/// Appends bytes that are the same for equal values, and that compare as values do.
fn append_key(value: Value<'_>, collation: &Option<Arc<Collation>>, key: &mut Vec<u8>) {
    let mut types = Vec::new();
    let mut encoder = KeyEncoder::with_strings(key, &mut types, strings(collation));
    encoder.field(value, Direction::Ascending);
    encoder.finish(Bound::Equal);
}
