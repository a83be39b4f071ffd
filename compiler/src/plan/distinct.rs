//! Plans for the distinct values at a path: an index in which each value stands in one place.

use smongo_vm::value::FieldPath;

use super::choice::{is_usable, predicates_of, scan};
use super::{FieldOrder, IndexScanPlan, IndexView, PlanRequest, Residual};

/// A scan of which one key for each combination of values of its leading `fields` is enough.
#[derive(Clone, Debug)]
pub struct DistinctPlan {
    /// The scan.
    pub scan: IndexScanPlan,
    /// How many leading fields there are up to the one whose values are wanted.
    pub fields: usize,
}

/// The scan by which the distinct values at `path` are found without looking at every document that matches: of an
/// index where only fields of which one value is wanted stand before it, and which proves the filter.
pub fn distinct(request: &PlanRequest<'_>, indexes: &[IndexView<'_>], path: &FieldPath) -> Option<DistinctPlan> {
    if path.components().iter().any(|component| component.index().is_some()) {
        return None;
    }
    let is_plain = |(_, view): &(usize, &IndexView<'_>)| view.description.wildcard.is_none();
    let plans = indexes.iter().enumerate().filter(is_plain).filter_map(|(at, view)| {
        let predicates = predicates_of(request, view);
        if request.hint.is_some_and(|hint| hint != at) || !is_usable(view, request, &predicates) {
            return None;
        }
        // A collation counts strings as one that the index tells apart, or leaves it without the strings themselves.
        if request.collation.is_some() || view.description.collation.is_some() {
            return None;
        }
        let fields = &view.description.fields;
        let place = fields.iter().position(|field| field.path == *path && field.order != FieldOrder::Hashed)?;
        // The keys of an array's elements are the values that count, unless a condition leaves some of them out.
        let has_arrays = view.arrays.iter().any(|arrays| !arrays.is_empty());
        if has_arrays && (place > 0 || !predicates.list.is_empty()) {
            return None;
        }
        let (scan, _) = scan(at, view, &predicates, None);
        let is_proven = matches!(scan.residual, Residual::Nothing);
        let leads = scan.bounds[..place].iter().all(|bounds| bounds.is_point());
        (is_proven && leads).then_some(DistinctPlan { scan, fields: place + 1 })
    });
    plans.min_by_key(|plan| indexes[plan.scan.index].description.fields.len())
}
