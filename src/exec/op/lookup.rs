//! Lookup: each row with the documents of another pipeline that belong to it, as an array.
//!
//! The pipeline runs anew for every row, with the row's variables. One that depends on no row runs once. A join by
//! equality alone, where no index helps, reads the other collection once into a table.

use std::sync::Arc;

use smongo_compiler::{CompiledFilter, CompiledLookup};
use smongo_vm::Code;
use smongo_vm::interp::Machine;
use smongo_vm::program::Program;
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, OwnedValue, RawDoc, Value};

use super::join::{ForeignTable, local_values, partners_filter};
use super::set_path::set_path;
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step, finds_by_index, source};
use crate::spill::Limit;

/// The lookup. The current row is its own.
pub(crate) struct Lookup {
    input: Box<dyn Operator>,
    lookup: Arc<CompiledLookup>,
    machine: Machine,
    table: Table,
    /// The documents for the current row, as an array; kept for all rows when they are the same for all.
    joined: Vec<u8>,
    is_constant: bool,
    row: Vec<u8>,
    stats: Stats,
}

/// The other collection's documents in memory.
enum Table {
    /// Whether it is worth having has not been asked yet.
    Undecided,
    Loaded(ForeignTable),
    /// It would not help, or not fit.
    Unused,
}

impl Lookup {
    /// The rows of `input`, joined.
    pub fn new(input: Box<dyn Operator>, lookup: Arc<CompiledLookup>) -> Self {
        Self {
            input,
            lookup,
            machine: Machine::new(),
            table: Table::Undecided,
            joined: Vec::new(),
            is_constant: false,
            row: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Gathers the documents for the input's current row.
    fn join(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let lookup = Arc::clone(&self.lookup);
        let doc = self.input.document(cx);
        self.joined.clear();
        let bytes_max = cx.workspace.memory_max(Limit::JoinedToOne);
        let mut joined = ArrayWriter::new(&mut self.joined);
        let mut bindings = Vec::with_capacity(lookup.bindings.len());
        for program in &lookup.bindings {
            bindings.push(OwnedValue::from(self.machine.compute(program, doc, &cx.env, None)?));
        }
        let mut filter: Option<(CompiledFilter, DocBuf)> = None;
        if let Some((local, foreign)) = &lookup.equality {
            let values = local_values(doc, local);
            let partners = partners_filter(foreign, &values, lookup.collation.as_ref())?;
            if matches!(self.table, Table::Undecided) {
                self.table = load_table(&lookup, &partners.0, cx)?;
            }
            if let Table::Loaded(table) = &self.table {
                for candidate in table.candidates(&values) {
                    if self.machine.matches(&partners.0.program, candidate, &cx.env)? {
                        push(&mut joined, candidate, bytes_max)?;
                    }
                }
                joined.finish();
                return Ok(());
            }
            filter = Some(partners);
        }
        let mut variables = cx.env.variables.to_vec();
        variables.resize(lookup.first_variable, Value::NOTHING);
        variables.extend(bindings.iter().map(OwnedValue::get));
        let mut inner_cx = cx.nested(lookup.from.coll, &variables);
        let mut inner = source(&lookup.from, filter.as_ref(), inner_cx.shared)?;
        loop {
            match inner.advance(&mut inner_cx)? {
                Step::Row => push(&mut joined, inner.document(&inner_cx), bytes_max)?,
                Step::Yield => {}
                Step::End => break,
            }
        }
        joined.finish();
        self.is_constant = lookup.equality.is_none() && lookup.bindings.is_empty();
        Ok(())
    }
}

/// Reads the other collection into a table, when the join is by equality alone and finds nothing by an index.
fn load_table(lookup: &CompiledLookup, partners: &CompiledFilter, cx: &ExecContext<'_>) -> Result<Table> {
    let Some((_, foreign)) = &lookup.equality else { return Ok(Table::Unused) };
    let plain = lookup.from.view.is_none()
        && lookup.from.stages.is_empty()
        && lookup.from.filter.is_none()
        && lookup.bindings.is_empty();
    if !plain {
        return Ok(Table::Unused);
    }
    let mut inner_cx = cx.nested(lookup.from.coll, cx.env.variables);
    if finds_by_index(inner_cx.shared, partners) {
        return Ok(Table::Unused);
    }
    let memory_max = cx.workspace.memory_max(Limit::HashJoin);
    let mut table = ForeignTable::new(lookup.collation.clone());
    let mut inner = source(&lookup.from, None, inner_cx.shared)?;
    loop {
        match inner.advance(&mut inner_cx)? {
            Step::Row => {
                if !table.add(inner.document(&inner_cx), foreign, memory_max) {
                    return Ok(Table::Unused);
                }
            }
            Step::Yield => {}
            Step::End => return Ok(Table::Loaded(table)),
        }
    }
}

fn push(joined: &mut ArrayWriter<'_, Vec<u8>>, doc: &RawDoc, bytes_max: usize) -> Result<()> {
    joined.value(Value::document(doc));
    if joined.written() <= bytes_max {
        return Ok(());
    }
    let message = format!("Total size of documents matching $lookup exceeds {bytes_max} bytes");
    Err(Error::new(Code(4568), message))
}

impl Operator for Lookup {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.stats.works += 1;
        let step = self.input.advance(cx)?;
        if step != Step::Row {
            return Ok(step);
        }
        if !self.is_constant {
            self.join(cx)?;
        }
        let joined = RawDoc::from_bytes(&self.joined).unwrap_or(RawDoc::EMPTY);
        set_path(&mut self.row, self.input.document(cx), &self.lookup.target, Value::array(joined));
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
        "LOOKUP"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.string("as", &self.lookup.target.to_string());
        if let Some((local, foreign)) = &self.lookup.equality {
            doc.string("localField", &local.to_string());
            doc.string("foreignField", &foreign.to_string());
        }
        let strategy = if matches!(self.table, Table::Loaded(_)) { "HashJoin" } else { "NestedLoopJoin" };
        doc.string("strategy", strategy);
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        self.lookup.bindings.iter().map(|program| ("let", Arc::clone(program))).collect()
    }
}
