//! `$changeStream`: the changes of a collection, of a database or of all of them, and what may stand behind it.

use smongo_vm::code::Code;
use smongo_vm::value::{RawDoc, Tag, Value, View};
use smongo_vm::{Error, Result};

use super::options::{unknown, wrong_type};
use super::{Scope, stage_of};
use crate::ir::Stage;
use crate::ir::pipeline::{ChangeStream, PostImage, PreImage, StreamStart};

/// The stage's name.
pub(super) const NAME: &str = "$changeStream";

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        let message =
            format!("the $changeStream stage must be specified with an object, not {}", super::document::shown(spec));
        return Err(Error::location(6_188_500, message));
    };
    let mut stream = ChangeStream::default();
    let (mut resume_after, mut start_after, mut start_at) = (None, None, None);
    for option in options {
        let (name, value) = (option.name_str(), option.value());
        let path = format!("{NAME}.{name}");
        let is_absent = value.is_nullish();
        match name {
            "allChangesForCluster" => stream.whole_cluster = boolean(value, &path)?,
            "showExpandedEvents" => stream.expanded = boolean(value, &path)?,
            "showSystemEvents" | "showRawUpdateDescription" | "showMigrationEvents" | "allowToRunOnConfigDB" => {
                // What these show is of use inside a cluster, and is not shown here.
                boolean(value, &path)?;
            }
            "fullDocument" | "fullDocumentBeforeChange" | "resumeAfter" | "startAfter" | "startAtOperationTime"
                if is_absent => {}
            "fullDocument" => stream.post_image = post_image(text(value, &path)?, &path)?,
            "fullDocumentBeforeChange" => stream.pre_image = pre_image(text(value, &path)?, &path)?,
            "resumeAfter" => resume_after = Some(token(value, &path)?),
            "startAfter" => start_after = Some(token(value, &path)?),
            "startAtOperationTime" => match value.view() {
                View::Timestamp(time) => start_at = Some(time),
                _ => return Err(wrong_type(&path, value.tag(), "timestamp")),
            },
            _ => return Err(unknown(NAME, name)),
        }
    }
    if resume_after.is_some() && start_after.is_some() {
        let message = "Do not specify both 'resumeAfter' and 'startAfter' in a $changeStream stage";
        return Err(Error::location(50865, message));
    }
    stream.start = match (resume_after, start_after, start_at) {
        (None, None, None) => StreamStart::Now,
        (None, None, Some(time)) => StreamStart::At(time),
        (Some(token), None, None) => StreamStart::ResumeAfter(token.into()),
        (None, Some(token), None) => StreamStart::StartAfter(token.into()),
        _ => {
            let message = "Only one type of resume option is allowed, but multiple were found.";
            return Err(Error::location(40674, message));
        }
    };
    Ok(vec![Stage::ChangeStream(Box::new(stream))])
}

/// `$changeStreamSplitLargeEvent` has no options.
pub(super) fn parse_split(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    match spec.as_doc() {
        Some(options) if options.is_empty() => Ok(vec![Stage::SplitLargeEvent]),
        _ => {
            let message = "$changeStreamSplitLargeEvent spec should be an empty object";
            Err(Error::location(7_182_800, message))
        }
    }
}

/// Fails when a request's pipeline has stages that cannot stand together with changes.
pub(super) fn check_pipeline(pipeline: &RawDoc) -> Result<()> {
    let mut stages = pipeline.values();
    let first = stages.next().map(stage_of).transpose()?;
    let is_stream = first.is_some_and(|(row, _)| row.name == NAME);
    for stage in stages {
        let (row, _) = stage_of(stage)?;
        if is_stream && !row.in_change_stream {
            let message = format!("{} is not permitted in a $changeStream pipeline", row.name);
            return Err(Error::new(Code::ILLEGAL_OPERATION, message));
        }
        if !is_stream && row.name == SPLIT {
            return Err(only_in_streams());
        }
    }
    match first {
        Some((row, _)) if row.name == SPLIT => Err(only_in_streams()),
        _ => Ok(()),
    }
}

/// The name of the stage that splits events.
pub(super) const SPLIT: &str = "$changeStreamSplitLargeEvent";

#[cold]
fn only_in_streams() -> Error {
    let message = "$changeStreamSplitLargeEvent can only be used in a $changeStream pipeline";
    Error::new(Code::ILLEGAL_OPERATION, message)
}

fn boolean(value: Value<'_>, path: &str) -> Result<bool> {
    value.as_bool().ok_or_else(|| wrong_type(path, value.tag(), "bool"))
}

fn text<'d>(value: Value<'d>, path: &str) -> Result<&'d str> {
    match value.tag() {
        Tag::String => Ok(value.as_str().unwrap_or_default()),
        tag => Err(wrong_type(path, tag, "string")),
    }
}

fn token<'d>(value: Value<'d>, path: &str) -> Result<&'d RawDoc> {
    value.as_doc().ok_or_else(|| wrong_type(path, value.tag(), "object"))
}

fn post_image(name: &str, path: &str) -> Result<PostImage> {
    Ok(match name {
        "default" => PostImage::Default,
        "updateLookup" => PostImage::UpdateLookup,
        "whenAvailable" => PostImage::WhenAvailable,
        "required" => PostImage::Required,
        _ => return Err(no_value(name, path)),
    })
}

fn pre_image(name: &str, path: &str) -> Result<PreImage> {
    Ok(match name {
        "off" => PreImage::Off,
        "whenAvailable" => PreImage::WhenAvailable,
        "required" => PreImage::Required,
        _ => return Err(no_value(name, path)),
    })
}

#[cold]
fn no_value(name: &str, path: &str) -> Error {
    Error::bad_value(format!("Enumeration value '{name}' for field '{path}' is not a valid value."))
}
