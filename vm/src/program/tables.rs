//! The tables that instructions index: calls, shapes, lambdas and the like, which all runs of a program share, and the
//! operands of tests, which differ between requests of one shape.

use std::sync::Arc;

use super::{ArrayRule, Comparison, Constant, KeySpec, PathTable, Program, Projection, ROOT, Test};
use crate::error::Result;
use crate::func::Function;
use crate::op::{ConstId, Label, Op, Reg, TestId};
use crate::update::UpdateTree;
use crate::value::{FieldPath, OwnedValue, Value};

/// A call of a function: arguments stand in consecutive registers.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// The row of the function table.
    pub function: &'static Function,
    /// The first argument's register.
    pub first: Reg,
    /// How many arguments.
    pub count: u16,
    /// Where to continue when the function fails with `ConversionFailure`.
    pub on_conversion_failure: Option<Label>,
}

/// A document or array literal: values stand in consecutive registers.
#[derive(Clone, Debug)]
pub struct Shape {
    /// The field names, one a value; empty for an array.
    pub names: Box<[Box<str>]>,
    /// The first value's register.
    pub first: Reg,
    /// How many values.
    pub count: u16,
}

/// Tests that must all hold. They have no effect but their outcome, so any order gives the same answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Conjunction {
    tests: Box<[Op]>,
    /// What the interpreter needs to know of each test that it decides by itself.
    leaves: Box<[Leaf]>,
    /// For each node of the path trie, which tests have a path that begins with it, as bits.
    by_top: Box<[u64]>,
    pins: bool,
}

/// A test of a conjunction, taken apart.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Leaf {
    /// Where its path leads; [`ROOT`] for the root value itself.
    pub(crate) node: u16,
    /// Whether an array there is tested element by element.
    pub(crate) is_any_element: bool,
    pub(crate) kind: LeafKind,
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum LeafKind {
    Compare(Comparison, ConstId),
    Table(TestId),
}

impl Conjunction {
    /// Most tests of one conjunction.
    pub const MAX_TESTS: usize = 64;

    /// A conjunction over paths of a table. `None` if it has no tests or too many, if a member is no test, or if a path
    /// is not in the table.
    pub(super) fn new(tests: &[Op], paths: &PathTable) -> Option<Self> {
        let (mut leaves, mut by_top, mut pins) = (Vec::new(), Vec::new(), false);
        for (at, op) in tests.iter().enumerate() {
            let path = op.test_path()?.0;
            let entry = paths.entries().get(usize::from(path))?;
            let kind = match *op {
                Op::TestEq { operand, .. } => LeafKind::Compare(Comparison::Eq, operand),
                Op::TestLt { operand, .. } => LeafKind::Compare(Comparison::Lt, operand),
                Op::TestLte { operand, .. } => LeafKind::Compare(Comparison::Lte, operand),
                Op::TestGt { operand, .. } => LeafKind::Compare(Comparison::Gt, operand),
                Op::TestGte { operand, .. } => LeafKind::Compare(Comparison::Gte, operand),
                Op::Test { test, .. } => LeafKind::Table(test),
                _ => return None,
            };
            leaves.push(Leaf { node: entry.node, is_any_element: entry.rule == ArrayRule::AnyElement, kind });
            pins |= entry.pins;
            let top = usize::from(paths.top_of(path));
            if top != usize::from(ROOT) {
                by_top.resize(by_top.len().max(top + 1), 0);
                by_top[top] |= 1u64.checked_shl(u32::try_from(at).ok()?)?;
            }
        }
        let fits = !tests.is_empty() && tests.len() <= Self::MAX_TESTS;
        fits.then(|| Self { tests: tests.into(), leaves: leaves.into(), by_top: by_top.into(), pins })
    }

    /// The tests: instructions of the `test` family, whose jump targets mean nothing here.
    pub fn tests(&self) -> &[Op] {
        &self.tests
    }

    #[inline]
    pub(crate) fn leaves(&self) -> &[Leaf] {
        &self.leaves
    }

    /// Whether some test tells the positional operator which array element it held for.
    #[inline]
    pub(crate) fn pins(&self) -> bool {
        self.pins
    }

    /// A bit for every test.
    #[inline]
    pub(crate) fn all(&self) -> u64 {
        u64::MAX >> (Self::MAX_TESTS - self.tests.len())
    }

    /// The tests whose paths begin with a node, as bits.
    #[inline]
    pub(crate) fn beginning_with(&self, node: u16) -> u64 {
        self.by_top.get(usize::from(node)).copied().unwrap_or(0)
    }
}

/// The body of a lambda: a region of the same code that ends with `yield`.
#[derive(Clone, Copy, Debug)]
pub struct Lambda {
    /// The body's first instruction.
    pub entry: Label,
    /// Set to each element before the body runs.
    pub element: Reg,
    /// Set to each index before the body runs.
    pub index: Option<Reg>,
    /// For a fold: holds the initial value, then each result.
    pub accumulator: Option<Reg>,
    /// For a filter: holds the most elements to keep; nullish means all.
    pub limit: Option<Reg>,
}

/// A compiled update with the constants and predicates it refers to.
#[derive(Debug)]
pub struct UpdateCode {
    /// The operators by path.
    pub tree: UpdateTree,
    /// The operators' arguments.
    pub args: Vec<OwnedValue>,
    /// Predicates over one array element: `$pull` conditions and `arrayFilters`.
    pub predicates: Vec<Program>,
}

/// What a program compares with: the part of it that literals of a request fill.
#[derive(Debug, Default)]
pub struct Operands {
    /// Constants.
    pub constants: Box<[Constant]>,
    /// Leaf tests.
    pub tests: Arc<[Test]>,
    /// Programs over another root.
    pub programs: Arc<[Arc<Program>]>,
    /// Which of the three hold parameters.
    pub(super) varying: Varying,
}

/// Where parameters stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Varying {
    pub constants: bool,
    pub tests: bool,
    pub programs: bool,
}

impl Varying {
    pub fn any(self) -> bool {
        self.constants || self.tests || self.programs
    }
}

impl Operands {
    /// The operands of a program under construction.
    pub(super) fn new(constants: Vec<Constant>, tests: Vec<Test>, programs: Vec<Arc<Program>>) -> Self {
        let varying = Varying {
            constants: constants.iter().any(|constant| constant.param().is_some()),
            tests: tests.iter().any(|test| matches!(test, Test::In(set) if set.has_params())),
            programs: programs.iter().any(|program| program.has_params()),
        };
        Self { constants: constants.into(), tests: tests.into(), programs: programs.into(), varying }
    }

    /// The same operands with other values in place of the parameters.
    pub(super) fn bind(&self, params: &[Value<'_>]) -> Result<Self> {
        let Varying { constants, tests, programs } = self.varying;
        Ok(Self {
            constants: match constants {
                true => self.constants.iter().map(|constant| constant.bind(params)).collect::<Result<_>>()?,
                false => self.constants.clone(),
            },
            tests: match tests {
                true => self.tests.iter().map(|test| test.bind(params)).collect::<Result<_>>()?,
                false => Arc::clone(&self.tests),
            },
            programs: match programs {
                true => {
                    let bound = self.programs.iter().map(|program| program.bind(params).map(Arc::new));
                    bound.collect::<Result<_>>()?
                }
                false => Arc::clone(&self.programs),
            },
            varying: self.varying,
        })
    }
}

/// The tables of a program that do not vary.
#[derive(Debug, Default)]
pub struct Tables {
    /// Tests that must all hold.
    pub conjunctions: Vec<Conjunction>,
    /// Function calls.
    pub calls: Vec<Call>,
    /// Document and array literals.
    pub shapes: Vec<Shape>,
    /// Paths walked from registers.
    pub fields: Vec<FieldPath>,
    /// Lambda bodies.
    pub lambdas: Vec<Lambda>,
    /// Projections.
    pub projections: Vec<Projection>,
    /// Updates.
    pub updates: Vec<UpdateCode>,
    /// Sort and index keys.
    pub key_specs: Vec<KeySpec>,
}
