//! `$covariancePop $covarianceSamp`: how two numbers vary together. The argument is an array of the two; anything else
//! is passed over.

use bumpalo::Bump;

use super::spread::{Divisor, double};
use super::{Accumulator, Definition, Form, Sliding, first};
use crate::algo::sum::SlidingSum;
use crate::error::Result;
use crate::func::number::Number;
use crate::value::Value;

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
    /// The sum of the products of the distances from the means.
    products: f64,
}

impl Covariance {
    fn new(divisor: Divisor) -> Self {
        Self { divisor, count: 0, not_finite: 0, sums: [SlidingSum::new(), SlidingSum::new()], products: 0.0 }
    }

    fn finite(&self) -> f64 {
        (self.count - self.not_finite) as f64
    }

    fn mean(&self, side: usize) -> f64 {
        double(&self.sums[side]) / self.finite()
    }
}

fn pair(args: &[Value<'_>]) -> Option<[f64; 2]> {
    let mut elements = first(args).as_array()?.values();
    let x = Number::of(elements.next()?)?.to_f64();
    let y = Number::of(elements.next()?)?.to_f64();
    elements.next().is_none().then_some([x, y])
}

fn is_finite(pair: [f64; 2]) -> bool {
    pair.iter().all(|number| number.is_finite())
}

impl Accumulator for Covariance {
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        let Some([x, y]) = pair(args) else { return Ok(()) };
        self.count += 1;
        if !is_finite([x, y]) {
            self.not_finite += 1;
            return Ok(());
        }
        // The distance from the old mean of one and the new mean of the other.
        let others = self.finite() - 1.0;
        let distance = if others == 0.0 { 0.0 } else { x - double(&self.sums[0]) / others };
        self.sums[0].add(Value::double(x));
        self.sums[1].add(Value::double(y));
        self.products += distance * (y - self.mean(1));
        Ok(())
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        if self.not_finite > 0 {
            return Ok(Value::double(f64::NAN));
        }
        Ok(self.divisor.of(self.count).map_or(Value::NULL, |divisor| Value::double(self.products / divisor)))
    }
}

impl Sliding for Covariance {
    fn remove(&mut self, args: &[Value<'_>], _: &mut usize) {
        let Some([x, y]) = pair(args) else { return };
        if !is_finite([x, y]) {
            self.count -= 1;
            self.not_finite -= 1;
            return;
        }
        let mean = self.mean(1);
        self.count -= 1;
        self.sums[0].remove(Value::double(x));
        self.sums[1].remove(Value::double(y));
        if self.finite() == 0.0 {
            self.products = 0.0;
            return;
        }
        self.products -= (x - self.mean(0)) * (y - mean);
    }
}
