//! Calls of functions: positional and named arguments checked against the function's row.

use smongo_vm::func::{Args, Fault, Function, Param, Role};
use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::{parse_arguments, unrecognized};
use crate::front::context::ParseContext;
use crate::ir::{CompareOp, Expr};

/// Parses the argument of a function of the table.
pub(super) fn parse(function: &'static Function, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let operator = function.name;
    match function.args {
        Args::Exactly(count) => {
            let args = parse_arguments(value, ctx)?;
            if args.len() == count { Ok(call(function, args)) } else { Err(wrong_count(operator, count, args.len())) }
        }
        Args::Between(least, most) => {
            let args = parse_arguments(value, ctx)?;
            if (least..=most).contains(&args.len()) {
                return Ok(call(function, args));
            }
            let message = format!(
                "Expression {operator} takes at least {least} arguments, and at most {most}, but {} were passed in.",
                args.len()
            );
            Err(Error::location(28667, message))
        }
        Args::Any => Ok(call(function, parse_arguments(value, ctx)?)),
        Args::One(fault) => Ok(call(function, vec![parse_one(operator, value, fault, ctx)?])),
        Args::Named { params, not_a_document, unknown } => match value.as_doc() {
            Some(doc) => parse_named(function, params, doc, unknown, ctx),
            None => Err(error(not_a_document, operator, "", value, 1)),
        },
        Args::PlainOrNamed { params, count, unknown } => match value.as_doc() {
            Some(doc) if !begins_with_operator(doc) => parse_named(function, params, doc, unknown, ctx),
            _ => {
                let mut args = vec![Expr::Absent; handed_over(params).count().max(1)];
                args[0] = parse_one(operator, value, count, ctx)?;
                Ok(call(function, args))
            }
        },
    }
}

/// Whether the first field of a document is an operator, so that the document is an expression of its own.
pub(super) fn begins_with_operator(doc: &RawDoc) -> bool {
    doc.iter().next().is_some_and(|first| first.name().starts_with(b"$"))
}

/// A call where nothing is handled outside of the function.
fn call(function: &'static Function, args: Vec<Expr>) -> Expr {
    Expr::Call { function, args, on_error: None }
}

/// A call of the function behind an operator whose arguments were parsed specially.
pub(in crate::front) fn call_named(operator: &str, args: Vec<Expr>) -> Result<Expr> {
    match smongo_vm::func::find(operator) {
        Some(function) => Ok(call(function, args)),
        None => Err(unrecognized(operator)),
    }
}

/// The error for an operator that takes a fixed number of arguments.
pub(super) fn wrong_count(operator: &str, count: usize, given: usize) -> Error {
    let message = format!("Expression {operator} takes exactly {count} arguments. {given} were passed in.");
    Error::location(16020, message)
}

/// One operand, alone or in an array of one.
fn parse_one(operator: &str, value: Value<'_>, fault: Fault, ctx: &mut ParseContext) -> Result<Expr> {
    let mut args = parse_arguments(value, ctx)?;
    match (args.len(), args.pop()) {
        (1, Some(arg)) => Ok(arg),
        (given, _) => Err(error(fault, operator, "", value, given)),
    }
}

fn parse_named(
    function: &'static Function,
    params: &[Param],
    doc: &RawDoc,
    unknown: Fault,
    ctx: &mut ParseContext,
) -> Result<Expr> {
    let operator = function.name;
    let mut given: Vec<Option<Value<'_>>> = vec![None; params.len()];
    for element in doc {
        let name = element.name_str();
        match params.iter().position(|param| param.name == name) {
            Some(at) => given[at] = Some(element.value()),
            None => return Err(error(unknown, operator, name, element.value(), 1)),
        }
    }
    for (param, value) in params.iter().zip(&given) {
        if let (Some(missing), None) = (param.required, value) {
            return Err(error(missing, operator, param.name, Value::NOTHING, 0));
        }
    }
    let mut args = Vec::with_capacity(params.len());
    let (mut on_null, mut on_error) = (None, None);
    for (param, value) in params.iter().zip(given) {
        let arg = value.map(|value| super::parse(value, ctx)).transpose()?;
        match param.role {
            Role::Argument => args.push(arg.unwrap_or(Expr::Absent)),
            Role::OnNull => on_null = arg,
            Role::OnError => on_error = arg.map(Box::new),
        }
    }
    match on_null {
        Some(on_null) => Ok(unless_null(function, args, on_null, on_error, ctx)),
        None => Ok(Expr::Call { function, args, on_error }),
    }
}

/// The call, or `on_null` when its first argument is null or missing: exactly the values above MinKey and up to null.
fn unless_null(
    function: &'static Function,
    mut args: Vec<Expr>,
    on_null: Expr,
    on_error: Option<Box<Expr>>,
    ctx: &mut ParseContext,
) -> Expr {
    let variable = ctx.fresh_variable();
    let Some(first) = args.first_mut() else {
        return Expr::Call { function, args, on_error };
    };
    let input = std::mem::replace(first, Expr::Variable(variable));
    let compare = |op, bound: Value<'_>| {
        Expr::Compare(op, Box::new(Expr::Variable(variable)), Box::new(Expr::Const(bound.into())))
    };
    let is_null = vec![compare(CompareOp::Gt, Value::MIN_KEY), compare(CompareOp::Lte, Value::NULL)];
    Expr::Let {
        bindings: vec![(variable, input)],
        body: Box::new(Expr::Cond {
            condition: Box::new(Expr::And(is_null)),
            then: Box::new(on_null),
            otherwise: Box::new(Expr::Call { function, args, on_error }),
        }),
    }
}

fn handed_over(params: &[Param]) -> impl Iterator<Item = &Param> {
    params.iter().filter(|param| param.role == Role::Argument)
}

/// The error of a fault, its placeholders filled in.
fn error(fault: Fault, operator: &str, name: &str, value: Value<'_>, count: usize) -> Error {
    let message = fault
        .text
        .replace("{op}", operator)
        .replace("{name}", name)
        .replace("{type}", value.tag().name())
        .replace("{value}", &format!("{value:?}"))
        .replace("{count}", &count.to_string());
    Error::location(fault.code, message)
}
