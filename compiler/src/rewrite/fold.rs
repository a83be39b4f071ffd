//! Constant folding: parts of an expression that depend on nothing are evaluated once, when the request is compiled.
//!
//! A part that always runs and fails on its constants fails the request at once, as it does in mongod even when no
//! document is there to run it on. A part that may never run, like a branch of `$cond`, is left to fail when it does.

use bumpalo::Bump;
use smongo_vm::Result;
use smongo_vm::env::Env;
use smongo_vm::func::truth::is_true;
use smongo_vm::func::{Context, Function};
use smongo_vm::value::{DocBuf, OwnedValue, Value, compare, expr_path};

use crate::ir::{CompareOp, Expr};

/// The expression with its constant parts evaluated.
pub fn fold(expr: Expr) -> Result<Expr> {
    let fold_box = |expr: Box<Expr>| fold(*expr).map(Box::new);
    Ok(match expr {
        Expr::Const(_) | Expr::Root | Expr::Field(_) | Expr::Variable(_) | Expr::Env(_) | Expr::Absent => expr,
        Expr::Walk(from, path) => match fold(*from)? {
            Expr::Const(value) => Expr::Const(expr_path(value.get(), path.components(), &Bump::new()).into()),
            from => Expr::Walk(Box::new(from), path),
        },
        Expr::Call { function, args, on_error } => fold_call(function, fold_all(args)?, on_error)?,
        Expr::Compare(op, left, right) => fold_comparison(op, fold(*left)?, fold(*right)?),
        Expr::And(parts) => fold_until(parts, false, Expr::And)?,
        Expr::Or(parts) => fold_until(parts, true, Expr::Or)?,
        Expr::Not(part) => match fold(*part)? {
            Expr::Const(value) => constant(Value::bool(!is_true(value.get()))),
            part => Expr::Not(Box::new(part)),
        },
        Expr::Cond { condition, then, otherwise } => match fold(*condition)? {
            Expr::Const(value) if is_true(value.get()) => fold(*then)?,
            Expr::Const(_) => fold(*otherwise)?,
            condition => Expr::Cond {
                condition: Box::new(condition),
                then: Box::new(maybe(*then)),
                otherwise: Box::new(maybe(*otherwise)),
            },
        },
        Expr::Switch { branches, default } => Expr::Switch {
            branches: branches.into_iter().map(|(case, then)| (maybe(case), maybe(then))).collect(),
            default: default.map(|default| Box::new(maybe(*default))),
        },
        Expr::IfNull(parts) => fold_if_null(parts)?,
        Expr::Let { bindings, body } => {
            let fold_binding = |(variable, value)| fold(value).map(|value| (variable, value));
            let bindings = bindings.into_iter().map(fold_binding).collect::<Result<_>>()?;
            Expr::Let { bindings, body: fold_box(body)? }
        }
        Expr::Map { input, element, index, body } => {
            Expr::Map { input: fold_box(input)?, element, index, body: Box::new(maybe(*body)) }
        }
        Expr::Filter { input, element, index, condition, limit } => Expr::Filter {
            input: fold_box(input)?,
            element,
            index,
            condition: Box::new(maybe(*condition)),
            limit: limit.map(|limit| Box::new(maybe(*limit))),
        },
        Expr::Reduce { input, initial, accumulator, element, index, body } => Expr::Reduce {
            input: fold_box(input)?,
            initial: fold_box(initial)?,
            accumulator,
            element,
            index,
            body: Box::new(maybe(*body)),
        },
        Expr::Document(fields) => {
            let fold_field = |(name, value)| fold(value).map(|value| (name, value));
            fold_document(fields.into_iter().map(fold_field).collect::<Result<_>>()?)
        }
        Expr::Array(parts) => fold_array(fold_all(parts)?),
    })
}

/// A part that may never run: folded where it can be, and otherwise left as it is.
fn maybe(expr: Expr) -> Expr {
    fold(expr.clone()).unwrap_or(expr)
}

fn fold_all(exprs: Vec<Expr>) -> Result<Vec<Expr>> {
    exprs.into_iter().map(fold).collect()
}

fn constant(value: Value<'_>) -> Expr {
    Expr::Const(value.into())
}

/// The values, when all expressions are constants.
fn constants<'e>(exprs: impl IntoIterator<Item = &'e Expr>) -> Option<Vec<&'e OwnedValue>> {
    exprs.into_iter().map(|expr| if let Expr::Const(value) = expr { Some(value) } else { None }).collect()
}

fn fold_call(function: &'static Function, args: Vec<Expr>, on_error: Option<Box<Expr>>) -> Result<Expr> {
    let on_error = on_error.map(|handler| Box::new(maybe(*handler)));
    // A missing argument is null to some functions; the code that calls them knows which.
    let known =
        |arg: &Expr| matches!(arg, Expr::Absent) || matches!(arg, Expr::Const(value) if !value.get().is_nothing());
    if !function.pure || !args.iter().all(known) {
        return Ok(Expr::Call { function, args, on_error });
    }
    let result = {
        let values: Vec<Value<'_>> =
            args.iter().map(|arg| if let Expr::Const(value) = arg { value.get() } else { Value::NOTHING }).collect();
        let (arena, env) = (Bump::new(), Env::fixed());
        (function.eval)(&mut Context { arena: &arena, env: &env, strings: None }, &values).map(OwnedValue::new)
    };
    match (result, on_error) {
        // What it comes to is for the collation to say, which folding does not know.
        (Ok(_), on_error) if compares_values(function) => Ok(Expr::Call { function, args, on_error }),
        (Ok(value), _) => Ok(Expr::Const(value)),
        (Err(_), Some(handler)) => Ok(Expr::Call { function, args, on_error: Some(handler) }),
        (Err(error), None) => Err(error),
    }
}

/// Whether a function compares values, so that a collation has a say in its answer.
fn compares_values(function: &Function) -> bool {
    const COMPARING: &[&str] = &[
        "$bottom",
        "$bottomN",
        "$in",
        "$indexOfArray",
        "$max",
        "$maxN",
        "$min",
        "$minN",
        "$setDifference",
        "$setEquals",
        "$setIntersection",
        "$setIsSubset",
        "$setUnion",
        "$sortArray",
        "$top",
        "$topN",
    ];
    COMPARING.contains(&function.name)
}

/// Strings and what may hold them are left to run time, where the request's collation is known.
fn fold_comparison(op: CompareOp, left: Expr, right: Expr) -> Expr {
    let scalar = |expr: &Expr| match expr {
        Expr::Const(value) => {
            let value = value.get();
            value.is_nullish() || value.is_number() || value.as_bool().is_some() || value.as_date_millis().is_some()
        }
        _ => false,
    };
    let (Expr::Const(a), Expr::Const(b)) = (&left, &right) else {
        return Expr::Compare(op, Box::new(left), Box::new(right));
    };
    if !(scalar(&left) && scalar(&right)) {
        return Expr::Compare(op, Box::new(left), Box::new(right));
    }
    let order = compare(a.get(), b.get());
    constant(match op {
        CompareOp::Eq => Value::bool(order.is_eq()),
        CompareOp::Ne => Value::bool(order.is_ne()),
        CompareOp::Lt => Value::bool(order.is_lt()),
        CompareOp::Lte => Value::bool(order.is_le()),
        CompareOp::Gt => Value::bool(order.is_gt()),
        CompareOp::Gte => Value::bool(order.is_ge()),
        CompareOp::Cmp => Value::int32(order as i32),
    })
}

/// `$and` and `$or`: constants up to the first that decides are dropped, the rest may never run.
fn fold_until(parts: Vec<Expr>, decisive: bool, rebuild: fn(Vec<Expr>) -> Expr) -> Result<Expr> {
    let mut kept = Vec::new();
    for part in parts {
        let part = if kept.is_empty() { fold(part)? } else { maybe(part) };
        match &part {
            Expr::Const(value) if is_true(value.get()) != decisive => {}
            Expr::Const(_) if kept.is_empty() => return Ok(constant(Value::bool(decisive))),
            _ => kept.push(part),
        }
    }
    Ok(if kept.is_empty() { constant(Value::bool(!decisive)) } else { rebuild(kept) })
}

/// `$ifNull`: constants that are null are dropped before the last, and nothing runs after one that is not.
fn fold_if_null(parts: Vec<Expr>) -> Result<Expr> {
    let last = parts.len().saturating_sub(1);
    let mut kept = Vec::new();
    for (at, part) in parts.into_iter().enumerate() {
        let part = if kept.is_empty() { fold(part)? } else { maybe(part) };
        match &part {
            Expr::Const(value) if value.get().is_nullish() && at < last => {}
            Expr::Const(_) if kept.is_empty() => return Ok(part),
            _ => kept.push(part),
        }
    }
    Ok(match kept.len() {
        1 => kept.remove(0),
        _ => Expr::IfNull(kept),
    })
}

fn fold_document(fields: Vec<(String, Expr)>) -> Expr {
    let Some(values) = constants(fields.iter().map(|(_, value)| value)) else { return Expr::Document(fields) };
    let doc = DocBuf::build(|doc| {
        fields.iter().zip(values).for_each(|((name, _), value)| doc.value(name, value.get()));
    });
    constant(Value::document(&doc))
}

fn fold_array(parts: Vec<Expr>) -> Expr {
    let Some(values) = constants(&parts) else { return Expr::Array(parts) };
    let doc = DocBuf::build(|doc| {
        doc.array("", |array| values.iter().for_each(|value| array.value(value.get())));
    });
    doc.get("").map_or_else(|| Expr::Array(Vec::new()), constant)
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::DocWriter;

    use super::*;
    use crate::front::context::ParseContext;
    use crate::front::expr;

    fn folded(fill: impl FnOnce(&mut DocWriter<'_, Vec<u8>>)) -> Result<Expr> {
        let doc = DocBuf::build(fill);
        fold(expr::parse(Value::document(&doc), &mut ParseContext::new())?)
    }

    #[test]
    fn constants_become_one() {
        let sum = folded(|d| {
            d.array("$add", |a| {
                a.value(Value::int32(1));
                a.document(|d| d.value("$abs", Value::int32(-2)));
            });
        });
        assert!(matches!(sum, Ok(Expr::Const(value)) if value.get().as_integer() == Some(3)));
    }

    #[test]
    fn a_part_that_always_runs_fails_at_once() {
        let divide = |d: &mut DocWriter<'_, Vec<u8>>| {
            d.array("$divide", |a| {
                a.value(Value::int32(1));
                a.value(Value::int32(0));
            });
        };
        assert_eq!(folded(divide).map_err(|error| error.code().0).err(), Some(2));
        let branch = folded(|d| {
            d.array("$cond", |a| {
                a.value(Value::string("$x"));
                a.document(divide);
                a.value(Value::NULL);
            });
        });
        assert!(matches!(branch, Ok(Expr::Cond { .. })));
    }
}
