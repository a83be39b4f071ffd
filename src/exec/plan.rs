//! From a request to an operator tree.

use std::sync::Arc;

use smongo_compiler::ir;
use smongo_compiler::plan::{self, AccessPath, IndexView, PlanRequest};
use smongo_compiler::{CompiledFilter, CompiledProjection, ParseContext, compile_projection};
use smongo_storage::Engine as Storage;
use smongo_vm::Code;
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{DocBuf, FieldPath, OwnedValue, RawDoc, Tag, Value};

use super::Operator;
use super::access::{self, Wants};
use super::op::{AddRecordId, Direction, Eof, Limit, Project, Skip, Sort};
use super::prepare::{Cached, Prepared, prepare};
use super::trial::{self, Tried};
use crate::collection::Shared;
use crate::error::{Error, Result};
use crate::index::{Index, same_pattern};
use crate::plan_cache::{CachedQuery, Choice, IndexFilter, SortOrder, allows, hashes};
use crate::request::FindRequest;
use crate::shell_text::ShellText;

/// Candidates that are tried, at the most. MongoDB: 64 (`internalQueryPlannerMaxIndexedSolutions`).
const CANDIDATES_MAX: usize = 8;

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
    /// Whether rows that come after the end are wanted too.
    pub tails: bool,
    /// How the plan is made.
    pub options: PlanOptions<'r>,
}

/// How plans are made.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct PlanOptions<'r> {
    /// Whether the plan is only to be shown: it is made anew, and nothing of it is kept.
    pub is_explained: bool,
    /// The indexes that query settings allow: names, key patterns, `{$natural: ±1}`.
    pub allowed: Option<&'r [OwnedValue]>,
    /// Where the candidates can be tried; without it, the one that promises most is taken.
    pub storage: Option<&'r Storage>,
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
            tails: false,
            options: PlanOptions::default(),
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
    /// Whether conditions on arrays were left to the keys of an index, so that nothing has noted by which element they
    /// hold.
    pub skips_arrays: bool,
    /// Whether the projection has been carried out.
    is_projected: bool,
    /// What the plan cache has of the request.
    pub cached: Option<Cached>,
    /// Whether the cache knew the shape when the plan was made to be shown.
    known: Option<bool>,
    /// Whether an index filter restricted the choice.
    pub has_index_filter: bool,
    /// The ways that were tried, this one among them, when the plan is only explained.
    pub tried: Vec<Tried>,
    /// The place of this one.
    pub winner: usize,
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
    /// The same plan below another operator.
    pub fn map_root(mut self, wrap: impl FnOnce(Box<dyn Operator>) -> Box<dyn Operator>) -> Self {
        self.root = wrap(self.root);
        self
    }

    /// What is known of how the plan was made.
    pub fn about(&self) -> PlanAbout {
        let was_cached = self.known.or(self.cached.as_ref().map(Cached::is_hit));
        PlanAbout { has_index_filter: self.has_index_filter, was_cached }
    }
}

/// Plans a find.
pub(crate) fn plan_find(
    shared: Option<&Shared<'_>>,
    request: &FindRequest<'_>,
    options: PlanOptions<'_>,
) -> Result<Plan> {
    if request.tailable {
        check_tailable(shared, request)?;
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
        tails: request.tailable,
        options,
        ..Matching::new(request.filter)
    };
    let mut plan = assemble(shared, &matching, Rows::Found { covered: !request.show_record_id })?;
    if let (Some(projection), Some(spec), false) = (plan.projection.take(), request.projection, plan.is_projected) {
        if projection.needs_position {
            plan.filter.check_positional()?;
        }
        plan.root = Box::new(Project::new(plan.root, projection, spec, &plan.filter.program));
    }
    finish_find(plan, request)
}

/// Fails unless a collection can be read beyond its end, in the order that a find asks for.
fn check_tailable(shared: Option<&Shared<'_>>, request: &FindRequest<'_>) -> Result<()> {
    if shared.is_some_and(|shared| !shared.is_capped()) {
        return Err(Error::new(
            Code::BAD_VALUE,
            format!("error processing query: ns={} tailable cursor requested on non capped collection", request.ns),
        ));
    }
    let order = request.sort.filter(|sort| !sort.is_empty()).map(natural_order).transpose()?;
    if order.is_some_and(|order| order != Some(Direction::Forward)) {
        let message = "error processing query: cannot use tailable option with a sort other than {$natural: 1}";
        return Err(Error::new(Code::BAD_VALUE, message));
    }
    Ok(())
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
    assemble(shared, matching, Rows::Found { covered: false })
}

/// Plans rows of which nothing is wanted but how many there are.
pub(crate) fn plan_count(shared: Option<&Shared<'_>>, matching: &Matching<'_>) -> Result<Plan> {
    assemble(shared, matching, Rows::Counted)
}

/// Plans documents that have, together, all distinct values at `path` of those that match.
pub(crate) fn plan_distinct(shared: Option<&Shared<'_>>, matching: &Matching<'_>, path: &FieldPath) -> Result<Plan> {
    let mut plan = assemble(shared, matching, Rows::Found { covered: false })?;
    let hint = hint_of(shared, matching.hint)?;
    let Some(shared) = shared.filter(|_| !plan.has_index_filter && !matches!(hint, Some(Hint::Natural(_)))) else {
        return Ok(plan);
    };
    let views: Vec<IndexView<'_>> = shared.indexes().iter().map(|index| index.view()).collect();
    let request = request_of(&plan.filter, None, hint.and_then(Hint::index));
    let by_values = plan::distinct(&request, &views, path).and_then(|plan| access::by_values(shared, &plan, path));
    if let Some(root) = by_values {
        plan.root = root;
    }
    Ok(plan)
}

/// What becomes of the rows of a plan.
#[derive(Clone, Copy)]
enum Rows {
    /// They are handed out; those of a find with a projection may be `covered` by an index.
    Found {
        covered: bool,
    },
    Counted,
}

fn assemble(shared: Option<&Shared<'_>>, matching: &Matching<'_>, rows: Rows) -> Result<Plan> {
    let matching = &Matching { sort: matching.sort.filter(|sort| !sort.is_empty()), ..*matching };
    let natural = matching.sort.map(natural_order).transpose()?.flatten();
    let Prepared { filter, sort, projection, context, variables, cached, known } =
        prepare(shared, matching, natural.is_some())?;
    let mut hint = hint_of(shared, matching.hint)?;
    let index_filter = shared.and_then(|shared| index_filter(shared, &filter, matching));
    let has_index_filter = index_filter.is_some();
    // Query settings come before index filters, and both before a hint.
    let allowed = matching.options.allowed.or(index_filter.as_ref().map(|filter| &*filter.indexes));
    if allowed.is_some() {
        hint = None;
    }
    // Without an index on `_id` there is no way but looking at all documents.
    let without_indexes = shared.is_some_and(|shared| shared.indexes().is_empty()).then_some(Direction::Forward);
    let scan_order = natural.or(without_indexes).or(match hint {
        Some(Hint::Natural(direction)) => Some(direction),
        _ => None,
    });
    let wants = match (rows, &projection, matching.projection) {
        (Rows::Counted, ..) => Wants::Number,
        (Rows::Found { covered: true }, Some(projection), Some(spec)) => Wants::Fields(projection, spec),
        _ => Wants::Documents,
    };
    let (mut winner, mut tried) = (0, Vec::new());
    let access = match (shared, scan_order) {
        (None, _) => None,
        (Some(_), _) if matching.tails => Some(access::by_tail(&filter)),
        (Some(_), Some(_)) => Some(access::by_scan(&filter, scan_order)),
        (Some(shared), None) => Some(match (id_of(shared, &filter), hint) {
            (Some(id), None) => access::by_id(shared, id, &filter),
            _ => {
                let order = sort.as_ref().map(|sort| &sort.ir);
                let merge_order = sort.as_ref().map(|sort| &sort.program).zip(matching.sort);
                // To compile what is left of a filter takes longer than a cached request may.
                let is_hit = cached.as_ref().is_some_and(Cached::is_hit);
                let filtered = (&filter, (!is_hit).then_some(&context));
                let reach = |path: AccessPath| access::by_path(shared, path, filtered, merge_order, wants);
                let known = cached.as_ref().filter(|_| hint.is_none()).map(Cached::query);
                let path = match (allowed, known.and_then(|known| chosen_before(shared, &filter, order, known))) {
                    (Some(allowed), _) => choose_among(shared, &filter, order, allowed),
                    (None, Some(path)) => path,
                    (None, None) => {
                        let mut paths = candidates(shared, &filter, order, hint.and_then(Hint::index));
                        // Several scans that won once are taken again, over other keys.
                        if known.and_then(CachedQuery::choice) == Some(Choice::Several)
                            && let Some(at) = paths.iter().position(|path| Choice::of(path) == Choice::Several)
                        {
                            paths = vec![paths.swap_remove(at)];
                        }
                        paths.truncate(CANDIDATES_MAX);
                        if let Some(storage) = matching.options.storage.filter(|_| paths.len() > 1) {
                            let ordered = |path: &AccessPath| -> Result<Box<dyn Operator>> {
                                let access = reach(path.clone())?;
                                let sort = sort.as_ref().filter(|_| !access.is_sorted);
                                Ok(sorted(access.root, sort, matching).0)
                            };
                            let roots = paths.iter().map(ordered).collect::<Result<Vec<_>>>()?;
                            let wanted = matching.limit.map_or(u64::MAX, |limit| limit.saturating_add(matching.skip));
                            (winner, tried) = trial::best_of(storage, shared, &variables, roots, wanted)?;
                        }
                        let path =
                            if paths.is_empty() { AccessPath::CollectionScan } else { paths.swap_remove(winner) };
                        if let Some(known) = known {
                            known.choose(Choice::of(&path));
                        }
                        path
                    }
                };
                check_hinted(shared, hint, &path)?;
                reach(path)?
            }
        }),
    };
    let (mut in_order, mut walks_index, mut is_projected, mut skips_arrays) = (false, false, false, false);
    let mut root: Box<dyn Operator> = Box::new(Eof::default());
    if let Some(access) = access {
        (in_order, walks_index) = (access.is_sorted, access.walks_index);
        (is_projected, skips_arrays) = (access.is_projected, access.skips_arrays);
        root = access.root;
    }
    let (sorted_root, is_sorted) = sorted(root, sort.as_ref().filter(|_| !in_order), matching);
    root = sorted_root;
    if matching.skip > 0 {
        root = Box::new(Skip::new(root, matching.skip));
    }
    Ok(Plan {
        root,
        filter,
        projection,
        context,
        variables,
        is_sorted,
        walks_index,
        skips_arrays,
        is_projected,
        cached,
        known,
        has_index_filter,
        tried: if matching.options.is_explained { tried } else { Vec::new() },
        winner,
    })
}

/// Rows in the wanted order, and whether they are sorted for it.
fn sorted(
    root: Box<dyn Operator>,
    order: Option<&Arc<SortOrder>>,
    matching: &Matching<'_>,
) -> (Box<dyn Operator>, bool) {
    let (Some(order), Some(sort)) = (order, matching.sort) else { return (root, false) };
    let limit = matching.limit.map(|limit| limit.saturating_add(matching.skip));
    (Box::new(Sort::new(root, Arc::clone(&order.program), sort, limit)), true)
}

fn request_of<'r>(filter: &'r CompiledFilter, sort: Option<&'r ir::Sort>, hint: Option<usize>) -> PlanRequest<'r> {
    PlanRequest { filter: &filter.ir, collation: filter.program.collation(), sort, hint }
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

/// How the documents of a filter are reached by the indexes that an index filter or query settings allow.
fn choose_among(
    shared: &Shared<'_>,
    filter: &CompiledFilter,
    order: Option<&ir::Sort>,
    allowed: &[OwnedValue],
) -> AccessPath {
    let indexes = shared.indexes();
    let allowed: Vec<usize> = (0..indexes.len()).filter(|at| allows(allowed, &indexes[*at])).collect();
    let views: Vec<IndexView<'_>> = allowed.iter().map(|&at| indexes[at].view()).collect();
    let mut path = plan::plan(&request_of(filter, order, None), &views);
    match &mut path {
        AccessPath::CollectionScan => {}
        AccessPath::IndexScan(scan) => scan.index = allowed[scan.index],
        AccessPath::Union(union) => union.branches.iter_mut().for_each(|scan| scan.index = allowed[scan.index]),
    }
    path
}

/// The ways to reach the documents of a filter by indexes, the one that promises most first. `hint` is the place of an
/// index.
fn candidates(
    shared: &Shared<'_>,
    filter: &CompiledFilter,
    order: Option<&ir::Sort>,
    hint: Option<usize>,
) -> Vec<AccessPath> {
    let views: Vec<IndexView<'_>> = shared.indexes().iter().map(|index| index.view()).collect();
    plan::candidates(&request_of(filter, order, hint), &views)
}

/// The way that promises most.
fn choose(shared: &Shared<'_>, filter: &CompiledFilter) -> AccessPath {
    candidates(shared, filter, None, None).into_iter().next().unwrap_or(AccessPath::CollectionScan)
}

/// The way that an earlier request of the shape chose. The keys to scan are found anew, from this request's values; an
/// index that does not serve them (they may lie outside of a partial index) is not taken again.
fn chosen_before(
    shared: &Shared<'_>,
    filter: &CompiledFilter,
    order: Option<&ir::Sort>,
    cached: &CachedQuery,
) -> Option<AccessPath> {
    match cached.choice()? {
        Choice::Scan => Some(AccessPath::CollectionScan),
        Choice::Index(at) => {
            let view = shared.indexes().get(at).map(|index| index.view())?;
            plan::plan_again(&request_of(filter, order, None), at, &view)
        }
        Choice::Several => None,
    }
}

/// The operators that reach the documents of a filter inside a pipeline.
pub(super) fn reach(shared: Option<&Shared<'_>>, filter: &CompiledFilter) -> Result<Box<dyn Operator>> {
    let Some(shared) = shared else { return Ok(Box::new(Eof::default())) };
    if let Some(id) = id_of(shared, filter) {
        return Ok(access::by_id(shared, id, filter).root);
    }
    let path = choose(shared, filter);
    Ok(access::by_path(shared, path, (filter, None), None, Wants::Documents)?.root)
}

/// Whether an index finds the documents of a filter.
pub(crate) fn finds_by_index(shared: Option<&Shared<'_>>, filter: &CompiledFilter) -> bool {
    let by_index = |shared: &Shared<'_>| !matches!(choose(shared, filter), AccessPath::CollectionScan);
    shared.is_some_and(|shared| id_of(shared, filter).is_some() || by_index(shared))
}

/// The `_id` that is all a filter asks for, where the index on `_id` can be asked for it: a string is found only under the
/// collation by which the index has it.
fn id_of<'f>(shared: &Shared<'_>, filter: &'f CompiledFilter) -> Option<Value<'f>> {
    let is_alike = filter.program.collation() == shared.collation();
    filter.only_id_equality().filter(|id| is_alike || !plan::compares_strings(*id))
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

impl Hint {
    /// The place of the index, when it is one.
    fn index(self) -> Option<usize> {
        match self {
            Hint::Index(at) => Some(at),
            Hint::Natural(_) => None,
        }
    }
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

/// A hint to a wildcard index is an error where that cannot tell which documents match: there is no scanning all of it.
fn check_hinted(shared: &Shared<'_>, hint: Option<Hint>, path: &AccessPath) -> Result<()> {
    let hinted = hint.and_then(Hint::index).and_then(|at| shared.indexes().get(at));
    let is_wildcard = hinted.is_some_and(|index| index.description().wildcard.is_some());
    if is_wildcard && matches!(path, AccessPath::CollectionScan) {
        return Err(Error::new(
            Code::NO_QUERY_EXECUTION_PLANS,
            "error processing query: planner returned error :: caused by :: $hint: refusing to build whole-index \
             solution, because it's a wildcard index",
        ));
    }
    Ok(())
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
