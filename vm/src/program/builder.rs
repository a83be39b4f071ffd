//! Building programs: registers, labels and tables, ending in the verifier.

use std::sync::Arc;

use super::{
    ArrayRule, Body, Call, Conjunction, Constant, KeySpec, Kind, Lambda, Operands, PathTable, Program, Projection,
    Shape, Tables, Test, UpdateCode, verify,
};
use crate::collation::Collation;
use crate::error::{Error, Result};
use crate::op::{
    CallId, ConjunctionId, ConstId, FieldsId, KeySpecId, Label, LambdaId, Op, PathId, ProjectionId, Reg, ShapeId,
    SubId, TestId, UpdateId,
};
use crate::value::{FieldPath, OwnedValue, Value};

/// Collects instructions and tables. Labels are numbered when they are made and become instruction indexes in
/// [`Builder::finish`].
#[derive(Debug)]
pub struct Builder {
    kind: Kind,
    code: Vec<Op>,
    label_targets: Vec<Option<u16>>,
    next_register: u16,
    most_registers: u16,
    paths: PathTable,
    tables: Tables,
    constants: Vec<Constant>,
    tests: Vec<Test>,
    programs: Vec<Arc<Program>>,
    collation: Option<Arc<Collation>>,
}

/// A point in the allocation of registers to go back to.
#[derive(Clone, Copy, Debug)]
pub struct RegisterMark(u16);

impl Builder {
    /// An empty program of a kind, which compares strings bytewise.
    pub fn new(kind: Kind) -> Self {
        Self::collated(kind, None)
    }

    /// An empty program of a kind, which compares strings as a collation does.
    pub fn collated(kind: Kind, collation: Option<Arc<Collation>>) -> Self {
        Self {
            kind,
            code: Vec::new(),
            label_targets: Vec::new(),
            next_register: 0,
            most_registers: 0,
            paths: PathTable::default(),
            tables: Tables::default(),
            constants: Vec::new(),
            tests: Vec::new(),
            programs: Vec::new(),
            collation,
        }
    }

    /// Takes the next free register.
    pub fn register(&mut self) -> Result<Reg> {
        self.registers(1)
    }

    /// Takes `count` registers in a row and gives the first.
    pub fn registers(&mut self, count: usize) -> Result<Reg> {
        let first = self.next_register;
        self.next_register = u16::try_from(usize::from(first) + count).map_err(|_| too_large("registers"))?;
        self.most_registers = self.most_registers.max(self.next_register);
        Ok(Reg(first))
    }

    /// Remembers which registers are in use.
    pub fn mark(&self) -> RegisterMark {
        RegisterMark(self.next_register)
    }

    /// Frees every register taken since `mark`.
    pub fn release(&mut self, mark: RegisterMark) {
        self.next_register = mark.0;
    }

    /// Makes a label that [`Builder::bind`] will place.
    pub fn label(&mut self) -> Result<Label> {
        let label = Label(index(self.label_targets.len(), "labels")?);
        self.label_targets.push(None);
        Ok(label)
    }

    /// Places a label at the next instruction.
    pub fn bind(&mut self, label: Label) -> Result<()> {
        let here = index(self.code.len(), "instructions")?;
        self.label_targets[usize::from(label.0)] = Some(here);
        Ok(())
    }

    /// Appends an instruction.
    pub fn emit(&mut self, op: Op) {
        self.code.push(op);
    }

    /// Adds a constant.
    pub fn constant(&mut self, value: Value<'_>) -> Result<ConstId> {
        let constant = Constant::new(value, self.collation.is_some());
        push(&mut self.constants, constant, "constants").map(ConstId)
    }

    /// Adds a constant that is a parameter where its literal is marked as one.
    pub fn operand(&mut self, value: &OwnedValue) -> Result<ConstId> {
        let constant = Constant::from_owned(value.clone(), self.collation.is_some());
        push(&mut self.constants, constant, "constants").map(ConstId)
    }

    /// The entry of a path of the current document; `None` is the root value itself.
    pub fn path(&mut self, path: Option<&FieldPath>, rule: ArrayRule) -> Result<PathId> {
        self.paths.intern(path, rule, false).map(PathId).ok_or_else(|| too_large("paths"))
    }

    /// The same, for tests that tell the positional operator which array element they held for.
    pub fn pinning_path(&mut self, path: Option<&FieldPath>, rule: ArrayRule) -> Result<PathId> {
        self.paths.intern(path, rule, true).map(PathId).ok_or_else(|| too_large("paths"))
    }

    /// Adds a leaf test.
    pub fn test(&mut self, test: Test) -> Result<TestId> {
        push(&mut self.tests, test, "tests").map(TestId)
    }

    /// Adds tests that must all hold: at most [`Conjunction::MAX_TESTS`] instructions of the `test` family.
    pub fn conjunction(&mut self, tests: Vec<Op>) -> Result<ConjunctionId> {
        let entry = Conjunction::new(&tests, &self.paths)
            .ok_or_else(|| Error::new(crate::Code::INTERNAL_ERROR, "a conjunction has a member that is no test"))?;
        push(&mut self.tables.conjunctions, entry, "conjunctions").map(ConjunctionId)
    }

    /// Adds a call.
    pub fn call(&mut self, call: Call) -> Result<CallId> {
        push(&mut self.tables.calls, call, "calls").map(CallId)
    }

    /// Adds a document or array literal.
    pub fn shape(&mut self, shape: Shape) -> Result<ShapeId> {
        push(&mut self.tables.shapes, shape, "literals").map(ShapeId)
    }

    /// Adds a path to walk from registers.
    pub fn fields(&mut self, path: FieldPath) -> Result<FieldsId> {
        push(&mut self.tables.fields, path, "paths").map(FieldsId)
    }

    /// Adds the body of a lambda.
    pub fn lambda(&mut self, lambda: Lambda) -> Result<LambdaId> {
        push(&mut self.tables.lambdas, lambda, "lambdas").map(LambdaId)
    }

    /// Adds a program over another root.
    pub fn program(&mut self, program: Arc<Program>) -> Result<SubId> {
        push(&mut self.programs, program, "sub-programs").map(SubId)
    }

    /// Adds a projection.
    pub fn projection(&mut self, projection: Projection) -> Result<ProjectionId> {
        push(&mut self.tables.projections, projection, "projections").map(ProjectionId)
    }

    /// Adds an update.
    pub fn update(&mut self, update: UpdateCode) -> Result<UpdateId> {
        push(&mut self.tables.updates, update, "updates").map(UpdateId)
    }

    /// Adds a sort or index key.
    pub fn key_spec(&mut self, spec: KeySpec) -> Result<KeySpecId> {
        push(&mut self.tables.key_specs, spec, "keys").map(KeySpecId)
    }

    /// Resolves labels and verifies. Fails with `InternalError` when the code is not sound, which is a fault of the
    /// code generator, never of a request.
    pub fn finish(mut self) -> Result<Program> {
        index(self.code.len(), "instructions")?;
        let target_of = |label: Label| {
            self.label_targets
                .get(usize::from(label.0))
                .copied()
                .flatten()
                .map(Label)
                .ok_or_else(|| Error::new(crate::Code::INTERNAL_ERROR, "a label was never placed"))
        };
        for op in &mut self.code {
            let mut label = None;
            op.for_each_operand(|role| {
                if let crate::op::Role::Target(number) = role {
                    label = Some(Label(number));
                }
            });
            if let Some(label) = label {
                op.retarget(target_of(label)?.0);
            }
        }
        for call in &mut self.tables.calls {
            if let Some(label) = &mut call.on_conversion_failure {
                *label = target_of(*label)?;
            }
        }
        for lambda in &mut self.tables.lambdas {
            lambda.entry = target_of(lambda.entry)?;
        }
        self.paths.seal();
        let operands = Operands::new(self.constants, self.tests, self.programs);
        let Self { kind, code, most_registers: registers, paths, tables, collation, .. } = self;
        let sole_conjunction = Body::sole_conjunction(&code);
        let body = Body { kind, code: code.into(), registers, paths, tables, collation, sole_conjunction };
        let program = Program { body: Arc::new(body), operands };
        verify::verify(&program)?;
        Ok(program)
    }
}

fn too_large(what: &str) -> Error {
    Error::bad_value(format!("the request is too large to compile: more than {} {what}", u16::MAX))
}

fn index(at: usize, what: &str) -> Result<u16> {
    u16::try_from(at).ok().filter(|&at| at != u16::MAX).ok_or_else(|| too_large(what))
}

fn push<T>(table: &mut Vec<T>, entry: T, what: &str) -> Result<u16> {
    let at = index(table.len(), what)?;
    table.push(entry);
    Ok(at)
}
