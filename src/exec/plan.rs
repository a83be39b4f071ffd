//! From a request to an operator tree.

use std::sync::Arc;

use smongo_compiler::ir;
use smongo_compiler::plan::{self, AccessPath, IndexScanPlan, IndexView, PlanRequest};
use smongo_compiler::{CompiledFilter, CompiledProjection, ParseContext, compile_projection};
use smongo_vm::Code;
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Tag, Value};

use super::Operator;
use super::op::{
    AddRecordId, Direction, Eof, Fetch, FilterProgram, IdLookup, IndexScan, Limit, Project, Scan, Skip, Sort,
};
use super::prepare::{Cached, Prepared, prepare};
use crate::collection::Shared;
use crate::error::{Error, Result};
use crate::index::{Index, same_pattern};
use crate::plan_cache::{CachedQuery, Choice, IndexFilter, hashes};
use crate::request::FindRequest;
use crate::shell_text::ShellText;

/// Which documents a request is about, and in which order: what reads and writes have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matching<'r> {
    pub filter: &'r RawDoc,
    pub sort: Option<&'r RawDoc>,
    /// A find's projection.
    pub projection: Option<&'r RawDoc>,
    pub hint: Option<Value<'r>>,
    pub collation: Option<&'r RawDoc>,
    pub let_variables: Option<&'r RawDoc>,
    pub skip: u64,
    /// How many rows are wanted after `skip`.
    pub limit: Option<u64>,
}

impl<'r> Matching<'r> {
    /// Everything that a filter lets through.
    pub fn new(filter: &'r RawDoc) -> Self {
        Self {
            filter,
            sort: None,
            projection: None,
            hint: None,
            collation: None,
            let_variables: None,
            skip: 0,
            limit: None,
        }
    }
}

/// An operator tree and what its making left behind.
pub(crate) struct Plan {
    pub root: Box<dyn Operator>,
    pub filter: CompiledFilter,
    pub projection: Option<CompiledProjection>,
    /// Knows the request's variables; what else belongs to the request is compiled with it.
    pub context: ParseContext,
    /// The values of the request's `let`.
    pub variables: Vec<OwnedValue>,
    /// Whether rows are held back until all have been seen.
    pub is_sorted: bool,
    /// Whether rows come in the order of an index, so that a change may put a row ahead of the scan again.
    pub walks_index: bool,
    /// What the plan cache has of the request.
    pub cached: Option<Cached>,
    /// Whether an index filter restricted the choice.
    pub has_index_filter: bool,
}

/// What is known of how a plan was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanAbout {
    /// Whether an index filter restricted the choice.
    pub has_index_filter: bool,
    /// Whether the plan cache had the shape; `None` where it was not asked.
    pub was_cached: Option<bool>,
}

impl Plan {
    /// What is known of how the plan was made.
    pub fn about(&self) -> PlanAbout {
        let was_cached = self.cached.as_ref().map(Cached::is_hit);
        PlanAbout { has_index_filter: self.has_index_filter, was_cached }
    }
}

/// Plans a find.
pub(crate) fn plan_find(shared: Option<&Shared<'_>>, request: &FindRequest<'_>) -> Result<Plan> {
    if request.tailable && shared.is_some() {
        return Err(Error::new(
            Code::BAD_VALUE,
            format!("error processing query: ns={} tailable cursor requested on non capped collection", request.ns),
        ));
    }
    if request.min.is_some() || request.max.is_some() {
        return Err(Error::new(Code(51173), "When using min()/max() a hint of which index to use must be provided"));
    }
    if request.return_key {
        return Err(Error::new(Code::NOT_IMPLEMENTED, "smongo does not support returnKey yet"));
    }
    let matching = Matching {
        sort: request.sort,
        projection: request.projection,
        hint: request.hint,
        collation: request.collation,
        let_variables: request.let_variables,
        skip: request.skip,
        limit: request.limit,
        ..Matching::new(request.filter)
    };
    let mut plan = plan_matching(shared, &matching)?;
    if let (Some(projection), Some(spec)) = (plan.projection.take(), request.projection) {
        if projection.needs_position {
            plan.filter.check_positional()?;
        }
        plan.root = Box::new(Project::new(plan.root, projection, spec, &plan.filter.program));
    }
    finish_find(plan, request)
}

fn finish_find(mut plan: Plan, request: &FindRequest<'_>) -> Result<Plan> {
    if request.show_record_id {
        plan.root = Box::new(AddRecordId::new(plan.root));
    }
    if let Some(limit) = request.limit {
        plan.root = Box::new(Limit::new(plan.root, limit));
    }
    Ok(plan)
}

/// Plans the choice and order of documents. `limit` only bounds the work; cutting off is the caller's.
pub(crate) fn plan_matching(shared: Option<&Shared<'_>>, matching: &Matching<'_>) -> Result<Plan> {
    let matching = &Matching { sort: matching.sort.filter(|sort| !sort.is_empty()), ..*matching };
    let natural = matching.sort.map(natural_order).transpose()?.flatten();
    let Prepared { filter, sort, projection, context, variables, cached } =
        prepare(shared, matching, natural.is_some())?;
    let mut hint = hint_of(shared, matching.hint)?;
    let index_filter = shared.and_then(|shared| index_filter(shared, &filter, matching));
    if index_filter.is_some() {
        hint = None;
    }
    // Without an index on `_id` there is no way but looking at all documents.
    let without_indexes = shared.is_some_and(|shared| shared.indexes().is_empty()).then_some(Direction::Forward);
    let scan_order = natural.or(without_indexes).or(match hint {
        Some(Hint::Natural(direction)) => Some(direction),
        _ => None,
    });

    let mut root: Box<dyn Operator> = Box::new(Eof::default());
    let (mut in_order, mut walks_index) = (false, false);
    if let Some(shared) = shared {
        let order = sort.as_ref().map(|sort| &sort.ir);
        let by_index = match (scan_order, &cached) {
            (Some(_), _) => None,
            _ if index_filter.is_some() => filtered_index_scan(shared, &filter, order, index_filter.as_ref()),
            (None, Some(cached)) if hint.is_none() => cached_index_scan(shared, &filter, order, cached.query()),
            (None, _) => index_scan(shared, &filter, order, hint),
        };
        match by_index {
            Some(scan) => {
                (in_order, walks_index) = (scan.is_sorted, true);
                root = index_access(shared, scan, &filter, matching.filter);
            }
            None => root = access(shared, &filter, matching.filter, scan_order),
        }
    }
    let sort = sort.filter(|_| !in_order);
    let is_sorted = sort.is_some();
    if let (Some(order), Some(sort)) = (sort, matching.sort) {
        let limit = matching.limit.map(|limit| limit.saturating_add(matching.skip));
        root = Box::new(Sort::new(root, Arc::clone(&order.program), sort, limit));
    }
    if matching.skip > 0 {
        root = Box::new(Skip::new(root, matching.skip));
    }
    let has_index_filter = index_filter.is_some();
    Ok(Plan { root, filter, projection, context, variables, is_sorted, walks_index, cached, has_index_filter })
}

/// The index filter for a request, if it has one. A lookup by `_id` alone has none.
fn index_filter(shared: &Shared<'_>, filter: &CompiledFilter, matching: &Matching<'_>) -> Option<IndexFilter> {
    let shape = || {
        let Matching { sort, projection, collation, .. } = *matching;
        hashes::plan_shape(&filter.ir, &hashes::Rest { sort, projection, collation })
    };
    let is_lookup = filter.id_equality().is_some() && matching.filter.iter().nth(1).is_none();
    if is_lookup { None } else { shared.plan_cache().index_filters.find(shared.uuid(), shape) }
}

/// The best scan of an index that a filter allows.
fn filtered_index_scan(
    shared: &Shared<'_>,
    filter: &CompiledFilter,
    order: Option<&ir::Sort>,
    index_filter: Option<&IndexFilter>,
) -> Option<IndexScanPlan> {
    let indexes = shared.indexes();
    let allowed = |at: &usize| index_filter.is_none_or(|filter| filter.allows(&indexes[*at]));
    let allowed: Vec<usize> = (0..indexes.len()).filter(allowed).collect();
    let views: Vec<IndexView<'_>> = allowed.iter().map(|&at| indexes[at].view()).collect();
    match plan::plan(
        &PlanRequest { filter: &filter.ir, collation: filter.program.collation(), sort: order, hint: None },
        &views,
    ) {
        AccessPath::IndexScan(scan) => Some(IndexScanPlan { index: allowed[scan.index], ..scan }),
        AccessPath::CollectionScan => None,
    }
}

/// The scan of an index by which the documents of a filter are reached, if that is better than other ways.
fn index_scan(
    shared: &Shared<'_>,
    filter: &CompiledFilter,
    order: Option<&ir::Sort>,
    hint: Option<Hint>,
) -> Option<IndexScanPlan> {
    let hint = match hint {
        Some(Hint::Index(at)) => Some(at),
        // The lookup by `_id` beats every scan.
        _ if id_of(shared, filter).is_some() => return None,
        _ => None,
    };
    let views: Vec<IndexView<'_>> = shared.indexes().iter().map(|index| index.view()).collect();
    match plan::plan(
        &PlanRequest { filter: &filter.ir, collation: filter.program.collation(), sort: order, hint },
        &views,
    ) {
        AccessPath::IndexScan(scan) => Some(scan),
        AccessPath::CollectionScan => None,
    }
}

/// The same, where an earlier request of the shape may have made the choice. The keys to scan are found anew, from this
/// request's values; an index that does not serve them (they may lie outside of a partial index) is chosen anew as well.
fn cached_index_scan(
    shared: &Shared<'_>,
    filter: &CompiledFilter,
    order: Option<&ir::Sort>,
    cached: &CachedQuery,
) -> Option<IndexScanPlan> {
    match cached.choice() {
        Some(Choice::OtherThanIndex) => return None,
        Some(Choice::Index(at)) => {
            let view = shared.indexes().get(at).map(|index| index.view());
            let request =
                PlanRequest { filter: &filter.ir, collation: filter.program.collation(), sort: order, hint: None };
            if let Some(scan) = view.and_then(|view| plan::plan_again(&request, at, &view)) {
                return Some(scan);
            }
        }
        None => {}
    }
    let scan = index_scan(shared, filter, order, None);
    cached.choose(scan.as_ref().map_or(Choice::OtherThanIndex, |scan| Choice::Index(scan.index)));
    scan
}

/// The operators that reach the documents of a filter inside a pipeline.
pub(super) fn reach(shared: Option<&Shared<'_>>, filter: &CompiledFilter, source: &RawDoc) -> Box<dyn Operator> {
    let Some(shared) = shared else { return Box::new(Eof::default()) };
    match index_scan(shared, filter, None, None) {
        Some(scan) => index_access(shared, scan, filter, source),
        None => access(shared, filter, source, None),
    }
}

/// Whether an index finds the documents of a filter.
pub(crate) fn finds_by_index(shared: Option<&Shared<'_>>, filter: &CompiledFilter) -> bool {
    shared.is_some_and(|shared| id_of(shared, filter).is_some() || index_scan(shared, filter, None, None).is_some())
}

/// The operators of a scan of an index.
fn index_access(
    shared: &Shared<'_>,
    scan: IndexScanPlan,
    filter: &CompiledFilter,
    source: &RawDoc,
) -> Box<dyn Operator> {
    let Some(index) = shared.indexes().get(scan.index) else { return access(shared, filter, source, None) };
    let needs_filter = !scan.proves_filter && !filter.is_trivial();
    let program = needs_filter.then(|| FilterProgram { program: Arc::clone(&filter.program), source: source.into() });
    let scan = IndexScan::new(1, index, scan.bounds, scan.direction);
    Box::new(Fetch::new(0, Box::new(scan), program))
}

/// How documents are reached: by `_id` where the filter pins it down, else by looking at all of them.
fn access(
    shared: &Shared<'_>,
    filter: &CompiledFilter,
    source: &RawDoc,
    order: Option<Direction>,
) -> Box<dyn Operator> {
    let program = FilterProgram { program: Arc::clone(&filter.program), source: source.into() };
    match id_of(shared, filter) {
        Some(id) if order.is_none() => Box::new(IdLookup::new(0, id, program)),
        _ => {
            let program = (!filter.is_trivial()).then_some(program);
            Box::new(Scan::new(0, order.unwrap_or(Direction::Forward), program))
        }
    }
}

/// The `_id` that a filter pins down, where the index on `_id` can be asked for it: a string is found only under the
/// collation by which the index has it.
fn id_of<'f>(shared: &Shared<'_>, filter: &'f CompiledFilter) -> Option<Value<'f>> {
    let is_alike = filter.program.collation() == shared.collation();
    filter.id_equality().filter(|id| is_alike || !plan::compares_strings(*id))
}

/// The direction that `{$natural: ±1}` asks for; `None` for other orders.
fn natural_order(order: &RawDoc) -> Result<Option<Direction>> {
    let Some(natural) = order.get("$natural") else { return Ok(None) };
    if order.iter().nth(1).is_some() {
        return Err(Error::new(
            Code::BAD_VALUE,
            format!("Cannot include '$natural' in compound sort: {}", ShellText(Value::document(order))),
        ));
    }
    let direction = natural.as_integer().or_else(|| natural.as_double().map(|n| n as i64));
    match direction {
        Some(1) => Ok(Some(Direction::Forward)),
        Some(-1) => Ok(Some(Direction::Backward)),
        _ => Err(Error::new(Code::BAD_VALUE, "$natural sort cannot be set to a value other than -1 or 1.")),
    }
}

/// What a hint asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hint {
    /// A scan of the collection.
    Natural(Direction),
    /// The index at this place.
    Index(usize),
}

/// Reads a hint. It must name an index that exists and is not hidden.
fn hint_of(shared: Option<&Shared<'_>>, hint: Option<Value<'_>>) -> Result<Option<Hint>> {
    let find = |found: &dyn Fn(&Index) -> bool| {
        let indexes = shared.map(|shared| shared.indexes()).unwrap_or_default();
        let at = indexes.iter().position(|index| !index.description().is_hidden && found(index));
        at.map(Hint::Index)
    };
    let known = match hint {
        None => return Ok(None),
        Some(hint) => match (hint.as_str(), hint.as_doc()) {
            (Some(name), _) => find(&|index| index.name() == name),
            (None, Some(pattern)) => {
                if pattern.is_empty() {
                    return Ok(None);
                }
                if let Some(direction) = natural_order(pattern)? {
                    return Ok(Some(Hint::Natural(direction)));
                }
                find(&|index| same_pattern(index.key_pattern(), pattern))
            }
            (None, None) => return Err(Error::new(Code::FAILED_TO_PARSE, "Hint must be a string or an object")),
        },
    };
    if known.is_some() || shared.is_none() {
        return Ok(known);
    }
    Err(Error::new(
        Code::BAD_VALUE,
        "error processing query: planner returned error :: caused by :: hint provided does not correspond to an \
         existing index",
    ))
}

/// Declares the request's `let` and computes its values, which depend on no document.
pub(crate) fn declare_variables(variables: &RawDoc, context: &mut ParseContext) -> Result<Vec<OwnedValue>> {
    let mut values = Vec::new();
    for variable in variables {
        values.push(constant(variable.value(), &mut ParseContext::new().with_collation(context.collation().cloned()))?);
        context.declare_let(variable.name_str())?;
    }
    Ok(values)
}

/// The value of an expression over no document.
fn constant(expression: Value<'_>, context: &mut ParseContext) -> Result<OwnedValue> {
    if !matches!(expression.tag(), Tag::String | Tag::Document | Tag::Array) {
        return Ok(expression.into());
    }
    // The expression stands in a projection of an empty document, inside a `$let` that keeps it from being read as a
    // projection itself.
    let spec = DocBuf::build(|spec| {
        spec.document("value", |operator| {
            operator.document("$let", |arguments| {
                arguments.document("vars", |_| ());
                arguments.value("in", expression);
            });
        });
    });
    let Some(projection) = compile_projection(&spec, context)? else { return Ok(OwnedValue::NOTHING) };
    let mut machine = Machine::new();
    let env = Env::fixed();
    let computed = machine.project(&projection.program, RawDoc::EMPTY, &env, None)?;
    Ok(computed.get("value").unwrap_or(Value::NOTHING).into())
}
