//! `$redact`: each level of a document is kept, looked into, or cut away, as an expression decides.

use smongo_vm::Result;
use smongo_vm::value::{OwnedValue, Value};

use super::Scope;
use crate::front::expr;
use crate::ir::expr::EnvVar;
use crate::ir::pipeline::Redact;
use crate::ir::{Expr, Stage};

/// The decisions as the variables' values have them.
const DECISIONS: [(&str, &str); 3] = [("DESCEND", "descend"), ("PRUNE", "prune"), ("KEEP", "keep")];

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    // `$$CURRENT` is the level at hand, which is what the program runs over; `$$ROOT` is handed in beside it, as one
    // more variable of the environment.
    let root_variable = scope.ctx.let_count();
    let position = u16::try_from(root_variable).unwrap_or(u16::MAX);
    let decision = scope.ctx.scoped(|ctx| {
        ctx.bind("ROOT", Expr::Env(EnvVar::Let(position)));
        for (name, value) in DECISIONS {
            ctx.bind(name, Expr::Const(OwnedValue::new(Value::string(value))));
        }
        expr::parse_folded(spec, ctx)
    })?;
    Ok(vec![Stage::Redact(Redact { decision, root_variable })])
}
