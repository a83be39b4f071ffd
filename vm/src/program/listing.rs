//! Listings: a program as text, one line an instruction, for `explain` and for tests that keep plans as text.

use std::fmt;

use super::{Action, KeyPart, Program, ProjectionNode, Test};
use crate::interp::Counts;
use crate::op::{Op, Role};
use crate::value::ParamId;

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_indented(f, 0, None)
    }
}

/// A program's listing with what was counted of its runs: behind each instruction's number, how often control reached
/// it and how often it went on to the next one.
#[derive(Debug)]
pub struct CountedListing<'p> {
    /// The program.
    pub program: &'p Program,
    /// What was counted.
    pub counts: &'p Counts,
}

impl fmt::Display for CountedListing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program.write_indented(f, 0, Some(self.counts))
    }
}

impl Program {
    fn write_indented(&self, f: &mut fmt::Formatter<'_>, indent: usize, counts: Option<&Counts>) -> fmt::Result {
        let pad = " ".repeat(indent);
        write!(f, "{pad}{} registers={}", self.kind().name(), self.registers())?;
        for (at, entry) in self.paths().entries().iter().enumerate() {
            write!(f, " p{at}={entry}")?;
        }
        self.write_constants(f)?;
        let counted = counts.map(|counts| counts.of(self).unwrap_or_default());
        if let Some(counted) = &counted {
            write!(f, " runs={}", counted.runs)?;
        }
        writeln!(f)?;
        for (at, op) in self.code().iter().enumerate() {
            let line = op.to_string();
            let note = self.note(op);
            write!(f, "{pad}{at:>4}  ")?;
            if let Some(counted) = &counted {
                let of = |list: &[u64]| list.get(at).copied().unwrap_or(0);
                write!(f, "in={:<8} ", of(&counted.entered))?;
                match op.falls_through() {
                    true => write!(f, "out={:<8} ", of(&counted.passed))?,
                    false => write!(f, "{:<13}", "")?,
                }
            }
            if note.is_empty() {
                writeln!(f, "{line}")?;
            } else {
                writeln!(f, "{line:<32} ; {note}")?;
            }
        }
        for (at, inner) in self.operands().programs.iter().enumerate() {
            writeln!(f, "{pad}sub{at}:")?;
            inner.write_indented(f, indent + 2, counts)?;
        }
        for (at, update) in self.tables().updates.iter().enumerate() {
            for (n, inner) in update.predicates.iter().enumerate() {
                writeln!(f, "{pad}upd{at} predicate {n}:")?;
                inner.write_indented(f, indent + 2, counts)?;
            }
        }
        Ok(())
    }

    /// Which constants are parameters, by the numbers of both.
    fn write_constants(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, constant) in self.operands().constants.iter().enumerate() {
            if let Some(ParamId(param)) = constant.param() {
                write!(f, " c{at}=${param}")?;
            }
        }
        Ok(())
    }

    /// What an instruction's operands stand for.
    fn note(&self, op: &Op) -> String {
        let mut parts: Vec<String> = Vec::new();
        op.for_each_operand(|role| match role {
            Role::Path(n) => parts.push(self.paths().entries()[usize::from(n)].to_string()),
            Role::Const(n) => parts.push(format!("{:?}", self.operands().constants[usize::from(n)])),
            Role::Test(n) => parts.push(describe_test(&self.operands().tests[usize::from(n)])),
            Role::Conjunction(n) => {
                let tests = &self.tables().conjunctions[usize::from(n)].tests();
                let described: Vec<String> =
                    tests.iter().map(|test| format!("{} {}", test.info().name, self.note(test))).collect();
                parts.push(described.join(" and "));
            }
            Role::Call(n) => {
                let call = self.tables().calls[usize::from(n)];
                let args: Vec<String> = (0..call.count).map(|i| format!("r{}", call.first.0 + i)).collect();
                parts.push(format!("{}({})", call.function.name, args.join(", ")));
            }
            Role::Shape(n) => {
                let shape = &self.tables().shapes[usize::from(n)];
                let fields: Vec<String> = (0..shape.count)
                    .map(|i| match shape.names.get(usize::from(i)) {
                        Some(name) => format!("{name}: r{}", shape.first.0 + i),
                        None => format!("r{}", shape.first.0 + i),
                    })
                    .collect();
                parts.push(fields.join(", "));
            }
            Role::Fields(n) => parts.push(self.tables().fields[usize::from(n)].to_string()),
            Role::Lambda(n) => {
                let lambda = self.tables().lambdas[usize::from(n)];
                parts.push(format!("body {} over r{}", lambda.entry, lambda.element.0));
            }
            Role::Projection(n) => {
                let projection = &self.tables().projections[usize::from(n)];
                parts.push(format!("{:?} {}", projection.kind, describe_node(&projection.root)));
            }
            Role::KeySpec(n) => {
                let spec = &self.tables().key_specs[usize::from(n)];
                let described: Vec<String> = spec.parts.iter().map(describe_key_part).collect();
                parts.push(described.join(", "));
            }
            Role::Update(n) => parts.push(format!("{:?}", self.tables().updates[usize::from(n)].tree)),
            Role::Read(_) | Role::Write(_) | Role::Target(_) | Role::Sub(_) | Role::Var(_) => {}
        });
        parts.join(" ")
    }
}

fn describe_key_part(part: &KeyPart) -> String {
    match part {
        KeyPart::Path(path, direction) => format!("{path} {direction:?}"),
        KeyPart::Register(register, direction) => format!("{register} {direction:?}"),
    }
}

fn describe_test(test: &Test) -> String {
    match test {
        Test::Exists => "exists".into(),
        Test::Type(types) => format!("type {types:?}"),
        Test::Size(size) => format!("size {size}"),
        Test::Mod { divisor, remainder } => format!("mod {divisor} = {remainder}"),
        Test::Bits(bits) => format!("{:?} {:?}", bits.rule, bits.positions),
        Test::Regex(regex) => format!("/{}/{}", regex.pattern(), regex.options()),
        Test::In(set) => format!("in {:?}", set.values()),
        Test::ElemMatchObject(program) => format!("elemMatch document {program}"),
        Test::ElemMatchValue(program) => format!("elemMatch value {program}"),
        Test::Schema(keyword) => format!("schema {keyword:?}"),
        Test::Document(program) => format!("document {program}"),
        Test::Elements { from, to, program } => {
            format!("elements {from}..{} {program}", to.map_or(String::new(), |to| to.to_string()))
        }
        Test::Fields(rules) => {
            let patterns: Vec<String> =
                rules.patterns.iter().map(|(regex, program)| format!("/{}/: {program}", regex.pattern())).collect();
            format!("fields {} other: {}", patterns.join(", "), rules.other)
        }
        Test::ExactlyOne(programs) => format!("exactly one of {programs:?}"),
    }
}

fn describe_node(node: &ProjectionNode) -> String {
    let children: Vec<String> = node
        .children()
        .iter()
        .map(|(name, action)| match action {
            Action::Nested(inner) => format!("{name}: {}", describe_node(inner)),
            Action::Compute(register) => format!("{name}: {register}"),
            Action::ComputeEach(program) => format!("{name}: {program}"),
            other => format!("{name}: {other:?}"),
        })
        .collect();
    format!("{{{}}}", children.join(", "))
}
