//! Update pipelines: which stages they may have. The stages' own specifications are parsed where other stages are.

use smongo_vm::code::Code;
use smongo_vm::value::{Element, OwnedValue, RawDoc, Value};
use smongo_vm::{Error, Result};

use crate::ir::update::{UpdateStage, UpdateStageKind};

/// The stages that exist but that an update may not have.
const OTHER_STAGES: &[&str] = &[
    "$bucket",
    "$bucketAuto",
    "$changeStream",
    "$collStats",
    "$count",
    "$currentOp",
    "$densify",
    "$documents",
    "$facet",
    "$fill",
    "$geoNear",
    "$graphLookup",
    "$group",
    "$indexStats",
    "$limit",
    "$listSessions",
    "$lookup",
    "$match",
    "$merge",
    "$out",
    "$planCacheStats",
    "$redact",
    "$sample",
    "$search",
    "$setWindowFields",
    "$skip",
    "$sort",
    "$sortByCount",
    "$unionWith",
    "$unwind",
    "$vectorSearch",
];

/// Splits a pipeline into its stages.
pub(super) fn parse(stages: &RawDoc) -> Result<Vec<UpdateStage>> {
    stages.iter().map(parse_stage).collect()
}

fn parse_stage(element: Element<'_>) -> Result<UpdateStage> {
    let Some(stage) = element.value().as_doc() else {
        return Err(Error::type_mismatch("Each element of the 'pipeline' array must be an object"));
    };
    let mut fields = stage.iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Err(Error::location(40323, "A pipeline stage specification object must contain exactly one field."));
    };
    let spec = field.value();
    let (kind, spec) = match field.name_str() {
        "$set" | "$addFields" => (UpdateStageKind::Set, spec),
        "$unset" => (UpdateStageKind::Unset, spec),
        "$project" => (UpdateStageKind::Project, spec),
        "$replaceWith" => (UpdateStageKind::ReplaceWith, spec),
        "$replaceRoot" => (UpdateStageKind::ReplaceWith, new_root(spec)?),
        name if OTHER_STAGES.contains(&name) => {
            return Err(Error::new(
                Code::INVALID_OPTIONS,
                format!("{name} is not allowed to be used within an update"),
            ));
        }
        name => return Err(Error::location(40324, format!("Unrecognized pipeline stage name: '{name}'"))),
    };
    Ok(UpdateStage { kind, spec: OwnedValue::new(spec) })
}

/// The expression of `$replaceRoot: {newRoot: …}`.
fn new_root(spec: Value<'_>) -> Result<Value<'_>> {
    let Some(options) = spec.as_doc() else {
        return Err(Error::location(
            40229,
            format!("expected an object as specification for $replaceRoot stage, got {}", spec.tag().name()),
        ));
    };
    let mut root = None;
    for option in options {
        if option.name() != b"newRoot" {
            return Err(Error::location(
                40230,
                format!(
                    "unrecognized option to $replaceRoot stage: {}, only valid option is 'newRoot'.",
                    option.name_str()
                ),
            ));
        }
        root = Some(option.value());
    }
    root.ok_or_else(|| Error::location(40231, "no newRoot specified for the $replaceRoot stage"))
}
