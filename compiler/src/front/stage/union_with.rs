//! `$unionWith`: the documents of another pipeline, after one's own.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::options::{string, unknown, wrong_type};
use super::{Place, Scope, needs_no_collection};
use crate::ir::Stage;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let mut coll = None;
    let mut pipeline = RawDoc::EMPTY;
    if let Some(name) = spec.as_str() {
        coll = Some(name);
    } else if let Some(options) = spec.as_doc() {
        for option in options {
            let value = option.value();
            match option.name_str() {
                "coll" => coll = Some(string(value, "$unionWith.coll")?),
                "pipeline" => {
                    pipeline =
                        value.as_array().ok_or_else(|| wrong_type("$unionWith.pipeline", value.tag(), "array"))?;
                }
                other => return Err(unknown("$unionWith", other)),
            }
        }
    } else {
        let found = spec.tag().name();
        return Err(Error::failed_to_parse(format!(
            "the $unionWith stage specification must be an object or string, but found {found}"
        )));
    }
    if coll.is_none() && !needs_no_collection(pipeline) {
        return Err(Error::failed_to_parse(
            "$unionWith stage without explicit collection must have a pipeline with $documents as first stage",
        ));
    }
    let db = scope.db;
    let source = coll.map(|coll| scope.source(db, coll)).transpose()?;
    let mut ctx = scope.ctx.clone();
    let from = scope.sub_pipeline(Place::UnionWith, source, pipeline, &mut ctx)?;
    Ok(vec![Stage::UnionWith(from)])
}
