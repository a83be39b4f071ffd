//! `$function`, which mongod refuses when it runs without a JavaScript engine, as this server does.

use smongo_vm::Result;
use smongo_vm::value::Value;

use super::named;
use crate::front::context::ParseContext;
use crate::front::no_javascript;
use crate::ir::Expr;

/// Checks that there are arguments, and refuses.
pub(super) fn function(operator: &str, value: Value<'_>, _ctx: &mut ParseContext) -> Result<Expr> {
    let wrong = || format!("{operator} requires an object as an argument, found: {}", value.tag().name());
    named::document(value, 4_660_801, wrong)?;
    Err(no_javascript())
}
