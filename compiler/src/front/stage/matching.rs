//! `$match`: the documents that satisfy a filter.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use crate::front::filter;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(source) = spec.as_doc() else {
        return Err(Error::location(15959, "the match filter must be an expression in an object"));
    };
    let filter = filter::parse(source, scope.ctx)?;
    Ok(vec![Stage::Match { filter, source: source.into() }])
}
