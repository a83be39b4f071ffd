//! What accumulators compute, over the arguments of one expression: `$avg $max $median $min $percentile $stdDevPop
//! $stdDevSamp $sum`.
//!
//! A single argument that is an array stands for its elements. Values of other types than the operator works on are
//! passed over.

use std::cmp::Ordering;

use super::display::describe;
use super::number::Number;
use super::row::row;
use super::{Args, Context, Fault, Function, Param, build};
use crate::algo::sum::{Sum, Total};
use crate::error::{Error, Result};
use crate::value::{RawDoc, Value, compare_with};

const INPUT: Param =
    Param::required("input", Fault::new(40414, "BSON field '{op}.input' is missing but a required field"));
const METHOD: Param =
    Param::required("method", Fault::new(40414, "BSON field '{op}.method' is missing but a required field"));
const UNKNOWN: Fault = Fault::new(40415, "BSON field '{op}.{name}' is an unknown field.");

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$avg",
        Args::Any,
        "The mean of the numbers among the values; null when there are none.",
        [("{a: [1, 2, 'x']}", "{$avg: '$a'}", "1.5"), ("{}", "{$avg: [1, 2, 6]}", "3.0")],
        avg
    ),
    row!(
        "$max",
        Args::Any,
        "The greatest of the values that are not null; null when there are none.",
        [("{a: [1, 3, null]}", "{$max: '$a'}", "3"), ("{a: 1}", "{$max: ['$a', 2]}", "2")],
        max
    ),
    row!(
        "$median",
        Args::Named {
            params: &[INPUT, METHOD],
            not_a_document: Fault::new(7436100, "specification must be an object; found {op}: {value}"),
            unknown: UNKNOWN,
        },
        "The median of the numbers among the values, as a double.",
        [("{a: [3, 1, 2]}", "{$median: {input: '$a', method: 'approximate'}}", "2.0")],
        median
    ),
    row!(
        "$min",
        Args::Any,
        "The least of the values that are not null; null when there are none.",
        [("{a: [1, 3, null]}", "{$min: '$a'}", "1")],
        min
    ),
    row!(
        "$percentile",
        Args::Named {
            params: &[
                INPUT,
                Param::required("p", Fault::new(40414, "BSON field '{op}.p' is missing but a required field")),
                METHOD,
            ],
            not_a_document: Fault::new(7429703, "specification must be an object; found {op}: {value}"),
            unknown: UNKNOWN,
        },
        "The percentiles of the numbers among the values, as an array of doubles.",
        [("{a: [1, 2, 3, 4]}", "{$percentile: {input: '$a', p: [0.5, 1], method: 'approximate'}}", "[2.0, 4.0]")],
        percentile
    ),
    row!(
        "$stdDevPop",
        Args::Any,
        "The standard deviation of the numbers among the values as a whole population.",
        [("{a: [1, 3]}", "{$stdDevPop: '$a'}", "1.0"), ("{a: []}", "{$stdDevPop: '$a'}", "null")],
        std_dev_pop
    ),
    row!(
        "$stdDevSamp",
        Args::Any,
        "The standard deviation of the numbers among the values as a sample; null when there are fewer than two.",
        [("{a: [1, 3, 5]}", "{$stdDevSamp: '$a'}", "2.0"), ("{a: [1]}", "{$stdDevSamp: '$a'}", "null")],
        std_dev_samp
    ),
    row!(
        "$sum",
        Args::Any,
        "The sum of the numbers among the values.",
        [("{a: [1, 2, 'x']}", "{$sum: '$a'}", "3"), ("{a: 1}", "{$sum: ['$a', 2.5]}", "3.5")],
        sum
    ),
];

/// Visits the values: the elements of an only argument that is an array, else the arguments.
fn for_each<'d>(args: &[Value<'d>], visit: impl FnMut(Value<'d>)) {
    match args {
        [only] if only.as_array().is_some() => only.as_array().unwrap_or(RawDoc::EMPTY).values().for_each(visit),
        _ => args.iter().copied().for_each(visit),
    }
}

fn total_of(args: &[Value<'_>]) -> Sum {
    let mut sum = Sum::new();
    for_each(args, |value| sum.add(value));
    sum
}

fn total_value<'d>(ctx: &Context<'_, 'd>, total: Total) -> Value<'d> {
    match total {
        Total::Int32(int) => Value::int32(int),
        Total::Int64(int) => Value::int64(int),
        Total::Double(double) => Value::double(double),
        Total::Decimal(decimal) => build::decimal(ctx.arena, decimal),
    }
}

fn sum<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(total_value(ctx, total_of(args).total()))
}

fn avg<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(total_of(args).mean().map_or(Value::NULL, |mean| total_value(ctx, mean)))
}

fn max<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(extreme(ctx, args, Ordering::Greater))
}

fn min<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(extreme(ctx, args, Ordering::Less))
}

/// The first value that no other precedes in this direction.
fn extreme<'d>(ctx: &Context<'_, 'd>, args: &[Value<'d>], direction: Ordering) -> Value<'d> {
    let mut best: Option<Value<'d>> = None;
    for_each(args, |value| {
        if !value.is_nullish() && best.is_none_or(|best| compare_with(value, best, ctx.strings) == direction) {
            best = Some(value);
        }
    });
    best.unwrap_or(Value::NULL)
}

fn std_dev_pop<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(standard_deviation(args, 0))
}

fn std_dev_samp<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(standard_deviation(args, 1))
}

/// Welford's method, whose divisor is the count less `lost`.
fn standard_deviation(args: &[Value<'_>], lost: u64) -> Value<'static> {
    let (mut count, mut mean, mut squares) = (0u64, 0.0, 0.0);
    for_each(args, |value| {
        if let Some(number) = Number::of(value) {
            let value = number.to_f64();
            count += 1;
            let delta = value - mean;
            mean += delta / count as f64;
            squares += delta * (value - mean);
        }
    });
    match count.checked_sub(lost) {
        None | Some(0) => Value::NULL,
        Some(divisor) => Value::double((squares / divisor as f64).sqrt()),
    }
}

fn median<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    check_method(args[1])?;
    let numbers = sorted_numbers(args[0]);
    Ok(at_fraction(&numbers, 0.5))
}

fn percentile<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let fractions = fractions(args[1])?;
    check_method(args[2])?;
    let numbers = sorted_numbers(args[0]);
    build::array(ctx.arena, |out| {
        fractions.iter().for_each(|fraction| out.value(at_fraction(&numbers, *fraction)));
        Ok(())
    })
}

fn check_method(method: Value<'_>) -> Result<()> {
    match method.as_str() {
        Some("approximate") => Ok(()),
        Some(_) => Err(Error::bad_value("Currently only 'approximate' can be used as percentile 'method'.")),
        None => {
            let message =
                format!("BSON field 'method' is the wrong type '{}', expected type 'string'", method.tag().name());
            Err(Error::type_mismatch(message))
        }
    }
}

/// The fractions that the argument `p` of `$percentile` asks for.
pub(crate) fn fractions(p: Value<'_>) -> Result<Vec<f64>> {
    let fault = |code| {
        let message = "The $percentile 'p' field must be an array of numbers from [0.0, 1.0], but found: ";
        Error::location(code, format!("{message}{}", describe(p)))
    };
    let array = p.as_array().filter(|array| !array.is_empty()).ok_or_else(|| fault(7750301))?;
    array
        .values()
        .map(|value| {
            let fraction = Number::of(value).ok_or_else(|| fault(7750302))?.to_f64();
            if (0.0..=1.0).contains(&fraction) { Ok(fraction) } else { Err(fault(7750303)) }
        })
        .collect()
}

fn sorted_numbers(input: Value<'_>) -> Vec<f64> {
    let mut numbers = Vec::new();
    for_each(&[input], |value| numbers.extend(Number::of(value).map(Number::to_f64)));
    numbers.sort_by(|a, b| crate::value::compare_doubles(*a, *b));
    numbers
}

/// The smallest number that at least this fraction of the numbers does not exceed.
pub(crate) fn at_fraction(sorted: &[f64], fraction: f64) -> Value<'static> {
    let rank = (fraction * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(Value::NULL, |number| Value::double(*number))
}
