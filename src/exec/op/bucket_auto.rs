//! BucketAuto: rows in the order of a key, spread over buckets of about the same size.
//!
//! A bucket begins where the one before it ends. Documents of equal keys share a bucket. With a granularity the bounds
//! are taken from a series of preferred numbers.

use std::sync::Arc;

use bumpalo::Bump;
use smongo_compiler::CompiledBucketAuto;
use smongo_vm::Code;
use smongo_vm::acc::{Accumulator, Kept};
use smongo_vm::algo::decimal;
use smongo_vm::algo::preferred::Series;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, OwnedValue, RawDoc, Value, View, compare};

use super::group::{check_size, present};
use super::states::{check_memory, growing, settings};
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The spreading.
pub(crate) struct BucketAuto {
    input: Box<dyn Operator>,
    spec: Arc<CompiledBucketAuto>,
    machine: Machine,
    /// What was computed of each document; sorted by key once all are there.
    rows: Vec<Row>,
    held_bytes: usize,
    loaded: bool,
    /// The first row of the next bucket.
    next: usize,
    bucket: u32,
    /// The upper bound of the bucket before.
    last_bound: Option<OwnedValue>,
    arena: Bump,
    row: Vec<u8>,
    stats: Stats,
}

struct Row {
    key: Kept,
    args: Box<[Kept]>,
}

impl BucketAuto {
    /// Spreads the rows of `input`.
    pub fn new(input: Box<dyn Operator>, spec: Arc<CompiledBucketAuto>) -> Self {
        Self {
            input,
            spec,
            machine: Machine::new(),
            rows: Vec::new(),
            held_bytes: 0,
            loaded: false,
            next: 0,
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
        let row = Row { key: Kept::new(key), args: args.iter().map(|arg| Kept::new(*arg)).collect() };
        let args_bytes: usize = row.args.iter().map(Kept::memory_bytes).sum();
        self.held_bytes += size_of::<Row>() + row.key.heap_bytes() + args_bytes;
        self.rows.push(row);
        check_memory("$bucketAuto", self.held_bytes)
    }

    /// The key of a row that no bucket has yet.
    fn key(&self, at: usize) -> Option<Value<'_>> {
        self.rows.get(at).map(|row| row.key.get())
    }

    /// Makes the row of the next bucket.
    fn give(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let start = self.next;
        let last_bound = self.last_bound.take();
        self.bucket += 1;
        let size = (self.rows.len() as f64 / f64::from(self.spec.buckets)).round().max(1.0) as usize;
        let is_last = self.bucket >= self.spec.buckets;
        let mut end = if is_last { self.rows.len() } else { start.saturating_add(size).min(self.rows.len()) };
        let greatest = self.key(end.saturating_sub(1)).unwrap_or(Value::NULL);
        let first = self.key(start).unwrap_or(Value::NULL);
        let (low, high) = match &self.spec.granularity {
            None => {
                while self.key(end).is_some_and(|key| compare(key, greatest).is_eq()) {
                    end += 1;
                }
                (OwnedValue::new(first), OwnedValue::new(self.key(end).unwrap_or(greatest)))
            }
            Some(series) => {
                let bound = rounded(series, greatest, Series::above);
                while self.key(end).is_some_and(|key| compare(bound.get(), key).is_gt()) {
                    end += 1;
                }
                let is_zero = compare(bound.get(), Value::int32(0)).is_eq();
                let high = match self.key(end) {
                    Some(key) if is_zero => rounded(series, key, Series::below),
                    _ => bound,
                };
                (last_bound.unwrap_or_else(|| rounded(series, first, Series::below)), high)
            }
        };
        self.write(start..end, &low, &high, cx)?;
        self.last_bound = Some(high);
        self.next = end;
        check_size(&self.row)
    }

    fn write(
        &mut self,
        rows: std::ops::Range<usize>,
        low: &OwnedValue,
        high: &OwnedValue,
        cx: &ExecContext<'_>,
    ) -> Result<()> {
        let fields = &self.spec.group.fields;
        let mut states: Vec<Box<dyn Accumulator>> = Vec::with_capacity(fields.len());
        for (_, call) in fields {
            states.push(growing(call, &settings(call, Value::NOTHING, &mut self.machine, &cx.env)?)?);
        }
        for row in self.rows.get(rows).unwrap_or_default() {
            for ((_, call), state) in fields.iter().zip(&mut states) {
                // The key stands before the arguments, and not among them.
                let args = row.args.get(call.args.start - 1..call.args.end - 1).unwrap_or_default();
                let args: Vec<Value<'_>> = args.iter().map(Kept::get).collect();
                state.step(&args, &mut self.held_bytes)?;
            }
        }
        self.arena.reset();
        self.row.clear();
        let mut out = DocWriter::new(&mut self.row);
        out.document("_id", |id| {
            id.value("min", low.get());
            id.value("max", high.get());
        });
        for ((name, _), state) in fields.iter().zip(&states) {
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
        while !self.loaded {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.take(cx)?,
                Step::Yield => return Ok(Step::Yield),
                Step::End => {
                    self.rows.sort_by(|a, b| compare(a.key.get(), b.key.get()));
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

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("key and arguments", Arc::clone(&self.spec.group.row))]
    }
}
