//! `$replaceRoot`: each document becomes the document that an expression gives.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::options::{missing, unknown};
use super::{Scope, document};
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        return Err(Error::location(
            40229,
            format!("expected an object as specification for $replaceRoot stage, got {}", spec.tag().name()),
        ));
    };
    let mut new_root = None;
    for option in options {
        match option.name_str() {
            "newRoot" => new_root = Some(option.value()),
            other => return Err(unknown("$replaceRoot", other)),
        }
    }
    let new_root = new_root.ok_or_else(|| missing("$replaceRoot", "newRoot"))?;
    document::replace_with(new_root, scope.ctx).map(|stage| vec![Stage::Document(stage)])
}
