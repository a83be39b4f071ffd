//! Time zones: UTC, fixed offsets, and the named zones of the Olson database, which is compiled in.
//!
//! Dates reach far beyond the years the zone library covers; outside its range the calendar's 400-year cycle stands in
//! for the future, and the zone's earliest offset for the past.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use super::calendar::{Civil, DAYS_PER_CYCLE, SECONDS_PER_DAY, day_number};
use crate::error::{Error, Result};

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Years the zone library is asked about.
const KNOWN_YEARS: std::ops::RangeInclusive<i64> = -9998..=9998;

/// A time zone.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// A fixed offset, in seconds east of UTC.
    Fixed(i32),
    /// A zone of the Olson database.
    Named(TimeZone),
}

impl Zone {
    /// Coordinated Universal Time.
    pub(crate) const UTC: Zone = Zone::Fixed(0);

    /// The zone of an Olson identifier (case matters) or of an offset `±hh`, `±hhmm` or `±hh:mm`.
    pub(crate) fn parse(text: &str) -> Result<Zone> {
        Zone::find(text).ok_or_else(|| Error::location(40485, format!("unrecognized time zone identifier: \"{text}\"")))
    }

    /// [`Zone::parse`] without an error to word.
    pub(crate) fn find(text: &str) -> Option<Zone> {
        match text.as_bytes().first()? {
            b'+' | b'-' => Zone::from_offset(text),
            _ if matches!(text, "UTC" | "GMT") => Some(Zone::UTC),
            _ => {
                let zone = DATABASE.get(text).ok()?;
                (zone.iana_name() == Some(text) && !zone.is_unknown()).then_some(Zone::Named(zone))
            }
        }
    }

    /// The zone of `±hh`, `±hhmm` or `±hh:mm`. Hours and minutes go up to 99, as in mongod.
    fn from_offset(text: &str) -> Option<Zone> {
        let (sign, digits) = text.split_at_checked(1)?;
        let (hours, minutes) = match digits.len() {
            2 => (digits, "00"),
            4 => digits.split_at_checked(2)?,
            5 => digits.split_once(':')?,
            _ => return None,
        };
        let number = |text: &str| {
            (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<i32>().ok())?
        };
        let seconds = number(hours)? * 3600 + number(minutes)? * 60;
        Some(Zone::Fixed(if sign == "-" { -seconds } else { seconds }))
    }

    /// Whether this is UTC under any of its names.
    pub(crate) fn is_utc(&self) -> bool {
        matches!(self, Zone::Fixed(0))
    }

    /// Seconds east of UTC at a moment given in seconds since the epoch.
    pub(crate) fn offset_at(&self, seconds: i64) -> i64 {
        match self {
            Zone::Fixed(offset) => i64::from(*offset),
            Zone::Named(zone) => i64::from(zone.to_offset(timestamp(seconds)).seconds()),
        }
    }

    /// Whether daylight saving time holds at that moment.
    pub(crate) fn is_daylight_saving(&self, seconds: i64) -> bool {
        match self {
            Zone::Fixed(_) => false,
            Zone::Named(zone) => zone.to_offset_info(timestamp(seconds)).dst().is_dst(),
        }
    }

    /// What the clock shows at a moment.
    pub(crate) fn civil(&self, seconds: i64) -> Civil {
        Civil::from_seconds(seconds + self.offset_at(seconds))
    }

    /// The moment at which the clock shows `local` (seconds on that clock). A time that the clock skips is read with
    /// the offset before the gap; one that it shows twice is the first when `daylight_saving`, else the second.
    pub(crate) fn moment(&self, local: i64, daylight_saving: bool) -> i64 {
        let zone = match self {
            Zone::Fixed(offset) => return local - i64::from(*offset),
            Zone::Named(zone) => zone,
        };
        let offset = match zone.to_ambiguous_timestamp(clock(into_known_years(local))).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset,
            AmbiguousOffset::Gap { before, .. } => before,
            AmbiguousOffset::Fold { before, after } => {
                if daylight_saving {
                    before
                } else {
                    after
                }
            }
        };
        local - i64::from(offset.seconds())
    }
}

/// A moment of the years the zone library knows; one that lies in the future keeps its place in the calendar's cycle.
fn into_known_years(seconds: i64) -> i64 {
    const CYCLE: i64 = DAYS_PER_CYCLE * SECONDS_PER_DAY;
    let first = day_number(*KNOWN_YEARS.start(), 1, 1) * SECONDS_PER_DAY;
    let last = day_number(*KNOWN_YEARS.end(), 12, 31) * SECONDS_PER_DAY;
    if seconds > last { seconds - ((seconds - last) / CYCLE + 1) * CYCLE } else { seconds.max(first) }
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(into_known_years(seconds)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The zone library's form of a clock reading within the known years.
fn clock(seconds: i64) -> DateTime {
    let civil = Civil::from_seconds(seconds);
    DateTime::new(
        civil.year as i16,
        civil.month as i8,
        civil.day as i8,
        civil.hour as i8,
        civil.minute as i8,
        civil.second as i8,
        0,
    )
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> i64 {
        day_number(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60
    }

    #[test]
    fn identifiers() {
        for (text, offset) in [("+05:30", 19_800), ("-0500", -18_000), ("+03", 10_800), ("+99:99", 362_340), ("UTC", 0)]
        {
            assert_eq!(Zone::parse(text).unwrap().offset_at(0), offset, "{text}");
        }
        for text in ["", "Z", "EDT", "america/new_york", "+100:00", "25:00", "+5", "+05:3", "+0 :00", "America/Nowhere"]
        {
            assert_eq!(Zone::parse(text).unwrap_err().code().0, 40485, "{text}");
        }
    }

    #[test]
    fn offsets_follow_daylight_saving() {
        let zone = Zone::parse("America/New_York").unwrap();
        assert_eq!(zone.offset_at(at(2020, 1, 1, 12, 0)), -5 * 3600);
        assert_eq!(zone.offset_at(at(2020, 7, 1, 12, 0)), -4 * 3600);
        // Far beyond the library's years the rules still hold.
        assert_eq!(zone.offset_at(at(200_000, 7, 1, 12, 0)), -4 * 3600);
        assert_eq!(zone.offset_at(i64::MIN / 1000), -17_762);
        assert_eq!(zone.moment(at(200_000, 7, 1, 12, 0), false), at(200_000, 7, 1, 16, 0));
    }

    #[test]
    fn gaps_and_folds() {
        let new_york = Zone::parse("America/New_York").unwrap();
        assert_eq!(new_york.moment(at(2020, 3, 8, 2, 30), false), at(2020, 3, 8, 7, 30));
        assert_eq!(new_york.moment(at(2020, 11, 1, 1, 30), true), at(2020, 11, 1, 5, 30));
        assert_eq!(new_york.moment(at(2020, 11, 1, 1, 30), false), at(2020, 11, 1, 6, 30));
    }
}
