//! `$sum $avg $count`: totals of numbers; what is not a number is passed over.

use bumpalo::Bump;

use super::{Accumulator, Definition, Example, Form, Sliding, first};
use crate::algo::sum::{SlidingSum, Sum, Total};
use crate::error::Result;
use crate::func::build;
use crate::value::Value;

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$sum",
        form: Form::One,
        doc: "The sum of the numbers, in the widest of their types.",
        example: Some(Example { documents: "[{a: 1}, {a: 2.5}, {a: 'x'}]", argument: "'$a'", value: "3.5" }),
        begin: Some(|_| Ok(Box::new(Summing(Sum::new())))),
        begin_sliding: Some(|_| Ok(Box::new(SlidingSumming(SlidingSum::new())))),
    },
    Definition {
        name: "$avg",
        form: Form::One,
        doc: "The mean of the numbers; null when there are none.",
        example: Some(Example { documents: "[{a: 1}, {a: 2}, {}]", argument: "'$a'", value: "1.5" }),
        begin: Some(|_| Ok(Box::new(Averaging(Sum::new())))),
        begin_sliding: Some(|_| Ok(Box::new(SlidingAveraging(SlidingSum::new())))),
    },
    Definition {
        name: "$count",
        form: Form::Nothing,
        doc: "The number of documents.",
        example: Some(Example { documents: "[{a: 1}, {}]", argument: "{}", value: "2" }),
        begin: Some(|_| Ok(Box::new(Counting(0)))),
        begin_sliding: Some(|_| Ok(Box::new(Counting(0)))),
    },
];

fn value_of(total: Total, arena: &Bump) -> Value<'_> {
    match total {
        Total::Int32(int) => Value::int32(int),
        Total::Int64(int) => Value::int64(int),
        Total::Double(double) => Value::double(double),
        Total::Decimal(decimal) => build::decimal(arena, decimal),
    }
}

struct Summing(Sum);

impl Accumulator for Summing {
    #[inline]
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        self.0.add(first(args));
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        Ok(value_of(self.0.total(), arena))
    }
}

struct SlidingSumming(SlidingSum);

impl Accumulator for SlidingSumming {
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        self.0.add(first(args));
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        Ok(value_of(self.0.total(), arena))
    }
}

impl Sliding for SlidingSumming {
    fn remove(&mut self, args: &[Value<'_>], _: &mut usize) {
        self.0.remove(first(args));
    }
}

struct Averaging(Sum);

impl Accumulator for Averaging {
    #[inline]
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        self.0.add(first(args));
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        Ok(self.0.mean().map_or(Value::NULL, |mean| value_of(mean, arena)))
    }
}

struct SlidingAveraging(SlidingSum);

impl Accumulator for SlidingAveraging {
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        self.0.add(first(args));
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        Ok(self.0.mean().map_or(Value::NULL, |mean| value_of(mean, arena)))
    }
}

impl Sliding for SlidingAveraging {
    fn remove(&mut self, args: &[Value<'_>], _: &mut usize) {
        self.0.remove(first(args));
    }
}

/// A number of documents.
struct Counting(i64);

impl Accumulator for Counting {
    #[inline]
    fn step(&mut self, _: &[Value<'_>], _: &mut usize) -> Result<()> {
        self.0 += 1;
        Ok(())
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        Ok(Value::integer(self.0))
    }
}

impl Sliding for Counting {
    fn remove(&mut self, _: &[Value<'_>], _: &mut usize) {
        self.0 -= 1;
    }
}
