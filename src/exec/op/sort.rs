//! Sort: all rows of the input, in the order of their keys.
//!
//! Keys are made by a program and compare as bytes. With a limit only so many rows are kept, in a heap with the last
//! of them on top, and a row that would come after it is never copied. Rows with equal keys keep their order.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use smongo_vm::Code;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The most memory a sort may take, in bytes. MongoDB: 100 MiB (`internalQueryMaxBlockingSortMemoryUsageBytes`).
const MEMORY_MAX_BYTES: usize = 100 * 1024 * 1024;

/// What a row takes besides key and document, in bytes.
const ROW_OVERHEAD_BYTES: usize = size_of::<SortedRow>();

/// The sort.
pub(crate) struct Sort {
    input: Box<dyn Operator>,
    program: Arc<Program>,
    source: DocBuf,
    /// How many rows will be asked for.
    limit: Option<usize>,
    machine: Machine,
    phase: Phase,
    memory_bytes: usize,
    sequence: u64,
    stats: Stats,
}

enum Phase {
    /// Rows are taken in.
    Loading { rows: BinaryHeap<SortedRow>, key: Vec<u8> },
    /// Rows are given out; the current row is the one before `next`.
    Giving { rows: Vec<SortedRow>, next: usize },
}

struct SortedRow {
    key: Box<[u8]>,
    sequence: u64,
    doc: DocBuf,
    record_id: Option<i64>,
}

impl Sort {
    /// Sorts the rows of `input`, of which only the first `limit` will be asked for.
    pub fn new(input: Box<dyn Operator>, program: Arc<Program>, source: &RawDoc, limit: Option<u64>) -> Self {
        Self {
            input,
            program,
            source: source.into(),
            limit: limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            machine: Machine::new(),
            phase: Phase::loading(),
            memory_bytes: 0,
            sequence: 0,
            stats: Stats::default(),
        }
    }

    /// Takes in what the input has; leaves the phase of loading unless the turn must end before.
    fn load(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.take(cx)?,
                Step::End => break,
                Step::Yield => return Ok(Step::Yield),
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
        if let Phase::Loading { rows, .. } = &mut self.phase {
            let mut rows = std::mem::take(rows).into_vec();
            rows.sort_unstable();
            self.phase = Phase::Giving { rows, next: 0 };
        }
        Ok(Step::Row)
    }

    /// Takes in the input's current row, unless enough rows come before it.
    fn take(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let Phase::Loading { rows, key } = &mut self.phase else { return Ok(()) };
        let doc = self.input.document(cx);
        key.clear();
        self.machine.sort_key(&self.program, doc, &cx.env, key)?;
        self.sequence += 1;
        if self.limit.is_some_and(|limit| rows.len() >= limit) {
            match rows.peek() {
                Some(last) if key.as_slice() < &*last.key => {}
                _ => return Ok(()),
            }
            self.memory_bytes -= rows.pop().map_or(0, |row| row.memory_bytes());
        }
        let row = SortedRow {
            key: key.as_slice().into(),
            sequence: self.sequence,
            doc: doc.into(),
            record_id: self.input.record_id(cx),
        };
        self.memory_bytes += row.memory_bytes();
        if self.memory_bytes > MEMORY_MAX_BYTES {
            return Err(Error::new(
                Code::QUERY_EXCEEDED_MEMORY_LIMIT_NO_DISK_USE_ALLOWED,
                format!(
                    "Executor error during find command :: caused by :: Sort exceeded memory limit of \
                     {MEMORY_MAX_BYTES} bytes, but did not opt in to external sorting."
                ),
            ));
        }
        rows.push(row);
        Ok(())
    }

    fn current(&self) -> Option<&SortedRow> {
        match &self.phase {
            Phase::Giving { rows, next } => next.checked_sub(1).and_then(|at| rows.get(at)),
            Phase::Loading { .. } => None,
        }
    }
}

impl Phase {
    fn loading() -> Self {
        Phase::Loading { rows: BinaryHeap::new(), key: Vec::new() }
    }
}

impl SortedRow {
    fn memory_bytes(&self) -> usize {
        self.key.len() + self.doc.as_bytes().len() + ROW_OVERHEAD_BYTES
    }
}

impl Ord for SortedRow {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then(self.sequence.cmp(&other.sequence))
    }
}

impl PartialOrd for SortedRow {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortedRow {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SortedRow {}

impl Operator for Sort {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        if matches!(self.phase, Phase::Loading { .. }) && self.load(cx)? == Step::Yield {
            return Ok(Step::Yield);
        }
        self.stats.works += 1;
        let Phase::Giving { rows, next } = &mut self.phase else { return Ok(Step::End) };
        if *next >= rows.len() {
            return Ok(Step::End);
        }
        *next += 1;
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        self.current().map_or(RawDoc::EMPTY, |row| row.doc.as_doc())
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        self.current().and_then(|row| row.record_id)
    }

    /// The filter has run over later rows since; whoever needs the position runs it again.
    fn matched_position(&self) -> Option<u32> {
        None
    }

    fn is_eof(&self) -> bool {
        match &self.phase {
            Phase::Giving { rows, next } => *next >= rows.len(),
            Phase::Loading { .. } => false,
        }
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if let Phase::Loading { .. } = self.phase {
            self.input.save(cx);
        }
    }

    /// Rows that were taken in may have changed since, so they are taken in again. Whoever rewinds a sort must have
    /// let it load in one turn.
    fn rewind(&mut self) {
        self.phase = Phase::loading();
        self.memory_bytes = 0;
        self.input.rewind();
    }

    fn stage(&self) -> &'static str {
        "SORT"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("sortPattern", Value::document(&self.source));
        doc.value("memLimit", Value::integer(MEMORY_MAX_BYTES as i64));
        if let Some(limit) = self.limit {
            doc.value("limitAmount", Value::integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        }
        doc.string("type", "simple");
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("sort key", Arc::clone(&self.program))]
    }
}
