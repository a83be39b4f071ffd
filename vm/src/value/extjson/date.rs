//! Dates as ISO 8601 text, in UTC, for extended JSON. Arithmetic is the proleptic Gregorian calendar's.

use std::fmt::Write;

const MILLIS_PER_DAY: i64 = 86_400_000;
/// The first millisecond after year 9999, the last year that extended JSON writes as text.
const YEAR_10000: i64 = 253_402_300_800_000;

/// Whole days from 1970-01-01 to a date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is a year's last.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The date that lies `days` after 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The ISO text of a date, with milliseconds only where there are some; `None` outside the years 1970 to 9999, which
/// extended JSON writes as numbers.
pub fn format_date(millis: i64) -> Option<String> {
    if !(0..YEAR_10000).contains(&millis) {
        return None;
    }
    let (year, month, day) = civil_from_days(millis.div_euclid(MILLIS_PER_DAY));
    let rest = millis.rem_euclid(MILLIS_PER_DAY);
    let (hour, minute, second, fraction) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction != 0 {
        write!(text, ".{fraction:03}").ok()?;
    }
    text.push('Z');
    Some(text)
}

/// The milliseconds of `YYYY-MM-DD`, optionally followed by `T` or a space, `HH:MM`, `:SS`, a fraction, and `Z` or an
/// offset. Text without offset is UTC; digits beyond milliseconds are dropped.
pub fn parse_date(text: &str) -> Option<i64> {
    let mut reader = Reader(text.as_bytes());
    let year = reader.number(4)?;
    reader.expect(b'-')?;
    let month = reader.number(2)?;
    reader.expect(b'-')?;
    let day = reader.number(2)?;
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    let mut millis = days_from_civil(year, month, day) * MILLIS_PER_DAY;
    if reader.take(b'T') || reader.take(b' ') {
        millis += reader.time_of_day()?;
        millis -= reader.offset()?;
    }
    reader.0.is_empty().then_some(millis)
}

struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let taken = self.0.first() == Some(&byte);
        if taken {
            self.0 = &self.0[1..];
        }
        taken
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn digit(&mut self) -> Option<i64> {
        let (&first, rest) = self.0.split_first().filter(|(byte, _)| byte.is_ascii_digit())?;
        self.0 = rest;
        Some(i64::from(first - b'0'))
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        let mut value = 0;
        for _ in 0..digits {
            value = value * 10 + self.digit()?;
        }
        Some(value)
    }

    fn time_of_day(&mut self) -> Option<i64> {
        let hour = self.number(2)?;
        self.expect(b':')?;
        let minute = self.number(2)?;
        let mut millis = 0;
        if self.take(b':') {
            millis = self.number(2).filter(|&second| second < 60)? * 1000;
            if self.take(b'.') || self.take(b',') {
                let mut unit = 100;
                millis += self.digit()? * unit;
                while let Some(digit) = self.digit() {
                    unit /= 10;
                    millis += digit * unit;
                }
            }
        }
        (hour < 24 && minute < 60).then_some((hour * 60 + minute) * 60_000 + millis)
    }

    fn offset(&mut self) -> Option<i64> {
        let sign = if self.take(b'+') {
            1
        } else if self.take(b'-') {
            -1
        } else {
            // `Z`, or nothing, which means the same.
            let _ = self.take(b'Z') || self.take(b'z');
            return Some(0);
        };
        let hour = self.number(2)?;
        let minute = if self.take(b':') || !self.0.is_empty() { self.number(2)? } else { 0 };
        (hour < 24 && minute < 60).then_some(sign * (hour * 60 + minute) * 60_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_numbers() {
        for (text, millis) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2012-12-24T12:15:30.501Z", 1_356_351_330_501),
            ("2000-02-29T00:00:00Z", 951_782_400_000),
            ("9999-12-31T23:59:59.999Z", YEAR_10000 - 1),
        ] {
            assert_eq!(parse_date(text), Some(millis), "{text}");
            assert_eq!(format_date(millis).as_deref(), Some(text));
        }
        for (text, millis) in [
            ("1970-01-01", 0),
            ("1970-01-01 00:01", 60_000),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1970-01-01T00:00:00-0130", 5_400_000),
            ("1969-12-31T23:59:59.9999Z", -1),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ] {
            assert_eq!(parse_date(text), Some(millis), "{text}");
        }
        assert_eq!(format_date(-1), None);
        assert_eq!(format_date(YEAR_10000), None);
    }

    #[test]
    fn refused() {
        for text in ["", "1970", "1970-13-01", "1970-02-29", "1970-01-01T24:00", "1970-01-01T00:00:60Z", "1970-01-01x"]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
