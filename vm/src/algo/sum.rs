//! Sums that do not depend on the order of their terms: integers exactly, doubles with the rounding errors carried
//! along (Knuth's two-sum), decimals with 34 digits.

use super::decimal;
use crate::value::decimal::Finite;
use crate::value::{Decimal128, Value, View};

/// A double with the error that its additions have made so far.
#[derive(Clone, Copy, Debug, Default)]
struct Compensated {
    sum: f64,
    error: f64,
    /// The plain sum, which gets infinities and NaN right.
    plain: f64,
}

impl Compensated {
    fn add(&mut self, term: f64) {
        self.plain += term;
        let sum = self.sum + term;
        let shadow = sum - self.sum;
        self.error += (self.sum - (sum - shadow)) + (term - shadow);
        self.sum = sum;
    }

    fn value(self) -> f64 {
        let value = self.sum + self.error;
        if value.is_nan() { self.plain } else { value }
    }
}

/// The widest type among the terms so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Widest {
    #[default]
    Int32,
    Int64,
    Double,
    Decimal,
}

/// A sum of numbers of any types.
#[derive(Clone, Copy, Debug)]
pub struct Sum {
    widest: Widest,
    integers: i128,
    /// How much the integers exceed the doubles nearest to them.
    excess: i128,
    doubles: Compensated,
    decimals: Decimal128,
    count: u64,
}

/// A number without the arena that a decimal value needs.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum Total {
    Int32(i32),
    Int64(i64),
    Double(f64),
    Decimal(Decimal128),
}

impl Default for Sum {
    fn default() -> Self {
        Self::new()
    }
}

impl Sum {
    /// The sum of nothing: the int32 zero.
    pub fn new() -> Self {
        Self {
            widest: Widest::Int32,
            integers: 0,
            excess: 0,
            doubles: Compensated::default(),
            decimals: decimal::small(0),
            count: 0,
        }
    }

    /// Adds a value; what is not a number is passed over.
    pub fn add(&mut self, value: Value<'_>) {
        let width = match value.view() {
            View::Int32(int) => {
                self.integers += i128::from(int);
                Widest::Int32
            }
            View::Int64(int) => {
                self.integers += i128::from(int);
                self.excess += i128::from(int) - (int as f64) as i128;
                Widest::Int64
            }
            View::Double(double) => {
                self.doubles.add(double);
                Widest::Double
            }
            View::Decimal128(term) => {
                self.decimals = decimal::add(self.decimals, term);
                Widest::Decimal
            }
            _ => return,
        };
        self.widest = self.widest.max(width);
        self.count += 1;
    }

    /// Adds what another sum has added up.
    pub fn merge(&mut self, other: &Sum) {
        self.integers += other.integers;
        self.excess += other.excess;
        self.doubles.add(other.doubles.sum);
        self.doubles.error += other.doubles.error;
        self.decimals = decimal::add(self.decimals, other.decimals);
        self.widest = self.widest.max(other.widest);
        self.count += other.count;
    }

    /// How many numbers were added.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum: in the widest type of its terms, where integers that outgrow theirs become the next wider.
    pub fn total(&self) -> Total {
        match self.widest {
            Widest::Decimal => Total::Decimal(self.decimal()),
            Widest::Double => Total::Double(self.double(self.integers)),
            narrow => match (i32::try_from(self.integers), i64::try_from(self.integers)) {
                (Ok(int), _) if narrow == Widest::Int32 => Total::Int32(int),
                (_, Ok(int)) => Total::Int64(int),
                _ => Total::Double(self.integers as f64),
            },
        }
    }

    /// The mean: a decimal when a term was one, else a double, for which every term counts as the double nearest to it.
    /// `None` of nothing.
    pub fn mean(&self) -> Option<Total> {
        if self.count == 0 {
            return None;
        }
        Some(match self.widest {
            Widest::Decimal => {
                let count = Decimal128::from_i64(i64::try_from(self.count).unwrap_or(i64::MAX));
                Total::Decimal(decimal::div(self.decimal(), count))
            }
            _ => Total::Double(self.double(self.integers - self.excess) / self.count as f64),
        })
    }

    fn double(&self, integers: i128) -> f64 {
        if integers == 0 {
            return self.doubles.value();
        }
        let mut all = self.doubles;
        let high = integers as f64;
        all.add(high);
        // What the conversion lost is small enough to be exact.
        all.add((integers - high as i128) as f64);
        all.value()
    }

    fn decimal(&self) -> Decimal128 {
        let doubles = decimal::add(Decimal128::from_f64(self.doubles.sum), Decimal128::from_f64(self.doubles.error));
        let doubles = if doubles.is_nan() { Decimal128::from_f64(self.doubles.plain) } else { doubles };
        decimal::add(decimal::add(self.decimals, doubles), integer(self.integers))
    }
}

/// A sum that terms can be taken away from again. Infinities and NaN are counted, so that they leave no trace.
#[derive(Clone, Copy, Debug, Default)]
pub struct SlidingSum {
    /// The finite terms.
    finite: Sum,
    /// Terms by type, in the order of [`Widest`].
    counts: [u64; 4],
    nans: u64,
    /// Infinities, positive and negative.
    infinities: [u64; 2],
}

impl SlidingSum {
    /// The sum of nothing: the int32 zero.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value; what is not a number is passed over.
    pub fn add(&mut self, value: Value<'_>) {
        self.change(value, false);
    }

    /// Takes away a value that was added before.
    pub fn remove(&mut self, value: Value<'_>) {
        self.change(value, true);
    }

    fn change(&mut self, value: Value<'_>, removes: bool) {
        let sign: i128 = if removes { -1 } else { 1 };
        let step = |count: &mut u64| *count = if removes { *count - 1 } else { *count + 1 };
        let width = match value.view() {
            View::Int32(int) => {
                self.finite.integers += sign * i128::from(int);
                Widest::Int32
            }
            View::Int64(int) => {
                self.finite.integers += sign * i128::from(int);
                self.finite.excess += sign * (i128::from(int) - (int as f64) as i128);
                Widest::Int64
            }
            View::Double(double) => {
                if double.is_nan() {
                    step(&mut self.nans);
                } else if double.is_infinite() {
                    step(&mut self.infinities[usize::from(double < 0.0)]);
                } else {
                    self.finite.doubles.add(if removes { -double } else { double });
                }
                Widest::Double
            }
            View::Decimal128(term) => {
                if term.is_nan() {
                    step(&mut self.nans);
                } else if !decimal::is_finite(term) {
                    step(&mut self.infinities[usize::from(decimal::is_negative(term))]);
                } else {
                    let term = if removes { decimal::neg(term) } else { term };
                    self.finite.decimals = decimal::add(self.finite.decimals, term);
                }
                Widest::Decimal
            }
            _ => return,
        };
        let count = &mut self.counts[width as usize];
        step(count);
        if *count == 0 {
            // No rounding error outlives the terms that made it.
            match width {
                Widest::Double => self.finite.doubles = Compensated::default(),
                Widest::Decimal => self.finite.decimals = decimal::small(0),
                Widest::Int32 | Widest::Int64 => {}
            }
        }
        self.finite.widest = [Widest::Decimal, Widest::Double, Widest::Int64]
            .into_iter()
            .find(|width| self.counts[*width as usize] > 0)
            .unwrap_or(Widest::Int32);
        self.finite.count = self.counts.iter().sum();
    }

    /// The sum, as [`Sum::total`] gives it.
    pub fn total(&self) -> Total {
        self.not_finite().unwrap_or_else(|| self.finite.total())
    }

    /// The mean, as [`Sum::mean`] gives it.
    pub fn mean(&self) -> Option<Total> {
        self.not_finite().or_else(|| self.finite.mean())
    }

    /// What infinities and NaN make of the sum and the mean.
    fn not_finite(&self) -> Option<Total> {
        let value = match (self.nans, self.infinities) {
            (0, [0, 0]) => return None,
            (0, [_, 0]) => f64::INFINITY,
            (0, [0, _]) => f64::NEG_INFINITY,
            _ => f64::NAN,
        };
        Some(match self.finite.widest {
            Widest::Decimal => Total::Decimal(Decimal128::from_f64(value)),
            _ => Total::Double(value),
        })
    }
}

/// A wide integer as a decimal; 34 digits hold more int64 terms than can be counted.
fn integer(value: i128) -> Decimal128 {
    let finite = Finite { negative: value < 0, coefficient: value.unsigned_abs(), exponent: 0 };
    finite.encode().unwrap_or(Decimal128::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[Value<'_>]) -> Total {
        let mut sum = Sum::new();
        values.iter().for_each(|value| sum.add(*value));
        sum.total()
    }

    #[test]
    fn integers_widen_only_when_they_must() {
        assert!(matches!(sum(&[]), Total::Int32(0)));
        assert!(matches!(sum(&[Value::int32(i32::MAX), Value::int32(1)]), Total::Int64(2147483648)));
        assert!(matches!(sum(&[Value::int64(1)]), Total::Int64(1)));
        assert!(matches!(sum(&[Value::int64(i64::MAX), Value::int64(1)]), Total::Double(d) if d == 2f64.powi(63)));
        let back = [Value::int64(i64::MAX), Value::int64(1), Value::int64(-1)];
        assert!(matches!(sum(&back), Total::Int64(i64::MAX)));
    }

    #[test]
    fn what_is_taken_away_leaves_no_trace() {
        let mut sum = SlidingSum::new();
        let terms = [Value::double(f64::INFINITY), Value::double(0.1), Value::int64(7), Value::int32(1)];
        terms.iter().for_each(|term| sum.add(*term));
        assert!(matches!(sum.total(), Total::Double(f64::INFINITY)));
        sum.remove(terms[0]);
        assert!(matches!(sum.total(), Total::Double(8.1)));
        sum.remove(terms[1]);
        assert!(matches!(sum.total(), Total::Int64(8)));
        sum.remove(terms[2]);
        assert!(matches!(sum.total(), Total::Int32(1)));
        assert!(matches!(sum.mean(), Some(Total::Double(1.0))));
    }

    #[test]
    fn doubles_keep_what_rounding_would_lose() {
        let terms = [1.0, 1e100, 1.0, -1e100].map(Value::double);
        assert!(matches!(sum(&terms), Total::Double(2.0)));
        let infinite = [f64::INFINITY, 1.0].map(Value::double);
        assert!(matches!(sum(&infinite), Total::Double(f64::INFINITY)));
    }
}
