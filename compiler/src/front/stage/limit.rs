//! `$limit`: the first few documents.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use crate::front::filter::integer::non_negative;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let limit = non_negative("$limit", spec).map_err(|error| {
        Error::location(5_107_201, format!("invalid argument to $limit stage: {}", error.message()))
    })?;
    match u64::try_from(limit) {
        Ok(limit) if limit > 0 => Ok(vec![Stage::Limit(limit)]),
        _ => Err(Error::location(15958, "the limit must be positive")),
    }
}
