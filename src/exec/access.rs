//! The operators that reach the documents of a filter, for an access path that has been chosen.

use std::sync::Arc;

use smongo_compiler::plan::{AccessPath, DistinctPlan, FieldOrder, IndexScanPlan, Residual};
use smongo_compiler::{CompiledFilter, CompiledProjection, ParseContext};
use smongo_vm::program::Program;
use smongo_vm::value::{FieldPath, RawDoc, Value};

use super::Operator;
use super::op::{Covered, Direction, DistinctScan, Fetch, FilterProgram, IdLookup, IndexScan, Scan, SortMerge, Union};
use crate::collection::Shared;
use crate::error::Result;

/// The slot of the cursor on documents; cursors on indexes are in the slots after it.
const RECORDS_SLOT: usize = 0;

/// What rows are for, which decides whether keys alone may do.
#[derive(Clone, Copy)]
pub(super) enum Wants<'w> {
    /// Whole documents, or any part of them.
    Documents,
    /// What a projection keeps, with the request's words for it.
    Fields(&'w CompiledProjection, &'w RawDoc),
    /// Nothing but how many there are.
    Number,
}

/// A sort order as merges need it: the program of its keys, and the request's words.
pub(super) type MergeOrder<'s> = (&'s Arc<Program>, &'s RawDoc);

/// The operators of an access path.
pub(super) struct Access {
    pub root: Box<dyn Operator>,
    /// Whether rows come in the wanted order.
    pub is_sorted: bool,
    /// Whether rows come in the order of an index, so that a change may put a row ahead of the scan again.
    pub walks_index: bool,
    /// Whether the projection has been carried out.
    pub is_projected: bool,
    /// Whether conditions on arrays were left to the keys, so that nothing has noted by which element they hold.
    pub skips_arrays: bool,
}

impl Access {
    fn plain(root: Box<dyn Operator>) -> Self {
        Self { root, is_sorted: false, walks_index: false, is_projected: false, skips_arrays: false }
    }
}

/// All documents, in the order of their records.
pub(super) fn by_scan(filter: &CompiledFilter, order: Option<Direction>) -> Access {
    let program = (!filter.is_trivial()).then(|| FilterProgram::from(filter));
    Access::plain(Box::new(Scan::new(RECORDS_SLOT, order.unwrap_or(Direction::Forward), program)))
}

/// All documents in the order of their records, and those that come later.
pub(super) fn by_tail(filter: &CompiledFilter) -> Access {
    let program = (!filter.is_trivial()).then(|| FilterProgram::from(filter));
    Access::plain(Box::new(Scan::new(RECORDS_SLOT, Direction::Forward, program).tailing()))
}

/// The document with one `_id`.
pub(super) fn by_id(shared: &Shared<'_>, id: Value<'_>, filter: &CompiledFilter) -> Access {
    let is_clustered = shared.clustered_index().is_some();
    Access::plain(Box::new(IdLookup::new(RECORDS_SLOT, id, filter.program.strings(), is_clustered)))
}

/// The operators of `path`. Without a context, what is left of a filter is not compiled, and the filter run as a whole.
pub(super) fn by_path(
    shared: &Shared<'_>,
    path: AccessPath,
    (filter, context): (&CompiledFilter, Option<&ParseContext>),
    order: Option<MergeOrder<'_>>,
    wants: Wants<'_>,
) -> Result<Access> {
    let is_sorted = path.is_sorted();
    let proven = matches!(path.residual(), Residual::Nothing);
    let whole = || (!filter.is_trivial()).then(|| FilterProgram::from(filter));
    let fetch = |input: Box<dyn Operator>, residual: &Residual| -> Result<Box<dyn Operator>> {
        if proven && matches!(wants, Wants::Number) {
            return Ok(input);
        }
        Ok(Box::new(Fetch::new(RECORDS_SLOT, input, remaining(filter, context, residual)?, whole())))
    };
    let (root, skips_arrays) = match path {
        AccessPath::CollectionScan => return Ok(by_scan(filter, None)),
        AccessPath::IndexScan(plan) => {
            let Some(scan) = index_scan(shared, 1, &plan) else { return Ok(by_scan(filter, None)) };
            if proven
                && let Wants::Fields(projection, source) = wants
                && let Some(kept) = covered_paths(shared, &plan, projection)
            {
                let scan = scan.with_key_documents(|path| kept.contains(path));
                let root = Box::new(Covered::new(RECORDS_SLOT, scan, whole(), projection.clone(), source));
                return Ok(Access { is_sorted, walks_index: true, is_projected: true, ..Access::plain(root) });
            }
            let skips_arrays = scan.is_multikey() && !matches!(plan.residual, Residual::Whole);
            let scan = if proven && matches!(wants, Wants::Number) { scan.counting() } else { scan };
            (fetch(Box::new(scan), &plan.residual)?, skips_arrays)
        }
        AccessPath::Union(union) => {
            let Some(scans) = index_scans(shared, &union.branches) else { return Ok(by_scan(filter, None)) };
            let skips_arrays = proven && scans.iter().any(IndexScan::is_multikey);
            let input: Box<dyn Operator> = match order {
                Some((program, source)) if union.is_sorted => {
                    let sorted: Vec<FieldPath> = source.iter().map(|part| FieldPath::new(part.name_str())).collect();
                    let with_order = |scan: IndexScan| scan.with_key_documents(|path| sorted.contains(path));
                    let scans = scans.into_iter().map(with_order).collect();
                    Box::new(SortMerge::new(scans, Arc::clone(program), source))
                }
                _ => Box::new(Union::new(scans)),
            };
            (fetch(input, &union.residual)?, skips_arrays)
        }
    };
    Ok(Access { root, is_sorted, walks_index: true, is_projected: false, skips_arrays })
}

/// The operators that give documents with all distinct values at `path`, each often enough once; `None` when the plan's
/// index is gone.
pub(super) fn by_values(shared: &Shared<'_>, plan: &DistinctPlan, path: &FieldPath) -> Option<Box<dyn Operator>> {
    let scan = index_scan(shared, RECORDS_SLOT + 1, &plan.scan)?;
    let scan = scan.leaping(plan.fields).with_key_documents(|wanted| wanted == path);
    Some(Box::new(DistinctScan::new(RECORDS_SLOT, scan)))
}

/// The operator of a scan whose cursor lives in `slot`; `None` when its index is gone.
fn index_scan(shared: &Shared<'_>, slot: usize, plan: &IndexScanPlan) -> Option<IndexScan> {
    let index = shared.indexes().get(plan.index)?;
    Some(IndexScan::new(slot, index, plan))
}

fn index_scans(shared: &Shared<'_>, plans: &[IndexScanPlan]) -> Option<Vec<IndexScan>> {
    plans.iter().enumerate().map(|(at, plan)| index_scan(shared, RECORDS_SLOT + 1 + at, plan)).collect()
}

/// What of a filter has to be run.
fn remaining(
    filter: &CompiledFilter,
    context: Option<&ParseContext>,
    residual: &Residual,
) -> Result<Option<FilterProgram>> {
    Ok(match residual {
        Residual::Nothing => None,
        Residual::Whole if filter.is_trivial() => None,
        Residual::Part(part) if context.is_some() => {
            let part = context.map(|context| CompiledFilter::of(part.clone(), context)).transpose()?;
            part.as_ref().map(FilterProgram::from)
        }
        Residual::Whole | Residual::Part(_) => Some(FilterProgram::from(filter)),
    })
}

/// The paths that a projection keeps, when the keys of the scanned index have all of them.
fn covered_paths<'p>(
    shared: &Shared<'_>,
    plan: &IndexScanPlan,
    projection: &'p CompiledProjection,
) -> Option<&'p [FieldPath]> {
    let kept = projection.kept.as_deref()?;
    let index = shared.indexes().get(plan.index)?;
    let description = plan.wildcard.as_ref().map_or(index.description(), |wildcard| &wildcard.description);
    // By a collation, keys have the sort keys of strings in place of strings.
    let arrays = index.arrays(plan.wildcard.as_deref());
    let has_values = description.collation.is_none() && arrays.iter().all(|arrays| arrays.is_empty());
    let has = |path: &FieldPath| {
        path.components().iter().all(|component| component.index().is_none())
            && description.fields.iter().any(|field| field.path == *path && field.order != FieldOrder::Hashed)
    };
    (has_values && !kept.is_empty() && kept.iter().all(has)).then_some(kept)
}
