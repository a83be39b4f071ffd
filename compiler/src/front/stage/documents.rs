//! `$documents`: documents that stand in the request.

use smongo_vm::Result;
use smongo_vm::value::Value;

use super::Scope;
use crate::front::expr;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    expr::parse_folded(spec, scope.ctx).map(|documents| vec![Stage::Documents(documents)])
}
