//! Collection scan: every document in natural order, with the filter run on the page.
//!
//! Natural order is record order, and in a clustered collection the order of its index.

use std::sync::Arc;

use smongo_storage::Cursor;
use smongo_vm::Code;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, RawDoc, Value};

use super::FilterProgram;
use crate::collection::{Shared, checked_document, stored_document};
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};
use crate::index::Index;

/// Which way a scan goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

/// The scan. Its cursor stands on the current row.
pub(crate) struct Scan {
    slot: usize,
    direction: Direction,
    filter: Option<FilterProgram>,
    machine: Machine,
    /// The last row of an earlier turn. Its record may be gone by now.
    saved: Option<i64>,
    /// The key of that row in a clustered collection's index.
    saved_key: Vec<u8>,
    ended: bool,
    /// Whether records that come after the end are wanted too.
    tails: bool,
    stats: Stats,
}

impl Scan {
    /// A scan whose cursor lives in `slot`. Without a filter every document is a row.
    pub fn new(slot: usize, direction: Direction, filter: Option<FilterProgram>) -> Self {
        Self {
            slot,
            direction,
            filter,
            machine: Machine::new(),
            saved: None,
            saved_key: Vec::new(),
            ended: false,
            tails: false,
            stats: Stats::default(),
        }
    }

    /// The same scan, which goes on after its end when there is more.
    pub fn tailing(mut self) -> Self {
        self.tails = true;
        self
    }

    /// The slot of the cursor on a clustered collection's index.
    fn index_slot(&self) -> usize {
        self.slot + 1
    }

    /// Moves both cursors of a clustered collection to the next record.
    fn step_by_index(&mut self, cx: &mut ExecContext<'_>, index: &Index) -> Result<bool> {
        let record_id = if cx.cursor(self.index_slot()).is_none() {
            let cursor = cx.open(self.index_slot(), index.table())?;
            let found = match (self.direction, self.saved_key.is_empty()) {
                (Direction::Forward, _) => cursor.seek_gt(&self.saved_key)?,
                (Direction::Backward, true) => cursor.last()?,
                (Direction::Backward, false) => cursor.seek_lt(&self.saved_key)?,
            };
            found.then(|| index.record_id(cursor.key_bytes(), cursor.value()))
        } else {
            let Some((cursor, _)) = cx.cursor_and_env(self.index_slot()) else { return Ok(false) };
            let found = match self.direction {
                Direction::Forward => cursor.next()?,
                Direction::Backward => cursor.prev()?,
            };
            found.then(|| index.record_id(cursor.key_bytes(), cursor.value()))
        };
        let Some(record_id) = record_id.flatten() else { return Ok(false) };
        let Some((records, _)) = cx.cursor_and_env(self.slot) else { return Ok(false) };
        Ok(records.search(record_id)?)
    }

    /// Opens the cursor where the last turn left it: at the saved record, or where it would be.
    fn open(&self, cx: &mut ExecContext<'_>) -> Result<bool> {
        let Some(shared) = cx.shared else { return Ok(false) };
        let cursor = cx.open(self.slot, shared.records())?;
        if let Some(record_id) = self.saved.filter(|_| shared.clustered_index().is_none()) {
            if self.tails {
                return if cursor.search(record_id)? { Ok(true) } else { Err(position_lost(record_id)) };
            }
            // Nothing on this side of the saved record leaves the cursor nowhere, from where the next step goes to
            // the first record in the scan's direction.
            match self.direction {
                Direction::Forward => cursor.seek_le(record_id)?,
                Direction::Backward => cursor.seek_ge(record_id)?,
            };
        }
        Ok(true)
    }
}

/// The error for a scan whose last record was removed while it waited.
#[cold]
fn position_lost(record_id: i64) -> Error {
    Error::new(
        Code::CAPPED_POSITION_LOST,
        format!(
            "CollectionScan died due to position in capped collection being deleted. Last seen record id: \
             RecordId({record_id})"
        ),
    )
}

/// Goes to the next record, unless that lies behind `last`.
fn next_up_to<'c>(cursor: &'c mut Cursor<'_>, last: i64) -> Result<Option<&'c [u8]>> {
    if cursor.next()? && cursor.record_id() <= last {
        return Ok(Some(cursor.value()));
    }
    cursor.reset()?;
    Ok(None)
}

/// Goes to the previous record that does not lie behind `last`.
fn prev_up_to<'c>(cursor: &'c mut Cursor<'_>, last: i64) -> Result<Option<&'c [u8]>> {
    while cursor.prev()? {
        if cursor.record_id() <= last {
            return Ok(Some(cursor.value()));
        }
    }
    Ok(None)
}

impl Operator for Scan {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        if self.ended || (cx.cursor(self.slot).is_none() && !self.open(cx)?) {
            return Ok(Step::End);
        }
        let clustered = cx.shared.and_then(|shared| shared.clustered_index());
        let last_record = cx.shared.and_then(Shared::last_record);
        loop {
            self.stats.works += 1;
            let by_index = clustered.map(|index| self.step_by_index(cx, index)).transpose()?;
            let Some((cursor, env)) = cx.cursor_and_env(self.slot) else { return Ok(Step::End) };
            if (last_record.is_some() || self.tails) && cursor.is_positioned() {
                self.saved = Some(cursor.record_id());
            }
            let value = match (by_index, self.direction, last_record) {
                (Some(found), ..) => found.then(|| cursor.value()),
                (None, Direction::Forward, None) => cursor.next_value()?,
                (None, Direction::Backward, None) => cursor.prev_value()?,
                (None, Direction::Forward, Some(last)) => next_up_to(cursor, last)?,
                (None, Direction::Backward, Some(last)) => prev_up_to(cursor, last)?,
            };
            let Some(bytes) = value else {
                // A scan that has seen nothing has no place to go on from.
                self.ended = !self.tails || self.saved.is_none();
                return Ok(Step::End);
            };
            self.stats.docs_examined += 1;
            let doc = checked_document(bytes)?;
            let matched = match &self.filter {
                None => true,
                Some(filter) => self.machine.matches(&filter.program, doc, env)?,
            };
            let due = cx.tick()?;
            if matched {
                self.stats.advanced += 1;
                return Ok(Step::Row);
            }
            if due {
                return Ok(Step::Yield);
            }
        }
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
        self.ended
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.saved = self.record_id(cx).or(self.saved);
        if let Some(cursor) = cx.cursor(self.index_slot()).filter(|cursor| cursor.is_positioned()) {
            self.saved_key.clear();
            self.saved_key.extend_from_slice(cursor.key_bytes());
        }
    }

    fn rewind(&mut self) {
        self.ended = false;
    }

    fn stage(&self) -> &'static str {
        "COLLSCAN"
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        if let Some(filter) = &self.filter {
            doc.value("filter", Value::document(&filter.shown()));
        }
        doc.string("direction", if self.direction == Direction::Forward { "forward" } else { "backward" });
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        self.filter.iter().map(|filter| ("filter", Arc::clone(&filter.program))).collect()
    }
}
