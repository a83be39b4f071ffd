//! Collection scan: every document in record order, with the filter run on the page.

use std::sync::Arc;

use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, RawDoc, Value};

use super::FilterProgram;
use crate::collection::{checked_document, stored_document};
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

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
    ended: bool,
    stats: Stats,
}

impl Scan {
    /// A scan whose cursor lives in `slot`. Without a filter every document is a row.
    pub fn new(slot: usize, direction: Direction, filter: Option<FilterProgram>) -> Self {
        Self { slot, direction, filter, machine: Machine::new(), saved: None, ended: false, stats: Stats::default() }
    }

    /// Opens the cursor where the last turn left it: at the saved record, or where it would be.
    fn open(&self, cx: &mut ExecContext<'_>) -> Result<bool> {
        let Some(shared) = cx.shared else { return Ok(false) };
        let cursor = cx.open(self.slot, shared.records())?;
        if let Some(record_id) = self.saved {
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

impl Operator for Scan {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        if self.ended || (cx.cursor(self.slot).is_none() && !self.open(cx)?) {
            return Ok(Step::End);
        }
        loop {
            let Some((cursor, env)) = cx.cursor_and_env(self.slot) else { return Ok(Step::End) };
            self.stats.works += 1;
            let value = match self.direction {
                Direction::Forward => cursor.next_value()?,
                Direction::Backward => cursor.prev_value()?,
            };
            let Some(bytes) = value else {
                self.ended = true;
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
            doc.value("filter", Value::document(&filter.source));
        }
        doc.string("direction", if self.direction == Direction::Forward { "forward" } else { "backward" });
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        self.filter.iter().map(|filter| ("filter", Arc::clone(&filter.program))).collect()
    }
}
