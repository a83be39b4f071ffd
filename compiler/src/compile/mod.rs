//! From request to program in one step: what the engine calls.

mod group;
mod pipeline;
mod update;

use std::sync::Arc;

use smongo_vm::program::{Program, ProjectionKind};
use smongo_vm::value::{Component, FieldPath, RawDoc, Tag, Value};
use smongo_vm::{Code, Error, Result};

use crate::codegen;
use crate::front::context::ParseContext;
use crate::front::{filter, projection, sort};
use crate::ir::{ArrayRule, FieldAction, FieldTree, Filter, LeafTest, Projection};
use crate::rewrite::or_to_in;

pub use group::{CompiledBucketAuto, CompiledCall, CompiledFunction, CompiledGroup, CompiledSetting, CompiledWindow};
pub use pipeline::{
    CompiledDensify, CompiledGraphLookup, CompiledLookup, CompiledMerge, CompiledPipeline, CompiledStage,
    CompiledSubPipeline, CompiledWhenMatched, Lead, ShownStage, compile_pipeline, explain_pipeline,
};
pub use update::{CompiledUpdate, UpdateKind, compile_update, upsert_base};

/// A filter with its program.
#[derive(Clone, Debug)]
pub struct CompiledFilter {
    /// What runs.
    pub program: Arc<Program>,
    /// What it means: planners, upserts and `explain` read it.
    pub ir: Arc<Filter>,
}

impl CompiledFilter {
    /// A filter that is known by its meaning, of a request with this context.
    pub fn of(ir: Filter, ctx: &ParseContext) -> Result<Self> {
        let program = Arc::new(codegen::compile_filter(&ir, ctx.collation())?);
        Ok(Self { program, ir: Arc::new(ir) })
    }

    /// The value that `_id` must equal, when the filter says that and nothing else.
    pub fn only_id_equality(&self) -> Option<Value<'_>> {
        match &*self.ir {
            Filter::And(parts) if parts.len() != 1 => None,
            _ => self.id_equality(),
        }
    }

    /// The value that `_id` must equal for a document to match, when the filter says so at its top level. Values that
    /// a lookup could not decide alone (null, arrays, patterns) do not count; other conditions still have to be run.
    pub fn id_equality(&self) -> Option<Value<'_>> {
        id_equality(&self.ir)
    }

    /// Fails when the filter cannot serve the positional operator of a projection: it has `$expr`.
    pub fn check_positional(&self) -> Result<()> {
        if has_expr(&self.ir) {
            return Err(Error::new(
                Code::QUERY_FEATURE_NOT_ALLOWED,
                "positional projection '.$' cannot be used with a query that has $expr",
            ));
        }
        Ok(())
    }

    /// Whether every document matches.
    pub fn is_trivial(&self) -> bool {
        match &*self.ir {
            Filter::Always(always) => *always,
            Filter::And(parts) => parts.is_empty(),
            _ => false,
        }
    }
}

fn has_expr(filter: &Filter) -> bool {
    match filter {
        Filter::Expr(_) => true,
        Filter::And(parts) | Filter::Or(parts) | Filter::Nor(parts) => parts.iter().any(has_expr),
        Filter::Not(part) => has_expr(part),
        _ => false,
    }
}

fn id_equality(filter: &Filter) -> Option<Value<'_>> {
    match filter {
        Filter::And(parts) => parts.iter().find_map(id_equality),
        Filter::Leaf { path, test: LeafTest::Eq(value) } if path.arrays == ArrayRule::AnyElement => {
            let is_id = path.path.as_ref().is_some_and(|path| path.len() == 1 && path.components()[0].name() == "_id");
            let value = value.get();
            let decides = !matches!(value.tag(), Tag::Null | Tag::Undefined | Tag::Array | Tag::Regex | Tag::Nothing);
            (is_id && decides).then_some(value)
        }
        _ => None,
    }
}

/// Parses and compiles a filter.
pub fn compile_filter(filter: &RawDoc, ctx: &mut ParseContext) -> Result<CompiledFilter> {
    let ir = or_to_in::rewrite(filter::parse(filter, ctx)?);
    let program = Arc::new(codegen::compile_filter(&ir, ctx.collation())?);
    Ok(CompiledFilter { program, ir: Arc::new(ir) })
}

/// A find projection with its program.
#[derive(Clone, Debug)]
pub struct CompiledProjection {
    /// What runs.
    pub program: Arc<Program>,
    /// Whether it has the positional `$`, so that the filter's matched position must be handed on.
    pub needs_position: bool,
    /// What happens to the fields it does not name.
    pub kind: ProjectionKind,
    /// Whether it only keeps or drops top-level fields: `PROJECTION_SIMPLE` in explain.
    pub is_simple: bool,
    /// The paths that it keeps, when it does nothing else: what an index must have to cover it.
    pub kept: Option<Vec<FieldPath>>,
}

/// Parses and compiles a find projection; `{}` keeps documents whole and gives `None`.
pub fn compile_projection(spec: &RawDoc, ctx: &mut ParseContext) -> Result<Option<CompiledProjection>> {
    let Some(projection) = projection::parse_find(spec, ctx)? else { return Ok(None) };
    let program = Arc::new(codegen::compile_projection(&projection, ctx.collation())?);
    let Projection { kind, tree } = projection;
    let needs_position = tree.any(&|action| matches!(action, FieldAction::Positional));
    let is_simple = tree.fields.iter().all(|(_, action)| matches!(action, FieldAction::Keep | FieldAction::Drop));
    let mut kept = Vec::new();
    let only_keeps = kind == ProjectionKind::Inclusion && kept_paths(&tree, &mut Vec::new(), &mut kept);
    Ok(Some(CompiledProjection { program, needs_position, kind, is_simple, kept: only_keeps.then_some(kept) }))
}

/// Gathers the paths that an inclusion keeps; `false` when it does something else besides. What it drops (`_id`) does not
/// matter.
fn kept_paths(tree: &FieldTree, prefix: &mut Vec<Component>, kept: &mut Vec<FieldPath>) -> bool {
    tree.fields.iter().all(|(name, action)| {
        prefix.push(Component::new(name));
        let only_keeps = match action {
            FieldAction::Keep => {
                kept.push(FieldPath::from_components(prefix.iter().cloned()));
                true
            }
            FieldAction::Drop => true,
            FieldAction::Nested(inner) => kept_paths(inner, prefix, kept),
            _ => false,
        };
        prefix.pop();
        only_keeps
    })
}

/// Parses and compiles a sort order; `{}` orders nothing and gives `None`. `{$natural: …}` is the caller's.
pub fn compile_sort(spec: &RawDoc, ctx: &ParseContext) -> Result<Option<Arc<Program>>> {
    sort::parse(spec)?.map(|sort| codegen::compile_sort(&sort, ctx.collation()).map(Arc::new)).transpose()
}
