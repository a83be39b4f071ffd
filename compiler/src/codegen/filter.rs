//! Filters: control flow over tests.

use smongo_vm::func::{self, Function};
use smongo_vm::op::{Label, Op, PathId, SubId};
use smongo_vm::program::{ArrayRule as PathRule, Comparison, Conjunction, FieldRules, InSet, Kind, Program, Test};
use smongo_vm::regex::Regex;
use smongo_vm::value::{OwnedValue, Value};
use smongo_vm::{Code, Error, Result};

use super::{Codegen, Strings};
use crate::ir::{ArrayRule, CompareOp, Expr, Filter, FilterPath, LeafTest};

/// The program of a whole filter.
pub(super) fn program(filter: &Filter, strings: Strings<'_>) -> Result<Program> {
    build(filter, true, strings)
}

/// The program of a filter over a part of the document.
pub(super) fn sub_program(filter: &Filter, strings: Strings<'_>) -> Result<Program> {
    build(filter, false, strings)
}

fn build(filter: &Filter, pins: bool, strings: Strings<'_>) -> Result<Program> {
    let mut codegen = Codegen::new(Kind::Filter, strings);
    codegen.pins = pins;
    let reject = codegen.builder.label()?;
    codegen.filter(filter, reject)?;
    codegen.builder.emit(Op::Match {});
    codegen.builder.bind(reject)?;
    codegen.builder.emit(Op::Reject {});
    codegen.finish()
}

/// Whether a part is a test that cannot fail with an error and costs little, so that it may be tried in any order.
fn is_cheap_leaf(part: &Filter) -> bool {
    match part {
        Filter::Leaf { test: LeafTest::In { patterns, .. }, .. } => patterns.is_empty(),
        Filter::Leaf { test, .. } => !matches!(test, LeafTest::Regex { .. } | LeafTest::Schema(_)),
        _ => false,
    }
}

/// The path of the value under test itself.
fn value_under_test() -> FilterPath {
    FilterPath { path: None, arrays: ArrayRule::None }
}

/// The function behind `$sampleRate`.
fn random() -> Result<&'static Function> {
    func::find("$rand").ok_or_else(|| Error::new(Code::INTERNAL_ERROR, "the function table lacks $rand"))
}

impl Codegen {
    /// Code that goes on when the filter holds and jumps to `otherwise` when it does not.
    pub(super) fn filter(&mut self, filter: &Filter, otherwise: Label) -> Result<()> {
        match filter {
            Filter::Always(true) => Ok(()),
            Filter::Always(false) => {
                self.builder.emit(Op::Jump { to: otherwise });
                Ok(())
            }
            Filter::And(parts) => self.all_parts(parts, otherwise),
            Filter::Or(parts) => self.without_pins(|codegen| codegen.any(parts, otherwise)),
            Filter::Nor(parts) => {
                let holds = self.builder.label()?;
                self.without_pins(|codegen| codegen.any(parts, holds))?;
                self.builder.emit(Op::Jump { to: otherwise });
                self.builder.bind(holds)
            }
            Filter::Not(part) => {
                let holds = self.builder.label()?;
                self.without_pins(|codegen| codegen.filter(part, holds))?;
                self.builder.emit(Op::Jump { to: otherwise });
                self.builder.bind(holds)
            }
            Filter::Leaf { path, test } => {
                let test = self.leaf(path, test, otherwise)?;
                self.builder.emit(test);
                Ok(())
            }
            Filter::ElemMatchObject { path, filter } => {
                let inner = self.sub_filter(filter)?;
                self.table_test(path, Test::ElemMatchObject(inner), otherwise)
            }
            Filter::ElemMatchValue { path, filter } => {
                let inner = self.sub_filter(filter)?;
                self.table_test(path, Test::ElemMatchValue(inner), otherwise)
            }
            Filter::ExactlyOne(parts) => {
                let programs = parts.iter().map(|part| self.sub_filter(part)).collect::<Result<Vec<_>>>()?;
                self.table_test(&value_under_test(), Test::ExactlyOne(programs), otherwise)
            }
            Filter::Document { path, filter } => {
                let inner = self.sub_filter(filter)?;
                self.table_test(path, Test::Document(inner), otherwise)
            }
            Filter::Elements { path, from, to, filter } => {
                let program = self.sub_filter(filter)?;
                self.table_test(path, Test::Elements { from: *from, to: *to, program }, otherwise)
            }
            Filter::Fields { known, patterns, other } => {
                let known = known.iter().map(|name| name.as_str().into()).collect();
                let patterns = patterns
                    .iter()
                    .map(|(pattern, filter)| Ok((Regex::new(pattern, "")?, self.sub_filter(filter)?)))
                    .collect::<Result<Vec<_>>>()?;
                let rules = FieldRules { known, patterns, other: self.sub_filter(other)? };
                self.table_test(&value_under_test(), Test::Fields(rules), otherwise)
            }
            Filter::Expr(expr) => {
                let mark = self.builder.mark();
                let register = self.builder.register()?;
                self.value(expr, register)?;
                self.builder.emit(Op::JumpUnless { src: register.src(), to: otherwise });
                self.builder.release(mark);
                Ok(())
            }
            Filter::SampleRate(rate) => {
                let draw = Expr::Call { function: random()?, args: Vec::new(), on_error: None };
                let rate = Expr::Const(OwnedValue::new(Value::double(*rate)));
                let below = Expr::Compare(CompareOp::Lt, Box::new(draw), Box::new(rate));
                self.filter(&Filter::Expr(Box::new(below)), otherwise)
            }
        }
    }

    fn sub_filter(&mut self, filter: &Filter) -> Result<SubId> {
        self.add_program(sub_program(filter, self.collation.as_ref())?)
    }

    fn without_pins<R>(&mut self, generate: impl FnOnce(&mut Self) -> R) -> R {
        let pins = std::mem::replace(&mut self.pins, false);
        let result = generate(self);
        self.pins = pins;
        result
    }

    fn any(&mut self, parts: &[Filter], otherwise: Label) -> Result<()> {
        let Some((last, first)) = parts.split_last() else {
            self.builder.emit(Op::Jump { to: otherwise });
            return Ok(());
        };
        let holds = self.builder.label()?;
        for part in first {
            let next = self.builder.label()?;
            self.filter(part, next)?;
            self.builder.emit(Op::Jump { to: holds });
            self.builder.bind(next)?;
        }
        self.filter(last, otherwise)?;
        self.builder.bind(holds)
    }

    /// The leaves together, as far as they may be tried in any order; then the rest.
    ///
    /// The first test that meets an array tells what `$` stands for. In mongod it is the last one, in mongod's order.
    fn all_parts(&mut self, parts: &[Filter], otherwise: Label) -> Result<()> {
        let mut parts: Vec<&Filter> = parts.iter().collect();
        if self.pins && parts.len() > 1 {
            parts.sort_by_cached_key(|part| part.place());
            parts.reverse();
        }
        let (leaves, rest): (Vec<&Filter>, Vec<&Filter>) = parts.into_iter().partition(|part| is_cheap_leaf(part));
        for group in leaves.chunks(Conjunction::MAX_TESTS) {
            if let [single] = group {
                self.filter(single, otherwise)?;
                continue;
            }
            let mut tests = Vec::with_capacity(group.len());
            for leaf in group {
                if let Filter::Leaf { path, test } = leaf {
                    tests.push(self.leaf(path, test, otherwise)?);
                }
            }
            let tests = self.builder.conjunction(tests)?;
            self.builder.emit(Op::TestAll { tests, otherwise });
        }
        rest.into_iter().try_for_each(|part| self.filter(part, otherwise))
    }

    fn path(&mut self, path: &FilterPath) -> Result<PathId> {
        let rule = match path.arrays {
            ArrayRule::AnyElement => PathRule::AnyElement,
            ArrayRule::Whole => PathRule::Whole,
            ArrayRule::None => PathRule::None,
        };
        if self.pins {
            self.builder.pinning_path(path.path.as_ref(), rule)
        } else {
            self.builder.path(path.path.as_ref(), rule)
        }
    }

    /// The instruction of a leaf.
    fn leaf(&mut self, path: &FilterPath, test: &LeafTest, otherwise: Label) -> Result<Op> {
        let table_test = match test {
            LeafTest::Eq(operand) => return self.comparison(path, operand, otherwise, Comparison::Eq),
            LeafTest::Lt(operand) => return self.comparison(path, operand, otherwise, Comparison::Lt),
            LeafTest::Lte(operand) => return self.comparison(path, operand, otherwise, Comparison::Lte),
            LeafTest::Gt(operand) => return self.comparison(path, operand, otherwise, Comparison::Gt),
            LeafTest::Gte(operand) => return self.comparison(path, operand, otherwise, Comparison::Gte),
            LeafTest::In { values, patterns } => {
                let patterns: Vec<Regex> =
                    patterns.iter().map(|(pattern, options)| Regex::new(pattern, options)).collect::<Result<_>>()?;
                Test::In(InSet::new(values.clone(), patterns, self.collation.clone()))
            }
            LeafTest::Regex { pattern, options } => Test::Regex(Regex::new(pattern, options)?),
            LeafTest::Exists => Test::Exists,
            LeafTest::Type(types) => Test::Type(*types),
            LeafTest::Size(size) => Test::Size(*size),
            LeafTest::Mod { divisor, remainder } => Test::Mod { divisor: *divisor, remainder: *remainder },
            LeafTest::Bits(bits) => Test::Bits(bits.clone()),
            LeafTest::Schema(keyword) => Test::Schema(keyword.clone()),
        };
        let path = self.path(path)?;
        let test = self.builder.test(table_test)?;
        Ok(Op::Test { path, test, otherwise })
    }

    fn table_test(&mut self, path: &FilterPath, test: Test, otherwise: Label) -> Result<()> {
        let path = self.path(path)?;
        let test = self.builder.test(test)?;
        self.builder.emit(Op::Test { path, test, otherwise });
        Ok(())
    }

    fn comparison(
        &mut self,
        path: &FilterPath,
        operand: &OwnedValue,
        otherwise: Label,
        comparison: Comparison,
    ) -> Result<Op> {
        let path = self.path(path)?;
        let operand = self.builder.operand(operand)?;
        Ok(match comparison {
            Comparison::Eq => Op::TestEq { path, operand, otherwise },
            Comparison::Lt => Op::TestLt { path, operand, otherwise },
            Comparison::Lte => Op::TestLte { path, operand, otherwise },
            Comparison::Gt => Op::TestGt { path, operand, otherwise },
            Comparison::Gte => Op::TestGte { path, operand, otherwise },
        })
    }
}
