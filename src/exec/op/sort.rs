//! Sort: all rows of the input, in the order of their keys.
//!
//! Keys are made by a program and compare as bytes. With a limit only so many rows are kept, in a heap with the last
//! of them on top, and a row that would come after it is never copied. Rows with equal keys keep their order. Rows that
//! memory cannot hold go to disk as sorted runs.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use smongo_vm::Code;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step, count, write_spilled};
use crate::spill::{Limit, Limits, SortedRows, Sorter, Spilled};

/// What stands for "no record" beside a row in a sorter.
const NO_RECORD: i64 = i64::MIN;

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
    /// The key of the row that is taken in.
    key: Vec<u8>,
    /// The most bytes that were held, and what went to disk.
    memory_max: usize,
    spilled: Spilled,
    taken_bytes: u64,
    stats: Stats,
}

enum Phase {
    /// Only the first rows are wanted, and memory holds them.
    First(FirstRows),
    /// Rows are taken in.
    Loading {
        sorter: Sorter,
        /// From this key on, rows are not wanted.
        cutoff: Option<Box<[u8]>>,
    },
    /// Rows are given out.
    Giving(SortedRows),
}

/// The rows with the least keys.
#[derive(Default)]
struct FirstRows {
    heap: BinaryHeap<SortedRow>,
    memory_bytes: usize,
    sequence: u64,
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
        let limit = limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Self {
            input,
            program,
            source: source.into(),
            limit,
            machine: Machine::new(),
            phase: Phase::new(limit),
            key: Vec::new(),
            memory_max: 0,
            spilled: Spilled::default(),
            taken_bytes: 0,
            stats: Stats::default(),
        }
    }

    /// Takes in what the input has; leaves the phase of loading unless the turn must end before.
    fn load(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.memory_max = cx.workspace.memory_max(Limit::Sort);
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
        let sorter = match std::mem::replace(&mut self.phase, Phase::new(None)) {
            Phase::First(first) => first.into_sorter().0,
            Phase::Loading { sorter, .. } => sorter,
            Phase::Giving(rows) => {
                self.phase = Phase::Giving(rows);
                return Ok(Step::Row);
            }
        };
        let rows = sorter.finish(self.memory_max)?;
        self.spilled = rows.spilled();
        self.phase = Phase::Giving(rows);
        Ok(Step::Row)
    }

    /// Takes in the input's current row, unless enough rows come before it.
    fn take(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let doc = self.input.document(cx);
        self.key.clear();
        self.machine.sort_key(&self.program, doc, &cx.env, &mut self.key)?;
        let record_id = self.input.record_id(cx);
        self.taken_bytes += doc.as_bytes().len() as u64;
        if let Phase::First(first) = &mut self.phase {
            first.take(&self.key, doc, record_id, self.limit.unwrap_or(usize::MAX));
            if first.memory_bytes <= self.memory_max {
                return Ok(());
            }
            let is_full = self.limit.is_some_and(|limit| first.heap.len() >= limit);
            let (sorter, last) = std::mem::take(first).into_sorter();
            self.phase = Phase::Loading { sorter, cutoff: last.filter(|_| is_full) };
        } else if let Phase::Loading { sorter, cutoff } = &mut self.phase {
            if cutoff.as_ref().is_some_and(|cutoff| self.key.as_slice() >= &**cutoff) {
                return Ok(());
            }
            sorter.push(&self.key, doc.as_bytes(), record_id.unwrap_or(NO_RECORD));
        }
        let Phase::Loading { sorter, .. } = &mut self.phase else { return Ok(()) };
        if sorter.memory_bytes() <= self.memory_max {
            return Ok(());
        }
        let Some(files) = cx.workspace.files() else { return Err(over_limit(self.memory_max)) };
        sorter.spill(files)
    }

    fn current(&self) -> Option<(&[u8], i64)> {
        match &self.phase {
            Phase::Giving(rows) => rows.current().map(|(_, doc, record_id)| (doc, record_id)),
            _ => None,
        }
    }
}

#[cold]
fn over_limit(memory_max: usize) -> Error {
    Error::new(
        Code::QUERY_EXCEEDED_MEMORY_LIMIT_NO_DISK_USE_ALLOWED,
        format!(
            "Executor error during find command :: caused by :: Sort exceeded memory limit of {memory_max} bytes, but \
             did not opt in to external sorting."
        ),
    )
}

impl Phase {
    fn new(limit: Option<usize>) -> Self {
        match limit {
            Some(_) => Phase::First(FirstRows::default()),
            None => Phase::Loading { sorter: Sorter::default(), cutoff: None },
        }
    }
}

impl FirstRows {
    fn take(&mut self, key: &[u8], doc: &RawDoc, record_id: Option<i64>, limit: usize) {
        self.sequence += 1;
        if self.heap.len() >= limit {
            match self.heap.peek() {
                Some(last) if key < &*last.key => {}
                _ => return,
            }
            self.memory_bytes -= self.heap.pop().map_or(0, |row| row.memory_bytes());
        }
        let row = SortedRow { key: key.into(), sequence: self.sequence, doc: doc.into(), record_id };
        self.memory_bytes += row.memory_bytes();
        self.heap.push(row);
    }

    /// The rows in a sorter, and the last key among them.
    fn into_sorter(self) -> (Sorter, Option<Box<[u8]>>) {
        let last = self.heap.peek().map(|row| row.key.clone());
        let mut rows = self.heap.into_vec();
        rows.sort_unstable_by_key(|row| row.sequence);
        let mut sorter = Sorter::default();
        for row in rows {
            sorter.push(&row.key, row.doc.as_bytes(), row.record_id.unwrap_or(NO_RECORD));
        }
        (sorter, last)
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
        if !matches!(self.phase, Phase::Giving(_)) && self.load(cx)? == Step::Yield {
            return Ok(Step::Yield);
        }
        self.stats.works += 1;
        let Phase::Giving(rows) = &mut self.phase else { return Ok(Step::End) };
        if !rows.advance()? {
            return Ok(Step::End);
        }
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        self.current().and_then(|(doc, _)| RawDoc::from_bytes(doc)).unwrap_or(RawDoc::EMPTY)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        self.current().map(|(_, record_id)| record_id).filter(|record_id| *record_id != NO_RECORD)
    }

    /// The filter has run over later rows since; whoever needs the position runs it again.
    fn matched_position(&self) -> Option<u32> {
        None
    }

    fn is_eof(&self) -> bool {
        match &self.phase {
            Phase::Giving(rows) => rows.is_at_end(),
            _ => false,
        }
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if !matches!(self.phase, Phase::Giving(_)) {
            self.input.save(cx);
        }
    }

    /// Rows that were taken in may have changed since, so they are taken in again. Whoever rewinds a sort must have
    /// let it load in one turn.
    fn rewind(&mut self) {
        self.phase = Phase::new(self.limit);
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
        let memory_max = if self.memory_max == 0 { Limits::default().get(Limit::Sort) } else { self.memory_max };
        doc.value("memLimit", count(memory_max as u64));
        if let Some(limit) = self.limit {
            doc.value("limitAmount", Value::integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        }
        doc.string("type", "simple");
    }

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("totalDataSizeSorted", count(self.taken_bytes));
        write_spilled(doc, self.spilled);
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("sort key", Arc::clone(&self.program))]
    }
}
