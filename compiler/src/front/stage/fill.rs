//! `$fill`: values for fields that have none.
//!
//! A fixed value is an `$ifNull`; a method that looks at other documents is a window over all of them. The stage is
//! rewritten into these, as MongoDB's manual describes it.

use smongo_vm::value::{DocBuf, RawDoc, Value};
use smongo_vm::{Error, Result};

use super::options::{missing, string, unknown, wrong_type};
use super::{Scope, set_window_fields, table};
use crate::ir::Stage;

/// What is said of one field.
enum Filling<'d> {
    Value(Value<'d>),
    /// The operator of `$setWindowFields` that the method is.
    Method(&'static str),
}

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let options = spec
        .as_doc()
        .ok_or_else(|| Error::failed_to_parse(format!("$fill only accepts an object, found {}", spec.tag().name())))?;
    let (mut partition, mut fields, mut sort, mut output) = (None, None, None, None);
    for option in options {
        let value = option.value();
        let object =
            || value.as_doc().ok_or_else(|| wrong_type(&format!("$fill.{}", option.name_str()), value.tag(), "object"));
        match option.name_str() {
            "partitionBy" => partition = Some(value),
            "partitionByFields" => {
                fields =
                    Some(value.as_array().ok_or_else(|| wrong_type("$fill.partitionByFields", value.tag(), "array"))?);
            }
            "sortBy" => sort = Some(object()?),
            "output" => output = Some(object()?),
            other => return Err(unknown("$fill", other)),
        }
    }
    let output = output.ok_or_else(|| missing("$fill", "output"))?;
    if output.is_empty() {
        return Err(Error::location(6_050_203, "'output' must include at least one field to fill"));
    }
    if partition.is_some() && fields.is_some() {
        return Err(Error::location(
            6_050_204,
            "Maximum one of 'partitionBy' and 'partitionByFields' can be specified in '$fill'",
        ));
    }
    let fillings = output.iter().map(|field| Ok((field.name_str(), filling(field.value())?)));
    let fillings: Vec<(&str, Filling<'_>)> = fillings.collect::<Result<_>>()?;
    let mut stages = Vec::new();
    if fillings.iter().any(|(_, filling)| matches!(filling, Filling::Method(_))) {
        let window = window(partition, fields, sort, &fillings)?;
        stages.extend(set_window_fields::parse(Value::document(&window), scope)?);
    }
    if fillings.iter().any(|(_, filling)| matches!(filling, Filling::Value(_))) {
        let set = DocBuf::build(|set| {
            for (name, filling) in &fillings {
                if let Filling::Value(value) = filling {
                    set.document(name, |call| {
                        call.array("$ifNull", |args| {
                            args.value(Value::string(&format!("${name}")));
                            args.value(*value);
                        });
                    });
                }
            }
        });
        stages.extend(super::add_fields(Value::document(&set), "$addFields", scope.ctx).map(table::one)?);
    }
    Ok(stages)
}

fn filling(value: Value<'_>) -> Result<Filling<'_>> {
    let Some(options) = value.as_doc() else {
        return Err(wrong_type("$fill.output", value.tag(), "object"));
    };
    let mut elements = options.iter();
    match (elements.next(), elements.next()) {
        (Some(value), None) if value.name() == b"value" => Ok(Filling::Value(value.value())),
        (Some(method), None) if method.name() == b"method" => match string(method.value(), "$fill.output.method")? {
            "locf" => Ok(Filling::Method("$locf")),
            "linear" => Ok(Filling::Method("$linearFill")),
            _ => Err(Error::location(6_050_202, "Method must be either locf or linear")),
        },
        (Some(other), None) => Err(unknown("$fill.output", other.name_str())),
        _ => Err(Error::location(
            6_050_201,
            "Each fill output specification must have exactly one of 'method' and 'value' fields",
        )),
    }
}

/// The `$setWindowFields` that fills by methods.
fn window(
    partition: Option<Value<'_>>,
    fields: Option<&RawDoc>,
    sort: Option<&RawDoc>,
    fillings: &[(&str, Filling<'_>)],
) -> Result<DocBuf> {
    DocBuf::try_build(|window| {
        if let Some(partition) = partition {
            window.value("partitionBy", partition);
        } else if let Some(fields) = fields {
            window.document("partitionBy", |key| {
                for (at, field) in fields.values().enumerate() {
                    let name = string(field, "$fill.partitionByFields")?;
                    // Names of a key are its own, so that dotted paths do no harm.
                    key.value(&format!("f{at}"), Value::string(&format!("${name}")));
                }
                Ok::<(), Error>(())
            })?;
        }
        if let Some(sort) = sort {
            window.value("sortBy", Value::document(sort));
        }
        window.document("output", |output| {
            for (name, filling) in fillings {
                if let Filling::Method(operator) = filling {
                    output.document(name, |call| call.string(operator, &format!("${name}")));
                }
            }
        });
        Ok(())
    })
}
