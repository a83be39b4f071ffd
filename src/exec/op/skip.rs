//! Skip: all rows but the first few.

use smongo_vm::value::{DocWriter, RawDoc, Value};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The skip.
pub(crate) struct Skip {
    input: Box<dyn Operator>,
    skip: u64,
    remaining: u64,
    saved_remaining: u64,
    stats: Stats,
}

impl Skip {
    /// The rows of `input` after the first `skip`.
    pub fn new(input: Box<dyn Operator>, skip: u64) -> Self {
        Self { input, skip, remaining: skip, saved_remaining: skip, stats: Stats::default() }
    }
}

impl Operator for Skip {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row if self.remaining > 0 => {
                    self.remaining -= 1;
                    if cx.is_due() {
                        return Ok(Step::Yield);
                    }
                }
                Step::Row => {
                    self.stats.advanced += 1;
                    return Ok(Step::Row);
                }
                other => return Ok(other),
            }
        }
    }

    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc {
        self.input.document(cx)
    }

    fn record_id(&self, cx: &ExecContext<'_>) -> Option<i64> {
        self.input.record_id(cx)
    }

    fn is_eof(&self) -> bool {
        self.input.is_eof()
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
        "SKIP"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("skipAmount", Value::integer(i64::try_from(self.skip).unwrap_or(i64::MAX)));
    }
}
