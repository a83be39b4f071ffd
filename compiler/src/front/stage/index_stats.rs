//! `$indexStats`: facts about the collection's indexes.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    if spec.as_doc().is_some_and(RawDoc::is_empty) {
        return Ok(vec![Stage::Facts(Facts::IndexStats)]);
    }
    Err(Error::location(28803, "The $indexStats stage specification must be an empty object"))
}
