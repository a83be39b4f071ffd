//! Neighbouring stages that see one document at a time, fused into one program.

use smongo_vm::Result;
use smongo_vm::op::Op;
use smongo_vm::program::{Kind, Program};
use smongo_vm::value::OwnedValue;

use super::{Codegen, Strings};
use crate::ir::{DocumentStage, Expr, Filter};

/// A stage that lets a document go or makes another one of it.
#[derive(Clone, Copy, Debug)]
pub enum RowStep<'s> {
    /// Documents that do not match are dropped.
    Match(&'s Filter),
    /// The document becomes another.
    Document(&'s DocumentStage),
}

/// The program of steps one after another: the document that they make, or nothing when one of them drops it.
pub fn compile_row_steps(steps: &[RowStep<'_>], strings: Strings<'_>) -> Result<Program> {
    let mut codegen = Codegen::new(Kind::Compute, strings);
    let doc = codegen.builder.register()?;
    let dropped = codegen.builder.label()?;
    codegen.builder.emit(Op::Root { dst: doc.dst() });
    // Whether the register holds a document that is not the current one yet.
    let mut is_ahead = false;
    for step in steps {
        if is_ahead {
            codegen.builder.emit(Op::Rebase { src: doc.src() });
        }
        is_ahead = match step {
            RowStep::Match(filter) => {
                codegen.filter(filter, dropped)?;
                false
            }
            RowStep::Document(stage) => {
                codegen.stage(stage, doc)?;
                true
            }
        };
    }
    codegen.builder.emit(Op::Return { src: doc.src() });
    codegen.builder.bind(dropped)?;
    codegen.value(&Expr::Const(OwnedValue::NOTHING), doc)?;
    codegen.builder.emit(Op::Return { src: doc.src() });
    codegen.finish()
}
