//! Arrays in order: `$sortArray`, and the elements that come first or last: `$firstN $lastN $maxN $minN $top $topN
//! $bottom $bottomN`.

use std::cmp::Ordering;

use super::array::{array_of, length};
use super::display::describe;
use super::number::Number;
use super::row::row;
use super::{Args, Context, Fault, Function, Param};
use crate::error::{Error, Result};
use crate::value::{FieldPath, RawDoc, Value, compare_with, equal};

/// `{n, input}`.
const COUNTED: Args = Args::Named {
    params: &[
        Param::required("n", Fault::new(5787906, "Missing value for 'n'")),
        Param::required("input", Fault::new(5787907, "Missing value for 'input'")),
    ],
    not_a_document: Fault::new(5787801, "specification must be an object; found {op}: {value}"),
    unknown: Fault::new(5787901, "Unknown argument for 'n' operator: {name}"),
};

/// `{n, sortBy, input}`.
const COUNTED_IN_ORDER: Args = Args::Named {
    params: &[
        Param::required("n", Fault::new(5788003, "Missing value for 'n'")),
        Param::required("sortBy", Fault::new(5788005, "Missing value for 'sortBy'")),
        Param::required("input", Fault::new(5788004, "Missing value for 'input'")),
    ],
    not_a_document: Fault::new(5788001, "specification must be an object; found {op}: {value}"),
    unknown: Fault::new(5788002, "Unknown argument to {op}: {name}"),
};

/// `{sortBy, input}`.
const IN_ORDER: Args = Args::Named {
    params: &[
        Param::required("sortBy", Fault::new(5788005, "Missing value for 'sortBy'")),
        Param::required("input", Fault::new(5788004, "Missing value for 'input'")),
    ],
    not_a_document: Fault::new(5788001, "specification must be an object; found {op}: {value}"),
    unknown: Fault::new(5788002, "Unknown argument to {op}: {name}"),
};

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$bottom",
        IN_ORDER,
        "The last element of an array in an order.",
        [("{a: [8, 3, 10]}", "{$bottom: {sortBy: 1, input: '$a'}}", "10")],
        bottom
    ),
    row!(
        "$bottomN",
        COUNTED_IN_ORDER,
        "The last elements of an array in an order.",
        [("{a: [8, 3, 10]}", "{$bottomN: {n: 2, sortBy: 1, input: '$a'}}", "[8, 10]")],
        bottom_n
    ),
    row!(
        "$firstN",
        COUNTED,
        "The first elements of an array.",
        [("{a: [1, null, 3]}", "{$firstN: {n: 2, input: '$a'}}", "[1, null]")],
        first_n
    ),
    row!(
        "$lastN",
        COUNTED,
        "The last elements of an array, in its order.",
        [("{a: [1, 2, 3]}", "{$lastN: {n: 2, input: '$a'}}", "[2, 3]")],
        last_n
    ),
    row!(
        "$maxN",
        COUNTED,
        "The largest elements of an array that are not null, largest first.",
        [("{a: [1, null, 3, 2]}", "{$maxN: {n: 2, input: '$a'}}", "[3, 2]")],
        max_n
    ),
    row!(
        "$minN",
        COUNTED,
        "The smallest elements of an array that are not null, smallest first.",
        [("{a: [1, null, 3, 2]}", "{$minN: {n: 2, input: '$a'}}", "[1, 2]")],
        min_n
    ),
    row!(
        "$sortArray",
        Args::Exactly(2),
        "An array in order, given as `{input, sortBy}`: by whole elements or by fields of theirs.",
        [
            ("{a: [3, 1, 2]}", "{$sortArray: {input: '$a', sortBy: -1}}", "[3, 2, 1]"),
            ("{a: [{x: 2}, {x: 1}]}", "{$sortArray: {input: '$a', sortBy: {x: 1}}}", "[{x: 1}, {x: 2}]"),
        ],
        sort_array
    ),
    row!(
        "$top",
        IN_ORDER,
        "The first element of an array in an order.",
        [("{a: [8, 3, 10]}", "{$top: {sortBy: 1, input: '$a'}}", "3")],
        top
    ),
    row!(
        "$topN",
        COUNTED_IN_ORDER,
        "The first elements of an array in an order.",
        [("{a: [8, 3, 10]}", "{$topN: {n: 2, sortBy: -1, input: '$a'}}", "[10, 8]")],
        top_n
    ),
];

/// How many elements are asked for: an integer above zero.
pub(crate) fn count(value: Value<'_>) -> Result<usize> {
    let Some(number) = Number::of(value) else {
        let message = format!("Value for 'n' must be of integral type, but found {}", describe(value));
        return Err(Error::location(5787902, message));
    };
    let Some(count) = number.to_i64_exact() else {
        let message = format!("Value for 'n' must be of integral type, but found {}", describe(value));
        return Err(Error::location(5787903, message));
    };
    usize::try_from(count)
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(|| Error::location(5787908, format!("'n' must be greater than 0, found {count}")))
}

fn input(value: Value<'_>) -> Result<&RawDoc> {
    value.as_array().ok_or_else(|| Error::location(5788200, "Input must be an array"))
}

fn first_n<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let count = count(args[0])?;
    array_of(ctx, input(args[1])?.values().take(count))
}

fn last_n<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let count = count(args[0])?;
    let array = input(args[1])?;
    array_of(ctx, array.values().skip(length(array).saturating_sub(count)))
}

fn max_n<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    extremes(ctx, args, Ordering::reverse)
}

fn min_n<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    extremes(ctx, args, |order| order)
}

fn extremes<'d>(
    ctx: &mut Context<'_, 'd>,
    args: &[Value<'d>],
    direct: impl Fn(Ordering) -> Ordering,
) -> Result<Value<'d>> {
    let count = count(args[0])?;
    let mut values: Vec<_> = input(args[1])?.values().filter(|value| !value.is_nullish()).collect();
    values.sort_by(|a, b| direct(compare_with(*a, *b, ctx.strings)));
    array_of(ctx, values.into_iter().take(count))
}

fn top<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(in_order(ctx, input(args[1])?, args[0])?.first().copied().unwrap_or(Value::NOTHING))
}

fn bottom<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    Ok(in_order(ctx, input(args[1])?, args[0])?.last().copied().unwrap_or(Value::NOTHING))
}

fn top_n<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let count = count(args[0])?;
    let values = in_order(ctx, input(args[2])?, args[1])?;
    array_of(ctx, values.into_iter().take(count))
}

fn bottom_n<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let count = count(args[0])?;
    let values = in_order(ctx, input(args[2])?, args[1])?;
    let skipped = values.len().saturating_sub(count);
    array_of(ctx, values.into_iter().skip(skipped))
}

fn sort_array<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    if args[0].is_nullish() {
        return Ok(Value::NULL);
    }
    let Some(array) = args[0].as_array() else {
        let message =
            format!("The input argument to $sortArray must be an array, but was of type: {}", args[0].tag().name());
        return Err(Error::location(2942504, message));
    };
    let values = in_order(ctx, array, args[1])?;
    array_of(ctx, values)
}

/// The elements in the order `sort_by`: 1, -1 or a document of paths with directions. Equal elements keep their order.
fn in_order<'d>(ctx: &Context<'_, 'd>, array: &'d RawDoc, sort_by: Value<'_>) -> Result<Vec<Value<'d>>> {
    let mut values: Vec<Value<'d>> = array.values().collect();
    let Some(fields) = sort_by.as_doc() else {
        let descending = is_descending(sort_by)?;
        values.sort_by(|a, b| directed(compare_with(*a, *b, ctx.strings), descending));
        return Ok(values);
    };
    let mut parts = Vec::new();
    for field in fields {
        parts.push((FieldPath::new(field.name_str()), is_descending(field.value())?));
    }
    values.sort_by(|a, b| {
        let mut by_part = parts.iter().map(|(path, descending)| {
            directed(compare_with(sort_key(*a, path), sort_key(*b, path), ctx.strings), *descending)
        });
        by_part.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    Ok(values)
}

fn is_descending(direction: Value<'_>) -> Result<bool> {
    if equal(direction, Value::int32(1)) {
        Ok(false)
    } else if equal(direction, Value::int32(-1)) {
        Ok(true)
    } else {
        Err(Error::location(2942506, "sort directions must be 1 (ascending) or -1 (descending)"))
    }
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

/// What an element sorts by at a path: arrays are compared, not walked.
fn sort_key<'d>(element: Value<'d>, path: &FieldPath) -> Value<'d> {
    let walked = path.components().iter().try_fold(element, |value, component| value.as_doc()?.get(component.name()));
    walked.unwrap_or(Value::NULL)
}
