//! Facet: one row with the results of several pipelines over the same rows.
//!
//! The input is read once, a batch of rows at a time. Every pipeline takes in the batch before the next one is read, so
//! that no more than a batch of the input is ever held.

use std::sync::Arc;

use parking_lot::Mutex;
use smongo_compiler::CompiledStage;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::error::{Error, Result};
use crate::exec::{Assembly, ExecContext, Operator, Stats, Step, attach};
use crate::spill::Limit;

/// How many bytes of rows are read before the pipelines take them in.
const BATCH_BYTES: usize = 64 * 1024;

/// The facets.
pub(crate) struct Facet {
    input: Box<dyn Operator>,
    facets: Vec<Branch>,
    loading: Rows,
    tap: Arc<Mutex<Tap>>,
    loaded: bool,
    result: DocBuf,
    done: bool,
    stats: Stats,
}

/// One of the pipelines.
struct Branch {
    name: String,
    root: Box<dyn Operator>,
    results: Rows,
    ended: bool,
}

/// Documents, one after another.
#[derive(Default)]
struct Rows {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Rows {
    fn push(&mut self, doc: &RawDoc) {
        self.bytes.extend_from_slice(doc.as_bytes());
        self.ends.push(self.bytes.len());
    }

    fn get(&self, at: usize) -> Option<&RawDoc> {
        let start = if at == 0 { 0 } else { *self.ends.get(at - 1)? };
        RawDoc::from_bytes(self.bytes.get(start..*self.ends.get(at)?)?)
    }

    fn iter(&self) -> impl Iterator<Item = &RawDoc> {
        (0..self.ends.len()).filter_map(|at| self.get(at))
    }
}

/// Where the pipelines get their batches.
#[derive(Default)]
struct Tap {
    batch: Arc<Rows>,
    /// Grows with every batch.
    number: u64,
    /// Whether this is the last batch.
    ended: bool,
    /// How often a pipeline has asked for a batch that was not there yet.
    waits: u64,
}

impl Facet {
    /// The results of `facets` over the rows of `input`, each in the field of its name.
    pub fn new(
        input: Box<dyn Operator>,
        facets: &[(String, Vec<CompiledStage>)],
        assembly: &mut Assembly,
    ) -> Result<Self> {
        let tap = Arc::<Mutex<Tap>>::default();
        let facets = facets.iter().map(|(name, stages)| {
            let source = Box::new(FacetInput::new(Arc::clone(&tap)));
            let root = attach(source, stages, assembly)?;
            Ok(Branch { name: name.clone(), root, results: Rows::default(), ended: false })
        });
        Ok(Self {
            input,
            facets: facets.collect::<Result<_>>()?,
            loading: Rows::default(),
            tap,
            loaded: false,
            result: DocBuf::new(),
            done: false,
            stats: Stats::default(),
        })
    }

    /// Lets every pipeline take in the batch that has been read.
    fn pour(&mut self, cx: &mut ExecContext<'_>) -> Result<()> {
        {
            let mut tap = self.tap.lock();
            tap.batch = Arc::new(std::mem::take(&mut self.loading));
            tap.number += 1;
            tap.ended = self.loaded;
        }
        let output_max = cx.workspace.memory_max(Limit::FacetOutput);
        let mut output = 0;
        for facet in &mut self.facets {
            while !facet.ended {
                let waits = self.tap.lock().waits;
                match facet.root.advance(cx)? {
                    Step::Row => facet.results.push(facet.root.document(cx)),
                    // The turn may be due while there are rows in the batch; it ends when they have been taken in.
                    Step::Yield if self.tap.lock().waits == waits => {}
                    Step::Yield => break,
                    Step::End => facet.ended = true,
                }
                if output + facet.results.bytes.len() > output_max {
                    return Err(too_large(output + facet.results.bytes.len(), output_max));
                }
            }
            output += facet.results.bytes.len();
        }
        Ok(())
    }

    fn combine(&mut self) -> DocBuf {
        DocBuf::build(|out| {
            for Branch { name, results, .. } in &self.facets {
                out.array(name, |array| results.iter().for_each(|doc| array.value(Value::document(doc))));
            }
        })
    }
}

#[cold]
fn too_large(bytes: usize, max: usize) -> Error {
    let message = format!("document constructed by $facet is {bytes} bytes, which exceeds the limit of {max} bytes");
    Error::new(Code(4_031_700), message)
}

impl Operator for Facet {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while !self.loaded {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.loading.push(self.input.document(cx)),
                Step::Yield => return Ok(Step::Yield),
                Step::End => self.loaded = true,
            }
            if self.loaded || self.loading.bytes.len() >= BATCH_BYTES {
                self.pour(cx)?;
            }
            if cx.is_due() && !self.loaded {
                return Ok(Step::Yield);
            }
        }
        if self.done {
            return Ok(Step::End);
        }
        self.result = self.combine();
        self.done = true;
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        &self.result
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.done
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if !self.loaded {
            self.input.save(cx);
            self.facets.iter_mut().for_each(|facet| facet.root.save(cx));
        }
    }

    fn stage(&self) -> &'static str {
        "FACET"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.document("facets", |facets| {
            for facet in &self.facets {
                facets.string(&facet.name, facet.root.stage());
            }
        });
    }
}

/// The rows that all facets see, as one of them reads them.
struct FacetInput {
    tap: Arc<Mutex<Tap>>,
    batch: Arc<Rows>,
    number: u64,
    ended: bool,
    /// The row after the current one.
    next: usize,
    stats: Stats,
}

impl FacetInput {
    fn new(tap: Arc<Mutex<Tap>>) -> Self {
        Self { tap, batch: Arc::default(), number: 0, ended: false, next: 0, stats: Stats::default() }
    }
}

impl Operator for FacetInput {
    fn advance(&mut self, _: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        while self.next >= self.batch.ends.len() {
            if self.ended {
                return Ok(Step::End);
            }
            let mut tap = self.tap.lock();
            if tap.number == self.number {
                tap.waits += 1;
                return Ok(Step::Yield);
            }
            self.batch = Arc::clone(&tap.batch);
            (self.number, self.ended, self.next) = (tap.number, tap.ended, 0);
        }
        self.next += 1;
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        self.next.checked_sub(1).and_then(|at| self.batch.get(at)).unwrap_or(RawDoc::EMPTY)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.ended && self.next >= self.batch.ends.len()
    }

    fn save(&mut self, _: &ExecContext<'_>) {}

    fn stage(&self) -> &'static str {
        "FACET_INPUT"
    }

    fn input(&self) -> Option<&dyn Operator> {
        None
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, _: &mut DocWriter<'_, Vec<u8>>) {}
}
