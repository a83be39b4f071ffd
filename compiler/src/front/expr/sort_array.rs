//! `$sortArray`: an array ordered by whole elements or by their fields.

use smongo_vm::value::{Value, equal};
use smongo_vm::{Error, Result};

use super::call::call_named;
use super::{named, parse};
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// `sortBy`: 1, -1 or `{path: 1 | -1, …}`. It is literal, not an expression.
fn sort_by(value: Value<'_>) -> Result<Expr> {
    match value.as_doc() {
        Some(fields) if !fields.is_empty() && fields.values().all(is_direction) => Ok(Expr::Const(value.into())),
        Some(_) => {
            let message = "$sortArray requires a document of at least one field with 1 or -1 as 'sortBy'";
            Err(Error::location(2942505, message))
        }
        None if is_direction(value) => Ok(Expr::Const(value.into())),
        None if value.is_number() => {
            Err(Error::location(2942506, "$sortArray: sort directions must be 1 (ascending) or -1 (descending)"))
        }
        None => {
            let message = format!("$sortArray: 'sortBy' must be 1, -1 or a document, found {}", value.tag().name());
            Err(Error::location(2942507, message))
        }
    }
}

fn is_direction(value: Value<'_>) -> bool {
    value.is_number() && [1, -1].into_iter().any(|direction| equal(value, Value::int32(direction)))
}

/// `{input: array, sortBy: order}`.
pub(super) fn parse_operator(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let doc = named::document(value, 2942500, || {
        format!("$sortArray requires an object as an argument, found: {}", value.tag().name())
    })?;
    let [input, sort_by] = named::arguments(doc, ["input", "sortBy"], |name| {
        Error::location(2942501, format!("$sortArray found an unknown argument: {name}"))
    })?;
    let input = named::required(input, 2942502, || "$sortArray requires 'input' to be specified".to_owned())?;
    let sort_by = named::required(sort_by, 2942503, || "$sortArray requires 'sortBy' to be specified".to_owned())?;
    let order = self::sort_by(sort_by)?;
    call_named(operator, vec![parse(input, ctx)?, order])
}
