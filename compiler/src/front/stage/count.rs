//! `$count`: how many documents there are.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(name) = spec.as_str() else {
        return Err(Error::location(40156, "the count field must be a non-empty string"));
    };
    let problem = if name.is_empty() {
        (40157, "the count field must be a non-empty string")
    } else if name.starts_with('$') {
        (40158, "the count field cannot be a $-prefixed path")
    } else if name.contains('\0') {
        (40159, "the count field cannot contain a null byte")
    } else if name.contains('.') {
        (40160, "the count field cannot contain '.'")
    } else {
        return Ok(vec![Stage::Count(name.to_owned())]);
    };
    Err(Error::location(problem.0, problem.1))
}
