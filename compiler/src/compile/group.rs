//! Groups and windows from IR to programs: one program computes of a document all that is wanted of it.

use std::ops::Range;
use std::sync::Arc;

use smongo_vm::Result;
use smongo_vm::acc::Definition;
use smongo_vm::algo::preferred::Series;
use smongo_vm::collation::Collation;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, FieldPath, OwnedValue};

use crate::codegen::{self, Strings};
use crate::ir::group::{AccumulatorCall, Argument, BucketAuto, Group, GroupField, Setting};
use crate::ir::window::{Bounds, Window, WindowFunction};
use crate::ir::{Expr, Sort};

/// An argument that holds for a whole group.
#[derive(Clone, Debug)]
pub enum CompiledSetting {
    /// It is the same for every group.
    Constant(OwnedValue),
    /// Computed from the group's key as the document.
    OfKey(Arc<Program>),
}

/// An accumulator with its arguments.
#[derive(Clone, Debug)]
pub struct CompiledCall {
    /// The row of the machine's table.
    pub definition: &'static Definition,
    /// Where its arguments stand in the row that is computed of each document.
    pub args: Range<usize>,
    /// What it is given once.
    pub settings: Vec<CompiledSetting>,
    /// The collation under which it compares strings; bytewise without one.
    pub collation: Option<Arc<Collation>>,
}

/// `$group`, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledGroup {
    /// Computes of a document its key, then the arguments of all accumulators.
    pub row: Arc<Program>,
    /// The fields besides `_id`, with their accumulators.
    pub fields: Vec<(String, CompiledCall)>,
}

/// `$bucketAuto`, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledBucketAuto {
    /// Computes keys and arguments; says which fields there are.
    pub group: CompiledGroup,
    /// How many buckets there are at most.
    pub buckets: u32,
    /// What boundaries are taken from.
    pub granularity: Option<Series>,
    /// The request's words for it.
    pub source: DocBuf,
}

/// `$setWindowFields`, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledWindow {
    /// Computes of a document the key of its partition and the key by which it sorts there.
    pub place: Arc<Program>,
    /// Whether there is an order within partitions.
    pub is_sorted: bool,
    /// Computes of a document what the functions are given.
    pub row: Arc<Program>,
    /// The fields that are set.
    pub outputs: Vec<(FieldPath, CompiledFunction)>,
}

/// A window function, ready to run. Numbers of arguments are places in the row that is computed of each document.
#[derive(Clone, Debug)]
pub enum CompiledFunction {
    /// An accumulator over a window.
    Accumulate {
        /// The accumulator.
        call: CompiledCall,
        /// The window.
        bounds: Bounds,
        /// The value that the partition is ordered by, where the window asks for it.
        at: Option<usize>,
    },
    /// `$shift`.
    Shift {
        /// What is taken of another document.
        output: usize,
        /// How far behind the current one it stands.
        by: i64,
        /// The value where there is none.
        default: OwnedValue,
    },
    /// `$linearFill`.
    LinearFill {
        /// The value that the partition is ordered by.
        at: usize,
        /// What is filled.
        input: usize,
    },
}

fn call(call: &AccumulatorCall, row: &mut Vec<Argument>, strings: Strings<'_>) -> Result<CompiledCall> {
    let start = row.len();
    row.extend(call.args.iter().cloned());
    let settings = call.settings.iter().map(|setting| {
        Ok(match setting {
            Setting::Constant(value) => CompiledSetting::Constant(value.clone()),
            Setting::OfKey(expr) => CompiledSetting::OfKey(Arc::new(codegen::compile_expr(expr, strings)?)),
        })
    });
    Ok(CompiledCall {
        definition: call.definition,
        args: start..row.len(),
        settings: settings.collect::<Result<_>>()?,
        collation: strings.cloned(),
    })
}

fn grouped(key: &Expr, fields: &[GroupField], strings: Strings<'_>) -> Result<CompiledGroup> {
    let mut row = vec![Argument::Value(key.clone())];
    let mut compiled = Vec::with_capacity(fields.len());
    for field in fields {
        compiled.push((field.name.clone(), call(&field.call, &mut row, strings)?));
    }
    Ok(CompiledGroup { row: Arc::new(codegen::compile_row(&row, strings)?), fields: compiled })
}

/// Compiles `$group`.
pub(super) fn group(group: &Group, strings: Strings<'_>) -> Result<CompiledGroup> {
    grouped(&group.key, &group.fields, strings)
}

/// Compiles `$bucketAuto`.
pub(super) fn bucket_auto(spec: &BucketAuto, strings: Strings<'_>) -> Result<CompiledBucketAuto> {
    Ok(CompiledBucketAuto {
        group: grouped(&spec.key, &spec.fields, strings)?,
        buckets: spec.buckets,
        granularity: spec.granularity.as_deref().and_then(Series::find),
        source: spec.source.clone(),
    })
}

/// Compiles `$setWindowFields`.
pub(super) fn window(window: &Window, strings: Strings<'_>) -> Result<CompiledWindow> {
    let nothing = || Argument::Value(Expr::Const(OwnedValue::NOTHING));
    let place = [
        window.partition.clone().map_or_else(nothing, Argument::Value),
        window.sort.clone().map_or_else(nothing, Argument::SortKey),
    ];
    let mut row = Vec::new();
    let mut outputs = Vec::with_capacity(window.outputs.len());
    for output in &window.outputs {
        let function = window_function(&output.function, window.sort.as_ref(), &mut row, strings)?;
        outputs.push((output.path.clone(), function));
    }
    Ok(CompiledWindow {
        place: Arc::new(codegen::compile_row(&place, strings)?),
        is_sorted: window.sort.is_some(),
        row: Arc::new(codegen::compile_row(&row, strings)?),
        outputs,
    })
}

fn window_function(
    function: &WindowFunction,
    sort: Option<&Sort>,
    row: &mut Vec<Argument>,
    strings: Strings<'_>,
) -> Result<CompiledFunction> {
    Ok(match function {
        WindowFunction::Accumulate { call: acc, bounds } => {
            let call = call(acc, row, strings)?;
            let at = match bounds {
                Bounds::Documents(..) => None,
                Bounds::Range(..) | Bounds::Time { .. } => Some(ordered_by(sort, row)),
            };
            CompiledFunction::Accumulate { call, bounds: *bounds, at }
        }
        WindowFunction::Shift { output, by, default } => {
            row.push(Argument::Value(output.clone()));
            CompiledFunction::Shift { output: row.len() - 1, by: *by, default: default.clone() }
        }
        WindowFunction::LinearFill(input) => {
            row.push(Argument::Value(input.clone()));
            let input = row.len() - 1;
            CompiledFunction::LinearFill { at: ordered_by(sort, row), input }
        }
    })
}

/// Adds the value that a partition is ordered by to the row, and gives its place.
fn ordered_by(sort: Option<&Sort>, row: &mut Vec<Argument>) -> usize {
    let path = sort.and_then(|sort| sort.parts.first()).map(|(path, _)| path.clone());
    row.push(Argument::Value(path.map_or(Expr::Const(OwnedValue::NOTHING), Expr::Field)));
    row.len() - 1
}
