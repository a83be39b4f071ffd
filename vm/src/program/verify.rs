//! The verifier: what makes a program safe to run without checks.
//!
//! It accepts a program only when
//! - every operand points into its table, and every table entry into the tables it refers to;
//! - every jump goes forward and lands on an instruction, so that code outside lambdas runs each instruction at most
//!   once and every run ends;
//! - control cannot fall off the end, and each region (the main code, each lambda's body) ends only in its own ways;
//! - every register is written on every way to where it is read;
//! - only the main code changes the current document, because a lambda's body shares the walk of the code around it;
//! - calls hand over as many arguments as their function takes, and no table entry is one that evaluation rules out;
//! - sub-programs are of the kind that runs where they are named, and nesting stays below the limit.
//!
//! Because jumps only go forward, one pass in code order sees every predecessor of an instruction before the
//! instruction itself.

use std::collections::BTreeMap;

use super::{Action, ArrayRule, Conjunction, KeyPart, Kind, Program, ProjectionNode, ROOT, Shape, Test};
use crate::code::Code;
use crate::error::{Error, Result};
use crate::limits::MAX_QUERY_DEPTH;
use crate::op::{Op, Reg, Role, SubId};

/// What is known when control reaches an instruction.
#[derive(Clone, PartialEq, Debug)]
struct State {
    /// The registers that hold a value.
    assigned: Registers,
    /// 0 for the main code, else one more than the lambda whose body this is.
    region: usize,
    /// How many lambda bodies surround the instruction.
    depth: usize,
}

#[derive(Clone, PartialEq, Debug)]
struct Registers(Vec<u64>);

impl Registers {
    fn none(count: u16) -> Self {
        Self(vec![0; usize::from(count).div_ceil(64)])
    }

    fn has(&self, register: u16) -> bool {
        self.0.get(usize::from(register) / 64).is_some_and(|word| word >> (register % 64) & 1 == 1)
    }

    fn add(&mut self, register: u16) {
        if let Some(word) = self.0.get_mut(usize::from(register) / 64) {
            *word |= 1 << (register % 64);
        }
    }

    fn keep_common(&mut self, other: &Registers) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= theirs;
        }
    }
}

#[cold]
fn unsound(at: usize, what: &str) -> Error {
    Error::new(Code::INTERNAL_ERROR, format!("unsound program at instruction {at}: {what}"))
}

/// Checks a program; see the module's documentation for the rules.
pub(super) fn verify(program: &Program) -> Result<()> {
    depth_of(program)?;
    Verifier { program, pending: BTreeMap::new(), at: 0 }.run()
}

/// The nesting of sub-programs, bounded.
fn depth_of(program: &Program) -> Result<usize> {
    let tables = program.tables();
    let nested = program.operands.programs.iter().map(AsRef::as_ref);
    let predicates = tables.updates.iter().flat_map(|update| &update.predicates);
    let mut depth = 0;
    if predicates.clone().any(|predicate| predicate.kind() != Kind::Filter) {
        return Err(unsound(0, "a predicate is not a filter"));
    }
    for inner in nested.chain(predicates) {
        depth = depth.max(1 + depth_of(inner)?);
    }
    if depth > MAX_QUERY_DEPTH {
        return Err(Error::bad_value("the request nests too deeply to compile"));
    }
    Ok(depth)
}

struct Verifier<'p> {
    program: &'p Program,
    /// States carried to instructions ahead.
    pending: BTreeMap<usize, State>,
    at: usize,
}

impl Verifier<'_> {
    fn run(mut self) -> Result<()> {
        let start = State { assigned: Registers::none(self.program.registers()), region: 0, depth: 0 };
        let mut current = Some(start);
        for (at, op) in self.program.code().iter().enumerate() {
            self.at = at;
            self.check_tables(op)?;
            let arrived = self.pending.remove(&at);
            let state = match (current.take(), arrived) {
                (Some(state), None) | (None, Some(state)) => state,
                (Some(state), Some(other)) => self.join(state, other)?,
                // Nothing reaches the instruction; its operands are in range, so it is harmless.
                (None, None) => continue,
            };
            current = self.step(op, state)?;
        }
        if current.is_some() || !self.pending.is_empty() || self.program.code().is_empty() {
            return Err(unsound(self.program.code().len(), "control runs off the end"));
        }
        Ok(())
    }

    fn error(&self, what: &str) -> Error {
        unsound(self.at, what)
    }

    fn join(&self, mut state: State, other: State) -> Result<State> {
        if state.region != other.region {
            return Err(self.error("control crosses the border of a lambda"));
        }
        state.assigned.keep_common(&other.assigned);
        Ok(state)
    }

    fn send(&mut self, target: u16, state: State) -> Result<()> {
        let target = usize::from(target);
        if target <= self.at {
            return Err(self.error("a jump goes backward"));
        }
        let state = match self.pending.remove(&target) {
            Some(other) => self.join(state, other)?,
            None => state,
        };
        self.pending.insert(target, state);
        Ok(())
    }

    fn read(&self, state: &State, register: u16) -> Result<()> {
        if state.assigned.has(register) { Ok(()) } else { Err(self.error("a register is read before it is written")) }
    }

    fn read_run(&self, state: &State, first: Reg, count: u16) -> Result<()> {
        for register in u32::from(first.0)..u32::from(first.0) + u32::from(count) {
            let register = u16::try_from(register).map_err(|_| self.error("a register is out of range"))?;
            self.read(state, register)?;
        }
        Ok(())
    }

    /// The state after `op`, or `None` when control does not continue with the next instruction.
    fn step(&mut self, op: &Op, mut state: State) -> Result<Option<State>> {
        let mut reads = Vec::new();
        let mut writes = Vec::new();
        let mut targets = Vec::new();
        op.for_each_operand(|role| match role {
            Role::Read(register) => reads.push(register),
            Role::Write(register) => writes.push(register),
            Role::Target(target) => targets.push(target),
            _ => {}
        });
        for register in reads {
            self.read(&state, register)?;
        }
        self.check_indirect(op, &state)?;
        for &target in &targets {
            self.send(target, state.clone())?;
        }
        for register in writes {
            if register >= self.program.registers() {
                return Err(self.error("a register is out of range"));
            }
            state.assigned.add(register);
        }
        self.check_region(op, &state)?;
        Ok(op.falls_through().then_some(state))
    }

    /// Reads and continuations that stand in tables, not in the instruction.
    fn check_indirect(&mut self, op: &Op, state: &State) -> Result<()> {
        let tables = &self.program.tables();
        match *op {
            Op::Call { call, .. } => {
                let call = tables.calls[usize::from(call.0)];
                if !call.function.args.admit(usize::from(call.count)) {
                    return Err(self.error("a call has the wrong number of arguments"));
                }
                self.read_run(state, call.first, call.count)?;
                if let Some(target) = call.on_conversion_failure {
                    self.send(target.0, state.clone())?;
                }
            }
            Op::MakeDocument { shape, .. } => {
                let Shape { names, first, count } = &tables.shapes[usize::from(shape.0)];
                if names.len() != usize::from(*count) {
                    return Err(self.error("a document literal has more values than names"));
                }
                self.read_run(state, *first, *count)?;
            }
            Op::MakeArray { shape, .. } | Op::ReturnRow { row: shape } => {
                let Shape { first, count, .. } = &tables.shapes[usize::from(shape.0)];
                self.read_run(state, *first, *count)?;
            }
            Op::Map { lambda, .. } | Op::Filter { lambda, .. } | Op::Reduce { lambda, .. } => {
                let body = tables.lambdas[usize::from(lambda.0)];
                if matches!(op, Op::Reduce { .. }) != body.accumulator.is_some() {
                    return Err(self.error("a fold, and only a fold, has an accumulator"));
                }
                for register in body.limit.iter().chain(&body.accumulator) {
                    self.read(state, register.0)?;
                }
                let mut inner = state.clone();
                inner.region = usize::from(lambda.0) + 1;
                inner.depth += 1;
                if inner.depth > MAX_QUERY_DEPTH {
                    return Err(Error::bad_value("the request nests too deeply to compile"));
                }
                for register in [Some(body.element), body.index].into_iter().flatten() {
                    if register.0 >= self.program.registers() {
                        return Err(self.error("a register is out of range"));
                    }
                    inner.assigned.add(register.0);
                }
                self.send(body.entry.0, inner)?;
            }
            Op::Project { projection, .. } => {
                self.check_projection(&tables.projections[usize::from(projection.0)].root, state, 0)?;
            }
            Op::SortKey { spec } | Op::SortKeyValue { spec, .. } => {
                for part in &tables.key_specs[usize::from(spec.0)].parts {
                    if let KeyPart::Register(register, _) = part {
                        self.read(state, register.0)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Fails unless a sub-program is there, and of the kind that the instruction runs.
    fn check_kind(&self, program: SubId, kind: Kind) -> Result<()> {
        match self.program.operands.programs.get(usize::from(program.0)) {
            Some(program) if program.kind() == kind => Ok(()),
            Some(_) => Err(self.error("a sub-program is of another kind")),
            None => Err(self.error("a sub-program is out of range")),
        }
    }

    fn check_projection(&self, node: &ProjectionNode, state: &State, depth: usize) -> Result<()> {
        if depth > crate::limits::MAX_PATH_COMPONENTS {
            return Err(Error::bad_value("the projection nests too deeply to compile"));
        }
        for (_, action) in node.children() {
            match action {
                Action::Compute(register) => self.read(state, register.0)?,
                Action::Nested(inner) => self.check_projection(inner, state, depth + 1)?,
                Action::ElemMatch { program, .. } => self.check_kind(*program, Kind::Filter)?,
                Action::ComputeEach(program) => self.check_kind(*program, Kind::Compute)?,
                Action::Keep | Action::Drop | Action::Slice { .. } | Action::Positional => {}
            }
        }
        Ok(())
    }

    fn check_region(&self, op: &Op, state: &State) -> Result<()> {
        let in_lambda = state.region != 0;
        let fits = match op {
            Op::Yield { .. } => in_lambda,
            Op::Match {} => !in_lambda && matches!(self.program.kind(), Kind::Filter | Kind::Keys),
            Op::Reject {} => !in_lambda && self.program.kind() == Kind::Filter,
            Op::Return { .. } => !in_lambda && self.program.kind() == Kind::Compute,
            Op::ReturnRow { .. } => !in_lambda && self.program.kind() == Kind::Row,
            Op::Rebase { .. } => !in_lambda,
            _ => true,
        };
        if fits { Ok(()) } else { Err(self.error("an instruction stands where its region does not allow it")) }
    }

    /// Every index an instruction holds lies in its table, and so does every index in the entry it names.
    fn check_tables(&self, op: &Op) -> Result<()> {
        let tables = &self.program.tables();
        let mut in_range = true;
        let mut test = None;
        let mut conjunction = None;
        op.for_each_operand(|role| {
            let (index, len) = match role {
                Role::Read(n) | Role::Write(n) => (n, usize::from(self.program.registers())),
                Role::Target(n) => (n, self.program.code().len()),
                Role::Const(n) => (n, self.program.operands.constants.len()),
                Role::Path(n) => (n, self.program.paths().entries().len()),
                Role::Test(n) => {
                    test = Some(n);
                    (n, self.program.operands.tests.len())
                }
                Role::Call(n) => (n, tables.calls.len()),
                Role::Shape(n) => (n, tables.shapes.len()),
                Role::Fields(n) => (n, tables.fields.len()),
                Role::Lambda(n) => (n, tables.lambdas.len()),
                Role::Sub(n) => (n, self.program.operands.programs.len()),
                Role::Projection(n) => (n, tables.projections.len()),
                Role::Update(n) => (n, tables.updates.len()),
                Role::KeySpec(n) => (n, tables.key_specs.len()),
                // Which variables exist is known at run time; a missing one reads as nothing.
                Role::Var(n) => (n, usize::MAX),
                Role::Conjunction(n) => {
                    conjunction = Some(n);
                    (n, tables.conjunctions.len())
                }
            };
            in_range &= usize::from(index) < len;
        });
        if !in_range {
            return Err(self.error("an operand is out of range"));
        }
        if let Some(test) = test {
            let test = &self.program.operands.tests[usize::from(test)];
            if matches!(test, Test::Mod { divisor: 0, .. }) {
                return Err(self.error("a division by zero"));
            }
            let mut outcome = Ok(());
            test.for_each_program(|program| {
                if outcome.is_ok() {
                    outcome = self.check_kind(program, Kind::Filter);
                }
            });
            outcome?;
        }
        if let Some(conjunction) = conjunction {
            self.check_conjunction(&tables.conjunctions[usize::from(conjunction)])?;
        }
        self.check_path_rule(op)
    }

    /// Every member is a test that is sound by itself, and what was taken from them is what they say.
    fn check_conjunction(&self, conjunction: &Conjunction) -> Result<()> {
        for op in conjunction.tests() {
            let mut without_target = *op;
            without_target.retarget(0);
            self.check_tables(&without_target)?;
        }
        if Conjunction::new(conjunction.tests(), self.program.paths()).as_ref() != Some(conjunction) {
            return Err(self.error("a conjunction does not fit its tests"));
        }
        Ok(())
    }

    /// Tests and values read paths by different rules.
    fn check_path_rule(&self, op: &Op) -> Result<()> {
        let mut path = None;
        op.for_each_operand(|role| {
            if let Role::Path(n) = role {
                path = Some(n);
            }
        });
        let Some(path) = path else { return Ok(()) };
        let entry = &self.program.paths().entries()[usize::from(path)];
        let wants_value = matches!(op, Op::Field { .. });
        // Only tests may be of the root value itself, and a path that is there leads below it.
        let leads_somewhere = entry.node != ROOT || entry.path.is_none() && !wants_value;
        if leads_somewhere && wants_value == (entry.rule == ArrayRule::Expression) {
            Ok(())
        } else {
            Err(self.error("a path is read by the wrong rule"))
        }
    }
}
