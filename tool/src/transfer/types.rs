//! The types of columns: from a cell's text to a value.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime};
use jiff::civil;
use jiff::fmt::strtime;

use crate::failure::Failure;
use crate::values;

/// The type of a column, as `--columnsHaveTypes` writes it.
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnType {
    /// A number where the text is one, else a text.
    Auto,
    /// Bytes, spelled `base64` or `hex`.
    Binary(Spelling),
    /// `true`, `false`, `1`, `0`.
    Boolean,
    /// A date, by a format of the `strftime` kind.
    Date(String),
    /// 34 digits.
    Decimal,
    /// A double.
    Double,
    /// A 32-bit integer.
    Int32,
    /// A 64-bit integer.
    Int64,
    /// The text itself.
    Text,
}

/// How bytes are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    Base64,
    Hex,
}

/// Pieces of Go's date layouts, which mongoimport has for `date` and `date_go`, and what they are elsewhere. Longer ones
/// stand first.
const GO: &[(&str, &str)] = &[
    ("2006", "%Y"),
    ("January", "%B"),
    ("Monday", "%A"),
    ("Jan", "%b"),
    ("Mon", "%a"),
    ("MST", "%Z"),
    ("Z07:00", "%:z"),
    ("-07:00", "%:z"),
    ("-0700", "%z"),
    (".000", "%.f"),
    ("01", "%m"),
    ("02", "%d"),
    ("15", "%H"),
    ("03", "%I"),
    ("04", "%M"),
    ("05", "%S"),
    ("06", "%y"),
    ("PM", "%p"),
];

/// Pieces of the formats of `date_ms`.
const MICROSOFT: &[(&str, &str)] = &[
    ("yyyy", "%Y"),
    ("MMMM", "%B"),
    ("dddd", "%A"),
    ("MMM", "%b"),
    ("ddd", "%a"),
    ("fff", "%f"),
    ("zzz", "%:z"),
    ("yy", "%y"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("hh", "%I"),
    ("mm", "%M"),
    ("ss", "%S"),
    ("tt", "%p"),
];

/// Pieces of the formats of `date_oracle`.
const ORACLE: &[(&str, &str)] = &[
    ("MONTH", "%B"),
    ("YYYY", "%Y"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("TZH:TZM", "%:z"),
    ("MON", "%b"),
    ("DAY", "%A"),
    ("FF", "%f"),
    ("YY", "%y"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("DY", "%a"),
    ("AM", "%p"),
];

impl ColumnType {
    /// Reads `name.type(argument)` into the column's name and its type.
    pub fn of_column(text: &str) -> Result<(String, Self), Failure> {
        let bad = || Failure::Usage(format!("the column '{text}' has no type: name.type(), such as {text}.string()"));
        let (before, argument) = text.trim().strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(bad)?;
        let (name, kind) = before.rsplit_once('.').ok_or_else(bad)?;
        let kind = match (kind, argument) {
            ("auto", "") => Self::Auto,
            ("binary", "base64") => Self::Binary(Spelling::Base64),
            ("binary", "hex") => Self::Binary(Spelling::Hex),
            ("boolean", "") => Self::Boolean,
            ("date" | "date_go", layout) => Self::Date(translated(layout, GO)),
            ("date_ms", layout) => Self::Date(translated(layout, MICROSOFT)),
            ("date_oracle", layout) => Self::Date(translated(layout, ORACLE)),
            ("decimal", "") => Self::Decimal,
            ("double", "") => Self::Double,
            ("int32", "") => Self::Int32,
            ("int64", "") => Self::Int64,
            ("string", "") => Self::Text,
            (kind, argument) => {
                return Err(Failure::Usage(format!("there is no column type {kind}({argument})")));
            }
        };
        Ok((name.to_owned(), kind))
    }

    /// The value of a cell; `None` when its text is not of the type.
    pub fn value(&self, cell: &str) -> Option<Bson> {
        match self {
            Self::Auto => Some(auto(cell)),
            Self::Text => Some(Bson::String(cell.to_owned())),
            Self::Boolean => match cell.to_ascii_lowercase().as_str() {
                "true" | "1" => Some(Bson::Boolean(true)),
                "false" | "0" => Some(Bson::Boolean(false)),
                _ => None,
            },
            Self::Int32 => cell.parse().ok().map(Bson::Int32),
            Self::Int64 => cell.parse().ok().map(Bson::Int64),
            Self::Double => cell.parse().ok().map(Bson::Double),
            Self::Decimal => cell.parse().ok().map(Bson::Decimal128),
            Self::Date(format) => date(format, cell).map(Bson::DateTime),
            Self::Binary(spelling) => {
                let bytes = match spelling {
                    Spelling::Hex => hex(cell)?,
                    Spelling::Base64 => match values::parse(&format!("BinData(0, \"{cell}\")")) {
                        Ok(Bson::Binary(binary)) => binary.bytes,
                        _ => return None,
                    },
                };
                Some(Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes }))
            }
        }
    }
}

/// The number that the text is, or the text.
pub fn auto(cell: &str) -> Bson {
    if let Ok(number) = cell.parse::<i32>() {
        return Bson::Int32(number);
    }
    if let Ok(number) = cell.parse::<i64>() {
        return Bson::Int64(number);
    }
    match cell.parse::<f64>() {
        // `inf`, `nan` and the like are words.
        Ok(number) if cell.bytes().any(|byte| byte.is_ascii_digit()) => Bson::Double(number),
        _ => Bson::String(cell.to_owned()),
    }
}

/// A format whose pieces are replaced by their `strftime` forms.
fn translated(layout: &str, pieces: &[(&str, &str)]) -> String {
    let mut format = String::new();
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        match pieces.iter().find(|(piece, _)| rest.starts_with(piece)) {
            Some((piece, replacement)) => {
                format.push_str(replacement);
                rest = &rest[piece.len()..];
            }
            None => {
                format.push_str(if first == '%' { "%%" } else { &rest[..first.len_utf8()] });
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    format
}

/// The date that a text is; without a time zone it is UTC, without a time midnight.
fn date(format: &str, cell: &str) -> Option<DateTime> {
    let read = strtime::parse(format, cell).ok()?;
    let timestamp = match read.to_timestamp() {
        Ok(timestamp) => timestamp,
        Err(_) => {
            let day = read.to_date().ok()?;
            let time = read.to_time().unwrap_or(civil::Time::midnight());
            day.to_datetime(time).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        }
    };
    Some(DateTime::from_millis(timestamp.as_millisecond()))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).ok());
    digits.map(|pair| u8::from_str_radix(pair.filter(|pair| pair.len() == 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the manual's page on mongoimport says of the types.
    #[test]
    fn types_of_columns() {
        for (column, cell, value) in [
            ("a.auto()", "12", "12"),
            ("a.auto()", "12.5", "12.5"),
            ("a.auto()", "twelve", "'twelve'"),
            ("a.auto()", "9876543210", "NumberLong('9876543210')"),
            ("a.boolean()", "TRUE", "true"),
            ("a.int64()", "5", "NumberLong(5)"),
            ("a.double()", "5", "5.0"),
            ("a.decimal()", "1.10", "NumberDecimal('1.10')"),
            ("a.string()", "12", "'12'"),
            ("a.binary(hex)", "00ff", "BinData(0, 'AP8=')"),
            ("a.binary(base64)", "AP8=", "BinData(0, 'AP8=')"),
            ("a.date(2006-01-02)", "2018-07-15", "ISODate('2018-07-15')"),
            ("a.date_go(2006-01-02T15:04:05Z07:00)", "2018-07-15T10:00:00+02:00", "ISODate('2018-07-15T08:00:00Z')"),
            ("a.date_ms(yyyy-MM-dd HH:mm:ss)", "2018-07-15 10:11:12", "ISODate('2018-07-15T10:11:12Z')"),
            ("a.date_oracle(YYYY-MM-DD HH24:MI:SS)", "2018-07-15 10:11:12", "ISODate('2018-07-15T10:11:12Z')"),
        ] {
            let (name, kind) = ColumnType::of_column(column).unwrap();
            assert_eq!(name, "a");
            assert_eq!(kind.value(cell), Some(values::parse(value).unwrap()), "{column} {cell}");
        }
    }

    #[test]
    fn cells_of_another_type() {
        for (column, cell) in [("a.int32()", "x"), ("a.boolean()", "2"), ("a.date(2006)", "x"), ("a.binary(hex)", "0")]
        {
            let (_, kind) = ColumnType::of_column(column).unwrap();
            assert_eq!(kind.value(cell), None, "{column} {cell}");
        }
        assert!(ColumnType::of_column("a").is_err());
        assert!(ColumnType::of_column("a.integer()").is_err());
    }
}
