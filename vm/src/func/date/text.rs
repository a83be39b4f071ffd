//! `$dateToString` and `$dateFromString`.

use super::format::{self, ISO_LOCAL, ISO_UTC};
use super::{date, found, is_null, only_an_object, parse, zone};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::func::{Args, Context, Example, Fault, Function, Param, build};
use crate::value::Value;

/// `$dateToString`.
pub(super) const DATE_TO_STRING: Function = Function {
    name: "$dateToString",
    args: Args::Named {
        params: &[
            Param::required("date", Fault::new(18628, "Missing 'date' parameter to {op}")),
            Param::optional("format"),
            Param::optional("timezone"),
            Param::ON_NULL,
        ],
        not_a_document: only_an_object(18629),
        unknown: Fault::new(18534, "Unrecognized argument to {op}: {name}"),
    },
    pure: true,
    doc: "A date as text, in ISO 8601 or under a format of % specifiers.",
    examples: &[
        Example {
            document: r#"{"d": {"$date": "2014-01-01T08:15:39.736Z"}}"#,
            expression: r#"{"$dateToString": {"date": "$d", "format": "%H:%M:%S:%L%z", "timezone": "America/New_York"}}"#,
            value: r#""03:15:39:736-0500""#,
        },
        Example {
            document: r#"{"d": {"$date": "2014-01-01T08:15:39.736Z"}}"#,
            expression: r#"{"$dateToString": {"date": "$d"}}"#,
            value: r#""2014-01-01T08:15:39.736Z""#,
        },
        Example {
            document: "{}",
            expression: r#"{"$dateToString": {"date": "$d", "onNull": "never"}}"#,
            value: r#""never""#,
        },
    ],
    eval: date_to_string,
};

fn date_to_string<'d>(context: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let &[value, format, timezone] = args else { return Ok(Value::NULL) };
    let format_text = format_argument(format, "$dateToString", 18533, format::check_write_format)?;
    let zone = zone(timezone)?;
    if value.is_nullish() || is_null(format) {
        return Ok(Value::NULL);
    }
    let Some(zone) = zone else { return Ok(Value::NULL) };
    let format = format_text.unwrap_or(if zone.is_utc() { ISO_UTC } else { ISO_LOCAL });
    let text = format::write(format, &zone, date(value)?)?;
    Ok(build::string(context.arena, text.as_bytes()))
}

/// `$dateFromString`.
pub(super) const DATE_FROM_STRING: Function = Function {
    name: "$dateFromString",
    args: Args::Named {
        params: &[
            Param::required("dateString", Fault::new(40542, "Missing 'dateString' parameter to {op}")),
            Param::optional("format"),
            Param::optional("timezone"),
            Param::ON_NULL,
            Param::ON_ERROR,
        ],
        not_a_document: Fault::new(40540, "{op} only supports an object as an argument, found: {type}"),
        unknown: Fault::new(40541, "Unrecognized argument to {op}: {name}"),
    },
    pure: true,
    doc: "The date a text denotes, in one of the usual notations or under a format of % specifiers.",
    examples: &[
        Example {
            document: "{}",
            expression: r#"{"$dateFromString": {"dateString": "2017-02-08T12:10:40.787", "timezone": "America/New_York"}}"#,
            value: r#"{"$date": "2017-02-08T17:10:40.787Z"}"#,
        },
        Example {
            document: "{}",
            expression: r#"{"$dateFromString": {"dateString": "06-15-2018", "format": "%m-%d-%Y"}}"#,
            value: r#"{"$date": "2018-06-15T00:00:00Z"}"#,
        },
        Example {
            document: "{}",
            expression: r#"{"$dateFromString": {"dateString": "soon", "onError": "not a date"}}"#,
            value: r#""not a date""#,
        },
    ],
    eval: date_from_string,
};

fn date_from_string<'d>(_: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    const OP: &str = "$dateFromString";
    let &[value, format, timezone] = args else { return Ok(Value::NULL) };
    let format_text = format_argument(format, OP, 40684, format::check_read_format)?;
    let zone = zone(timezone)?;
    if value.is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(text) = value.as_str() else {
        let message = format!("{OP} requires that 'dateString' be a string, {}", found(value));
        return Err(Error::new(Code::CONVERSION_FAILURE, message));
    };
    let (Some(zone), false) = (zone, is_null(format)) else { return Ok(Value::NULL) };
    let millis = match format_text {
        Some(format) => parse::with_format(text, format, &zone)?,
        None => parse::date(text, &zone)?,
    };
    Ok(Value::date_time(millis))
}

/// The text of a `format` argument, checked; `None` when it was left out or is null.
fn format_argument<'d>(
    value: Value<'d>,
    op: &str,
    code: i32,
    check: fn(&str) -> Result<()>,
) -> Result<Option<&'d str>> {
    if value.is_nullish() {
        return Ok(None);
    }
    let Some(text) = value.as_str() else {
        return Err(Error::location(code, format!("{op} requires that 'format' be a string, {}", found(value))));
    };
    check(text)?;
    Ok(Some(text))
}
