//! `$covariancePop $covarianceSamp`: how two numbers vary together. The argument is an array of the two; anything else
//! is passed over.

use bumpalo::Bump;

use super::spread::Divisor;
use super::{Accumulator, Definition, Form, Sliding, first};
use crate::algo::decimal;
use crate::algo::sum::{SlidingSum, Total};
use crate::error::Result;
use crate::func::number::Number;
use crate::value::{Decimal128, Value};

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$covariancePop",
        form: Form::One,
        doc: "The covariance of two numbers over a whole population; null when there are none.",
        example: None,
        begin: None,
        begin_sliding: Some(|_| Ok(Box::new(Covariance::new(Divisor::Count)))),
    },
    Definition {
        name: "$covarianceSamp",
        form: Form::One,
        doc: "The covariance of two numbers over a sample; null when there are fewer than two.",
        example: None,
        begin: None,
        begin_sliding: Some(|_| Ok(Box::new(Covariance::new(Divisor::LessOne)))),
    },
];

struct Covariance {
    divisor: Divisor,
    /// Pairs in the window, those with infinities and NaN among them.
    count: u64,
    not_finite: u64,
    sums: [SlidingSum; 2],
    /// The sum of the products of the distances from the means: a decimal when a number was one.
    products: Number,
}

impl Covariance {
    fn new(divisor: Divisor) -> Self {
        let sums = [SlidingSum::new(), SlidingSum::new()];
        Self { divisor, count: 0, not_finite: 0, sums, products: Number::Double(0.0) }
    }

    fn finite(&self) -> u64 {
        self.count - self.not_finite
    }

    /// The mean of one side; zero of nothing.
    fn mean(&self, side: usize) -> Number {
        match self.sums[side].mean() {
            Some(Total::Int32(int)) => Number::Int32(int),
            Some(Total::Int64(int)) => Number::Int64(int),
            Some(Total::Double(double)) => Number::Double(double),
            Some(Total::Decimal(decimal)) => Number::Decimal(decimal),
            None => Number::Int32(0),
        }
    }

    fn product(&self, x: Number, x_mean: Number, y: Number, y_mean: Number) -> Number {
        let distance = |number, mean| combine(number, mean, decimal::sub, |number, mean| number - mean);
        combine(distance(x, x_mean), distance(y, y_mean), decimal::mul, |x, y| x * y)
    }
}

/// Computes with decimals when one number is a decimal, else with doubles.
fn combine(
    a: Number,
    b: Number,
    decimals: fn(Decimal128, Decimal128) -> Decimal128,
    doubles: fn(f64, f64) -> f64,
) -> Number {
    match (a, b) {
        (Number::Decimal(_), _) | (_, Number::Decimal(_)) => Number::Decimal(decimals(a.to_decimal(), b.to_decimal())),
        _ => Number::Double(doubles(a.to_f64(), b.to_f64())),
    }
}

fn pair(args: &[Value<'_>]) -> Option<[Number; 2]> {
    let mut elements = first(args).as_array()?.values();
    let x = Number::of(elements.next()?)?;
    let y = Number::of(elements.next()?)?;
    elements.next().is_none().then_some([x, y])
}

fn is_finite(number: Number) -> bool {
    match number {
        Number::Int32(_) | Number::Int64(_) => true,
        Number::Double(double) => double.is_finite(),
        Number::Decimal(decimal) => decimal::is_finite(decimal),
    }
}

impl Accumulator for Covariance {
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        let Some([x, y]) = pair(args) else { return Ok(()) };
        self.count += 1;
        if !(is_finite(x) && is_finite(y)) {
            self.not_finite += 1;
            return Ok(());
        }
        // The distance from the old mean of one and the new mean of the other.
        let x_mean = self.mean(0);
        let arena = Bump::new();
        self.sums[0].add(x.value(&arena));
        self.sums[1].add(y.value(&arena));
        let product = self.product(x, x_mean, y, self.mean(1));
        self.products = combine(self.products, product, decimal::add, |sum, product| sum + product);
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        if self.not_finite > 0 {
            return Ok(Value::double(f64::NAN));
        }
        let Some(divisor) = self.divisor.of(self.count).map(Number::Double) else { return Ok(Value::NULL) };
        Ok(combine(self.products, divisor, decimal::div, |products, divisor| products / divisor).value(arena))
    }
}

impl Sliding for Covariance {
    fn remove(&mut self, args: &[Value<'_>], _: &mut usize) {
        let Some([x, y]) = pair(args) else { return };
        self.count -= 1;
        if !(is_finite(x) && is_finite(y)) {
            self.not_finite -= 1;
            return;
        }
        let y_mean = self.mean(1);
        let arena = Bump::new();
        self.sums[0].remove(x.value(&arena));
        self.sums[1].remove(y.value(&arena));
        if self.finite() == 0 {
            self.products = Number::Double(0.0);
            return;
        }
        let product = self.product(x, self.mean(0), y, y_mean);
        self.products = combine(self.products, product, decimal::sub, |sum, product| sum - product);
    }
}
