//! `$and`, `$or` and `$not`: truth of values, where only false, zero, null and missing are not true.

use smongo_vm::Result;
use smongo_vm::value::Value;

use super::{parse_arguments, parse_exactly};
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// `$and`: stops at the first argument that is not true; of nothing it is true.
pub(super) fn and(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    parse_arguments(value, ctx).map(Expr::And)
}

/// `$or`: stops at the first argument that is true; of nothing it is false.
pub(super) fn or(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    parse_arguments(value, ctx).map(Expr::Or)
}

/// `$not`: exactly one argument.
pub(super) fn not(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let [argument] = parse_exactly(operator, value, ctx)?;
    Ok(Expr::Not(Box::new(argument)))
}
