//! Parts of timestamps: `$tsIncrement` and `$tsSecond`.

use super::row::row;
use super::{Args, Context, Function};
use crate::error::{Error, Result};
use crate::value::{Value, View};

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$tsIncrement",
        Args::Exactly(1),
        "The ordinal of a timestamp within its second, as a long.",
        [("{a: {$timestamp: {t: 7, i: 2}}}", "{$tsIncrement: '$a'}", "{$numberLong: '2'}")],
        increment
    ),
    row!(
        "$tsSecond",
        Args::Exactly(1),
        "The seconds of a timestamp since 1970, as a long.",
        [
            ("{a: {$timestamp: {t: 7, i: 2}}}", "{$tsSecond: '$a'}", "{$numberLong: '7'}"),
            ("{}", "{$tsSecond: '$a'}", "null")
        ],
        second
    ),
];

fn increment<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    part("$tsIncrement", 5687302, args[0], |bits| i64::from(bits as u32))
}

fn second<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    part("$tsSecond", 5687301, args[0], |bits| (bits >> 32) as i64)
}

fn part<'d>(operator: &str, code: i32, value: Value<'d>, take: fn(u64) -> i64) -> Result<Value<'d>> {
    match value.view() {
        View::Timestamp(bits) => Ok(Value::int64(take(bits))),
        View::Nothing | View::Null | View::Undefined => Ok(Value::NULL),
        _ => {
            let found = value.tag().name();
            Err(Error::location(code, format!("Argument to {operator} must be a timestamp, but is {found}")))
        }
    }
}
