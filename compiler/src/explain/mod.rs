//! What a request means, as a document: the normal form in which `explain` shows filters and expressions.
//!
//! It is written from the IR, so it shows what was understood and not how the request put it. mongod's rules for the
//! normal form are in [`filter`].

mod expr;
mod filter;
mod shape;
mod stage;

pub use filter::filter_document;
pub use shape::shape_document;
pub use stage::{Names, stage_documents};
