//! What a write would do to the documents that match: for `explain`, which carries nothing out.

use std::sync::Arc;

use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, RawDoc};

use super::Updater;
use crate::error::Result;
use crate::exec::op::FilterProgram;
use crate::exec::{ExecContext, Operator, Stats, Step, count};

/// The write.
pub(crate) struct WouldWrite {
    input: Box<dyn Operator>,
    /// `None` deletes.
    updater: Option<Updater>,
    /// What is run again for the position of `$`.
    filter: Option<FilterProgram>,
    machine: Machine,
    multi: bool,
    upsert: bool,
    matched: u64,
    modified: u64,
    done: bool,
    stats: Stats,
}

impl WouldWrite {
    /// An update of the first row of `input`, or of all of them. `filter` is run again where the input does not know by
    /// which array element it matched.
    pub fn update(
        input: Box<dyn Operator>,
        (updater, filter): (Updater, Option<FilterProgram>),
        multi: bool,
        upsert: bool,
    ) -> Self {
        Self { updater: Some(updater), upsert, filter, ..Self::delete(input, multi) }
    }

    /// A delete of the first row of `input`, or of all of them.
    pub fn delete(input: Box<dyn Operator>, multi: bool) -> Self {
        Self {
            input,
            updater: None,
            filter: None,
            machine: Machine::new(),
            multi,
            upsert: false,
            matched: 0,
            modified: 0,
            done: false,
            stats: Stats::default(),
        }
    }

    /// Whether the write goes to one document by its `_id`, in one step with finding it.
    fn is_express(&self) -> bool {
        self.input.is_id_lookup() && !self.multi && !self.upsert
    }

    /// Works out what would become of the current row.
    fn take(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        self.matched += 1;
        let Some(updater) = &mut self.updater else { return Ok(()) };
        let doc = self.input.document(cx);
        let position = match &self.filter {
            None => self.input.matched_position(),
            Some(filter) => {
                self.machine.matches(&filter.program, doc, &cx.env)?;
                self.machine.matched_position()
            }
        };
        self.modified += u64::from(updater.would_modify(doc, position, &cx.env)?);
        Ok(())
    }
}

impl Operator for WouldWrite {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while !self.done {
            self.stats.works += 1;
            let step = self.input.advance(cx)?;
            if self.is_express() {
                let Stats { docs_examined, keys_examined, .. } = *self.input.stats();
                self.stats = Stats { docs_examined, keys_examined, ..self.stats };
            }
            match step {
                Step::Row => {
                    self.take(cx)?;
                    self.done = !self.multi;
                }
                Step::Yield => return Ok(Step::Yield),
                Step::End => self.done = true,
            }
            if cx.is_due() && !self.done {
                return Ok(Step::Yield);
            }
        }
        Ok(Step::End)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::EMPTY
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.done
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.input.save(cx);
    }

    fn stage(&self) -> &'static str {
        match (self.updater.is_some(), self.is_express()) {
            (true, true) => "EXPRESS_UPDATE",
            (true, false) => "UPDATE",
            (false, true) => "EXPRESS_DELETE",
            (false, false) => "DELETE",
        }
    }

    fn input(&self) -> Option<&dyn Operator> {
        (!self.is_express()).then_some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        if self.is_express() {
            self.input.explain(doc);
        }
    }

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        if self.is_express() {
            doc.value("keysExamined", count(self.stats.keys_examined));
            doc.value("docsExamined", count(self.stats.docs_examined));
        }
        if self.updater.is_none() {
            doc.value("nWouldDelete", count(self.matched));
            return;
        }
        doc.value("nMatched", count(self.matched));
        doc.value("nWouldModify", count(self.modified));
        doc.value("nWouldUpsert", count(u64::from(self.upsert && self.matched == 0)));
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        self.updater.as_ref().and_then(Updater::program).map(|program| ("update", program)).into_iter().collect()
    }
}
