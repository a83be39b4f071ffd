//! Covered projection: rows made of the keys of an index alone.
//!
//! A key has null both for null and for nothing, so a record with such a key is read after all. Fields come in the
//! order of the index.

use std::sync::Arc;

use smongo_compiler::CompiledProjection;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use super::{FilterProgram, IndexScan};
use crate::collection::checked_document;
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The covered projection. The current row is its own.
pub(crate) struct Covered {
    /// Where the cursor on documents lives.
    slot: usize,
    scan: IndexScan,
    /// What the keys prove, for documents of which they do not tell.
    filter: Option<FilterProgram>,
    projection: CompiledProjection,
    source: DocBuf,
    machine: Machine,
    row: Vec<u8>,
    stats: Stats,
}

impl Covered {
    /// Projects what a scan's keys say; the scan [gives documents of its keys](IndexScan::with_key_documents).
    pub fn new(
        slot: usize,
        scan: IndexScan,
        filter: Option<FilterProgram>,
        projection: CompiledProjection,
        source: &RawDoc,
    ) -> Self {
        Self {
            slot,
            scan,
            filter,
            projection,
            source: source.into(),
            machine: Machine::new(),
            row: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Projects the current key, or its record where the key does not say enough; `false` when the record is gone.
    fn project(&mut self, cx: &mut ExecContext<'_>) -> Result<bool> {
        let Self { scan, filter, machine, projection, row, .. } = self;
        if scan.key_is_certain() {
            let projected = machine.project(&projection.program, scan.document(cx), &cx.env, None)?;
            row.clear();
            row.extend_from_slice(projected.as_bytes());
            return Ok(true);
        }
        let (Some(shared), Some(record_id)) = (cx.shared, scan.record_id(cx)) else { return Ok(false) };
        let filter = filter.as_ref().filter(|_| cx.has_new_arrays());
        cx.open(self.slot, shared.records())?;
        let Some((records, env)) = cx.cursor_and_env(self.slot) else { return Ok(false) };
        if !records.search(record_id)? {
            return Ok(false);
        }
        self.stats.docs_examined += 1;
        let doc = checked_document(records.value())?;
        if let Some(filter) = filter
            && !machine.matches(&filter.program, doc, env)?
        {
            return Ok(false);
        }
        let projected = machine.project(&projection.program, doc, env, None)?;
        row.clear();
        row.extend_from_slice(projected.as_bytes());
        Ok(true)
    }
}

impl Operator for Covered {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        loop {
            self.stats.works += 1;
            let step = self.scan.advance(cx)?;
            if step != Step::Row {
                return Ok(step);
            }
            if self.project(cx)? {
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
        }
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::from_bytes(&self.row).unwrap_or(RawDoc::EMPTY)
    }

    fn record_id(&self, cx: &ExecContext<'_>) -> Option<i64> {
        self.scan.record_id(cx)
    }

    fn is_eof(&self) -> bool {
        self.scan.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.scan.save(cx);
    }

    fn rewind(&mut self) {
        self.scan.rewind();
    }

    fn stage(&self) -> &'static str {
        "PROJECTION_COVERED"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&self.scan)
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
