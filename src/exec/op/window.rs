//! Window: rows with fields computed from their surroundings.
//!
//! All rows of the input are taken in and put in the order of partition and sort key, in which they are given out.
//! When a partition begins, what its functions are given is computed of each of its rows once; windows then move over
//! these values, adding in front and forgetting behind.

use std::ops::Range;
use std::sync::Arc;

use bumpalo::Bump;
use smongo_compiler::ir::window::{Bound, Bounds};
use smongo_compiler::{CompiledCall, CompiledFunction, CompiledWindow};
use smongo_vm::Code;
use smongo_vm::acc::{Accumulator, Form, Kept, Sliding};
use smongo_vm::interp::Machine;
use smongo_vm::key::{Bound as KeyBound, Direction, KeyEncoder};
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Tag, Value, View};

use super::group::check_size;
use super::set_path::set_path;
use super::states::{check_memory, growing, settings, sliding};
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The window stage.
pub(crate) struct Window {
    input: Box<dyn Operator>,
    spec: Arc<CompiledWindow>,
    machine: Machine,
    rows: Vec<Row>,
    /// The rows of the current partition.
    partition: Range<usize>,
    functions: Vec<Running>,
    held_bytes: usize,
    loaded: bool,
    /// The row after the current one.
    next: usize,
    arena: Bump,
    row: Vec<u8>,
    spare: Vec<u8>,
    stats: Stats,
}

struct Row {
    doc: DocBuf,
    partition: Box<[u8]>,
    sort: Box<[u8]>,
    /// What the functions are given; computed when the partition begins.
    args: Box<[Kept]>,
}

/// A function on its way through a partition.
enum Running {
    Accumulate {
        window: Frame,
        state: State,
        /// The window that the value is of, and the value.
        last: Option<(Range<usize>, Kept)>,
    },
    Shift {
        output: usize,
        by: i64,
        default: Kept,
    },
    /// The values of all rows, known from the start.
    Known(Vec<Kept>),
}

enum State {
    Growing(Box<dyn Accumulator>),
    Sliding(Box<dyn Sliding>),
}

impl State {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        match self {
            State::Growing(state) => state.step(args, held)?,
            State::Sliding(state) => state.step(args, held)?,
        }
        Ok(())
    }

    fn value_for<'d>(&'d self, args: &[Value<'_>], arena: &'d Bump) -> Result<Value<'d>> {
        Ok(match self {
            State::Growing(state) => state.value_for(args, arena)?,
            State::Sliding(state) => state.value_for(args, arena)?,
        })
    }
}

/// Where a window stands: which rows of the partition are in it.
struct Frame {
    bounds: Bounds,
    at: Option<usize>,
    /// What the state has taken in and not forgotten.
    taken: Range<usize>,
}

fn values(row: &Row, args: Range<usize>) -> Vec<Value<'_>> {
    row.args.get(args).unwrap_or_default().iter().map(Kept::get).collect()
}

fn argument(row: &Row, at: usize) -> Value<'_> {
    row.args.get(at).map_or(Value::NOTHING, Kept::get)
}

impl Window {
    /// Computes fields for the rows of `input`.
    pub fn new(input: Box<dyn Operator>, spec: Arc<CompiledWindow>) -> Self {
        Self {
            input,
            spec,
            machine: Machine::new(),
            rows: Vec::new(),
            partition: 0..0,
            functions: Vec::new(),
            held_bytes: 0,
            loaded: false,
            next: 0,
            arena: Bump::new(),
            row: Vec::new(),
            spare: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Takes in the input's current row.
    fn take(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let doc = self.input.document(cx);
        let values = self.machine.compute_row(&self.spec.place, doc, &cx.env)?;
        let mut partition = Vec::new();
        let key = values.first().copied().unwrap_or(Value::NOTHING);
        if key.tag() == Tag::Array {
            let message = "An expression used to partition cannot evaluate to value of type array";
            return Err(Error::new(Code::TYPE_MISMATCH, message));
        }
        let mut types = Vec::new();
        let mut encoder = KeyEncoder::new(&mut partition, &mut types);
        encoder.field(if key.is_nullish() { Value::NULL } else { key }, Direction::Ascending);
        encoder.finish(KeyBound::Equal);
        let sort = match values.get(1).map(|value| value.view()) {
            Some(View::Binary { bytes, .. }) if self.spec.is_sorted => bytes.into(),
            _ => Box::default(),
        };
        let row = Row { doc: doc.into(), partition: partition.into(), sort, args: Box::default() };
        self.held_bytes += size_of::<Row>() + row.doc.as_bytes().len() + row.partition.len() + row.sort.len();
        self.rows.push(row);
        check_memory("$setWindowFields", self.held_bytes)
    }

    /// Prepares the functions for the partition that begins with the next row.
    fn begin_partition(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let start = self.next;
        let rest = self.rows.get(start..).unwrap_or_default();
        let Some(first) = rest.first() else { return Ok(()) };
        let len = rest.iter().take_while(|row| row.partition == first.partition).count();
        self.partition = start..start + len;
        for row in self.rows.iter_mut().skip(start).take(len) {
            let values = self.machine.compute_row(&self.spec.row, &row.doc, &cx.env)?;
            row.args = values.iter().map(|value| Kept::new(*value)).collect();
            self.held_bytes += row.args.iter().map(Kept::memory_bytes).sum::<usize>();
        }
        check_memory("$setWindowFields", self.held_bytes)?;
        self.functions.clear();
        let spec = Arc::clone(&self.spec);
        for (_, function) in &spec.outputs {
            let running = match function {
                CompiledFunction::Accumulate { call, bounds, at } => {
                    let settings = settings(call, Value::NOTHING, &mut self.machine, &cx.env)?;
                    let state = if only_grows(bounds) {
                        State::Growing(growing(call, &settings)?)
                    } else {
                        State::Sliding(sliding(call, &settings)?)
                    };
                    let window = Frame { bounds: *bounds, at: *at, taken: 0..0 };
                    Running::Accumulate { window, state, last: None }
                }
                CompiledFunction::Shift { output, by, default } => {
                    Running::Shift { output: *output, by: *by, default: Kept::new(default.get()) }
                }
                CompiledFunction::LinearFill { at, input } => {
                    let rows = self.rows.get(self.partition.clone()).unwrap_or_default();
                    Running::Known(linear_fill(rows, *at, *input)?)
                }
            };
            self.functions.push(running);
        }
        Ok(())
    }

    /// Makes the next row.
    fn give(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        if self.next >= self.partition.end {
            self.begin_partition(cx)?;
        }
        let Self { spec, rows, partition, functions, held_bytes, arena, row, spare, .. } = self;
        let rows = rows.get(partition.clone()).unwrap_or_default();
        let at = self.next - partition.start;
        let Some(current) = rows.get(at) else { return Ok(()) };
        row.clear();
        row.extend_from_slice(current.doc.as_bytes());
        for ((path, function), running) in spec.outputs.iter().zip(functions) {
            arena.reset();
            let value = match (running, function) {
                (Running::Accumulate { window, state, last }, CompiledFunction::Accumulate { call, .. }) => {
                    accumulate(call, window, state, last, rows, at, held_bytes, arena)?
                }
                (Running::Shift { output, by, default }, _) => {
                    let other = i64::try_from(at).ok().and_then(|at| at.checked_add(*by));
                    let other = other.and_then(|other| usize::try_from(other).ok()).and_then(|other| rows.get(other));
                    other.map_or(default.get(), |other| argument(other, *output))
                }
                (Running::Known(values), _) => values.get(at).map_or(Value::NULL, Kept::get),
                (Running::Accumulate { .. }, _) => Value::NULL,
            };
            set_path(spare, RawDoc::from_bytes(row).unwrap_or(RawDoc::EMPTY), path, value);
            std::mem::swap(row, spare);
        }
        self.next += 1;
        check_size(&self.row)
    }
}

/// Moves a window to the row `at` and gives the value there.
#[allow(clippy::too_many_arguments)]
fn accumulate<'d>(
    call: &CompiledCall,
    window: &mut Frame,
    state: &'d mut State,
    last: &'d mut Option<(Range<usize>, Kept)>,
    rows: &[Row],
    at: usize,
    held: &mut usize,
    arena: &'d Bump,
) -> Result<Value<'d>> {
    let target = window.target(rows, at)?;
    while window.taken.end < target.end {
        let Some(row) = rows.get(window.taken.end) else { break };
        state.step(&values(row, call.args.clone()), held)?;
        window.taken.end += 1;
    }
    if let State::Sliding(sliding) = state {
        while window.taken.start < target.start.min(window.taken.end) {
            let Some(row) = rows.get(window.taken.start) else { break };
            sliding.remove(&values(row, call.args.clone()), held);
            window.taken.start += 1;
        }
    }
    let current = rows.get(at).map(|row| values(row, call.args.clone())).unwrap_or_default();
    if call.definition.form == Form::Scaling {
        return state.value_for(&current, arena);
    }
    // A window that has not moved has the value that it had.
    if last.as_ref().is_none_or(|(range, _)| *range != window.taken) {
        let value = state.value_for(&current, arena)?;
        match last {
            Some((range, kept)) => {
                *range = window.taken.clone();
                kept.set(value);
            }
            None => *last = Some((window.taken.clone(), Kept::new(value))),
        }
    }
    Ok(last.as_ref().map_or(Value::NULL, |(_, kept)| kept.get()))
}

/// Whether a window never leaves a row behind.
fn only_grows(bounds: &Bounds) -> bool {
    matches!(
        bounds,
        Bounds::Documents(Bound::Unbounded, _)
            | Bounds::Range(Bound::Unbounded, _)
            | Bounds::Time { lower: Bound::Unbounded, .. }
    )
}

impl Frame {
    /// The rows that are in the window of the row `at`. Both ends only ever move forward.
    fn target(&self, rows: &[Row], at: usize) -> Result<Range<usize>> {
        match self.bounds {
            Bounds::Documents(lower, upper) => {
                let offset = |bound: Bound<i64>, unbounded: usize, beyond: i64| match bound {
                    Bound::Unbounded => unbounded,
                    Bound::Current => moved(at, beyond, rows.len()),
                    Bound::Offset(offset) => moved(at, offset.saturating_add(beyond), rows.len()),
                };
                Ok(offset(lower, 0, 0)..offset(upper, rows.len(), 1))
            }
            Bounds::Range(Bound::Unbounded, Bound::Unbounded) => Ok(0..rows.len()),
            Bounds::Time { lower: Bound::Unbounded, upper: Bound::Unbounded, .. } => Ok(0..rows.len()),
            Bounds::Range(lower, upper) => {
                let value = self.at_value(rows, at);
                let Some(number) = number(value) else {
                    return Err(not_in_range(5_429_413, "a number", value));
                };
                let end = |bound| match bound {
                    Bound::Unbounded => None,
                    Bound::Current => Some(number),
                    Bound::Offset(offset) => Some(number + offset),
                };
                Ok(self.between(rows, end(lower), end(upper), &self::number))
            }
            Bounds::Time { lower, upper, unit } => {
                let value = self.at_value(rows, at);
                let Some(millis) = value.as_date_millis() else {
                    return Err(not_in_range(5_429_513, "a Date", value));
                };
                let end = |bound| match bound {
                    Bound::Unbounded => None,
                    Bound::Current => Some(millis),
                    Bound::Offset(offset) => Some(unit.add(millis, offset)),
                };
                Ok(self.between(rows, end(lower), end(upper), &|value: Value<'_>| value.as_date_millis()))
            }
        }
    }

    fn at_value<'r>(&self, rows: &'r [Row], at: usize) -> Value<'r> {
        match (rows.get(at), self.at) {
            (Some(row), Some(at)) => argument(row, at),
            _ => Value::NOTHING,
        }
    }

    /// The rows between two values. Rows whose value is of another type lie in the window only where it has no end.
    fn between<T: PartialOrd>(
        &self,
        rows: &[Row],
        lower: Option<T>,
        upper: Option<T>,
        read: &dyn Fn(Value<'_>) -> Option<T>,
    ) -> Range<usize> {
        let mut start = self.taken.start;
        if let Some(lower) = lower {
            while start < rows.len() {
                match read(self.at_value(rows, start)) {
                    Some(value) if value >= lower => break,
                    _ => start += 1,
                }
            }
        }
        let Some(upper) = upper else { return start..rows.len() };
        let mut end = self.taken.end;
        // Values of types that sort before numbers and dates come first.
        let mut seen = end > 0 && read(self.at_value(rows, end - 1)).is_some();
        while end < rows.len() {
            match read(self.at_value(rows, end)) {
                Some(value) if value <= upper => seen = true,
                None if !seen => {}
                _ => break,
            }
            end += 1;
        }
        start..end
    }
}

/// A position moved by `offset`, kept within `0..=len`.
fn moved(at: usize, offset: i64, len: usize) -> usize {
    let at = i64::try_from(at).unwrap_or(i64::MAX).saturating_add(offset);
    usize::try_from(at.max(0)).unwrap_or(len).min(len)
}

#[cold]
fn not_in_range(code: i32, wanted: &str, value: Value<'_>) -> Error {
    let found = value.tag().name();
    Error::new(Code(code), format!("Invalid range: Expected the sortBy field to be {wanted}, but it was {found}"))
}

fn number(value: Value<'_>) -> Option<f64> {
    match value.view() {
        View::Int32(int) => Some(int.into()),
        View::Int64(int) => Some(int as f64),
        View::Double(double) => Some(double),
        View::Decimal128(decimal) => Some(decimal.to_f64()),
        _ => None,
    }
}

/// The values of a column, with null replaced by what lies on the line between the values around it.
fn linear_fill(rows: &[Row], at: usize, input: usize) -> Result<Vec<Kept>> {
    let mut filled = Vec::with_capacity(rows.len());
    let mut known: Option<(usize, f64, f64)> = None;
    let mut last_moment = None;
    for (row, current) in rows.iter().enumerate() {
        let (moment, value) = (argument(current, at), argument(current, input));
        let Some(moment) = number(moment).or_else(|| moment.as_date_millis().map(|millis| millis as f64)) else {
            let message = "$linearFill requires the sortBy field to be a number or a Date";
            return Err(Error::new(Code(605_001), message));
        };
        if last_moment.replace(moment) == Some(moment) {
            let message = "There can be no repeated values in the sort field";
            return Err(Error::new(Code(6_050_106), message));
        }
        if value.is_nullish() {
            filled.push(Kept::new(Value::NULL));
            continue;
        }
        let Some(number) = number(value) else {
            let message = format!("Value to be filled must be numeric or nullish, but it was {}", value.tag().name());
            return Err(Error::new(Code(605_001), message));
        };
        if let Some((start, before, from)) = known {
            let slope = (number - from) / (moment - before);
            for gap in start + 1..row {
                let moment = argument(&rows[gap], at);
                let moment = self::number(moment).or_else(|| moment.as_date_millis().map(|millis| millis as f64));
                filled[gap].set(Value::double(from + (moment.unwrap_or(before) - before) * slope));
            }
        }
        known = Some((row, moment, number));
        filled.push(Kept::new(value));
    }
    Ok(filled)
}

impl Operator for Window {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while !self.loaded {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.take(cx)?,
                Step::Yield => return Ok(Step::Yield),
                Step::End => {
                    self.rows.sort_by(|a, b| (&a.partition, &a.sort).cmp(&(&b.partition, &b.sort)));
                    self.loaded = true;
                    break;
                }
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
        self.stats.works += 1;
        if self.next >= self.rows.len() {
            return Ok(Step::End);
        }
        self.give(cx)?;
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::from_bytes(&self.row).unwrap_or(RawDoc::EMPTY)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.loaded && self.next >= self.rows.len()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if !self.loaded {
            self.input.save(cx);
        }
    }

    fn stage(&self) -> &'static str {
        "SET_WINDOW_FIELDS"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.array("output", |output| {
            self.spec.outputs.iter().for_each(|(path, _)| output.value(Value::string(&path.to_string())));
        });
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("partition and order", Arc::clone(&self.spec.place)), ("window arguments", Arc::clone(&self.spec.row))]
    }
}
