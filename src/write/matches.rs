//! Writes over the documents that match a filter.
//!
//! Documents are found and changed in the same transaction, so what a change was decided on is what it replaces. A
//! statement over many documents is a series of transactions, each of a bounded number of documents; as with MongoDB
//! it is not atomic as a whole.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::MutexGuard;
use smongo_storage::Engine as Storage;
use smongo_vm::Code;
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{OwnedValue, RawDoc, Value};

use super::retry::with_retries;
use crate::collection::{Collection, Shared, Writer};
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Plan, Step, interrupter};
use crate::request::OpContext;
use crate::spill::Workspace;

/// The most documents changed in one transaction.
const TURN_DOCUMENTS_MAX: u64 = 1000;

/// The bytes written at which a transaction takes no more documents.
const TURN_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A document that matched.
pub(crate) struct Row<'a> {
    pub doc: &'a RawDoc,
    pub record_id: i64,
    /// The array position by which the filter matched.
    pub matched_position: Option<u32>,
    pub env: &'a Env<'a>,
}

/// What a write came to.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) struct Tally {
    pub matched: u64,
    pub modified: u64,
}

/// A write over the matches of a plan.
pub(crate) struct MatchedWrite<'e> {
    storage: &'e Storage,
    op: &'e OpContext,
    coll: &'e Arc<Collection>,
    plan: Plan,
    /// Whether all matches are changed, not only the first.
    multi: bool,
    machine: Machine,
    /// Records changed so far, where a change may put a record's entry into the way of the scan again.
    changed: Option<HashSet<i64>>,
}

/// What one transaction came to.
struct Turn {
    tally: Tally,
    /// What is to be added to the records changed so far.
    changed: Vec<i64>,
    ended: bool,
    /// Why the statement ends. What the transaction did before that has been committed.
    failure: Option<Error>,
}

impl<'e> MatchedWrite<'e> {
    /// A write over the first match of a plan, or over all of them.
    pub fn new(storage: &'e Storage, op: &'e OpContext, coll: &'e Arc<Collection>, plan: Plan, multi: bool) -> Self {
        let changed = (multi && plan.walks_index).then(HashSet::new);
        Self { storage, op, coll, plan, multi, machine: Machine::new(), changed }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Hands matches to `change` until there are no more. A transaction may be run again, and then hands out the same
    /// matches again. An error ends the statement; what it changed before stays changed.
    pub fn run(&mut self, change: &mut dyn FnMut(&Row<'_>, &mut Writer<'_>) -> Result<Tally>) -> Result<Tally> {
        let mut total = Tally::default();
        loop {
            let op = self.op;
            let turn = with_retries(op, || {
                self.turn(change).inspect_err(|error| {
                    if error.is_write_conflict() {
                        self.plan.root.rewind();
                    }
                })
            })?;
            total.matched += turn.tally.matched;
            total.modified += turn.tally.modified;
            if let Some(changed) = &mut self.changed {
                changed.extend(turn.changed);
            }
            if let Some(error) = turn.failure {
                return Err(error);
            }
            if turn.ended {
                return Ok(total);
            }
        }
    }

    /// One transaction. An error means that it was rolled back.
    fn turn(&mut self, change: &mut dyn FnMut(&Row<'_>, &mut Writer<'_>) -> Result<Tally>) -> Result<Turn> {
        self.op.check()?;
        let shared = self.coll.share()?;
        let _turn = writing(self.op, &shared)?;
        let mut work = self.op.begin(self.storage)?;
        work.pin(self.coll)?;
        let Plan { root, filter, variables, is_sorted, skips_arrays, .. } = &mut self.plan;
        let variables: Vec<Value<'_>> = variables.iter().map(OwnedValue::get).collect();
        let interrupt = interrupter(self.op);
        // A sorted write is of one document, for which a sort holds one.
        let workspace = Workspace::default();
        let mut cx = ExecContext::new(work.session(), Some(&shared), self.op, &workspace, &variables, &interrupt);
        if *is_sorted {
            // Rows that a sort gives out must be as they were when it took them in.
            cx = cx.without_yield();
        }
        let mut writer = Writer::new(&shared, work.session())?;
        writer.begin_statement(self.op.scope().statement(0));
        let mut this_turn = HashSet::new();
        let mut turn = Turn { tally: Tally::default(), changed: Vec::new(), ended: false, failure: None };
        loop {
            match root.advance(&mut cx)? {
                Step::End => turn.ended = true,
                Step::Yield => break,
                Step::Row => {
                    let Some(record_id) = root.record_id(&cx) else { continue };
                    if let Some(changed) = &self.changed {
                        if changed.contains(&record_id) || this_turn.contains(&record_id) {
                            continue;
                        }
                        this_turn.insert(record_id);
                    }
                    let doc = root.document(&cx);
                    let matched_position = if *is_sorted || *skips_arrays {
                        // The filter has run over other documents since, or not as a whole.
                        self.machine.matches(&filter.program, doc, &cx.env)?;
                        self.machine.matched_position()
                    } else {
                        root.matched_position()
                    };
                    let row = Row { doc, record_id, matched_position, env: &cx.env };
                    match change(&row, &mut writer) {
                        Ok(tally) => {
                            turn.tally.matched += tally.matched;
                            turn.tally.modified += tally.modified;
                            turn.ended = !self.multi;
                        }
                        Err(error) if error.is_write_conflict() => return Err(error),
                        Err(error) => turn.failure = Some(error),
                    }
                }
            }
            let full = turn.tally.matched >= TURN_DOCUMENTS_MAX || writer.bytes_written() >= TURN_BYTES_MAX;
            if turn.ended || turn.failure.is_some() || full || cx.is_due() {
                break;
            }
        }
        root.save(&cx);
        drop(cx);
        turn.changed.extend(this_turn);
        let delta = writer.finish();
        // The position has moved on, so a transaction that fails now cannot be run again.
        turn.failure = work.finish(self.op.scope(), &shared, delta).err().or(turn.failure);
        Ok(turn)
    }
}

impl Tally {
    /// A document that matched, and may have been modified.
    pub fn one(modified: bool) -> Self {
        Self { matched: 1, modified: u64::from(modified) }
    }
}

/// Takes the turn of a writer, where writers take turns; those are no part of transactions.
fn writing<'c>(op: &OpContext, shared: &Shared<'c>) -> Result<Option<MutexGuard<'c, ()>>> {
    if shared.is_capped() && op.in_transaction() {
        let message = format!(
            "Collection '{}' is a capped collection. Writes in transactions are not allowed on capped collections.",
            shared.ns()
        );
        return Err(Error::new(Code::OPERATION_NOT_SUPPORTED_IN_TRANSACTION, message));
    }
    Ok(shared.turn())
}

/// Runs `write` in one transaction, again and again while it meets the writes of others.
pub(super) fn in_transaction<R>(
    storage: &Storage,
    op: &OpContext,
    coll: &Arc<Collection>,
    mut write: impl FnMut(&mut Writer<'_>) -> Result<R>,
) -> Result<R> {
    with_retries(op, || {
        let shared = coll.share()?;
        let _turn = writing(op, &shared)?;
        let mut work = op.begin(storage)?;
        work.pin(coll)?;
        let mut writer = Writer::new(&shared, work.session())?;
        let result = write(&mut writer)?;
        let delta = writer.finish();
        work.finish(op.scope(), &shared, delta)?;
        Ok(result)
    })
}
