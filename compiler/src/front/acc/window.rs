//! Window functions: `{$sum: "$a", window: {documents: [-1, 0]}}`, and those that only windows have.

use smongo_vm::acc::{self, Definition, Form};
use smongo_vm::func::TimeUnit;
use smongo_vm::program::Direction;
use smongo_vm::value::{OwnedValue, RawDoc, Tag, Value, View, extjson};
use smongo_vm::{Error, Result};

use super::{Parts, call, check_settings, expression};
use crate::front::context::ParseContext;
use crate::ir::group::{Argument, Setting};
use crate::ir::window::{Bound, Bounds, WindowFunction};
use crate::ir::{Expr, Sort};

fn fault(message: impl Into<String>) -> Error {
    Error::failed_to_parse(message)
}

/// Parses a window function. `order` is that of the partition.
pub fn function(spec: &RawDoc, order: Option<&Sort>, ctx: &mut ParseContext) -> Result<WindowFunction> {
    let Some(operator) = spec.iter().find(|element| element.name().starts_with(b"$")) else {
        let first = spec.iter().next().map_or(String::new(), |element| element.name_str().to_owned());
        return Err(fault(format!("Expected a $-prefixed window function, {first}")));
    };
    let name = operator.name_str();
    match name {
        "$shift" => {
            only(spec, name)?;
            shift(operator.value(), order, ctx)
        }
        "$linearFill" => {
            only(spec, name)?;
            if order.is_none_or(|order| order.parts.len() != 1) {
                let message =
                    format!("{name} must be specified with a top level sortBy expression with exactly one element");
                return Err(Error::location(605_001, message));
            }
            Ok(WindowFunction::LinearFill(expression(operator.value(), ctx)?))
        }
        _ => match acc::find(name).filter(|definition| definition.is_for_windows()) {
            Some(definition) => accumulator(definition, spec, order, ctx),
            None => Err(fault(format!("Unrecognized window function, {name}"))),
        },
    }
}

/// Fails when a function that has no window is given one, or anything else.
fn only(spec: &RawDoc, name: &str) -> Result<()> {
    match spec.iter().find(|element| element.name_str() != name) {
        Some(other) if other.name_str() == "window" => Err(fault(format!("{name} does not accept a 'window' field"))),
        Some(other) => Err(unknown_argument(other.name_str())),
        None => Ok(()),
    }
}

#[cold]
fn unknown_argument(name: &str) -> Error {
    fault(format!("Window function found an unknown argument: {name}"))
}

fn accumulator(
    definition: &'static Definition,
    spec: &RawDoc,
    order: Option<&Sort>,
    ctx: &mut ParseContext,
) -> Result<WindowFunction> {
    let name = definition.name;
    let mut window = None;
    let mut argument = Value::NOTHING;
    for element in spec {
        match element.name_str() {
            other if other == name => argument = element.value(),
            "window" if !matches!(definition.form, Form::Place | Form::Smoothing | Form::SoFar) => {
                window = Some(bounds(element.value(), order, ctx)?);
            }
            _ if definition.form == Form::Place => {
                return Err(Error::location(5_371_601, "Rank style window functions take no other arguments"));
            }
            "window" => return Err(fault(format!("{name} does not accept a 'window' field"))),
            other if other.starts_with('$') => {
                return Err(fault(format!(
                    "Cannot specify multiple functions in window function spec. Found {name} and {other}"
                )));
            }
            other => return Err(unknown_argument(other)),
        }
    }
    let call = call(definition, argument, order, ctx)?;
    check_settings(definition, &call.settings)?;
    let bounds = match definition.form {
        Form::Place | Form::Smoothing | Form::SoFar => Bounds::SO_FAR,
        Form::OverTime => window.ok_or_else(|| fault(format!("{name} requires explicit window bounds")))?,
        _ => window.unwrap_or(Bounds::ALL),
    };
    Ok(WindowFunction::Accumulate { call, bounds })
}

/// `window: {documents | range, unit}`.
fn bounds(window: Value<'_>, order: Option<&Sort>, ctx: &mut ParseContext) -> Result<Bounds> {
    let Some(window) = window.as_doc() else { return Err(fault("'window' field must be an object")) };
    let (mut documents, mut range, mut unit) = (None, None, None);
    for element in window {
        match element.name_str() {
            "documents" => documents = Some(element.value()),
            "range" => range = Some(element.value()),
            "unit" => unit = Some(element.value()),
            other => {
                return Err(fault(format!(
                    "'window' field can only contain 'documents', 'range' and 'unit', found '{other}'"
                )));
            }
        }
    }
    match (documents, range) {
        (None, None) if unit.is_some() => Err(fault("'window' field that specifies 'unit' must also specify 'range'")),
        (None, None) => Ok(Bounds::ALL),
        (Some(_), Some(_)) => Err(fault("'window' field can only specify one of 'documents' and 'range'")),
        (Some(_), None) if unit.is_some() => {
            Err(fault("Window bounds can only specify 'unit' with range-based bounds."))
        }
        (Some(documents), None) => by_documents(documents, order, ctx),
        (None, Some(range)) => by_range(range, unit, order, ctx),
    }
}

fn by_documents(documents: Value<'_>, order: Option<&Sort>, ctx: &mut ParseContext) -> Result<Bounds> {
    let [lower, upper] = pair(documents, ctx, &|value| {
        let number = number(value).ok_or_else(|| fault("Numeric document-based bounds must be an integer"))?;
        integral(number).ok_or_else(|| fault("Numeric document-based bounds must be an integer"))
    })?;
    if !is_ordered(lower, upper, 0) {
        return Err(backward());
    }
    if order.is_none() && (lower, upper) != (Bound::Unbounded, Bound::Unbounded) {
        return Err(Error::location(5_339_901, "Document-based bounds require a sortBy"));
    }
    Ok(Bounds::Documents(lower, upper))
}

fn by_range(range: Value<'_>, unit: Option<Value<'_>>, order: Option<&Sort>, ctx: &mut ParseContext) -> Result<Bounds> {
    let bounds = match unit {
        None => {
            let [lower, upper] = pair(range, ctx, &|value| {
                number(value).ok_or_else(|| fault("Range-based bounds expression must be a number"))
            })?;
            if !is_ordered(lower, upper, 0.0) {
                return Err(backward());
            }
            Bounds::Range(lower, upper)
        }
        Some(unit) => {
            let unit = time_unit(unit)?;
            let [lower, upper] = pair(range, ctx, &|value| {
                let number = number(value).and_then(integral);
                number.ok_or_else(|| fault("With 'unit', range-based bounds must be an integer"))
            })?;
            if !is_ordered(lower, upper, 0) {
                return Err(backward());
            }
            Bounds::Time { lower, upper, unit }
        }
    };
    match order.map(|order| order.parts.as_slice()) {
        Some([(_, Direction::Ascending)]) => Ok(bounds),
        Some([_]) => Err(Error::location(8_947_401, "Range-based bounds require an ascending sortBy")),
        _ => Err(Error::location(5_339_902, "Range-based bounds require sortBy a single field")),
    }
}

#[cold]
fn backward() -> Error {
    Error::location(5_339_900, "Lower bound must not exceed upper bound")
}

/// The two ends of a window, whose offsets `offset` reads.
fn pair<T>(value: Value<'_>, ctx: &mut ParseContext, offset: &dyn Fn(Value<'_>) -> Result<T>) -> Result<[Bound<T>; 2]> {
    let shape = || fault(format!("Window bounds must be a 2-element array: {}", extjson::to_string_shell(value)));
    let mut ends = value.as_array().ok_or_else(shape)?.values();
    let (Some(lower), Some(upper), None) = (ends.next(), ends.next(), ends.next()) else { return Err(shape()) };
    let mut end = |value: Value<'_>| -> Result<Bound<T>> {
        match value.as_str() {
            Some("unbounded") => Ok(Bound::Unbounded),
            Some("current") => Ok(Bound::Current),
            Some(_) => {
                let found = extjson::to_string_shell(value);
                Err(fault(format!("Window bounds must be 'unbounded', 'current', or a number, found {found}")))
            }
            None => match expression(value, ctx)? {
                Expr::Const(value) => offset(value.get()).map(Bound::Offset),
                _ => Err(fault("Window bounds must be constant")),
            },
        }
    };
    Ok([end(lower)?, end(upper)?])
}

/// Whether the lower end of a window lies before the upper.
fn is_ordered<T: PartialOrd + Copy>(lower: Bound<T>, upper: Bound<T>, zero: T) -> bool {
    let distance = |bound| match bound {
        Bound::Unbounded => None,
        Bound::Current => Some(zero),
        Bound::Offset(distance) => Some(distance),
    };
    match (distance(lower), distance(upper)) {
        (Some(lower), Some(upper)) => lower <= upper,
        _ => true,
    }
}

fn number(value: Value<'_>) -> Option<f64> {
    match value.view() {
        View::Int32(int) => Some(int.into()),
        View::Int64(int) => Some(int as f64),
        View::Double(double) => Some(double),
        View::Decimal128(decimal) => Some(decimal.to_f64()),
        _ => None,
    }
}

fn integral(number: f64) -> Option<i64> {
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= LARGEST).then_some(number as i64)
}

fn time_unit(unit: Value<'_>) -> Result<TimeUnit> {
    let name = unit.as_str().ok_or_else(|| fault("'unit' must be a string"))?;
    TimeUnit::parse(name).ok_or_else(|| fault(format!("unknown time unit value: {name}")))
}

/// The order of a partition by one field.
fn single(order: Option<&Sort>, fault: impl FnOnce() -> Error) -> Result<&Sort> {
    order.filter(|order| order.parts.len() == 1).ok_or_else(fault)
}

/// The argument of `$rank` and its like.
pub(super) fn place(name: &str, value: Value<'_>, order: Option<&Sort>) -> Result<Parts> {
    let order = single(order, || {
        let message = format!("{name} must be specified with a top level sortBy expression with exactly one element");
        Error::location(5_371_602, message)
    })?;
    if value.as_doc().is_none_or(|doc| !doc.is_empty()) {
        return Err(Error::location(5_371_603, format!("{name} must be specified with '{{}}' as the value")));
    }
    Ok((vec![Argument::SortKey(order.clone())], Vec::new()))
}

/// `{input, N}` or `{input, alpha}`; the setting is the weight of the newest number.
pub(super) fn smoothing(value: Value<'_>, order: Option<&Sort>, ctx: &mut ParseContext) -> Result<Parts> {
    const SHAPE: &str = "$expMovingAvg sub object must have exactly two fields: An 'input' field, and either an 'N' \
                         field or an 'alpha' field";
    let Some(doc) = value.as_doc() else {
        let found = value.tag().name();
        return Err(fault(format!("$expMovingAvg must have exactly one argument that is an object, found {found}")));
    };
    let (mut input, mut weight) = (None, None);
    for element in doc {
        let value = element.value();
        match element.name_str() {
            "input" => input = Some(expression(value, ctx)?),
            "N" if weight.is_none() => {
                let n = value.is_number().then(|| number(value).and_then(integral)).flatten();
                let n = n.ok_or_else(|| fault("'N' field must be an integer"))?;
                if n <= 0 {
                    return Err(fault(format!("'N' must be greater than zero. Got {n}")));
                }
                weight = Some(2.0 / (n as f64 + 1.0));
            }
            "alpha" if weight.is_none() => {
                let alpha = number(value).ok_or_else(|| fault("'alpha' must be a number"))?;
                if !(alpha > 0.0 && alpha < 1.0) {
                    return Err(fault(format!("'alpha' must be between 0 and 1 (exclusive), found alpha: {alpha}")));
                }
                weight = Some(alpha);
            }
            _ => return Err(fault(SHAPE)),
        }
    }
    let (Some(input), Some(weight)) = (input, weight) else { return Err(fault(SHAPE)) };
    if order.is_none() {
        return Err(fault("$expMovingAvg requires an explicit 'sortBy'"));
    }
    let weight = Setting::Constant(OwnedValue::new(Value::double(weight)));
    Ok((vec![Argument::Value(input)], vec![weight]))
}

/// `{input, unit}`; the setting is the length of the unit in milliseconds, or null.
pub(super) fn over_time(name: &str, value: Value<'_>, order: Option<&Sort>, ctx: &mut ParseContext) -> Result<Parts> {
    let Some(doc) = value.as_doc() else { return Err(fault(format!("{name} expects an object"))) };
    let (mut input, mut unit) = (None, Value::NULL);
    for element in doc {
        match element.name_str() {
            "input" => input = Some(expression(element.value(), ctx)?),
            "unit" => {
                let named = time_unit(element.value())?;
                let Some(millis) = named.millis() else {
                    let message = "unit must be 'week' or smaller";
                    return Err(Error::location(5_490_704, message));
                };
                unit = Value::int64(millis);
            }
            other => return Err(fault(format!("{name} got unexpected argument: {other}"))),
        }
    }
    let input = input.ok_or_else(|| fault(format!("{name} requires an 'input' expression")))?;
    if order.is_none() {
        return Err(fault(format!("{name} requires a sortBy")));
    }
    let order = single(order, || fault(format!("{name} requires a non-compound sortBy")))?;
    let [(path, direction)] = order.parts.as_slice() else {
        return Err(fault(format!("{name} requires a non-compound sortBy")));
    };
    if *direction == Direction::Descending {
        return Err(fault(format!("{name} requires an ascending sortBy")));
    }
    let args = vec![Argument::Value(Expr::Field(path.clone())), Argument::Value(input)];
    Ok((args, vec![Setting::Constant(OwnedValue::new(unit))]))
}

/// `{input, min, max}`; the settings are the bounds of the range that numbers are moved to.
pub(super) fn scaling(value: Value<'_>, ctx: &mut ParseContext) -> Result<Parts> {
    let Some(doc) = value.as_doc() else { return Err(fault("$minMaxScaler expects an object")) };
    let mut input = None;
    let mut range = [None, None];
    for element in doc {
        let at = match element.name_str() {
            "input" => {
                input = Some(expression(element.value(), ctx)?);
                continue;
            }
            "min" => 0,
            "max" => 1,
            other => return Err(fault(format!("$minMaxScaler got unexpected argument: {other}"))),
        };
        let Expr::Const(bound) = expression(element.value(), ctx)? else {
            return Err(fault(format!("$minMaxScaler '{}' must be a constant", element.name_str())));
        };
        if !bound.get().is_number() {
            return Err(fault(format!("$minMaxScaler '{}' must be a number", element.name_str())));
        }
        range[at] = Some(bound);
    }
    let input = input.ok_or_else(|| fault("$minMaxScaler requires an 'input' expression"))?;
    let (low, high) = match range {
        [Some(low), Some(high)] => (low, high),
        [None, None] => (OwnedValue::new(Value::int32(0)), OwnedValue::new(Value::int32(1))),
        _ => return Err(fault("$minMaxScaler requires both 'min' and 'max', or neither")),
    };
    if number(low.get()) >= number(high.get()) {
        return Err(fault("$minMaxScaler requires 'max' to be greater than 'min'"));
    }
    Ok((vec![Argument::Value(input)], vec![Setting::Constant(low), Setting::Constant(high)]))
}

/// `{output, by, default}`.
fn shift(value: Value<'_>, order: Option<&Sort>, ctx: &mut ParseContext) -> Result<WindowFunction> {
    let Some(doc) = value.as_doc() else { return Err(fault("Argument to $shift must be an object")) };
    let (mut output, mut by, mut default) = (None, None, OwnedValue::new(Value::NULL));
    for element in doc {
        let value = element.value();
        match element.name_str() {
            "output" => output = Some(expression(value, ctx)?),
            "by" => {
                let distance = number(value).and_then(integral).filter(|by| i32::try_from(*by).is_ok());
                by = Some(distance.ok_or_else(|| {
                    fault(format!("'$shift:by' field must be an integer, but found by: {}", value.tag().name()))
                })?);
            }
            "default" => match expression(value, ctx)? {
                Expr::Const(value) if value.get().tag() != Tag::Nothing => default = value,
                Expr::Const(_) => {}
                _ => return Err(fault("'$shift:default' expression must yield a constant value.")),
            },
            other => return Err(fault(format!("Unknown argument in $shift: {other}"))),
        }
    }
    let output = output.ok_or_else(|| fault("$shift requires an 'output' expression."))?;
    let by = by.ok_or_else(|| fault("$shift requires 'by' as an integer value."))?;
    if order.is_none() {
        return Err(fault("'$shift' requires a sortBy"));
    }
    Ok(WindowFunction::Shift { output, by, default })
}
