//! `showRecordId`: each row with `$recordId` behind its fields.

use smongo_vm::value::{DocWriter, RawDoc, Value};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// Adds `$recordId`. The current row is its own.
pub(crate) struct AddRecordId {
    input: Box<dyn Operator>,
    row: Vec<u8>,
    stats: Stats,
}

impl AddRecordId {
    /// The rows of `input` with their record ids.
    pub fn new(input: Box<dyn Operator>) -> Self {
        Self { input, row: Vec::new(), stats: Stats::default() }
    }
}

impl Operator for AddRecordId {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        let step = self.input.advance(cx)?;
        if step == Step::Row {
            self.row.clear();
            let mut row = DocWriter::new(&mut self.row);
            row.elements_of(self.input.document(cx));
            if let Some(record_id) = self.input.record_id(cx) {
                row.value("$recordId", Value::int64(record_id));
            }
            row.finish();
            self.stats.advanced += 1;
        }
        Ok(step)
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
        "PROJECTION_DEFAULT"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.document("transformBy", |fields| {
            fields.document("$recordId", |meta| meta.string("$meta", "recordId"));
        });
    }
}
