//! Change stream: events, read from the log, which is the collection of the turn.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step};
use crate::stream::{Next, Reader};

/// The slot of the cursor on the log.
const ENTRIES_SLOT: usize = 0;

/// The stream. The current row is its own.
pub(crate) struct ChangeStream {
    reader: Reader,
    event: DocBuf,
    stats: Stats,
}

impl ChangeStream {
    /// The events that `reader` finds.
    pub fn new(reader: Reader) -> Self {
        Self { reader, event: DocBuf::new(), stats: Stats::default() }
    }
}

impl Operator for ChangeStream {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        let log = cx.shared.and_then(|shared| Some((shared.records(), shared.last_record()?)));
        let Some((entries, last)) = log else {
            return Err(Error::new(Code::INTERNAL_ERROR, "a change stream reads the log and nothing else"));
        };
        let session = cx.session;
        loop {
            self.stats.works += 1;
            match self.reader.next(session, cx.open(ENTRIES_SLOT, entries)?, last)? {
                Next::End => return Ok(Step::End),
                Next::Event(event) => {
                    self.event = event;
                    self.stats.advanced += 1;
                    return Ok(Step::Row);
                }
                Next::Nothing if cx.tick()? => return Ok(Step::Yield),
                Next::Nothing => {}
            }
        }
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        &self.event
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.reader.is_ended()
    }

    fn save(&mut self, _: &ExecContext<'_>) {}

    fn stage(&self) -> &'static str {
        "CHANGE_STREAM"
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("tailable", Value::TRUE);
    }
}
