//! From a request to an operator tree.

use std::sync::Arc;

use smongo_compiler::{CompiledFilter, ParseContext, compile_filter, compile_projection, compile_sort};
use smongo_vm::Code;
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Tag, Value};

use super::Operator;
use super::op::{AddRecordId, Direction, Eof, FilterProgram, IdLookup, Limit, Project, Scan, Skip, Sort};
use crate::collection::Shared;
use crate::error::{Error, Result};
use crate::index::is_id_pattern;
use crate::request::FindRequest;
use crate::shell_text::ShellText;

/// Which documents a request is about, and in which order: what reads and writes have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Matching<'r> {
    pub filter: &'r RawDoc,
    pub sort: Option<&'r RawDoc>,
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
        Self { filter, sort: None, hint: None, collation: None, let_variables: None, skip: 0, limit: None }
    }
}

/// An operator tree and what its making left behind.
pub(crate) struct Plan {
    pub root: Box<dyn Operator>,
    pub filter: CompiledFilter,
    /// Knows the request's variables; what else belongs to the request is compiled with it.
    pub context: ParseContext,
    /// The values of the request's `let`.
    pub variables: Vec<OwnedValue>,
    /// Whether rows are held back until all have been seen.
    pub is_sorted: bool,
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
        hint: request.hint,
        collation: request.collation,
        let_variables: request.let_variables,
        skip: request.skip,
        limit: request.limit,
        ..Matching::new(request.filter)
    };
    let mut plan = plan_matching(shared, &matching)?;
    let Some(spec) = request.projection else { return finish_find(plan, request) };
    if let Some(projection) = compile_projection(spec, &mut plan.context)? {
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
    check_collation(matching.collation)?;
    let mut context = ParseContext::new();
    let variables = match matching.let_variables {
        Some(variables) => declare_variables(variables, &mut context)?,
        None => Vec::new(),
    };
    let filter = compile_filter(matching.filter, &mut context)?;
    let sort = matching.sort.filter(|sort| !sort.is_empty());
    let natural = sort.map(natural_order).transpose()?.flatten();
    let sort_program = match sort {
        Some(sort) if natural.is_none() => compile_sort(sort)?,
        _ => None,
    };
    let hinted = hinted_direction(shared, matching.hint)?;

    let mut root: Box<dyn Operator> = match shared {
        None => Box::new(Eof::default()),
        Some(_) => access(&filter, matching.filter, natural.or(hinted)),
    };
    let is_sorted = sort_program.is_some();
    if let (Some(program), Some(sort)) = (sort_program, sort) {
        let limit = matching.limit.map(|limit| limit.saturating_add(matching.skip));
        root = Box::new(Sort::new(root, program, sort, limit));
    }
    if matching.skip > 0 {
        root = Box::new(Skip::new(root, matching.skip));
    }
    Ok(Plan { root, filter, context, variables, is_sorted })
}

/// How documents are reached: by `_id` where the filter pins it down, else by looking at all of them.
fn access(filter: &CompiledFilter, source: &RawDoc, order: Option<Direction>) -> Box<dyn Operator> {
    let program = FilterProgram { program: Arc::clone(&filter.program), source: source.into() };
    match filter.id_equality() {
        Some(id) if order.is_none() => Box::new(IdLookup::new(0, id, program)),
        _ => {
            let program = (!filter.is_trivial()).then_some(program);
            Box::new(Scan::new(0, order.unwrap_or(Direction::Forward), program))
        }
    }
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

/// The scan direction that a hint asks for. Hints at indexes must name one that exists.
fn hinted_direction(shared: Option<&Shared<'_>>, hint: Option<Value<'_>>) -> Result<Option<Direction>> {
    let exists = |found: &dyn Fn(&str, &RawDoc) -> bool| {
        shared.is_none_or(|shared| shared.indexes().iter().any(|index| found(index.name(), index.key_pattern())))
    };
    let known = match hint {
        None => return Ok(None),
        Some(hint) => match (hint.as_str(), hint.as_doc()) {
            (Some(name), _) => exists(&|index, _| index == name),
            (None, Some(pattern)) => {
                if pattern.is_empty() {
                    return Ok(None);
                }
                if let Some(direction) = natural_order(pattern)? {
                    return Ok(Some(direction));
                }
                exists(&|_, key| is_id_pattern(key) && is_id_pattern(pattern))
            }
            (None, None) => return Err(Error::new(Code::FAILED_TO_PARSE, "Hint must be a string or an object")),
        },
    };
    if known {
        return Ok(None);
    }
    Err(Error::new(
        Code::BAD_VALUE,
        "error processing query: planner returned error :: caused by :: hint provided does not correspond to an \
         existing index",
    ))
}

/// Only the simple collation is carried out.
fn check_collation(collation: Option<&RawDoc>) -> Result<()> {
    let Some(collation) = collation.filter(|collation| !collation.is_empty()) else { return Ok(()) };
    match collation.get("locale").and_then(Value::as_str) {
        Some("simple") => Ok(()),
        _ => Err(Error::new(Code::NOT_IMPLEMENTED, "smongo does not support collations besides 'simple' yet")),
    }
}

/// Declares the request's `let` and computes its values, which depend on no document.
fn declare_variables(variables: &RawDoc, context: &mut ParseContext) -> Result<Vec<OwnedValue>> {
    let mut values = Vec::new();
    for variable in variables {
        values.push(constant(variable.value(), &mut ParseContext::new())?);
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
