//! `$mod: [divisor, remainder]`: the value without its fraction leaves the remainder. Fractions of the arguments are
//! dropped too.

use smongo_vm::value::Value;
use smongo_vm::{Error, Result};

use super::Parser;
use super::field::Operator;
use super::integer::{NoInteger, truncated};
use crate::ir::{Filter, LeafTest};

pub(super) fn parse(value: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let malformed = |what: &str| Error::bad_value(format!("malformed mod, {what}"));
    let arguments = value.as_array().ok_or_else(|| malformed("needs to be an array"))?;
    let mut arguments = arguments.values();
    let mut next = || arguments.next().ok_or_else(|| malformed("not enough elements"));
    let first = next()?;
    if !first.is_number() {
        return Err(malformed("divisor not a number"));
    }
    let second = next()?;
    if !second.is_number() {
        return Err(malformed("remainder not a number"));
    }
    if next().is_ok() {
        return Err(malformed("too many elements"));
    }
    let divisor = coerce(first, "divisor")?;
    let remainder = coerce(second, "remainder")?;
    if divisor == 0 {
        return Err(Error::bad_value("divisor cannot be 0"));
    }
    Ok(Some(operator.target.leaf(LeafTest::Mod { divisor, remainder })))
}

fn coerce(value: Value<'_>, which: &str) -> Result<i64> {
    truncated(value).map_err(|reason| {
        let reason = match reason {
            NoInteger::NotFinite => "Unable to coerce NaN/Inf to integral type",
            NoInteger::OutOfRange => "Out of bounds coercing to integral value",
        };
        Error::bad_value(format!("malformed mod, {which} value is invalid :: caused by :: {reason}"))
    })
}
