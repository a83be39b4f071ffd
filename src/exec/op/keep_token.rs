//! Keep token: fails when a pipeline has changed the `_id` of an event, which is its resume token.

use std::sync::Arc;

use smongo_vm::Code;
use smongo_vm::value::{DocWriter, RawDoc, Value, equal};

use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};
use crate::shell_text::ShellText;
use crate::stream::Progress;

/// The check. The current row is its input's.
pub(crate) struct KeepToken {
    input: Box<dyn Operator>,
    progress: Arc<Progress>,
    stats: Stats,
}

impl KeepToken {
    /// The rows of `input`, which a stream has given.
    pub fn new(input: Box<dyn Operator>, progress: Arc<Progress>) -> Self {
        Self { input, progress, stats: Stats::default() }
    }
}

impl Operator for KeepToken {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        let step = self.input.advance(cx)?;
        if step != Step::Row {
            return Ok(step);
        }
        self.stats.advanced += 1;
        let token = self.progress.current().document();
        let found = self.input.document(cx).get("_id").unwrap_or(Value::NOTHING);
        if equal(found, Value::document(&token)) {
            return Ok(Step::Row);
        }
        let message = format!(
            "Encountered an event whose _id field, which contains the resume token, was modified by the pipeline. \
             Modifying the _id field of an event makes it impossible to resume the stream from that point. Only \
             transformations that retain the unmodified _id field are allowed. Expected: {{ _id: {} }} but found: {}",
            ShellText(Value::document(&token)),
            match found.is_nothing() {
                true => "{}".to_owned(),
                false => format!("{{ _id: {} }}", ShellText(found)),
            }
        );
        Err(Error::new(Code::CHANGE_STREAM_FATAL_ERROR, message))
    }

    fn document<'a>(&'a self, cx: &'a ExecContext<'_>) -> &'a RawDoc {
        self.input.document(cx)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.input.is_eof()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.input.save(cx);
    }

    fn stage(&self) -> &'static str {
        "ENSURE_RESUME_TOKEN"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, _: &mut DocWriter<'_, Vec<u8>>) {}
}
