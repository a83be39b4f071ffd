//! `$sort`: an order.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use crate::front::sort;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(source) = spec.as_doc() else {
        return Err(Error::location(15973, "the $sort key specification must be an object"));
    };
    match sort::parse(source)? {
        Some(sort) => Ok(vec![Stage::Sort { sort, source: source.into() }]),
        None => Err(Error::location(15976, "$sort stage must have at least one sort key")),
    }
}
