//! `map`, `filter` and `reduce`: instructions that run a region of their own program once for each array element.
//!
//! A nullish input gives null; any other input that is not an array is an error, each operator's own.

use bumpalo::collections::Vec as ArenaVec;

use super::dispatch::is_true;
use super::{Exit, Frame, Inputs, Scratch};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::func::number::Number;
use crate::op::{LambdaId, Src};
use crate::program::Lambda;
use crate::value::{ArrayWriter, RawDoc, Value};

impl Scratch {
    pub(super) fn map<'d>(
        &mut self,
        inputs: &Inputs<'d>,
        frame: &mut Frame,
        src: Src,
        lambda: LambdaId,
    ) -> Result<Value<'d>> {
        let not_an_array = |found| Error::location(16883, format!("input to $map must be an array not {found}"));
        let Some(elements) = input(frame, src, not_an_array)? else { return Ok(Value::NULL) };
        let lambda = inputs.program.tables().lambdas[usize::from(lambda.0)];
        let mut bytes = ArenaVec::with_capacity_in(elements.as_bytes().len(), inputs.arena);
        let mut array = ArrayWriter::new(&mut bytes);
        for (at, element) in elements.values().enumerate() {
            array.value(self.body(inputs, frame, lambda, at, element)?);
            check_size(array.written())?;
        }
        array.finish();
        Ok(Value::array(RawDoc::trusted(bytes.into_bump_slice())))
    }

    pub(super) fn filter<'d>(
        &mut self,
        inputs: &Inputs<'d>,
        frame: &mut Frame,
        src: Src,
        lambda: LambdaId,
    ) -> Result<Value<'d>> {
        let lambda = inputs.program.tables().lambdas[usize::from(lambda.0)];
        let not_an_array = |found| Error::location(28651, format!("input to $filter must be an array not {found}"));
        let Some(elements) = input(frame, src, not_an_array)? else { return Ok(Value::NULL) };
        let limit = match lambda.limit {
            Some(register) => filter_limit(frame.registers.get(register.src()))?,
            None => usize::MAX,
        };
        let mut bytes = ArenaVec::with_capacity_in(64, inputs.arena);
        let mut array = ArrayWriter::new(&mut bytes);
        for (at, element) in elements.values().enumerate() {
            if array.count() == limit {
                break;
            }
            if is_true(self.body(inputs, frame, lambda, at, element)?) {
                array.value(element);
            }
        }
        array.finish();
        Ok(Value::array(RawDoc::trusted(bytes.into_bump_slice())))
    }

    pub(super) fn reduce<'d>(
        &mut self,
        inputs: &Inputs<'d>,
        frame: &mut Frame,
        src: Src,
        lambda: LambdaId,
    ) -> Result<Value<'d>> {
        let not_an_array =
            |found| Error::location(40080, format!("$reduce requires that 'input' be an array, found: {found}"));
        let Some(elements) = input(frame, src, not_an_array)? else { return Ok(Value::NULL) };
        let lambda = inputs.program.tables().lambdas[usize::from(lambda.0)];
        let Some(accumulator) = lambda.accumulator else {
            return Err(Error::new(Code::INTERNAL_ERROR, "a fold without an accumulator"));
        };
        for (at, element) in elements.values().enumerate() {
            let next = self.body(inputs, frame, lambda, at, element)?;
            frame.registers.set(accumulator.dst(), next);
            check_size(inputs.arena.allocated_bytes() / REDUCE_ARENA_FACTOR)?;
        }
        Ok(frame.registers.get(accumulator.src()))
    }

    /// One run of the body.
    fn body<'d>(
        &mut self,
        inputs: &Inputs<'d>,
        frame: &mut Frame,
        lambda: Lambda,
        at: usize,
        element: Value<'d>,
    ) -> Result<Value<'d>> {
        self.charge(1, inputs.env)?;
        frame.registers.set(lambda.element.dst(), element);
        if let Some(index) = lambda.index {
            frame.registers.set(index.dst(), Value::integer(at as i64));
        }
        match self.execute(inputs, frame, usize::from(lambda.entry.0))? {
            Exit::Yielded(value) => Ok(value),
            _ => Err(Error::new(Code::INTERNAL_ERROR, "the body of a lambda did not yield")),
        }
    }
}

/// Intermediate results of a fold stay in the arena until the document is done; this many full-size documents' worth
/// of them are allowed.
const REDUCE_ARENA_FACTOR: usize = 16;

/// The array to go through, or `None` for a nullish input. `not_an_array` words the error from the type found.
fn input<'d>(frame: &Frame, src: Src, not_an_array: impl Fn(&'static str) -> Error) -> Result<Option<&'d RawDoc>> {
    let value: Value<'d> = frame.registers.get(src);
    match value.as_array() {
        Some(elements) => Ok(Some(elements)),
        None if value.is_nullish() => Ok(None),
        None => Err(not_an_array(value.tag().name())),
    }
}

/// The limit of `$filter`: nullish for none, else an integer of at least 1.
fn filter_limit(value: Value<'_>) -> Result<usize> {
    if value.is_nullish() {
        return Ok(usize::MAX);
    }
    let Some(limit) = Number::of(value).and_then(Number::to_i32_exact) else {
        return Err(Error::location(
            327391,
            format!("$filter: limit must be represented as a 32-bit integral value: {value:?}"),
        ));
    };
    usize::try_from(limit)
        .ok()
        .filter(|&limit| limit > 0)
        .ok_or_else(|| Error::location(327392, format!("$filter: limit must be greater than 0: {limit}")))
}

fn check_size(bytes: usize) -> Result<()> {
    if bytes <= crate::limits::MAX_INTERNAL_DOCUMENT_BYTES {
        return Ok(());
    }
    Err(Error::new(Code::EXCEEDED_MEMORY_LIMIT, "an array built by an expression exceeds the size of a document"))
}
