//! Computing with dates: `$dateAdd`, `$dateSubtract`, `$dateDiff`, `$dateTrunc`.
//!
//! Units up to the hour are lengths of time and count in UTC; days and longer follow the calendar of the time zone, so
//! that a day stays a day when clocks change.

use super::calendar::{self, SECONDS_PER_DAY, day_number, days_in_month};
use super::zone::Zone;
use super::{is_null, join, moment_of, only_an_object, zone};
use crate::error::{Error, Result};
use crate::func::convert::integer;
use crate::func::display::describe;
use crate::func::{Args, Context, Example, Fault, Function, Param};
use crate::value::{Tag, Value};

/// A unit of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    /// A length of time, in milliseconds: millisecond, second, minute, hour.
    Length(i64),
    /// So many days: day, week.
    Days(i64),
    /// So many months: month, quarter, year.
    Months(i64),
}

const UNITS: [(&str, Unit); 9] = [
    ("year", Unit::Months(12)),
    ("quarter", Unit::Months(3)),
    ("month", Unit::Months(1)),
    ("week", Unit::Days(7)),
    ("day", Unit::Days(1)),
    ("hour", Unit::Length(3_600_000)),
    ("minute", Unit::Length(60_000)),
    ("second", Unit::Length(1000)),
    ("millisecond", Unit::Length(1)),
];

impl Unit {
    fn parse(text: &str) -> Option<Unit> {
        UNITS.iter().find(|(name, _)| *name == text).map(|(_, unit)| *unit)
    }

    /// The most of this unit that can lie between two dates: 2^64 milliseconds.
    fn most(self) -> i64 {
        const MILLIS: u128 = 1 << 64;
        const MILLIS_PER_DAY: u128 = 86_400_000;
        // Mean years of the calendar, rounded up.
        const YEARS: i64 = 584_554_050;
        match self {
            Unit::Length(1) => i64::MAX,
            Unit::Length(millis) => (MILLIS / millis.unsigned_abs() as u128) as i64,
            Unit::Days(days) => (MILLIS / (MILLIS_PER_DAY * days.unsigned_abs() as u128)) as i64,
            Unit::Months(months) => YEARS * 12 / months,
        }
    }
}

/// A unit of time, for those who count in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeUnit(Unit);

impl TimeUnit {
    /// The unit of this name: "millisecond" to "year".
    pub fn parse(name: &str) -> Option<TimeUnit> {
        Unit::parse(name).map(TimeUnit)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        UNITS.iter().find(|(_, unit)| *unit == self.0).map_or("", |(name, _)| name)
    }

    /// Its length in milliseconds; `None` when that differs from time to time.
    pub fn millis(self) -> Option<i64> {
        match self.0 {
            Unit::Length(millis) => Some(millis),
            Unit::Days(days) => Some(days * SECONDS_PER_DAY * 1000),
            Unit::Months(_) => None,
        }
    }

    /// The moment so many units later; an end of time where BSON has no date for it.
    pub fn add(self, millis: i64, amount: i64) -> i64 {
        let amount = amount.clamp(-self.0.most(), self.0.most());
        let end = if amount < 0 { i64::MIN } else { i64::MAX };
        add(millis, self.0, amount, &Zone::UTC).unwrap_or(end)
    }
}

const INCOMPLETE: Fault = Fault::new(5166402, "{op} requires startDate, unit, and amount to be present");

const SHIFT_ARGS: Args = Args::Named {
    params: &[
        Param::required("startDate", INCOMPLETE),
        Param::required("unit", INCOMPLETE),
        Param::required("amount", INCOMPLETE),
        Param::optional("timezone"),
    ],
    not_a_document: Fault::new(5166400, "{op} expects an object as its argument.found input type: {type}"),
    unknown: Fault::new(
        5166401,
        "Unrecognized argument to {op}: {name}. Expected arguments are startDate, unit, amount, and optionally timezone.",
    ),
};

/// `$dateAdd`.
pub(super) const DATE_ADD: Function = Function {
    name: "$dateAdd",
    args: SHIFT_ARGS,
    pure: true,
    doc: "The date so many units later; a day that the month lacks becomes the month's last day.",
    examples: &[
        Example {
            document: r#"{"d": {"$date": "2021-01-31T00:00:00Z"}}"#,
            expression: r#"{"$dateAdd": {"startDate": "$d", "unit": "month", "amount": 1}}"#,
            value: r#"{"$date": "2021-02-28T00:00:00Z"}"#,
        },
        Example {
            document: r#"{"d": {"$date": "2020-10-31T12:10:05Z"}}"#,
            expression: r#"{"$dateAdd": {"startDate": "$d", "unit": "day", "amount": 1, "timezone": "America/New_York"}}"#,
            value: r#"{"$date": "2020-11-01T13:10:05Z"}"#,
        },
    ],
    eval: |_, args| shift(args, "$dateAdd", 1),
};

/// `$dateSubtract`.
pub(super) const DATE_SUBTRACT: Function = Function {
    name: "$dateSubtract",
    args: SHIFT_ARGS,
    pure: true,
    doc: "The date so many units earlier; a day that the month lacks becomes the month's last day.",
    examples: &[Example {
        document: r#"{"d": {"$date": "2021-03-31T12:00:00Z"}}"#,
        expression: r#"{"$dateSubtract": {"startDate": "$d", "unit": "month", "amount": 1}}"#,
        value: r#"{"$date": "2021-02-28T12:00:00Z"}"#,
    }],
    eval: |_, args| shift(args, "$dateSubtract", -1),
};

fn shift<'d>(args: &[Value<'d>], op: &str, direction: i64) -> Result<Value<'d>> {
    let &[start, unit, amount, timezone] = args else { return Ok(Value::NULL) };
    if start.is_nullish() || unit.is_nullish() || amount.is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(zone) = zone(timezone)? else { return Ok(Value::NULL) };
    let Some(millis) = moment_of(start) else {
        return Err(Error::location(5166403, format!("{op} requires startDate to be convertible to a date")));
    };
    let Some(name) = unit.as_str() else {
        return Err(Error::location(
            5439013,
            format!("{op} requires 'unit' to be a string, but got {}", unit.tag().name()),
        ));
    };
    let Some(unit) = Unit::parse(name) else {
        return Err(Error::failed_to_parse(format!("unknown time unit value: {name}")));
    };
    let Some(amount) = integer::exact_i64(amount) else {
        return Err(Error::location(5166405, format!("{op} expects integer amount of time units")));
    };
    let Some(signed) = amount.checked_mul(direction) else {
        let message = format!("invalid dateSubtract 'amount' parameter value: {amount} {name}");
        return Err(Error::location(6045000, message));
    };
    if signed.unsigned_abs() > unit.most().unsigned_abs() {
        return Err(Error::location(5976500, format!("invalid dateAdd 'amount' parameter value: {signed} {name}")));
    }
    match add(millis, unit, signed, &zone) {
        Some(millis) => Ok(Value::date_time(millis)),
        None => Err(Error::location(5166406, format!("{op} overflowed"))),
    }
}

/// The moment `amount` units later, if BSON has a date for it. `amount` is within [`Unit::most`].
fn add(millis: i64, unit: Unit, amount: i64, zone: &Zone) -> Option<i64> {
    let seconds = millis.div_euclid(1000);
    let civil = zone.civil(seconds);
    let day = match unit {
        Unit::Length(length) => {
            return i64::try_from(i128::from(millis) + i128::from(amount) * i128::from(length)).ok();
        }
        Unit::Days(days) => civil.day_number + amount * days,
        Unit::Months(months) => {
            let month = civil.year * 12 + civil.month - 1 + amount * months;
            let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
            day_number(year, month, civil.day.min(days_in_month(year, month)))
        }
    };
    let local = day * SECONDS_PER_DAY + civil.second_of_day();
    join(zone.moment(local, zone.is_daylight_saving(seconds)), millis.rem_euclid(1000))
}

/// The unit argument of `$dateDiff` and `$dateTrunc`.
fn unit_of(value: Value<'_>, op: &str) -> Result<Unit> {
    let Some(text) = value.as_str() else {
        let message = format!("{op} requires 'unit' to be a string, but got {}", value.tag().name());
        return Err(Error::location(5439013, message));
    };
    Unit::parse(text).ok_or_else(|| {
        let message = format!("{op} parameter 'unit' value cannot be recognized as a time unit: {text}");
        Error::location(5439014, message)
    })
}

/// The `startOfWeek` argument as an ISO weekday; Sunday when it was left out.
fn start_of_week(value: Value<'_>, op: &str) -> Result<i64> {
    const SUNDAY: i64 = 7;
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    if value.is_nothing() {
        return Ok(SUNDAY);
    }
    let Some(text) = value.as_str() else {
        let message = format!("{op} requires 'startOfWeek' to be a string, but got {}", value.tag().name());
        return Err(Error::location(5439015, message));
    };
    let names = |day: &str| text.eq_ignore_ascii_case(day) || text.eq_ignore_ascii_case(&day[..3]);
    match DAYS.iter().position(|day| names(day)) {
        Some(index) => Ok(index as i64 + 1),
        None => {
            let message = format!("{op} parameter 'startOfWeek' value cannot be recognized as a day of a week: {text}");
            Err(Error::location(5439016, message))
        }
    }
}

/// Whether the unit is `"week"`: only then `startOfWeek` counts.
fn is_week(unit: Value<'_>) -> bool {
    unit.as_str_bytes() == Some(b"week")
}

/// `$dateDiff`.
pub(super) const DATE_DIFF: Function = Function {
    name: "$dateDiff",
    args: Args::Named {
        params: &[
            Param::required("startDate", Fault::new(5166303, "Missing 'startDate' parameter to {op}")),
            Param::required("endDate", Fault::new(5166304, "Missing 'endDate' parameter to {op}")),
            Param::required("unit", Fault::new(5166305, "Missing 'unit' parameter to {op}")),
            Param::optional("timezone"),
            Param::optional("startOfWeek"),
        ],
        not_a_document: only_an_object(5166301),
        unknown: Fault::new(5166302, "Unrecognized argument to {op}: {name}"),
    },
    pure: true,
    doc: "How many boundaries of a unit lie between two dates.",
    examples: &[
        Example {
            document: r#"{"a": {"$date": "2010-12-31T00:00:00Z"}, "b": {"$date": "2011-01-01T00:00:00Z"}}"#,
            expression: r#"{"$dateDiff": {"startDate": "$a", "endDate": "$b", "unit": "year"}}"#,
            value: r#"{"$numberLong": "1"}"#,
        },
        Example {
            document: r#"{"a": {"$date": "2021-01-01T00:00:00Z"}, "b": {"$date": "2021-01-30T00:00:00Z"}}"#,
            expression: r#"{"$dateDiff": {"startDate": "$a", "endDate": "$b", "unit": "week", "startOfWeek": "mon"}}"#,
            value: r#"{"$numberLong": "4"}"#,
        },
    ],
    eval: date_diff,
};

fn date_diff<'d>(_: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    const OP: &str = "$dateDiff";
    let &[start, end, unit, timezone, week_start] = args else { return Ok(Value::NULL) };
    let by_week = is_week(unit);
    if start.is_nullish() || end.is_nullish() || unit.is_nullish() || by_week && is_null(week_start) {
        return Ok(Value::NULL);
    }
    let Some(zone) = zone(timezone)? else { return Ok(Value::NULL) };
    let date = |value: Value<'_>, name| {
        moment_of(value).ok_or_else(|| {
            let message = format!("{OP} requires '{name}' to be a date, but got {}", value.tag().name());
            Error::location(5166307, message)
        })
    };
    let (start, end) = (date(start, "startDate")?, date(end, "endDate")?);
    let unit = unit_of(unit, OP)?;
    let first_day = if by_week { start_of_week(week_start, OP)? } else { 0 };
    let difference = match unit {
        Unit::Length(length) => lengths_between(start, end, length, &zone),
        Unit::Days(1) => Some(local_day(end, &zone) - local_day(start, &zone)),
        Unit::Days(_) => {
            Some(week_number(local_day(end, &zone), first_day) - week_number(local_day(start, &zone), first_day))
        }
        Unit::Months(months) => {
            let period = |millis: i64| {
                let civil = zone.civil(millis.div_euclid(1000));
                (civil.year * 12 + civil.month - 1).div_euclid(months)
            };
            Some(period(end) - period(start))
        }
    };
    difference.map(Value::int64).ok_or_else(|| Error::location(5166308, "dateDiff overflowed"))
}

/// Boundaries of hours, minutes, seconds or milliseconds as the clock of the zone shows them, without the jumps it makes
/// when its offset changes.
fn lengths_between(start: i64, end: i64, length: i64, zone: &Zone) -> Option<i64> {
    let offset = |millis: i64| zone.offset_at(millis.div_euclid(1000)) * 1000;
    let reading = |millis: i64| (i128::from(millis) + i128::from(offset(millis))).div_euclid(i128::from(length));
    i64::try_from(reading(end) - reading(start) + i128::from((offset(start) - offset(end)) / length)).ok()
}

fn local_day(millis: i64, zone: &Zone) -> i64 {
    zone.civil(millis.div_euclid(1000)).day_number
}

/// The number of the week a day belongs to, when weeks begin on this ISO weekday.
fn week_number(day: i64, first_day: i64) -> i64 {
    // Day -3 was a Monday.
    (day + 3 - (first_day - 1)).div_euclid(7)
}

/// `$dateTrunc`.
pub(super) const DATE_TRUNC: Function = Function {
    name: "$dateTrunc",
    args: Args::Named {
        params: &[
            Param::required("date", Fault::new(5439009, "Missing 'date' parameter to {op}")),
            Param::required("unit", Fault::new(5439010, "Missing 'unit' parameter to {op}")),
            Param::optional("binSize"),
            Param::optional("timezone"),
            Param::optional("startOfWeek"),
        ],
        not_a_document: only_an_object(5439007),
        unknown: Fault::new(
            5439008,
            "Unrecognized argument to {op}: {name}. Expected arguments are date, unit, and optionally, binSize, \
             timezone, startOfWeek",
        ),
    },
    pure: true,
    doc: "The start of the period a date falls into; periods are counted from the year 2000.",
    examples: &[
        Example {
            document: r#"{"d": {"$date": "2021-03-20T11:30:05Z"}}"#,
            expression: r#"{"$dateTrunc": {"date": "$d", "unit": "hour", "binSize": 2}}"#,
            value: r#"{"$date": "2021-03-20T10:00:00Z"}"#,
        },
        Example {
            document: r#"{"d": {"$date": "2021-03-20T11:30:05Z"}}"#,
            expression: r#"{"$dateTrunc": {"date": "$d", "unit": "week", "timezone": "America/Los_Angeles", "startOfWeek": "Monday"}}"#,
            value: r#"{"$date": "2021-03-15T07:00:00Z"}"#,
        },
    ],
    eval: date_trunc,
};

fn date_trunc<'d>(_: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    const OP: &str = "$dateTrunc";
    let &[date, unit, bin_size, timezone, week_start] = args else { return Ok(Value::NULL) };
    let by_week = is_week(unit);
    if date.is_nullish() || unit.is_nullish() || is_null(bin_size) || by_week && is_null(week_start) {
        return Ok(Value::NULL);
    }
    let Some(zone) = zone(timezone)? else { return Ok(Value::NULL) };
    let Some(millis) = moment_of(date) else {
        let message = format!("{OP} requires 'date' to be a date, but got {}", date.tag().name());
        return Err(Error::location(5439012, message));
    };
    let parsed = unit_of(unit, OP)?;
    let bin_size = bin_size_of(bin_size)?;
    let first_day = if by_week { start_of_week(week_start, OP)? } else { 0 };
    if bin_size > parsed.most() {
        let name = unit.as_str().unwrap_or_default();
        let message = format!("invalid dateTrunc 'binSize' parameter value: {bin_size} {name}");
        return Err(Error::location(5439005, message));
    }
    match truncate(millis, parsed, bin_size, &zone, first_day) {
        Some(millis) => Ok(Value::date_time(millis)),
        None => Err(Error::location(5439006, "dateTrunc overflowed")),
    }
}

fn bin_size_of(value: Value<'_>) -> Result<i64> {
    if value.tag() == Tag::Nothing {
        return Ok(1);
    }
    let Some(size) = integer::exact_i64(value) else {
        let message = format!(
            "$dateTrunc requires 'binSize' to be a 64-bit integer, but got value '{}' of type {}",
            describe(value),
            value.tag().name()
        );
        return Err(Error::location(5439017, message));
    };
    if size <= 0 {
        let message = format!("$dateTrunc requires 'binSize' to be greater than 0, but got value {size}");
        return Err(Error::location(5439018, message));
    }
    Ok(size)
}

/// The start of the period, if BSON has a date for it. All periods are counted from 2000-01-01T00:00 in the zone, weeks
/// from the first `first_day` not before it.
fn truncate(millis: i64, unit: Unit, bin_size: i64, zone: &Zone, first_day: i64) -> Option<i64> {
    const REFERENCE_YEAR: i64 = 2000;
    let reference_day = day_number(REFERENCE_YEAR, 1, 1);
    let reference = zone.moment(reference_day * SECONDS_PER_DAY, false);
    let civil = zone.civil(millis.div_euclid(1000));
    let day = match unit {
        Unit::Length(length) => {
            let bin = i128::from(length) * i128::from(bin_size);
            let since = i128::from(millis) - i128::from(reference) * 1000;
            return i64::try_from(i128::from(millis) - since.rem_euclid(bin)).ok();
        }
        Unit::Days(days) => {
            let first = if days == 1 { reference_day } else { next_weekday(reference_day, first_day) };
            floor_to(civil.day_number, first, days.checked_mul(bin_size)?)?
        }
        Unit::Months(months) => {
            let month = civil.year * 12 + civil.month - 1;
            let first = floor_to(month, REFERENCE_YEAR * 12, months.checked_mul(bin_size)?)?;
            day_number(first.div_euclid(12), first.rem_euclid(12) + 1, 1)
        }
    };
    join(zone.moment(day.checked_mul(SECONDS_PER_DAY)?, zone.is_daylight_saving(reference)), 0)
}

/// The greatest `origin + k * step` that is not above `number`.
fn floor_to(number: i64, origin: i64, step: i64) -> Option<i64> {
    origin.checked_add((number - origin).div_euclid(step).checked_mul(step)?)
}

/// The first day with this ISO weekday that is not before `day`.
fn next_weekday(day: i64, weekday: i64) -> i64 {
    day + (weekday - calendar::weekday(day)).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::calendar::Civil;
    use super::*;

    fn utc(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> i64 {
        (day_number(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60) * 1000
    }

    fn zone(text: &str) -> Zone {
        Zone::parse(text).unwrap()
    }

    #[test]
    fn added_days_keep_the_clock_reading() {
        // From the manual: an evening in New York across the end of daylight saving time.
        let start = utc(2020, 11, 1, 3, 10);
        assert_eq!(add(start, Unit::Days(1), 1, &zone("America/New_York")), Some(utc(2020, 11, 2, 4, 10)));
        assert_eq!(add(start, Unit::Length(3_600_000), 24, &zone("America/New_York")), Some(utc(2020, 11, 2, 3, 10)));
        assert_eq!(add(i64::MAX, Unit::Days(1), 1, &Zone::UTC), None);
        assert_eq!(add(i64::MIN, Unit::Months(12), -1, &Zone::UTC), None);
    }

    #[test]
    fn hours_between_follow_the_zone() {
        let hour = 3_600_000;
        let (a, b) = (utc(2020, 1, 1, 0, 20), utc(2020, 1, 1, 0, 40));
        assert_eq!(lengths_between(a, b, hour, &Zone::UTC), Some(0));
        assert_eq!(lengths_between(a, b, hour, &zone("+05:30")), Some(1));
        // Across the end of daylight saving time the clock repeats an hour that counts twice.
        let (a, b) = (utc(2020, 11, 1, 4, 0), utc(2020, 11, 1, 7, 0));
        assert_eq!(lengths_between(a, b, hour, &zone("America/New_York")), Some(3));
        assert_eq!(lengths_between(i64::MIN, i64::MAX, 1, &Zone::UTC), None);
    }

    #[test]
    fn periods_count_from_the_year_2000() {
        let date = utc(2021, 3, 20, 11, 30);
        for (unit, bin, first_day, expected) in [
            (Unit::Days(7), 2, 7, utc(2021, 3, 14, 0, 0)),
            (Unit::Days(1), 2, 0, utc(2021, 3, 19, 0, 0)),
            (Unit::Months(3), 1, 0, utc(2021, 1, 1, 0, 0)),
            (Unit::Months(1), 7, 0, utc(2021, 1, 1, 0, 0)),
            (Unit::Months(12), 10, 0, utc(2020, 1, 1, 0, 0)),
        ] {
            assert_eq!(truncate(date, unit, bin, &Zone::UTC, first_day), Some(expected), "{unit:?} {bin}");
        }
        assert_eq!(truncate(utc(1995, 6, 1, 0, 0), Unit::Months(12), 10, &Zone::UTC, 0), Some(utc(1990, 1, 1, 0, 0)));
        assert_eq!(
            truncate(utc(2021, 6, 15, 12, 0), Unit::Length(3_600_000), 1, &zone("+05:70"), 0),
            Some(utc(2021, 6, 15, 11, 50))
        );
        assert_eq!(truncate(i64::MIN, Unit::Months(12), 1, &Zone::UTC, 0), None);
    }

    #[test]
    fn extreme_dates_and_amounts_neither_panic_nor_wrap() {
        let far = Civil::from_seconds(i64::MAX / 1000);
        assert_eq!((far.year, far.month, far.day), (292_278_994, 8, 17));
        let zones = ["UTC", "+99:99", "-99:99", "America/New_York", "Asia/Kolkata"].map(zone);
        let dates = [i64::MIN, i64::MIN + 1, -62_135_596_800_000, -1, 0, 1 << 47, i64::MAX - 1, i64::MAX];
        for (unit, zone) in UNITS.iter().flat_map(|(_, unit)| zones.iter().map(move |zone| (*unit, zone))) {
            for date in dates {
                for amount in [unit.most(), -unit.most(), 1, -1] {
                    if let Some(moved) = add(date, unit, amount, zone) {
                        assert_eq!(moved > date, amount > 0, "{date} {unit:?} {amount} {zone:?}");
                    }
                }
                for bin_size in [1, 7, unit.most()] {
                    if let Some(start) = truncate(date, unit, bin_size, zone, 7) {
                        assert!(start <= date, "{date} {unit:?} {bin_size} {zone:?}");
                    }
                }
            }
        }
    }
}
