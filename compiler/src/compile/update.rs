//! Updates from request to program.

use std::sync::Arc;

use smongo_vm::Result;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::codegen;
use crate::front::context::ParseContext;
use crate::front::{stage, update};
use crate::ir::update::{Update, UpdateStage, UpdateStageKind};
use crate::ir::{DocumentStage, Filter};

/// How an update says what to change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpdateKind {
    /// `$set` and its like.
    Operators,
    /// An aggregation pipeline.
    Pipeline,
}

/// An update, ready to run.
#[derive(Clone, Debug)]
pub enum CompiledUpdate {
    /// The new document, but for its `_id`.
    Replacement(DocBuf),
    /// A program that computes the new document.
    Program {
        /// What runs.
        program: Arc<Program>,
        /// Whether it has the positional `$`, so that the filter's matched position must be handed on.
        needs_position: bool,
        /// How the request said it.
        kind: UpdateKind,
    },
}

/// Parses and compiles an update: a document of operators, a replacement, or a pipeline.
pub fn compile_update(
    update: Value<'_>,
    array_filters: Option<&RawDoc>,
    ctx: &mut ParseContext,
) -> Result<CompiledUpdate> {
    match update::parse(update, array_filters, ctx)? {
        Update::Replacement(doc) => Ok(CompiledUpdate::Replacement(doc)),
        Update::Operators(operators) => {
            let needs_position = operators.tree.needs_match_position();
            let program = Arc::new(codegen::compile_update(operators, ctx.collation())?);
            Ok(CompiledUpdate::Program { program, needs_position, kind: UpdateKind::Operators })
        }
        Update::Pipeline(stages) => {
            let stages = stages.iter().map(|stage| document_stage(stage, ctx)).collect::<Result<Vec<_>>>()?;
            let program = Arc::new(codegen::compile_stages(&stages, ctx.collation())?);
            Ok(CompiledUpdate::Program { program, needs_position: false, kind: UpdateKind::Pipeline })
        }
    }
}

fn document_stage(stage: &UpdateStage, ctx: &mut ParseContext) -> Result<DocumentStage> {
    let spec = stage.spec.get();
    match stage.kind {
        UpdateStageKind::Set => stage::add_fields(spec, "$set", ctx),
        UpdateStageKind::Unset => stage::unset(spec),
        UpdateStageKind::Project => stage::project(spec, ctx),
        UpdateStageKind::ReplaceWith => stage::replace_with(spec, ctx),
    }
}

/// The document that an upsert starts from: what the filter's equalities say of it.
pub fn upsert_base(filter: &Filter) -> Result<DocBuf> {
    update::base_document(filter)
}
