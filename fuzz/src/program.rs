//! The verifier's promise: whatever program it accepts, runs over every document without panic or undefined
//! behaviour, and gives what can be stored.
//!
//! Instructions are drawn as bytes and decoded; operands mostly lie in their tables, so that a good part of the
//! programs is accepted, and at times do not.

use std::fmt;
use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use smongo_compiler::codegen;
use smongo_vm::env::Env;
use smongo_vm::func::{Args, FAMILIES, Role};
use smongo_vm::interp::{Machine, UpdateInputs};
use smongo_vm::op::{Label, OPS, Op, PathId, Reader, Reg, Src, SubId};
use smongo_vm::program::{
    Action, ArrayRule, BitRule, BitTest, Builder, Call, Direction, FieldRules, InSet, KeyPart, KeySpec, Kind, Lambda,
    Program, Projection, ProjectionKind, ProjectionNode, Shape, Test, TypeSet, UpdateCode,
};
use smongo_vm::regex::Regex;
use smongo_vm::schema::SchemaTest;
use smongo_vm::value::{Decimal128, DocBuf, FieldPath, OwnedValue, Tag, Value};

use crate::oracle::{assert_valid, parse_update};
use crate::request;

type Bytes<'u> = Unstructured<'u>;

/// A program, if the verifier accepts it, and what it runs over.
pub struct Parts {
    program: smongo_vm::Result<Program>,
    docs: Vec<DocBuf>,
    variables: Vec<OwnedValue>,
    matched_position: Option<u32>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.program {
            Ok(program) => write!(f, "{program}\n{:?}", program.tables())?,
            Err(error) => write!(f, "{error}")?,
        }
        write!(f, "\n{:?} {:?} {:?}", self.docs, self.variables, self.matched_position)
    }
}

impl<'a> Arbitrary<'a> for Parts {
    fn arbitrary(u: &mut Bytes<'a>) -> arbitrary::Result<Self> {
        let kind = *u.choose(&[Kind::Filter, Kind::Compute, Kind::Compute, Kind::Keys, Kind::Row])?;
        Ok(Parts {
            program: program(u, kind, 2)?,
            docs: (0..u.int_in_range(1..=3)?).map(|_| u.arbitrary()).collect::<arbitrary::Result<_>>()?,
            variables: (0..u.int_in_range(0..=2)?).map(|_| u.arbitrary()).collect::<arbitrary::Result<_>>()?,
            matched_position: if u.arbitrary()? { Some(u.int_in_range(0..=4)?) } else { None },
        })
    }
}

/// A program that the verifier accepts lists, encodes, decodes, and runs, twice with the same outcome.
pub fn verified(parts: &Parts) {
    let Ok(program) = &parts.program else { return };
    assert!(!program.to_string().is_empty());
    let encoded = program.encode_code();
    let mut reader = Reader::new(&encoded);
    for op in program.code() {
        assert_eq!(Op::decode(&mut reader), Some(*op));
    }
    assert!(reader.is_at_end());

    let variables: Vec<Value<'_>> = parts.variables.iter().map(OwnedValue::get).collect();
    let mut machine = Machine::new();
    for doc in &parts.docs {
        let run = |machine: &mut Machine| {
            let env = Env { variables: &variables, ..Env::fixed() };
            outcome(machine, program, doc, &env, parts)
        };
        let first = run(&mut machine);
        assert_eq!(run(&mut machine), first, "{parts:?}");
        assert_eq!(run(&mut Machine::new()), first, "{parts:?}");
    }
}

/// What a run gives, as text.
fn outcome(machine: &mut Machine, program: &Program, doc: &DocBuf, env: &Env<'_>, parts: &Parts) -> String {
    match program.kind() {
        Kind::Filter => format!("{:?} {:?}", machine.matches(program, doc, env), machine.matched_position()),
        Kind::Keys => {
            let mut key = Vec::new();
            format!("{:?} {key:?}", machine.sort_key(program, doc, env, &mut key))
        }
        Kind::Row => format!("{:?}", machine.compute_row(program, doc, env)),
        Kind::Compute => {
            let mut new = Vec::new();
            let how = UpdateInputs { matched_position: parts.matched_position, is_insert: false };
            let updated = machine.update(program, doc, env, how, &mut new);
            let computed = machine.compute(program, doc, env, parts.matched_position);
            if let Ok(value) = computed {
                assert_valid(value, &format!("{parts:?}"));
            }
            format!("{updated:?} {new:?} {computed:?}")
        }
    }
}

/// Any bytes as instructions: what decodes, encodes to the bytes it was.
pub fn instructions(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let mut encoded = Vec::new();
    while let Some(op) = Op::decode(&mut reader) {
        op.encode(&mut encoded);
        assert!(op.to_string().starts_with(op.info().name));
    }
    assert!(bytes.starts_with(&encoded));
}

/// How many entries each table has, and where the regions of the code lie.
struct Shapes {
    registers: u16,
    constants: u16,
    test_paths: Vec<PathId>,
    value_paths: Vec<PathId>,
    tests: u16,
    conjunctions: u16,
    calls: u16,
    shapes: u16,
    fields: u16,
    lambdas: u16,
    programs: u16,
    projections: u16,
    updates: u16,
    key_specs: u16,
}

/// The first instruction of a region, and its last, which ends it.
#[derive(Clone, Copy)]
struct Region {
    first: u16,
    last: u16,
}

/// The number of the lambda that folds; the others do not.
const FOLD: u16 = 0;

const LAMBDAS: u16 = 3;

fn program(u: &mut Bytes<'_>, kind: Kind, depth: usize) -> arbitrary::Result<smongo_vm::Result<Program>> {
    let mut builder = Builder::new(kind);
    match fill(u, &mut builder, kind, depth)? {
        Ok(()) => Ok(builder.finish()),
        Err(error) => Ok(Err(error)),
    }
}

fn fill(
    u: &mut Bytes<'_>,
    builder: &mut Builder,
    kind: Kind,
    depth: usize,
) -> arbitrary::Result<smongo_vm::Result<()>> {
    let registers = u.int_in_range(2..=6)?;
    let mut regions = Vec::new();
    let mut next = 0;
    for lambda in 0..=LAMBDAS {
        let setup = if lambda == 0 { registers } else { 0 };
        let last = next + setup + u.int_in_range(0..=5)?;
        regions.push(Region { first: next, last });
        next = last + 1;
    }
    let shapes = match tables(u, builder, registers, &regions, depth)? {
        Ok(shapes) => shapes,
        Err(error) => return Ok(Err(error)),
    };
    // Label numbers are instruction indexes: each instruction gets the next label.
    for (number, region) in regions.iter().enumerate() {
        for at in region.first..=region.last {
            let op = if at == region.last {
                ending(u, kind, number > 0, &shapes)?
            } else if number == 0 && at < registers && !u.ratio(1, 32)? {
                let name = *u.choose(&["const", "root", "field", "var"])?;
                let op = instruction(u, name, &shapes, at, region.last)?;
                with_first_operand(op, at)
            } else {
                let name = choose_name(u)?;
                instruction(u, name, &shapes, at, region.last)?
            };
            let placed = builder.label().and_then(|label| builder.bind(label));
            if let Err(error) = placed {
                return Ok(Err(error));
            }
            builder.emit(op);
        }
    }
    Ok(Ok(()))
}

/// The instruction with another first operand.
fn with_first_operand(op: Op, operand: u16) -> Op {
    let mut bytes = Vec::new();
    op.encode(&mut bytes);
    bytes[1..3].copy_from_slice(&operand.to_le_bytes());
    Op::decode(&mut Reader::new(&bytes)).expect("every operand decodes")
}

/// Seldom one after which control does not go on.
fn choose_name(u: &mut Bytes<'_>) -> arbitrary::Result<&'static str> {
    let row = u.choose(OPS)?;
    Ok(if row.falls_through || u.ratio(1, 8)? { row.name } else { "move" })
}

fn ending(u: &mut Bytes<'_>, kind: Kind, is_lambda: bool, shapes: &Shapes) -> arbitrary::Result<Op> {
    let name = match kind {
        _ if u.ratio(1, 32)? => u.choose(OPS)?.name,
        _ if is_lambda => "yield",
        Kind::Filter => *u.choose(&["match", "reject"])?,
        Kind::Compute => "return",
        Kind::Keys => "match",
        Kind::Row => "return.row",
    };
    instruction(u, name, shapes, 0, 0)
}

/// An instruction of this name at `at`, in a region that ends at `last`.
fn instruction(u: &mut Bytes<'_>, name: &str, shapes: &Shapes, at: u16, last: u16) -> arbitrary::Result<Op> {
    let opcode = OPS.iter().position(|row| row.name == name).expect("a row of the table");
    let mut bytes = vec![opcode as u8];
    for (_, kind) in OPS[opcode].operands {
        let operand = if u.ratio(1, 64)? { u.arbitrary()? } else { operand(u, name, kind, shapes, at, last)? };
        bytes.extend_from_slice(&operand.to_le_bytes());
    }
    let mut reader = Reader::new(&bytes);
    let op = Op::decode(&mut reader).expect("the table's operands are words");
    assert!(reader.is_at_end());
    Ok(op)
}

fn operand(u: &mut Bytes<'_>, name: &str, kind: &str, shapes: &Shapes, at: u16, last: u16) -> arbitrary::Result<u16> {
    let count = match kind {
        "Src" | "Dst" => shapes.registers,
        "ConstId" => shapes.constants,
        "PathId" => {
            let paths = if name == "field" { &shapes.value_paths } else { &shapes.test_paths };
            return u.choose(paths).map(|path| path.0);
        }
        "Label" => return u.int_in_range(last.min(at + 1)..=last),
        "TestId" => shapes.tests,
        "ConjunctionId" => shapes.conjunctions,
        "CallId" => shapes.calls,
        "ShapeId" => shapes.shapes,
        "FieldsId" => shapes.fields,
        "LambdaId" if name == "reduce" => return Ok(FOLD),
        "LambdaId" => return u.int_in_range(FOLD + 1..=shapes.lambdas - 1),
        "SubId" => shapes.programs,
        "ProjectionId" => shapes.projections,
        "UpdateId" => shapes.updates,
        "KeySpecId" => shapes.key_specs,
        "VarId" => 4,
        other => unreachable!("an operand of kind {other}"),
    };
    u.int_in_range(0..=count.saturating_sub(1))
}

/// Fills every table of the builder.
fn tables(
    u: &mut Bytes<'_>,
    builder: &mut Builder,
    registers: u16,
    regions: &[Region],
    depth: usize,
) -> arbitrary::Result<smongo_vm::Result<Shapes>> {
    let mut shapes = Shapes {
        registers,
        constants: u.int_in_range(1..=4)?,
        test_paths: Vec::new(),
        value_paths: Vec::new(),
        tests: u.int_in_range(1..=3)?,
        conjunctions: u.int_in_range(1..=2)?,
        calls: u.int_in_range(1..=4)?,
        shapes: 2,
        fields: 2,
        lambdas: LAMBDAS,
        programs: if depth == 0 { 0 } else { u.int_in_range(0..=2)? },
        projections: 2,
        updates: 0,
        key_specs: 1,
    };
    let mut add = || -> arbitrary::Result<smongo_vm::Result<()>> {
        macro_rules! put {
            ($added:expr) => {
                match $added {
                    Ok(entry) => entry,
                    Err(error) => return Ok(Err(error)),
                }
            };
        }
        put!(builder.registers(registers.into()));
        for _ in 0..shapes.constants {
            put!(builder.constant(u.arbitrary::<OwnedValue>()?.get()));
        }
        for _ in 0..3 {
            let rule = *u.choose(&[ArrayRule::AnyElement, ArrayRule::Whole, ArrayRule::None])?;
            let path = root_or_path(u)?;
            let pins = u.arbitrary()?;
            shapes.test_paths.push(if pins {
                put!(builder.pinning_path(path.as_ref(), rule))
            } else {
                put!(builder.path(path.as_ref(), rule))
            });
            let path = if u.ratio(1, 32)? { root_or_path(u)? } else { Some(field_path(u)?) };
            shapes.value_paths.push(put!(builder.path(path.as_ref(), ArrayRule::Expression)));
        }
        for _ in 0..shapes.programs {
            let kind = if u.ratio(1, 8)? { Kind::Compute } else { Kind::Filter };
            put!(builder.program(Arc::new(put!(program(u, kind, depth - 1)?))));
        }
        for _ in 0..shapes.tests {
            put!(builder.test(put!(test(u, &shapes)?)));
        }
        for _ in 0..shapes.conjunctions {
            const TESTS: [&str; 6] = ["test.eq", "test.lt", "test.lte", "test.gt", "test.gte", "test"];
            let tests = (0..u.int_in_range(0..=4)?)
                .map(|_| {
                    let name = if u.ratio(1, 32)? { "not" } else { u.choose(&TESTS)? };
                    instruction(u, name, &shapes, 0, 0)
                })
                .collect::<arbitrary::Result<_>>()?;
            put!(builder.conjunction(tests));
        }
        for _ in 0..shapes.calls {
            put!(builder.call(call(u, registers, regions)?));
        }
        for is_document in [true, false] {
            let (first, count) = run_of(u, registers, None)?;
            let names = if is_document {
                (0..count)
                    .map(|_| u.choose(&smongo_vm::value::arbitrary::NAMES).map(|&name| name.into()))
                    .collect::<arbitrary::Result<_>>()?
            } else {
                Box::default()
            };
            put!(builder.shape(Shape { names, first, count }));
        }
        for _ in 0..shapes.fields {
            put!(builder.fields(field_path(u)?));
        }
        for (number, region) in (0..LAMBDAS).zip(&regions[1..]) {
            let accumulator = if number == FOLD { Some(register(u, registers)?) } else { None };
            put!(builder.lambda(Lambda {
                entry: Label(region.first),
                element: register(u, registers)?,
                index: if u.arbitrary()? { Some(register(u, registers)?) } else { None },
                accumulator,
                limit: if u.arbitrary()? { Some(register(u, registers)?) } else { None },
            }));
        }
        for _ in 0..shapes.projections {
            let kinds = [ProjectionKind::Inclusion, ProjectionKind::Exclusion, ProjectionKind::AddFields];
            let kind = *u.choose(&kinds)?;
            put!(builder.projection(Projection { kind, root: projection_node(u, &shapes, 2)? }));
        }
        if u.ratio(1, 4)?
            && let Some(mut update) = parse_update(&u.arbitrary()?)
        {
            if u.ratio(1, 8)? {
                update.args.pop();
                update.predicates.pop();
            }
            let predicates =
                put!(update.predicates.iter().map(|filter| codegen::compile_filter(filter, None)).collect());
            put!(builder.update(UpdateCode { tree: update.tree, args: update.args, predicates }));
            shapes.updates = 1;
        }
        for _ in 0..shapes.key_specs {
            let parts = (0..u.int_in_range(0..=3)?)
                .map(|_| {
                    let direction = *u.choose(&[Direction::Ascending, Direction::Descending])?;
                    Ok(if u.ratio(1, 4)? {
                        KeyPart::Register(register(u, registers)?.src(), direction)
                    } else {
                        KeyPart::Path(field_path(u)?, direction)
                    })
                })
                .collect::<arbitrary::Result<_>>()?;
            put!(builder.key_spec(KeySpec { parts }));
        }
        Ok(Ok(()))
    };
    Ok(add()?.map(|()| shapes))
}

fn register(u: &mut Bytes<'_>, registers: u16) -> arbitrary::Result<Reg> {
    Ok(Reg(if u.ratio(1, 64)? { u.arbitrary()? } else { u.int_in_range(0..=registers - 1)? }))
}

/// Registers in a row: as many as wanted, where they fit.
fn run_of(u: &mut Bytes<'_>, registers: u16, wanted: Option<u16>) -> arbitrary::Result<(Reg, u16)> {
    let count = match wanted {
        Some(count) => count,
        None => u.int_in_range(0..=registers)?,
    };
    let first = u.int_in_range(0..=registers.saturating_sub(count))?;
    Ok((Reg(first), count))
}

fn field_path(u: &mut Bytes<'_>) -> arbitrary::Result<FieldPath> {
    if u.ratio(1, 32)? {
        return Ok(FieldPath::from_components(Vec::new()));
    }
    request::path(u).map(|path| FieldPath::new(&path))
}

fn root_or_path(u: &mut Bytes<'_>) -> arbitrary::Result<Option<FieldPath>> {
    if u.ratio(1, 4)? { Ok(None) } else { field_path(u).map(Some) }
}

fn call(u: &mut Bytes<'_>, registers: u16, regions: &[Region]) -> arbitrary::Result<Call> {
    let family = *u.choose(FAMILIES)?;
    let function = u.choose(family)?;
    let count = match function.args {
        _ if u.ratio(1, 32)? => u.int_in_range(0..=6)?,
        Args::Exactly(count) => count,
        Args::Between(least, most) => u.int_in_range(least..=most)?,
        Args::Any => u.int_in_range(0..=3)?,
        Args::One(_) => 1,
        Args::Named { params, .. } | Args::PlainOrNamed { params, .. } => {
            params.iter().filter(|param| param.role == Role::Argument).count()
        }
    };
    let (first, count) = run_of(u, registers, Some(count as u16))?;
    let handler = if u.ratio(1, 4)? { Some(Label(u.choose(regions)?.last)) } else { None };
    Ok(Call { function, first, count, on_conversion_failure: handler })
}

fn projection_node(u: &mut Bytes<'_>, shapes: &Shapes, depth: usize) -> arbitrary::Result<ProjectionNode> {
    let mut node = ProjectionNode::default();
    for name in ["a", "b", "0", "_id"] {
        let last = if depth == 0 { 7 } else { 9 };
        let action = match u.int_in_range(0..=last)? {
            0 | 1 => continue,
            2 => *u.choose(&[&Action::Keep, &Action::Drop])?,
            3 => &Action::Compute(Src(register(u, shapes.registers)?.0)),
            4 => &Action::Slice { skip: u.arbitrary::<i8>()?.into(), limit: u.arbitrary::<i8>()?.into() },
            5 => &Action::ElemMatch { program: sub_program(u, shapes)?, on_fields: u.arbitrary()? },
            6 => &Action::Positional,
            7 => &Action::ComputeEach(sub_program(u, shapes)?),
            _ => &Action::Nested(projection_node(u, shapes, depth - 1)?),
        };
        node.push(name, action.clone());
    }
    Ok(node)
}

fn sub_program(u: &mut Bytes<'_>, shapes: &Shapes) -> arbitrary::Result<SubId> {
    u.int_in_range(0..=shapes.programs.saturating_sub(1)).map(SubId)
}

fn pattern(u: &mut Bytes<'_>) -> arbitrary::Result<smongo_vm::Result<Regex>> {
    Ok(Regex::new(u.choose(&["a", "^a", "b$", "(a|b)+", ""])?, u.choose(&["", "i", "s"])?))
}

fn test(u: &mut Bytes<'_>, shapes: &Shapes) -> arbitrary::Result<smongo_vm::Result<Test>> {
    let last = if shapes.programs == 0 { 7 } else { 13 };
    Ok(Ok(match u.int_in_range(0..=last)? {
        0 => Test::Exists,
        1 => Test::Type(TypeSet::NUMBER.with(*u.choose(&[Tag::Array, Tag::Null, Tag::MinKey, Tag::Nothing])?)),
        2 => Test::Size(u.int_in_range(-1..=3)?),
        3 => Test::Mod { divisor: u.int_in_range(-2..=3)?, remainder: u.int_in_range(-1..=1)? },
        4 => {
            let rules = [BitRule::AllSet, BitRule::AllClear, BitRule::AnySet, BitRule::AnyClear];
            Test::Bits(BitTest { rule: *u.choose(&rules)?, positions: u.arbitrary()? })
        }
        5 => match pattern(u)? {
            Ok(regex) => Test::Regex(regex),
            Err(error) => return Ok(Err(error)),
        },
        6 => Test::In(InSet::new(u.arbitrary()?, Vec::new(), None)),
        7 => Test::Schema(match u.int_in_range(0..=4)? {
            0 => SchemaTest::MaxLength(u.int_in_range(0..=3)?),
            1 => SchemaTest::MinItems(u.int_in_range(0..=3)?),
            2 => SchemaTest::UniqueItems,
            3 => SchemaTest::MultipleOf(u.arbitrary::<Decimal128>()?),
            _ => SchemaTest::OneOf(u.arbitrary()?),
        }),
        8 => Test::ElemMatchObject(sub_program(u, shapes)?),
        9 => Test::ElemMatchValue(sub_program(u, shapes)?),
        10 => Test::Document(sub_program(u, shapes)?),
        11 => Test::Elements { from: u.int_in_range(0..=2)?, to: u.arbitrary()?, program: sub_program(u, shapes)? },
        12 => {
            let patterns = match pattern(u)? {
                Ok(regex) => vec![(regex, sub_program(u, shapes)?)],
                Err(error) => return Ok(Err(error)),
            };
            let known = [Box::from("a")].into_iter().collect();
            Test::Fields(FieldRules { known, patterns, other: sub_program(u, shapes)? })
        }
        _ => Test::ExactlyOne(vec![sub_program(u, shapes)?, sub_program(u, shapes)?]),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The target says little when hardly any program is accepted.
    #[test]
    fn many_programs_are_accepted_and_many_are_not() {
        let mut state = 1u64;
        let mut byte = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let (mut made, mut accepted) = (0, 0);
        for _ in 0..400 {
            let bytes: Vec<u8> = (0..1024).map(|_| byte()).collect();
            let Ok(parts) = Parts::arbitrary(&mut Unstructured::new(&bytes)) else { continue };
            made += 1;
            accepted += usize::from(parts.program.is_ok());
            verified(&parts);
        }
        assert!(made > 200 && accepted * 10 > made && accepted < made, "{accepted} of {made}");
    }
}
