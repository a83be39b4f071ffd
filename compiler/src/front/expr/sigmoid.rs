//! `$sigmoid`: one number, or `{input, onNull}`.

use smongo_vm::value::Value;
use smongo_vm::{Code, Error, Result};

use super::call::call_named;
use super::{named, parse};
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// Either form. `onNull` takes the place of a null or missing input.
pub(super) fn parse_operator(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let named_form = value.as_doc().filter(|doc| doc.get("input").is_some() || doc.get("onNull").is_some());
    let Some(doc) = named_form else {
        // An array is one argument here, and of the wrong type.
        return call_named(operator, vec![parse(value, ctx)?]);
    };
    let [input, on_null] = named::arguments(doc, ["input", "onNull"], |name| {
        Error::new(Code(40415), format!("BSON field '$sigmoid.{name}' is an unknown field."))
    })?;
    let input =
        named::required(input, 40414, || "BSON field '$sigmoid.input' is missing but a required field".to_owned())?;
    let input = parse(input, ctx)?;
    let result = call_named(operator, vec![input])?;
    match on_null {
        // The function gives null for a nullish input and a number for every other, so its null stands for the input's.
        Some(on_null) => Ok(Expr::IfNull(vec![result, parse(on_null, ctx)?])),
        None => Ok(result),
    }
}
