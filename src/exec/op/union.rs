//! Union: the records that any of several index scans leads to, each once.

use std::collections::HashSet;

use smongo_vm::value::{DocWriter, RawDoc};

use super::IndexScan;
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step, count};

/// The union. Rows are record ids, one scan's after the other's.
pub(crate) struct Union {
    scans: Vec<IndexScan>,
    at: usize,
    saved_at: usize,
    met: HashSet<i64, ahash::RandomState>,
    /// Those of the records met that this turn has added.
    in_turn: Vec<i64>,
    record_id: Option<i64>,
    dups_tested: u64,
    dups_dropped: u64,
    stats: Stats,
}

impl Union {
    /// The records of `scans`, whose cursors live in slots of their own.
    pub fn new(scans: Vec<IndexScan>) -> Self {
        Self {
            scans,
            at: 0,
            saved_at: 0,
            met: HashSet::default(),
            in_turn: Vec::new(),
            record_id: None,
            dups_tested: 0,
            dups_dropped: 0,
            stats: Stats::default(),
        }
    }
}

impl Operator for Union {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while let Some(scan) = self.scans.get_mut(self.at) {
            self.stats.works += 1;
            match scan.advance(cx)? {
                Step::Yield => return Ok(Step::Yield),
                Step::End => self.at += 1,
                Step::Row => {
                    self.dups_tested += 1;
                    let record_id = scan.record_id(cx);
                    if let Some(id) = record_id
                        && self.met.insert(id)
                    {
                        self.in_turn.push(id);
                        self.record_id = record_id;
                        self.stats.advanced += 1;
                        return Ok(Step::Row);
                    }
                    self.dups_dropped += 1;
                    if cx.is_due() {
                        return Ok(Step::Yield);
                    }
                }
            }
        }
        Ok(Step::End)
    }

    /// A union has record ids, not documents.
    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::EMPTY
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        self.record_id
    }

    fn is_eof(&self) -> bool {
        self.at >= self.scans.len()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.saved_at = self.at;
        self.in_turn.clear();
        self.scans.iter_mut().for_each(|scan| scan.save(cx));
    }

    fn rewind(&mut self) {
        self.at = self.saved_at;
        for record_id in self.in_turn.drain(..) {
            self.met.remove(&record_id);
        }
        self.scans.iter_mut().for_each(Operator::rewind);
    }

    fn stage(&self) -> &'static str {
        "OR"
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

    fn explain(&self, _: &mut DocWriter<'_, Vec<u8>>) {}

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("dupsTested", count(self.dups_tested));
        doc.value("dupsDropped", count(self.dups_dropped));
    }
}
