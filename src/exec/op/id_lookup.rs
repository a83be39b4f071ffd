//! Lookup by `_id`: at most one document, found through the index on `_id`.

use std::sync::Arc;

use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, OwnedValue, RawDoc, Value};

use super::FilterProgram;
use crate::collection::{checked_document, stored_document};
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};
use crate::index::{append_id_key, record_id_of};

/// The lookup. The records cursor stands on the current row.
pub(crate) struct IdLookup {
    /// The cursor on documents; the one on the index is in the slot after it.
    slot: usize,
    id: OwnedValue,
    key: Vec<u8>,
    /// What else the document must satisfy; includes the equality on `_id`.
    filter: FilterProgram,
    machine: Machine,
    done: bool,
    saved_done: bool,
    stats: Stats,
}

impl IdLookup {
    /// A lookup whose cursors live in `slot` and the one after it.
    pub fn new(slot: usize, id: Value<'_>, filter: FilterProgram) -> Self {
        let mut key = Vec::new();
        append_id_key(id, filter.program.strings(), &mut key);
        Self {
            slot,
            id: id.into(),
            key,
            filter,
            machine: Machine::new(),
            done: false,
            saved_done: false,
            stats: Stats::default(),
        }
    }

    fn find(&mut self, cx: &mut ExecContext<'_>) -> Result<bool> {
        let Some(shared) = cx.shared else { return Ok(false) };
        let Some(id_table) = shared.id_table() else { return Ok(false) };
        let entries = cx.open(self.slot + 1, id_table)?;
        let found = if entries.search(&self.key)? { record_id_of(entries.value()) } else { None };
        let Some(record_id) = found else { return Ok(false) };
        self.stats.keys_examined += 1;
        cx.open(self.slot, shared.records())?;
        let Some((records, env)) = cx.cursor_and_env(self.slot) else { return Ok(false) };
        if !records.search(record_id)? {
            return Ok(false);
        }
        self.stats.docs_examined += 1;
        Ok(self.machine.matches(&self.filter.program, checked_document(records.value())?, env)?)
    }
}

impl Operator for IdLookup {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        if self.done {
            return Ok(Step::End);
        }
        self.done = true;
        if !self.find(cx)? {
            return Ok(Step::End);
        }
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc {
        cx.cursor(self.slot).map_or(RawDoc::EMPTY, |cursor| stored_document(cursor.value()))
    }

    fn record_id(&self, cx: &ExecContext<'_>) -> Option<i64> {
        cx.cursor(self.slot).filter(|cursor| cursor.is_positioned()).map(|cursor| cursor.record_id())
    }

    fn matched_position(&self) -> Option<u32> {
        self.machine.matched_position()
    }

    fn is_eof(&self) -> bool {
        self.done
    }

    fn save(&mut self, _: &ExecContext<'_>) {
        self.saved_done = self.done;
    }

    fn rewind(&mut self) {
        self.done = self.saved_done;
    }

    fn stage(&self) -> &'static str {
        "IDHACK"
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.document("keyPattern", |pattern| pattern.value("_id", Value::int32(1)));
        doc.string("indexName", "_id_");
        doc.document("key", |key| key.value("_id", self.id.get()));
        // A filter on `_id` alone says nothing that the key does not say.
        if self.filter.source.iter().count() > 1 {
            doc.value("filter", Value::document(&self.filter.source));
        }
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("filter", Arc::clone(&self.filter.program))]
    }
}
