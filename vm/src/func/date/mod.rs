//! Dates: reading their parts, building, printing, parsing and computing with them, in any time zone.
//!
//! Where mongod takes a date it also takes a timestamp and an ObjectId, for the moment they carry. The machine reads no
//! clock and no system files: time zones are compiled in. A missing or null date gives null everywhere.
//!
//! | file | what it holds |
//! |---|---|
//! | `calendar`, `zone` | the calendar; offsets of time zones |
//! | `parts` | `$year` … `$isoWeekYear`, `$dateToParts`, `$dateFromParts` |
//! | `arithmetic` | `$dateAdd`, `$dateSubtract`, `$dateDiff`, `$dateTrunc` |
//! | `format`, `parse`, `text` | format strings, reading dates, `$dateToString` and `$dateFromString` |

mod arithmetic;
pub(crate) mod calendar;
pub(crate) mod format;
pub(crate) mod parse;
mod parts;
mod text;
pub(crate) mod zone;

pub use arithmetic::TimeUnit;

use self::zone::Zone;
use super::display::describe;
use super::{Fault, Function};
use crate::error::{Error, Result};
use crate::value::{Value, View};

/// The functions of this family.
pub static FUNCTIONS: &[Function] = &[
    parts::YEAR,
    parts::MONTH,
    parts::DAY_OF_MONTH,
    parts::DAY_OF_WEEK,
    parts::DAY_OF_YEAR,
    parts::HOUR,
    parts::MINUTE,
    parts::SECOND,
    parts::MILLISECOND,
    parts::WEEK,
    parts::ISO_WEEK,
    parts::ISO_WEEK_YEAR,
    parts::ISO_DAY_OF_WEEK,
    parts::DATE_TO_PARTS,
    parts::DATE_FROM_PARTS,
    arithmetic::DATE_ADD,
    arithmetic::DATE_SUBTRACT,
    arithmetic::DATE_DIFF,
    arithmetic::DATE_TRUNC,
    text::DATE_TO_STRING,
    text::DATE_FROM_STRING,
];

/// The moment a value stands for, in milliseconds since the epoch, if it is of a type that carries one.
pub(crate) fn moment_of(value: Value<'_>) -> Option<i64> {
    match value.view() {
        View::DateTime(millis) => Some(millis),
        View::Timestamp(bits) => Some((bits >> 32) as i64 * 1000),
        View::ObjectId(id) => id.first_chunk().map(|seconds| i64::from(i32::from_be_bytes(*seconds)) * 1000),
        _ => None,
    }
}

/// [`moment_of`] with the error of the operators that have none of their own.
fn date(value: Value<'_>) -> Result<i64> {
    moment_of(value)
        .ok_or_else(|| Error::location(16006, format!("can't convert from BSON type {} to Date", value.tag().name())))
}

/// The zone of a `timezone` argument: UTC when it was left out, `None` when it is null.
fn zone(value: Value<'_>) -> Result<Option<Zone>> {
    if value.is_nothing() {
        return Ok(Some(Zone::UTC));
    }
    if value.is_nullish() {
        return Ok(None);
    }
    match value.as_str() {
        Some(text) => Zone::parse(text).map(Some),
        None => {
            let message = format!("timezone must evaluate to a string, found {}", value.tag().name());
            Err(Error::location(40517, message))
        }
    }
}

/// Whether an argument given by name was given and is null.
fn is_null(value: Value<'_>) -> bool {
    value.is_nullish() && !value.is_nothing()
}

/// "found int with value 5", as several messages end.
fn found(value: Value<'_>) -> String {
    format!("found: {} with value {}", value.tag().name(), describe(value))
}

/// A moment plus milliseconds of the second it falls into, if 64 bits hold it.
fn join(seconds: i64, millis: i64) -> Option<i64> {
    i64::try_from(i128::from(seconds) * 1000 + i128::from(millis)).ok()
}

/// The fault of operators that name what they want and no more.
const fn only_an_object(code: i32) -> Fault {
    Fault::new(code, "{op} only supports an object as its argument")
}
