//! Subplan: rows of a filter that is an `$or` as a whole, whose branches were planned each for itself. `explain` alone
//! has it, to say so; its rows are its input's.

use smongo_vm::value::{DocWriter, RawDoc};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The subplan.
pub(crate) struct Subplan {
    input: Box<dyn Operator>,
    stats: Stats,
}

impl Subplan {
    /// The rows of `input`.
    pub fn new(input: Box<dyn Operator>) -> Self {
        Self { input, stats: Stats::default() }
    }
}

impl Operator for Subplan {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        let step = self.input.advance(cx)?;
        self.stats.advanced += u64::from(step == Step::Row);
        Ok(step)
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
        self.input.save(cx);
    }

    fn stage(&self) -> &'static str {
        "SUBPLAN"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, _: &mut DocWriter<'_, Vec<u8>>) {}
}
