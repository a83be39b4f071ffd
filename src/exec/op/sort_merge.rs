//! Merge: the records of several index scans, each of which comes in the wanted order, as one sequence in that order.
//!
//! Records are ordered by what a program makes of their keys, so no document is read. The scans' next records are held
//! back for a turn only: when it ends they go back to where they came from, since they may have changed before the next.

use std::collections::HashSet;
use std::sync::Arc;

use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use super::IndexScan;
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step, count};

/// The merge. Rows are record ids.
pub(crate) struct SortMerge {
    scans: Vec<IndexScan>,
    /// The next record of each scan, in the scans' order.
    heads: Vec<Head>,
    program: Arc<Program>,
    source: DocBuf,
    machine: Machine,
    met: HashSet<i64, ahash::RandomState>,
    /// Those of the records met that this turn has added.
    in_turn: Vec<i64>,
    record_id: Option<i64>,
    dups_tested: u64,
    dups_dropped: u64,
    stats: Stats,
}

/// What is known of a scan's next record.
enum Head {
    Unknown,
    Row { key: Vec<u8>, record_id: i64 },
    Ended,
}

impl SortMerge {
    /// Merges scans that [give documents of their keys](IndexScan::with_key_documents), from which `program` makes
    /// sort keys.
    pub fn new(scans: Vec<IndexScan>, program: Arc<Program>, source: &RawDoc) -> Self {
        let heads = scans.iter().map(|_| Head::Unknown).collect();
        Self {
            scans,
            heads,
            program,
            source: source.into(),
            machine: Machine::new(),
            met: HashSet::default(),
            in_turn: Vec::new(),
            record_id: None,
            dups_tested: 0,
            dups_dropped: 0,
            stats: Stats::default(),
        }
    }

    /// Learns the next record of a scan.
    fn fill(&mut self, at: usize, cx: &mut ExecContext<'_>) -> Result<Step> {
        let scan = &mut self.scans[at];
        let step = scan.advance(cx)?;
        match step {
            Step::Row => {
                let mut key = Vec::new();
                self.machine.sort_key(&self.program, scan.document(cx), &cx.env, &mut key)?;
                self.heads[at] = match scan.record_id(cx) {
                    Some(record_id) => Head::Row { key, record_id },
                    None => Head::Unknown,
                };
            }
            Step::End => self.heads[at] = Head::Ended,
            Step::Yield => {}
        }
        Ok(step)
    }

    /// The scan whose next record comes first.
    fn first(&self) -> Option<(usize, i64)> {
        let known = self.heads.iter().enumerate().filter_map(|(at, head)| match head {
            Head::Row { key, record_id } => Some((key, *record_id, at)),
            _ => None,
        });
        known.min_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1))).map(|(_, record_id, at)| (at, record_id))
    }
}

impl Operator for SortMerge {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            while let Some(at) = self.heads.iter().position(|head| matches!(head, Head::Unknown)) {
                if self.fill(at, cx)? == Step::Yield {
                    return Ok(Step::Yield);
                }
            }
            let Some((at, record_id)) = self.first() else { return Ok(Step::End) };
            self.heads[at] = Head::Unknown;
            self.dups_tested += 1;
            if self.met.insert(record_id) {
                self.in_turn.push(record_id);
                self.record_id = Some(record_id);
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            self.dups_dropped += 1;
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
    }

    /// A merge has record ids, not documents.
    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::EMPTY
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        self.record_id
    }

    fn is_eof(&self) -> bool {
        self.heads.iter().all(|head| matches!(head, Head::Ended))
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.in_turn.clear();
        for (scan, head) in self.scans.iter_mut().zip(&mut self.heads) {
            match head {
                Head::Row { .. } => {
                    scan.save_unread(cx);
                    *head = Head::Unknown;
                }
                _ => scan.save(cx),
            }
        }
    }

    fn rewind(&mut self) {
        for record_id in self.in_turn.drain(..) {
            self.met.remove(&record_id);
        }
        self.heads.iter_mut().for_each(|head| *head = Head::Unknown);
        self.scans.iter_mut().for_each(Operator::rewind);
    }

    fn stage(&self) -> &'static str {
        "SORT_MERGE"
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn inputs(&self) -> Vec<&dyn Operator> {
        self.scans.iter().map(|scan| scan as &dyn Operator).collect()
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("sortPattern", Value::document(&self.source));
    }

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("dupsTested", count(self.dups_tested));
        doc.value("dupsDropped", count(self.dups_dropped));
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("sort key", Arc::clone(&self.program))]
    }
}
