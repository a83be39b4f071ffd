//! Expressions, case by case.

use bumpalo::Bump;
use smongo_vm::code::Code;
use smongo_vm::func::{Args, Context};
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, StringOrder, Value, View, compare_with, equal};
use smongo_vm::{Error, Result};

use super::Given;
use super::path::{array_of, walked};
use crate::ir::expr::EnvVar;
use crate::ir::{CompareOp, Expr, Variable};

/// What an expression is evaluated in.
pub(super) struct Evaluator<'e> {
    doc: &'e RawDoc,
    given: Given<'e>,
    variables: Vec<(Variable, OwnedValue)>,
}

/// Whether an expression's value counts as true: it is not false, not a zero, not null and not missing.
pub(super) fn is_true(value: Value<'_>) -> bool {
    !(value.is_nullish() || value.as_bool() == Some(false) || value.is_number() && equal(value, Value::int32(0)))
}

fn owned_bool(flag: bool) -> OwnedValue {
    OwnedValue::new(Value::bool(flag))
}

impl<'e> Evaluator<'e> {
    pub(super) fn new(doc: &'e RawDoc, given: Given<'e>) -> Self {
        Self { doc, given, variables: Vec::new() }
    }

    pub(super) fn evaluate(&mut self, expr: &Expr) -> Result<OwnedValue> {
        Ok(match expr {
            Expr::Const(value) => value.clone(),
            Expr::Root => OwnedValue::new(Value::document(self.doc)),
            Expr::Field(path) => walked(Value::document(self.doc), path.components()),
            Expr::Variable(variable) => self.variable(*variable),
            Expr::Walk(from, path) => walked(self.evaluate(from)?.get(), path.components()),
            Expr::Env(variable) => self.environment(*variable),
            Expr::Absent => OwnedValue::NOTHING,
            Expr::Call { function, args, on_error } => {
                let values = self.evaluate_all(args)?;
                let arena = Bump::new();
                let by_name = matches!(function.args, Args::Named { .. } | Args::PlainOrNamed { .. });
                // A named argument that evaluates to missing counts as null; one left out stays missing.
                let mut arguments: Vec<Value<'_>> = values.iter().map(OwnedValue::get).collect();
                for (value, arg) in arguments.iter_mut().zip(args) {
                    if value.is_nothing() && by_name && !matches!(arg, Expr::Absent) {
                        *value = Value::NULL;
                    }
                }
                let mut context = Context { arena: &arena, env: self.given.env, strings: self.given.strings };
                match ((function.eval)(&mut context, &arguments), on_error) {
                    (Err(error), Some(handler)) if error.code() == Code::CONVERSION_FAILURE => {
                        self.evaluate(handler)?
                    }
                    (result, _) => OwnedValue::new(result?),
                }
            }
            Expr::Compare(op, left, right) => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                compared(*op, left.get(), right.get(), self.given.strings)
            }
            Expr::And(parts) => {
                for part in parts {
                    if !self.is_true(part)? {
                        return Ok(owned_bool(false));
                    }
                }
                owned_bool(true)
            }
            Expr::Or(parts) => {
                for part in parts {
                    if self.is_true(part)? {
                        return Ok(owned_bool(true));
                    }
                }
                owned_bool(false)
            }
            Expr::Not(part) => owned_bool(!self.is_true(part)?),
            Expr::Cond { condition, then, otherwise } => {
                let chosen = if self.is_true(condition)? { then } else { otherwise };
                self.evaluate(chosen)?
            }
            Expr::Switch { branches, default } => self.switch(branches, default.as_deref())?,
            Expr::IfNull(parts) => {
                let mut last = OwnedValue::NOTHING;
                for part in parts {
                    last = self.evaluate(part)?;
                    if !last.get().is_nullish() {
                        break;
                    }
                }
                last
            }
            Expr::Let { bindings, body } => {
                let mut values = Vec::new();
                for (variable, value) in bindings {
                    values.push((*variable, self.evaluate(value)?));
                }
                self.with(values, body)?
            }
            Expr::Map { input, element, index, body } => {
                let Some(elements) = self.elements(input, 16883, "input to $map must be an array")? else {
                    return Ok(OwnedValue::new(Value::NULL));
                };
                let mut results = Vec::new();
                for (at, value) in elements.into_iter().enumerate() {
                    results.push(self.with(bound(*element, value, *index, at), body)?);
                }
                array_of(&results)
            }
            Expr::Filter { input, element, index, condition, limit } => {
                let Some(elements) = self.elements(input, 28651, "input to $filter must be an array")? else {
                    return Ok(OwnedValue::new(Value::NULL));
                };
                let limit = match limit {
                    Some(limit) => limit_of(self.evaluate(limit)?.get())?,
                    None => usize::MAX,
                };
                let mut kept = Vec::new();
                for (at, value) in elements.into_iter().enumerate() {
                    if kept.len() == limit {
                        break;
                    }
                    if is_true(self.with(bound(*element, value.clone(), *index, at), condition)?.get()) {
                        kept.push(value);
                    }
                }
                array_of(&kept)
            }
            Expr::Reduce { input, initial, accumulator, element, index, body } => {
                let Some(elements) = self.elements(input, 40080, "$reduce requires that 'input' be an array")? else {
                    return Ok(OwnedValue::new(Value::NULL));
                };
                let mut result = self.evaluate(initial)?;
                for (at, value) in elements.into_iter().enumerate() {
                    let mut variables = bound(*element, value, *index, at);
                    variables.push((*accumulator, result));
                    result = self.with(variables, body)?;
                }
                result
            }
            Expr::Document(fields) => {
                let mut values = Vec::new();
                for (name, value) in fields {
                    values.push((name, self.evaluate(value)?));
                }
                let doc = DocBuf::build(|doc| values.iter().for_each(|(name, value)| doc.value(name, value.get())));
                OwnedValue::new(Value::document(&doc))
            }
            Expr::Array(parts) => array_of(&self.evaluate_all(parts)?),
        })
    }

    fn evaluate_all(&mut self, exprs: &[Expr]) -> Result<Vec<OwnedValue>> {
        exprs.iter().map(|expr| self.evaluate(expr)).collect()
    }

    fn is_true(&mut self, expr: &Expr) -> Result<bool> {
        Ok(is_true(self.evaluate(expr)?.get()))
    }

    fn variable(&self, variable: Variable) -> OwnedValue {
        let bound = self.variables.iter().rev().find(|(name, _)| *name == variable);
        bound.map_or(OwnedValue::NOTHING, |(_, value)| value.clone())
    }

    fn environment(&self, variable: EnvVar) -> OwnedValue {
        OwnedValue::new(match variable {
            EnvVar::Now => Value::date_time(self.given.env.now_millis),
            EnvVar::ClusterTime => Value::timestamp(self.given.env.cluster_time),
            EnvVar::Let(at) => self.given.env.variables.get(usize::from(at)).copied().unwrap_or(Value::NOTHING),
        })
    }

    /// The value of `body` with these variables bound.
    fn with(&mut self, variables: Vec<(Variable, OwnedValue)>, body: &Expr) -> Result<OwnedValue> {
        let outer = self.variables.len();
        self.variables.extend(variables);
        let result = self.evaluate(body);
        self.variables.truncate(outer);
        result
    }

    /// The elements of an array that `input` must give; `None` where it gives null or nothing.
    fn elements(&mut self, input: &Expr, code: i32, rule: &str) -> Result<Option<Vec<OwnedValue>>> {
        let input = self.evaluate(input)?;
        let value = input.get();
        match value.as_array() {
            Some(array) => Ok(Some(array.values().map(OwnedValue::new).collect())),
            None if value.is_nullish() => Ok(None),
            None => Err(Error::location(code, format!("{rule}, found {}", value.tag().name()))),
        }
    }

    fn switch(&mut self, branches: &[(Expr, Expr)], default: Option<&Expr>) -> Result<OwnedValue> {
        for (condition, value) in branches {
            if self.is_true(condition)? {
                return self.evaluate(value);
            }
        }
        match default {
            Some(default) => self.evaluate(default),
            None => Err(Error::location(
                40066,
                "$switch could not find a matching branch for an input, and no default was specified.",
            )),
        }
    }
}

fn bound(element: Variable, value: OwnedValue, index: Option<Variable>, at: usize) -> Vec<(Variable, OwnedValue)> {
    let mut variables = vec![(element, value)];
    variables.extend(index.map(|index| (index, OwnedValue::new(Value::integer(at as i64)))));
    variables
}

/// The limit of `$filter`.
fn limit_of(value: Value<'_>) -> Result<usize> {
    if value.is_nullish() {
        return Ok(usize::MAX);
    }
    let number = match value.view() {
        View::Double(number) => Some(number),
        View::Decimal128(number) => Some(number.to_f64()),
        _ => value.as_integer().map(|number| number as f64),
    };
    match number.filter(|number| number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX)) {
        Some(limit) if limit >= 1.0 => Ok(limit as usize),
        Some(_) => Err(Error::location(327_392, "$filter: limit must be greater than 0")),
        None => Err(Error::location(327_391, "$filter: limit must be represented as a 32-bit integral value")),
    }
}

fn compared(op: CompareOp, left: Value<'_>, right: Value<'_>, strings: Option<&dyn StringOrder>) -> OwnedValue {
    let order = compare_with(left, right, strings);
    OwnedValue::new(match op {
        CompareOp::Eq => Value::bool(order.is_eq()),
        CompareOp::Ne => Value::bool(order.is_ne()),
        CompareOp::Lt => Value::bool(order.is_lt()),
        CompareOp::Lte => Value::bool(order.is_le()),
        CompareOp::Gt => Value::bool(order.is_gt()),
        CompareOp::Gte => Value::bool(order.is_ge()),
        CompareOp::Cmp => Value::int32(order as i32),
    })
}
