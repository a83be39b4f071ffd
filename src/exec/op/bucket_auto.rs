//! BucketAuto: rows in the order of a key, spread over buckets of about the same size.
//!
//! A bucket begins where the one before it ends. Documents of equal keys share a bucket. With a granularity the bounds
//! are taken from a series of preferred numbers. Rows that memory cannot hold wait on disk.

use std::sync::Arc;

use bumpalo::Bump;
use smongo_compiler::CompiledBucketAuto;
use smongo_vm::Code;
use smongo_vm::acc::Accumulator;
use smongo_vm::algo::decimal;
use smongo_vm::algo::preferred::Series;
use smongo_vm::interp::Machine;
use smongo_vm::key::{Bound, Direction, KeyEncoder};
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, OwnedValue, RawDoc, Value, View, compare, compare_with};

use super::group::{check_size, present};
use super::states::{growing, settings};
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step, write_spilled};
use crate::spill::{Limit, SortedRows, Sorter, Spilled, push_values, read_values};

/// The spreading.
pub(crate) struct BucketAuto {
    input: Box<dyn Operator>,
    spec: Arc<CompiledBucketAuto>,
    machine: Machine,
    /// What was computed of each document, while the input is taken in.
    sorter: Sorter,
    /// The same in the order of keys; the current one belongs to the next bucket.
    rows: Option<SortedRows>,
    /// How many documents there are, and how many of them are in no bucket yet.
    total: u64,
    left: u64,
    encoded: Vec<u8>,
    spilled: Spilled,
    bucket: u32,
    /// The upper bound of the bucket before.
    last_bound: Option<OwnedValue>,
    arena: Bump,
    row: Vec<u8>,
    stats: Stats,
}

impl BucketAuto {
    /// Spreads the rows of `input`.
    pub fn new(input: Box<dyn Operator>, spec: Arc<CompiledBucketAuto>) -> Self {
        Self {
            input,
            spec,
            machine: Machine::new(),
            sorter: Sorter::default(),
            rows: None,
            total: 0,
            left: 0,
            encoded: Vec::new(),
            spilled: Spilled::default(),
            bucket: 0,
            last_bound: None,
            arena: Bump::new(),
            row: Vec::new(),
            stats: Stats::default(),
        }
    }

    fn take(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let values = self.machine.compute_row(&self.spec.group.row, self.input.document(cx), &cx.env)?;
        let Some((key, args)) = values.split_first() else { return Ok(()) };
        let key = present(*key);
        if self.spec.granularity.is_some() {
            check_number(key)?;
        }
        self.encoded.clear();
        let mut types = Vec::new();
        let mut encoder = KeyEncoder::with_strings(&mut self.encoded, &mut types, self.spec.group.row.strings());
        encoder.field(key, Direction::Ascending);
        encoder.finish(Bound::Equal);
        let mut row = Vec::new();
        push_values(std::iter::once(key).chain(args.iter().copied()), &mut row);
        self.sorter.push(&self.encoded, &row, 0);
        self.total += 1;
        if self.sorter.memory_bytes() > cx.workspace.memory_max(Limit::BucketAuto) {
            self.sorter.spill(cx.workspace.files_for("$bucketAuto")?)?;
        }
        Ok(())
    }

    /// All documents are there.
    fn end_loading(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let sorter = std::mem::take(&mut self.sorter);
        let mut rows = sorter.finish(cx.workspace.memory_max(Limit::BucketAuto))?;
        self.spilled = rows.spilled();
        self.left = self.total;
        rows.advance()?;
        self.rows = Some(rows);
        Ok(())
    }

    /// The key of the next row that no bucket has yet.
    fn key(&self) -> Result<Option<OwnedValue>> {
        let Some((_, row, _)) = self.rows.as_ref().and_then(SortedRows::current).filter(|_| self.left > 0) else {
            return Ok(None);
        };
        Ok(read_values(row)?.first().map(|key| OwnedValue::new(*key)))
    }

    /// Makes the row of the next bucket.
    fn give(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let last_bound = self.last_bound.take();
        self.bucket += 1;
        let size = (self.total as f64 / f64::from(self.spec.buckets)).round().max(1.0) as u64;
        let is_last = self.bucket >= self.spec.buckets;
        let size = if is_last { self.left } else { size.min(self.left) };
        let first = self.key()?.unwrap_or_else(|| OwnedValue::new(Value::NULL));
        let mut states = self.begin(cx)?;
        let mut greatest = first.clone();
        for _ in 0..size {
            if let Some(key) = self.take_into(&mut states)? {
                greatest = key;
            }
        }
        let (low, high) = match self.spec.granularity.clone() {
            None => {
                let spec = Arc::clone(&self.spec);
                let strings = spec.group.row.strings();
                while self.key()?.is_some_and(|key| compare_with(key.get(), greatest.get(), strings).is_eq()) {
                    self.take_into(&mut states)?;
                }
                (first, self.key()?.unwrap_or(greatest))
            }
            Some(series) => {
                let bound = rounded(&series, greatest.get(), Series::above);
                while self.key()?.is_some_and(|key| compare(bound.get(), key.get()).is_gt()) {
                    self.take_into(&mut states)?;
                }
                let is_zero = compare(bound.get(), Value::int32(0)).is_eq();
                let high = match self.key()? {
                    Some(key) if is_zero => rounded(&series, key.get(), Series::below),
                    _ => bound,
                };
                (last_bound.unwrap_or_else(|| rounded(&series, first.get(), Series::below)), high)
            }
        };
        self.write(&states, &low, &high)?;
        self.last_bound = Some(high);
        check_size(&self.row)
    }

    /// The states of a new bucket.
    fn begin(&mut self, cx: &ExecContext<'_>) -> Result<Vec<Box<dyn Accumulator>>> {
        let fields = &self.spec.group.fields;
        let mut states: Vec<Box<dyn Accumulator>> = Vec::with_capacity(fields.len());
        for (_, call) in fields {
            states.push(growing(call, &settings(call, Value::NOTHING, &mut self.machine, &cx.env)?)?);
        }
        Ok(states)
    }

    /// Puts the next row into a bucket and gives its key.
    fn take_into(&mut self, states: &mut [Box<dyn Accumulator>]) -> Result<Option<OwnedValue>> {
        let Some(rows) = &mut self.rows else { return Ok(None) };
        let Some((_, row, _)) = rows.current() else { return Ok(None) };
        let values = read_values(row)?;
        let mut held_bytes = 0;
        for ((_, call), state) in self.spec.group.fields.iter().zip(states) {
            state.step(values.get(call.args.clone()).unwrap_or_default(), &mut held_bytes)?;
        }
        let key = values.first().map(|key| OwnedValue::new(*key));
        drop(values);
        rows.advance()?;
        self.left -= 1;
        Ok(key)
    }

    fn write(&mut self, states: &[Box<dyn Accumulator>], low: &OwnedValue, high: &OwnedValue) -> Result<()> {
        self.arena.reset();
        self.row.clear();
        let mut out = DocWriter::new(&mut self.row);
        out.document("_id", |id| {
            id.value("min", low.get());
            id.value("max", high.get());
        });
        for ((name, _), state) in self.spec.group.fields.iter().zip(states) {
            out.value(name, present(state.finish(&self.arena)?));
        }
        out.finish();
        Ok(())
    }
}

/// A number moved to a neighbour in a series, as a double or, when it is one, as a decimal.
fn rounded(series: &Series, number: Value<'_>, neighbour: impl Fn(&Series, f64) -> f64) -> OwnedValue {
    match number.view() {
        View::Decimal128(decimal) if decimal::is_zero(decimal) => OwnedValue::new(number),
        View::Decimal128(decimal) => {
            let moved = decimal::from_f64_15(neighbour(series, decimal.to_f64()));
            OwnedValue::new(Value::decimal128(&moved.0))
        }
        view => {
            let double = match view {
                View::Int32(int) => f64::from(int),
                View::Int64(int) => int as f64,
                View::Double(double) => double,
                _ => 0.0,
            };
            if double == 0.0 {
                return OwnedValue::new(number);
            }
            OwnedValue::new(Value::double(neighbour(series, double)))
        }
    }
}

/// Boundaries of a series are for numbers that are not negative.
fn check_number(key: Value<'_>) -> Result<()> {
    let number = match key.view() {
        View::Int32(int) => f64::from(int),
        View::Int64(int) => int as f64,
        View::Double(double) => double,
        View::Decimal128(decimal) => decimal.to_f64(),
        _ => {
            let found = key.tag().name();
            let message = format!(
                "$bucketAuto can specify a 'granularity' with numeric boundaries only, but found a value with type: \
                 {found}"
            );
            return Err(Error::new(Code(40258), message));
        }
    };
    if number.is_nan() {
        let message = "$bucketAuto can specify a 'granularity' with numeric boundaries only, but found a NaN";
        return Err(Error::new(Code(40259), message));
    }
    if number < 0.0 {
        let message =
            "$bucketAuto can specify a 'granularity' with non-negative numbers only, but found a negative number";
        return Err(Error::new(Code(40260), message));
    }
    Ok(())
}

impl Operator for BucketAuto {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while self.rows.is_none() {
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
        if self.left == 0 {
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
        self.rows.is_some() && self.left == 0
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if self.rows.is_none() {
            self.input.save(cx);
        }
    }

    fn stage(&self) -> &'static str {
        "BUCKET_AUTO"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("bucketAuto", Value::document(&self.spec.source));
    }

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        write_spilled(doc, self.spilled);
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("key and arguments", Arc::clone(&self.spec.group.row))]
    }
}
