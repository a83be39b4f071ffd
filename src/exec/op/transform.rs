//! Transform: each row becomes what a fused program makes of it, or is dropped when that is nothing.

use std::sync::Arc;

use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, RawDoc};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The transformation. The current row is its own.
pub(crate) struct Transform {
    input: Box<dyn Operator>,
    program: Arc<Program>,
    machine: Machine,
    row: Vec<u8>,
    stats: Stats,
}

impl Transform {
    /// What `program` makes of the rows of `input`.
    pub fn new(input: Box<dyn Operator>, program: Arc<Program>) -> Self {
        Self { input, program, machine: Machine::new(), row: Vec::new(), stats: Stats::default() }
    }
}

impl Operator for Transform {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            let step = self.input.advance(cx)?;
            if step != Step::Row {
                return Ok(step);
            }
            let made = self.machine.compute(&self.program, self.input.document(cx), &cx.env, None)?;
            if let Some(doc) = made.as_doc() {
                self.row.clear();
                self.row.extend_from_slice(doc.as_bytes());
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::from_bytes(&self.row).unwrap_or(RawDoc::EMPTY)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.input.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.input.save(cx);
    }

    fn stage(&self) -> &'static str {
        "TRANSFORM"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, _: &mut DocWriter<'_, Vec<u8>>) {}

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("row", Arc::clone(&self.program))]
    }
}
