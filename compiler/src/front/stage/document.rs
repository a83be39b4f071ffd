//! Pipeline stages that make one document of one document; update pipelines consist of nothing else.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use crate::front::context::ParseContext;
use crate::front::{expr, projection};
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
    expr::parse_folded(spec, ctx).map(DocumentStage::ReplaceRoot)
}

/// A value as error messages show it.
pub(super) fn shown(value: Value<'_>) -> String {
    smongo_vm::value::extjson::to_string_shell(value)
}
