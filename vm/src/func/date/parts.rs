//! The parts of a date: `$year` and its kind, `$dateToParts`, `$dateFromParts`.

use super::calendar::{Civil, SECONDS_PER_DAY, day_number, iso_year_start};

use super::{date, is_null, join, only_an_object, zone};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::func::convert::integer;
use crate::func::display::describe;
use crate::func::{Args, Context, Example, Fault, Function, Param, build};
use crate::value::Value;

const DATE_AND_ZONE: Args = Args::PlainOrNamed {
    params: &[
        Param::required("date", Fault::new(40539, "missing 'date' argument to {op}, provided: {op}: {value}")),
        Param::optional("timezone"),
    ],
    count: Fault::new(40536, "{op} accepts exactly one argument if given an array, but was given {count}"),
    unknown: Fault::new(40535, "unrecognized option to {op}: \"{name}\""),
};

/// The row of an operator that reads one part of a date.
macro_rules! part {
    ($constant:ident, $name:literal, $doc:literal, $value:literal, $read:expr) => {
        #[doc = concat!("`", $name, "`.")]
        pub(super) const $constant: Function = Function {
            name: $name,
            args: DATE_AND_ZONE,
            pure: true,
            doc: $doc,
            examples: &[
                Example {
                    document: r#"{"d": {"$date": "2016-01-08T08:08:08.123Z"}}"#,
                    expression: concat!(r#"{""#, $name, r#"": "$d"}"#),
                    value: $value,
                },
                Example {
                    document: r#"{}"#,
                    expression: concat!(r#"{""#, $name, r#"": {"date": "$d", "timezone": "America/New_York"}}"#),
                    value: "null",
                },
            ],
            eval: |_, args| read_part(args, $read),
        };
    };
}

part!(YEAR, "$year", "The year of a date.", "2016", |civil, _| int(civil.year));
part!(MONTH, "$month", "The month of a date, 1 to 12.", "1", |civil, _| int(civil.month));
part!(DAY_OF_MONTH, "$dayOfMonth", "The day of the month, 1 to 31.", "8", |civil, _| int(civil.day));
part!(DAY_OF_WEEK, "$dayOfWeek", "The day of the week, 1 (Sunday) to 7 (Saturday).", "6", |civil, _| {
    int(civil.day_of_week())
});
part!(DAY_OF_YEAR, "$dayOfYear", "The day of the year, 1 to 366.", "8", |civil, _| int(civil.day_of_year()));
part!(HOUR, "$hour", "The hour, 0 to 23.", "8", |civil, _| int(civil.hour));
part!(MINUTE, "$minute", "The minute, 0 to 59.", "8", |civil, _| int(civil.minute));
part!(SECOND, "$second", "The second, 0 to 59.", "8", |civil, _| int(civil.second));
part!(MILLISECOND, "$millisecond", "The millisecond, 0 to 999.", "123", |_, millis| int(millis));
part!(WEEK, "$week", "The week of the year, 0 to 53; weeks begin on Sunday.", "1", |civil, _| {
    int(civil.week_of_year())
});
part!(ISO_WEEK, "$isoWeek", "The week of the year by ISO 8601, 1 to 53.", "1", |civil, _| int(civil.iso_week().week));
part!(
    ISO_WEEK_YEAR,
    "$isoWeekYear",
    "The year that the ISO 8601 week belongs to.",
    r#"{"$numberLong": "2016"}"#,
    |civil, _| { Value::int64(civil.iso_week().year) }
);
part!(
    ISO_DAY_OF_WEEK,
    "$isoDayOfWeek",
    "The day of the week by ISO 8601, 1 (Monday) to 7 (Sunday).",
    "5",
    |civil, _| { int(civil.iso_week().weekday) }
);

/// Parts are int32; a year beyond that cannot be the year of any BSON date.
fn int(number: i64) -> Value<'static> {
    Value::int32(number as i32)
}

fn read_part<'d>(args: &[Value<'d>], read: fn(&Civil, i64) -> Value<'static>) -> Result<Value<'d>> {
    let &[value, timezone] = args else { return Ok(Value::NULL) };
    if value.is_nullish() {
        return Ok(Value::NULL);
    }
    let millis = date(value)?;
    let Some(zone) = zone(timezone)? else { return Ok(Value::NULL) };
    Ok(read(&zone.civil(millis.div_euclid(1000)), millis.rem_euclid(1000)))
}

/// `$dateToParts`.
pub(super) const DATE_TO_PARTS: Function = Function {
    name: "$dateToParts",
    args: Args::Named {
        params: &[
            Param::required("date", Fault::new(40522, "Missing 'date' parameter to {op}")),
            Param::optional("timezone"),
            Param::optional("iso8601"),
        ],
        not_a_document: only_an_object(40524),
        unknown: Fault::new(40520, "Unrecognized argument to {op}: {name}"),
    },
    pure: true,
    doc: "A document of the parts of a date.",
    examples: &[
        Example {
            document: r#"{"d": {"$date": "2017-01-01T01:29:09.123Z"}}"#,
            expression: r#"{"$dateToParts": {"date": "$d"}}"#,
            value: r#"{"year": 2017, "month": 1, "day": 1, "hour": 1, "minute": 29, "second": 9, "millisecond": 123}"#,
        },
        Example {
            document: r#"{"d": {"$date": "2017-01-01T01:29:09.123Z"}}"#,
            expression: r#"{"$dateToParts": {"date": "$d", "iso8601": true}}"#,
            value: r#"{"isoWeekYear": 2016, "isoWeek": 52, "isoDayOfWeek": 7, "hour": 1, "minute": 29, "second": 9, "millisecond": 123}"#,
        },
    ],
    eval: date_to_parts,
};

fn date_to_parts<'d>(context: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let &[value, timezone, iso8601] = args else { return Ok(Value::NULL) };
    let Some(zone) = zone(timezone)? else { return Ok(Value::NULL) };
    if is_null(iso8601) {
        return Ok(Value::NULL);
    }
    let iso8601 = match iso8601.as_bool() {
        Some(flag) => flag,
        None if iso8601.is_nothing() => false,
        None => {
            let message = format!("iso8601 must evaluate to a bool, found {}", iso8601.tag().name());
            return Err(Error::location(40521, message));
        }
    };
    if value.is_nullish() {
        return Ok(Value::NULL);
    }
    let millis = date(value)?;
    let civil = zone.civil(millis.div_euclid(1000));
    build::document(context.arena, |parts| {
        if iso8601 {
            let iso = civil.iso_week();
            parts.value("isoWeekYear", int(iso.year));
            parts.value("isoWeek", int(iso.week));
            parts.value("isoDayOfWeek", int(iso.weekday));
        } else {
            parts.value("year", int(civil.year));
            parts.value("month", int(civil.month));
            parts.value("day", int(civil.day));
        }
        parts.value("hour", int(civil.hour));
        parts.value("minute", int(civil.minute));
        parts.value("second", int(civil.second));
        parts.value("millisecond", int(millis.rem_euclid(1000)));
        Ok(())
    })
}

/// `$dateFromParts`.
pub(super) const DATE_FROM_PARTS: Function = Function {
    name: "$dateFromParts",
    args: Args::Named {
        params: &[
            Param::optional("year"),
            Param::optional("month"),
            Param::optional("day"),
            Param::optional("isoWeekYear"),
            Param::optional("isoWeek"),
            Param::optional("isoDayOfWeek"),
            Param::optional("hour"),
            Param::optional("minute"),
            Param::optional("second"),
            Param::optional("millisecond"),
            Param::optional("timezone"),
        ],
        not_a_document: only_an_object(40519),
        unknown: Fault::new(40518, "Unrecognized argument to {op}: {name}"),
    },
    pure: true,
    doc: "The date with the given parts; parts beyond their range carry over.",
    examples: &[
        Example {
            document: "{}",
            expression: r#"{"$dateFromParts": {"year": 2017, "month": 14, "day": 1, "hour": 12}}"#,
            value: r#"{"$date": "2018-02-01T12:00:00Z"}"#,
        },
        Example {
            document: "{}",
            expression: r#"{"$dateFromParts": {"isoWeekYear": 2017, "isoWeek": 6, "isoDayOfWeek": 3, "timezone": "+01"}}"#,
            value: r#"{"$date": "2017-02-07T23:00:00Z"}"#,
        },
    ],
    eval: date_from_parts,
};

fn date_from_parts<'d>(_: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let &[year, month, day, iso_year, iso_week, iso_day, hour, minute, second, millisecond, timezone] = args else {
        return Ok(Value::NULL);
    };
    check_mixture(&[year, month, day], &[iso_year, iso_week, iso_day])?;
    let Some(hour) = bounded(hour, "hour", 0)? else { return Ok(Value::NULL) };
    let Some(minute) = bounded(minute, "minute", 0)? else { return Ok(Value::NULL) };
    let Some(second) = bounded(second, "second", 0)? else { return Ok(Value::NULL) };
    let Some(millisecond) = whole(millisecond, "millisecond", 0)? else { return Ok(Value::NULL) };
    let Some(zone) = zone(timezone)? else { return Ok(Value::NULL) };
    let day = if iso_year.is_nothing() {
        let Some(year) = of_era(year, "year", 40523)? else { return Ok(Value::NULL) };
        let Some(month) = bounded(month, "month", 1)? else { return Ok(Value::NULL) };
        let Some(day) = bounded(day, "day", 1)? else { return Ok(Value::NULL) };
        day_number(year, month, day)
    } else {
        let Some(year) = of_era(iso_year, "isoWeekYear", 31095)? else { return Ok(Value::NULL) };
        let Some(week) = bounded(iso_week, "isoWeek", 1)? else { return Ok(Value::NULL) };
        let Some(day) = bounded(iso_day, "isoDayOfWeek", 1)? else { return Ok(Value::NULL) };
        iso_year_start(year) + (week - 1) * 7 + day - 1
    };
    // mongod keeps the sub-second part in microseconds, and says so when they overflow.
    if millisecond.checked_mul(1000).is_none() {
        let message = "Overflow casting from a lower-precision duration to a higher-precision duration";
        return Err(Error::new(Code::DURATION_OVERFLOW, message));
    }
    let local = day * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second + millisecond.div_euclid(1000);
    match join(zone.moment(local, false), millisecond.rem_euclid(1000)) {
        Some(millis) => Ok(Value::date_time(millis)),
        None => Err(Error::new(Code::DURATION_OVERFLOW, "date out of range")),
    }
}

fn check_mixture(natural: &[Value<'_>; 3], iso: &[Value<'_>; 3]) -> Result<()> {
    let given = |values: &[Value<'_>; 3]| values.iter().any(|value| !value.is_nothing());
    let mixed = |code| Err(Error::location(code, "$dateFromParts does not allow mixing natural dates with ISO dates"));
    match (natural[0].is_nothing(), iso[0].is_nothing()) {
        (true, true) => {
            let message = "$dateFromParts requires either 'year' or 'isoWeekYear' to be present";
            Err(Error::location(40516, message))
        }
        (false, _) if given(iso) => mixed(40489),
        (true, false) if given(natural) => mixed(40525),
        _ => Ok(()),
    }
}

/// A part as an integer: `missing` when it was left out, `None` when it is null.
fn whole(value: Value<'_>, name: &str, missing: i64) -> Result<Option<i64>> {
    if value.is_nothing() {
        return Ok(Some(missing));
    }
    if value.is_nullish() {
        return Ok(None);
    }
    match integer::exact_i64(value) {
        Some(number) => Ok(Some(number)),
        None => {
            let (kind, shown) = (value.tag().name(), describe(value));
            let message = format!("'{name}' must evaluate to an integer, found {kind} with value {shown}");
            Err(Error::location(40515, message))
        }
    }
}

/// A part that may lie outside its usual range, but not far.
fn bounded(value: Value<'_>, name: &str, missing: i64) -> Result<Option<i64>> {
    let number = whole(value, name, missing)?;
    match number {
        Some(number) if i16::try_from(number).is_err() => {
            let message = format!(
                "'{name}' must evaluate to a value in the range [-32768, 32767]; value {number} is not in range"
            );
            Err(Error::location(31034, message))
        }
        _ => Ok(number),
    }
}

/// A year.
fn of_era(value: Value<'_>, name: &str, code: i32) -> Result<Option<i64>> {
    let number = whole(value, name, 1970)?;
    match number {
        Some(number) if !(1..=9999).contains(&number) => {
            let message = format!("'{name}' must evaluate to an integer in the range 1 to 9999, found {number}");
            Err(Error::location(code, message))
        }
        _ => Ok(number),
    }
}
