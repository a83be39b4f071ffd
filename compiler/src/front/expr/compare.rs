//! `$eq $ne $gt $gte $lt $lte $cmp`: two values of any types, compared in BSON's total order.

use smongo_vm::Result;
use smongo_vm::value::Value;

use super::{parse_exactly, unrecognized};
use crate::front::context::ParseContext;
use crate::ir::{CompareOp, Expr};

/// Any of the comparisons.
pub(super) fn parse(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let op = match operator {
        "$eq" => CompareOp::Eq,
        "$ne" => CompareOp::Ne,
        "$gt" => CompareOp::Gt,
        "$gte" => CompareOp::Gte,
        "$lt" => CompareOp::Lt,
        "$lte" => CompareOp::Lte,
        "$cmp" => CompareOp::Cmp,
        other => return Err(unrecognized(other)),
    };
    let [left, right] = parse_exactly(operator, value, ctx)?;
    Ok(Expr::Compare(op, Box::new(left), Box::new(right)))
}
