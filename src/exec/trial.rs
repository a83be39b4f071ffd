//! Trial runs: several ways to reach the same documents, each run for a little while, so that the one is taken that gave
//! most for its work.
//!
//! Which index leaves out most is not known beforehand; a trial of a few hundred records costs less than a wrong guess. A
//! trial is thrown away, and the plan that won begins anew.

use smongo_storage::Engine as Storage;
use smongo_vm::value::{OwnedValue, Value};

use super::{ExecContext, Operator, Step, interrupter};
use crate::collection::Shared;
use crate::error::Result;
use crate::request::OpContext;
use crate::spill::Workspace;

/// Rows at which a trial has seen enough. MongoDB: 101.
const ROWS_MAX: u64 = 101;

/// Records that a trial looks at, at the most. MongoDB: 10,000 works, or 30 % of the collection.
const RECORDS_MAX: u32 = 1024;

/// A plan that has been tried.
pub(crate) struct Tried {
    /// Where it is after the trial.
    pub root: Box<dyn Operator>,
    /// How good it was.
    pub score: f64,
}

/// Tries plans, and gives them back with what came of it, in the same order; and the place of the best. Of equally good
/// ones that is the first. After `wanted` rows a plan is at its end.
pub(super) fn best_of(
    storage: &Storage,
    shared: &Shared<'_>,
    variables: &[OwnedValue],
    candidates: Vec<Box<dyn Operator>>,
    wanted: u64,
) -> Result<(usize, Vec<Tried>)> {
    let mut best = 0;
    let mut tried: Vec<Tried> = Vec::with_capacity(candidates.len());
    for (at, root) in candidates.into_iter().enumerate() {
        let one = try_one(storage, shared, variables, root, wanted)?;
        if tried.get(best).is_some_and(|known| one.score > known.score) {
            best = at;
        }
        tried.push(one);
    }
    Ok((best, tried))
}

fn try_one(
    storage: &Storage,
    shared: &Shared<'_>,
    variables: &[OwnedValue],
    mut root: Box<dyn Operator>,
    wanted: u64,
) -> Result<Tried> {
    let session = storage.session()?;
    let op = OpContext::new();
    let workspace = Workspace::default();
    let variables: Vec<Value<'_>> = variables.iter().map(OwnedValue::get).collect();
    let interrupt = interrupter(&op);
    let cx = ExecContext::new(&session, Some(shared), &op, &workspace, &variables, &interrupt);
    let mut cx = cx.with_records_max(RECORDS_MAX);
    let (mut rows, mut ended) = (0, false);
    while rows < ROWS_MAX && !ended {
        match root.advance(&mut cx) {
            Ok(Step::Row) => {
                rows += 1;
                ended = rows == wanted;
            }
            // A document on which a program fails says nothing about the plan; the run itself will tell, if it comes by.
            Ok(Step::Yield) | Err(_) => break,
            Ok(Step::End) => ended = true,
        }
    }
    let score = score(&*root, rows, ended);
    Ok(Tried { root, score })
}

/// Rows for each key and document looked at; a plan that came to its end has nothing more to do.
fn score(root: &dyn Operator, rows: u64, ended: bool) -> f64 {
    let (docs, keys) = examined(root);
    // To fetch a document takes about as long as to pass over several keys.
    let work = (keys + 4 * docs).max(1);
    let productivity = rows as f64 / work as f64;
    if ended { 2.0 + 1.0 / work as f64 } else { 1.0 + productivity.min(1.0) }
}

/// Documents and keys that an operator and those below it have looked at.
pub(super) fn examined(root: &dyn Operator) -> (u64, u64) {
    let stats = root.stats();
    let below = root.inputs().into_iter().map(examined);
    below.fold((stats.docs_examined, stats.keys_examined), |sum, below| (sum.0 + below.0, sum.1 + below.1))
}
