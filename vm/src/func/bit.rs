//! Bits of integers: `$bitAnd $bitOr $bitXor $bitNot`.

use super::arith::numeric_argument;
use super::number::Number;
use super::row::row;
use super::{Args, Context, Function};
use crate::error::{Error, Result};
use crate::value::Value;

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$bitAnd",
        Args::Any,
        "The bits set in all of the integers; of nothing, all bits.",
        [("{a: 12}", "{$bitAnd: ['$a', 10]}", "8"), ("{}", "{$bitAnd: ['$a', 10]}", "null")],
        and
    ),
    row!(
        "$bitNot",
        Args::Exactly(1),
        "The bits that are not set in an integer.",
        [("{a: 0}", "{$bitNot: '$a'}", "-1")],
        not
    ),
    row!("$bitOr", Args::Any, "The bits set in any of the integers.", [("{a: 12}", "{$bitOr: ['$a', 3]}", "15")], or),
    row!(
        "$bitXor",
        Args::Any,
        "The bits set in an odd number of the integers.",
        [("{a: 12}", "{$bitXor: ['$a', 10]}", "6")],
        xor
    ),
];

fn and<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    fold("$bitAnd", args, -1, |a, b| a & b)
}

fn or<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    fold("$bitOr", args, 0, |a, b| a | b)
}

fn xor<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    fold("$bitXor", args, 0, |a, b| a ^ b)
}

/// An int64 when an argument is one, else an int32, whose sign the bits above it repeat.
fn fold<'d>(operator: &str, args: &[Value<'d>], start: i64, op: fn(i64, i64) -> i64) -> Result<Value<'d>> {
    let mut bits = start;
    let mut long = false;
    for arg in args {
        match Number::of(*arg) {
            Some(Number::Int32(int)) => bits = op(bits, int.into()),
            Some(Number::Int64(int)) => {
                bits = op(bits, int);
                long = true;
            }
            None if arg.is_nullish() => return Ok(Value::NULL),
            _ => return Err(Error::type_mismatch(format!("{operator} only supports int and long operands."))),
        }
    }
    Ok(if long { Value::int64(bits) } else { Value::int32(bits as i32) })
}

fn not<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(match numeric_argument("$bitNot", args)? {
        None => Value::NULL,
        Some(Number::Int32(int)) => Value::int32(!int),
        Some(Number::Int64(int)) => Value::int64(!int),
        Some(_) => {
            let message = format!("$bitNot only supports int and long, not: {}.", args[0].tag().name());
            return Err(Error::type_mismatch(message));
        }
    })
}
