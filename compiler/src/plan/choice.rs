//! Which index, over which keys, in which direction.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use smongo_vm::algo::hashed_key::hashed_key;
use smongo_vm::program::Direction;
use smongo_vm::value::{ArrayComponents, FieldPath, Tag, Value};

use super::collated::Strings;
use super::implication::implies;
use super::interval::{Interval, Intervals};
use super::predicate::{Predicate, Predicates, shared_elements};
use super::wildcard::{self, Expansion};
use super::{
    AccessPath, FieldOrder, IndexScanPlan, IndexView, PlanRequest, Residual, ScanDirection, UnionPlan, Wildcard,
    combine,
};
use crate::ir::{Filter, Sort};

/// Chooses how to reach the documents of a request. The choice depends on nothing but the arguments; of equally good
/// indexes the first is taken.
pub fn plan(request: &PlanRequest<'_>, indexes: &[IndexView<'_>]) -> AccessPath {
    candidates(request, indexes).into_iter().next().unwrap_or(AccessPath::CollectionScan)
}

/// The ways to reach the documents of a request by indexes, the one that promises most first; none where only looking at
/// all documents will do.
pub fn candidates(request: &PlanRequest<'_>, indexes: &[IndexView<'_>]) -> Vec<AccessPath> {
    let is_wildcard = |view: &IndexView<'_>| view.description.wildcard.is_some();
    match request.hint {
        Some(hint) if indexes.get(hint).is_some_and(is_wildcard) => {
            expanded_candidates(&PlanRequest { hint: None, ..*request }, indexes, hint..hint + 1)
        }
        None if indexes.iter().any(is_wildcard) => expanded_candidates(request, indexes, 0..indexes.len()),
        _ => ranked(request, indexes),
    }
}

/// The candidates where some of the indexes at `places` are wildcard indexes.
fn expanded_candidates(request: &PlanRequest<'_>, indexes: &[IndexView<'_>], places: Range<usize>) -> Vec<AccessPath> {
    let expansion = Expansion::of(request, indexes, places);
    let mut paths = ranked(request, &expansion.views(indexes));
    paths.iter_mut().for_each(|path| expansion.name_indexes(path));
    paths
}

fn ranked(request: &PlanRequest<'_>, indexes: &[IndexView<'_>]) -> Vec<AccessPath> {
    if let Some((at, view)) = request.hint.and_then(|hint| indexes.get(hint).map(|view| (hint, view))) {
        let (scan, score) = scan(at, view, &predicates_of(request, view), request.sort);
        return vec![merged_for_order(scan, score, view, request).0];
    }
    let seen = indexes.iter().enumerate().map(|(at, view)| (at, view, predicates_of(request, view)));
    let usable = seen.filter(|(_, view, predicates)| is_usable(view, request, predicates));
    let scans = usable
        .map(|(at, view, predicates)| {
            let (scan, score) = scan(at, view, &predicates, request.sort);
            merged_for_order(scan, score, view, request)
        })
        .filter(|(path, score)| score.leading() > 0 || path.is_sorted());
    let union = combine::union(request, indexes).map(|union| {
        let score = Score::of_union(&union);
        (AccessPath::Union(union), score)
    });
    let mut scored: Vec<(AccessPath, Score)> = scans.chain(union).collect();
    // Equal ones stay in their order.
    scored.sort_by_key(|(_, score)| Reverse(*score));
    scored.into_iter().map(|(path, _)| path).collect()
}

/// A scan, or the same keys as several scans that together give the wanted order.
fn merged_for_order(
    scan: IndexScanPlan,
    score: Score,
    view: &IndexView<'_>,
    request: &PlanRequest<'_>,
) -> (AccessPath, Score) {
    let merged = match request.sort {
        Some(sort) if !scan.is_sorted => combine::explode(&scan, view, sort, request.collation),
        _ => None,
    };
    match merged {
        Some(union) => (AccessPath::Union(union), Score { is_sorted: true, ..score }),
        None => (AccessPath::IndexScan(scan), score),
    }
}

/// The scan of an index that was chosen for another request of the same shape, if it serves this one as well. `at` is the
/// index's place among the views.
pub fn plan_again(request: &PlanRequest<'_>, at: usize, view: &IndexView<'_>) -> Option<AccessPath> {
    if view.description.wildcard.is_some() {
        let mut path = plan(request, std::slice::from_ref(view));
        if let AccessPath::IndexScan(scan) = &mut path {
            scan.index = at;
        }
        return matches!(path, AccessPath::IndexScan(_)).then_some(path);
    }
    let predicates = predicates_of(request, view);
    if !is_usable(view, request, &predicates) {
        return None;
    }
    let (scan, score) = scan(at, view, &predicates, request.sort);
    (score.leading() > 0 || scan.is_sorted).then_some(AccessPath::IndexScan(scan))
}

/// The filter's predicates, as an index sees them.
pub(super) fn predicates_of<'r>(request: &PlanRequest<'r>, view: &IndexView<'_>) -> Predicates<'r> {
    let request_order = request.collation.map(Arc::as_ref);
    Predicates::of(request.filter, Strings::between(request_order, view.description.collation.as_deref()))
}

/// How good a scan is; the fields are compared in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Score {
    /// Leading fields of which one value is wanted.
    single_values: usize,
    /// Leading fields behind them of which certain values are wanted.
    several_values: usize,
    /// Whether a range of the next field is wanted.
    range: bool,
    is_sorted: bool,
    /// Fields that leave keys out, wherever they stand.
    bounded_fields: usize,
    proves_filter: bool,
    /// An index with fewer fields is smaller.
    fields: Reverse<usize>,
}

impl Default for Score {
    fn default() -> Self {
        Self {
            single_values: 0,
            several_values: 0,
            range: false,
            is_sorted: false,
            bounded_fields: 0,
            proves_filter: false,
            fields: Reverse(usize::MAX),
        }
    }
}

impl Score {
    /// A union is better than a scan without bounds, and worse than any with them.
    fn of_union(union: &UnionPlan) -> Self {
        Self {
            range: true,
            is_sorted: union.is_sorted,
            proves_filter: matches!(union.residual, Residual::Nothing),
            ..Self::default()
        }
    }

    fn leading(self) -> usize {
        self.single_values + self.several_values + usize::from(self.range)
    }
}

/// Whether an index has a key of every document that matches.
pub(super) fn is_usable(view: &IndexView<'_>, request: &PlanRequest<'_>, predicates: &Predicates<'_>) -> bool {
    let index = view.description;
    let implied = |required: &Filter| implies(request.filter, required, predicates.strings());
    if index.is_hidden || index.partial_filter.as_ref().is_some_and(|required| !implied(required)) {
        return false;
    }
    if let Some(wildcard) = &index.wildcard {
        return has_keys_below(view, wildcard, predicates);
    }
    let has_field = |predicate: &Predicate| {
        let plain = predicate.path.components().iter().all(|component| component.index().is_none());
        predicate.needs_field && plain && index.fields.iter().any(|field| field.path == predicate.path)
    };
    !index.is_sparse || predicates.list.iter().any(has_field)
}

/// Whether a wildcard index, seen as one on a path, has a key of every document that matches.
fn has_keys_below(view: &IndexView<'_>, wildcard: &Wildcard, predicates: &Predicates<'_>) -> bool {
    let on = |place: usize| {
        let field = view.description.fields.get(place).zip(view.arrays.get(place));
        let at_path = move |predicate: &&Predicate| field.is_some_and(|(field, _)| field.path == predicate.path);
        let arrays = field.map_or_else(ArrayComponents::default, |(_, arrays)| *arrays);
        predicates.list.iter().filter(at_path).map(move |predicate| (predicate, arrays))
    };
    let value = wildcard.value_place();
    if view.description.fields.get(value).is_some_and(|field| field.path.is_empty()) {
        // All documents have keys, but nothing is gained unless the first field leaves some out.
        return on(0).any(|(predicate, arrays)| applies(predicate, arrays) && !predicate.intervals.is_full());
    }
    on(value).any(|(predicate, arrays)| wildcard.serves(predicate, arrays))
}

/// The best scan of one index.
pub(super) fn scan(
    at: usize,
    view: &IndexView<'_>,
    predicates: &Predicates<'_>,
    sort: Option<&Sort>,
) -> (IndexScanPlan, Score) {
    let fields = &view.description.fields;
    let (bounds, proven) = bounds(view, predicates);
    // Strings that the index orders in another way must not be among what is sorted.
    let path_place = view.description.wildcard.as_ref().map(|wildcard| wildcard.place);
    let is_path = |at: usize| Some(at) == path_place;
    let avoids_strings = |(at, bounds): (usize, &Intervals)| is_path(at) || bounds.avoids_strings();
    let is_ordered = predicates.strings().is_alike() || bounds.iter().enumerate().all(avoids_strings);
    let sorted = sort.filter(|_| is_ordered).and_then(|sort| sorted_direction(view, &bounds, sort));
    let plan = IndexScanPlan {
        index: at,
        direction: sorted.unwrap_or(ScanDirection::Forward),
        is_sorted: sorted.is_some(),
        residual: predicates.residual(&proven),
        bounds,
        wildcard: None,
    };
    let mut score = Score {
        single_values: 0,
        several_values: 0,
        range: false,
        is_sorted: plan.is_sorted,
        bounded_fields: plan
            .bounds
            .iter()
            .enumerate()
            .filter(|(at, bounds)| !is_path(*at) && !bounds.is_full())
            .count(),
        proves_filter: matches!(plan.residual, Residual::Nothing),
        fields: Reverse(fields.len()),
    };
    for (at, bounds) in plan.bounds.iter().enumerate() {
        match bounds {
            // The path is no condition, but everything below one is less than all there is.
            bounds if is_path(at) => score.range = !bounds.is_point(),
            bounds if bounds.is_point() && score.several_values == 0 => score.single_values += 1,
            bounds if bounds.is_points() => score.several_values += 1,
            bounds => {
                score.range |= !bounds.is_full();
                break;
            }
        }
    }
    (plan, score)
}

/// What the predicates leave of each field of an index, and which of them the keys prove.
fn bounds(view: &IndexView<'_>, predicates: &Predicates<'_>) -> (Vec<Intervals>, Vec<bool>) {
    let mut proven = vec![false; predicates.list.len()];
    // The predicates that narrow the scan, with the arrays on their paths.
    let mut chosen: Vec<(&Predicate, ArrayComponents)> = Vec::new();
    let mut all_bounds = Vec::new();
    let value_place = view.description.wildcard.as_ref().map(Wildcard::value_place);
    for (place, (field, arrays)) in view.description.fields.iter().zip(&view.arrays).enumerate() {
        let of_wildcard = view.description.wildcard.as_ref().filter(|_| Some(place) == value_place);
        let mut bounds = Intervals::full();
        let mut candidates: Vec<(usize, &Predicate)> =
            predicates.list.iter().enumerate().filter(|(_, predicate)| predicate.path == field.path).collect();
        candidates.sort_by_key(|(_, predicate)| {
            let intervals = &predicate.intervals;
            (intervals.is_full(), !intervals.is_points(), intervals.as_slice().len())
        });
        for (at, predicate) in candidates {
            if !applies(predicate, *arrays) || of_wildcard.is_some_and(|wildcard| !wildcard.serves(predicate, *arrays))
            {
                continue;
            }
            let compatible =
                chosen.iter().all(|(other, other_arrays)| is_compatible((predicate, *arrays), (other, *other_arrays)));
            let keys = match field.order {
                FieldOrder::Hashed => hashed(&predicate.intervals, predicates.strings()),
                FieldOrder::Ascending | FieldOrder::Descending => Some(predicate.intervals.clone()),
            };
            let Some(keys) = keys.filter(|keys| compatible && !keys.is_full()) else { continue };
            bounds = bounds.intersect(&keys);
            let exact = if arrays.is_empty() { predicate.exact } else { predicate.exact_in_arrays };
            let tells_all = of_wildcard.is_none() || !wildcard::has_containers(&predicate.intervals);
            proven[at] = exact && field.order != FieldOrder::Hashed && tells_all;
            chosen.push((predicate, *arrays));
        }
        all_bounds.push(bounds);
    }
    if let Some(wildcard) = &view.description.wildcard
        && let Some(value) = view.description.fields.get(wildcard.value_place())
    {
        all_bounds[wildcard.place] = wildcard.path_bounds(&value.path, &all_bounds[wildcard.value_place()]);
    }
    (all_bounds, proven)
}

/// Whether a predicate's intervals hold for a field whose path leads through these arrays.
pub(super) fn applies(predicate: &Predicate, arrays: ArrayComponents) -> bool {
    // A number in a path names a position of an array for the index, and a field of its elements besides for the
    // filter.
    let has_position = predicate.path.components().iter().any(|component| component.index().is_some());
    arrays.is_empty() || !(has_position || predicate.without_arrays)
}

/// Whether one key must satisfy both predicates.
fn is_compatible((a, a_arrays): (&Predicate, ArrayComponents), (b, b_arrays): (&Predicate, ArrayComponents)) -> bool {
    let tied = shared_elements(a, b);
    let shared = shared_components(&a.path, &b.path);
    (tied..shared).all(|component| !a_arrays.contains(component) && !b_arrays.contains(component))
}

/// How many leading components two paths share.
fn shared_components(a: &FieldPath, b: &FieldPath) -> usize {
    a.components().iter().zip(b.components()).take_while(|(a, b)| a.name() == b.name()).count()
}

/// The hashes of a set of single values; `None` where ranges or arrays are wanted, or strings by a collation, which has
/// no say in a hash.
fn hashed(intervals: &Intervals, strings: Strings<'_>) -> Option<Intervals> {
    if !matches!(strings, Strings::Bytes) && !intervals.avoids_strings() {
        return None;
    }
    let hashable = |interval: &Interval| {
        interval.is_point() && !matches!(interval.start.get().tag(), Tag::Array | Tag::Undefined | Tag::Regex)
    };
    if !intervals.as_slice().iter().all(hashable) {
        return None;
    }
    let hashes = intervals.as_slice().iter().map(|interval| {
        let hash = Value::int64(hashed_key(interval.start.get()));
        Interval::new((hash, true), (hash, true))
    });
    Some(Intervals::union(hashes))
}

/// The direction in which an index gives the wanted order, if it does.
pub(super) fn sorted_direction(view: &IndexView<'_>, bounds: &[Intervals], sort: &Sort) -> Option<ScanDirection> {
    let fields = &view.description.fields;
    let sorts_whole_index = bounds.iter().all(Intervals::is_full);
    let mut direction = None;
    let mut next = 0;
    for (path, wanted) in &sort.parts {
        let constant = |at: &usize| fields[*at].path == *path && bounds[*at].is_point() && view.arrays[*at].is_empty();
        loop {
            let Some(field) = fields.get(next) else {
                // Behind the last field, only what is the same in all documents is in order.
                (0..fields.len()).find(constant)?;
                break;
            };
            if field.path == *path && field.order != FieldOrder::Hashed {
                if !view.arrays[next].is_empty() && !sorts_whole_index {
                    // The scan may meet a document by another element than the one that it is sorted by.
                    return None;
                }
                let here = match (field.order, wanted) {
                    (FieldOrder::Ascending, Direction::Ascending) | (FieldOrder::Descending, Direction::Descending) => {
                        ScanDirection::Forward
                    }
                    _ => ScanDirection::Backward,
                };
                let is_constant = constant(&next);
                if !is_constant && direction.is_some_and(|known| known != here) {
                    return None;
                }
                if !is_constant {
                    direction = Some(here);
                }
                next += 1;
                break;
            }
            if (0..next).any(|at| constant(&at)) || (next..fields.len()).any(|at| constant(&at)) {
                break;
            }
            if !bounds[next].is_point() {
                return None;
            }
            next += 1;
        }
    }
    Some(direction.unwrap_or(ScanDirection::Forward))
}
