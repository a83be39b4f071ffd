//! The intermediate representation: what a request means, without how it was written and without how it will run.
//!
//! The front end produces it and has checked everything about the request that can be checked without data; rewrites
//! change it; code generation and the oracle consume it.

pub mod expr;
pub mod filter;
pub mod projection;
pub mod sort;
pub mod update;

pub use expr::{CompareOp, Expr, Variable};
pub use filter::{ArrayRule, Filter, FilterPath, LeafTest};
pub use projection::{DocumentStage, FieldAction, FieldTree, Projection};
pub use sort::Sort;
