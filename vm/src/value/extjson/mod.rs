//! Extended JSON: reading and writing BSON as text.
//!
//! Read: MongoDB Extended JSON v2, canonical and relaxed, and the looser notation of the shell (unquoted names,
//! single quotes, trailing commas, comments, `/pattern/flags`, and constructors such as `ObjectId("…")`,
//! `ISODate("…")`, `NumberLong(1)`). Written: canonical, relaxed, and the shell's notation, which is short, loses no
//! type, and is what `Debug` of a value prints.
//!
//! | notation | `{a: 1, b: 2L, c: a date}` |
//! |---|---|
//! | canonical | `{"a":{"$numberInt":"1"},"b":{"$numberLong":"2"},"c":{"$date":{"$numberLong":"0"}}}` |
//! | relaxed | `{"a":1,"b":2,"c":{"$date":"1970-01-01T00:00:00Z"}}` |
//! | shell | `{a: 1, b: NumberLong(2), c: ISODate("1970-01-01T00:00:00Z")}` |
//!
//! Nothing here generates values: `ObjectId()` and `Date()` without arguments are errors.

mod base64;
mod date;
mod lex;
mod parse;
mod types;
mod write;

pub use date::{format_date, parse_date};
pub use parse::{parse_doc, parse_value};
pub use write::{Notation, to_string, to_string_canonical, to_string_relaxed, to_string_shell, write};

#[cfg(test)]
mod tests;
