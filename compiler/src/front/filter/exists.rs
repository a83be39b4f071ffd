//! `$exists`: whether the path leads to a value, `null` included. Any value stands for true or false.

use smongo_vm::Result;
use smongo_vm::value::{Value, View};

use super::field::Operator;
use super::{Parser, negation};
use crate::ir::{Filter, LeafTest};

pub(super) fn parse(value: Value<'_>, operator: &Operator<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    let exists = operator.target.leaf(LeafTest::Exists);
    Ok(Some(if is_true(value) { exists } else { negation(exists) }))
}

/// False are `false`, zeros, `null` and `undefined`.
fn is_true(value: Value<'_>) -> bool {
    match value.view() {
        View::Bool(flag) => flag,
        View::Nothing | View::Null | View::Undefined => false,
        _ => !(value.is_number() && smongo_vm::value::equal(value, Value::int32(0))),
    }
}
