//! Graph lookup: each row with the documents that can be reached from it, breadth first, as an array.

use std::sync::Arc;

use ahash::AHashSet;
use smongo_compiler::CompiledGraphLookup;
use smongo_vm::Code;
use smongo_vm::interp::Machine;
use smongo_vm::key::{Bound, Direction, KeyEncoder};
use smongo_vm::program::Program;
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, OwnedValue, RawDoc, StringOrder, Value};

use super::join::{partners_filter, visit_values};
use super::set_path::set_path;
use crate::collection::id_of;
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step, source};
use crate::spill::Limit;

/// The graph lookup. The current row is its own.
pub(crate) struct GraphLookup {
    input: Box<dyn Operator>,
    search: Arc<CompiledGraphLookup>,
    machine: Machine,
    row: Vec<u8>,
    stats: Stats,
}

/// One row's search.
#[derive(Default)]
struct Search {
    /// The values to look for next.
    frontier: Vec<OwnedValue>,
    /// Every value that was ever in the frontier, and every `_id` that was found, as keys.
    asked: AHashSet<Vec<u8>>,
    found: AHashSet<Vec<u8>>,
    results: Vec<DocBuf>,
    /// What all of the above take, about.
    bytes: usize,
}

impl Search {
    fn ask(&mut self, value: Value<'_>, strings: Option<&dyn StringOrder>) {
        let key = key_of(value, strings);
        // The value itself waits in the frontier and takes about as much as its key.
        let bytes = 2 * (key.len() + size_of::<Vec<u8>>());
        if self.asked.insert(key) {
            self.bytes += bytes;
            self.frontier.push(value.into());
        }
    }
}

/// Bytes that are the same for equal values.
fn key_of(value: Value<'_>, strings: Option<&dyn StringOrder>) -> Vec<u8> {
    let (mut key, mut types) = (Vec::new(), Vec::new());
    let mut encoder = KeyEncoder::with_strings(&mut key, &mut types, strings);
    encoder.field(value, Direction::Ascending);
    encoder.finish(Bound::Equal);
    key
}

impl GraphLookup {
    /// The rows of `input`, each with what is reached from it.
    pub fn new(input: Box<dyn Operator>, search: Arc<CompiledGraphLookup>) -> Self {
        Self { input, search, machine: Machine::new(), row: Vec::new(), stats: Stats::default() }
    }

    fn search(&mut self, cx: &ExecContext<'_>) -> Result<Vec<DocBuf>> {
        let ir = &self.search.ir;
        let strings = self.search.start_with.strings();
        let mut search = Search::default();
        let start = self.machine.compute(&self.search.start_with, self.input.document(cx), &cx.env, None)?;
        visit_values(start, &[], &mut |value| search.ask(value, strings));
        let memory_max = cx.workspace.memory_max(Limit::GraphLookup);
        let mut depth = 0u64;
        while !search.frontier.is_empty() {
            let asked = std::mem::take(&mut search.frontier);
            let values: Vec<Value<'_>> = asked.iter().map(OwnedValue::get).collect();
            let filter = partners_filter(&ir.connect_to, &values, self.search.start_with.collation())?;
            let mut inner_cx = cx.nested(Some(ir.from), cx.env.variables);
            let mut inner = source(&self.search.from, Some(&filter), inner_cx.shared)?;
            loop {
                match inner.advance(&mut inner_cx)? {
                    Step::Row => self.found(&mut search, inner.document(&inner_cx), depth, memory_max)?,
                    Step::Yield => {}
                    Step::End => break,
                }
            }
            if ir.max_depth.is_some_and(|max| depth >= max) {
                break;
            }
            depth += 1;
        }
        Ok(search.results)
    }

    fn found(&self, search: &mut Search, doc: &RawDoc, depth: u64, memory_max: usize) -> Result<()> {
        let strings = self.search.start_with.strings();
        let key = key_of(id_of(doc), strings);
        let key_bytes = key.len() + size_of::<Vec<u8>>();
        if !search.found.insert(key) {
            return Ok(());
        }
        search.bytes += key_bytes;
        visit_values(Value::document(doc), self.search.ir.connect_from.components(), &mut |value| {
            search.ask(value, strings)
        });
        let result = match &self.search.ir.depth_field {
            None => doc.into(),
            Some(field) => {
                let mut bytes = Vec::new();
                set_path(&mut bytes, doc, field, Value::int64(i64::try_from(depth).unwrap_or(i64::MAX)));
                DocBuf::from_vec(bytes).unwrap_or_default()
            }
        };
        search.bytes += result.as_bytes().len();
        if search.bytes > memory_max {
            return Err(Error::new(Code(40099), "$graphLookup reached maximum memory consumption"));
        }
        search.results.push(result);
        Ok(())
    }
}

impl Operator for GraphLookup {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        let step = self.input.advance(cx)?;
        if step != Step::Row {
            return Ok(step);
        }
        let results = self.search(cx)?;
        let mut bytes = Vec::new();
        let mut array = ArrayWriter::new(&mut bytes);
        results.iter().for_each(|doc| array.value(Value::document(doc)));
        array.finish();
        let results = RawDoc::from_bytes(&bytes).unwrap_or(RawDoc::EMPTY);
        set_path(&mut self.row, self.input.document(cx), &self.search.ir.target, Value::array(results));
        self.stats.advanced += 1;
        Ok(Step::Row)
    }

    fn document<'a>(&'a self, _: &'a ExecContext<'_>) -> &'a RawDoc {
        RawDoc::from_bytes(&self.row).unwrap_or(RawDoc::EMPTY)
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
        "GRAPH_LOOKUP"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        let ir = &self.search.ir;
        doc.string("as", &ir.target.to_string());
        doc.string("connectFromField", &ir.connect_from.to_string());
        doc.string("connectToField", &ir.connect_to.to_string());
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("startWith", Arc::clone(&self.search.start_with))]
    }
}
