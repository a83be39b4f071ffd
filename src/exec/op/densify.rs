//! Densify: the rows of a sorted input, with rows put where a sequence of values has gaps.

use std::cmp::Ordering;
use std::sync::Arc;

use smongo_compiler::CompiledDensify;
use smongo_compiler::ir::pipeline::DensifyBounds;
use smongo_vm::Code;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, OwnedValue, RawDoc, Tag, Value, compare, equal};

use super::set_path::{set_path, value_at};
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};
use crate::spill::Limit;

/// The most rows that are put in. MongoDB: 500,000 (`internalQueryMaxAllowedDensifyDocs`).
const GENERATED_MAX: u64 = 500_000;

/// The densification.
pub(crate) struct Densify {
    input: Box<dyn Operator>,
    spec: Arc<CompiledDensify>,
    machine: Machine,
    rows: Vec<DocBuf>,
    loaded: bool,
    loaded_bytes: usize,
    /// The smallest and the largest value of all rows.
    extent: Option<(OwnedValue, OwnedValue)>,
    /// The rows of the partition at hand end here.
    partition_end: usize,
    next: usize,
    /// The next value of the sequence, while there is one in the partition at hand, and the last that it may have.
    sequence: Option<(OwnedValue, Last)>,
    generated: u64,
    row: DocBuf,
    stats: Stats,
}

/// Where a sequence ends.
#[derive(Clone)]
enum Last {
    At(OwnedValue),
    Before(OwnedValue),
}

impl Last {
    fn allows(&self, value: Value<'_>) -> bool {
        match self {
            Last::At(last) => compare(value, last.get()).is_le(),
            Last::Before(end) => compare(value, end.get()).is_lt(),
        }
    }
}

impl Densify {
    /// The rows of `input`, which are sorted by partition and value, densified.
    pub fn new(input: Box<dyn Operator>, spec: Arc<CompiledDensify>) -> Self {
        Self {
            input,
            spec,
            machine: Machine::new(),
            rows: Vec::new(),
            loaded: false,
            loaded_bytes: 0,
            extent: None,
            partition_end: 0,
            next: 0,
            sequence: None,
            generated: 0,
            row: DocBuf::new(),
            stats: Stats::default(),
        }
    }

    /// The value of a row that takes part in the sequence.
    fn value<'d>(&self, doc: &'d RawDoc) -> Result<Option<Value<'d>>> {
        let value = value_at(doc, &self.spec.ir.field);
        let fits = if self.spec.ir.is_date { value.tag() == Tag::DateTime } else { value.is_number() };
        match value.tag() {
            Tag::Nothing | Tag::Null | Tag::Undefined => Ok(None),
            _ if fits => Ok(Some(value)),
            _ if self.spec.ir.is_date => Err(Error::new(
                Code(6_053_600),
                "Encountered numeric densify value in collection when step has a date unit.",
            )),
            Tag::DateTime => Err(Error::new(
                Code(6_053_600),
                "Encountered date densify value in collection when step does not have a date unit.",
            )),
            _ => Err(Error::new(Code(5_733_201), "Densify field type must be numeric")),
        }
    }

    fn take(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let doc = self.input.document(cx);
        if let Some(value) = self.value(doc)? {
            let wider = match &self.extent {
                None => Some((value.into(), value.into())),
                Some((low, high)) if compare(value, low.get()).is_lt() => Some((value.into(), high.clone())),
                Some((low, high)) if compare(value, high.get()).is_gt() => Some((low.clone(), value.into())),
                Some(_) => None,
            };
            self.extent = wider.or(self.extent.take());
        }
        self.loaded_bytes += doc.as_bytes().len();
        let memory_max = cx.workspace.memory_max(Limit::Densify);
        if self.loaded_bytes > memory_max {
            let code = Code::QUERY_EXCEEDED_MEMORY_LIMIT_NO_DISK_USE_ALLOWED;
            return Err(Error::new(code, format!("$densify exceeded memory limit of {memory_max} bytes")));
        }
        self.rows.push(doc.into());
        Ok(())
    }

    fn is_same_partition(&self, a: &RawDoc, b: &RawDoc) -> bool {
        self.spec.ir.partition.iter().all(|path| {
            let (a, b) = (value_at(a, path), value_at(b, path));
            equal(a, b) || (a.is_nullish() && b.is_nullish())
        })
    }

    /// Begins the partition of the row at `next`: where it ends, and which sequence it should hold.
    fn begin_partition(&mut self) -> Result<()> {
        let begin = self.next;
        let mut end = begin;
        let (mut first, mut last) = (None, None);
        while let Some(doc) = self.rows.get(end) {
            if !self.is_same_partition(&self.rows[begin], doc) {
                break;
            }
            if let Some(value) = self.value(doc)? {
                first.get_or_insert(OwnedValue::from(value));
                last = Some(OwnedValue::from(value));
            }
            end += 1;
        }
        self.partition_end = end;
        self.sequence = match &self.spec.ir.bounds {
            DensifyBounds::Range(low, high) => Some((low.clone(), Last::Before(high.clone()))),
            DensifyBounds::Full => self.extent.clone().map(|(low, high)| (low, Last::At(high))),
            DensifyBounds::Partition => first.zip(last).map(|(first, last)| (first, Last::At(last))),
        };
        Ok(())
    }

    /// The next value of the sequence, when it lies before `bound`.
    fn gap_before(&mut self, bound: Option<Value<'_>>, cx: &ExecContext<'_>) -> Result<Option<OwnedValue>> {
        let Some((value, last)) = self.sequence.clone() else { return Ok(None) };
        if !last.allows(value.get()) {
            self.sequence = None;
            return Ok(None);
        }
        let order = bound.map(|bound| compare(value.get(), bound));
        if order.is_some_and(Ordering::is_gt) {
            return Ok(None);
        }
        let doc = DocBuf::build(|doc| doc.value("v", value.get()));
        let following = OwnedValue::from(self.machine.compute(&self.spec.next, &doc, &cx.env, None)?);
        // A step that is lost in the value's precision leads nowhere.
        let moves = compare(following.get(), value.get()).is_gt();
        self.sequence = moves.then_some((following, last));
        // A row that has the value itself fills its place.
        Ok(order.is_none_or(Ordering::is_lt).then_some(value))
    }

    /// The row that fills a gap: the value, and the fields by which `like` is partitioned.
    fn generate(&mut self, value: &OwnedValue, like: Option<usize>) -> Result<()> {
        self.generated += 1;
        if self.generated > GENERATED_MAX {
            return Err(Error::new(
                Code(5_897_900),
                format!(
                    "Generated {} documents in $densify, which is over the limit of {GENERATED_MAX}.",
                    self.generated
                ),
            ));
        }
        let mut row = RawDoc::EMPTY.as_bytes().to_vec();
        let mut changed = Vec::new();
        let like = like.and_then(|at| self.rows.get(at));
        for path in &self.spec.ir.partition {
            let key = like.map_or(Value::NOTHING, |doc| value_at(doc, path));
            if !key.is_nothing() {
                set_path(&mut changed, RawDoc::from_bytes(&row).unwrap_or(RawDoc::EMPTY), path, key);
                std::mem::swap(&mut row, &mut changed);
            }
        }
        let doc = RawDoc::from_bytes(&row).unwrap_or(RawDoc::EMPTY);
        set_path(&mut changed, doc, &self.spec.ir.field, value.get());
        self.row = DocBuf::from_vec(changed).unwrap_or_default();
        Ok(())
    }

    fn give(&mut self, cx: &ExecContext<'_>) -> Result<Step> {
        loop {
            if self.next < self.partition_end {
                let doc = self.rows[self.next].clone();
                let value = self.value(&doc)?;
                let gap = match value {
                    Some(value) => self.gap_before(Some(value), cx)?,
                    None => None,
                };
                match gap {
                    Some(gap) => self.generate(&gap, Some(self.next))?,
                    None => {
                        self.row = doc;
                        self.next += 1;
                    }
                }
                return Ok(Step::Row);
            }
            if let Some(gap) = self.gap_before(None, cx)? {
                self.generate(&gap, self.partition_end.checked_sub(1))?;
                return Ok(Step::Row);
            }
            if self.next >= self.rows.len() {
                return Ok(Step::End);
            }
            self.begin_partition()?;
        }
    }
}

impl Operator for Densify {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while !self.loaded {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.take(cx)?,
                Step::Yield => return Ok(Step::Yield),
                Step::End => {
                    self.loaded = true;
                    // Without any rows a range is still dense, as long as it is not one for each partition.
                    if let (true, DensifyBounds::Range(low, high)) = (self.rows.is_empty(), &self.spec.ir.bounds) {
                        let wanted = self.spec.ir.partition.is_empty();
                        self.sequence = wanted.then(|| (low.clone(), Last::Before(high.clone())));
                    }
                }
            }
            if cx.is_due() && !self.loaded {
                return Ok(Step::Yield);
            }
        }
        let step = self.give(cx)?;
        self.stats.advanced += u64::from(step == Step::Row);
        Ok(step)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        &self.row
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.loaded && self.next >= self.rows.len() && self.sequence.is_none()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if !self.loaded {
            self.input.save(cx);
        }
    }

    fn stage(&self) -> &'static str {
        "DENSIFY"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.string("field", &self.spec.ir.field.to_string());
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("next value", Arc::clone(&self.spec.next))]
    }
}
