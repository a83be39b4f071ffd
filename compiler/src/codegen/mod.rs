//! Code generation: IR to verified programs.
//!
//! It decides registers, labels and tables, never meaning. Filters become branches (fall through when true, jump when
//! false); expressions become values in registers; projections, updates and sort keys become table entries behind one
//! instruction each.

mod expr;
mod filter;
mod pipeline;
mod projection;
mod row;
mod sort;
mod update;

use std::sync::Arc;

use ahash::AHashMap;
use smongo_vm::Result;
use smongo_vm::collation::Collation;
use smongo_vm::op::{Op, Reg};
use smongo_vm::program::{Builder, Kind, Program};

use crate::ir::{Expr, Filter, Variable};

pub use pipeline::{RowStep, compile_row_steps};
pub use projection::compile_projection;
pub use row::compile_row;
pub use sort::compile_sort;
pub use update::{compile_stages, compile_update};

/// What the strings of a program compare by; bytewise without it.
pub type Strings<'c> = Option<&'c Arc<Collation>>;

/// The program of a filter.
pub fn compile_filter(filter: &Filter, strings: Strings<'_>) -> Result<Program> {
    filter::program(filter, strings)
}

/// The program of an expression.
pub fn compile_expr(expr: &Expr, strings: Strings<'_>) -> Result<Program> {
    let mut codegen = Codegen::new(Kind::Compute, strings);
    let result = codegen.builder.register()?;
    codegen.value(expr, result)?;
    codegen.builder.emit(Op::Return { src: result.src() });
    codegen.finish()
}

/// A program under construction.
struct Codegen {
    builder: Builder,
    variables: AHashMap<Variable, Reg>,
    /// Whether the tests being generated tell the positional operator what they held for: those of the whole filter
    /// that must all hold, not those below `$or`, `$nor`, `$not` or `$elemMatch`.
    pins: bool,
    collation: Option<Arc<Collation>>,
}

impl Codegen {
    fn new(kind: Kind, strings: Strings<'_>) -> Self {
        let collation = strings.cloned();
        let builder = Builder::collated(kind, collation.clone());
        Self { builder, variables: AHashMap::new(), pins: false, collation }
    }

    fn finish(self) -> Result<Program> {
        self.builder.finish()
    }

    fn add_program(&mut self, program: Program) -> Result<smongo_vm::op::SubId> {
        self.builder.program(Arc::new(program))
    }
}
