//! `$getField`, `$setField` and `$unsetField`: fields whose names may hold dots and dollar signs.

use smongo_vm::value::{OwnedValue, RawDoc, Tag, Value};
use smongo_vm::{Error, Result};

use super::call::{begins_with_operator, call_named};
use super::{named, parse};
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// `$getField: name`, read from the current document, or `{field: name, input: document}`.
pub(super) fn get(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let named_form = value.as_doc().filter(|doc| !begins_with_operator(doc));
    let Some(doc) = named_form else {
        let name = parse(value, ctx)?;
        return call_named(operator, vec![name, ctx.lookup("CURRENT")?.clone()]);
    };
    let [field, input] = named::arguments(doc, ["field", "input"], |name| {
        Error::location(3041701, format!("$getField found an unknown argument: {name}"))
    })?;
    let field = named::required(field, 3041702, || "$getField requires 'field' to be specified".to_owned())?;
    let input = named::required(input, 3041703, || "$getField requires 'input' to be specified".to_owned())?;
    call_named(operator, vec![parse(field, ctx)?, parse(input, ctx)?])
}

/// `$setField: {field, input, value}`.
pub(super) fn set(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let doc = argument(operator, value)?;
    let [field, input, value] =
        named::arguments(doc, ["field", "input", "value"], |name| unknown_argument(operator, name))?;
    let field = required(operator, field, 4161102, "field")?;
    let value = required(operator, value, 4161103, "value")?;
    let input = required(operator, input, 4161109, "input")?;
    let (field, input, value) = (parse(field, ctx)?, parse(input, ctx)?, parse(value, ctx)?);
    call_named("$setField", vec![constant_name(operator, field)?, input, value])
}

/// `$unsetField: {field, input}`: `$setField` with a missing value.
pub(super) fn unset(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let doc = argument(operator, value)?;
    let [field, input] = named::arguments(doc, ["field", "input"], |name| unknown_argument(operator, name))?;
    let field = required(operator, field, 4161102, "field")?;
    let input = required(operator, input, 4161109, "input")?;
    let (field, input) = (parse(field, ctx)?, parse(input, ctx)?);
    call_named("$setField", vec![constant_name(operator, field)?, input, Expr::Const(OwnedValue::NOTHING)])
}

fn argument<'d>(operator: &str, value: Value<'d>) -> Result<&'d RawDoc> {
    named::document(value, 4161100, || {
        format!("{operator} only supports an object as its argument, found {}", value.tag().name())
    })
}

fn unknown_argument(operator: &str, name: &str) -> Error {
    Error::location(4161101, format!("{operator} found an unknown argument: {name}"))
}

fn required<'d>(operator: &str, argument: Option<Value<'d>>, code: i32, name: &str) -> Result<Value<'d>> {
    named::required(argument, code, || format!("{operator} requires '{name}' to be specified"))
}

/// The name of a field that is written: known when the request is parsed, and a string.
fn constant_name(operator: &str, expr: Expr) -> Result<Expr> {
    let not_constant = |code, what: &str| {
        Err(Error::location(code, format!("{operator} requires 'field' to evaluate to a constant, but got {what}")))
    };
    match expr {
        Expr::Const(constant) if constant.get().as_str_bytes().is_some_and(|name| name.contains(&0)) => {
            Err(Error::location(16411, "FieldPath field names may not contain '\\0'."))
        }
        Expr::Const(constant) if constant.get().tag() == Tag::String => Ok(Expr::Const(constant)),
        Expr::Const(constant) => {
            let found = constant.get().tag().name();
            let message = format!("{operator} requires 'field' to evaluate to type String, but got {found}");
            Err(Error::location(4161107, message))
        }
        Expr::Document(fields) if fields.is_empty() => {
            let message = format!("{operator} requires 'field' to evaluate to type String, but got object");
            Err(Error::location(4161107, message))
        }
        Expr::Field(path) => not_constant(4161108, &format!("the path '{}'", path)),
        Expr::Root | Expr::Variable(_) | Expr::Walk(..) | Expr::Env(_) => not_constant(4161108, "a variable"),
        _ => not_constant(4161106, "an expression"),
    }
}
