//! Running queries: operators that pull rows from each other, and the executor that pulls from the topmost.
//!
//! An operator's [`advance`](Operator::advance) makes its next row current; [`document`](Operator::document) then
//! lends it, straight from the storage engine's page where no operator had to copy it. Operators own their programs
//! and the machines that run these, but no storage: cursors live in the [`ExecContext`] of one turn. Between turns an
//! operator tree holds nothing but positions, so that it can wait for a `getMore` for as long as it must.
//!
//! Operators do not know how plans are chosen, nor where rows go.

mod access;
mod batch;
mod context;
mod executor;
mod explain;
pub(crate) mod op;
mod pipeline;
mod plan;
mod prepare;
mod trial;

use std::sync::Arc;

use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, RawDoc};

use crate::error::Result;
pub(crate) use batch::Batch;
pub(crate) use context::{ExecContext, environment, interrupter, timestamp_of};
pub(crate) use executor::{Executor, Flow};
pub(crate) use explain::{Explanation, Run, ShapeFacts, count, write_plan, write_smongo, write_spilled};
pub(crate) use pipeline::{Assembly, attach, source};
pub(crate) use plan::{
    Matching, Plan, PlanAbout, PlanOptions, declare_variables, finds_by_index, plan_count, plan_distinct, plan_find,
    plan_matching,
};
pub(crate) use trial::Tried;

/// What came of asking an operator for its next row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// A row is current.
    Row,
    /// There are no more rows.
    End,
    /// There is no row yet, and the turn has lasted long enough: save, begin another turn, ask again.
    Yield,
}

/// What an operator counts about itself.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Stats {
    /// How often it was asked for a row, counting every record that it looked at.
    pub works: u64,
    /// How many rows it gave.
    pub advanced: u64,
    /// Documents that it read.
    pub docs_examined: u64,
    /// Index keys that it read.
    pub keys_examined: u64,
}

/// One step in the life of a row.
pub(crate) trait Operator: Send {
    /// Makes the next row current.
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step>;

    /// The current row. Only after [`Step::Row`], and until anything moves.
    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc;

    /// The record that the current row came from, if it came from one.
    fn record_id(&self, cx: &ExecContext<'_>) -> Option<i64>;

    /// The array position by which the filter matched the current row.
    fn matched_position(&self) -> Option<u32> {
        self.input().and_then(Operator::matched_position)
    }

    /// How many rows the operator has counted, when it counts in place of giving rows.
    fn counted(&self) -> Option<u64> {
        None
    }

    /// Whether the operator finds one document by its `_id`.
    fn is_id_lookup(&self) -> bool {
        false
    }

    /// Whether it is known, without looking further, that no row follows the current one.
    fn is_eof(&self) -> bool;

    /// Remembers the position, before the turn ends.
    fn save(&mut self, cx: &ExecContext<'_>);

    /// Goes back to the remembered position, after a turn whose work came to nothing. That happens to writes alone,
    /// so operators that only pipelines have need not be able to.
    fn rewind(&mut self) {}

    /// MongoDB's name for the stage.
    fn stage(&self) -> &'static str;

    /// Where the operator's rows come from.
    fn input(&self) -> Option<&dyn Operator>;

    /// Where they come from, when that is several operators.
    fn inputs(&self) -> Vec<&dyn Operator> {
        self.input().into_iter().collect()
    }

    /// What the operator counted.
    fn stats(&self) -> &Stats;

    /// Writes what `explain` says about the stage besides its name and input.
    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>);

    /// Writes what `explain` counts about the stage besides what it counts about all.
    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        if self.input().is_none() {
            let Stats { docs_examined, keys_examined, .. } = *self.stats();
            doc.value("docsExamined", count(docs_examined));
            if keys_examined > 0 {
                doc.value("keysExamined", count(keys_examined));
            }
        }
    }

    /// The programs that the operator runs, with what each is for.
    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        Vec::new()
    }
}
