//! `$planCacheStats`: what the plan cache has of the collection.

use smongo_vm::value::{Tag, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        let found = spec.tag().name();
        return Err(Error::failed_to_parse(format!("$planCacheStats value must be an object. Found: {found}")));
    };
    for option in options {
        // One server has all there is.
        if option.name() != b"allHosts" {
            let name = option.name_str();
            let message = format!("$planCacheStats parameters object may contain only 'allHosts' field. Found: {name}");
            return Err(Error::failed_to_parse(message));
        }
        if option.value().tag() != Tag::Bool {
            let found = option.value().tag().name();
            let message =
                format!("'allHosts' parameter of the $planCacheStats stage must be a boolean value. Found: {found}");
            return Err(Error::failed_to_parse(message));
        }
    }
    Ok(vec![Stage::Facts(Facts::PlanCacheStats)])
}
