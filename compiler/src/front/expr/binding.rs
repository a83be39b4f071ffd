//! Operators that bind variables: `$let`, `$map`, `$filter` and `$reduce`.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::{named, parse};
use crate::front::context::{ParseContext, check_writable_name};
use crate::ir::{Expr, Variable};

/// `$let: {vars: {name: expression, …}, in: expression}`; the bindings do not see each other.
pub(super) fn parse_let(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let doc = named::document(value, 16874, || "$let only supports an object as its argument".to_owned())?;
    let [vars, body] = named::arguments(doc, ["vars", "in"], |name| unknown_parameter(16875, "$let", name))?;
    let vars = named::required(vars, 16876, || "Missing 'vars' parameter to $let".to_owned())?;
    let body = named::required(body, 16877, || "Missing 'in' parameter to $let".to_owned())?;
    // An array counts as a document here; its positions are not names a variable may have.
    let vars = vars.as_container().ok_or_else(|| {
        Error::location(10065, format!("invalid parameter: expected an object (vars), found {}", vars.tag().name()))
    })?;
    let mut named = Vec::new();
    for element in vars {
        check_writable_name(element.name_str())?;
        named.push((element.name_str(), ctx.fresh_variable(), parse(element.value(), ctx)?));
    }
    let body = ctx.scoped(|ctx| {
        for (name, variable, _) in &named {
            ctx.bind(name, Expr::Variable(*variable));
        }
        parse(body, ctx)
    })?;
    let bindings = named.into_iter().map(|(_, variable, value)| (variable, value)).collect();
    Ok(Expr::Let { bindings, body: Box::new(body) })
}

/// `$map: {input, as, arrayIndexAs, in}`.
pub(super) fn parse_map(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let doc = named::document(value, 16878, || "$map only supports an object as its argument".to_owned())?;
    let [input, element, index, body] =
        named::arguments(doc, ["input", "as", "arrayIndexAs", "in"], |name| unknown_parameter(16879, "$map", name))?;
    let input = named::required(input, 16880, || "Missing 'input' parameter to $map".to_owned())?;
    let body = named::required(body, 16882, || "Missing 'in' parameter to $map".to_owned())?;
    let input = Box::new(parse(input, ctx)?);
    ctx.scoped(|ctx| {
        let element = bind_element(element, ctx)?;
        let index = bind_index(index, ctx)?;
        Ok(Expr::Map { input, element, index, body: Box::new(parse(body, ctx)?) })
    })
}

/// `$filter: {input, as, arrayIndexAs, cond, limit}`; the limit is evaluated outside of the binding.
pub(super) fn parse_filter(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let doc = named::document(value, 28646, || "$filter only supports an object as its argument".to_owned())?;
    let names = ["input", "as", "arrayIndexAs", "cond", "limit"];
    let [input, element, index, condition, limit] =
        named::arguments(doc, names, |name| unknown_parameter(28647, "$filter", name))?;
    let input = named::required(input, 28648, || "Missing 'input' parameter to $filter".to_owned())?;
    let condition = named::required(condition, 28650, || "Missing 'cond' parameter to $filter".to_owned())?;
    let input = Box::new(parse(input, ctx)?);
    let limit = limit.map(|limit| parse(limit, ctx)).transpose()?.map(Box::new);
    ctx.scoped(|ctx| {
        let element = bind_element(element, ctx)?;
        let index = bind_index(index, ctx)?;
        Ok(Expr::Filter { input, element, index, condition: Box::new(parse(condition, ctx)?), limit })
    })
}

/// `$reduce: {input, initialValue, arrayIndexAs, in}`, with `$$value` and `$$this` bound in `in`.
pub(super) fn parse_reduce(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let doc = named::document(value, 40075, || {
        format!("$reduce requires an object as an argument, found: {}", value.tag().name())
    })?;
    let names = ["input", "initialValue", "as", "valueAs", "arrayIndexAs", "in"];
    let [input, initial, element, accumulator, index, body] = named::arguments(doc, names, |name| {
        Error::location(40076, format!("$reduce found an unknown argument: {name}"))
    })?;
    let required =
        |argument, code, name| named::required(argument, code, || format!("$reduce requires '{name}' to be specified"));
    let input = required(input, 40077, "input")?;
    let initial = required(initial, 40078, "initialValue")?;
    let body = required(body, 40079, "in")?;
    let input = Box::new(parse(input, ctx)?);
    let initial = Box::new(parse(initial, ctx)?);
    ctx.scoped(|ctx| {
        let element = bind_element(element, ctx)?;
        let accumulator = bind(accumulator, "value", ctx)?;
        let index = bind_index(index, ctx)?;
        Ok(Expr::Reduce { input, initial, accumulator, element, index, body: Box::new(parse(body, ctx)?) })
    })
}

fn bind_element(name: Option<Value<'_>>, ctx: &mut ParseContext) -> Result<Variable> {
    bind(name, "this", ctx)
}

/// Binds the name that the request gives, or the usual one. A name that is not a string counts as empty.
fn bind(name: Option<Value<'_>>, usual: &str, ctx: &mut ParseContext) -> Result<Variable> {
    let name = name.map_or(usual, |name| name.as_str().unwrap_or_default());
    check_writable_name(name)?;
    let variable = ctx.fresh_variable();
    ctx.bind(name, Expr::Variable(variable));
    Ok(variable)
}

fn bind_index(name: Option<Value<'_>>, ctx: &mut ParseContext) -> Result<Option<Variable>> {
    name.map(|name| bind(Some(name), "", ctx)).transpose()
}

fn unknown_parameter(code: i32, operator: &str, name: &str) -> Error {
    Error::location(code, format!("Unrecognized parameter to {operator}: {name}"))
}
