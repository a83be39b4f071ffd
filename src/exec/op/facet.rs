//! Facet: one row with the results of several pipelines over the same rows.

use std::sync::{Arc, OnceLock};

use smongo_compiler::CompiledStage;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc};

use crate::error::{Error, Result};
use crate::exec::{Assembly, ExecContext, Operator, Stats, Step, attach};

/// The most memory that the rows may take, in bytes. MongoDB: 100 MiB.
const MEMORY_MAX_BYTES: usize = 100 * 1024 * 1024;

type SharedRows = Arc<OnceLock<Vec<DocBuf>>>;

/// The facets.
pub(crate) struct Facet {
    input: Box<dyn Operator>,
    facets: Vec<(String, Box<dyn Operator>)>,
    loading: Vec<DocBuf>,
    loaded_bytes: usize,
    rows: SharedRows,
    result: DocBuf,
    done: bool,
    stats: Stats,
}

impl Facet {
    /// The results of `facets` over the rows of `input`, each in the field of its name.
    pub fn new(
        input: Box<dyn Operator>,
        facets: &[(String, Vec<CompiledStage>)],
        assembly: &mut Assembly,
    ) -> Result<Self> {
        let rows = SharedRows::default();
        let facets = facets.iter().map(|(name, stages)| {
            let source = Box::new(SharedSource::new(Arc::clone(&rows)));
            Ok((name.clone(), attach(source, stages, assembly)?))
        });
        Ok(Self {
            input,
            facets: facets.collect::<Result<_>>()?,
            loading: Vec::new(),
            loaded_bytes: 0,
            rows,
            result: DocBuf::new(),
            done: false,
            stats: Stats::default(),
        })
    }

    fn take(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let doc = DocBuf::from(self.input.document(cx));
        self.loaded_bytes += doc.as_bytes().len();
        if self.loaded_bytes > MEMORY_MAX_BYTES {
            let code = Code::QUERY_EXCEEDED_MEMORY_LIMIT_NO_DISK_USE_ALLOWED;
            return Err(Error::new(code, format!("$facet exceeded memory limit of {MEMORY_MAX_BYTES} bytes")));
        }
        self.loading.push(doc);
        Ok(())
    }

    fn combine(&mut self, cx: &mut ExecContext<'_>) -> Result<DocBuf> {
        let facets = &mut self.facets;
        DocBuf::try_build(|out| {
            for (name, facet) in facets {
                out.array(name, |array| {
                    loop {
                        match facet.advance(cx)? {
                            Step::Row => array.value(smongo_vm::value::Value::document(facet.document(cx))),
                            // Everything must be in one row, so the turn goes on.
                            Step::Yield => {}
                            Step::End => return Ok(()),
                        }
                        if array.written() > MEMORY_MAX_BYTES {
                            return Err(Error::new(
                                Code(4_031_700),
                                format!(
                                    "document constructed by $facet is {} bytes, which exceeds the limit of \
                                     {MEMORY_MAX_BYTES} bytes",
                                    array.written()
                                ),
                            ));
                        }
                    }
                })?;
            }
            Ok(())
        })
    }
}

impl Operator for Facet {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while self.rows.get().is_none() {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.take(cx)?,
                Step::Yield => return Ok(Step::Yield),
                Step::End => {
                    let rows = std::mem::take(&mut self.loading);
                    self.rows.get_or_init(|| rows);
                    break;
                }
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
        if self.done {
            return Ok(Step::End);
        }
        self.result = self.combine(cx)?;
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
        if self.rows.get().is_none() {
            self.input.save(cx);
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
            for (name, facet) in &self.facets {
                facets.string(name, facet.stage());
            }
        });
    }
}

/// The rows that all facets see.
struct SharedSource {
    rows: SharedRows,
    next: usize,
    stats: Stats,
}

impl SharedSource {
    fn new(rows: SharedRows) -> Self {
        Self { rows, next: 0, stats: Stats::default() }
    }

    fn rows(&self) -> &[DocBuf] {
        self.rows.get().map(Vec::as_slice).unwrap_or_default()
    }
}

impl Operator for SharedSource {
    fn advance(&mut self, _: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        if self.next >= self.rows().len() {
            return Ok(Step::End);
        }
        self.next += 1;
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        self.next.checked_sub(1).and_then(|at| self.rows().get(at)).map_or(RawDoc::EMPTY, DocBuf::as_doc)
    }

    fn record_id(&self, _: &ExecContext<'_>) -> Option<i64> {
        None
    }

    fn is_eof(&self) -> bool {
        self.next >= self.rows().len()
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
