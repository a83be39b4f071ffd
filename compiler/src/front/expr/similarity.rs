//! `$similarityCosine`, `$similarityDotProduct` and `$similarityEuclidean`: two vectors, alone or in `{vectors, score}`.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::call::call_named;
use super::{named, parse_exactly};
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// Any of them. The function takes the vectors and whether the score is asked for.
pub(super) fn parse(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let (vectors, score) = match value.as_doc() {
        None => (value, false),
        Some(doc) => {
            let [vectors, score] = named::arguments(doc, ["vectors", "score"], |name| {
                Error::location(40415, format!("BSON field '{operator}.{name}' is an unknown field."))
            })?;
            let vectors = named::required(vectors, 40414, || {
                format!("BSON field '{operator}.vectors' is missing but a required field")
            })?;
            let score = score.map_or(Some(false), Value::as_bool).ok_or_else(|| {
                Error::type_mismatch(format!("BSON field '{operator}.score' is the wrong type, expected type 'bool'"))
            })?;
            (vectors, score)
        }
    };
    let [left, right] = parse_exactly(operator, vectors, ctx)?;
    call_named(operator, vec![left, right, Expr::Const(Value::bool(score).into())])
}
