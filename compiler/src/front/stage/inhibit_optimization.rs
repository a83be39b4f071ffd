//! `$_internalInhibitOptimization`: rewrites do not look past it.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    match spec.as_doc() {
        Some(_) => Ok(vec![Stage::Inhibit]),
        None => Err(Error::type_mismatch("$_internalInhibitOptimization must take a nested object")),
    }
}
