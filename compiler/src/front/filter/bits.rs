//! `$bitsAllSet`, `$bitsAllClear`, `$bitsAnySet`, `$bitsAnyClear`: bits of integral numbers and of binary data.
//!
//! The bits are named by a list of positions, by a mask that is a whole number, or by a mask in binary data whose first
//! byte holds the lowest positions.

use smongo_vm::program::{BitRule, BitTest};
use smongo_vm::value::{RawDoc, Value, View};
use smongo_vm::{Error, Result};

use super::Parser;
use super::echo::echo_element;
use super::field::Operator;
use super::integer::{non_negative, to_exact_i64, truncated};
use crate::ir::{Filter, LeafTest};

pub(super) fn all_set(value: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    parse(value, operator, BitRule::AllSet)
}

pub(super) fn all_clear(value: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    parse(value, operator, BitRule::AllClear)
}

pub(super) fn any_set(value: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    parse(value, operator, BitRule::AnySet)
}

pub(super) fn any_clear(value: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    parse(value, operator, BitRule::AnyClear)
}

fn parse(value: Value<'_>, operator: &Operator<'_>, rule: BitRule) -> Result<Option<Filter>> {
    let positions = match value.view() {
        View::Array(list) => listed(list)?,
        View::Binary { bytes, .. } => set_bits(bytes),
        _ if value.is_number() => set_bits(&non_negative(operator.name, value)?.to_le_bytes()),
        _ => {
            let (target, got) = (&operator.target.name, echo_element(operator.name, value));
            return Err(Error::bad_value(format!(
                "{target} takes an Array, a number, or a BinData but received: {got}"
            )));
        }
    };
    Ok(Some(operator.target.leaf(LeafTest::Bits(BitTest { rule, positions }))))
}

fn set_bits(bytes: &[u8]) -> Vec<u32> {
    let is_set = |position: &u32| bytes[*position as usize / 8] >> (position % 8) & 1 == 1;
    // A request is far shorter than 2^29 bytes, so every position fits.
    (0..bytes.len() as u32 * 8).filter(is_set).collect()
}

fn listed(list: &RawDoc) -> Result<Vec<u32>> {
    list.iter().map(|element| position(element.name_str(), element.value())).collect()
}

fn position(name: &str, value: Value<'_>) -> Result<u32> {
    let refuse = |rule: &str| Err(Error::bad_value(format!("bit positions {rule}: {}", echo_element(name, value))));
    if !value.is_number() {
        return refuse("must be an integer but got");
    }
    match (to_exact_i64(value).map(i32::try_from), truncated(value)) {
        (Some(Ok(negative)), _) if negative < 0 => refuse("must be >= 0 but got"),
        (Some(Ok(position)), _) => Ok(position.unsigned_abs()),
        (None, Ok(whole)) if i32::try_from(whole).is_ok() => refuse("must be an integer but got"),
        _ => refuse("cannot be represented as a 32-bit signed integer"),
    }
}
