//! `$setWindowFields`: functions over a moving part of an ordered partition.

use smongo_vm::value::{FieldPath, OwnedValue};

use super::group::AccumulatorCall;
use super::{Expr, Sort};

/// `$setWindowFields`.
#[derive(Clone, Debug)]
pub struct Window {
    /// What the documents of a partition have in common; `None` makes one partition of all.
    pub partition: Option<Expr>,
    /// The order inside a partition; `None` is that of the input.
    pub sort: Option<Sort>,
    /// The fields that are set, in the order of the request.
    pub outputs: Vec<WindowOutput>,
}

/// A field that is set.
#[derive(Clone, Debug)]
pub struct WindowOutput {
    /// Where the value goes.
    pub path: FieldPath,
    /// What it is.
    pub function: WindowFunction,
}

/// A function of a document's surroundings.
#[derive(Clone, Debug)]
pub enum WindowFunction {
    /// An accumulator over a window.
    Accumulate {
        /// The accumulator.
        call: AccumulatorCall,
        /// The window.
        bounds: Bounds,
    },
    /// `$shift`: the value of another document.
    Shift {
        /// What is taken of it.
        output: Expr,
        /// How far behind the current one it stands.
        by: i64,
        /// The value where there is no such document.
        default: OwnedValue,
    },
    /// `$linearFill`: null becomes what lies on the line between the values around it.
    LinearFill(Expr),
}

/// Which documents lie in a window.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Bounds {
    /// By position in the partition.
    Documents(Bound<i64>, Bound<i64>),
    /// By the value of the field that orders the partition.
    Range(Bound<f64>, Bound<f64>),
    /// By the date in the field that orders the partition.
    Time {
        /// The first moment.
        lower: Bound<i64>,
        /// The last moment.
        upper: Bound<i64>,
        /// What distances are counted in.
        unit: smongo_vm::func::TimeUnit,
    },
}

impl Bounds {
    /// The whole partition.
    pub const ALL: Bounds = Bounds::Documents(Bound::Unbounded, Bound::Unbounded);

    /// Everything up to the current document.
    pub const SO_FAR: Bounds = Bounds::Documents(Bound::Unbounded, Bound::Current);
}

/// One end of a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound<T> {
    /// The end of the partition.
    Unbounded,
    /// The current document, and in ranges those level with it.
    Current,
    /// This far from the current document; negative is before it.
    Offset(T),
}
