//! The table of instructions.
//!
//! A row reads: documentation, `Name "mnemonic" { operand: Kind, … } flow`. `flow` is `next` when control may go on to
//! the following instruction and `end` when it never does. Every operand is 16 bits wide and an instruction has at
//! most three, so an `Op` is 8 bytes.
//!
//! "Tests" are the leaves of filters: they follow MongoDB's match-path rules (implicit arrays at every level, numeric
//! components) and jump when the test fails. "Values" are expressions: they follow the expression-path rules (paths
//! map over arrays, no numeric components) and write a register.

use std::fmt;

use super::operand::*;

/// What the table says of one instruction, for generated documentation.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The mnemonic that listings show.
    pub name: &'static str,
    /// Operand names with their kinds, in encoding order.
    pub operands: &'static [(&'static str, &'static str)],
    /// Whether control may continue with the following instruction.
    pub falls_through: bool,
    /// The row's documentation.
    pub doc: &'static str,
}

macro_rules! falls_through {
    (next) => {
        true
    };
    (end) => {
        false
    };
}

macro_rules! instruction_set {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal { $($operand:ident : $kind:ident),* } $flow:ident;)*) => {
        /// One instruction, decoded.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs)]
        pub enum Op {
            $($(#[doc = $doc])* $variant { $($operand: $kind),* },)*
        }

        /// The table, in opcode order: `OPS[n]` describes opcode `n`.
        pub const OPS: &[OpInfo] = &[
            $(OpInfo {
                name: $name,
                operands: &[$((stringify!($operand), stringify!($kind))),*],
                falls_through: falls_through!($flow),
                doc: concat!($($doc, "\n"),*),
            },)*
        ];

        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        #[repr(u8)]
        enum Number { $($variant),* }

        impl Op {
            /// The row of the table that declares this instruction.
            pub fn info(&self) -> &'static OpInfo {
                &OPS[self.opcode() as usize]
            }

            /// The number of the instruction in the byte encoding.
            pub fn opcode(&self) -> u8 {
                match self {
                    $(Op::$variant { .. } => Number::$variant as u8,)*
                }
            }

            /// Whether control may continue with the following instruction.
            pub fn falls_through(&self) -> bool {
                match self {
                    $(Op::$variant { .. } => falls_through!($flow),)*
                }
            }

            /// Gives the role of each operand, in encoding order.
            pub fn for_each_operand(&self, mut visit: impl FnMut(Role)) {
                match *self {
                    $(Op::$variant { $($operand),* } => { $(visit($operand.role());)* let _ = &mut visit; })*
                }
            }

            /// Sets the jump target, when the instruction has one.
            pub(crate) fn retarget(&mut self, target: u16) {
                match self {
                    $(Op::$variant { $($operand),* } => { $(Retarget::retarget($operand, target);)* let _ = target; })*
                }
            }

            /// Appends the encoding: opcode, then each operand in little-endian order.
            pub fn encode(&self, out: &mut Vec<u8>) {
                out.push(self.opcode());
                match *self {
                    $(Op::$variant { $($operand),* } => { $($operand.encode(out);)* })*
                }
            }

            /// Reads one instruction; `None` when the bytes are not one.
            pub fn decode(reader: &mut Reader<'_>) -> Option<Op> {
                let opcode = reader.byte()?;
                $(if opcode == Number::$variant as u8 {
                    return Some(Op::$variant { $($operand: <$kind as Operand>::decode(reader)?),* });
                })*
                None
            }
        }

        impl fmt::Display for Op {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.info().name)?;
                match *self {
                    $(Op::$variant { $($operand),* } => {
                        #[allow(unused_mut, unused_variables)]
                        let mut separator = " ";
                        $(
                            write!(f, "{separator}{}", $operand)?;
                            #[allow(unused_assignments)]
                            { separator = ", "; }
                        )*
                    })*
                }
                Ok(())
            }
        }
    };
}

/// Setting a jump target, which is a no-op for every operand but a label.
trait Retarget {
    fn retarget(&mut self, _target: u16) {}
}

impl Retarget for Label {
    fn retarget(&mut self, target: u16) {
        self.0 = target;
    }
}

macro_rules! not_a_target {
    ($($kind:ident)*) => { $(impl Retarget for $kind {})* };
}
not_a_target!(Src Dst ConstId PathId TestId ConjunctionId CallId ShapeId FieldsId LambdaId SubId ProjectionId UpdateId KeySpecId VarId);

instruction_set! {
    /// Ends a filter: the document matches.
    Match "match" {} end;
    /// Ends a filter: the document does not match.
    Reject "reject" {} end;
    /// Ends a program that computes a value.
    Return "return" { src: Src } end;
    /// Ends a program that computes several values, which stand in the registers of a shape.
    ReturnRow "return.row" { row: ShapeId } end;
    /// Ends the body of a lambda with its value.
    Yield "yield" { src: Src } end;
    /// Fails with error 40066: no branch of a `$switch` applied and it has no default.
    NoBranch "switch.none" {} end;
    /// Continues elsewhere.
    Jump "jump" { to: Label } end;
    /// Continues elsewhere when the value is true as `$cond` sees it: not false, not a zero, not nullish.
    JumpIf "jump.if" { src: Src, to: Label } next;
    /// Continues elsewhere when the value is not true.
    JumpUnless "jump.unless" { src: Src, to: Label } next;
    /// Continues elsewhere when the value is neither missing nor null nor undefined.
    JumpIfPresent "jump.present" { src: Src, to: Label } next;

    /// Test: some value at the path equals the constant. `null` also matches a missing path.
    TestEq "test.eq" { path: PathId, operand: ConstId, otherwise: Label } next;
    /// Test: some value at the path, of the constant's type class, is less than it.
    TestLt "test.lt" { path: PathId, operand: ConstId, otherwise: Label } next;
    /// Test: some value at the path, of the constant's type class, is less than or equal to it.
    TestLte "test.lte" { path: PathId, operand: ConstId, otherwise: Label } next;
    /// Test: some value at the path, of the constant's type class, is greater than it.
    TestGt "test.gt" { path: PathId, operand: ConstId, otherwise: Label } next;
    /// Test: some value at the path, of the constant's type class, is greater than or equal to it.
    TestGte "test.gte" { path: PathId, operand: ConstId, otherwise: Label } next;
    /// Test: some value at the path satisfies an entry of the test table (`$in`, `$type`, `$regex`, `$elemMatch`, …).
    Test "test" { path: PathId, test: TestId, otherwise: Label } next;
    /// Test: every test of a conjunction holds. They are tried as the walk comes by their fields, so that a document
    /// is left at the first field that fails.
    TestAll "test.all" { tests: ConjunctionId, otherwise: Label } next;

    /// Value: a constant.
    Const "const" { dst: Dst, value: ConstId } next;
    /// Value: the whole current document, `$$ROOT`.
    Root "root" { dst: Dst } next;
    /// Value: a path of the current document, by the expression-path rules. Missing gives the absent value.
    Field "field" { dst: Dst, path: PathId } next;
    /// Value: path components walked from another value, by the expression-path rules.
    Walk "walk" { dst: Dst, src: Src, fields: FieldsId } next;
    /// Value: a variable of the environment.
    Var "var" { dst: Dst, var: VarId } next;
    /// Value: a copy of a register.
    Move "move" { dst: Dst, src: Src } next;
    /// Value: `null` where the source is missing, else the source.
    OrNull "or.null" { dst: Dst, src: Src } next;
    /// Value: whether the source is true, as a boolean.
    Truth "truth" { dst: Dst, src: Src } next;
    /// Value: whether the source is not true.
    Not "not" { dst: Dst, src: Src } next;
    /// Value: equality over the total order.
    Eq "eq" { dst: Dst, left: Src, right: Src } next;
    /// Value: inequality over the total order.
    Ne "ne" { dst: Dst, left: Src, right: Src } next;
    /// Value: less than, over the total order.
    Lt "lt" { dst: Dst, left: Src, right: Src } next;
    /// Value: less than or equal, over the total order.
    Lte "lte" { dst: Dst, left: Src, right: Src } next;
    /// Value: greater than, over the total order.
    Gt "gt" { dst: Dst, left: Src, right: Src } next;
    /// Value: greater than or equal, over the total order.
    Gte "gte" { dst: Dst, left: Src, right: Src } next;
    /// Value: -1, 0 or 1 by the total order.
    Cmp "cmp" { dst: Dst, left: Src, right: Src } next;
    /// Value: a function of registers, or the start of its error handler when the call names one.
    Call "call" { dst: Dst, call: CallId } next;
    /// Value: a document from names and registers; missing values leave no field.
    MakeDocument "doc" { dst: Dst, shape: ShapeId } next;
    /// Value: an array from registers; missing values become null.
    MakeArray "array" { dst: Dst, shape: ShapeId } next;
    /// Value: an array with the lambda applied to each element.
    Map "map" { dst: Dst, src: Src, lambda: LambdaId } next;
    /// Value: the elements for which the lambda is true. The lambda's limit register caps how many are kept.
    Filter "filter" { dst: Dst, src: Src, lambda: LambdaId } next;
    /// Value: a fold; the lambda's accumulator register holds the initial value before and the result after.
    Reduce "reduce" { dst: Dst, src: Src, lambda: LambdaId } next;

    /// Value: a document reshaped by a projection. Computed fields are read from registers.
    Project "project" { dst: Dst, src: Src, projection: ProjectionId } next;
    /// Makes the document in the register the current document: what follows reads its fields.
    Rebase "rebase" { src: Src } next;
    /// Fails with error 40228 unless the value is a document: the result of `$replaceRoot`.
    NeedDocument "need.doc" { src: Src } next;
    /// Value: the source document changed by an update.
    Update "update" { dst: Dst, src: Src, update: UpdateId } next;
    /// Appends the sort key of the current document to the machine's key buffer.
    SortKey "sort.key" { spec: KeySpecId } next;
    /// Value: the sort key of the current document, as binary data.
    SortKeyValue "sort.key.value" { dst: Dst, spec: KeySpecId } next;
}

const _: () = assert!(size_of::<Op>() == 8);

impl Op {
    /// The path that a test on one path reads; `None` for every other instruction.
    pub fn test_path(&self) -> Option<PathId> {
        match *self {
            Op::TestEq { path, .. }
            | Op::TestLt { path, .. }
            | Op::TestLte { path, .. }
            | Op::TestGt { path, .. }
            | Op::TestGte { path, .. }
            | Op::Test { path, .. } => Some(path),
            _ => None,
        }
    }
}
