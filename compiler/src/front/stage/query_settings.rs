//! `$querySettings`: the settings of query shapes.

use smongo_vm::value::{Tag, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::{unknown, wrong_type};
use crate::ir::Stage;
use crate::ir::pipeline::Facts;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        let message = format!("$querySettings stage expects a document as argument, but got {}", spec.tag().name());
        return Err(Error::location(7_746_800, message));
    };
    let mut show_debug_shape = false;
    for option in options {
        match (option.name(), option.value().tag()) {
            (b"showDebugQueryShape", Tag::Bool) => show_debug_shape = option.value().as_bool() == Some(true),
            (b"showDebugQueryShape", found) => {
                return Err(wrong_type("$querySettings.showDebugQueryShape", found, "bool"));
            }
            _ => return Err(unknown("$querySettings", option.name_str())),
        }
    }
    Ok(vec![Stage::Facts(Facts::QuerySettings { show_debug_shape })])
}
