//! `$push: {a: 1}` and `$push: {a: {$each: [1, 2], $position: 0, $sort: 1, $slice: -5}}`.

use smongo_vm::update::{Arg, Operator, Push, PushSort, SortField};
use smongo_vm::value::{DocBuf, Element, RawDoc, Value, View};
use smongo_vm::{Error, Result};

use super::Parser;

pub(super) fn parse(field: Element<'_>, parser: &mut Parser<'_>) -> Result<()> {
    let clauses = field.value().as_doc().filter(|doc| doc.get("$each").is_some());
    let push = match clauses {
        Some(clauses) => parse_clauses(clauses, parser)?,
        None => {
            let values = single(field.value());
            Push { values: parser.arg(Value::array(&values))?, position: None, sort: None, slice: None }
        }
    };
    parser.add(field.name_str(), Operator::Push(Box::new(push)))
}

/// An array of one value.
pub(super) fn single(value: Value<'_>) -> DocBuf {
    DocBuf::build(|array| array.value("0", value))
}

fn parse_clauses(clauses: &RawDoc, parser: &mut Parser<'_>) -> Result<Push> {
    let (mut values, mut position, mut sort, mut slice) = (None, None, None, None);
    for clause in clauses {
        let value = clause.value();
        let is_repeated = match clause.name() {
            b"$each" => {
                if value.as_array().is_none() {
                    return Err(Error::bad_value(format!(
                        "The argument to $each in $push must be an array but it was of type: {}",
                        value.tag().name()
                    )));
                }
                values.replace(parser.arg(value)?).is_some()
            }
            b"$position" => {
                let at = integer(value, parser, "The value for $position must be an integer value, not of type: ")?;
                position.replace(at).is_some()
            }
            b"$slice" => {
                let kept =
                    integer(value, parser, "The value for $slice must be an integer value but was given type: ")?;
                slice.replace(kept).is_some()
            }
            b"$sort" => sort.replace(parse_sort(value)?).is_some(),
            _ => return Err(Error::bad_value(format!("Unrecognized clause in $push: {}", clause.name_str()))),
        };
        if is_repeated {
            return Err(Error::bad_value(format!("Only one {} is supported.", clause.name_str())));
        }
    }
    match values {
        Some(values) => Ok(Push { values, position, sort, slice }),
        None => Err(Error::bad_value("$push has modifiers but no $each")),
    }
}

/// Keeps a number of any type that is an integer.
fn integer(value: Value<'_>, parser: &mut Parser<'_>, otherwise: &str) -> Result<Arg> {
    match whole_number(value) {
        Some(whole) => parser.arg(Value::int64(whole)),
        None => Err(Error::bad_value(format!("{otherwise}{}", value.tag().name()))),
    }
}

/// The integer that a number of any type is.
pub(super) fn whole_number(value: Value<'_>) -> Option<i64> {
    match value.view() {
        View::Int32(int) => Some(i64::from(int)),
        View::Int64(int) => Some(int),
        View::Double(double) => {
            let is_whole = double.fract() == 0.0 && double >= i64::MIN as f64 && double < -(i64::MIN as f64);
            is_whole.then_some(double as i64)
        }
        View::Decimal128(decimal) => match decimal.parts() {
            smongo_vm::value::decimal::DecimalParts::Finite(finite) => finite.to_i64(),
            _ => None,
        },
        _ => None,
    }
}

fn parse_sort(value: Value<'_>) -> Result<PushSort> {
    match value.view() {
        View::Document(fields) if fields.is_empty() => {
            Err(Error::bad_value("The $sort pattern is empty when it should be a set of fields."))
        }
        View::Document(fields) => fields.iter().map(parse_sort_field).collect::<Result<_>>().map(PushSort::Fields),
        _ if value.is_number() => Ok(PushSort::Whole { descending: is_descending(value)? }),
        _ => Err(Error::bad_value(
            "The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields",
        )),
    }
}

fn parse_sort_field(field: Element<'_>) -> Result<SortField> {
    let descending = is_descending(field.value())?;
    let path = field.name_str();
    if path.is_empty() {
        return Err(Error::bad_value("The $sort field cannot be empty"));
    }
    if path.split('.').any(str::is_empty) {
        return Err(Error::bad_value(format!("The $sort field is a dotted field but has an empty part: {path}")));
    }
    Ok(SortField { path: path.split('.').map(Box::from).collect(), descending })
}

fn is_descending(direction: Value<'_>) -> Result<bool> {
    match whole_number(direction) {
        Some(1) => Ok(false),
        Some(-1) => Ok(true),
        _ => Err(Error::bad_value("The $sort element value must be either 1 or -1")),
    }
}
