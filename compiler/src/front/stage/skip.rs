//! `$skip`: all documents but the first few.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use crate::front::filter::integer::non_negative;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let skip = non_negative("$skip", spec)
        .map_err(|error| Error::location(5_107_200, format!("invalid argument to $skip stage: {}", error.message())))?;
    Ok(vec![Stage::Skip(u64::try_from(skip).unwrap_or(0))])
}
