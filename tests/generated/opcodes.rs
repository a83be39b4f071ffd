//! `OPCODES.md`.

use std::fmt::Write as _;

use smongo_vm::op::OPS;

pub fn page() -> String {
    let mut page = String::from(
        "# The instruction set\n\n\
         Generated from the table in `vm/src/op/table.rs`; `UPDATE=1 cargo test --test generated` writes this page.\n\n\
         An instruction is a byte for its number, then its operands as little-endian 16-bit words, in the order below.\n\
         `Src` is a register that is read, `Dst` one that is written, `Label` an instruction to continue at; the other\n\
         operands are entries of the program's tables. \"Tests\" follow the rules by which filters read paths and jump\n\
         when they fail; \"values\" follow the rules of expressions and write a register. `ends` marks instructions after\n\
         which control does not go on to the next one.\n\n\
         | no. | name | operands | what it does |\n|---|---|---|---|\n",
    );
    for (number, op) in OPS.iter().enumerate() {
        let operands: Vec<String> = op.operands.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        let ends = if op.falls_through { "" } else { " *ends*" };
        let doc = op.doc.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        let _ = writeln!(page, "| {number} | `{}` | {} | {doc}{ends} |", op.name, operands.join(", "));
    }
    page
}
