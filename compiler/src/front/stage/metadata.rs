//! What accompanies documents besides their fields, on its way through a pipeline.
//!
//! It lies in fields that requests cannot name ([`Metadata`]). They go along up to the last stage that asks for them and
//! are left out there, or before the first stage that is not known to pass them on.

use smongo_vm::program::ProjectionKind;
use smongo_vm::value::{RawDoc, Value};

use crate::front::context::{Metadata, ParseContext};
use crate::ir::{DocumentStage, FieldAction, FieldTree, Projection, Stage};

const FIELDS: [&str; 2] = [Metadata::SCORE, Metadata::SCORE_DETAILS];

/// The position of the last stage that asks for metadata; 0 when none does.
pub(super) fn last_reader(pipeline: &RawDoc) -> usize {
    pipeline.values().enumerate().filter(|(_, stage)| asks(*stage)).last().map_or(0, |(at, _)| at)
}

fn asks(value: Value<'_>) -> bool {
    let inside = value.as_doc().or(value.as_array());
    inside.is_some_and(|doc| doc.iter().any(|field| field.name() == b"$meta" || asks(field.value())))
}

/// Whether a stage gives metadata on.
pub(super) fn passes(stage: &str) -> bool {
    matches!(
        stage,
        "$match" | "$project" | "$set" | "$addFields" | "$unset" | "$sort" | "$skip" | "$limit" | "$sample" | "$unwind"
    )
}

/// Lets inclusions keep the metadata.
pub(super) fn keep(stages: &mut [Stage]) {
    for stage in stages {
        if let Stage::Document(DocumentStage::Project(projection)) = stage
            && projection.kind == ProjectionKind::Inclusion
        {
            projection.tree.fields.extend(FIELDS.map(|field| (field.to_owned(), FieldAction::Keep)));
        }
    }
}

/// The stage that leaves the metadata out, if there is any. It is not known from here on.
pub(super) fn leave_out(ctx: &mut ParseContext) -> Option<Stage> {
    ctx.metadata()?;
    ctx.end_metadata();
    let fields = FIELDS.map(|field| (field.to_owned(), FieldAction::Drop)).into();
    let projection = Projection { kind: ProjectionKind::Exclusion, tree: FieldTree { fields } };
    Some(Stage::Document(DocumentStage::Project(projection)))
}
