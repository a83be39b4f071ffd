//! Filter: the rows that satisfy a predicate, as they are.

use std::sync::Arc;

use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The filter. The current row is its input's.
pub(crate) struct Filter {
    input: Box<dyn Operator>,
    program: Arc<Program>,
    source: DocBuf,
    machine: Machine,
    stats: Stats,
}

impl Filter {
    /// The rows of `input` that satisfy `program`; `source` is the request's words for it.
    pub fn new(input: Box<dyn Operator>, program: Arc<Program>, source: &RawDoc) -> Self {
        Self { input, program, source: source.into(), machine: Machine::new(), stats: Stats::default() }
    }
}

impl Operator for Filter {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            let step = self.input.advance(cx)?;
            if step != Step::Row {
                return Ok(step);
            }
            if self.machine.matches(&self.program, self.input.document(cx), &cx.env)? {
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            if cx.is_due() {
                return Ok(Step::Yield);
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
        self.input.save(cx);
    }

    fn stage(&self) -> &'static str {
        "MATCH"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("filter", Value::document(&self.source));
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("filter", Arc::clone(&self.program))]
    }
}
