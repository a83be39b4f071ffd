//! Programs: immutable, verified, shared.
//!
//! A [`Program`] is code and the tables that its instructions refer to. It can only come from
//! [`Builder::finish`], which runs the verifier; that is what the interpreter's unchecked accesses rest on. A program
//! knows nothing of the documents it will see and holds no scratch state, so it is shared between threads by `Arc`.
//!
//! # Parameters
//!
//! An operand that came from a marked literal ([`OwnedValue::param`](crate::value::OwnedValue::param)) is a parameter.
//! [`Program::bind`] gives a program that shares everything with the first but its operands, where the values of another
//! request stand. Code, paths and tables are the same, so there is nothing to verify again.

mod builder;
mod constant;
mod keyspec;
mod listing;
mod paths;
mod projection;
mod tables;
mod test;
mod text;
mod verify;

pub use builder::Builder;
pub use constant::Constant;
pub(crate) use constant::Fast;
pub use keyspec::{KeyPart, KeySpec};
pub use listing::CountedListing;
pub use paths::{ArrayRule, PathEntry, PathTable};
pub(crate) use paths::{Edge, ROOT};
pub use projection::{Action, Projection, ProjectionKind, ProjectionNode};
pub use tables::{Call, Conjunction, Lambda, Operands, Shape, Tables, UpdateCode};
pub(crate) use tables::{Leaf, LeafKind};
pub use test::{BitRule, BitTest, Comparison, FieldRules, InSet, Test, TypeSet, regex_holds};
pub(crate) use text::Text;

pub use crate::key::Direction;

use std::sync::Arc;

use crate::collation::Collation;
use crate::error::Result;
use crate::op::{ConjunctionId, ConstId, Label, Op, SubId, TestId};
use crate::value::{StringOrder, Value};

/// What a program computes, which fixes how it may end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Ends with `match` or `reject`.
    Filter,
    /// Ends with `return`: an expression, a projection, an updated document.
    Compute,
    /// Appends one sort or index key, then ends with `match`.
    Keys,
    /// Ends with `return.row`: several values of one document.
    Row,
}

impl Kind {
    /// The word for it in listings.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Filter => "filter",
            Kind::Compute => "compute",
            Kind::Keys => "keys",
            Kind::Row => "row",
        }
    }
}

/// A verified program.
#[derive(Debug)]
pub struct Program {
    body: Arc<Body>,
    operands: Operands,
}

/// What all programs of one shape share.
#[derive(Debug)]
struct Body {
    kind: Kind,
    code: Box<[Op]>,
    registers: u16,
    paths: PathTable,
    tables: Tables,
    collation: Option<Arc<Collation>>,
    /// The conjunction that is all of the code, but for the ends.
    sole_conjunction: Option<ConjunctionId>,
}

impl Body {
    fn sole_conjunction(code: &[Op]) -> Option<ConjunctionId> {
        match code {
            [Op::TestAll { tests, otherwise: Label(2) }, Op::Match {}, Op::Reject {}] => Some(*tests),
            _ => None,
        }
    }
}

impl Program {
    /// What the program computes.
    pub fn kind(&self) -> Kind {
        self.body.kind
    }

    /// The instructions.
    pub fn code(&self) -> &[Op] {
        &self.body.code
    }

    /// How many registers a run needs.
    pub fn registers(&self) -> u16 {
        self.body.registers
    }

    /// The document paths that instructions refer to.
    pub fn paths(&self) -> &PathTable {
        &self.body.paths
    }

    /// The collation under which the program compares strings; bytewise without one.
    pub fn collation(&self) -> Option<&Arc<Collation>> {
        self.body.collation.as_ref()
    }

    /// The same, as what comparisons take.
    #[inline]
    pub fn strings(&self) -> Option<&dyn StringOrder> {
        self.body.collation.as_deref().map(|collation| collation as &dyn StringOrder)
    }

    /// Everything else that instructions refer to, but for operands.
    #[inline]
    pub fn tables(&self) -> &Tables {
        &self.body.tables
    }

    /// The conjunction whose outcome is the program's, where a filter is nothing but one.
    #[inline]
    pub(crate) fn sole_conjunction(&self) -> Option<&Conjunction> {
        self.body.sole_conjunction.map(|id| &self.body.tables.conjunctions[usize::from(id.0)])
    }

    /// What the program compares with.
    #[inline]
    pub fn operands(&self) -> &Operands {
        &self.operands
    }

    /// A constant.
    #[inline]
    pub(crate) fn constant(&self, id: ConstId) -> &Constant {
        &self.operands.constants[usize::from(id.0)]
    }

    /// A leaf test.
    #[inline]
    pub(crate) fn test(&self, id: TestId) -> &Test {
        &self.operands.tests[usize::from(id.0)]
    }

    /// A program over another root.
    #[inline]
    pub(crate) fn sub_program(&self, id: SubId) -> &Program {
        &self.operands.programs[usize::from(id.0)]
    }

    /// Whether an operand, here or in a program below, is a parameter.
    pub fn has_params(&self) -> bool {
        self.operands.varying.any()
    }

    /// The same program for other parameters: `params` holds the value of each parameter at its number.
    pub fn bind(&self, params: &[Value<'_>]) -> Result<Program> {
        Ok(Program { body: Arc::clone(&self.body), operands: self.operands.bind(params)? })
    }

    /// The instruction stream in its byte encoding, without the tables.
    pub fn encode_code(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.code().len() * 7);
        for op in self.code() {
            op.encode(&mut out);
        }
        out
    }
}
