//! Count: one row that says how many there were; none when there were none.

use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The count.
pub(crate) struct Count {
    input: Box<dyn Operator>,
    name: String,
    count: i64,
    row: DocBuf,
    done: bool,
    stats: Stats,
}

impl Count {
    /// The number of rows of `input`, in a field called `name`.
    pub fn new(input: Box<dyn Operator>, name: &str) -> Self {
        Self { input, name: name.into(), count: 0, row: DocBuf::new(), done: false, stats: Stats::default() }
    }
}

impl Operator for Count {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while !self.done {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.count += 1,
                Step::Yield => return Ok(Step::Yield),
                Step::End => {
                    self.done = true;
                    if self.count > 0 {
                        self.row = DocBuf::build(|doc| doc.value(&self.name, Value::integer(self.count)));
                        self.stats.advanced += 1;
                        return Ok(Step::Row);
                    }
                }
            }
            if cx.is_due() && !self.done {
                return Ok(Step::Yield);
            }
        }
        Ok(Step::End)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        &self.row
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.done
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        self.input.save(cx);
    }

    fn stage(&self) -> &'static str {
        "COUNT"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.string("field", &self.name);
    }
}
