//! `$ifNull`: the first argument that is neither null nor missing, else the last one, whatever it is.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::parse_arguments;
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// At least two arguments.
pub(super) fn parse(_operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let arguments = parse_arguments(value, ctx)?;
    if arguments.len() < 2 {
        let message = format!("$ifNull needs at least two arguments, had: {}", arguments.len());
        return Err(Error::location(1257300, message));
    }
    Ok(Expr::IfNull(arguments))
}
