//! `$zip`: arrays transposed.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::call::call_named;
use super::{literal, named};
use crate::front::context::ParseContext;
use crate::ir::Expr;

/// `{inputs: [array, …], useLongestLength: bool, defaults: [value, …]}`.
pub(super) fn parse(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    let doc = named::document(value, 34460, || {
        format!("$zip only supports an object as an argument, found {}", value.tag().name())
    })?;
    let mut inputs = None;
    let mut defaults = None;
    let mut longest = false;
    for element in doc {
        let value = element.value();
        match element.name_str() {
            "inputs" => inputs = Some(expressions(value, 34461, "inputs")?),
            "defaults" => defaults = Some(expressions(value, 34462, "defaults")?),
            "useLongestLength" => {
                longest = value.as_bool().ok_or_else(|| {
                    Error::location(34463, format!("useLongestLength must be a bool, found {}", value.tag().name()))
                })?;
            }
            name => return Err(Error::location(34464, format!("$zip found an unknown argument: {name}"))),
        }
    }
    let inputs = inputs
        .filter(|inputs| !inputs.is_empty())
        .ok_or_else(|| Error::location(34465, "$zip requires at least one input array"))?;
    if let Some(defaults) = defaults.filter(|defaults| !defaults.is_empty()) {
        if !longest {
            return Err(Error::location(34466, "cannot specify defaults unless useLongestLength is true"));
        }
        if defaults.values().count() != inputs.values().count() {
            return Err(Error::location(34467, "defaults and inputs must have the same length"));
        }
    }
    let defaults = match defaults {
        Some(defaults) => literal::array(defaults, ctx)?,
        None => Expr::Absent,
    };
    let args = vec![literal::array(inputs, ctx)?, Expr::Const(Value::bool(longest).into()), defaults];
    call_named(operator, args)
}

fn expressions<'d>(value: Value<'d>, code: i32, name: &str) -> Result<&'d RawDoc> {
    value.as_array().ok_or_else(|| {
        Error::location(code, format!("{name} must be an array of expressions, found {}", value.tag().name()))
    })
}
