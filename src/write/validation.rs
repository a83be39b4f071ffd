//! Checking documents against their collection's validator before they are stored.

use smongo_vm::Code;
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::failure;
use crate::collection::{Action, Level, Validator, id_of};
use crate::error::{Error, Result};
use crate::request::OpContext;

/// Fails when `new` may not be stored in place of `old`, or as a new document.
pub(super) fn check(
    validator: &Validator,
    machine: &mut Machine,
    op: &OpContext,
    env: &Env<'_>,
    (old, new): (Option<&RawDoc>, &RawDoc),
) -> Result<()> {
    if op.bypasses_validation() || validator.level == Level::Off || validator.action == Action::Allow {
        return Ok(());
    }
    let program = validator.program.as_ref().map_err(Clone::clone)?;
    let mut satisfies = |doc: &RawDoc| machine.matches(program, doc, env);
    if satisfies(new)? {
        return Ok(());
    }
    // A document that was wrong before may stay so.
    if let (Level::Moderate, Some(old)) = (validator.level, old)
        && !satisfies(old)?
    {
        return Ok(());
    }
    let details = failure::describe(validator, new, env)?;
    let info = DocBuf::build(|doc| {
        doc.document("errInfo", |info| {
            info.value("failingDocumentId", id_of(new));
            info.value("details", Value::document(&details));
        });
    });
    Err(Error::new(Code::DOCUMENT_VALIDATION_FAILURE, "Document failed validation").with_details(info))
}
