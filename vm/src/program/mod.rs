//! Programs: immutable, verified, shared.
//!
//! A [`Program`] is code and the tables that its instructions refer to. It can only come from
//! [`Builder::finish`], which runs the verifier; that is what the interpreter's unchecked accesses rest on. A program
//! knows nothing of the documents it will see and holds no scratch state, so it is shared between threads by `Arc`.

mod builder;
mod constant;
mod keyspec;
mod listing;
mod paths;
mod projection;
mod tables;
mod test;
mod verify;

pub use builder::Builder;
pub use constant::Constant;
pub(crate) use constant::Fast;
pub use keyspec::{KeyPart, KeySpec};
pub use paths::{ArrayRule, PathEntry, PathTable};
pub(crate) use paths::{Edge, ROOT};
pub use projection::{Action, Projection, ProjectionKind, ProjectionNode};
pub use tables::{Call, Conjunction, Lambda, Shape, Tables, UpdateCode};
pub use test::{BitRule, BitTest, Comparison, FieldRules, InSet, Test, TypeSet, regex_holds};

pub use crate::key::Direction;

use crate::op::Op;

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
    kind: Kind,
    code: Box<[Op]>,
    registers: u16,
    paths: PathTable,
    tables: Tables,
}

impl Program {
    /// What the program computes.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The instructions.
    pub fn code(&self) -> &[Op] {
        &self.code
    }

    /// How many registers a run needs.
    pub fn registers(&self) -> u16 {
        self.registers
    }

    /// The document paths that instructions refer to.
    pub fn paths(&self) -> &PathTable {
        &self.paths
    }

    /// Everything else that instructions refer to.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The instruction stream in its byte encoding, without the tables.
    pub fn encode_code(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.code.len() * 7);
        for op in &self.code {
            op.encode(&mut out);
        }
        out
    }
}
