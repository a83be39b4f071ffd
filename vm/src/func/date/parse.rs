//! Reading dates: the notations `$dateFromString` and `$toDate` accept, and formats of `%` specifiers.
//!
//! Without a format a text is read word by word: dates (`2017-02-08`, `2017-W06-3`, `8 Feb 2017`, `2/8/2017`, …), times,
//! zones and names may follow one another in any order, and at least year, month and day must come out. Words that are
//! relative to now ("tomorrow") are refused, because a result must not depend on the clock.

use super::calendar::{SECONDS_PER_DAY, day_number, days_in_month, is_leap_year, iso_year_start};
use super::format::MONTHS;
use super::join;
use super::zone::Zone;
use crate::code::Code;
use crate::error::{Error, Result};

/// Abbreviations of zones that occur in dates, with their offsets in minutes. The Olson database knows further names.
const ABBREVIATIONS: [(&str, i32); 26] = [
    ("z", 0),
    ("utc", 0),
    ("gmt", 0),
    ("wet", 0),
    ("west", 60),
    ("bst", 60),
    ("cet", 60),
    ("cest", 120),
    ("eet", 120),
    ("eest", 180),
    ("msk", 180),
    ("jst", 540),
    ("kst", 540),
    ("ndt", -150),
    ("nst", -210),
    ("adt", -180),
    ("ast", -240),
    ("edt", -240),
    ("est", -300),
    ("cdt", -300),
    ("cst", -360),
    ("mdt", -360),
    ("mst", -420),
    ("pdt", -420),
    ("pst", -480),
    ("hst", -600),
];

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What has been read so far.
#[derive(Default, Debug)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_day: Option<i64>,
    hour: Option<i64>,
    minute: i64,
    second: i64,
    millis: i64,
    zone: Option<WrittenZone>,
}

/// A zone that stands in the text.
#[derive(Debug)]
enum WrittenZone {
    /// An offset, in seconds.
    Offset(i32),
    /// A name.
    Named(Zone, String),
}

/// The reading position.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, char: char) -> bool {
        let found = self.peek() == Some(char);
        if found {
            self.at += char.len_utf8();
        }
        found
    }

    fn take_any(&mut self, chars: &str) -> Option<char> {
        let char = self.peek().filter(|char| chars.contains(*char))?;
        self.at += char.len_utf8();
        Some(char)
    }

    fn skip_spaces(&mut self) {
        while self.take_any(" \t,").is_some() {}
    }

    /// Between `least` and `most` digits, as many as there are.
    fn digits(&mut self, least: usize, most: usize) -> Option<(i64, usize)> {
        let count = self.rest().bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let number = self.rest().get(..count)?.parse().ok()?;
        self.at += count;
        Some((number, count))
    }

    /// As [`Reader::digits`], but only when no further digit follows.
    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let start = self.at;
        let found = self.digits(least, most).filter(|_| !self.peek().is_some_and(|char| char.is_ascii_digit()));
        if found.is_none() {
            self.at = start;
        }
        found.map(|(number, _)| number)
    }

    /// Letters.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|char: char| !char.is_alphabetic()).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Runs `read`; when it gives nothing the position stays.
    fn attempt<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let found = read(self);
        if found.is_none() {
            self.at = start;
        }
        found
    }

    fn fail<T>(&self, reason: &str) -> Result<T> {
        let char = self.peek().map(String::from).unwrap_or_default();
        Err(conversion(format!("Error parsing date string '{}'; {}: {reason} '{char}'", self.text, self.at)))
    }
}

fn conversion(message: String) -> Error {
    Error::new(Code::CONVERSION_FAILURE, message)
}

/// The date a text denotes, in milliseconds; without a zone of its own it is read in `zone`.
pub(crate) fn date(text: &str, zone: &Zone) -> Result<i64> {
    let mut reader = Reader::new(text);
    let mut fields = Fields::default();
    loop {
        reader.skip_spaces();
        let Some(next) = reader.peek() else { break };
        if next.is_ascii_digit() {
            let understood = fields.hour.is_none() && reader.attempt(|reader| read_time(reader, &mut fields)).is_some()
                || reader.attempt(|reader| read_numeric_date(reader, &mut fields)).is_some();
            if !understood {
                return reader.fail("Unexpected character");
            }
        } else if fields.hour.is_none() && matches!(next, 't' | 'T') && digit_follows(&reader) {
            reader.at += 1;
            if reader.attempt(|reader| read_clock(reader, &mut fields)).is_none() {
                return reader.fail("Unexpected character");
            }
        } else if matches!(next, '+' | '-') && fields.hour.is_some() || next.is_alphabetic() {
            if reader.attempt(|reader| read_month_date(reader, &mut fields)).is_some() {
                continue;
            }
            if reader.attempt(read_weekday).is_some() {
                continue;
            }
            match reader.attempt(read_zone) {
                Some(_) if fields.zone.is_some() => return reader.fail("Double timezone specification"),
                Some(written) => fields.zone = Some(written),
                None => return reader.fail("The timezone could not be found in the database"),
            }
        } else {
            return reader.fail("Unexpected character");
        }
    }
    fields.resolve(text, zone)
}

fn digit_follows(reader: &Reader<'_>) -> bool {
    reader.rest().as_bytes().get(1).is_some_and(u8::is_ascii_digit)
}

/// `12:10[:40[.787]]`, optionally with `am` or `pm`.
fn read_time(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    let hour = reader.number(1, 2)?;
    let with_minute = reader.take(':');
    if with_minute {
        fields.minute = reader.number(2, 2).filter(|minute| *minute < 60)?;
        read_seconds(reader, fields)?;
    }
    let half = reader.attempt(|reader| {
        reader.skip_spaces();
        match reader.word().to_ascii_lowercase().as_str() {
            "am" => Some(0),
            "pm" => Some(12),
            _ => None,
        }
    });
    fields.hour = match half {
        Some(half) => Some((1..=12).contains(&hour).then_some(hour % 12 + half)?),
        None => Some(hour).filter(|hour| with_minute && *hour <= 24),
    };
    fields.hour.map(|_| ())
}

/// What may follow the `T` of ISO 8601: `12:10:40`, `121040`, `1210` or `12`.
fn read_clock(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    if reader.attempt(|reader| read_time(reader, fields)).is_some() {
        return Some(());
    }
    let hour = reader.digits(2, 2)?.0;
    if let Some((minute, _)) = reader.digits(2, 2) {
        fields.minute = minute;
        if let Some((second, _)) = reader.digits(2, 2) {
            fields.second = second;
            read_fraction(reader, fields)?;
        }
    }
    fields.hour = Some(hour).filter(|hour| *hour <= 24 && fields.minute < 60 && fields.second <= 60);
    fields.hour.map(|_| ())
}

fn read_seconds(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    if reader.take(':') {
        fields.second = reader.number(2, 2).filter(|second| *second <= 60)?;
        read_fraction(reader, fields)?;
    }
    Some(())
}

/// `.787`: digits beyond the third are dropped.
fn read_fraction(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    if reader.take_any(".,").is_none() {
        return Some(());
    }
    let (number, count) = reader.digits(1, 3)?;
    fields.millis = number * [100, 10, 1][count - 1];
    while reader.digits(1, 9).is_some() {}
    Some(())
}

impl Fields {
    /// Notes a date, unless one has been read before.
    fn set_date(&mut self, year: i64, month: i64, day: i64) -> Option<()> {
        if self.year.is_some() || self.iso_year.is_some() || month > 12 || day > 31 {
            return None;
        }
        (self.year, self.month, self.day) = (Some(year), Some(month), Some(day));
        Some(())
    }
}

/// Dates that begin with a digit.
fn read_numeric_date(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    if let Some(year) = reader.number(4, 4) {
        return read_after_year(reader, fields, year);
    }
    if let Some(compact) = reader.number(8, 8) {
        return fields.set_date(compact / 10_000, compact / 100 % 100, compact % 100);
    }
    if let Some(compact) = reader.number(7, 7) {
        (fields.year, fields.day_of_year) = (Some(compact / 1000), Some(compact % 1000));
        return Some(());
    }
    if let Some(compact) = reader.number(14, 14) {
        let (day, time) = (compact / 1_000_000, compact % 1_000_000);
        (fields.hour, fields.minute, fields.second) = (Some(time / 10_000), time / 100 % 100, time % 100);
        return fields.set_date(day / 10_000, day / 100 % 100, day % 100);
    }
    let first = reader.number(1, 2)?;
    match reader.peek()? {
        '/' => {
            reader.at += 1;
            let day = reader.number(1, 2)?;
            reader.take('/').then_some(())?;
            let year = reader.number(4, 4)?;
            fields.set_date(year, first, day)
        }
        separator @ ('-' | '.') if !letter_follows(reader) => {
            reader.at += 1;
            let month = reader.number(1, 2)?;
            reader.take(separator).then_some(())?;
            let year = reader.number(4, 4)?;
            fields.set_date(year, month, first)
        }
        _ => {
            read_ordinal(reader);
            while reader.take_any(" \t-.").is_some() {}
            let month = read_month_name(reader)?;
            while reader.take_any(" \t-.,").is_some() {}
            let year = reader.number(4, 4)?;
            fields.set_date(year, month, first)
        }
    }
}

fn letter_follows(reader: &Reader<'_>) -> bool {
    reader.rest().as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic)
}

/// What may follow a year of four digits.
fn read_after_year(reader: &mut Reader<'_>, fields: &mut Fields, year: i64) -> Option<()> {
    let week = |reader: &mut Reader<'_>, fields: &mut Fields| {
        reader.take('W').then_some(())?;
        let week = reader.digits(2, 2)?.0;
        let dash = reader.take('-');
        let day = reader.number(1, 1);
        if week > 53 || dash && day.is_none() {
            return None;
        }
        (fields.iso_year, fields.iso_week, fields.iso_day) = (Some(year), Some(week), Some(day.unwrap_or(1)));
        Some(())
    };
    let separated = reader.take_any("-/.");
    if reader.attempt(|reader| week(reader, fields)).is_some() {
        return Some(());
    }
    let separator = separated?;
    if let Some(day) = reader.number(3, 3) {
        (fields.year, fields.day_of_year) = (Some(year), Some(day));
        return Some(());
    }
    let month = match reader.number(1, 2) {
        Some(month) => month,
        None => read_month_name(reader)?,
    };
    let day = reader.attempt(|reader| {
        reader.take(separator).then_some(())?;
        reader.number(1, 2).or_else(|| reader.digits(2, 2).map(|(day, _)| day))
    });
    fields.set_date(year, month, day.unwrap_or(1))
}

/// `February 8[th][,] 2017`, `Feb-08-2017`, `Feb 2017`.
fn read_month_date(reader: &mut Reader<'_>, fields: &mut Fields) -> Option<()> {
    let month = read_month_name(reader)?;
    while reader.take_any(" \t-.").is_some() {}
    if let Some(year) = reader.number(4, 4) {
        return fields.set_date(year, month, 1);
    }
    let day = reader.number(1, 2)?;
    read_ordinal(reader);
    while reader.take_any(" \t-.,").is_some() {}
    let year = reader.attempt(|reader| reader.number(4, 4).filter(|_| reader.peek() != Some(':')))?;
    fields.set_date(year, month, day)
}

/// The ending of `1st`, `2nd`, `3rd`, `4th`.
fn read_ordinal(reader: &mut Reader<'_>) {
    reader.attempt(|reader| {
        matches!(reader.word().to_ascii_lowercase().as_str(), "st" | "nd" | "rd" | "th").then_some(())
    });
}

/// A month's name, in full or its first three letters (or `sept`).
fn read_month_name(reader: &mut Reader<'_>) -> Option<i64> {
    reader.attempt(|reader| {
        let word = reader.word();
        let named = |month: &str| word.eq_ignore_ascii_case(month) || word.eq_ignore_ascii_case(&month[..3]);
        match MONTHS.iter().position(|month| named(month)) {
            Some(index) => Some(index as i64 + 1),
            None => word.eq_ignore_ascii_case("sept").then_some(9),
        }
    })
}

/// The name of a weekday, which adds nothing to a full date.
fn read_weekday(reader: &mut Reader<'_>) -> Option<()> {
    let word = reader.word();
    let named = |day: &str| word.eq_ignore_ascii_case(day) || word.eq_ignore_ascii_case(&day[..3]);
    WEEKDAYS.iter().any(|day| named(day)).then(|| {
        reader.take('.');
    })
}

/// An offset, an abbreviation or an Olson name.
fn read_zone(reader: &mut Reader<'_>) -> Option<WrittenZone> {
    if let Some(offset) = reader.attempt(read_offset) {
        return Some(WrittenZone::Offset(offset));
    }
    let rest = reader.rest();
    let end = rest.find(|char: char| !(char.is_alphanumeric() || "/_+-".contains(char))).unwrap_or(rest.len());
    let name = &rest[..end];
    if name.contains('/')
        && let Some(zone) = Zone::find(name)
    {
        reader.at += end;
        return Some(WrittenZone::Named(zone, name.to_owned()));
    }
    let word = reader.word();
    let lower = word.to_ascii_lowercase();
    if matches!(lower.as_str(), "utc" | "gmt")
        && let Some(offset) = reader.attempt(read_offset)
    {
        return Some(WrittenZone::Offset(offset));
    }
    let zone = match ABBREVIATIONS.iter().find(|(name, _)| *name == lower) {
        Some((_, minutes)) => Zone::Fixed(minutes * 60),
        None => Zone::find(word)?,
    };
    Some(WrittenZone::Named(zone, word.to_owned()))
}

/// `+05`, `-0530`, `+05:30`, in seconds.
fn read_offset(reader: &mut Reader<'_>) -> Option<i32> {
    let sign = if reader.take_any("+-")? == '-' { -1 } else { 1 };
    let (hours, count) = reader.digits(1, 2)?;
    let minutes = if reader.take(':') || count == 2 { reader.digits(2, 2).map_or(0, |(number, _)| number) } else { 0 };
    i32::try_from(sign * (hours * 3600 + minutes * 60)).ok()
}

/// The date a text denotes under a format that has passed [`super::format::check_read_format`].
pub(crate) fn with_format(text: &str, format: &str, zone: &Zone) -> Result<i64> {
    let mut reader = Reader::new(text);
    let mut fields = Fields::default();
    let mut specifiers = format.chars();
    while let Some(char) = specifiers.next() {
        if reader.peek().is_none() {
            return reader.fail("Not enough data available to satisfy format");
        }
        let literal = match (char, if char == '%' { specifiers.next() } else { None }) {
            ('%', Some('%')) => '%',
            ('%', Some(specifier)) => {
                read_specifier(&mut reader, &mut fields, specifier)?;
                continue;
            }
            (char, _) => char,
        };
        if !reader.take(literal) {
            return reader.fail("Format literal not found");
        }
    }
    if reader.peek().is_some() {
        return reader.fail("Trailing data");
    }
    fields.resolve(text, zone)
}

fn read_specifier(reader: &mut Reader<'_>, fields: &mut Fields, specifier: char) -> Result<()> {
    let start = reader.at;
    let mut set = |target: &mut Option<i64>, least, most, range: std::ops::RangeInclusive<i64>, reason| {
        let found = reader.digits(least, most).map(|(number, _)| number).filter(|number| range.contains(number));
        if found.is_none() {
            reader.at = start;
            return reader.fail(reason);
        }
        *target = found;
        Ok(())
    };
    let mut number = None;
    match specifier {
        'Y' => set(&mut fields.year, 1, 4, 0..=9999, "A four digit year could not be found")?,
        'm' => set(&mut fields.month, 1, 2, 0..=99, "A two digit month could not be found")?,
        'd' => set(&mut fields.day, 1, 2, 0..=99, "A two digit day could not be found")?,
        'H' => set(&mut fields.hour, 1, 2, 0..=99, "A two digit hour could not be found")?,
        'M' => {
            set(&mut number, 2, 2, 0..=59, "A two digit minute could not be found")?;
            fields.minute = number.unwrap_or(0);
        }
        'S' => {
            set(&mut number, 2, 2, 0..=60, "A two digit second could not be found")?;
            fields.second = number.unwrap_or(0);
        }
        'j' => set(&mut fields.day_of_year, 1, 3, 0..=999, "A three digit day-of-year could not be found")?,
        'G' => set(&mut fields.iso_year, 1, 4, 0..=9999, "A four digit ISO year could not be found")?,
        'V' => set(&mut fields.iso_week, 1, 2, 1..=53, "A two digit ISO week could not be found")?,
        'u' => set(&mut fields.iso_day, 1, 1, 1..=7, "A single digit day of week could not be found")?,
        'L' => match reader.digits(1, 3) {
            Some((number, count)) => fields.millis = number * [100, 10, 1][count - 1],
            None => return reader.fail("A three digit millisecond could not be found"),
        },
        'b' | 'B' => match read_month_name(reader) {
            Some(month) => fields.month = Some(month),
            None => return reader.fail("A textual month could not be found"),
        },
        'z' => match reader.attempt(read_zone) {
            Some(written) => fields.zone = Some(written),
            None => return reader.fail("The timezone could not be found in the database"),
        },
        _ => match reader.attempt(read_minutes_offset) {
            Some(seconds) => fields.zone = Some(WrittenZone::Offset(seconds)),
            None => return reader.fail("A timezone offset in minutes could not be found"),
        },
    }
    Ok(())
}

/// `%Z`: `+270`, in seconds.
fn read_minutes_offset(reader: &mut Reader<'_>) -> Option<i32> {
    let sign = if reader.take_any("+-")? == '-' { -1 } else { 1 };
    let (minutes, _) = reader.digits(1, 4)?;
    i32::try_from(sign * minutes * 60).ok()
}

impl Fields {
    /// The moment the fields denote.
    fn resolve(self, text: &str, zone: &Zone) -> Result<i64> {
        let invalid = || {
            conversion(format!("Error parsing date string '{text}'; {}: The parsed date was invalid ''", text.len()))
        };
        let iso = self.iso_year.is_some() || self.iso_week.is_some() || self.iso_day.is_some();
        let natural = self.year.is_some() || self.month.is_some() || self.day.is_some() || self.day_of_year.is_some();
        if iso && natural {
            return Err(conversion(format!(
                "Error parsing date string '{text}'; {}: Mixing of ISO dates with natural dates is not allowed ''",
                text.len()
            )));
        }
        if self.day_of_year.is_some() && self.year.is_none() {
            return Err(conversion(format!(
                "Error parsing date string '{text}'; {}: A 'day of year' can only come after a year has been found ''",
                text.len()
            )));
        }
        let day = match (self.year, self.month, self.day, self.day_of_year, self.iso_year) {
            (_, _, _, _, Some(year)) => {
                iso_year_start(year) + (self.iso_week.unwrap_or(1) - 1) * 7 + self.iso_day.unwrap_or(1) - 1
            }
            (Some(year), _, _, Some(day), _) => {
                if !(1..=365 + i64::from(is_leap_year(year))).contains(&day) {
                    return Err(invalid());
                }
                day_number(year, 1, day)
            }
            (Some(year), Some(month), Some(day), ..) => {
                if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
                    return Err(invalid());
                }
                day_number(year, month, day)
            }
            _ => {
                return Err(conversion(format!(
                    "an incomplete date/time string has been found, with elements missing: \"{text}\""
                )));
            }
        };
        let hour = self.hour.unwrap_or(0);
        if hour > 24 || hour == 24 && (self.minute, self.second) != (0, 0) {
            return Err(invalid());
        }
        let local = day * SECONDS_PER_DAY + hour * 3600 + self.minute * 60 + self.second;
        let seconds = match &self.zone {
            None => zone.moment(local, false),
            Some(_) if !zone.is_utc() => return Err(self.second_zone()),
            Some(WrittenZone::Offset(offset)) => local - i64::from(*offset),
            Some(WrittenZone::Named(zone, _)) => zone.moment(local, false),
        };
        join(seconds, self.millis).ok_or_else(invalid)
    }

    /// The error for a zone in the text next to the argument `timezone`.
    fn second_zone(&self) -> Error {
        conversion(match &self.zone {
            Some(WrittenZone::Named(_, name)) => format!(
                "you cannot pass in a date/time string with time zone information ('{name}') together with a timezone \
                 argument"
            ),
            _ => "you cannot pass in a date/time string with GMT offset together with a timezone argument".to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::func::date::format::iso_text;

    #[test]
    fn notations() {
        for (text, expected) in [
            ("2017-02-08T12:10:40.787Z", "2017-02-08T12:10:40.787Z"),
            ("2017-02-08T12:10:40+05:00", "2017-02-08T07:10:40.000Z"),
            ("2018-03-20 11:00:06 +0500", "2018-03-20T06:00:06.000Z"),
            ("2018-03-03T12:00:00+0500", "2018-03-03T07:00:00.000Z"),
            ("2018-03-03", "2018-03-03T00:00:00.000Z"),
            ("20180303", "2018-03-03T00:00:00.000Z"),
            ("20180303T121005", "2018-03-03T12:10:05.000Z"),
            ("2017-03", "2017-03-01T00:00:00.000Z"),
            ("2017/3/4", "2017-03-04T00:00:00.000Z"),
            ("7/4/2017", "2017-07-04T00:00:00.000Z"),
            ("04-07-2017", "2017-07-04T00:00:00.000Z"),
            ("4.7.2017 10:05", "2017-07-04T10:05:00.000Z"),
            ("July 4th, 2017 12:30 pm", "2017-07-04T12:30:00.000Z"),
            ("4 Jul 2017 12 am", "2017-07-04T00:00:00.000Z"),
            ("04-Jul-2017", "2017-07-04T00:00:00.000Z"),
            ("Tue, 04 Jul 2017 11:56:02 EST", "2017-07-04T16:56:02.000Z"),
            ("2017-07-04 11:56:02 America/New_York", "2017-07-04T15:56:02.000Z"),
            ("2017-07-04 11:56:02 GMT+02:00", "2017-07-04T09:56:02.000Z"),
            ("2017-W27-2", "2017-07-04T00:00:00.000Z"),
            ("2017-185", "2017-07-04T00:00:00.000Z"),
            ("2017-07-04T11:56:02.81234Z", "2017-07-04T11:56:02.812Z"),
        ] {
            assert_eq!(date(text, &Zone::UTC).map(iso_text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_dates() {
        for text in
            ["", "Friday", "tomorrow", "60.Monday1770/06:59", "2017-13-01", "2017-02-30", "12:10", "2017", "July"]
        {
            assert_eq!(date(text, &Zone::UTC).unwrap_err().code().0, 241, "{text}");
        }
        let zone = Zone::parse("America/New_York").unwrap();
        assert_eq!(date("2017-07-04T11:56:02Z", &zone).unwrap_err().code().0, 241);
        assert_eq!(date("2017-07-04T11:56:02+01", &zone).unwrap_err().code().0, 241);
    }

    #[test]
    fn no_text_panics() {
        const PIECES: [&str; 24] = [
            "2017", "-", "02", "/", "8", ":", "T", "W", "Z", "+05", ".", " ", ",", "Jul", "th", "é", "pm", "GMT", "24",
            "99999999", "America/", "UTC", "Tue", "\0",
        ];
        let mut state = 1u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..state % 7 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(PIECES[(state >> 33) as usize % PIECES.len()]);
            }
            state = state.wrapping_add(1);
            let _ = date(&text, &Zone::UTC);
            let _ = with_format(&text, "%Y-%m-%d %b%j%z%Z%L%G%V%u%H%M%S", &Zone::UTC);
            let _ = with_format(&text, "%Y-%m", &Zone::UTC);
        }
    }

    #[test]
    fn formats() {
        for (text, format, expected) in [
            ("06-15-2018", "%m-%d-%Y", "2018-06-15T00:00:00.000Z"),
            ("Year 2025, Month 12, Day 31", "Year %Y, Month %m, Day %d", "2025-12-31T00:00:00.000Z"),
            ("2021-01-11T12.53.12.5Z", "%Y-%m-%dT%H.%M.%S.%LZ", "2021-01-11T12:53:12.500Z"),
            ("53.7.2017", "%V.%u.%G", "2018-01-07T00:00:00.000Z"),
            ("2017", "%G", "2017-01-02T00:00:00.000Z"),
            ("2024 60", "%Y %j", "2024-02-29T00:00:00.000Z"),
            ("4 february 2024", "%d %B %Y", "2024-02-04T00:00:00.000Z"),
            ("2021-01-11 12:53:12 +130", "%Y-%m-%d %H:%M:%S %Z", "2021-01-11T10:43:12.000Z"),
            ("2021-01-11 12:53:12 GMT-03:00", "%Y-%m-%d %H:%M:%S %z", "2021-01-11T15:53:12.000Z"),
            ("100% 2021-01-11", "100%% %Y-%m-%d", "2021-01-11T00:00:00.000Z"),
        ] {
            assert_eq!(with_format(text, format, &Zone::UTC).map(iso_text), Ok(expected.to_owned()), "{text}");
        }
        for (text, format) in [
            ("2022-10-12", " %Y-%m-%d"),
            ("2024 1002", "%Y %j"),
            ("Jenuery 1 2024", "%B %d %Y"),
            ("2017-01", "%Y-%m"),
            ("2017-01-01", "%Y-%m"),
            ("2017-01", "%Y-%m-%d"),
            ("2017-13-01", "%Y-%m-%d"),
            ("2017 2017", "%Y %G"),
            ("60", "%j"),
        ] {
            assert_eq!(with_format(text, format, &Zone::UTC).unwrap_err().code().0, 241, "{text}");
        }
    }
}
