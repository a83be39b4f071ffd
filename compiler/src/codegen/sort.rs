//! Sort orders: one instruction that appends the key.

use smongo_vm::Result;
use smongo_vm::op::Op;
use smongo_vm::program::{KeyPart, KeySpec, Kind, Program};

use super::{Codegen, Strings};
use crate::ir::Sort;

/// The program of a sort order.
pub fn compile_sort(sort: &Sort, strings: Strings<'_>) -> Result<Program> {
    let mut codegen = Codegen::new(Kind::Keys, strings);
    let parts = sort.parts.iter().map(|(path, direction)| KeyPart::Path(path.clone(), *direction)).collect();
    let spec = codegen.builder.key_spec(KeySpec { parts })?;
    codegen.builder.emit(Op::SortKey { spec });
    codegen.builder.emit(Op::Match {});
    codegen.finish()
}
