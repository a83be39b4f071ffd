//! `$currentOp`: what the server is doing.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Scope;
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        let found = spec.tag().name();
        return Err(Error::failed_to_parse(format!(
            "$currentOp options must be specified in an object, but found: {found}"
        )));
    };
    let (mut all_users, mut idle_connections) = (false, false);
    for option in options {
        let name = option.name_str();
        let slot = match name {
            "allUsers" => Some(&mut all_users),
            "idleConnections" => Some(&mut idle_connections),
            // Cursors and sessions that rest are no operations here, and there is one server.
            "idleCursors" | "idleSessions" | "localOps" | "truncateOps" | "targetAllNodes" => None,
            _ => return Err(Error::failed_to_parse(format!("Unrecognized option '{name}' in $currentOp stage."))),
        };
        let Some(on) = option.value().as_bool() else {
            let found = option.value().tag().name();
            let message =
                format!("The '{name}' parameter of the $currentOp stage must be a boolean value, but found: {found}");
            return Err(Error::failed_to_parse(message));
        };
        if let Some(slot) = slot {
            *slot = on;
        }
    }
    Ok(vec![Stage::Facts(Facts::Operations { all_users, idle_connections })])
}
