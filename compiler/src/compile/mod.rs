//! From request to program in one step: what the engine calls.

mod group;
mod pipeline;
mod update;

use std::sync::Arc;

use smongo_vm::program::{Program, ProjectionKind};
use smongo_vm::value::{RawDoc, Tag, Value};
use smongo_vm::{Code, Error, Result};

use crate::codegen;
use crate::front::context::ParseContext;
use crate::front::{filter, projection, sort};
use crate::ir::{ArrayRule, FieldAction, Filter, LeafTest, Projection};
use crate::rewrite::or_to_in;

pub use group::{CompiledBucketAuto, CompiledCall, CompiledFunction, CompiledGroup, CompiledSetting, CompiledWindow};
pub use pipeline::{
    CompiledDensify, CompiledGraphLookup, CompiledLookup, CompiledMerge, CompiledPipeline, CompiledStage,
    CompiledSubPipeline, CompiledWhenMatched, Lead, compile_pipeline,
};
pub use update::{CompiledUpdate, UpdateKind, compile_update, upsert_base};

/// A filter with its program.
#[derive(Clone, Debug)]
pub struct CompiledFilter {
    /// What runs.
    pub program: Arc<Program>,
    /// What it means: planners and upserts read it.
    pub ir: Filter,
}

impl CompiledFilter {
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
        match &self.ir {
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
    Ok(CompiledFilter { program, ir })
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
}

/// Parses and compiles a find projection; `{}` keeps documents whole and gives `None`.
pub fn compile_projection(spec: &RawDoc, ctx: &mut ParseContext) -> Result<Option<CompiledProjection>> {
    let Some(projection) = projection::parse_find(spec, ctx)? else { return Ok(None) };
    let program = Arc::new(codegen::compile_projection(&projection, ctx.collation())?);
    let Projection { kind, tree } = projection;
    let needs_position = tree.any(&|action| matches!(action, FieldAction::Positional));
    let is_simple = tree.fields.iter().all(|(_, action)| matches!(action, FieldAction::Keep | FieldAction::Drop));
    Ok(Some(CompiledProjection { program, needs_position, kind, is_simple }))
}

/// Parses and compiles a sort order; `{}` orders nothing and gives `None`. `{$natural: …}` is the caller's.
pub fn compile_sort(spec: &RawDoc, ctx: &ParseContext) -> Result<Option<Arc<Program>>> {
    sort::parse(spec)?.map(|sort| codegen::compile_sort(&sort, ctx.collation()).map(Arc::new)).transpose()
}
