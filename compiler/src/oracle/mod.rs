//! The oracle: filters and expressions evaluated the slow and obvious way, by walking the IR and the document's tree.
//!
//! Tests and fuzz targets compare the machine with it, so it shares as little as it can with the machine: it follows
//! paths by its own recursion, written from the manual's rules, collects every value before it tests any, and copies
//! freely. Order, equality and the function table are the machine's own, because those are tested by themselves. It
//! must not know code generation or programs.

mod expr;
mod filter;
mod path;
mod update;

use smongo_vm::Result;
use smongo_vm::env::Env;
use smongo_vm::value::{OwnedValue, RawDoc, Value};

use crate::ir::{Expr, Filter};

pub use update::{UpdateInputs, update};

/// Whether `filter` matches `doc`.
pub fn matches(filter: &Filter, doc: &RawDoc, env: &Env<'_>) -> Result<bool> {
    filter::matches(filter, Value::document(doc), env)
}

/// The value of `expr` for `doc`; [`OwnedValue::NOTHING`] when it has none.
pub fn evaluate(expr: &Expr, doc: &RawDoc, env: &Env<'_>) -> Result<OwnedValue> {
    expr::Evaluator::new(doc, env).evaluate(expr)
}
