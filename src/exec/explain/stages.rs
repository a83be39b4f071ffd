//! Plans in MongoDB's shape: `queryPlanner` and `executionStats`, and for a pipeline that does more than a find its
//! `stages`, the first of which is the `$cursor` that reads the collection.

use std::time::Duration;

use smongo_compiler::ShownStage;
use smongo_vm::value::{ArrayWriter, DocWriter, Value};

use super::{Explanation, Run, count, millis};
use crate::exec::trial::examined;
use crate::exec::{Operator, Stats, Tried};

type Doc<'w> = DocWriter<'w, Vec<u8>>;

/// Writes the plan, and what came of running it.
pub(crate) fn write_plan(out: &mut Doc<'_>, explanation: &Explanation<'_>) {
    let Explanation { root, stages, sink, run, .. } = explanation;
    if stages.is_empty() && sink.is_none() {
        write_query_planner(out, explanation, *root);
        if let Some(run) = run {
            write_execution_stats(out, *root, run.returned, run, explanation.tried);
        }
        return;
    }
    let (cursor, operators) = split(*root, stages.len());
    out.array("stages", |list| {
        if let Some(cursor) = cursor {
            list.document(|stage| {
                stage.document("$cursor", |find| {
                    write_query_planner(find, explanation, cursor);
                    if let Some(run) = run {
                        write_execution_stats(find, cursor, cursor.stats().advanced, run, explanation.tried);
                    }
                });
                write_stage_counts(stage, run.as_ref(), Some(cursor.stats().advanced));
            });
        }
        for (stage, operator) in stages.iter().zip(&operators) {
            write_shown(list, stage, Some(*operator), run.as_ref());
        }
        if let Some(sink) = sink {
            write_shown(list, sink, None, run.as_ref());
        }
    });
}

/// The operators of the topmost `stages` stages, from the lowest on, and what they read from, if they read anything.
fn split(root: &dyn Operator, stages: usize) -> (Option<&dyn Operator>, Vec<&dyn Operator>) {
    let mut operators = Vec::with_capacity(stages);
    let mut next = Some(root);
    while let Some(operator) = next.filter(|_| operators.len() < stages) {
        operators.push(operator);
        next = operator.input();
    }
    operators.reverse();
    (next, operators)
}

/// Writes mongod's stages that one operator stands for.
fn write_shown(
    list: &mut ArrayWriter<'_, Vec<u8>>,
    shown: &ShownStage,
    operator: Option<&dyn Operator>,
    run: Option<&Run<'_>>,
) {
    let last = shown.documents.len().saturating_sub(1);
    for (at, document) in shown.documents.iter().enumerate() {
        list.document(|stage| {
            stage.elements_of(document);
            let Some(operator) = operator else {
                write_stage_counts(stage, run, Some(0));
                return;
            };
            // What happens between stages of one program is not known; behind the last that changes how many documents
            // there are, it is what came out.
            let known = !shown.changes_number.iter().skip(at + 1).any(|changes| *changes);
            if run.is_some() && at == last && operator.input().is_some() {
                operator.explain_counts(stage);
            }
            write_stage_counts(stage, run, known.then_some(operator.stats().advanced));
        });
    }
}

fn write_stage_counts(stage: &mut Doc<'_>, run: Option<&Run<'_>>, returned: Option<u64>) {
    let long = |n: u64| Value::int64(i64::try_from(n).unwrap_or(i64::MAX));
    let Some(run) = run else { return };
    if let Some(returned) = returned {
        stage.value("nReturned", long(returned));
    }
    stage.value("executionTimeMillisEstimate", long(millis(run.took)));
}

fn write_query_planner(out: &mut Doc<'_>, explanation: &Explanation<'_>, root: &dyn Operator) {
    let Explanation { ns, shape, tried, winner, .. } = explanation;
    out.document("queryPlanner", |planner| {
        planner.string("namespace", ns.full());
        planner.value("parsedQuery", Value::document(&shape.parsed_query));
        planner.value("indexFilterSet", Value::bool(shape.has_index_filter));
        if !shape.plan_shape_hash.is_empty() {
            planner.string("queryHash", &shape.plan_shape_hash);
            planner.string("planCacheShapeHash", &shape.plan_shape_hash);
            planner.string("planCacheKey", &shape.plan_key);
        }
        if let Some(settings) = &shape.query_settings {
            planner.value("querySettings", Value::document(settings));
        }
        planner.value("optimizationTimeMillis", Value::int32(0));
        planner.value("maxIndexedOrSolutionsReached", Value::FALSE);
        planner.value("maxIndexedAndSolutionsReached", Value::FALSE);
        planner.value("maxScansToExplodeReached", Value::FALSE);
        planner.value("prunedSimilarIndexes", Value::FALSE);
        planner.document("winningPlan", |plan| {
            plan.value("isCached", Value::FALSE);
            write_stage(plan, root, None);
        });
        planner.array("rejectedPlans", |list| {
            for (_, tried) in tried.iter().enumerate().filter(|(at, _)| at != winner) {
                list.document(|plan| {
                    plan.value("isCached", Value::FALSE);
                    write_stage(plan, &*tried.root, None);
                });
            }
        });
    });
}

fn write_execution_stats(out: &mut Doc<'_>, root: &dyn Operator, returned: u64, run: &Run<'_>, tried: &[Tried]) {
    let (docs, keys) = examined(root);
    out.document("executionStats", |stats| {
        stats.value("executionSuccess", Value::TRUE);
        stats.value("nReturned", count(returned));
        stats.value("executionTimeMillis", count(millis(run.took)));
        stats.value("totalKeysExamined", count(keys));
        stats.value("totalDocsExamined", count(docs));
        stats.document("executionStages", |stage| {
            stage.value("isCached", Value::FALSE);
            write_stage(stage, root, Some(run.took));
        });
        if run.all_plans {
            stats.array("allPlansExecution", |list| {
                tried.iter().for_each(|tried| list.document(|doc| write_trial(doc, tried, run.took)));
            });
        }
    });
}

/// Writes what came of trying a plan.
fn write_trial(out: &mut Doc<'_>, tried: &Tried, took: Duration) {
    let (docs, keys) = examined(&*tried.root);
    out.value("nReturned", count(tried.root.stats().advanced));
    out.value("executionTimeMillisEstimate", count(millis(took)));
    out.value("totalKeysExamined", count(keys));
    out.value("totalDocsExamined", count(docs));
    out.value("score", Value::double(tried.score));
    out.document("executionStages", |stage| write_stage(stage, &*tried.root, Some(took)));
}

fn write_stage(out: &mut Doc<'_>, operator: &dyn Operator, took: Option<Duration>) {
    out.string("stage", operator.stage());
    operator.explain(out);
    if let Some(took) = took {
        write_stats(out, operator, took);
    }
    match operator.inputs().as_slice() {
        [] => {}
        [input] => out.document("inputStage", |stage| write_input(stage, *input, took)),
        inputs => out.array("inputStages", |stages| {
            inputs.iter().for_each(|input| stages.document(|stage| write_input(stage, *input, took)));
        }),
    }
}

/// Writes a stage below another; there, a lookup by `_id` is one stage among others.
fn write_input(out: &mut Doc<'_>, operator: &dyn Operator, took: Option<Duration>) {
    if !operator.is_id_lookup() {
        return write_stage(out, operator, took);
    }
    out.string("stage", "IDHACK");
    if let Some(took) = took {
        write_stats(out, operator, took);
    }
}

fn write_stats(out: &mut Doc<'_>, operator: &dyn Operator, took: Duration) {
    let Stats { works, advanced, .. } = *operator.stats();
    let ended = u64::from(operator.is_eof());
    out.value("nReturned", count(advanced));
    out.value("executionTimeMillisEstimate", count(millis(took)));
    out.value("works", count(works));
    out.value("advanced", count(advanced));
    out.value("needTime", count(works.saturating_sub(advanced + ended)));
    out.value("needYield", Value::int32(0));
    out.value("saveState", Value::int32(0));
    out.value("restoreState", Value::int32(0));
    out.value("isEOF", Value::int32(ended as i32));
    operator.explain_counts(out);
}
