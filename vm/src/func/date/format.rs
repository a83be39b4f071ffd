//! `$dateToString`: dates as text under a format of `%` specifiers.

use super::calendar::Civil;
use super::zone::Zone;
use crate::error::{Error, Result};

/// Month names; the first three letters are the abbreviations.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What `$dateToString` knows after `%`.
const WRITE_SPECIFIERS: &str = "bBdGHjLmMSuUVwYzZ%";
/// What `$dateFromString` knows after `%`.
const READ_SPECIFIERS: &str = "bBdGHjLmMSuVYzZ%";

/// The default format in UTC.
pub(crate) const ISO_UTC: &str = "%Y-%m-%dT%H:%M:%S.%LZ";
/// The default format in other zones.
pub(crate) const ISO_LOCAL: &str = "%Y-%m-%dT%H:%M:%S.%L";

/// Fails unless `$dateToString` accepts the format.
pub(crate) fn check_write_format(format: &str) -> Result<()> {
    check(format, WRITE_SPECIFIERS)
}

/// Fails unless `$dateFromString` accepts the format.
pub(crate) fn check_read_format(format: &str) -> Result<()> {
    check(format, READ_SPECIFIERS)
}

fn check(format: &str, specifiers: &str) -> Result<()> {
    let mut rest = format.chars();
    while let Some(char) = rest.next() {
        if char != '%' {
            continue;
        }
        match rest.next() {
            None => return Err(Error::location(18535, "Unmatched '%' at end of format string")),
            Some(specifier) if !specifiers.contains(specifier) => {
                let message = format!("Invalid format character '%{specifier}' in format string");
                return Err(Error::location(18536, message));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The date as text. The format has passed [`check_write_format`].
pub(crate) fn write(format: &str, zone: &Zone, millis: i64) -> Result<String> {
    let seconds = millis.div_euclid(1000);
    let civil = zone.civil(seconds);
    let mut out = String::with_capacity(format.len() + 16);
    let mut rest = format.chars();
    while let Some(char) = rest.next() {
        if char != '%' {
            out.push(char);
            continue;
        }
        match rest.next().unwrap_or('%') {
            'Y' => out.push_str(&padded(civil.year, 4)?),
            'm' => out.push_str(&padded(civil.month, 2)?),
            'd' => out.push_str(&padded(civil.day, 2)?),
            'H' => out.push_str(&padded(civil.hour, 2)?),
            'M' => out.push_str(&padded(civil.minute, 2)?),
            'S' => out.push_str(&padded(civil.second, 2)?),
            'L' => out.push_str(&padded(millis.rem_euclid(1000), 3)?),
            'j' => out.push_str(&padded(civil.day_of_year(), 3)?),
            'w' => out.push_str(&padded(civil.day_of_week(), 1)?),
            'u' => out.push_str(&padded(civil.iso_week().weekday, 1)?),
            'U' => out.push_str(&padded(civil.week_of_year(), 2)?),
            'V' => out.push_str(&padded(civil.iso_week().week, 2)?),
            'G' => out.push_str(&padded(civil.iso_week().year, 4)?),
            'b' => out.push_str(&month_name(&civil)[..3]),
            'B' => out.push_str(month_name(&civil)),
            'z' => {
                let offset = zone.offset_at(seconds);
                out.push(if offset < 0 { '-' } else { '+' });
                out.push_str(&padded(offset.abs() / 3600, 2)?);
                out.push_str(&padded(offset.abs() / 60 % 60, 2)?);
            }
            'Z' => out.push_str(&(zone.offset_at(seconds) / 60).to_string()),
            other => out.push(other),
        }
    }
    Ok(out)
}

fn month_name(civil: &Civil) -> &'static str {
    MONTHS[(civil.month - 1).clamp(0, 11) as usize]
}

fn padded(number: i64, width: usize) -> Result<String> {
    if !(0..=9999).contains(&number) {
        let message = format!(
            "Could not convert date to string: date component was outside the supported range of 0-9999: {number}"
        );
        return Err(Error::location(18537, message));
    }
    Ok(format!("{number:0width$}"))
}

/// The date in ISO 8601 and UTC; years outside 0 to 9999 as mongod's logs write them, in milliseconds.
pub(crate) fn iso_text(millis: i64) -> String {
    write(ISO_UTC, &Zone::UTC, millis).unwrap_or_else(|_| format!("Date({millis})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2014-01-01T08:15:39.736Z, the date of the manual's example.
    const MANUAL: i64 = 1_388_564_139_736;

    #[test]
    fn specifiers() {
        for (format, zone, text) in [
            ("%Y-%m-%d", "UTC", "2014-01-01"),
            ("%H:%M:%S:%L%z", "America/New_York", "03:15:39:736-0500"),
            ("%H:%M:%S:%L%z", "+04:30", "12:45:39:736+0430"),
            ("%Z", "+04:30", "270"),
            ("%Z", "-03:30", "-210"),
            ("%j %w %u %U %V %G", "UTC", "001 4 3 00 01 2014"),
            ("%b %B %%", "UTC", "Jan January %"),
            ("plain é", "UTC", "plain é"),
        ] {
            check_write_format(format).unwrap();
            assert_eq!(write(format, &Zone::parse(zone).unwrap(), MANUAL).unwrap(), text);
        }
    }

    #[test]
    fn formats_that_are_refused() {
        assert_eq!(check_write_format("%Y-%").unwrap_err().code().0, 18535);
        assert_eq!(check_write_format("%n").unwrap_err().code().0, 18536);
        assert_eq!(check_read_format("%U").unwrap_err().code().0, 18536);
        assert_eq!(write("%Y", &Zone::UTC, 253_402_300_800_000).unwrap_err().code().0, 18537);
        assert_eq!(write("%Y", &Zone::UTC, -62_167_219_200_001).unwrap_err().code().0, 18537);
    }
}
