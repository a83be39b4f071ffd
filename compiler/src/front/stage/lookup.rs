//! `$lookup`: to each document, the documents of another pipeline that belong to it.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::options::{path, target};
use super::{Place, Scope, needs_no_collection};
use crate::front::context::check_writable_name;
use crate::front::expr;
use crate::ir::Stage;
use crate::ir::pipeline::Lookup;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        return Err(Error::failed_to_parse(format!(
            "the $lookup stage specification must be an object, but found {}",
            spec.tag().name()
        )));
    };
    let mut from = None;
    let (mut target_field, mut local, mut foreign) = (None, None, None);
    let mut pipeline: Option<&RawDoc> = None;
    let mut variables: Option<&RawDoc> = None;
    for option in options {
        let (name, value) = (option.name_str(), option.value());
        if value.is_nullish() && matches!(name, "let" | "localField" | "foreignField") {
            continue;
        }
        match name {
            "pipeline" => {
                pipeline = Some(value.as_array().ok_or_else(|| {
                    Error::type_mismatch(format!(
                        "'pipeline' option must be specified as an array but was type {}",
                        value.tag().name()
                    ))
                })?);
            }
            "let" => {
                variables = Some(value.as_doc().ok_or_else(|| {
                    Error::failed_to_parse(format!(
                        "$lookup argument 'let: {}' must be an object, is type {}",
                        super::document::shown(value),
                        value.tag().name()
                    ))
                })?);
            }
            "from" if value.as_doc().is_some() => {
                let (db, coll) = target(value, "$lookup.from", scope.db)?;
                return Err(Error::failed_to_parse(format!(
                    "$lookup with syntax {{from: {{db:<>, coll:<>}},..}} is not supported for db: {db} and coll: {coll}"
                )));
            }
            "from" | "as" | "localField" | "foreignField" => {
                let text = value.as_str().ok_or_else(|| not_a_string(name, value))?;
                match name {
                    "from" => from = Some((scope.db.to_owned(), text.to_owned())),
                    "as" => target_field = Some(text),
                    "localField" => local = Some(text),
                    _ => foreign = Some(text),
                }
            }
            other => return Err(Error::failed_to_parse(format!("unknown argument to $lookup: {other}"))),
        }
    }
    if from.is_none() && !pipeline.is_some_and(needs_no_collection) {
        return Err(Error::failed_to_parse(
            "must specify 'pipeline' when 'from' is empty and the pipeline must begin with $documents",
        ));
    }
    let target_field = target_field.ok_or_else(|| Error::failed_to_parse("must specify 'as' field for a $lookup"))?;
    let named =
        |field: Option<&'_ str>| field.filter(|field| !(field.is_empty() && pipeline.is_some())).map(str::to_owned);
    let equality = match (named(local), named(foreign)) {
        (Some(local), Some(foreign)) => Some((path(&local)?, path(&foreign)?)),
        (None, None) if pipeline.is_some() => None,
        (None, None) => {
            return Err(Error::failed_to_parse(
                "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be specified",
            ));
        }
        _ => {
            return Err(Error::failed_to_parse(
                "$lookup requires both or neither of 'localField' and 'foreignField' to be specified",
            ));
        }
    };
    if variables.is_some() && pipeline.is_none() {
        return Err(Error::failed_to_parse("$lookup with a 'let' argument must also specify 'pipeline'"));
    }
    let target_field = path(target_field)?;
    // The sub-pipeline sees the request's variables, and after them its own.
    let mut ctx = scope.ctx.clone();
    let first_variable = ctx.let_count();
    let mut bindings = Vec::new();
    for variable in variables.unwrap_or(RawDoc::EMPTY) {
        check_writable_name(variable.name_str())?;
        bindings.push(expr::parse_folded(variable.value(), scope.ctx)?);
        ctx.declare_let(variable.name_str())?;
    }
    let source = from.map(|(db, coll)| scope.source(&db, &coll)).transpose()?;
    let from = scope.sub_pipeline(Place::Lookup, source, pipeline.unwrap_or(RawDoc::EMPTY), &mut ctx)?;
    let lookup = Lookup { from, target: target_field, equality, bindings, first_variable };
    Ok(vec![Stage::Lookup(Box::new(lookup))])
}

#[cold]
fn not_a_string(name: &str, value: Value<'_>) -> Error {
    Error::failed_to_parse(format!(
        "$lookup argument '{name}: {}' must be a string, is type {}",
        super::document::shown(value),
        value.tag().name()
    ))
}
