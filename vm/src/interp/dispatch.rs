//! The loop over instructions.

use std::cmp::Ordering;

use bumpalo::collections::Vec as ArenaVec;

use super::registers::Registers;
use super::walker::{self, Walker, Walkers};
use super::{Exit, Frame, Inputs, Scratch};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::func::Context;
use crate::op::{Op, PathId, Src, VarId};
use crate::program::{Call, Comparison, Shape};
use crate::value::{self, ArrayWriter, DocWriter, RawDoc, Tag, Value, extjson};

/// Whether a value counts as true: everything but false, numeric zero, null, undefined and missing.
pub(crate) fn is_true(value: Value<'_>) -> bool {
    match value.tag() {
        Tag::Nothing | Tag::Null | Tag::Undefined => false,
        Tag::Bool => value.as_bool() == Some(true),
        tag if tag.is_number() => value::compare(value, Value::int32(0)).is_ne(),
        _ => true,
    }
}

impl Scratch {
    /// Runs from the instruction at `entry` until the region ends.
    #[inline]
    pub(super) fn execute<'d>(&mut self, inputs: &Inputs<'d>, frame: &mut Frame, entry: usize) -> Result<Exit<'d>> {
        match inputs.env.counts {
            None => self.interpret::<false>(inputs, frame, entry),
            Some(_) => self.interpret_counted(inputs, frame, entry),
        }
    }

    #[cold]
    #[inline(never)]
    fn interpret_counted<'d>(&mut self, inputs: &Inputs<'d>, frame: &mut Frame, entry: usize) -> Result<Exit<'d>> {
        self.interpret::<true>(inputs, frame, entry)
    }

    /// The loop. A run that counts has one of its own.
    #[inline]
    fn interpret<'d, const COUNTS: bool>(
        &mut self,
        inputs: &Inputs<'d>,
        frame: &mut Frame,
        entry: usize,
    ) -> Result<Exit<'d>> {
        let code = inputs.program.code();
        let mut inputs = inputs;
        let mut at = entry;
        let mut from = None;
        // The verifier has seen that control never runs past the last instruction.
        while let Some(&op) = code.get(at) {
            if COUNTS && let Some(counts) = inputs.env.counts {
                counts.at(inputs.program, from.replace(at), at);
            }
            at += 1;
            let Frame { walkers: Walkers { current: walker, .. }, registers } = &mut *frame;
            match op {
                Op::Match {} => return Ok(Exit::Matched(true)),
                Op::Reject {} => return Ok(Exit::Matched(false)),
                Op::Return { src } => return Ok(Exit::Returned(registers.get(src))),
                Op::ReturnRow { row } => {
                    let row = &inputs.program.tables().shapes[usize::from(row.0)];
                    let values = registers.run(row.first, row.count);
                    return Ok(Exit::Row(inputs.arena.alloc_slice_copy(values)));
                }
                Op::Yield { src } => return Ok(Exit::Yielded(registers.get(src))),
                Op::NoBranch {} => {
                    return Err(Error::location(
                        40066,
                        "$switch could not find a matching branch for an input, and no default was specified.",
                    ));
                }
                Op::Jump { to } => at = usize::from(to.0),
                Op::JumpIf { src, to } => {
                    if is_true(registers.get(src)) {
                        at = usize::from(to.0);
                    }
                }
                Op::JumpUnless { src, to } => {
                    if !is_true(registers.get(src)) {
                        at = usize::from(to.0);
                    }
                }
                Op::JumpIfPresent { src, to } => {
                    if !registers.get(src).is_nullish() {
                        at = usize::from(to.0);
                    }
                }
                Op::TestEq { path, operand, otherwise } => {
                    if !self.compare_test(inputs, walker, path, operand, Comparison::Eq)? {
                        at = usize::from(otherwise.0);
                    }
                }
                Op::TestLt { path, operand, otherwise } => {
                    if !self.compare_test(inputs, walker, path, operand, Comparison::Lt)? {
                        at = usize::from(otherwise.0);
                    }
                }
                Op::TestLte { path, operand, otherwise } => {
                    if !self.compare_test(inputs, walker, path, operand, Comparison::Lte)? {
                        at = usize::from(otherwise.0);
                    }
                }
                Op::TestGt { path, operand, otherwise } => {
                    if !self.compare_test(inputs, walker, path, operand, Comparison::Gt)? {
                        at = usize::from(otherwise.0);
                    }
                }
                Op::TestGte { path, operand, otherwise } => {
                    if !self.compare_test(inputs, walker, path, operand, Comparison::Gte)? {
                        at = usize::from(otherwise.0);
                    }
                }
                Op::Test { path, test, otherwise } => {
                    if !self.table_test(inputs, walker, path, test)? {
                        at = usize::from(otherwise.0);
                    }
                }
                Op::TestAll { tests, otherwise } => {
                    let conjunction = &inputs.program.tables().conjunctions[usize::from(tests.0)];
                    if !self.test_all(inputs, walker, conjunction)? {
                        at = usize::from(otherwise.0);
                    }
                }
                Op::Const { dst, value } => {
                    registers.set(dst, inputs.program.constant(value).value());
                }
                Op::Root { dst } => registers.set(dst, inputs.root),
                Op::Field { dst, path } => {
                    let value = field(inputs, walker, path);
                    registers.set(dst, value);
                }
                Op::Walk { dst, src, fields } => {
                    let path = &inputs.program.tables().fields[usize::from(fields.0)];
                    let value = value::expr_path(registers.get(src), path.components(), inputs.arena);
                    registers.set(dst, value);
                }
                Op::Var { dst, var } => registers.set(dst, variable(inputs, var)),
                Op::Move { dst, src } => registers.set(dst, registers.get(src)),
                Op::OrNull { dst, src } => {
                    let value = registers.get(src);
                    registers.set(dst, if value.is_nothing() { Value::NULL } else { value });
                }
                Op::Truth { dst, src } => registers.set(dst, Value::bool(is_true(registers.get(src)))),
                Op::Not { dst, src } => registers.set(dst, Value::bool(!is_true(registers.get(src)))),
                Op::Eq { dst, left, right } => {
                    let order = order_of(inputs, registers, left, right);
                    registers.set(dst, Value::bool(order.is_eq()));
                }
                Op::Ne { dst, left, right } => {
                    let order = order_of(inputs, registers, left, right);
                    registers.set(dst, Value::bool(order.is_ne()));
                }
                Op::Lt { dst, left, right } => {
                    let order = order_of(inputs, registers, left, right);
                    registers.set(dst, Value::bool(order.is_lt()));
                }
                Op::Lte { dst, left, right } => {
                    let order = order_of(inputs, registers, left, right);
                    registers.set(dst, Value::bool(order.is_le()));
                }
                Op::Gt { dst, left, right } => {
                    let order = order_of(inputs, registers, left, right);
                    registers.set(dst, Value::bool(order.is_gt()));
                }
                Op::Gte { dst, left, right } => {
                    let order = order_of(inputs, registers, left, right);
                    registers.set(dst, Value::bool(order.is_ge()));
                }
                Op::Cmp { dst, left, right } => {
                    let order = order_of(inputs, registers, left, right);
                    registers.set(dst, Value::int32(order as i32));
                }
                Op::Call { dst, call } => {
                    self.charge(1, inputs.env)?;
                    let call = inputs.program.tables().calls[usize::from(call.0)];
                    match evaluate(inputs, registers, call) {
                        Ok(value) => registers.set(dst, value),
                        Err(error) => match call.on_conversion_failure {
                            Some(handler) if error.code() == Code::CONVERSION_FAILURE => at = usize::from(handler.0),
                            _ => return Err(error),
                        },
                    }
                }
                Op::MakeDocument { dst, shape } => {
                    let shape = &inputs.program.tables().shapes[usize::from(shape.0)];
                    let value = make_document(inputs, registers, shape);
                    registers.set(dst, value);
                }
                Op::MakeArray { dst, shape } => {
                    let shape = &inputs.program.tables().shapes[usize::from(shape.0)];
                    let value = make_array(inputs, registers, shape);
                    registers.set(dst, value);
                }
                Op::Map { dst, src, lambda } => {
                    let value = self.map(inputs, frame, src, lambda)?;
                    frame.registers.set(dst, value);
                }
                Op::Filter { dst, src, lambda } => {
                    let value = self.filter(inputs, frame, src, lambda)?;
                    frame.registers.set(dst, value);
                }
                Op::Reduce { dst, src, lambda } => {
                    let value = self.reduce(inputs, frame, src, lambda)?;
                    frame.registers.set(dst, value);
                }
                Op::Project { dst, src, projection } => {
                    let projection = &inputs.program.tables().projections[usize::from(projection.0)];
                    let value = self.project(inputs, registers, registers.get(src), projection)?;
                    registers.set(dst, value);
                }
                Op::Rebase { src } => {
                    let root = registers.get(src);
                    if COUNTS && let Some(counts) = inputs.env.counts {
                        counts.walked(inputs.program, walker, inputs.bytes);
                    }
                    inputs = inputs.arena.alloc(inputs.nested(inputs.program, root));
                    walker.begin();
                }
                Op::NeedDocument { src } => {
                    let value = registers.get(src);
                    if value.as_doc().is_none() {
                        return Err(not_a_new_root(value));
                    }
                }
                Op::Update { dst, src, update } => {
                    let update = &inputs.program.tables().updates[usize::from(update.0)];
                    let value = self.update(inputs, registers.get(src), update)?;
                    registers.set(dst, value);
                }
                Op::SortKey { spec } => {
                    let spec = &inputs.program.tables().key_specs[usize::from(spec.0)];
                    self.append_sort_key(inputs, registers, spec)?;
                }
                Op::SortKeyValue { dst, spec } => {
                    let spec = &inputs.program.tables().key_specs[usize::from(spec.0)];
                    self.key.clear();
                    self.append_sort_key(inputs, registers, spec)?;
                    registers.set(dst, Value::binary(0, inputs.arena.alloc_slice_copy(&self.key)));
                }
            }
        }
        Err(Error::new(Code::INTERNAL_ERROR, "control ran off the end of a program"))
    }
}

#[cold]
fn not_a_new_root(value: Value<'_>) -> Error {
    let found = if value.is_nothing() { "MISSING".to_owned() } else { extjson::to_string_relaxed(value) };
    Error::location(
        40228,
        format!(
            "'newRoot' expression must evaluate to an object, but resulting value was: {found}. Type of resulting \
             value: '{}'",
            value.tag().name()
        ),
    )
}

/// The order of two registers under the program's collation.
#[inline]
fn order_of(inputs: &Inputs<'_>, registers: &Registers, left: Src, right: Src) -> Ordering {
    value::compare_with(registers.get(left), registers.get(right), inputs.program.strings())
}

/// A path of the root document by the expression rules.
#[inline]
fn field<'d>(inputs: &Inputs<'d>, walker: &mut Walker, path: PathId) -> Value<'d> {
    let paths = inputs.program.paths();
    let entry = &paths.entries()[usize::from(path.0)];
    let slot = walker.fetch(paths, inputs.bytes, entry.node);
    if slot.state == walker::ON_ARRAY {
        let components = entry.path.as_ref().map_or(&[][..], |path| path.components());
        return value::expr_path(inputs.root, components, inputs.arena);
    }
    walker::value_at(inputs.bytes, slot)
}

/// A variable of the environment: `$$NOW`, `$$CLUSTER_TIME`, then the request's own.
fn variable<'d>(inputs: &Inputs<'d>, var: VarId) -> Value<'d> {
    match var {
        VarId::NOW => Value::date_time(inputs.env.now_millis),
        VarId::CLUSTER_TIME => Value::timestamp(inputs.env.cluster_time),
        VarId(other) => {
            inputs.env.variables.get(usize::from(other - VarId::FIRST_LET)).copied().unwrap_or(Value::NOTHING)
        }
    }
}

fn evaluate<'d>(inputs: &Inputs<'d>, registers: &Registers, call: Call) -> Result<Value<'d>> {
    let mut context = Context { arena: inputs.arena, env: inputs.env, strings: inputs.program.strings() };
    (call.function.eval)(&mut context, registers.run(call.first, call.count))
}

fn make_document<'d>(inputs: &Inputs<'d>, registers: &Registers, shape: &Shape) -> Value<'d> {
    let mut bytes = ArenaVec::with_capacity_in(64, inputs.arena);
    let mut doc = DocWriter::new(&mut bytes);
    for (name, &value) in shape.names.iter().zip(registers.run(shape.first, shape.count)) {
        doc.value(name, value);
    }
    doc.finish();
    Value::document(RawDoc::trusted(bytes.into_bump_slice()))
}

fn make_array<'d>(inputs: &Inputs<'d>, registers: &Registers, shape: &Shape) -> Value<'d> {
    let mut bytes = ArenaVec::with_capacity_in(64, inputs.arena);
    let mut array = ArrayWriter::new(&mut bytes);
    for &value in registers.run(shape.first, shape.count) {
        array.value(value);
    }
    array.finish();
    Value::array(RawDoc::trusted(bytes.into_bump_slice()))
}
