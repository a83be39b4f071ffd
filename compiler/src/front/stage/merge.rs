//! `$merge`: the results go into a collection, beside or into what is there.

use smongo_vm::value::{OwnedValue, RawDoc, Value};
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::{missing, path, string, target, unknown, wrong_type};
use crate::front::context::{ParseContext, check_writable_name};
use crate::front::expr;
use crate::ir::pipeline::{CollectionName, Merge, WhenMatched, WhenNotMatched};
use crate::ir::{Expr, Stage};

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    if let Some(coll) = spec.as_str() {
        let into = CollectionName { db: scope.db.to_owned(), coll: coll.to_owned() };
        return Ok(merge(into, None, WhenMatched::Merge, WhenNotMatched::Insert));
    }
    let Some(options) = spec.as_doc() else {
        let found = spec.tag().name();
        let message = format!("$merge requires a string or object argument, but found {found}");
        return Err(Error::location(51182, message));
    };
    let (mut into, mut on, mut matched, mut not_matched, mut variables) = (None, None, None, None, None);
    for option in options {
        let value = option.value();
        if value.is_nullish() && matches!(option.name(), b"let" | b"whenNotMatched") {
            continue;
        }
        match option.name_str() {
            "into" if value.as_str().is_none() && value.as_doc().is_none() => {
                return Err(Error::location(
                    51178,
                    format!(
                        "$merge 'into' field  must be either a string or an object, but found {}",
                        value.tag().name()
                    ),
                ));
            }
            "into" => into = Some(target(value, "$merge.into", scope.db)?),
            "on" => on = Some(on_fields(value)?),
            "whenMatched" => matched = Some(value),
            "whenNotMatched" => not_matched = Some(when_not_matched(value)?),
            "let" => {
                variables = Some(value.as_doc().ok_or_else(|| wrong_type("$merge.let", value.tag(), "object"))?);
            }
            other => return Err(unknown("$merge", other)),
        }
    }
    let into = into.ok_or_else(|| missing("$merge", "into"))?;
    let matched = when_matched(matched, variables, scope.ctx)?;
    let not_matched = not_matched.unwrap_or(WhenNotMatched::Insert);
    let inserts_only = matches!(matched, WhenMatched::KeepExisting | WhenMatched::Fail);
    if inserts_only && not_matched != WhenNotMatched::Insert {
        return Err(Error::location(
            51181,
            "Combination of $merge modes 'whenMatched' and 'whenNotMatched' is not supported",
        ));
    }
    let into = CollectionName { db: into.0, coll: into.1 };
    Ok(merge(into, on, matched, not_matched))
}

fn merge(
    into: CollectionName,
    on: Option<Vec<String>>,
    when_matched: WhenMatched,
    when_not_matched: WhenNotMatched,
) -> Vec<Stage> {
    vec![Stage::Merge(Box::new(Merge { into, on, when_matched, when_not_matched }))]
}

fn on_fields(value: Value<'_>) -> Result<Vec<String>> {
    let mut fields = Vec::new();
    let names: Vec<Value<'_>> = match value.as_array() {
        Some(array) => array.values().collect(),
        None if value.as_str().is_some() => vec![value],
        None => {
            return Err(Error::location(
                51186,
                format!(
                    "$merge 'on' field  must be either a string or an array of strings, but found {}",
                    value.tag().name()
                ),
            ));
        }
    };
    if names.is_empty() {
        return Err(Error::location(51187, "If explicitly specifying $merge 'on', must include at least one field"));
    }
    for name in names {
        let Some(name) = name.as_str() else {
            let message = format!("$merge 'on' array elements must be strings, but found {}", name.tag().name());
            return Err(Error::location(51134, message));
        };
        path(name)?;
        if fields.iter().any(|known| known == name) {
            return Err(Error::location(31465, format!("Found a duplicate field '{name}'")));
        }
        fields.push(name.to_owned());
    }
    Ok(fields)
}

fn when_matched(value: Option<Value<'_>>, variables: Option<&RawDoc>, ctx: &mut ParseContext) -> Result<WhenMatched> {
    let Some(value) = value else {
        check_no_variables(variables)?;
        return Ok(WhenMatched::Merge);
    };
    if let Some(stages) = value.as_array() {
        if stages.values().any(|stage| stage.as_doc().is_none()) {
            return Err(Error::type_mismatch("Each element of the 'pipeline' array must be an object"));
        }
        let mut bindings = Vec::new();
        if variables.is_none_or(|variables| variables.get("new").is_none()) {
            bindings.push(("new".to_owned(), Expr::Root));
        }
        for variable in variables.unwrap_or(RawDoc::EMPTY) {
            let name = variable.name_str();
            check_writable_name(name)?;
            bindings.push((name.to_owned(), expr::parse_folded(variable.value(), ctx)?));
        }
        return Ok(WhenMatched::Pipeline { stages: OwnedValue::new(value), bindings });
    }
    let Some(name) = value.as_str() else {
        return Err(Error::location(
            51191,
            format!(
                "$merge 'whenMatched' field  must be either a string or an array, but found {}",
                value.tag().name()
            ),
        ));
    };
    let matched = match name {
        "replace" => WhenMatched::Replace,
        "keepExisting" => WhenMatched::KeepExisting,
        "merge" => WhenMatched::Merge,
        "fail" => WhenMatched::Fail,
        other => return Err(bad_mode("whenMatched", other)),
    };
    check_no_variables(variables)?;
    Ok(matched)
}

/// Variables make sense for a pipeline only.
fn check_no_variables(variables: Option<&RawDoc>) -> Result<()> {
    match variables {
        None => Ok(()),
        Some(_) => Err(Error::location(51199, "Cannot use 'let' variables with 'whenMatched: merge' mode")),
    }
}

fn when_not_matched(value: Value<'_>) -> Result<WhenNotMatched> {
    match string(value, "$merge.whenNotMatched")? {
        "insert" => Ok(WhenNotMatched::Insert),
        "discard" => Ok(WhenNotMatched::Discard),
        "fail" => Ok(WhenNotMatched::Fail),
        other => Err(bad_mode("whenNotMatched", other)),
    }
}

#[cold]
fn bad_mode(field: &str, mode: &str) -> Error {
    Error::bad_value(format!("Enumeration value '{mode}' for field '$merge.{field}' is not a valid value."))
}
