//! `$cond`: `[if, then, else]` or a document with those names; only the chosen branch is evaluated.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::{named, parse_exactly};
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// Either form.
pub(super) fn parse(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let [condition, then, otherwise] = match value.as_doc() {
        None => parse_exactly(operator, value, ctx)?,
        Some(doc) => {
            let [condition, then, otherwise] = named::arguments(doc, ["if", "then", "else"], |name| {
                Error::location(17083, format!("Unrecognized parameter to $cond: {name}"))
            })?;
            let mut part = |argument, name, code| {
                let value = named::required(argument, code, || format!("Missing '{name}' parameter to $cond"))?;
                super::parse(value, ctx)
            };
            [part(condition, "if", 17080)?, part(then, "then", 17081)?, part(otherwise, "else", 17082)?]
        }
    };
    Ok(Expr::Cond { condition: Box::new(condition), then: Box::new(then), otherwise: Box::new(otherwise) })
}
