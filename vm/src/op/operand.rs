//! Operand types: small newtypes, each knowing how it is encoded, printed and what it refers to.

use std::fmt;

/// What an operand refers to: all that the verifier and the disassembler need to know of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A register that is read.
    Read(u16),
    /// A register that is written.
    Write(u16),
    /// A jump target, as an instruction index.
    Target(u16),
    /// An index into the constant pool.
    Const(u16),
    /// An index into the table of document paths.
    Path(u16),
    /// An index into the table of leaf tests.
    Test(u16),
    /// An index into the table of function calls.
    Call(u16),
    /// An index into the table of document and array shapes.
    Shape(u16),
    /// An index into the table of field lists walked from a register.
    Fields(u16),
    /// An index into the table of lambda bodies.
    Lambda(u16),
    /// An index into the table of sub-programs.
    Sub(u16),
    /// An index into the table of projections.
    Projection(u16),
    /// An index into the table of updates.
    Update(u16),
    /// An index into the table of sort and index key specifications.
    KeySpec(u16),
    /// A variable of the environment.
    Var(u16),
    /// An index into the table of conjunctions.
    Conjunction(u16),
}

/// Bytes of an encoded instruction stream, read front to back.
pub struct Reader<'b> {
    bytes: &'b [u8],
}

impl<'b> Reader<'b> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    /// The next byte; `None` at the end.
    pub fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(first)
    }

    /// The next little-endian 16-bit word; `None` when fewer than two bytes remain.
    pub fn word(&mut self) -> Option<u16> {
        let (head, rest) = self.bytes.split_first_chunk::<2>()?;
        self.bytes = rest;
        Some(u16::from_le_bytes(*head))
    }

    /// Whether everything has been read.
    pub fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// An operand of an instruction.
pub trait Operand: Copy + fmt::Display {
    /// What it refers to.
    fn role(self) -> Role;
    /// Appends its encoding.
    fn encode(self, out: &mut Vec<u8>);
    /// Reads its encoding.
    fn decode(reader: &mut Reader<'_>) -> Option<Self>;
}

macro_rules! operands {
    ($($(#[$doc:meta])* $name:ident, $role:ident, $prefix:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
            pub struct $name(pub u16);

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!($prefix, "{}"), self.0)
                }
            }

            impl Operand for $name {
                #[inline]
                fn role(self) -> Role {
                    Role::$role(self.0)
                }
                fn encode(self, out: &mut Vec<u8>) {
                    out.extend_from_slice(&self.0.to_le_bytes());
                }
                fn decode(reader: &mut Reader<'_>) -> Option<Self> {
                    reader.word().map($name)
                }
            }
        )*
    };
}

operands! {
    /// A register that the instruction reads.
    Src, Read, "r";
    /// A register that the instruction writes.
    Dst, Write, "r";
    /// An instruction index to continue at.
    Label, Target, "->";
    /// A constant.
    ConstId, Const, "c";
    /// A path into the current document, resolved lazily by the walker.
    PathId, Path, "p";
    /// A leaf test that is not common enough for an instruction of its own.
    TestId, Test, "t";
    /// Tests that must all hold, in whatever order the document offers their fields.
    ConjunctionId, Conjunction, "all";
    /// A function with its argument registers.
    CallId, Call, "f";
    /// Field names with their registers, or a run of registers.
    ShapeId, Shape, "s";
    /// Path components walked from a value in a register.
    FieldsId, Fields, "w";
    /// The body of a lambda and the registers it uses.
    LambdaId, Lambda, "l";
    /// A program that runs over another root.
    SubId, Sub, "sub";
    /// A projection.
    ProjectionId, Projection, "proj";
    /// An update.
    UpdateId, Update, "upd";
    /// A sort or index key.
    KeySpecId, KeySpec, "k";
    /// A variable handed in with the run: `$$NOW`, or one of the request's `let`.
    VarId, Var, "v";
}

/// A register's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Reg(pub u16);

impl Reg {
    /// The register as an operand that is read.
    pub fn src(self) -> Src {
        Src(self.0)
    }

    /// The register as an operand that is written.
    pub fn dst(self) -> Dst {
        Dst(self.0)
    }
}

impl VarId {
    /// `$$NOW`.
    pub const NOW: VarId = VarId(0);
    /// `$$CLUSTER_TIME`.
    pub const CLUSTER_TIME: VarId = VarId(1);
    /// The first of the request's `let` variables; the others follow.
    pub const FIRST_LET: u16 = 2;
}
