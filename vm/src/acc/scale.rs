//! `$minMaxScaler`: where a number lies between the least and the greatest of the window.

use std::cmp::Ordering;

use bumpalo::Bump;

use super::extreme::SlidingExtreme;
use super::{Accumulator, Definition, Form, Sliding, first, second};
use crate::error::{Error, Result};
use crate::func::number::Number;
use crate::value::Value;

/// The row.
pub(super) static DEFINITIONS: &[Definition] = &[Definition {
    name: "$minMaxScaler",
    form: Form::Scaling,
    doc: "The number moved from the range of the window to another range.",
    example: None,
    begin: None,
    begin_sliding: Some(|settings| {
        let bound = |value| Number::of(value).map_or(0.0, Number::to_f64);
        let (low, high) = (bound(first(settings)), bound(second(settings)));
        let least = SlidingExtreme::new(Ordering::Less);
        Ok(Box::new(Scaling { least, greatest: SlidingExtreme::new(Ordering::Greater), low, high }))
    }),
}];

struct Scaling {
    least: SlidingExtreme,
    greatest: SlidingExtreme,
    low: f64,
    high: f64,
}

impl Accumulator for Scaling {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        let value = first(args);
        if !value.is_number() {
            let message =
                format!("$minMaxScaler requires numeric input, but found a value of type {}", value.tag().name());
            return Err(Error::location(10_487_001, message));
        }
        self.least.step(args, held)?;
        self.greatest.step(args, held)
    }

    /// Without a document there is nothing to scale.
    fn finish<'d>(&'d self, _: &'d Bump) -> Result<Value<'d>> {
        Ok(Value::NULL)
    }

    fn value_for<'d>(&'d self, args: &[Value<'_>], arena: &'d Bump) -> Result<Value<'d>> {
        let number = |value| Number::of(value).map(Number::to_f64);
        let least = number(self.least.finish(arena)?);
        let greatest = number(self.greatest.finish(arena)?);
        let (Some(number), Some(least), Some(greatest)) = (number(first(args)), least, greatest) else {
            return Ok(Value::NULL);
        };
        let share = if greatest > least { (number - least) / (greatest - least) } else { 0.0 };
        Ok(Value::double(self.low + share * (self.high - self.low)))
    }
}

impl Sliding for Scaling {
    fn remove(&mut self, args: &[Value<'_>], held: &mut usize) {
        self.least.remove(args, held);
        self.greatest.remove(args, held);
    }
}
