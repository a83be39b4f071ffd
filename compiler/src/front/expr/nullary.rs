//! Operators without arguments, written `{$rand: {}}` or `{$rand: []}`.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::call::call_named;
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// Any of them.
pub(super) fn parse(operator: &str, value: Value<'_>, _ctx: &mut ParseContext) -> Result<Expr> {
    match value.as_container() {
        Some(container) if container.is_empty() => call_named(operator, Vec::new()),
        Some(_) => Err(Error::location(3040501, format!("{operator} does not currently accept arguments"))),
        None => {
            let message = format!("invalid parameter: expected an object ({operator}), found {}", value.tag().name());
            Err(Error::location(10065, message))
        }
    }
}
