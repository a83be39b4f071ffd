//! `$densify`: documents where a sequence has gaps.

use smongo_vm::program::Direction;
use smongo_vm::value::{DocBuf, FieldPath, OwnedValue, RawDoc, Tag, Value, compare};
use smongo_vm::{Error, Result};

use super::Scope;
use super::options::{missing, path, string, unknown, wrong_type};
use crate::front::expr;
use crate::ir::pipeline::{Densify, DensifyBounds};
use crate::ir::{Sort, Stage};

const UNITS: [&str; 9] = ["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let options = spec.as_doc().ok_or_else(|| {
        Error::location(
            5_946_802,
            format!("the $densify stage specification must be an object, found {}", spec.tag().name()),
        )
    })?;
    let (mut field, mut partition, mut range) = (None, Vec::new(), None);
    for option in options {
        let value = option.value();
        match option.name_str() {
            "field" => field = Some(path(string(value, "$densify.field")?)?),
            "partitionByFields" => {
                let fields =
                    value.as_array().ok_or_else(|| wrong_type("$densify.partitionByFields", value.tag(), "array"))?;
                for field in fields.values() {
                    partition.push(path(string(field, "$densify.partitionByFields")?)?);
                }
            }
            "range" => {
                range = Some(value.as_doc().ok_or_else(|| wrong_type("$densify.range", value.tag(), "object"))?);
            }
            other => return Err(unknown("$densify", other)),
        }
    }
    let field = field.ok_or_else(|| missing("$densify", "field"))?;
    let range = range.ok_or_else(|| missing("$densify", "range"))?;
    if let Some(same) = partition.iter().find(|other| field.is_prefix_of(other) || other.is_prefix_of(&field)) {
        return Err(Error::location(
            8_993_000,
            format!(
                "BSON field '$densify.partitionByFields' contains '{same}', which is the field to densify or lies on its path"
            ),
        ));
    }
    let densify = densify(field, partition, range, scope)?;
    Ok(vec![sort_before(&densify), Stage::Densify(Box::new(densify))])
}

/// The sequence is looked at in order, partition after partition.
fn sort_before(densify: &Densify) -> Stage {
    let paths = densify.partition.iter().chain([&densify.field]);
    let parts: Vec<_> = paths.map(|path| (path.clone(), Direction::Ascending)).collect();
    let source = DocBuf::build(|doc| {
        for (path, _) in &parts {
            doc.value(&path.to_string(), Value::int32(1));
        }
    });
    Stage::Sort { sort: Sort { parts }, source }
}

fn densify(field: FieldPath, partition: Vec<FieldPath>, range: &RawDoc, scope: &mut Scope<'_>) -> Result<Densify> {
    let (mut step, mut unit, mut bounds) = (None, None, None);
    for option in range {
        match option.name_str() {
            "step" => step = Some(option.value()),
            "unit" => unit = Some(string(option.value(), "$densify.range.unit")?),
            "bounds" => bounds = Some(option.value()),
            other => return Err(unknown("$densify.range", other)),
        }
    }
    let step = step.ok_or_else(|| missing("$densify.range", "step"))?;
    let bounds = bounds.ok_or_else(|| missing("$densify.range", "bounds"))?;
    if !step.is_number() {
        return Err(wrong_type("$densify.range.step", step.tag(), "[int, decimal, double, long]"));
    }
    if compare(step, Value::int32(0)).is_le() {
        return Err(Error::location(
            5_733_401,
            "The step parameter in a range statement must be a strictly positive numeric value",
        ));
    }
    if let Some(unit) = unit {
        if !UNITS.contains(&unit) {
            return Err(Error::failed_to_parse(format!("unknown time unit value: {unit}")));
        }
        if !matches!(step.tag(), Tag::Int32 | Tag::Int64) && step.as_double().is_none_or(|step| step.fract() != 0.0) {
            return Err(Error::location(
                6_586_400,
                "The step parameter in a range satement must be a whole number when densifying a date range",
            ));
        }
    }
    let bounds = parse_bounds(bounds, unit.is_some(), &partition)?;
    let next = scope.ctx.scoped(|ctx| expr::parse(Value::document(&next_value(step, unit)), ctx))?;
    Ok(Densify { field, partition, bounds, next, is_date: unit.is_some() })
}

/// The expression that gives the value after the one in field `v`.
fn next_value(step: Value<'_>, unit: Option<&str>) -> DocBuf {
    DocBuf::build(|doc| match unit {
        None => doc.array("$add", |parts| {
            parts.value(Value::string("$v"));
            parts.value(step);
        }),
        Some(unit) => doc.document("$dateAdd", |arguments| {
            arguments.string("startDate", "$v");
            arguments.string("unit", unit);
            arguments.value("amount", step);
        }),
    })
}

fn parse_bounds(bounds: Value<'_>, is_date: bool, partition: &[FieldPath]) -> Result<DensifyBounds> {
    if let Some(name) = bounds.as_str() {
        return match name {
            "full" => Ok(DensifyBounds::Full),
            "partition" if partition.is_empty() => Err(Error::location(
                5_733_408,
                "one may not specify the bounds as 'partition' without specifying a non-empty array of \
                 partitionByFields. You may have meant to specify 'full' bounds.",
            )),
            "partition" => Ok(DensifyBounds::Partition),
            _ => Err(Error::location(5_946_802, "Bounds string must either be 'full' or 'partition'")),
        };
    }
    let Some(array) = bounds.as_array() else {
        return Err(Error::location(
            5_733_403,
            "the bounds in a range statement must be the string 'full', the string 'partition' or an ascending array of two numbers or two dates",
        ));
    };
    let mut values = array.values();
    let (Some(low), Some(high), None) = (values.next(), values.next(), values.next()) else {
        return Err(Error::location(5_733_403, "a bounding array in a range statement must have exactly two elements"));
    };
    let fits = |value: Value<'_>| if is_date { value.tag() == Tag::DateTime } else { value.is_number() };
    if !fits(low) || !fits(high) {
        return Err(Error::location(
            5_733_402,
            "a bounding array must contain either both dates, with a unit, or both numeric types, without one",
        ));
    }
    if compare(low, high).is_gt() {
        return Err(Error::location(5_733_402, "the bounds in a range statement must be in ascending order"));
    }
    Ok(DensifyBounds::Range(OwnedValue::new(low), OwnedValue::new(high)))
}
