//! The front end: BSON requests to IR, with MongoDB's checks and error codes. One operator, one place.

pub mod acc;
pub mod collation;
pub mod context;
pub mod expr;
pub mod filter;
pub mod projection;
pub mod sort;
pub mod stage;
pub mod update;

use smongo_vm::Error;

/// The refusal of a request to run JavaScript.
fn no_javascript() -> Error {
    Error::location(31264, "Cannot run server-side javascript without the javascript engine enabled")
}
