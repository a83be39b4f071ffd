//! Rows that were computed beforehand, such as the answers to `listCollections`.

use std::sync::Arc;

use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use super::FilterProgram;
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// Documents in memory, filtered.
pub(crate) struct Documents {
    documents: Vec<DocBuf>,
    filter: Option<FilterProgram>,
    machine: Machine,
    /// How many have been looked at; the current row is the last of them.
    next: usize,
    saved_next: usize,
    stats: Stats,
}

impl Documents {
    /// Those of `documents` that satisfy the filter.
    pub fn new(documents: Vec<DocBuf>, filter: Option<FilterProgram>) -> Self {
        Self { documents, filter, machine: Machine::new(), next: 0, saved_next: 0, stats: Stats::default() }
    }
}

impl Operator for Documents {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while let Some(doc) = self.documents.get(self.next) {
            self.next += 1;
            self.stats.works += 1;
            let matched = match &self.filter {
                None => true,
                Some(filter) => self.machine.matches(&filter.program, doc, &cx.env)?,
            };
            if matched {
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
        }
        Ok(Step::End)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        self.next.checked_sub(1).and_then(|at| self.documents.get(at)).map_or(RawDoc::EMPTY, DocBuf::as_doc)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.next >= self.documents.len()
    }

    fn save(&mut self, _: &ExecContext<'_>) {
        self.saved_next = self.next;
    }

    fn rewind(&mut self) {
        self.next = self.saved_next;
    }

    fn stage(&self) -> &'static str {
        "QUEUED_DATA"
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        if let Some(filter) = &self.filter {
            doc.value("filter", Value::document(&filter.shown()));
        }
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        self.filter.iter().map(|filter| ("filter", Arc::clone(&filter.program))).collect()
    }
}
