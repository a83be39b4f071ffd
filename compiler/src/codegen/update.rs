//! Updates: operators behind one instruction, or a pipeline of per-document stages.

use smongo_vm::Result;
use smongo_vm::op::Op;
use smongo_vm::program::{Kind, Program, UpdateCode};

use super::{Codegen, Strings, filter};
use crate::ir::DocumentStage;
use crate::ir::update::OperatorUpdate;

/// The program of an update by operators.
pub fn compile_update(update: OperatorUpdate, strings: Strings<'_>) -> Result<Program> {
    let mut codegen = Codegen::new(Kind::Compute, strings);
    let predicates = update.predicates.iter().map(|filter| filter::sub_program(filter, strings));
    let predicates = predicates.collect::<Result<Vec<_>>>()?;
    let code = UpdateCode { tree: update.tree, args: update.args, predicates };
    let update = codegen.builder.update(code)?;
    let doc = codegen.builder.register()?;
    codegen.builder.emit(Op::Root { dst: doc.dst() });
    codegen.builder.emit(Op::Update { dst: doc.dst(), src: doc.src(), update });
    codegen.builder.emit(Op::Return { src: doc.src() });
    codegen.finish()
}

/// The program of stages that each make one document of one document.
pub fn compile_stages(stages: &[DocumentStage], strings: Strings<'_>) -> Result<Program> {
    let mut codegen = Codegen::new(Kind::Compute, strings);
    let doc = codegen.builder.register()?;
    codegen.stages(stages, doc)?;
    codegen.builder.emit(Op::Return { src: doc.src() });
    codegen.finish()
}
