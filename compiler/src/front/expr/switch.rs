//! `$switch`: the value of the first branch whose case is true.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::named;
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// `{branches: [{case, then}, …], default}`.
pub(super) fn parse(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let doc = named::document(value, 40060, || {
        format!("$switch requires an object as an argument, found: {}", value.tag().name())
    })?;
    let mut branches = Vec::new();
    let mut default = None;
    for element in doc {
        match element.name_str() {
            "branches" => branches = parse_branches(element.value(), ctx)?,
            "default" => default = Some(Box::new(super::parse(element.value(), ctx)?)),
            name => return Err(Error::location(40067, format!("$switch found an unknown argument: {name}"))),
        }
    }
    if branches.is_empty() {
        return Err(Error::location(40068, "$switch requires at least one branch"));
    }
    Ok(Expr::Switch { branches, default })
}

fn parse_branches(value: Value<'_>, ctx: &mut ParseContext) -> Result<Vec<(Expr, Expr)>> {
    let Some(array) = value.as_array() else {
        let message = format!("$switch expected an array for 'branches', found: {}", value.tag().name());
        return Err(Error::location(40061, message));
    };
    array.values().map(|branch| parse_branch(branch, ctx)).collect()
}

fn parse_branch(value: Value<'_>, ctx: &mut ParseContext) -> Result<(Expr, Expr)> {
    let doc = named::document(value, 40062, || {
        format!("$switch expected each branch to be an object, found: {}", value.tag().name())
    })?;
    let [case, then] = named::arguments(doc, ["case", "then"], |name| {
        Error::location(40063, format!("$switch found an unknown argument to a branch: {name}"))
    })?;
    let mut part = |argument, name, code| {
        let value =
            named::required(argument, code, || format!("$switch requires each branch have a '{name}' expression"))?;
        super::parse(value, ctx)
    };
    Ok((part(case, "case", 40064)?, part(then, "then", 40065)?))
}
