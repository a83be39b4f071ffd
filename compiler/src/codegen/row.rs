//! Rows: several values of one document, computed by one program.

use smongo_vm::Result;
use smongo_vm::op::{Op, Reg};
use smongo_vm::program::{KeyPart, KeySpec, Kind, Program, Shape};

use super::{Codegen, Strings};
use crate::ir::Sort;
use crate::ir::group::Argument;

/// The program that computes `args`, in their order.
pub fn compile_row(args: &[Argument], strings: Strings<'_>) -> Result<Program> {
    let mut codegen = Codegen::new(Kind::Row, strings);
    let first = codegen.builder.registers(args.len())?;
    for (dst, arg) in (first.0..).map(Reg).zip(args) {
        match arg {
            Argument::Value(expr) => codegen.value(expr, dst)?,
            Argument::SortKey(sort) => codegen.sort_key(sort, dst)?,
        }
    }
    // There are as many registers, which are counted in the same width.
    let count = u16::try_from(args.len()).unwrap_or(u16::MAX);
    let row = codegen.builder.shape(Shape { names: Box::default(), first, count })?;
    codegen.builder.emit(Op::ReturnRow { row });
    codegen.finish()
}

impl Codegen {
    fn sort_key(&mut self, sort: &Sort, dst: Reg) -> Result<()> {
        let parts = sort.parts.iter().map(|(path, direction)| KeyPart::Path(path.clone(), *direction)).collect();
        let spec = self.builder.key_spec(KeySpec { parts })?;
        self.builder.emit(Op::SortKeyValue { dst: dst.dst(), spec });
        Ok(())
    }
}
