//! Filter tests: fast where the path leads straight to a value, general where arrays stand on it.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::walker::{self, Slot, Walker};
use super::{Exit, Inputs, Scratch};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::op::{ConstId, Op, PathId, SubId, TestId};
use crate::program::{ArrayRule, Comparison, Constant, Fast, PathEntry, Test};
use crate::value::{self, RawDoc, StringOrder, Tag, Value};

/// Integers of this magnitude and below convert to doubles exactly.
const EXACT_IN_DOUBLE: u64 = 1 << 53;

impl Scratch {
    /// Whether some value at the path compares so with the constant.
    #[inline]
    pub(super) fn compare_test(
        &mut self,
        inputs: &Inputs<'_>,
        walker: &mut Walker,
        path: PathId,
        operand: ConstId,
        comparison: Comparison,
    ) -> Result<bool> {
        let paths = inputs.program.paths();
        let entry = &paths.entries()[usize::from(path.0)];
        let constant = inputs.program.constant(operand);
        let strings = inputs.program.strings();
        if entry.path.is_some() {
            let slot = walker.fetch(paths, inputs.bytes, entry.node);
            if let Some(order) = fast_order(inputs.bytes, slot, constant) {
                return Ok(order.is_some_and(|order| comparison.accepts(order)));
            }
            if slot.state == Tag::Array as u8 && entry.rule == ArrayRule::AnyElement {
                return Ok(self.compare_leaf_array(inputs, slot, constant, comparison, entry.pins));
            }
            if slot.state != walker::ON_ARRAY {
                return Ok(satisfies(walker::value_at(inputs.bytes, slot), constant.value(), comparison, strings));
            }
        }
        let operand = constant.value();
        self.any_value(inputs, entry, &mut |value| Ok(satisfies(value, operand, comparison, strings)))
    }

    /// One test of a conjunction.
    pub(super) fn test_one(&mut self, inputs: &Inputs<'_>, walker: &mut Walker, op: &Op) -> Result<bool> {
        Ok(match *op {
            Op::TestEq { path, operand, .. } => self.compare_test(inputs, walker, path, operand, Comparison::Eq)?,
            Op::TestLt { path, operand, .. } => self.compare_test(inputs, walker, path, operand, Comparison::Lt)?,
            Op::TestLte { path, operand, .. } => self.compare_test(inputs, walker, path, operand, Comparison::Lte)?,
            Op::TestGt { path, operand, .. } => self.compare_test(inputs, walker, path, operand, Comparison::Gt)?,
            Op::TestGte { path, operand, .. } => self.compare_test(inputs, walker, path, operand, Comparison::Gte)?,
            Op::Test { path, test, .. } => self.table_test(inputs, walker, path, test)?,
            _ => return Err(Error::new(Code::INTERNAL_ERROR, "a conjunction has a member that is no test")),
        })
    }

    /// The elements of an array at the path's end, then the array itself.
    fn compare_leaf_array(
        &mut self,
        inputs: &Inputs<'_>,
        slot: Slot,
        constant: &Constant,
        comparison: Comparison,
        pins: bool,
    ) -> bool {
        let (bytes, strings) = (inputs.bytes, inputs.program.strings());
        let mut elements = walker::Elements::of(bytes, slot);
        let mut position = 0;
        while let Some(element) = elements.next() {
            let holds = match fast_order(bytes, element, constant) {
                Some(order) => order.is_some_and(|order| comparison.accepts(order)),
                // A value of another type class cannot satisfy a comparison with a string.
                None if constant.is_string() && element.state != Tag::Symbol as u8 => false,
                None => satisfies(walker::value_at(bytes, element), constant.value(), comparison, strings),
            };
            if holds {
                self.pin(pins, Some(position));
                return true;
            }
            position += 1;
        }
        !constant.is_string() && satisfies(walker::value_at(bytes, slot), constant.value(), comparison, strings)
    }

    /// Whether some value at the path satisfies an entry of the test table.
    pub(super) fn table_test(
        &mut self,
        inputs: &Inputs<'_>,
        walker: &mut Walker,
        path: PathId,
        test: TestId,
    ) -> Result<bool> {
        let paths = inputs.program.paths();
        let entry = &paths.entries()[usize::from(path.0)];
        let test = inputs.program.test(test);
        match test {
            Test::ElemMatchObject(program) => self.elem_match(inputs, walker, entry, *program, true),
            Test::ElemMatchValue(program) => self.elem_match(inputs, walker, entry, *program, false),
            _ => {
                if entry.path.is_some() {
                    let slot = walker.fetch(paths, inputs.bytes, entry.node);
                    if let Test::In(set) = test
                        && slot.state == Tag::String as u8
                        && let Some(found) = set.contains_string_at(inputs.bytes, slot.at as usize)
                    {
                        return Ok(found);
                    }
                    let is_single = slot.state != walker::ON_ARRAY
                        && (slot.state != Tag::Array as u8 || entry.rule != ArrayRule::AnyElement);
                    if is_single {
                        let value = walker::value_at(inputs.bytes, slot);
                        if let Some(held) = test.holds(value, inputs.env) {
                            self.charge(test.work(value), inputs.env)?;
                            return held;
                        }
                    }
                }
                if matches!(test, Test::Document(_) | Test::Elements { .. } | Test::Fields(_) | Test::ExactlyOne(_)) {
                    return self.schema_test(inputs, single_value(inputs, entry), test);
                }
                let mut work = 0u32;
                let held = self.any_value(inputs, entry, &mut |value| {
                    work = work.saturating_add(test.work(value));
                    test.holds(value, inputs.env).unwrap_or(Ok(false))
                })?;
                self.charge(work, inputs.env)?;
                Ok(held)
            }
        }
    }

    /// Visits the values at a path by the match rules until one holds, and remembers the array position it was in.
    fn any_value<'d>(
        &mut self,
        inputs: &Inputs<'d>,
        entry: &PathEntry,
        holds: &mut dyn FnMut(Value<'d>) -> Result<bool>,
    ) -> Result<bool> {
        let Some(path) = &entry.path else { return holds(inputs.root) };
        if entry.rule == ArrayRule::None {
            let single = path
                .components()
                .iter()
                .try_fold(inputs.root, |value, component| value.as_doc().and_then(|doc| doc.get(component.name())));
            return holds(single.unwrap_or(Value::NOTHING));
        }
        let Some(doc) = inputs.root.as_container() else { return holds(Value::NOTHING) };
        let traverse_leaf = entry.rule == ArrayRule::AnyElement;
        let mut outcome = Ok(false);
        let mut matched = None;
        let mut visited = 0;
        let _ = value::match_path(doc, path.components(), traverse_leaf, &mut |value, position| {
            visited += 1;
            match holds(value) {
                Ok(false) => ControlFlow::Continue(()),
                decided => {
                    matched = position;
                    outcome = decided;
                    ControlFlow::Break(())
                }
            }
        });
        self.charge(visited, inputs.env)?;
        if matches!(outcome, Ok(true)) {
            self.pin(entry.pins, matched);
        }
        outcome
    }

    /// Remembers the array position a test held for, unless an earlier test has told one.
    #[inline]
    fn pin(&mut self, pins: bool, position: Option<u32>) {
        if pins && self.matched_position.is_none() {
            self.matched_position = position;
        }
    }

    /// `$elemMatch`: some element of an array at the path satisfies the sub-program.
    fn elem_match(
        &mut self,
        inputs: &Inputs<'_>,
        walker: &mut Walker,
        entry: &PathEntry,
        program: SubId,
        on_fields: bool,
    ) -> Result<bool> {
        if entry.path.is_some() {
            let slot: Slot = walker.fetch(inputs.program.paths(), inputs.bytes, entry.node);
            if slot.state != walker::ON_ARRAY {
                let array = walker::value_at(inputs.bytes, slot);
                return self.some_element(inputs, array, program, on_fields, entry.pins);
            }
        }
        // Arrays are collected first, because running the sub-program needs the machine that the traversal holds.
        let mut arrays = Vec::new();
        self.any_value(inputs, entry, &mut |value| {
            arrays.push(value);
            Ok(false)
        })?;
        for array in arrays {
            if self.some_element(inputs, array, program, on_fields, entry.pins)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn some_element(
        &mut self,
        inputs: &Inputs<'_>,
        array: Value<'_>,
        program: SubId,
        on_fields: bool,
        pins: bool,
    ) -> Result<bool> {
        let Some(elements) = array.as_array() else { return Ok(false) };
        let found = self.first_match(inputs, elements, program, on_fields)?;
        self.pin(pins, found.map(|(at, _)| at));
        Ok(found.is_some())
    }

    /// The first element that a sub-program accepts, with its position. With `on_fields`, elements that have no
    /// fields are passed over.
    pub(super) fn first_match<'v>(
        &mut self,
        inputs: &Inputs<'_>,
        elements: &'v RawDoc,
        program: SubId,
        on_fields: bool,
    ) -> Result<Option<(u32, Value<'v>)>> {
        for (at, element) in elements.values().enumerate() {
            if on_fields && element.as_container().is_none() {
                continue;
            }
            if self.accepts(inputs, program, element)? {
                return Ok(Some((at as u32, element)));
            }
        }
        Ok(None)
    }

    /// Whether a sub-program accepts a value.
    pub(super) fn accepts(&mut self, inputs: &Inputs<'_>, program: SubId, value: Value<'_>) -> Result<bool> {
        self.charge(1, inputs.env)?;
        let program = inputs.program.sub_program(program);
        match self.run(inputs.nested(program, value))? {
            Exit::Matched(matched) => Ok(matched),
            _ => Err(Error::new(Code::INTERNAL_ERROR, "a sub-program is not a filter")),
        }
    }
}

/// The value at a path that walks no arrays.
fn single_value<'d>(inputs: &Inputs<'d>, entry: &PathEntry) -> Value<'d> {
    let components = entry.path.as_ref().map_or(&[][..], |path| path.components());
    components
        .iter()
        .try_fold(inputs.root, |value, component| value.as_doc().and_then(|doc| doc.get(component.name())))
        .unwrap_or(Value::NOTHING)
}

/// The order of the value in a slot against a constant, for the pairs of types that need no decoding. The outer
/// `None` means the general way must decide; the inner one that the two do not order (NaN).
#[inline(always)]
pub(super) fn fast_order(bytes: &[u8], slot: Slot, constant: &Constant) -> Option<Option<Ordering>> {
    const INT32: u8 = Tag::Int32 as u8;
    const INT64: u8 = Tag::Int64 as u8;
    const DOUBLE: u8 = Tag::Double as u8;
    const STRING: u8 = Tag::String as u8;
    let payload = bytes.get(slot.at as usize..)?;
    match (slot.state, constant.fast()) {
        (INT32, Fast::Integer(operand)) => {
            Some(Some(i64::from(i32::from_le_bytes(*payload.first_chunk()?)).cmp(&operand)))
        }
        (INT64, Fast::Integer(operand)) => Some(Some(i64::from_le_bytes(*payload.first_chunk()?).cmp(&operand))),
        (DOUBLE, Fast::Double(operand)) => Some(f64::from_le_bytes(*payload.first_chunk()?).partial_cmp(&operand)),
        (DOUBLE, Fast::Integer(operand)) if operand.unsigned_abs() <= EXACT_IN_DOUBLE => {
            Some(f64::from_le_bytes(*payload.first_chunk()?).partial_cmp(&(operand as f64)))
        }
        (INT32, Fast::Double(operand)) => {
            Some(f64::from(i32::from_le_bytes(*payload.first_chunk()?)).partial_cmp(&operand))
        }
        (STRING, Fast::String) => Some(Some(walker::string_at(bytes, slot)?.cmp(constant.text().bytes()))),
        _ => None,
    }
}

/// MongoDB's comparison of a filter: only within the operand's type class, with null equal to missing, and with
/// MinKey and MaxKey comparable to everything.
fn satisfies(value: Value<'_>, operand: Value<'_>, comparison: Comparison, strings: Option<&dyn StringOrder>) -> bool {
    let (value_class, operand_class) = (value::canonical_type(value.tag()), value::canonical_type(operand.tag()));
    if value.is_nothing() || value_class != operand_class {
        let null_meets_missing = value.is_nothing() && operand.tag() == Tag::Null;
        if null_meets_missing {
            return matches!(comparison, Comparison::Eq | Comparison::Lte | Comparison::Gte);
        }
        let operand_is_extreme = matches!(operand.tag(), Tag::MinKey | Tag::MaxKey);
        return operand_is_extreme && comparison != Comparison::Eq && {
            let value = if value.is_nothing() { Value::NULL } else { value };
            comparison.accepts(value::compare(value, operand))
        };
    }
    if is_nan(value) || is_nan(operand) {
        return is_nan(value)
            && is_nan(operand)
            && matches!(comparison, Comparison::Eq | Comparison::Lte | Comparison::Gte);
    }
    comparison.accepts(value::compare_with(value, operand, strings))
}

fn is_nan(value: Value<'_>) -> bool {
    match value.view() {
        value::View::Double(double) => double.is_nan(),
        value::View::Decimal128(decimal) => decimal.is_nan(),
        _ => false,
    }
}
