//! `$listSampledQueries`: queries that were sampled for the analysis of shard keys, of which one server takes none.

use smongo_vm::Result;
use smongo_vm::value::Value;

use super::Scope;
use super::options::{string, unknown, wrong_type};
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let options = spec.as_doc().ok_or_else(|| wrong_type("$listSampledQueries", spec.tag(), "object"))?;
    for option in options {
        match option.name_str() {
            "namespace" => drop(string(option.value(), "$listSampledQueries.namespace")?),
            other => return Err(unknown("$listSampledQueries", other)),
        }
    }
    Ok(vec![Stage::Facts(Facts::Nothing)])
}
