//! Accumulators: `{$sum: "$a"}` in a group, a bucket or a window.
//!
//! The machine's table says which accumulators exist and how their arguments are written; [`call`] reads the
//! arguments. [`fields`] reads the fields of a group, [`window`] what only windows have.

pub mod window;

use smongo_vm::acc::{self, Definition, Form};
use smongo_vm::value::{DocBuf, Element, OwnedValue, RawDoc, Tag, Value, extjson};
use smongo_vm::{Error, Result};

use super::context::ParseContext;
use super::{expr, no_javascript, sort};
use crate::ir::group::{AccumulatorCall, Argument, GroupField, Setting};
use crate::ir::{Expr, Sort};
use crate::rewrite::fold::fold;

/// Parses a field of a group: its name, and an accumulator with its argument.
pub fn field(element: Element<'_>, ctx: &mut ParseContext) -> Result<GroupField> {
    let name = element.name_str();
    let first = element.value().as_doc().and_then(|doc| Some((doc, doc.iter().next()?)));
    let Some((doc, first)) = first.filter(|(_, first)| first.name().starts_with(b"$")) else {
        return Err(Error::location(40234, format!("The field '{name}' must be an accumulator object")));
    };
    if name.contains('.') {
        return Err(Error::location(40235, format!("The field name '{name}' cannot contain '.'")));
    }
    if name.starts_with('$') {
        return Err(Error::location(40236, format!("The field name '{name}' cannot be an operator name")));
    }
    if doc.iter().nth(1).is_some() {
        return Err(Error::location(40238, format!("The field '{name}' must specify one accumulator")));
    }
    let operator = first.name_str();
    if operator == "$accumulator" {
        return Err(no_javascript());
    }
    let Some(definition) = acc::find(operator).filter(|definition| definition.is_for_groups()) else {
        return Err(Error::location(15952, format!("unknown group operator '{operator}'")));
    };
    if definition.form == Form::One && first.value().as_array().is_some() {
        return Err(Error::location(40237, format!("The {operator} accumulator is a unary operator")));
    }
    let wrapped = wrapped_key(first.value()).filter(|_| definition.form == Form::One);
    let argument = wrapped.as_deref().map_or(first.value(), Value::document);
    Ok(GroupField { name: name.to_owned(), call: call(definition, argument, None, ctx)? })
}

/// `MinKey` and `MaxKey` written down as an accumulator's argument reach it in a document, under an empty name.
fn wrapped_key(value: Value<'_>) -> Option<DocBuf> {
    let is_key = matches!(value.tag(), Tag::MinKey | Tag::MaxKey);
    is_key.then(|| DocBuf::build(|call| call.document("$literal", |doc| doc.value("", value))))
}

/// An expression as accumulators take it: its constant parts are evaluated, unless they fail; that is then said of the
/// first document.
fn expression(value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let parsed = expr::parse(value, ctx)?;
    Ok(fold(parsed.clone()).unwrap_or(parsed))
}

/// Parses the argument of an accumulator. `order` is that of the partition, where there is one.
fn call(
    definition: &'static Definition,
    value: Value<'_>,
    order: Option<&Sort>,
    ctx: &mut ParseContext,
) -> Result<AccumulatorCall> {
    let name = definition.name;
    let (args, settings) = match definition.form {
        Form::One | Form::SoFar => (vec![Argument::Value(expression(value, ctx)?)], Vec::new()),
        Form::Nothing => {
            if value.as_doc().is_none_or(|doc| !doc.is_empty()) {
                return Err(Error::type_mismatch(format!("{name} takes no arguments, i.e. {name}:{{}}")));
            }
            (Vec::new(), Vec::new())
        }
        Form::Counted(not_a_document) => counted(name, not_a_document, value, ctx)?,
        Form::Ordered { counted } => ordered(name, counted, value, ctx)?,
        Form::Percentile { with_p } => percentile(definition, with_p, value, ctx)?,
        Form::Place => window::place(name, value, order)?,
        Form::Smoothing => window::smoothing(value, order, ctx)?,
        Form::OverTime => window::over_time(name, value, order, ctx)?,
        Form::Scaling => window::scaling(value, ctx)?,
    };
    Ok(AccumulatorCall { definition, args, settings })
}

type Parts = (Vec<Argument>, Vec<Setting>);

/// An argument that holds for a whole group.
fn setting(value: Value<'_>, ctx: &mut ParseContext) -> Result<Setting> {
    Ok(match expression(value, ctx)? {
        Expr::Const(value) => Setting::Constant(value),
        expr => Setting::OfKey(expr),
    })
}

#[cold]
fn not_a_document(code: i32, name: &str, value: Value<'_>) -> Error {
    let found = extjson::to_string_shell(value);
    Error::location(code, format!("specification must be an object; found {name}: {found}"))
}

/// `{n, input}`.
fn counted(name: &str, code: i32, value: Value<'_>, ctx: &mut ParseContext) -> Result<Parts> {
    let doc = value.as_doc().ok_or_else(|| not_a_document(code, name, value))?;
    let (mut n, mut input) = (None, None);
    for element in doc {
        match element.name_str() {
            "n" => n = Some(setting(element.value(), ctx)?),
            "input" => input = Some(expression(element.value(), ctx)?),
            other => return Err(Error::location(5_787_901, format!("Unknown argument for 'n' operator: {other}"))),
        }
    }
    let n = n.ok_or_else(|| Error::location(5_787_906, "Missing value for 'n'"))?;
    let input = input.ok_or_else(|| Error::location(5_787_907, "Missing value for 'input'"))?;
    Ok((vec![Argument::Value(input)], vec![n]))
}

/// `{n, sortBy, output}`, where `n` belongs to it only when it is counted.
fn ordered(name: &str, counted: bool, value: Value<'_>, ctx: &mut ParseContext) -> Result<Parts> {
    let doc = value.as_doc().ok_or_else(|| not_a_document(5_788_001, name, value))?;
    let (mut n, mut output, mut order) = (None, None, None);
    for element in doc {
        let value = element.value();
        match element.name_str() {
            "n" if counted => n = Some(setting(value, ctx)?),
            "output" => output = Some(expression(value, ctx)?),
            "sortBy" => {
                let spec = value.as_doc().ok_or_else(|| {
                    let message = format!("expected 'sortBy' to already be an object in the arguments to {name}");
                    Error::location(5_788_604, message)
                })?;
                order = Some(sort::parse(spec)?.unwrap_or(Sort { parts: Vec::new() }));
            }
            other => return Err(Error::location(5_788_002, format!("Unknown argument to {name} '{other}'"))),
        }
    }
    if counted && n.is_none() {
        return Err(Error::location(5_788_003, "Missing value for 'n'"));
    }
    let output = output.ok_or_else(|| Error::location(5_788_004, "Missing value for 'output'"))?;
    let order = order.ok_or_else(|| Error::location(5_788_005, "Missing value for 'sortBy'"))?;
    Ok((vec![Argument::SortKey(order), Argument::Value(output)], n.into_iter().collect()))
}

/// `{input, p, method}`, where `p` belongs to it only when there is a choice.
fn percentile(
    definition: &'static Definition,
    with_p: bool,
    value: Value<'_>,
    ctx: &mut ParseContext,
) -> Result<Parts> {
    let name = definition.name;
    let code = if with_p { 7_429_703 } else { 7_436_100 };
    let doc = value.as_doc().ok_or_else(|| not_a_document(code, name, value))?;
    let (mut input, mut p, mut method) = (None, None, None);
    for element in doc {
        match element.name_str() {
            "input" => input = Some(element.value()),
            "p" if with_p => p = Some(element.value()),
            "method" => method = Some(element.value()),
            other => {
                return Err(Error::location(40415, format!("BSON field '{name}.{other}' is an unknown field.")));
            }
        }
    }
    let required = |value: Option<Value<'_>>, field: &str| {
        let message = format!("BSON field '{name}.{field}' is missing but a required field");
        value.map(OwnedValue::new).ok_or_else(|| Error::location(40414, message))
    };
    let input = required(input, "input")?;
    let p = if with_p { Some(required(p, "p")?) } else { None };
    check_method(name, required(method, "method")?.get())?;
    let settings = match p {
        None => Vec::new(),
        Some(p) => match expression(p.get(), ctx)? {
            Expr::Const(p) => vec![Setting::Constant(p)],
            _ => {
                let message = "The $percentile 'p' field must be an array of constant values";
                return Err(Error::location(7_750_300, message));
            }
        },
    };
    check_settings(definition, &settings)?;
    Ok((vec![Argument::Value(expression(input.get(), ctx)?)], settings))
}

fn check_method(name: &str, method: Value<'_>) -> Result<()> {
    match method.as_str() {
        Some("approximate") => Ok(()),
        Some(_) => Err(Error::bad_value("Currently only 'approximate' can be used as percentile 'method'.")),
        None => {
            let found = method.tag().name();
            let message = format!("BSON field '{name}.method' is the wrong type '{found}', expected type 'string'");
            Err(Error::type_mismatch(message))
        }
    }
}

/// Fails when the settings that are known already are not fit for the accumulator.
fn check_settings(definition: &Definition, settings: &[Setting]) -> Result<()> {
    let mut known = Vec::new();
    for setting in settings {
        match setting {
            Setting::Constant(value) => known.push(value.get()),
            Setting::OfKey(_) => return Ok(()),
        }
    }
    if let Some(begin) = definition.begin_sliding {
        begin(&known)?;
    }
    Ok(())
}

/// Parses the fields of a bucket: a document of accumulators, or a count when it is left out.
pub fn output(output: Option<&RawDoc>, ctx: &mut ParseContext) -> Result<Vec<GroupField>> {
    match output {
        Some(output) => output.iter().map(|element| field(element, ctx)).collect(),
        None => Ok(acc::find("$sum").map(count_field).into_iter().collect()),
    }
}

/// `count: {$sum: 1}`.
pub fn count_field(sum: &'static Definition) -> GroupField {
    let one = Expr::Const(OwnedValue::new(Value::int32(1)));
    let call = AccumulatorCall { definition: sum, args: vec![Argument::Value(one)], settings: Vec::new() };
    GroupField { name: "count".to_owned(), call }
}
