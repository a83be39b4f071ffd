//! Plans of several scans: unions for `$or`, and merges that give an order.

use std::sync::Arc;

use smongo_vm::collation::Collation;

use super::choice::{is_usable, predicates_of, scan, sorted_direction};
use super::interval::Intervals;
use super::predicate::conjuncts;
use super::{FieldOrder, IndexScanPlan, IndexView, PlanRequest, Residual, UnionPlan};
use crate::ir::{Filter, Sort};

/// The most scans that are merged to give an order. MongoDB: 200 (`internalQueryMaxScansToExplode`).
const MERGED_SCANS_MAX: usize = 200;

/// The scans of an `$or` among the conjuncts of a filter each of whose branches an index helps. What stands beside the
/// `$or` narrows every branch.
pub(super) fn union(request: &PlanRequest<'_>, indexes: &[IndexView<'_>]) -> Option<UnionPlan> {
    let parts = conjuncts(request.filter);
    parts.iter().enumerate().find_map(|(at, part)| {
        let Filter::Or(branches) = part else { return None };
        let beside: Vec<Filter> =
            parts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, part)| (*part).clone()).collect();
        let scans: Vec<IndexScanPlan> =
            branches.iter().map(|branch| best_of_branch(branch, &beside, request, indexes)).collect::<Option<_>>()?;
        let residual = if scans.iter().all(|scan| matches!(scan.residual, Residual::Nothing)) {
            Residual::Nothing
        } else {
            Residual::Whole
        };
        let is_sorted = request.sort.is_some_and(|sort| {
            scans.iter().all(|scan| scan.is_sorted && has_sort_values(&indexes[scan.index], sort, request.collation))
        });
        (scans.len() > 1).then_some(UnionPlan { branches: scans, is_sorted, residual })
    })
}

/// The best scan for a branch together with what stands beside it; only one that leaves keys out will do.
fn best_of_branch(
    branch: &Filter,
    beside: &[Filter],
    request: &PlanRequest<'_>,
    indexes: &[IndexView<'_>],
) -> Option<IndexScanPlan> {
    let filter = Filter::And([branch].into_iter().chain(beside).cloned().collect());
    let request = PlanRequest { filter: &filter, ..*request };
    let seen = indexes.iter().enumerate().map(|(at, view)| (at, view, predicates_of(&request, view)));
    let usable = seen.filter(|(_, view, predicates)| is_usable(view, &request, predicates));
    let scans = usable.map(|(at, view, predicates)| scan(at, view, &predicates, request.sort));
    let bounded = scans.filter(|(scan, _)| scan.bounds.first().is_some_and(|bounds| !bounds.is_full()));
    // The last of equal ones would win; the first is wanted.
    let best = bounded.reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map(|(scan, _)| scan)
}

/// Whether the keys of an index have all values of an order, so that scans can be merged by their keys.
fn has_sort_values(view: &IndexView<'_>, sort: &Sort, collation: Option<&Arc<Collation>>) -> bool {
    let fields = &view.description.fields;
    let has_strings = collation.is_none() && view.description.collation.is_none();
    // No document is made of a value and another inside it.
    let mut pairs = sort.parts.iter().flat_map(|(a, _)| sort.parts.iter().map(move |(b, _)| (a, b)));
    let are_apart = pairs.all(|(a, b)| a == b || !a.is_prefix_of(b));
    has_strings
        && are_apart
        && view.arrays.iter().all(|arrays| arrays.is_empty())
        && sort
            .parts
            .iter()
            .all(|(path, _)| fields.iter().any(|field| field.path == *path && field.order != FieldOrder::Hashed))
}

/// The same keys as several scans, each of which comes in the wanted order: one scan for each combination of the
/// single values that leading fields have.
pub(super) fn explode(
    scan: &IndexScanPlan,
    view: &IndexView<'_>,
    sort: &Sort,
    collation: Option<&Arc<Collation>>,
) -> Option<UnionPlan> {
    if !has_sort_values(view, sort, collation) {
        return None;
    }
    let leading = scan.bounds.iter().take_while(|bounds| bounds.is_points() && !bounds.as_slice().is_empty()).count();
    let combinations = scan.bounds[..leading].iter().map(|bounds| bounds.as_slice().len());
    let count = combinations.fold(1usize, usize::saturating_mul);
    if !(2..=MERGED_SCANS_MAX).contains(&count) {
        return None;
    }
    let mut branches: Vec<Vec<Intervals>> = vec![Vec::new()];
    for bounds in &scan.bounds[..leading] {
        let points = bounds.as_slice();
        branches = branches
            .iter()
            .flat_map(|so_far| {
                points.iter().map(move |point| {
                    let mut longer = so_far.clone();
                    longer.push(Intervals::union([point.clone()]));
                    longer
                })
            })
            .collect();
    }
    let rest = &scan.bounds[leading..];
    let mut scans = Vec::with_capacity(branches.len());
    for mut bounds in branches {
        bounds.extend_from_slice(rest);
        let direction = sorted_direction(view, &bounds, sort)?;
        scans.push(IndexScanPlan { bounds, direction, is_sorted: true, ..scan.clone() });
    }
    Some(UnionPlan { branches: scans, is_sorted: true, residual: scan.residual.clone() })
}
