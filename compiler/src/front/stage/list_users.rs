//! `$listCachedAndActiveUsers`: who is logged in.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    if spec.as_doc().is_some_and(RawDoc::is_empty) {
        return Ok(vec![Stage::Facts(Facts::Users)]);
    }
    Err(Error::failed_to_parse("The $listCachedAndActiveUsers stage specification must be an empty object"))
}
