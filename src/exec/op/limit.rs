//! Limit: the first few rows.

use smongo_vm::value::{DocWriter, RawDoc, Value};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The limit.
pub(crate) struct Limit {
    input: Box<dyn Operator>,
    limit: u64,
    remaining: u64,
    saved_remaining: u64,
    stats: Stats,
}

impl Limit {
    /// At most `limit` rows of `input`.
    pub fn new(input: Box<dyn Operator>, limit: u64) -> Self {
        Self { input, limit, remaining: limit, saved_remaining: limit, stats: Stats::default() }
    }
}

impl Operator for Limit {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        if self.remaining == 0 {
            return Ok(Step::End);
        }
        let step = self.input.advance(cx)?;
        if step == Step::Row {
            self.remaining -= 1;
            self.stats.advanced += 1;
        }
        Ok(step)
    }

    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc {
        self.input.document(cx)
    }

    fn record_id(&self, cx: &ExecContext<'_>) -> Option<i64> {
        self.input.record_id(cx)
    }

    fn is_eof(&self) -> bool {
        self.remaining == 0 || self.input.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.saved_remaining = self.remaining;
        self.input.save(cx);
    }

    fn rewind(&mut self) {
        self.remaining = self.saved_remaining;
        self.input.rewind();
    }

    fn stage(&self) -> &'static str {
        "LIMIT"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("limitAmount", Value::integer(i64::try_from(self.limit).unwrap_or(i64::MAX)));
    }
}
