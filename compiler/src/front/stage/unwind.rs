//! `$unwind`: one document for each element of an array.

use smongo_vm::value::{FieldPath, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::path;
use crate::ir::Stage;
use crate::ir::pipeline::Unwind;

pub(super) fn parse(spec: Value<'_>, _: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let mut unwound = None;
    let mut index = None;
    let mut keep_empty = false;
    if let Some(text) = spec.as_str() {
        unwound = Some(prefixed_path(text)?);
    } else if let Some(options) = spec.as_doc() {
        for option in options {
            let value = option.value();
            match option.name_str() {
                "path" => {
                    let text = value.as_str().ok_or_else(|| {
                        let found = value.tag().name();
                        Error::location(28808, format!("expected a string as the path for $unwind stage, got {found}"))
                    })?;
                    unwound = Some(prefixed_path(text)?);
                }
                "preserveNullAndEmptyArrays" => {
                    keep_empty = value.as_bool().ok_or_else(|| {
                        let found = value.tag().name();
                        Error::location(
                            28809,
                            format!(
                                "expected a boolean for the preserveNullAndEmptyArrays option to $unwind stage, got \
                                 {found}"
                            ),
                        )
                    })?;
                }
                "includeArrayIndex" => index = Some(index_path(value)?),
                other => {
                    return Err(Error::location(28811, format!("unrecognized option to $unwind stage: {other}")));
                }
            }
        }
    } else {
        let found = spec.tag().name();
        return Err(Error::location(
            15981,
            format!("expected either a string or an object as specification for $unwind stage, got {found}"),
        ));
    }
    let path = unwound.ok_or_else(|| Error::location(28812, "no path specified to $unwind stage"))?;
    Ok(vec![Stage::Unwind(Unwind { path, index, keep_empty, only: None })])
}

fn prefixed_path(text: &str) -> Result<FieldPath> {
    if text.is_empty() {
        return Err(Error::location(28812, "no path specified to $unwind stage"));
    }
    if text.contains('\0') {
        return Err(Error::location(16419, "field path must not contain embedded null characters"));
    }
    match text.strip_prefix('$') {
        Some(rest) => path(rest),
        None => {
            Err(Error::location(28818, format!("path option to $unwind stage should be prefixed with a '$': {text}")))
        }
    }
}

fn index_path(value: Value<'_>) -> Result<FieldPath> {
    let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(|| {
        let found = value.tag().name();
        Error::location(
            28810,
            format!("expected a non-empty string for the includeArrayIndex  option to $unwind stage, got {found}"),
        )
    })?;
    if text.starts_with('$') {
        return Err(Error::location(
            28822,
            format!("includeArrayIndex option to $unwind stage should not be prefixed with a '$': {text}"),
        ));
    }
    path(text)
}
