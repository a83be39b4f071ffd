//! Import and export: a collection from and to JSON, CSV and TSV.

mod columns;
mod json_stream;
mod types;

pub mod export;
pub mod import;
