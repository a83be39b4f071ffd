//! Arrays as sets: order and repetition do not count, and values are equal as `$eq` sees them, so 1 is 1.0.
//!
//! Where the answer is a set, equal values stand for each other and the one met first is kept. MongoDB leaves the
//! order of such answers open; here they come sorted, except that `$setDifference` keeps the order of its first array.

use std::hash::{Hash, Hasher};

use ahash::AHashSet;

use super::array::array_of;
use super::row::row;
use super::truth::is_true;
use super::{Args, Context, Function};
use crate::error::{Error, Result};
use crate::value::{RawDoc, StringOrder, Value, compare_with, equal_with, hash_with};

/// The rows.
pub static FUNCTIONS: &[Function] = &[
    row!(
        "$allElementsTrue",
        Args::Exactly(1),
        "Whether no element of an array is false, zero, null or undefined.",
        [("{a: [true, 1]}", "{$allElementsTrue: '$a'}", "true"), ("{a: [0]}", "{$allElementsTrue: '$a'}", "false")],
        all_elements_true
    ),
    row!(
        "$anyElementTrue",
        Args::Exactly(1),
        "Whether some element of an array is neither false, zero, null nor undefined.",
        [("{a: [0, 'x']}", "{$anyElementTrue: '$a'}", "true"), ("{a: []}", "{$anyElementTrue: '$a'}", "false")],
        any_element_true
    ),
    row!(
        "$setDifference",
        Args::Exactly(2),
        "The elements of the first array that are not in the second.",
        [("{a: [3, 1, 2, 1]}", "{$setDifference: ['$a', [2]]}", "[3, 1]")],
        set_difference
    ),
    row!(
        "$setEquals",
        Args::Any,
        "Whether arrays have the same elements.",
        [("{a: [1, 2, 1]}", "{$setEquals: ['$a', [2, 1]]}", "true")],
        set_equals
    ),
    row!(
        "$setIntersection",
        Args::Any,
        "The elements that are in all of the arrays.",
        [("{a: [3, 1, 2]}", "{$setIntersection: ['$a', [2, 3]]}", "[2, 3]")],
        set_intersection
    ),
    row!(
        "$setIsSubset",
        Args::Exactly(2),
        "Whether every element of the first array is in the second.",
        [("{a: [1]}", "{$setIsSubset: ['$a', [1, 2]]}", "true")],
        set_is_subset
    ),
    row!(
        "$setUnion",
        Args::Any,
        "The elements that are in any of the arrays.",
        [("{a: [3, 1]}", "{$setUnion: ['$a', [2, 3]]}", "[1, 2, 3]")],
        set_union
    ),
];

/// A value as a member of a set, with what tells its strings apart.
#[derive(Clone, Copy)]
struct Member<'c, 'd>(Value<'d>, Option<&'c dyn StringOrder>);

impl PartialEq for Member<'_, '_> {
    fn eq(&self, other: &Self) -> bool {
        equal_with(self.0, other.0, self.1)
    }
}

impl Eq for Member<'_, '_> {}

impl Hash for Member<'_, '_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_with(self.0, state, self.1);
    }
}

fn members<'c, 'd>(ctx: &Context<'c, '_>, array: &'d RawDoc) -> AHashSet<Member<'c, 'd>> {
    array.values().map(|value| Member(value, ctx.strings)).collect()
}

fn sorted<'d>(ctx: &Context<'_, 'd>, mut values: Vec<Value<'d>>) -> Vec<Value<'d>> {
    values.sort_by(|a, b| compare_with(*a, *b, ctx.strings));
    values
}

fn all_elements_true<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let array = truth_argument("$allElementsTrue", 17040, args[0])?;
    Ok(Value::bool(array.values().all(is_true)))
}

fn any_element_true<'d>(_ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let array = truth_argument("$anyElementTrue", 17041, args[0])?;
    Ok(Value::bool(array.values().any(is_true)))
}

fn truth_argument<'d>(operator: &str, code: i32, value: Value<'d>) -> Result<&'d RawDoc> {
    value.as_array().ok_or_else(|| {
        Error::location(code, format!("{operator}'s argument must be an array, but is {}", value.tag().name()))
    })
}

fn set_difference<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    if args[0].is_nullish() || args[1].is_nullish() {
        return Ok(Value::NULL);
    }
    let [left, right] = both_arrays("$setDifference", [17048, 17049], args)?;
    let mut seen = members(ctx, right);
    let kept: Vec<_> = left.values().filter(|value| seen.insert(Member(*value, ctx.strings))).collect();
    array_of(ctx, kept)
}

fn set_is_subset<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let [left, right] = both_arrays("$setIsSubset", [17046, 17042], args)?;
    let right = members(ctx, right);
    Ok(Value::bool(left.values().all(|value| right.contains(&Member(value, ctx.strings)))))
}

fn both_arrays<'d>(operator: &str, codes: [i32; 2], args: &[Value<'d>]) -> Result<[&'d RawDoc; 2]> {
    let array = |at: usize, which: &str| {
        args[at].as_array().ok_or_else(|| {
            let found = args[at].tag().name();
            let message = format!("both operands of {operator} must be arrays. {which} argument is of type: {found}");
            Error::location(codes[at], message)
        })
    };
    Ok([array(0, "First")?, array(1, "Second")?])
}

fn set_equals<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    if args.len() < 2 {
        return Err(Error::location(17045, format!("$setEquals needs at least two arguments had: {}", args.len())));
    }
    let mut first = None;
    for (at, arg) in args.iter().enumerate() {
        let Some(array) = arg.as_array() else {
            let found = arg.tag().name();
            let message =
                format!("All operands of $setEquals must be arrays. {}-th argument is of type: {found}", at + 1);
            return Err(Error::location(17044, message));
        };
        let set = members(ctx, array);
        match &first {
            None => first = Some(set),
            Some(first) if *first != set => return Ok(Value::FALSE),
            Some(_) => {}
        }
    }
    Ok(Value::TRUE)
}

fn set_intersection<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let mut common: Option<Vec<Value<'d>>> = None;
    for arg in args {
        let Some(array) = set_argument("$setIntersection", 17047, *arg)? else { return Ok(Value::NULL) };
        let mut set = members(ctx, array);
        common = Some(match common {
            None => array.values().filter(|value| set.remove(&Member(*value, ctx.strings))).collect(),
            Some(common) => common.into_iter().filter(|value| set.contains(&Member(*value, ctx.strings))).collect(),
        });
    }
    array_of(ctx, sorted(ctx, common.unwrap_or_default()))
}

fn set_union<'d>(ctx: &mut Context<'_, 'd>, args: &[Value<'d>]) -> Result<Value<'d>> {
    let mut seen = AHashSet::new();
    let mut union = Vec::new();
    for arg in args {
        let Some(array) = set_argument("$setUnion", 17043, *arg)? else { return Ok(Value::NULL) };
        union.extend(array.values().filter(|value| seen.insert(Member(*value, ctx.strings))));
    }
    array_of(ctx, sorted(ctx, union))
}

fn set_argument<'d>(operator: &str, code: i32, value: Value<'d>) -> Result<Option<&'d RawDoc>> {
    match value.as_array() {
        Some(array) => Ok(Some(array)),
        None if value.is_nullish() => Ok(None),
        None => {
            let found = value.tag().name();
            let message = format!("All operands of {operator} must be arrays. One argument is of type: {found}");
            Err(Error::location(code, message))
        }
    }
}
