//! The tables that instructions index: calls, shapes, lambdas and the like, which all runs of a program share, and the
//! operands of tests, which differ between requests of one shape.

use std::sync::Arc;

use super::{Constant, KeySpec, Program, Projection, Test};
use crate::error::Result;
use crate::func::Function;
use crate::op::{Label, Op, Reg};
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
#[derive(Clone, Debug)]
pub struct Conjunction {
    /// The tests: instructions of the `test` family, whose jump targets mean nothing here.
    pub tests: Box<[Op]>,
    /// For each test, the top-level node of the path trie that its path begins with.
    pub(crate) tops: Box<[u16]>,
}

impl Conjunction {
    /// Most tests of one conjunction.
    pub const MAX_TESTS: usize = 64;
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
