//! `$listMqlEntities`: the names of what pipelines may be made of.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::options::{missing, string, unknown, wrong_type};
use super::{Scope, table};
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let options = spec.as_doc().ok_or_else(|| wrong_type("$listMqlEntities", spec.tag(), "object"))?;
    let mut kind = None;
    for option in options {
        match option.name_str() {
            "entityType" => kind = Some(string(option.value(), "$listMqlEntities.entityType")?),
            other => return Err(unknown("$listMqlEntities", other)),
        }
    }
    match kind {
        None => Err(missing("$listMqlEntities", "entityType")),
        Some("aggregationStages") => Ok(vec![Stage::Facts(Facts::Names(table::names()))]),
        Some(other) => {
            let message =
                format!("Enumeration value '{other}' for field '$listMqlEntities.entityType' is not a valid value.");
            Err(Error::bad_value(message))
        }
    }
}
