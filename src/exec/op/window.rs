//! Window: rows with fields computed from their surroundings.
//!
//! All rows of the input are taken in and put in the order of partition and sort key, in which they are given out.
//! When a partition begins, what its functions are given is computed of each of its rows once; windows then move over
//! these values, adding in front and forgetting behind. What memory cannot hold of input or partition lies on disk.

use std::ops::Range;
use std::sync::Arc;

use bumpalo::Bump;
use smallvec::SmallVec;
use smongo_compiler::ir::window::{Bound, Bounds};
use smongo_compiler::{CompiledCall, CompiledFunction, CompiledWindow};
use smongo_vm::Code;
use smongo_vm::acc::{Accumulator, Form, Kept, Sliding};
use smongo_vm::interp::Machine;
use smongo_vm::key::{Bound as KeyBound, Direction, KeyEncoder};
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, RawDoc, Tag, Value, View};

use super::group::check_size;
use super::set_path::set_path;
use super::states::{check_states, growing, settings, sliding};
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step, write_spilled};
use crate::spill::{Limit, SortedRows, Sorter, SpillList, Spilled, push_values, read_values};

/// The window stage.
pub(crate) struct Window {
    input: Box<dyn Operator>,
    spec: Arc<CompiledWindow>,
    machine: Machine,
    /// The input, while it is taken in.
    sorter: Sorter,
    /// The input in order; the current row is the first of the next partition.
    sorted: Option<SortedRows>,
    /// Whether there is a next partition.
    more: bool,
    /// The rows of the current partition, and the one after the current one.
    docs: SpillList,
    columns: Columns,
    next: usize,
    functions: Vec<Running>,
    /// The bytes that functions hold.
    held_bytes: usize,
    spilled: Spilled,
    key: Vec<u8>,
    arena: Bump,
    row: Vec<u8>,
    spare: Vec<u8>,
    stats: Stats,
}

/// What the functions are given, row by row.
#[derive(Default)]
struct Columns {
    rows: SpillList,
    row: Vec<u8>,
}

impl Columns {
    fn push(&mut self, values: &[Value<'_>]) {
        self.row.clear();
        push_values(values.iter().copied(), &mut self.row);
        self.rows.push(&self.row);
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    /// The values of a row.
    fn values(&mut self, at: usize) -> Result<SmallVec<[Value<'_>; 8]>> {
        read_values(self.rows.get(at)?.unwrap_or_default())
    }

    /// One value of a row.
    fn value(&mut self, at: usize, column: usize) -> Result<Value<'_>> {
        Ok(self.values(at)?.get(column).copied().unwrap_or(Value::NOTHING))
    }
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

impl Window {
    /// Computes fields for the rows of `input`.
    pub fn new(input: Box<dyn Operator>, spec: Arc<CompiledWindow>) -> Self {
        Self {
            input,
            spec,
            machine: Machine::new(),
            sorter: Sorter::default(),
            sorted: None,
            more: false,
            docs: SpillList::default(),
            columns: Columns::default(),
            next: 0,
            functions: Vec::new(),
            held_bytes: 0,
            spilled: Spilled::default(),
            key: Vec::new(),
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
        let key = values.first().copied().unwrap_or(Value::NOTHING);
        if key.tag() == Tag::Array {
            let message = "An expression used to partition cannot evaluate to value of type array";
            return Err(Error::new(Code::TYPE_MISMATCH, message));
        }
        self.key.clear();
        let mut types = Vec::new();
        let mut encoder = KeyEncoder::with_strings(&mut self.key, &mut types, self.spec.place.strings());
        encoder.field(if key.is_nullish() { Value::NULL } else { key }, Direction::Ascending);
        encoder.finish(KeyBound::Equal);
        let partition_length = self.key.len() as i64;
        if let Some(View::Binary { bytes, .. }) =
            values.get(1).map(|value| value.view()).filter(|_| self.spec.is_sorted)
        {
            self.key.extend_from_slice(bytes);
        }
        self.sorter.push(&self.key, doc.as_bytes(), partition_length);
        if self.sorter.memory_bytes() > cx.workspace.memory_max(Limit::Window) {
            self.sorter.spill(cx.workspace.files_for("$setWindowFields")?)?;
        }
        Ok(())
    }

    /// All documents are there.
    fn end_loading(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let sorter = std::mem::take(&mut self.sorter);
        let mut sorted = sorter.finish(cx.workspace.memory_max(Limit::Window) / 2)?;
        self.spilled = sorted.spilled();
        self.more = sorted.advance()?;
        self.sorted = Some(sorted);
        Ok(())
    }

    /// Takes in the rows of the next partition.
    fn load_partition(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let memory_max = cx.workspace.memory_max(Limit::Window);
        let Self { spec, machine, sorted, more, docs, columns, held_bytes, key, .. } = self;
        docs.clear();
        columns.rows.clear();
        *held_bytes = 0;
        key.clear();
        let Some(sorted) = sorted else { return Ok(()) };
        while *more && let Some((row_key, doc, length)) = sorted.current() {
            let partition = row_key.get(..length as usize).unwrap_or_default();
            if key.is_empty() {
                key.extend_from_slice(partition);
            } else if key.as_slice() != partition {
                break;
            }
            docs.push(doc);
            let doc = RawDoc::from_bytes(doc).unwrap_or(RawDoc::EMPTY);
            columns.push(machine.compute_row(&spec.row, doc, &cx.env)?);
            if docs.memory_bytes() + columns.rows.memory_bytes() > memory_max {
                let files = cx.workspace.files_for("$setWindowFields")?;
                docs.spill(files)?;
                columns.rows.spill(files)?;
            }
            *more = sorted.advance()?;
        }
        Ok(())
    }

    /// Prepares the functions for the next partition.
    fn begin_partition(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        self.load_partition(cx)?;
        self.next = 0;
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
                    Running::Known(linear_fill(&mut self.columns, *at, *input)?)
                }
            };
            self.functions.push(running);
        }
        Ok(())
    }

    /// Makes the next row.
    fn give(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        if self.next >= self.docs.len() {
            self.begin_partition(cx)?;
        }
        let Self { spec, docs, columns, functions, held_bytes, arena, row, spare, next, .. } = self;
        let at = *next;
        row.clear();
        row.extend_from_slice(docs.get(at)?.unwrap_or(RawDoc::EMPTY.as_bytes()));
        for ((path, function), running) in spec.outputs.iter().zip(functions) {
            arena.reset();
            let value = match (running, function) {
                (Running::Accumulate { window, state, last }, CompiledFunction::Accumulate { call, .. }) => {
                    accumulate(call, window, state, last, columns, at, held_bytes, arena)?
                }
                (Running::Shift { output, by, default }, _) => {
                    let other = i64::try_from(at).ok().and_then(|at| at.checked_add(*by));
                    let other = other.and_then(|other| usize::try_from(other).ok());
                    match other.filter(|other| *other < columns.len()) {
                        Some(other) => columns.value(other, *output)?,
                        None => default.get(),
                    }
                }
                (Running::Known(values), _) => values.get(at).map_or(Value::NULL, Kept::get),
                (Running::Accumulate { .. }, _) => Value::NULL,
            };
            set_path(spare, RawDoc::from_bytes(row).unwrap_or(RawDoc::EMPTY), path, value);
            std::mem::swap(row, spare);
        }
        check_states("$setWindowFields", *held_bytes)?;
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
    columns: &mut Columns,
    at: usize,
    held: &mut usize,
    arena: &'d Bump,
) -> Result<Value<'d>> {
    let target = window.target(columns, at)?;
    while window.taken.end < target.end.min(columns.len()) {
        let values = columns.values(window.taken.end)?;
        state.step(values.get(call.args.clone()).unwrap_or_default(), held)?;
        window.taken.end += 1;
    }
    if let State::Sliding(sliding) = state {
        while window.taken.start < target.start.min(window.taken.end) {
            let values = columns.values(window.taken.start)?;
            sliding.remove(values.get(call.args.clone()).unwrap_or_default(), held);
            window.taken.start += 1;
        }
    }
    // A window that has not moved has the value that it had.
    let is_scaling = call.definition.form == Form::Scaling;
    if is_scaling || last.as_ref().is_none_or(|(range, _)| *range != window.taken) {
        let values = columns.values(at)?;
        let value = state.value_for(values.get(call.args.clone()).unwrap_or_default(), arena)?;
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
    fn target(&self, rows: &mut Columns, at: usize) -> Result<Range<usize>> {
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
                let value = self.at_value(rows, at)?;
                let Some(number) = number(value) else {
                    return Err(not_in_range(5_429_413, "a number", value));
                };
                let end = |bound| match bound {
                    Bound::Unbounded => None,
                    Bound::Current => Some(number),
                    Bound::Offset(offset) => Some(number + offset),
                };
                self.between(rows, end(lower), end(upper), &self::number)
            }
            Bounds::Time { lower, upper, unit } => {
                let value = self.at_value(rows, at)?;
                let Some(millis) = value.as_date_millis() else {
                    return Err(not_in_range(5_429_513, "a Date", value));
                };
                let end = |bound| match bound {
                    Bound::Unbounded => None,
                    Bound::Current => Some(millis),
                    Bound::Offset(offset) => Some(unit.add(millis, offset)),
                };
                self.between(rows, end(lower), end(upper), &|value: Value<'_>| value.as_date_millis())
            }
        }
    }

    fn at_value<'r>(&self, rows: &'r mut Columns, at: usize) -> Result<Value<'r>> {
        match self.at {
            Some(column) => rows.value(at, column),
            None => Ok(Value::NOTHING),
        }
    }

    /// The rows between two values. Rows whose value is of another type lie in the window only where it has no end.
    fn between<T: PartialOrd>(
        &self,
        rows: &mut Columns,
        lower: Option<T>,
        upper: Option<T>,
        read: &dyn Fn(Value<'_>) -> Option<T>,
    ) -> Result<Range<usize>> {
        let mut start = self.taken.start;
        if let Some(lower) = lower {
            while start < rows.len() {
                match read(self.at_value(rows, start)?) {
                    Some(value) if value >= lower => break,
                    _ => start += 1,
                }
            }
        }
        let Some(upper) = upper else { return Ok(start..rows.len()) };
        let mut end = self.taken.end;
        // Values of types that sort before numbers and dates come first.
        let mut seen = end > 0 && read(self.at_value(rows, end - 1)?).is_some();
        while end < rows.len() {
            match read(self.at_value(rows, end)?) {
                Some(value) if value <= upper => seen = true,
                None if !seen => {}
                _ => break,
            }
            end += 1;
        }
        Ok(start..end)
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
fn linear_fill(rows: &mut Columns, at: usize, input: usize) -> Result<Vec<Kept>> {
    let moment_of = |value: Value<'_>| number(value).or_else(|| value.as_date_millis().map(|millis| millis as f64));
    let mut filled = Vec::with_capacity(rows.len());
    let mut known: Option<(usize, f64, f64)> = None;
    let mut last_moment = None;
    for row in 0..rows.len() {
        let values = rows.values(row)?;
        let value_of = |column: usize| values.get(column).copied().unwrap_or(Value::NOTHING);
        let Some(moment) = moment_of(value_of(at)) else {
            let message = "$linearFill requires the sortBy field to be a number or a Date";
            return Err(Error::new(Code(605_001), message));
        };
        if last_moment.replace(moment) == Some(moment) {
            let message = "There can be no repeated values in the sort field";
            return Err(Error::new(Code(6_050_106), message));
        }
        let value = value_of(input);
        if value.is_nullish() {
            filled.push(Kept::new(Value::NULL));
            continue;
        }
        let Some(number) = number(value) else {
            let message = format!("Value to be filled must be numeric or nullish, but it was {}", value.tag().name());
            return Err(Error::new(Code(605_001), message));
        };
        filled.push(Kept::new(value));
        drop(values);
        if let Some((start, before, from)) = known {
            let slope = (number - from) / (moment - before);
            for gap in start + 1..row {
                let moment = moment_of(rows.value(gap, at)?).unwrap_or(before);
                if let Some(filled) = filled.get_mut(gap) {
                    filled.set(Value::double(from + (moment - before) * slope));
                }
            }
        }
        known = Some((row, moment, number));
    }
    Ok(filled)
}

impl Operator for Window {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while self.sorted.is_none() {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.take(cx)?,
                Step::Yield => return Ok(Step::Yield),
                Step::End => {
                    self.end_loading(cx)?;
                    break;
                }
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
        self.stats.works += 1;
        if self.is_eof() {
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
        self.sorted.is_some() && !self.more && self.next >= self.docs.len()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if self.sorted.is_none() {
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

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        let within = self.docs.spilled();
        write_spilled(
            doc,
            Spilled {
                times: self.spilled.times + within.times,
                rows: self.spilled.rows + within.rows,
                bytes: self.spilled.bytes + within.bytes,
            },
        );
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("partition and order", Arc::clone(&self.spec.place)), ("window arguments", Arc::clone(&self.spec.row))]
    }
}
