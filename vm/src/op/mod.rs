//! The instruction set: one table, and everything that derives from it.
//!
//! [`table`] declares each instruction once: documentation, name, operands, whether control falls through.
//! The [`Op`] enum, its byte encoding, the disassembler, the verifier's view of an instruction and the generated page
//! of the instruction set all come from that table. The interpreter matches on [`Op`], so an instruction without an
//! implementation does not compile.

mod operand;
mod table;

pub use operand::{
    CallId, ConjunctionId, ConstId, Dst, FieldsId, KeySpecId, Label, LambdaId, Operand, PathId, ProjectionId, Reader,
    Reg, Role, ShapeId, Src, SubId, TestId, UpdateId, VarId,
};
pub use table::{OPS, Op, OpInfo};
