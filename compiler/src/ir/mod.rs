//! The intermediate representation: what a request means, without how it was written and without how it will run.
//!
//! The front end produces it and has checked everything about the request that can be checked without data; rewrites
//! change it; code generation and the oracle consume it.

pub mod expr;
pub mod filter;
pub mod group;
pub mod pipeline;
mod place;
pub mod projection;
pub mod sort;
pub mod update;
pub mod window;

pub use expr::{CompareOp, Expr, Variable};
pub use filter::{ArrayRule, Filter, FilterPath, LeafTest};
pub use pipeline::{CollectionId, CollectionName, Pipeline, Stage, SubPipeline};
pub use projection::{DocumentStage, FieldAction, FieldTree, Projection};
pub use sort::Sort;
