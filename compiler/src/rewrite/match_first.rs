//! `$match` moves before stages that do not change what it reads, so that an index may answer it and later stages see
//! fewer documents. Where only some of its conditions can move, it is split.

use smongo_vm::Result;
use smongo_vm::program::ProjectionKind;
use smongo_vm::value::{DocBuf, RawDoc};

use super::fields::{Fields, of_filter};
use crate::ir::pipeline::Unwind;
use crate::ir::{DocumentStage, FieldAction, Filter, Stage};

/// The pass. `parse` reads a filter as the request's own.
pub(super) fn match_first(stages: &mut Vec<Stage>, parse: &mut dyn FnMut(&RawDoc) -> Result<Filter>) -> Result<bool> {
    let mut changed = false;
    let mut moved: Vec<Stage> = Vec::with_capacity(stages.len());
    for stage in stages.drain(..) {
        let Stage::Match { filter, source } = stage else {
            moved.push(stage);
            continue;
        };
        let Some(before) = moved.last().filter(|before| !matches!(before, Stage::Match { .. })) else {
            moved.push(Stage::Match { filter, source });
            continue;
        };
        let (able, unable) = split(&source, before, parse)?;
        match (able, unable) {
            (None, _) => moved.push(Stage::Match { filter, source }),
            (Some(_), None) => {
                changed = true;
                insert(&mut moved, Stage::Match { filter, source });
            }
            (Some(able), Some(unable)) => {
                changed = true;
                insert(&mut moved, able);
                moved.push(unable);
            }
        }
    }
    *stages = moved;
    Ok(changed)
}

/// Puts a `$match` before the last stage, and further to the front as long as all of it can go there.
fn insert(stages: &mut Vec<Stage>, stage: Stage) {
    let Stage::Match { filter, .. } = &stage else { return };
    let read = of_filter(filter);
    let mut place = stages.len();
    while place > 0 && may_pass(&read, &stages[place - 1]) {
        place -= 1;
    }
    stages.insert(place, stage);
}

/// The conditions of a filter that can move before a stage, and those that cannot.
fn split(
    source: &RawDoc,
    before: &Stage,
    parse: &mut dyn FnMut(&RawDoc) -> Result<Filter>,
) -> Result<(Option<Stage>, Option<Stage>)> {
    let (mut able, mut unable) = (Vec::new(), Vec::new());
    for element in source {
        let alone = DocBuf::build(|doc| doc.raw_element(element.raw()));
        let part = if may_pass(&of_filter(&parse(&alone)?), before) { &mut able } else { &mut unable };
        part.push(element);
    }
    let mut stage = |elements: Vec<smongo_vm::value::Element<'_>>| -> Result<Option<Stage>> {
        if elements.is_empty() {
            return Ok(None);
        }
        let source = DocBuf::build(|doc| elements.iter().for_each(|element| doc.raw_element(element.raw())));
        Ok(Some(Stage::Match { filter: parse(&source)?, source }))
    };
    Ok((stage(able)?, stage(unable)?))
}

/// Whether a filter that reads these fields says the same of a document before the stage as after it.
fn may_pass(read: &Fields, stage: &Stage) -> bool {
    let reads = |name: &str| read.may_hold(name);
    match stage {
        Stage::Sort { .. } => true,
        Stage::Document(DocumentStage::Project(projection)) => match projection.kind {
            ProjectionKind::Inclusion => match read {
                Fields::All => false,
                Fields::Named(names) => names.iter().all(|name| {
                    let action = projection.tree.fields.iter().find(|(field, _)| field == name);
                    matches!(action, Some((_, FieldAction::Keep)))
                }),
            },
            ProjectionKind::Exclusion | ProjectionKind::AddFields => {
                *read != Fields::All && !projection.tree.fields.iter().any(|(name, _)| reads(name))
            }
        },
        Stage::Unwind(Unwind { path, index, .. }) => {
            let written = [Some(path), index.as_ref()];
            let mut first = written.into_iter().flatten().filter_map(|path| path.components().first());
            *read != Fields::All && !first.any(|component| reads(component.name()))
        }
        Stage::Lookup(lookup) => {
            let target = lookup.target.components().first();
            *read != Fields::All && !target.is_some_and(|component| reads(component.name()))
        }
        _ => false,
    }
}
