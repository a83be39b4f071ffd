//! No rows: the plan for a collection that does not exist.

use smongo_vm::value::{DocWriter, RawDoc};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The operator without rows.
#[derive(Default)]
pub(crate) struct Eof {
    stats: Stats,
}

impl Operator for Eof {
    fn advance(&mut self, _: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        Ok(Step::End)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::EMPTY
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        true
    }

    fn save(&mut self, _: &ExecContext<'_>) {}

    fn rewind(&mut self) {}

    fn stage(&self) -> &'static str {
        "EOF"
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.string("type", "nonExistentNamespace");
    }
}
