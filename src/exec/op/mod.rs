//! The physical operators, one a file.

mod documents;
mod eof;
mod id_lookup;
mod limit;
mod project;
mod record_id;
mod scan;
mod skip;
mod sort;

use std::sync::Arc;

use smongo_vm::program::Program;
use smongo_vm::value::DocBuf;

pub(crate) use documents::Documents;
pub(crate) use eof::Eof;
pub(crate) use id_lookup::IdLookup;
pub(crate) use limit::Limit;
pub(crate) use project::Project;
pub(crate) use record_id::AddRecordId;
pub(crate) use scan::{Direction, Scan};
pub(crate) use skip::Skip;
pub(crate) use sort::Sort;

/// A filter as operators hold it: the program, and the request's words for `explain`.
#[derive(Clone)]
pub(crate) struct FilterProgram {
    pub program: Arc<Program>,
    pub source: DocBuf,
}
