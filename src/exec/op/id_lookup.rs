//! Lookup by `_id`: at most one document, found through the index on `_id`. The key says all that the request asks for.

use smongo_vm::value::{DocWriter, RawDoc, StringOrder, Value};

use crate::collection::{checked_document, stored_document};
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step, count};
use crate::index::{append_id_key, record_id_of};

/// The lookup. The records cursor stands on the current row.
pub(crate) struct IdLookup {
    /// The cursor on documents; the one on the index is in the slot after it.
    slot: usize,
    key: Vec<u8>,
    /// Whether the collection is clustered.
    is_clustered: bool,
    done: bool,
    saved_done: bool,
    stats: Stats,
}

impl IdLookup {
    /// A lookup whose cursors live in `slot` and the one after it.
    pub fn new(slot: usize, id: Value<'_>, strings: Option<&dyn StringOrder>, is_clustered: bool) -> Self {
        let mut key = Vec::new();
        append_id_key(id, strings, &mut key);
        Self { slot, key, is_clustered, done: false, saved_done: false, stats: Stats::default() }
    }

    fn find(&mut self, cx: &mut ExecContext<'_>) -> Result<bool> {
        let Some(shared) = cx.shared else { return Ok(false) };
        let Some(id_table) = shared.id_table() else { return Ok(false) };
        let entries = cx.open(self.slot + 1, id_table)?;
        let found = if entries.search(&self.key)? { record_id_of(entries.value()) } else { None };
        let Some(record_id) = found else { return Ok(false) };
        self.stats.keys_examined += 1;
        let records = cx.open(self.slot, shared.records())?;
        if !records.search(record_id)? {
            return Ok(false);
        }
        checked_document(records.value())?;
        self.stats.docs_examined += 1;
        Ok(true)
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

    fn is_eof(&self) -> bool {
        self.done
    }

    fn save(&mut self, _: &ExecContext<'_>) {
        self.saved_done = self.done;
    }

    fn rewind(&mut self) {
        self.done = self.saved_done;
    }

    fn is_id_lookup(&self) -> bool {
        true
    }

    fn stage(&self) -> &'static str {
        if self.is_clustered { "EXPRESS_CLUSTERED_IXSCAN" } else { "EXPRESS_IXSCAN" }
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        // An express plan shows its key pattern as text.
        doc.string("keyPattern", "{ _id: 1 }");
        doc.string("indexName", "_id_");
    }

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("keysExamined", count(self.stats.keys_examined));
        doc.value("docsExamined", count(self.stats.docs_examined));
    }
}
