//! What `explain` says about an operator tree: MongoDB's shape, and the programs with their listings.

use std::time::Duration;

use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, Value};

use super::{Operator, Stats};
use crate::request::Namespace;
use crate::spill::Spilled;

/// What a query's shape is called, and what is known of it. The names are empty where there is no query.
#[derive(Debug, Default)]
pub(crate) struct ShapeFacts {
    pub plan_shape_hash: String,
    pub plan_key: String,
    pub query_shape_hash: String,
    pub has_index_filter: bool,
    /// The filter in its normal form.
    pub parsed_query: DocBuf,
    /// Whether the plan cache had it; `None` where the cache was not asked.
    pub was_cached: Option<bool>,
}

/// Writes `queryPlanner`.
pub(crate) fn write_query_planner(
    out: &mut DocWriter<'_, Vec<u8>>,
    ns: &Namespace,
    shape: &ShapeFacts,
    root: &dyn Operator,
) {
    out.document("queryPlanner", |planner| {
        planner.string("namespace", ns.full());
        planner.value("parsedQuery", Value::document(&shape.parsed_query));
        planner.value("indexFilterSet", Value::bool(shape.has_index_filter));
        if !shape.plan_shape_hash.is_empty() {
            planner.string("queryHash", &shape.plan_shape_hash);
            planner.string("planCacheShapeHash", &shape.plan_shape_hash);
            planner.string("planCacheKey", &shape.plan_key);
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
        planner.array("rejectedPlans", |_| ());
    });
}

/// Writes `executionStats` of a tree that has run.
pub(crate) fn write_execution_stats(
    out: &mut DocWriter<'_, Vec<u8>>,
    root: &dyn Operator,
    returned: u64,
    took: Duration,
    all_plans: bool,
) {
    let (docs, keys) = examined(root);
    out.document("executionStats", |stats| {
        stats.value("executionSuccess", Value::TRUE);
        stats.value("nReturned", count(returned));
        stats.value("executionTimeMillis", count(millis(took)));
        stats.value("totalKeysExamined", count(keys));
        stats.value("totalDocsExamined", count(docs));
        stats.document("executionStages", |stage| {
            stage.value("isCached", Value::FALSE);
            write_stage(stage, root, Some(took));
        });
        if all_plans {
            stats.array("allPlansExecution", |_| ());
        }
    });
}

/// Writes `smongo`: every program of the tree, instruction by instruction.
pub(crate) fn write_smongo(out: &mut DocWriter<'_, Vec<u8>>, shape: &ShapeFacts, root: &dyn Operator) {
    out.document("smongo", |section| {
        let was_cached = shape.was_cached.map_or("none", |hit| if hit { "hit" } else { "miss" });
        section.string("planCache", was_cached);
        section.array("programs", |programs| {
            write_programs(programs, root);
        });
    });
}

fn write_programs(programs: &mut ArrayWriter<'_, Vec<u8>>, operator: &dyn Operator) {
    for (purpose, program) in operator.programs() {
        programs.document(|doc| {
            doc.string("stage", operator.stage());
            doc.string("purpose", purpose);
            doc.string("engine", "interpreter");
            doc.value("instructions", count(program.code().len() as u64));
            doc.value("runs", count(runs(operator)));
            doc.array("listing", |lines| {
                for line in program.to_string().lines() {
                    lines.value(Value::string(line));
                }
            });
        });
    }
    operator.inputs().into_iter().for_each(|input| write_programs(programs, input));
}

/// How often an operator ran its programs: for each document that it read, else for each row that it took in.
fn runs(operator: &dyn Operator) -> u64 {
    operator.input().map_or(operator.stats().docs_examined, |input| input.stats().advanced)
}

fn write_stage(out: &mut DocWriter<'_, Vec<u8>>, operator: &dyn Operator, took: Option<Duration>) {
    out.string("stage", operator.stage());
    operator.explain(out);
    if let Some(took) = took {
        write_stats(out, operator, took);
    }
    match operator.inputs().as_slice() {
        [] => {}
        [input] => out.document("inputStage", |stage| write_stage(stage, *input, took)),
        inputs => out.array("inputStages", |stages| {
            inputs.iter().for_each(|input| stages.document(|stage| write_stage(stage, *input, took)));
        }),
    }
}

fn write_stats(out: &mut DocWriter<'_, Vec<u8>>, operator: &dyn Operator, took: Duration) {
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

fn examined(root: &dyn Operator) -> (u64, u64) {
    let stats = root.stats();
    root.inputs()
        .into_iter()
        .map(examined)
        .fold((stats.docs_examined, stats.keys_examined), |sum, below| (sum.0 + below.0, sum.1 + below.1))
}

/// Writes what a stage put aside on disk.
pub(crate) fn write_spilled(doc: &mut DocWriter<'_, Vec<u8>>, spilled: Spilled) {
    doc.value("usedDisk", Value::bool(spilled.times > 0));
    doc.value("spills", count(spilled.times));
    doc.value("spilledBytes", count(spilled.bytes));
    doc.value("spilledRecords", count(spilled.rows));
    doc.value("spilledDataStorageSize", count(spilled.bytes));
}

/// A count as MongoDB writes it.
pub(crate) fn count(n: u64) -> Value<'static> {
    Value::integer(i64::try_from(n).unwrap_or(i64::MAX))
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
