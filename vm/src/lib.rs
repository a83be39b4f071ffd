//! The machine: BSON values over raw bytes, order-preserving keys, the instruction set, verified programs and the
//! interpreter that runs them.
//!
//! Everything smongo computes about a document happens here, over BSON bytes that are never copied out of the
//! storage engine's page until a result leaves. The crate is pure: a run is a function of program, inputs and
//! budget. It must not know files, sockets, threads, clocks, randomness, catalogs or indexes; time and seeds come in
//! as inputs.
//!
//! ```
//! use smongo_vm::value::{DocBuf, Value};
//!
//! let doc = DocBuf::build(|d| {
//!     d.value("name", Value::string("Ada"));
//!     d.value("age", Value::int32(36));
//! });
//! assert_eq!(doc.as_doc().get("age").map(|v| v.tag()), Some(smongo_vm::value::Tag::Int32));
//! ```

pub mod acc;
pub mod algo;
pub mod code;
pub mod collation;
pub mod env;
mod error;
pub mod func;
pub mod interp;
pub mod key;
pub mod limits;
pub mod op;
pub mod program;
pub mod regex;
pub mod schema;
pub mod update;
pub mod value;

pub use code::Code;
pub use error::{Error, Result};
