//! Distinct scan: one record for each value of a field of an index, found by leaping from value to value.
//!
//! A row is the key as a document. Where the key does not say what a document has (null may be nothing, an array
//! counts as its elements), rows are the documents themselves, and nothing is leapt over.

use smongo_vm::value::{DocWriter, RawDoc};

use super::IndexScan;
use crate::collection::{checked_document, stored_document};
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The distinct scan.
pub(crate) struct DistinctScan {
    /// Where the cursor on documents lives.
    slot: usize,
    scan: IndexScan,
    is_read: bool,
    stats: Stats,
}

impl DistinctScan {
    /// The rows of a scan that [leaps](IndexScan::leaping) and gives documents of its keys.
    pub fn new(slot: usize, scan: IndexScan) -> Self {
        Self { slot, scan, is_read: false, stats: Stats::default() }
    }
}

impl Operator for DistinctScan {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            let step = self.scan.advance(cx)?;
            self.stats.keys_examined = self.scan.stats().keys_examined;
            if step != Step::Row {
                return Ok(step);
            }
            self.is_read = !self.scan.key_is_certain();
            if self.is_read {
                let (Some(shared), Some(record_id)) = (cx.shared, self.scan.record_id(cx)) else { continue };
                let records = cx.open(self.slot, shared.records())?;
                if !records.search(record_id)? {
                    continue;
                }
                checked_document(records.value())?;
                self.stats.docs_examined += 1;
            }
            self.stats.advanced += 1;
            return Ok(Step::Row);
        }
    }

    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc {
        if self.is_read {
            return cx.cursor(self.slot).map_or(RawDoc::EMPTY, |cursor| stored_document(cursor.value()));
        }
        self.scan.document(cx)
    }

    fn record_id(&self, cx: &ExecContext<'_>) -> Option<i64> {
        self.scan.record_id(cx)
    }

    fn is_eof(&self) -> bool {
        self.scan.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.scan.save(cx);
    }

    fn stage(&self) -> &'static str {
        "DISTINCT_SCAN"
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        self.scan.explain(doc);
    }
}
