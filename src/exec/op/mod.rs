//! The physical operators, one a file.

mod bucket_auto;
mod change_stream;
mod count;
mod count_rows;
mod covered;
mod densify;
mod distinct_scan;
mod documents;
mod eof;
mod facet;
mod fetch;
mod filter;
mod graph_lookup;
mod group;
mod id_lookup;
mod index_scan;
mod join;
mod keep_token;
mod limit;
mod lookup;
mod project;
mod quoted_documents;
mod record_id;
mod redact;
mod sample;
mod scan;
mod set_path;
mod skip;
mod sort;
mod sort_merge;
mod split_event;
mod states;
mod subplan;
mod transform;
mod union;
mod union_with;
mod unwind;
mod window;

use std::sync::Arc;

use smongo_compiler::explain::filter_document;
use smongo_compiler::{CompiledFilter, ir};
use smongo_vm::program::Program;
use smongo_vm::value::DocBuf;

pub(crate) use bucket_auto::BucketAuto;
pub(crate) use change_stream::ChangeStream;
pub(crate) use count::Count;
pub(crate) use count_rows::CountRows;
pub(crate) use covered::Covered;
pub(crate) use densify::Densify;
pub(crate) use distinct_scan::DistinctScan;
pub(crate) use documents::Documents;
pub(crate) use eof::Eof;
pub(crate) use facet::Facet;
pub(crate) use fetch::Fetch;
pub(crate) use filter::Filter;
pub(crate) use graph_lookup::GraphLookup;
pub(crate) use group::Group;
pub(crate) use id_lookup::IdLookup;
pub(crate) use index_scan::IndexScan;
pub(crate) use keep_token::KeepToken;
pub(crate) use limit::Limit;
pub(crate) use lookup::Lookup;
pub(crate) use project::Project;
pub(crate) use quoted_documents::QuotedDocuments;
pub(crate) use record_id::AddRecordId;
pub(crate) use redact::Redact;
pub(crate) use sample::Sample;
pub(crate) use scan::{Direction, Scan};
pub(crate) use set_path::value_at;
pub(crate) use skip::Skip;
pub(crate) use sort::Sort;
pub(crate) use sort_merge::SortMerge;
pub(crate) use split_event::SplitEvent;
pub(crate) use subplan::Subplan;
pub(crate) use transform::Transform;
pub(crate) use union::Union;
pub(crate) use union_with::UnionWith;
pub(crate) use unwind::Unwind;
pub(crate) use window::Window;

/// A filter as operators hold it: the program, and what it means for `explain`.
#[derive(Clone)]
pub(crate) struct FilterProgram {
    pub program: Arc<Program>,
    pub ir: Arc<ir::Filter>,
}

impl FilterProgram {
    /// The filter in its normal form.
    pub fn shown(&self) -> DocBuf {
        filter_document(&self.ir)
    }
}

impl From<&CompiledFilter> for FilterProgram {
    fn from(filter: &CompiledFilter) -> Self {
        Self { program: Arc::clone(&filter.program), ir: Arc::clone(&filter.ir) }
    }
}
