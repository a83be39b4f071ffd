//! `$derivative $integral $expMovingAvg $locf`: functions of a series in order.
//!
//! `$derivative` and `$integral` get the moment and the value of each document; a setting is the length in
//! milliseconds of the unit that moments are counted in, when they are dates.

use std::collections::VecDeque;

use bumpalo::Bump;

use super::{Accumulator, Definition, Form, Kept, Sliding, first, second};
use crate::error::{Error, Result};
use crate::func::number::Number;
use crate::value::Value;

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$derivative",
        form: Form::OverTime,
        doc: "The mean rate of change between the ends of the window.",
        example: None,
        begin: None,
        begin_sliding: Some(|settings| Ok(Box::new(Derivative(Series::new("$derivative", settings))))),
    },
    Definition {
        name: "$integral",
        form: Form::OverTime,
        doc: "The area under the values of the window, by trapezoids.",
        example: None,
        begin: None,
        begin_sliding: Some(|settings| Ok(Box::new(Integral(Series::new("$integral", settings))))),
    },
    Definition {
        name: "$expMovingAvg",
        form: Form::Smoothing,
        doc: "The exponential moving average of the numbers.",
        example: None,
        begin: None,
        begin_sliding: Some(|settings| {
            let weight = Number::of(first(settings)).map_or(1.0, Number::to_f64);
            Ok(Box::new(Smoothing { weight, average: None }))
        }),
    },
    Definition {
        name: "$locf",
        form: Form::SoFar,
        doc: "The last value that was not null; null before the first.",
        example: None,
        begin: None,
        begin_sliding: Some(|_| Ok(Box::new(Carrying(Kept::new(Value::NULL))))),
    },
];

/// A moment and the value then; `None` for a value that is null.
type Point = (f64, Option<f64>);

/// The points of a window.
struct Series {
    operator: &'static str,
    /// Milliseconds in a unit, when moments are dates.
    unit_millis: Option<f64>,
    points: VecDeque<Point>,
}

impl Series {
    fn new(operator: &'static str, settings: &[Value<'_>]) -> Self {
        let unit_millis = Number::of(first(settings)).map(Number::to_f64);
        Self { operator, unit_millis, points: VecDeque::new() }
    }

    fn add(&mut self, args: &[Value<'_>]) -> Result<()> {
        let operator = self.operator;
        let (moment, value) = (first(args), second(args));
        let moment = match (moment.as_date_millis(), self.unit_millis) {
            (Some(millis), Some(_)) => millis as f64,
            (Some(_), None) => {
                let message = format!("{operator} (with no 'unit') expects the sortBy field to be numeric");
                return Err(Error::location(5_624_901, message));
            }
            (None, Some(_)) => {
                return Err(Error::location(
                    5_624_900,
                    format!("{operator} with 'unit' expects the sortBy field to be a Date"),
                ));
            }
            (None, None) => match Number::of(moment) {
                Some(number) => number.to_f64(),
                None => {
                    let message = format!("{operator} (with no 'unit') expects the sortBy field to be numeric");
                    return Err(Error::location(5_624_902, message));
                }
            },
        };
        let value = match Number::of(value) {
            Some(number) => Some(number.to_f64()),
            None if value.is_nullish() => None,
            None => {
                let message = format!("{operator} expects numeric input, but found {}", value.tag().name());
                return Err(Error::location(5_423_902, message));
            }
        };
        self.points.push_back((moment, value));
        Ok(())
    }
}

struct Derivative(Series);

impl Accumulator for Derivative {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        *held += size_of::<Point>();
        self.0.add(args)
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        let Series { points, unit_millis, .. } = &self.0;
        let (Some(&(start, Some(from))), Some(&(end, Some(to)))) = (points.front(), points.back()) else {
            return Ok(Value::NULL);
        };
        if end == start {
            return Ok(Value::NULL);
        }
        let rate = (to - from) / (end - start);
        Ok(Value::double(unit_millis.map_or(rate, |millis| rate * millis)))
    }
}

impl Sliding for Derivative {
    fn remove(&mut self, _: &[Value<'_>], held: &mut usize) {
        self.0.points.pop_front();
        *held = held.saturating_sub(size_of::<Point>());
    }
}

struct Integral(Series);

impl Accumulator for Integral {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        *held += size_of::<Point>();
        self.0.add(args)
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        let Series { points, unit_millis, .. } = &self.0;
        if points.is_empty() {
            return Ok(Value::NULL);
        }
        let mut known = points.iter().filter_map(|&(moment, value)| value.map(|value| (moment, value)));
        let mut area = 0.0;
        let mut last = known.next();
        for (moment, value) in known {
            if let Some((before, from)) = last {
                area += (from + value) * (moment - before) / 2.0;
            }
            last = Some((moment, value));
        }
        Ok(Value::double(unit_millis.map_or(area, |millis| area / millis)))
    }
}

impl Sliding for Integral {
    fn remove(&mut self, _: &[Value<'_>], held: &mut usize) {
        self.0.points.pop_front();
        *held = held.saturating_sub(size_of::<Point>());
    }
}

/// Each number counts with `weight`, all before it with the rest.
struct Smoothing {
    weight: f64,
    average: Option<f64>,
}

impl Accumulator for Smoothing {
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        if let Some(number) = Number::of(first(args)).map(Number::to_f64) {
            let average = self.average.map_or(number, |before| number * self.weight + before * (1.0 - self.weight));
            self.average = Some(average);
        }
        Ok(())
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        Ok(self.average.map_or(Value::NULL, Value::double))
    }
}

impl Sliding for Smoothing {
    /// The average reaches back to the start of the partition.
    fn remove(&mut self, _: &[Value<'_>], _: &mut usize) {}
}

struct Carrying(Kept);

impl Accumulator for Carrying {
    fn step(&mut self, args: &[Value<'_>], _: &mut usize) -> Result<()> {
        let value = first(args);
        if !value.is_nullish() {
            self.0.set(value);
        }
        Ok(())
    }

    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        Ok(self.0.get())
    }
}

impl Sliding for Carrying {
    /// What is carried on was seen at some time since the start of the partition.
    fn remove(&mut self, _: &[Value<'_>], _: &mut usize) {}
}
