//! Document and array literals, `$literal` (also `$const`) and `$expr`.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::path::check_field_name;
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// `{name: expression, …}`: a document of values; a missing value leaves its field out.
pub(super) fn document(doc: &RawDoc, ctx: &mut ParseContext) -> Result<Expr> {
    let mut fields: Vec<(String, Expr)> = Vec::new();
    for element in doc {
        let name = element.name_str();
        check_field_name(name)?;
        if fields.iter().any(|(earlier, _)| earlier == name) {
            let message = format!("duplicate field name specified in object literal: {name}");
            return Err(Error::location(16406, message));
        }
        fields.push((name.to_owned(), super::parse(element.value(), ctx)?));
    }
    Ok(Expr::Document(fields))
}

/// `[expression, …]`: an array of values; a missing value becomes null.
pub(super) fn array(array: &RawDoc, ctx: &mut ParseContext) -> Result<Expr> {
    array.values().map(|value| super::parse(value, ctx)).collect::<Result<_>>().map(Expr::Array)
}

/// `{$literal: value}`: the value as it stands, dollar signs and all.
pub(super) fn constant(_operator: &str, value: Value<'_>, _ctx: &mut ParseContext) -> Result<Expr> {
    Ok(Expr::Const(value.into()))
}

/// `{$expr: expression}`: the expression.
pub(super) fn expr(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    super::parse(value, ctx)
}
