//! What `explain` says about an operator tree: MongoDB's shape ([`stages`](self)), and a section of our own with the
//! operators, their programs and what was counted ([`smongo`](self)).

mod smongo;
mod stages;

use std::time::Duration;

use smongo_compiler::{RewritePass, ShownStage};
use smongo_vm::interp::Counts;
use smongo_vm::value::{DocBuf, DocWriter, Value};

use super::{Operator, Tried};
use crate::request::Namespace;
use crate::spill::Spilled;

pub(crate) use smongo::write_smongo;
pub(crate) use stages::write_plan;

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
    /// What an administrator has set for the shape.
    pub query_settings: Option<DocBuf>,
}

/// What is explained.
pub(crate) struct Explanation<'e> {
    /// The collection.
    pub ns: &'e Namespace,
    pub shape: &'e ShapeFacts,
    /// The topmost operator.
    pub root: &'e dyn Operator,
    /// The stages of a pipeline that stand above what a find could say, from the first on; each is one operator.
    pub stages: &'e [ShownStage],
    /// The writing stage at a pipeline's end, which has no operator.
    pub sink: Option<&'e ShownStage>,
    /// What the rewrites did.
    pub rewrites: &'e [RewritePass],
    /// The ways to the documents that were tried before one was taken.
    pub tried: &'e [Tried],
    /// The place of the one that was taken.
    pub winner: usize,
    /// What came of running it, if it ran.
    pub run: Option<Run<'e>>,
}

/// A run of what is explained.
pub(crate) struct Run<'e> {
    /// Rows that came out at the top.
    pub returned: u64,
    pub took: Duration,
    /// What programs counted.
    pub counts: Option<&'e Counts>,
    /// Whether the trial runs of candidates are wanted too.
    pub all_plans: bool,
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
