//! Count of rows: how many there are after `skip` of them, and up to a limit. It gives no rows itself; the number is what
//! it [has counted](Operator::counted).

use smongo_vm::value::{DocWriter, RawDoc};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step, count};

/// The count.
pub(crate) struct CountRows {
    /// `None` when the number was known without looking.
    input: Option<Box<dyn Operator>>,
    skip: u64,
    limit: u64,
    /// Rows so far, those that are skipped among them.
    rows: u64,
    done: bool,
    stats: Stats,
}

impl CountRows {
    /// The number of rows of `input` after `skip` of them, at most `limit`.
    pub fn new(input: Box<dyn Operator>, skip: u64, limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(u64::MAX);
        Self { input: Some(input), skip, limit, rows: 0, done: false, stats: Stats::default() }
    }

    /// The same of `rows` rows of which nothing else is known: the count that a collection keeps.
    pub fn of_known(rows: u64, skip: u64, limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(u64::MAX);
        Self { input: None, skip, limit, rows, done: false, stats: Stats::default() }
    }
}

impl Operator for CountRows {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        let enough = self.limit.saturating_add(self.skip);
        while !self.done {
            self.stats.works += 1;
            let Some(input) = self.input.as_mut().filter(|_| self.rows < enough) else { break };
            match input.advance(cx)? {
                Step::Row => self.rows += 1,
                Step::Yield => return Ok(Step::Yield),
                Step::End => break,
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
        self.done = true;
        Ok(Step::End)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::EMPTY
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.done
    }

    fn counted(&self) -> Option<u64> {
        Some(self.rows.saturating_sub(self.skip).min(self.limit))
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if let Some(input) = &mut self.input {
            input.save(cx);
        }
    }

    fn stage(&self) -> &'static str {
        if self.input.is_some() { "COUNT" } else { "RECORD_STORE_FAST_COUNT" }
    }

    fn input(&self) -> Option<&dyn Operator> {
        self.input.as_deref()
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, _: &mut DocWriter<'_, Vec<u8>>) {}

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("nCounted", count(self.counted().unwrap_or(0)));
        doc.value("nSkipped", count(self.rows.min(self.skip)));
    }
}
