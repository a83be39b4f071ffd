//! Pipeline stages that make one document of one document; update pipelines consist of nothing else.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::context::ParseContext;
use super::{expr, projection};
use crate::ir::DocumentStage;

/// Parses `$project`.
pub fn project(spec: Value<'_>, ctx: &mut ParseContext) -> Result<DocumentStage> {
    let spec = spec.as_doc().ok_or_else(|| Error::location(15969, "$project specification must be an object"))?;
    projection::parse_project(spec, ctx).map(DocumentStage::Project)
}

/// Parses `$set` or `$addFields`; `name` is the one the request used.
pub fn add_fields(spec: Value<'_>, name: &str, ctx: &mut ParseContext) -> Result<DocumentStage> {
    let spec = spec.as_doc().ok_or_else(|| {
        Error::location(40272, format!("{name} specification stage must be an object, got {}", spec.tag().name()))
    })?;
    projection::parse_add_fields(spec, name, ctx).map(DocumentStage::Project)
}

/// Parses `$unset`.
pub fn unset(spec: Value<'_>) -> Result<DocumentStage> {
    projection::parse_unset(spec).map(DocumentStage::Project)
}

/// Parses `$replaceWith`, or the `newRoot` of `$replaceRoot`.
pub fn replace_with(spec: Value<'_>, ctx: &mut ParseContext) -> Result<DocumentStage> {
    expr::parse(spec, ctx).map(DocumentStage::ReplaceRoot)
}
