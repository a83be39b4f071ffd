//! Expressions: values in registers, with branches for the operators that do not evaluate all their operands.

use smongo_vm::func::{Args, Function};
use smongo_vm::op::{Label, Op, Reg, VarId};
use smongo_vm::program::{ArrayRule, Call, Lambda, Shape};
use smongo_vm::value::{FieldPath, Value};
use smongo_vm::{Code, Error, Result};

use super::Codegen;
use crate::ir::expr::EnvVar;
use crate::ir::{CompareOp, Expr, Variable};

impl Codegen {
    /// Code that leaves the expression's value in `dst`.
    pub(super) fn value(&mut self, expr: &Expr, dst: Reg) -> Result<()> {
        let mark = self.builder.mark();
        self.value_unscoped(expr, dst)?;
        self.builder.release(mark);
        Ok(())
    }

    fn value_unscoped(&mut self, expr: &Expr, dst: Reg) -> Result<()> {
        match expr {
            Expr::Const(value) => self.constant(value.get(), dst),
            Expr::Absent => self.constant(Value::NOTHING, dst),
            Expr::Root => {
                self.builder.emit(Op::Root { dst: dst.dst() });
                Ok(())
            }
            Expr::Field(path) => self.field(path, dst),
            Expr::Variable(variable) => {
                let src = self.register_of(*variable)?.src();
                self.builder.emit(Op::Move { dst: dst.dst(), src });
                Ok(())
            }
            Expr::Walk(base, path) => self.walk(base, path, dst),
            Expr::Env(variable) => {
                let var = match variable {
                    EnvVar::Now => VarId::NOW,
                    EnvVar::ClusterTime => VarId::CLUSTER_TIME,
                    EnvVar::Let(at) => VarId(VarId::FIRST_LET.saturating_add(*at)),
                };
                self.builder.emit(Op::Var { dst: dst.dst(), var });
                Ok(())
            }
            Expr::Call { function, args, on_error } => self.call(function, args, on_error.as_deref(), dst),
            Expr::Compare(op, left, right) => self.compare(*op, left, right, dst),
            Expr::And(parts) => self.all(parts, dst),
            Expr::Or(parts) => self.any_true(parts, dst),
            Expr::Not(part) => {
                self.value(part, dst)?;
                self.builder.emit(Op::Not { dst: dst.dst(), src: dst.src() });
                Ok(())
            }
            Expr::Cond { condition, then, otherwise } => {
                let branch = [((**condition).clone(), (**then).clone())];
                self.branches(&branch, Some(otherwise), dst)
            }
            Expr::Switch { branches, default } => self.branches(branches, default.as_deref(), dst),
            Expr::IfNull(parts) => self.if_null(parts, dst),
            Expr::Let { bindings, body } => self.bind(bindings, body, dst),
            Expr::Map { input, element, index, body } => {
                let shape =
                    LambdaShape { element: *element, index: *index, accumulator: None, limit: None, told: None };
                self.lambda(input, &shape, body, dst, |dst, src, lambda| Op::Map { dst, src, lambda })
            }
            Expr::Filter { input, element, index, condition, limit } => {
                let register = limit.is_some().then(|| self.builder.register()).transpose()?;
                let told = limit.as_deref().zip(register);
                let shape = LambdaShape { element: *element, index: *index, accumulator: None, limit: register, told };
                self.lambda(input, &shape, condition, dst, |dst, src, lambda| Op::Filter { dst, src, lambda })
            }
            Expr::Reduce { input, initial, accumulator, element, index, body } => {
                let folded = self.builder.register()?;
                self.variables.insert(*accumulator, folded);
                let shape = LambdaShape {
                    element: *element,
                    index: *index,
                    accumulator: Some(folded),
                    limit: None,
                    told: Some((initial.as_ref(), folded)),
                };
                self.lambda(input, &shape, body, dst, |dst, src, lambda| Op::Reduce { dst, src, lambda })
            }
            Expr::Document(fields) => {
                let first = self.values(fields.iter().map(|(_, value)| value), fields.len())?;
                let names = fields.iter().map(|(name, _)| name.as_str().into()).collect();
                let shape = self.builder.shape(Shape { names, first, count: count(fields.len())? })?;
                self.builder.emit(Op::MakeDocument { dst: dst.dst(), shape });
                Ok(())
            }
            Expr::Array(items) => {
                let first = self.values(items.iter(), items.len())?;
                let shape = self.builder.shape(Shape { names: Box::default(), first, count: count(items.len())? })?;
                self.builder.emit(Op::MakeArray { dst: dst.dst(), shape });
                Ok(())
            }
        }
    }

    fn constant(&mut self, value: Value<'_>, dst: Reg) -> Result<()> {
        let value = self.builder.constant(value)?;
        self.builder.emit(Op::Const { dst: dst.dst(), value });
        Ok(())
    }

    fn field(&mut self, path: &FieldPath, dst: Reg) -> Result<()> {
        let path = self.builder.path(Some(path), ArrayRule::Expression)?;
        self.builder.emit(Op::Field { dst: dst.dst(), path });
        Ok(())
    }

    fn walk(&mut self, base: &Expr, path: &FieldPath, dst: Reg) -> Result<()> {
        if matches!(base, Expr::Root) {
            return self.field(path, dst);
        }
        self.value(base, dst)?;
        let fields = self.builder.fields(path.clone())?;
        self.builder.emit(Op::Walk { dst: dst.dst(), src: dst.src(), fields });
        Ok(())
    }

    fn register_of(&self, variable: Variable) -> Result<Reg> {
        self.variables
            .get(&variable)
            .copied()
            .ok_or_else(|| Error::new(Code::INTERNAL_ERROR, "a variable is used outside its scope"))
    }

    /// Evaluates expressions into consecutive registers and gives the first.
    fn values<'e>(&mut self, items: impl Iterator<Item = &'e Expr>, len: usize) -> Result<Reg> {
        let first = self.builder.registers(len)?;
        for (at, item) in items.enumerate() {
            self.value(item, Reg(first.0 + at as u16))?;
        }
        Ok(first)
    }

    fn call(&mut self, function: &'static Function, args: &[Expr], on_error: Option<&Expr>, dst: Reg) -> Result<()> {
        let first = self.values(args.iter(), args.len())?;
        if matches!(function.args, Args::Named { .. } | Args::PlainOrNamed { .. }) {
            // A named argument that evaluates to missing counts as null; one left out stays missing.
            for (at, _) in args.iter().enumerate().filter(|(_, arg)| may_be_missing(arg)) {
                let register = Reg(first.0 + at as u16);
                self.builder.emit(Op::OrNull { dst: register.dst(), src: register.src() });
            }
        }
        let handler = on_error.map(|expr| Ok::<_, Error>((self.builder.label()?, expr))).transpose()?;
        let call =
            Call { function, first, count: count(args.len())?, on_conversion_failure: handler.map(|(label, _)| label) };
        let call = self.builder.call(call)?;
        self.builder.emit(Op::Call { dst: dst.dst(), call });
        if let Some((label, expr)) = handler {
            let done = self.builder.label()?;
            self.builder.emit(Op::Jump { to: done });
            self.builder.bind(label)?;
            self.value(expr, dst)?;
            self.builder.bind(done)?;
        }
        Ok(())
    }

    fn compare(&mut self, op: CompareOp, left: &Expr, right: &Expr, dst: Reg) -> Result<()> {
        let first = self.values([left, right].into_iter(), 2)?;
        let (dst, left, right) = (dst.dst(), first.src(), Reg(first.0 + 1).src());
        self.builder.emit(match op {
            CompareOp::Eq => Op::Eq { dst, left, right },
            CompareOp::Ne => Op::Ne { dst, left, right },
            CompareOp::Lt => Op::Lt { dst, left, right },
            CompareOp::Lte => Op::Lte { dst, left, right },
            CompareOp::Gt => Op::Gt { dst, left, right },
            CompareOp::Gte => Op::Gte { dst, left, right },
            CompareOp::Cmp => Op::Cmp { dst, left, right },
        });
        Ok(())
    }

    fn all(&mut self, parts: &[Expr], dst: Reg) -> Result<()> {
        self.decide(parts, dst, Value::TRUE, Value::FALSE, |src, to| Op::JumpUnless { src, to })
    }

    fn any_true(&mut self, parts: &[Expr], dst: Reg) -> Result<()> {
        self.decide(parts, dst, Value::FALSE, Value::TRUE, |src, to| Op::JumpIf { src, to })
    }

    /// `$and` and `$or`: `early` as soon as a part jumps, `late` when none does.
    fn decide(
        &mut self,
        parts: &[Expr],
        dst: Reg,
        late: Value<'_>,
        early: Value<'_>,
        jump: impl Fn(smongo_vm::op::Src, Label) -> Op,
    ) -> Result<()> {
        let (decided, done) = (self.builder.label()?, self.builder.label()?);
        for part in parts {
            self.value(part, dst)?;
            self.builder.emit(jump(dst.src(), decided));
        }
        self.constant(late, dst)?;
        self.builder.emit(Op::Jump { to: done });
        self.builder.bind(decided)?;
        if !parts.is_empty() {
            self.constant(early, dst)?;
        }
        self.builder.bind(done)
    }

    fn branches(&mut self, branches: &[(Expr, Expr)], default: Option<&Expr>, dst: Reg) -> Result<()> {
        let done = self.builder.label()?;
        for (condition, value) in branches {
            let next = self.builder.label()?;
            self.value(condition, dst)?;
            self.builder.emit(Op::JumpUnless { src: dst.src(), to: next });
            self.value(value, dst)?;
            self.builder.emit(Op::Jump { to: done });
            self.builder.bind(next)?;
        }
        match default {
            Some(default) => self.value(default, dst)?,
            None => self.builder.emit(Op::NoBranch {}),
        }
        self.builder.bind(done)
    }

    fn if_null(&mut self, parts: &[Expr], dst: Reg) -> Result<()> {
        let done = self.builder.label()?;
        for (at, part) in parts.iter().enumerate() {
            self.value(part, dst)?;
            if at + 1 < parts.len() {
                self.builder.emit(Op::JumpIfPresent { src: dst.src(), to: done });
            }
        }
        self.builder.bind(done)
    }

    fn bind(&mut self, bindings: &[(Variable, Expr)], body: &Expr, dst: Reg) -> Result<()> {
        let first = self.values(bindings.iter().map(|(_, value)| value), bindings.len())?;
        for (at, (variable, _)) in bindings.iter().enumerate() {
            self.variables.insert(*variable, Reg(first.0 + at as u16));
        }
        self.value(body, dst)
    }

    /// Evaluates what stands beside an input, unless the input is null: then it counts for nothing, faults included.
    fn unless_null(&mut self, input: Reg, told: &Expr, dst: Reg) -> Result<()> {
        if matches!(told, Expr::Const(_)) {
            return self.value(told, dst);
        }
        let (evaluate, done) = (self.builder.label()?, self.builder.label()?);
        self.builder.emit(Op::JumpIfPresent { src: input.src(), to: evaluate });
        self.constant(Value::NULL, dst)?;
        self.builder.emit(Op::Jump { to: done });
        self.builder.bind(evaluate)?;
        self.value(told, dst)?;
        self.builder.bind(done)
    }

    /// An instruction that runs `body` once for each element of `input`. The body stands right behind it.
    fn lambda(
        &mut self,
        input: &Expr,
        shape: &LambdaShape<'_>,
        body: &Expr,
        dst: Reg,
        op: impl Fn(smongo_vm::op::Dst, smongo_vm::op::Src, smongo_vm::op::LambdaId) -> Op,
    ) -> Result<()> {
        let source = self.builder.register()?;
        self.value(input, source)?;
        if let Some((told, register)) = shape.told {
            self.unless_null(source, told, register)?;
        }
        let element = self.builder.register()?;
        self.variables.insert(shape.element, element);
        let index = match shape.index {
            Some(variable) => {
                let register = self.builder.register()?;
                self.variables.insert(variable, register);
                Some(register)
            }
            None => None,
        };
        let (entry, done) = (self.builder.label()?, self.builder.label()?);
        let lambda = self.builder.lambda(Lambda {
            entry,
            element,
            index,
            accumulator: shape.accumulator,
            limit: shape.limit,
        })?;
        self.builder.emit(op(dst.dst(), source.src(), lambda));
        self.builder.emit(Op::Jump { to: done });
        self.builder.bind(entry)?;
        let result = self.builder.register()?;
        self.value(body, result)?;
        self.builder.emit(Op::Yield { src: result.src() });
        self.builder.bind(done)
    }
}

/// The variables of a lambda and the registers that are evaluated before it.
struct LambdaShape<'e> {
    element: Variable,
    index: Option<Variable>,
    accumulator: Option<Reg>,
    limit: Option<Reg>,
    /// What the instruction is told besides its input, and the register for it.
    told: Option<(&'e Expr, Reg)>,
}

/// Whether an argument that was given can evaluate to missing.
fn may_be_missing(arg: &Expr) -> bool {
    match arg {
        Expr::Absent => false,
        Expr::Const(value) => value.get().is_nothing(),
        _ => true,
    }
}

fn count(len: usize) -> Result<u16> {
    u16::try_from(len)
        .map_err(|_| Error::bad_value("the request is too large to compile: a literal of too many values"))
}
