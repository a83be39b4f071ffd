//! Descriptions of wildcard indexes: what mongod refuses of them.

use smongo_compiler::plan::Standing;
use smongo_compiler::{ParseContext, compile_projection};
use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Tag, Value};

use super::spec::{is_true, refused, wrong_type};
use super::wildcard::{below, paths_of, place_in};
use crate::error::{Error, Result};
use crate::shell_text::ShellText;

/// Checks the option `wildcardProjection` of an index on `key`.
pub(super) fn check_projection(value: Value<'_>, key: &RawDoc) -> Result<()> {
    let projection = value.as_doc().filter(|_| value.tag() == Tag::Document);
    let Some(projection) = projection else {
        return Err(wrong_type("wildcardProjection", "a non-empty object", value));
    };
    let parse_error = |message: &str| Err(Error::new(Code::FAILED_TO_PARSE, message));
    match place_in(key) {
        None => {
            Err(Error::new(Code::BAD_VALUE, "The field 'wildcardProjection' is only allowed in an 'wildcard' index"))
        }
        Some((place, _)) if key.iter().nth(place).is_some_and(|field| field.value().tag() == Tag::String) => {
            Err(Error::new(Code::BAD_VALUE, "The field 'wildcardProjection' is only allowed in an 'wildcard' index"))
        }
        Some((_, below)) if !below.is_empty() => {
            parse_error("The field 'wildcardProjection' is only allowed when 'key' is {\"$**\": ±1}")
        }
        _ if projection.is_empty() => parse_error("The 'wildcardProjection' field can't be an empty object"),
        _ => check_fields(projection, projection),
    }
}

/// Only keeping and leaving out is possible.
fn check_fields(whole: &RawDoc, part: &RawDoc) -> Result<()> {
    for field in part {
        match field.value().tag() {
            Tag::Bool | Tag::Int32 | Tag::Int64 | Tag::Double | Tag::Decimal128 => {}
            Tag::Document if !field.name_str().starts_with('$') => {
                check_fields(whole, field.value().as_doc().unwrap_or(RawDoc::EMPTY))?;
            }
            _ => {
                return Err(Error::new(
                    Code(51271),
                    format!(
                        "Bad projection specification, cannot use computed fields when parsing a spec in \
                         kBanComputedFields mode: {}",
                        ShellText(Value::document(whole))
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// Checks a description whose fields and options are right by themselves.
pub(super) fn check(spec: &RawDoc, key: &RawDoc) -> Result<()> {
    let Some((place, path)) = place_in(key) else { return Ok(()) };
    let wildcard = key.iter().nth(place).map_or(Value::NOTHING, |field| field.value());
    let is_compound = key.iter().nth(1).is_some();
    if wildcard.tag() == Tag::String {
        return Err(refused(format!("Index type '{}' does not support wildcards", ShellText(wildcard))));
    }
    if key.iter().filter(|field| below(field.name_str()).is_some()).count() > 1 {
        return Err(Error::new(Code(7_246_201), "A wildcard index may have one wildcard component only"));
    }
    if let Some(other) = key.iter().find_map(|field| field.value().as_str()) {
        return Err(refused(format!("A wildcard index cannot have a component of type '{other}'")));
    }
    if !is_compound && is_negative(wildcard) {
        return Err(refused("A numeric value in a $** index key pattern must be positive."));
    }
    if spec.get("v").and_then(Value::as_integer) == Some(1) {
        return Err(refused("Index version 1 does not support index type 'wildcard'"));
    }
    for option in ["sparse", "unique"] {
        if spec.get(option).is_some_and(is_true) {
            return Err(refused(format!("Index type 'wildcard' does not support the {option} option")));
        }
    }
    if spec.get("expireAfterSeconds").is_some() {
        return Err(refused("Index type 'wildcard' cannot be a TTL index"));
    }
    let projection = spec.get("wildcardProjection").and_then(Value::as_doc);
    if is_compound && path.is_empty() && projection.is_none() {
        return Err(refused("A compound wildcard index on all fields needs a 'wildcardProjection'"));
    }
    if let Some(projection) = projection {
        check_paths(projection, is_compound)?;
    }
    if is_compound { check_overlap(key, path, projection) } else { Ok(()) }
}

fn is_negative(value: Value<'_>) -> bool {
    value.as_integer().map_or_else(|| value.as_double().is_some_and(|value| value < 0.0), |value| value < 0)
}

/// The checks of projections: what is kept must not be mixed with what is left out, nor may one path be inside another.
fn check_paths(projection: &RawDoc, is_compound: bool) -> Result<()> {
    match compile_projection(projection, &mut ParseContext::new()) {
        Ok(_) => Ok(()),
        Err(error) if is_compound && matches!(error.code(), Code(31249 | 31250)) => {
            Err(Error::new(Code(7_246_200), error.message()))
        }
        Err(error) => Err(error.into()),
    }
}

/// A field beside the wildcard must not be among the paths that the wildcard takes in.
fn check_overlap(key: &RawDoc, path: &str, projection: Option<&RawDoc>) -> Result<()> {
    let paths = paths_of(path, projection);
    for field in key.iter().filter(|field| below(field.name_str()).is_none()) {
        let names: Vec<&str> = field.name_str().split('.').collect();
        if paths.standing(&names) != Standing::Outside {
            let code = if paths.includes { Code(7_246_204) } else { Code(7_246_208) };
            return Err(Error::new(
                code,
                format!("The wildcard of a compound index must not take in the component '{}'", field.name_str()),
            ));
        }
    }
    Ok(())
}
