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
use smongo_vm::value::{OwnedValue, RawDoc, StringOrder, Value};

use crate::ir::{Expr, Filter};

pub use update::{UpdateInputs, update};

/// What an evaluation is given from outside.
#[derive(Clone, Copy)]
pub struct Given<'e> {
    /// Time, variables and randomness.
    pub env: &'e Env<'e>,
    /// The collation by which strings compare; bytewise without one.
    pub strings: Option<&'e dyn StringOrder>,
}

impl<'e> From<&'e Env<'e>> for Given<'e> {
    fn from(env: &'e Env<'e>) -> Self {
        Given { env, strings: None }
    }
}

/// Whether `filter` matches `doc`.
pub fn matches<'e>(filter: &Filter, doc: &RawDoc, given: impl Into<Given<'e>>) -> Result<bool> {
    filter::matches(filter, Value::document(doc), given.into())
}

/// The value of `expr` for `doc`; [`OwnedValue::NOTHING`] when it has none.
pub fn evaluate<'e>(expr: &Expr, doc: &'e RawDoc, given: impl Into<Given<'e>>) -> Result<OwnedValue> {
    expr::Evaluator::new(doc, given.into()).evaluate(expr)
}
