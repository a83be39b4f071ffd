//! Arrays: taking them apart, putting them together, and searching them.
//!
//! Most operators answer null for a null or missing array; those that do not say so.

use super::display::describe;
use super::number::Number;
use super::row::row;
use super::{Args, Context, Function, build};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::value::{RawDoc, Value, equal_with};

/// Largest array that `$range` may make, in bytes, counting 16 for each element. MongoDB: the same 100 MiB.
const MAX_RANGE_BYTES: u64 = 100 * 1024 * 1024;

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$arrayElemAt",
        Args::Exactly(2),
        "The element at a position, counted from the end when negative; missing outside of the array.",
        [
            ("{a: [1, 2, 3]}", "{$arrayElemAt: ['$a', 0]}", "1"),
            ("{a: [1, 2, 3]}", "{$arrayElemAt: ['$a', -1]}", "3"),
            ("{a: [1, 2, 3]}", "{$arrayElemAt: ['$a', 3]}", "missing"),
        ],
        array_elem_at
    ),
    row!(
        "$concatArrays",
        Args::Any,
        "The elements of arrays, one array after the other.",
        [("{a: [1, 2]}", "{$concatArrays: ['$a', [3]]}", "[1, 2, 3]")],
        concat_arrays
    ),
    row!(
        "$first",
        Args::Exactly(1),
        "The first element of an array; missing when it is empty.",
        [("{a: [1, 2]}", "{$first: '$a'}", "1"), ("{a: []}", "{$first: '$a'}", "missing")],
        first
    ),
    row!(
        "$in",
        Args::Exactly(2),
        "Whether a value is an element of an array, which must not be null.",
        [("{a: [1, 2]}", "{$in: [2, '$a']}", "true"), ("{a: [1, 2]}", "{$in: [3, '$a']}", "false")],
        is_in
    ),
    row!(
        "$indexOfArray",
        Args::Between(2, 4),
        "Where a value first stands in an array between two positions, or -1.",
        [("{a: ['x', 'y']}", "{$indexOfArray: ['$a', 'y']}", "1"), ("{a: []}", "{$indexOfArray: ['$a', 1]}", "-1")],
        index_of_array
    ),
    row!(
        "$isArray",
        Args::Exactly(1),
        "Whether a value is an array.",
        [("{a: [1]}", "{$isArray: '$a'}", "true"), ("{}", "{$isArray: '$a'}", "false")],
        is_array
    ),
    row!(
        "$last",
        Args::Exactly(1),
        "The last element of an array; missing when it is empty.",
        [("{a: [1, 2]}", "{$last: '$a'}", "2"), ("{a: null}", "{$last: '$a'}", "null")],
        last
    ),
    row!(
        "$range",
        Args::Between(2, 3),
        "The integers from a start up to, not including, an end, by a step that may be negative.",
        [("{n: 3}", "{$range: [0, '$n']}", "[0, 1, 2]"), ("{}", "{$range: [5, 0, -2]}", "[5, 3, 1]")],
        range
    ),
    row!(
        "$reverseArray",
        Args::Exactly(1),
        "An array back to front.",
        [("{a: [1, 2, 3]}", "{$reverseArray: '$a'}", "[3, 2, 1]")],
        reverse_array
    ),
    row!(
        "$size",
        Args::Exactly(1),
        "How many elements an array has; it must not be null.",
        [("{a: [1, 2]}", "{$size: '$a'}", "2")],
        size
    ),
    row!(
        "$slice",
        Args::Between(2, 3),
        "The first elements of an array, the last when the count is negative, or some from a position on.",
        [
            ("{a: [1, 2, 3]}", "{$slice: ['$a', 2]}", "[1, 2]"),
            ("{a: [1, 2, 3]}", "{$slice: ['$a', -2]}", "[2, 3]"),
            ("{a: [1, 2, 3]}", "{$slice: ['$a', 1, 1]}", "[2]"),
        ],
        slice
    ),
    row!(
        "$zip",
        Args::Exactly(3),
        "Arrays transposed, given as `{inputs, useLongestLength, defaults}`: the first elements together, and so on.",
        [
            ("{a: [1, 2], b: [3]}", "{$zip: {inputs: ['$a', '$b']}}", "[[1, 3]]"),
            (
                "{a: [1, 2], b: [3]}",
                "{$zip: {inputs: ['$a', '$b'], useLongestLength: true, defaults: [0, 9]}}",
                "[[1, 3], [2, 9]]"
            ),
        ],
        zip
    ),
];

/// How many elements an array has.
pub(super) fn length(array: &RawDoc) -> usize {
    array.iter().count()
}

/// An array of values.
pub(super) fn array_of<'d>(ctx: &Context<'_, 'd>, values: impl IntoIterator<Item = Value<'d>>) -> Result<Value<'d>> {
    build::array(ctx.arena, |out| {
        values.into_iter().for_each(|value| out.value(value));
        Ok(())
    })
}

/// The position that an index means in an array of `length`, when there is one.
fn position(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index + length as i64 } else { index };
    usize::try_from(index).ok().filter(|at| *at < length)
}

fn array_elem_at<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let (array, index) = (args[0], args[1]);
    if array.is_nullish() || index.is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(elements) = array.as_array() else {
        let message = format!("$arrayElemAt's first argument must be an array, but is {}", array.tag().name());
        return Err(Error::location(28689, message));
    };
    let Some(number) = Number::of(index) else {
        let message = format!("$arrayElemAt's second argument must be a numeric value, but is {}", index.tag().name());
        return Err(Error::location(28690, message));
    };
    let Some(index) = number.to_i32_exact() else {
        let message =
            format!("$arrayElemAt's second argument must be representable as a 32-bit integer: {}", describe(index));
        return Err(Error::location(28691, message));
    };
    let at = if index < 0 { position(index.into(), length(elements)) } else { usize::try_from(index).ok() };
    Ok(at.and_then(|at| elements.get_index(at)).unwrap_or(Value::NOTHING))
}

fn first<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(match end_argument("$first", args[0])? {
        None => Value::NULL,
        Some(array) => array.get_index(0).unwrap_or(Value::NOTHING),
    })
}

fn last<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(match end_argument("$last", args[0])? {
        None => Value::NULL,
        Some(array) => array.values().last().unwrap_or(Value::NOTHING),
    })
}

fn end_argument<'d>(operator: &str, value: Value<'d>) -> Result<Option<&'d RawDoc>> {
    match value.as_array() {
        Some(array) => Ok(Some(array)),
        None if value.is_nullish() => Ok(None),
        None => {
            let message = format!("{operator}'s argument must be an array, but is {}", value.tag().name());
            Err(Error::location(28689, message))
        }
    }
}

fn concat_arrays<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    for arg in args {
        if arg.is_nullish() {
            return Ok(Value::NULL);
        }
        if arg.as_array().is_none() {
            let message = format!("$concatArrays only supports arrays, not {}", arg.tag().name());
            return Err(Error::location(28664, message));
        }
    }
    array_of(ctx, args.iter().filter_map(|arg| arg.as_array()).flat_map(|array| array.values()))
}

fn is_in<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let Some(array) = args[1].as_array() else {
        let message = format!("$in requires an array as a second argument, found: {}", args[1].tag().name());
        return Err(Error::location(40081, message));
    };
    Ok(Value::bool(array.values().any(|element| equal_with(element, args[0], ctx.strings))))
}

fn index_of_array<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    if args[0].is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(array) = args[0].as_array() else {
        let message = format!("$indexOfArray requires an array as a first argument, found: {}", args[0].tag().name());
        return Err(Error::location(40090, message));
    };
    let start = args.get(2).map_or(Ok(0), |start| bound(*start, "starting"))?;
    let end = args.get(3).map_or(Ok(usize::MAX), |end| bound(*end, "ending"))?;
    let found = array
        .values()
        .enumerate()
        .take(end)
        .skip(start)
        .find(|(_, element)| equal_with(*element, args[1], ctx.strings))
        .and_then(|(at, _)| i32::try_from(at).ok());
    Ok(Value::int32(found.unwrap_or(-1)))
}

fn bound(value: Value<'_>, which: &str) -> Result<usize> {
    let Some(index) = Number::of(value).and_then(Number::to_i32_exact) else {
        let message = format!(
            "$indexOfArray requires an integral {which} index, found a value of type: {}, with value: {}",
            value.tag().name(),
            describe(value)
        );
        return Err(Error::location(40096, message));
    };
    usize::try_from(index).map_err(|_| {
        Error::location(40097, format!("$indexOfArray requires a nonnegative {which} index, found: {index}"))
    })
}

fn is_array<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(Value::bool(args[0].as_array().is_some()))
}

fn range<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let start = range_argument(args[0], "starting value", 34443, 34444)?;
    let end = range_argument(args[1], "ending value", 34445, 34446)?;
    let step = match args.get(2) {
        None => 1,
        Some(step) => range_argument(*step, "step value", 34447, 34448)?,
    };
    if step == 0 {
        return Err(Error::location(34449, "$range requires a non-zero step value"));
    }
    let distance = if step > 0 { end - start } else { start - end };
    let count = u64::try_from(distance).map_or(0, |distance| distance.div_ceil(step.unsigned_abs()));
    let bytes = count * 16;
    if bytes > MAX_RANGE_BYTES {
        let message = format!(
            "$range would use too much memory ({bytes} bytes) and cannot spill to disk. Memory limit: \
             {MAX_RANGE_BYTES} bytes"
        );
        return Err(Error::new(Code::EXCEEDED_MEMORY_LIMIT, message));
    }
    // Every element lies between start and end, which are int32.
    array_of(ctx, (0..count as i64).map(|at| Value::int32((start + at * step) as i32)))
}

fn range_argument(value: Value<'_>, what: &str, not_numeric: i32, not_int32: i32) -> Result<i64> {
    let Some(number) = Number::of(value) else {
        let message = format!("$range requires a numeric {what}, found value of type: {}", value.tag().name());
        return Err(Error::location(not_numeric, message));
    };
    number.to_i32_exact().map(i64::from).ok_or_else(|| {
        let message = format!(
            "$range requires a {what} that can be represented as a 32-bit integer, found value: {}",
            describe(value)
        );
        Error::location(not_int32, message)
    })
}

fn reverse_array<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    if args[0].is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(array) = args[0].as_array() else {
        let message =
            format!("The argument to $reverseArray must be an array, but was of type: {}", args[0].tag().name());
        return Err(Error::location(34435, message));
    };
    let values: Vec<Value<'d>> = array.values().collect();
    array_of(ctx, values.into_iter().rev())
}

fn size<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let Some(array) = args[0].as_array() else {
        let message = format!("The argument to $size must be an array, but was of type: {}", args[0].tag().name());
        return Err(Error::location(17124, message));
    };
    Ok(super::number::int_value(length(array) as i64))
}

fn slice<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    if args[0].is_nullish() || args[1].is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(array) = args[0].as_array() else {
        let message = format!("First argument to $slice must be an array, but is of type: {}", args[0].tag().name());
        return Err(Error::location(28724, message));
    };
    let second = slice_argument(args[1], "Second", 28725, 28726)?;
    let length = length(array);
    let from_end = |back: i64| length.saturating_sub(back.unsigned_abs() as usize);
    let (start, count) = match args.get(2) {
        None if second < 0 => (from_end(second), length),
        None => (0, second as usize),
        Some(count) if count.is_nullish() => return Ok(Value::NULL),
        Some(third) => {
            let count = slice_argument(*third, "Third", 28727, 28728)?;
            if count <= 0 {
                let message = format!("Third argument to $slice must be positive: {}", describe(*third));
                return Err(Error::location(28729, message));
            }
            (if second < 0 { from_end(second) } else { second as usize }, count as usize)
        }
    };
    array_of(ctx, array.values().skip(start).take(count))
}

fn slice_argument(value: Value<'_>, which: &str, not_numeric: i32, not_int32: i32) -> Result<i64> {
    let Some(number) = Number::of(value) else {
        let message = format!("{which} argument to $slice must be numeric, but is of type: {}", value.tag().name());
        return Err(Error::location(not_numeric, message));
    };
    number.to_i32_exact().map(i64::from).ok_or_else(|| {
        let message =
            format!("{which} argument to $slice can't be represented as a 32-bit integer: {}", describe(value));
        Error::location(not_int32, message)
    })
}

fn zip<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let inputs = args[0].as_array().unwrap_or(RawDoc::EMPTY);
    let mut columns: Vec<Vec<Value<'d>>> = Vec::new();
    for input in inputs.values() {
        if input.is_nullish() {
            return Ok(Value::NULL);
        }
        let Some(array) = input.as_array() else {
            let message = format!("$zip found a non-array expression in input: {}", describe(input));
            return Err(Error::location(34468, message));
        };
        columns.push(array.values().collect());
    }
    let longest = args[1].as_bool() == Some(true);
    let lengths = columns.iter().map(Vec::len);
    let rows = if longest { lengths.max() } else { lengths.min() }.unwrap_or(0);
    let defaults: Vec<Value<'d>> = args[2].as_array().map(|defaults| defaults.values().collect()).unwrap_or_default();
    build::array(ctx.arena, |out| {
        for row in 0..rows {
            out.array(|out| {
                for (at, column) in columns.iter().enumerate() {
                    let value = column.get(row).or_else(|| defaults.get(at));
                    out.value(value.copied().unwrap_or(Value::NULL));
                }
            });
        }
        Ok(())
    })
}
