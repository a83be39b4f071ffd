//! `$stdDevPop $stdDevSamp`: standard deviations of the numbers; what is not a number is passed over.

use bumpalo::Bump;

use super::{Accumulator, Definition, Example, Form, Sliding, first};
use crate::algo::sum::{SlidingSum, Total};
use crate::error::Result;
use crate::func::number::Number;
use crate::value::Value;

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$stdDevPop",
        form: Form::One,
        doc: "The standard deviation of the numbers as a whole population; null when there are none.",
        example: Some(Example { documents: "[{a: 1}, {a: 3}, {a: 'x'}]", argument: "'$a'", value: "1.0" }),
        begin: Some(|_| Ok(Box::new(Spread::new(Divisor::Count)))),
        begin_sliding: Some(|_| Ok(Box::new(SlidingSpread::new(Divisor::Count)))),
    },
    Definition {
        name: "$stdDevSamp",
        form: Form::One,
        doc: "The standard deviation of the numbers as a sample; null when there are fewer than two.",
        example: Some(Example { documents: "[{a: 1}, {a: 3}, {a: 5}]", argument: "'$a'", value: "2.0" }),
        begin: Some(|_| Ok(Box::new(Spread::new(Divisor::LessOne)))),
        begin_sliding: Some(|_| Ok(Box::new(SlidingSpread::new(Divisor::LessOne)))),
    },
];

/// What the sum of squares is divided by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Divisor {
    Count,
    LessOne,
}

impl Divisor {
    /// The divisor for so many numbers; `None` when there are too few.
    pub(super) fn of(self, count: u64) -> Option<f64> {
        let divisor = if self == Divisor::Count { count } else { count.saturating_sub(1) };
        (divisor > 0).then_some(divisor as f64)
    }
}

/// Welford's method.
struct Spread {
    divisor: Divisor,
    count: u64,
    mean: f64,
    /// The sum of the squared distances from the mean.
    squares: f64,
}

impl Spread {
    fn new(divisor: Divisor) -> Self {
        Self { divisor, count: 0, mean: 0.0, squares: 0.0 }
    }
}

impl Accumulator for Spread {
    #[inline]
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        if let Some(number) = Number::of(first(args)).map(Number::to_f64) {
            self.count += 1;
            let distance = number - self.mean;
            if distance != 0.0 {
                self.mean += distance / self.count as f64;
                self.squares += distance * (number - self.mean);
            }
        }
        Ok(())
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        Ok(self.divisor.of(self.count).map_or(Value::NULL, |divisor| Value::double((self.squares / divisor).sqrt())))
    }
}

/// The method of Youngs and Cramer, which works backward too. Sums carry their rounding errors along.
struct SlidingSpread {
    divisor: Divisor,
    /// Numbers in the window, infinities and NaN among them.
    count: u64,
    not_finite: u64,
    sum: SlidingSum,
    squares: SlidingSum,
}

impl SlidingSpread {
    fn new(divisor: Divisor) -> Self {
        Self { divisor, count: 0, not_finite: 0, sum: SlidingSum::new(), squares: SlidingSum::new() }
    }

    fn finite(&self) -> u64 {
        self.count - self.not_finite
    }

    /// The square that a number adds to a window of `others`, whose sum is `self.sum`.
    fn square(&self, number: f64, others: f64) -> f64 {
        let distance = others * number - double(&self.sum);
        distance * distance / (others * (others + 1.0))
    }
}

/// A total of doubles.
fn double(sum: &SlidingSum) -> f64 {
    match sum.total() {
        Total::Int32(int) => int.into(),
        Total::Int64(int) => int as f64,
        Total::Double(double) => double,
        Total::Decimal(decimal) => decimal.to_f64(),
    }
}

impl Accumulator for SlidingSpread {
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        let Some(number) = Number::of(first(args)).map(Number::to_f64) else { return Ok(()) };
        self.count += 1;
        if !number.is_finite() {
            self.not_finite += 1;
            return Ok(());
        }
        let others = (self.finite() - 1) as f64;
        if others > 0.0 {
            self.squares.add(Value::double(self.square(number, others)));
        }
        self.sum.add(Value::double(number));
        Ok(())
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        let Some(divisor) = self.divisor.of(self.count) else { return Ok(Value::NULL) };
        if self.not_finite > 0 {
            return Ok(Value::double(f64::NAN));
        }
        let squares = double(&self.squares);
        // Rounding may leave a sum of squares just below zero.
        if self.count == 1 || squares < 0.0 {
            return Ok(Value::int32(0));
        }
        Ok(Value::double((squares / divisor).sqrt()))
    }
}

impl Sliding for SlidingSpread {
    fn remove(&mut self, args: &[Value<'_>], _: &mut usize) {
        let Some(number) = Number::of(first(args)).map(Number::to_f64) else { return };
        self.count -= 1;
        if !number.is_finite() {
            self.not_finite -= 1;
            return;
        }
        if self.finite() == 0 {
            self.sum = SlidingSum::new();
            self.squares = SlidingSum::new();
            return;
        }
        self.sum.remove(Value::double(number));
        let square = self.square(number, self.finite() as f64);
        self.squares.add(Value::double(-square));
    }
}
