//! Values as text where an operator takes anything that has an obvious one.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::func::date::calendar::Civil;
use crate::func::date::format::{ISO_UTC, MONTHS, write};
use crate::func::date::zone::Zone;
use crate::func::display::double_6;
use crate::value::{Value, View};

/// The text of a value: missing, null and undefined are empty; doubles have six digits.
pub(super) fn coerce(value: Value<'_>) -> Result<Cow<'_, [u8]>> {
    let text = match value.view() {
        View::Nothing | View::Null | View::Undefined => return Ok(Cow::Borrowed(&[])),
        View::String(bytes) | View::Symbol(bytes) | View::JavaScript(bytes) => return Ok(Cow::Borrowed(bytes)),
        View::Int32(number) => number.to_string(),
        View::Int64(number) => number.to_string(),
        View::Double(number) => double_6(number),
        View::Decimal128(number) => number.to_string(),
        View::DateTime(millis) => write(ISO_UTC, &Zone::UTC, millis)?,
        View::Timestamp(bits) => timestamp(bits),
        _ => {
            let message = format!("can't convert from BSON type {} to String", value.tag().name());
            return Err(Error::location(16007, message));
        }
    };
    Ok(Cow::Owned(text.into_bytes()))
}

/// A timestamp as mongod prints it: `Jan  1 00:00:00:1`.
fn timestamp(bits: u64) -> String {
    let civil = Civil::from_seconds((bits >> 32) as i64);
    let month = &MONTHS[(civil.month - 1).clamp(0, 11) as usize][..3];
    let Civil { day, hour, minute, second, .. } = civil;
    format!("{month} {day:>2} {hour:02}:{minute:02}:{second:02}:{}", bits as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps() {
        for (seconds, ordinal, text) in [
            (0, 0, "Jan  1 00:00:00:0"),
            (1_721_500_800, 1, "Jul 20 18:40:00:1"),
            (u32::MAX, u32::MAX, "Feb  7 06:28:15:4294967295"),
        ] {
            assert_eq!(timestamp(u64::from(seconds) << 32 | u64::from(ordinal)), text);
        }
    }
}
