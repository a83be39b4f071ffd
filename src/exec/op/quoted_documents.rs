//! Quoted documents: the elements of an array that stands in the request.

use std::sync::Arc;

use smongo_vm::Code;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};
use crate::shell_text::ShellText;

/// The documents. They are computed when the first is asked for.
pub(crate) struct QuotedDocuments {
    program: Arc<Program>,
    documents: Option<Vec<DocBuf>>,
    next: usize,
    stats: Stats,
}

impl QuotedDocuments {
    /// The elements of the array that `program` gives.
    pub fn new(program: Arc<Program>) -> Self {
        Self { program, documents: None, next: 0, stats: Stats::default() }
    }

    fn compute(&self, cx: &ExecContext<'_>) -> Result<Vec<DocBuf>> {
        let mut machine = Machine::new();
        let value = machine.compute(&self.program, RawDoc::EMPTY, &cx.env, None)?;
        let Some(array) = value.as_array() else {
            return Err(Error::new(Code(5_858_203), "an array is expected"));
        };
        let document = |value: Value<'_>| value.as_doc().map(DocBuf::from).ok_or_else(|| not_a_document(value));
        array.values().map(document).collect()
    }
}

#[cold]
fn not_a_document(value: Value<'_>) -> Error {
    let message = format!(
        "'newRoot' expression must evaluate to an object, but resulting value was: {}. Type of resulting value: '{}'.",
        ShellText(value),
        value.tag().name()
    );
    Error::new(Code(40228), message)
}

impl Operator for QuotedDocuments {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        let count = match &self.documents {
            Some(documents) => documents.len(),
            None => self.documents.insert(self.compute(cx)?).len(),
        };
        if self.next >= count {
            return Ok(Step::End);
        }
        self.next += 1;
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        let documents = self.documents.as_deref().unwrap_or_default();
        self.next.checked_sub(1).and_then(|at| documents.get(at)).map_or(RawDoc::EMPTY, DocBuf::as_doc)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.documents.as_ref().is_some_and(|documents| self.next >= documents.len())
    }

    fn save(&mut self, _: &ExecContext<'_>) {}

    fn stage(&self) -> &'static str {
        "DOCUMENTS"
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, _: &mut DocWriter<'_, Vec<u8>>) {}

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("documents", Arc::clone(&self.program))]
    }
}
