//! `$bucket`: documents grouped by where a value lies among boundaries. It is a group whose key is a choice, in order.

use smongo_vm::program::Direction;
use smongo_vm::value::{DocBuf, FieldPath, OwnedValue, RawDoc, Value, canonical_type, compare, extjson};
use smongo_vm::{Error, Result};

use super::Scope;
use crate::front::context::ParseContext;
use crate::front::{acc, expr};
use crate::ir::group::Group;
use crate::ir::{CompareOp, Expr, Sort, Stage};
use crate::rewrite::fold::fold;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(spec) = spec.as_doc() else {
        let found = spec.tag().name();
        let message = format!("Argument to $bucket stage must be an object, but found type: {found}.");
        return Err(Error::location(40201, message));
    };
    let (mut key, mut boundaries, mut default, mut fields) = (None, None, None, None);
    for option in spec {
        let value = option.value();
        match option.name_str() {
            "groupBy" => key = Some(grouped_by(value, scope.ctx)?),
            "boundaries" => boundaries = Some(parse_boundaries(value, scope.ctx)?),
            "default" => {
                default = Some(constant(value, scope.ctx)?.ok_or_else(|| {
                    let found = extjson::to_string_shell(value);
                    let message =
                        format!("The $bucket 'default' field must be a constant expression, but found: {found}.");
                    Error::location(40195, message)
                })?);
            }
            "output" => {
                let output = value.as_doc().ok_or_else(|| {
                    let found = value.tag().name();
                    let message = format!("The $bucket 'output' field must be an object, but found type: {found}.");
                    Error::location(40196, message)
                })?;
                fields = Some(parse_output(output, scope.ctx)?);
            }
            other => return Err(Error::location(40197, format!("Unrecognized option to $bucket: {other}."))),
        }
    }
    let (Some(key), Some(boundaries)) = (key, boundaries) else {
        return Err(Error::location(40198, "$bucket requires 'groupBy' and 'boundaries' to be specified."));
    };
    check_default(default.as_ref(), &boundaries)?;
    let fields = match fields {
        Some(fields) => fields,
        None => acc::output(None, scope.ctx)?,
    };
    let key = choice(key, &boundaries, default, scope.ctx);
    let sort = Sort { parts: vec![(FieldPath::new("_id"), Direction::Ascending)] };
    let source = DocBuf::build(|doc| doc.value("_id", Value::int32(1)));
    Ok(vec![Stage::Group(Box::new(Group { key, fields })), Stage::Sort { sort, source }])
}

fn parse_output(output: &RawDoc, ctx: &mut ParseContext) -> Result<Vec<crate::ir::group::GroupField>> {
    if output.get("_id").is_some() {
        return Err(Error::location(15948, "a group's _id may only be specified once"));
    }
    acc::output(Some(output), ctx)
}

/// Whether a value is a path or an operator, which is what documents may be grouped by.
pub(super) fn is_path_or_operator(value: Value<'_>) -> bool {
    match value.as_doc() {
        Some(doc) => doc.iter().next().is_some_and(|first| first.name().starts_with(b"$")),
        None => value.as_str_bytes().is_some_and(|text| text.starts_with(b"$")),
    }
}

fn grouped_by(value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    if !is_path_or_operator(value) {
        let found = extjson::to_string_shell(value);
        let message = format!(
            "The $bucket 'groupBy' field must be defined as a $-prefixed path or an expression, but found: {found}."
        );
        return Err(Error::location(40202, message));
    }
    fold(expr::parse(value, ctx)?)
}

/// The value of an expression that depends on nothing.
fn constant(value: Value<'_>, ctx: &mut ParseContext) -> Result<Option<OwnedValue>> {
    Ok(match fold(expr::parse(value, ctx)?)? {
        Expr::Const(value) => Some(value),
        _ => None,
    })
}

fn parse_boundaries(value: Value<'_>, ctx: &mut ParseContext) -> Result<Vec<OwnedValue>> {
    let Some(array) = value.as_array() else {
        let found = value.tag().name();
        let message = format!("The $bucket 'boundaries' field must be an array, but found type: {found}.");
        return Err(Error::location(40200, message));
    };
    let mut boundaries = Vec::new();
    for value in array.values() {
        boundaries.push(constant(value, ctx)?.ok_or_else(|| {
            let found = extjson::to_string_shell(value);
            let message = format!(
                "The $bucket 'boundaries' field must be an array of constant values, but found value: {found}."
            );
            Error::location(40191, message)
        })?);
    }
    if boundaries.len() < 2 {
        let count = boundaries.len();
        let message =
            format!("The $bucket 'boundaries' field must have at least 2 values, but found {count} value(s).");
        return Err(Error::location(40192, message));
    }
    for (at, pair) in boundaries.windows(2).enumerate() {
        let (lower, upper) = (pair[0].get(), pair[1].get());
        if canonical_type(lower.tag()) != canonical_type(upper.tag()) {
            let (lower, upper) = (lower.tag().name(), upper.tag().name());
            let message = format!(
                "All values in the the 'boundaries' option to $bucket must have the same type. Found conflicting \
                 types {lower} and {upper}."
            );
            return Err(Error::location(40193, message));
        }
        if compare(lower, upper).is_ge() {
            let (lower, upper) = (extjson::to_string_shell(lower), extjson::to_string_shell(upper));
            let next = at + 1;
            let message = format!(
                "The 'boundaries' option to $bucket must be sorted, but elements {at} and {next} are not in ascending \
                 order ({lower} is not less than {upper})."
            );
            return Err(Error::location(40194, message));
        }
    }
    Ok(boundaries)
}

/// The default stands for what lies outside of the boundaries, so it must not lie inside.
fn check_default(default: Option<&OwnedValue>, boundaries: &[OwnedValue]) -> Result<()> {
    let (Some(default), [lowest, .., highest]) = (default, boundaries) else { return Ok(()) };
    if compare(default.get(), lowest.get()).is_ge() && compare(default.get(), highest.get()).is_lt() {
        let message = "The $bucket 'default' field must be less than the lowest boundary or greater than or equal to \
                       the highest boundary.";
        return Err(Error::location(40199, message));
    }
    Ok(())
}

/// The greatest boundary that is not greater than the key, which is computed once.
fn choice(key: Expr, boundaries: &[OwnedValue], default: Option<OwnedValue>, ctx: &mut ParseContext) -> Expr {
    let variable = ctx.fresh_variable();
    let compared = |op, bound: &OwnedValue| {
        Expr::Compare(op, Box::new(Expr::Variable(variable)), Box::new(Expr::Const(bound.clone())))
    };
    let branches = boundaries.windows(2).map(|pair| {
        let inside = Expr::And(vec![compared(CompareOp::Gte, &pair[0]), compared(CompareOp::Lt, &pair[1])]);
        (inside, Expr::Const(pair[0].clone()))
    });
    let default = default.map(|default| Box::new(Expr::Const(default)));
    let body = Box::new(Expr::Switch { branches: branches.collect(), default });
    Expr::Let { bindings: vec![(variable, key)], body }
}
