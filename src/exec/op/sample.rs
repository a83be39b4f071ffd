//! Sample: a few rows, each choice of them equally likely, in random order.

use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The sample.
pub(crate) struct Sample {
    input: Box<dyn Operator>,
    size: u64,
    /// The rows chosen so far: each row that was seen is among them with the same probability.
    chosen: Vec<DocBuf>,
    seen: u64,
    loaded: bool,
    next: usize,
    stats: Stats,
}

impl Sample {
    /// `size` rows of `input`.
    pub fn new(input: Box<dyn Operator>, size: u64) -> Self {
        Self { input, size, chosen: Vec::new(), seen: 0, loaded: false, next: 0, stats: Stats::default() }
    }

    fn take(&mut self, cx: &ExecContext<'_>) {
        self.seen += 1;
        if self.seen <= self.size {
            self.chosen.push(self.input.document(cx).into());
            return;
        }
        let at = below(cx, self.seen);
        if let Some(place) = usize::try_from(at).ok().and_then(|at| self.chosen.get_mut(at)) {
            *place = self.input.document(cx).into();
        }
    }

    fn shuffle(&mut self, cx: &ExecContext<'_>) {
        for at in (1..self.chosen.len()).rev() {
            let other = usize::try_from(below(cx, at as u64 + 1)).unwrap_or(0);
            self.chosen.swap(at, other);
        }
    }
}

/// A whole number below `bound`.
fn below(cx: &ExecContext<'_>, bound: u64) -> u64 {
    ((cx.env.random_unit() * bound as f64) as u64).min(bound.saturating_sub(1))
}

impl Operator for Sample {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while !self.loaded {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.take(cx),
                Step::Yield => return Ok(Step::Yield),
                Step::End => {
                    self.shuffle(cx);
                    self.loaded = true;
                    break;
                }
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
        if self.next >= self.chosen.len() {
            return Ok(Step::End);
        }
        self.next += 1;
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        self.next.checked_sub(1).and_then(|at| self.chosen.get(at)).map_or(RawDoc::EMPTY, DocBuf::as_doc)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.loaded && self.next >= self.chosen.len()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if !self.loaded {
            self.input.save(cx);
        }
    }

    fn stage(&self) -> &'static str {
        "SAMPLE"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.value("size", Value::integer(i64::try_from(self.size).unwrap_or(i64::MAX)));
    }
}
