//! `$median $percentile`: order statistics of the numbers; what is not a number is passed over. The method is named
//! "approximate", and MongoDB's answer is exact as long as few documents come by; this one always is.

use bumpalo::Bump;

use super::{Accumulator, Definition, Example, Form, Sliding, first};
use crate::error::Result;
use crate::func::build;
use crate::func::number::Number;
use crate::func::stats::{at_fraction, fractions};
use crate::value::{Value, compare_doubles};

/// The rows.
pub(super) static DEFINITIONS: &[Definition] = &[
    Definition {
        name: "$median",
        form: Form::Percentile { with_p: false },
        doc: "The median of the numbers, as a double; null when there are none.",
        example: Some(Example {
            documents: "[{a: 3}, {a: 1}, {a: 2}]",
            argument: "{input: '$a', method: 'approximate'}",
            value: "2.0",
        }),
        begin: Some(|_| Ok(Box::new(Collecting { wanted: Wanted::Median, numbers: Vec::new() }))),
        begin_sliding: Some(|_| Ok(Box::new(Sorted { wanted: Wanted::Median, numbers: Vec::new() }))),
    },
    Definition {
        name: "$percentile",
        form: Form::Percentile { with_p: true },
        doc: "The percentiles of the numbers, as an array of doubles.",
        example: Some(Example {
            documents: "[{a: 1}, {a: 2}, {a: 3}, {a: 4}]",
            argument: "{input: '$a', p: [0.5, 1], method: 'approximate'}",
            value: "[2.0, 4.0]",
        }),
        begin: Some(|settings| Ok(Box::new(Collecting { wanted: Wanted::of(settings)?, numbers: Vec::new() }))),
        begin_sliding: Some(|settings| Ok(Box::new(Sorted { wanted: Wanted::of(settings)?, numbers: Vec::new() }))),
    },
];

/// Which of the numbers are asked for.
enum Wanted {
    Median,
    Fractions(Vec<f64>),
}

impl Wanted {
    fn of(settings: &[Value<'_>]) -> Result<Self> {
        fractions(first(settings)).map(Wanted::Fractions)
    }

    fn among<'d>(&self, sorted: &[f64], arena: &'d Bump) -> Result<Value<'d>> {
        match self {
            Wanted::Median => Ok(at_fraction(sorted, 0.5)),
            Wanted::Fractions(fractions) => build::array(arena, |out| {
                fractions.iter().for_each(|fraction| out.value(at_fraction(sorted, *fraction)));
                Ok(())
            }),
        }
    }
}

/// The number in a value, unless it is none that can be ordered.
fn number(value: Value<'_>) -> Option<f64> {
    Number::of(value).map(Number::to_f64).filter(|number| !number.is_nan())
}

/// The numbers as they came; they are sorted when the value is asked for.
struct Collecting {
    wanted: Wanted,
    numbers: Vec<f64>,
}

impl Accumulator for Collecting {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        if let Some(number) = number(first(args)) {
            self.numbers.push(number);
            *held += size_of::<f64>();
        }
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        let mut sorted = self.numbers.clone();
        sorted.sort_unstable_by(|a, b| compare_doubles(*a, *b));
        self.wanted.among(&sorted, arena)
    }
}

/// The numbers of a window, always sorted.
struct Sorted {
    wanted: Wanted,
    numbers: Vec<f64>,
}

impl Sorted {
    /// The place of the first number that is not less.
    fn place(&self, number: f64) -> usize {
        self.numbers.partition_point(|other| compare_doubles(*other, number).is_lt())
    }
}

impl Accumulator for Sorted {
    fn step(&mut self, args: &[Value<'_>], held: &mut usize) -> Result<()> {
        if let Some(number) = number(first(args)) {
            self.numbers.insert(self.place(number), number);
            *held += size_of::<f64>();
        }
        Ok(())
    }

    fn finish<'d>(&'d self, arena: &'d Bump) -> Result<Value<'d>> {
        self.wanted.among(&self.numbers, arena)
    }
}

impl Sliding for Sorted {
    fn remove(&mut self, args: &[Value<'_>], held: &mut usize) {
        if let Some(number) = number(first(args)) {
            let place = self.place(number);
            if place < self.numbers.len() {
                self.numbers.remove(place);
                *held = held.saturating_sub(size_of::<f64>());
            }
        }
    }
}
