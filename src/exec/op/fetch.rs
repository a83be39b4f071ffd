//! Fetch: the documents of the records that an index scan leads to, with the filter run on the page.

use std::sync::Arc;

use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, RawDoc, Value};

use super::FilterProgram;
use crate::collection::{checked_document, stored_document};
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step, count};

/// The fetch. Its cursor stands on the current row.
pub(crate) struct Fetch {
    slot: usize,
    input: Box<dyn Operator>,
    filter: Option<FilterProgram>,
    /// The whole of the filter, of which keys prove the rest as long as they tell what they did.
    whole: Option<FilterProgram>,
    machine: Machine,
    stats: Stats,
}

impl Fetch {
    /// Fetches the records of `input` with a cursor in `slot`. Without a filter every document is a row; `whole` is the
    /// filter that the keys and `filter` together stand for.
    pub fn new(
        slot: usize,
        input: Box<dyn Operator>,
        filter: Option<FilterProgram>,
        whole: Option<FilterProgram>,
    ) -> Self {
        Self { slot, input, filter, whole, machine: Machine::new(), stats: Stats::default() }
    }

    /// Reads the document of a record; `false` when it is not there or does not match.
    fn read(&mut self, record_id: i64, cx: &mut ExecContext<'_>) -> Result<bool> {
        let Some(shared) = cx.shared else { return Ok(false) };
        let filter = if cx.has_new_arrays() { &self.whole } else { &self.filter };
        cx.open(self.slot, shared.records())?;
        let Some((records, env)) = cx.cursor_and_env(self.slot) else { return Ok(false) };
        if !records.search(record_id)? {
            return Ok(false);
        }
        self.stats.docs_examined += 1;
        let doc = checked_document(records.value())?;
        Ok(match filter {
            None => true,
            Some(filter) => self.machine.matches(&filter.program, doc, env)?,
        })
    }
}

impl Operator for Fetch {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            let step = self.input.advance(cx)?;
            if step != Step::Row {
                return Ok(step);
            }
            let Some(record_id) = self.input.record_id(cx) else { continue };
            if self.read(record_id, cx)? {
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
    }

    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc {
        cx.cursor(self.slot).map_or(RawDoc::EMPTY, |cursor| stored_document(cursor.value()))
    }

    fn record_id(&self, cx: &ExecContext<'_>) -> Option<i64> {
        self.input.record_id(cx)
    }

    fn matched_position(&self) -> Option<u32> {
        self.machine.matched_position()
    }

    fn is_eof(&self) -> bool {
        self.input.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.input.save(cx);
    }

    fn rewind(&mut self) {
        self.input.rewind();
    }

    fn stage(&self) -> &'static str {
        "FETCH"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        if let Some(filter) = &self.filter {
            doc.value("filter", Value::document(&filter.shown()));
        }
    }

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("docsExamined", count(self.stats.docs_examined));
        doc.value("alreadyHasObj", Value::int32(0));
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        self.filter.iter().map(|filter| ("filter", Arc::clone(&filter.program))).collect()
    }
}
