//! Projection: each row becomes what a program makes of it.

use std::sync::Arc;

use smongo_compiler::CompiledProjection;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The projection. The current row is its own.
pub(crate) struct Project {
    input: Box<dyn Operator>,
    projection: CompiledProjection,
    source: DocBuf,
    /// Run again where the projection needs the position at which the filter matched: a sort may lie in between.
    filter: Option<Arc<Program>>,
    machine: Machine,
    row: Vec<u8>,
    stats: Stats,
}

impl Project {
    /// Projects the rows of `input`, which `filter` has chosen.
    pub fn new(
        input: Box<dyn Operator>,
        projection: CompiledProjection,
        source: &RawDoc,
        filter: &Arc<Program>,
    ) -> Self {
        let filter = projection.needs_position.then(|| Arc::clone(filter));
        Self {
            input,
            projection,
            source: source.into(),
            filter,
            machine: Machine::new(),
            row: Vec::new(),
            stats: Stats::default(),
        }
    }
}

impl Operator for Project {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        let step = self.input.advance(cx)?;
        if step != Step::Row {
            return Ok(step);
        }
        let doc = self.input.document(cx);
        let position = match &self.filter {
            None => None,
            Some(filter) => {
                self.machine.matches(filter, doc, &cx.env)?;
                self.machine.matched_position()
            }
        };
        let projected = self.machine.project(&self.projection.program, doc, &cx.env, position)?;
        self.row.clear();
        self.row.extend_from_slice(projected.as_bytes());
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::from_bytes(&self.row).unwrap_or(RawDoc::EMPTY)
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

    fn rewind(&mut self) {
        self.input.rewind();
    }

    fn stage(&self) -> &'static str {
        if self.projection.is_simple { "PROJECTION_SIMPLE" } else { "PROJECTION_DEFAULT" }
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("transformBy", Value::document(&self.source));
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("projection", Arc::clone(&self.projection.program))]
    }
}
