//! The operators of find projections (`$slice`, `$elemMatch`, the positional `$`), and expressions in their place.

use smongo_vm::program::ProjectionKind;
use smongo_vm::value::{DocBuf, RawDoc, Tag, Value};
use smongo_vm::{Error, Result};

use super::{Dialect, Parser, is_nonzero, join};
use crate::front::filter;
use crate::ir::FieldAction;

impl Parser<'_> {
    /// `path: {$operator: …}`.
    pub(super) fn operator(&mut self, path: &str, operators: &RawDoc, value: Value<'_>) -> Result<()> {
        let first = operators.iter().next();
        let (name, operand) = first.map_or(("", Value::NOTHING), |first| (first.name_str(), first.value()));
        match (self.dialect, name) {
            (Dialect::Find, "$slice") => match self.slice(path, operand) {
                Err(_) if is_expression_slice(operand) => self.computed(path, value),
                Err(error) => Err(invalid_slice(operand, &error)),
                Ok(()) => Ok(()),
            },
            (Dialect::Find, "$elemMatch") => self.elem_match(path, operand),
            (Dialect::Aggregate, name) if name != "$elemMatch" && !crate::front::expr::is_operator(name) => {
                Err(Error::location(31325, format!("Unknown expression {name}")))
            }
            _ => self.computed(path, value),
        }
    }

    /// `path: {$slice: n}` or `path: {$slice: [skip, limit]}`, which fits both kinds of projection.
    fn slice(&mut self, path: &str, operand: Value<'_>) -> Result<()> {
        let Some((skip, limit)) = find_slice(operand) else {
            return Err(Error::location(31273, "$slice only supports numbers and [skip, limit] arrays"));
        };
        if limit < 0 {
            return Err(Error::location(28724, format!("First argument to $slice must be positive, but is: {limit}")));
        }
        self.tree.add(path, FieldAction::Slice { skip, limit })
    }

    fn elem_match(&mut self, path: &str, operand: Value<'_>) -> Result<()> {
        let Some(condition) = operand.as_doc() else {
            return Err(Error::location(
                31274,
                format!("elemMatch: Invalid argument, object required, but got {}", operand.tag().name()),
            ));
        };
        if self.has_positional {
            return Err(Error::location(31255, "Cannot specify positional operator and $elemMatch."));
        }
        if path.contains('.') {
            return Err(Error::location(
                31275,
                "Cannot use $elemMatch projection on a nested field (currently unsupported).",
            ));
        }
        self.has_elem_match = true;
        let on_fields = !filter::is_operator_document(condition);
        let filter = if on_fields {
            filter::parse(condition, self.ctx)?
        } else {
            filter::parse_element_operators(condition, self.ctx)?
        };
        if self.kind == Some(ProjectionKind::Exclusion) {
            return Err(Error::location(31253, format!("Cannot do inclusion on field {path} in exclusion projection")));
        }
        self.kind = Some(ProjectionKind::Inclusion);
        self.tree.add(path, FieldAction::ElemMatch { filter: Box::new(filter), on_fields })
    }

    /// `"a.b.$": 1`.
    pub(super) fn positional(&mut self, parent: &str, name: &str, value: Value<'_>) -> Result<()> {
        let Some(array) = name.strip_suffix(".$") else {
            return Err(Error::location(
                16410,
                "FieldPath field names may not start with '$'. Consider using $getField or $setField.",
            ));
        };
        if !(value.is_number() || value.tag() == Tag::Bool) {
            let code = if value.tag() == Tag::Document { 31271 } else { 31308 };
            return Err(Error::location(code, "positional projection cannot be used with an expression or sub object"));
        }
        if !is_nonzero(value) {
            return Err(Error::location(31395, "positional projection cannot be used with exclusion"));
        }
        if self.has_positional {
            return Err(Error::location(31276, "Cannot specify more than one positional projection per query."));
        }
        if self.has_elem_match {
            return Err(Error::location(31256, "Cannot specify positional operator and $elemMatch."));
        }
        self.check_field_name(array)?;
        self.has_positional = true;
        let path = join(parent, array);
        self.inclusion(&path)?;
        self.tree.add(&path, FieldAction::Positional)
    }
}

/// `skip` and `limit` of find's own `$slice`, when the operand has its form.
fn find_slice(operand: Value<'_>) -> Option<(i64, i64)> {
    let integer = |value: Value<'_>| {
        let clamp =
            |double: f64| (!double.is_nan()).then(|| double.clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i64);
        value
            .as_integer()
            .or_else(|| value.as_double().and_then(clamp))
            .or_else(|| match value.view() {
                smongo_vm::value::View::Decimal128(decimal) => clamp(decimal.to_f64()),
                _ => None,
            })
            .map(|number| number.clamp(i64::from(i32::MIN), i64::from(i32::MAX)))
    };
    if let Some(count) = integer(operand) {
        return Some(if count < 0 { (count, -count) } else { (0, count) });
    }
    let values: Vec<Value<'_>> = operand.as_array()?.values().collect();
    match values[..] {
        [skip, limit] => Some((integer(skip)?, integer(limit)?)),
        _ => None,
    }
}

/// Whether the operand can be the aggregation's `$slice`: an array of two or three expressions.
fn is_expression_slice(operand: Value<'_>) -> bool {
    operand.as_array().is_some_and(|args| (2..=3).contains(&args.iter().count()))
}

fn invalid_slice(operand: Value<'_>, as_find: &Error) -> Error {
    let given = DocBuf::build(|doc| doc.value("$slice", operand));
    Error::location(
        28667,
        format!(
            "Invalid $slice syntax. The given syntax {given:?} did not match the find() syntax because :: \
             {}: {} :: The given syntax did not match the expression $slice syntax. :: caused by :: Expression $slice \
             takes at least 2 arguments, and at most 3, but {} were passed in.",
            as_find.code().name(),
            as_find.message(),
            operand.as_array().map_or(1, |args| args.iter().count())
        ),
    )
}
