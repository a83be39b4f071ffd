//! Group: one row for each key, in the order in which keys first came by.
//!
//! One program computes of a document its key and what the accumulators are given. Keys are compared as encoded bytes,
//! so that 1 and 1.0 are the same, and the one that came first is what the row shows. For a group that is known
//! nothing is allocated.
//!
//! When the groups fill the memory, no more are begun: what was computed of documents of other groups goes into a
//! sorter by its key, which puts it aside on disk, and is grouped in the end, one group after another. Should the
//! groups in memory go on growing, everything goes into the sorter from then on, and a group in memory is completed
//! when the sorter comes to its key. No state is ever written down.

use std::ops::Range;
use std::sync::Arc;

use ahash::RandomState;
use bumpalo::Bump;
use hashbrown::HashTable;
use smongo_compiler::CompiledGroup;
use smongo_vm::acc::{Accumulator, Kept};
use smongo_vm::interp::Machine;
use smongo_vm::key::{Bound, Direction, KeyEncoder};
use smongo_vm::program::Program;
use smongo_vm::value::{DocWriter, RawDoc, StringOrder, Value};

use super::states::{check_states, growing, settings};
use crate::error::{Error, Result};
use crate::exec::{ExecContext, Operator, Stats, Step, write_spilled};
use crate::spill::{Limit, SortedRows, Sorter, Spilled, push_values, read_values};

/// The grouping.
pub(crate) struct Group {
    input: Box<dyn Operator>,
    spec: Arc<CompiledGroup>,
    machine: Machine,
    /// Computes what depends on a key, while `machine` lends the key.
    key_machine: Machine,
    groups: Groups,
    memory_max: usize,
    /// Documents beyond what memory holds, while the input is taken in.
    overflow: Option<Overflow>,
    /// The same while groups are given out; a row is current.
    rest: Option<SortedRows>,
    spilled: Spilled,
    loaded: bool,
    next: usize,
    arena: Bump,
    row: Vec<u8>,
    stats: Stats,
}

/// What was computed of documents that wait to be grouped.
#[derive(Default)]
struct Overflow {
    sorter: Sorter,
    /// Whether documents of groups in memory wait too.
    takes_all: bool,
    row: Vec<u8>,
}

/// The groups so far.
#[derive(Default)]
struct Groups {
    hasher: RandomState,
    /// Numbers of groups, by the hash of their keys.
    index: HashTable<usize>,
    list: Vec<Entry>,
    /// The encoded keys of all groups, one after another.
    keys: Vec<u8>,
    /// The states of all groups: as many for each as there are fields.
    states: Vec<Box<dyn Accumulator>>,
    /// The key of the current document.
    key: Vec<u8>,
    type_bits: Vec<u8>,
    /// What states and keys hold besides the lists above.
    held_bytes: usize,
}

struct Entry {
    hash: u64,
    key: Range<usize>,
    id: Kept,
    /// Whether its row has been given out.
    given: bool,
}

/// What an allocation takes besides its bytes, about.
const ALLOCATION_BYTES: usize = 16;

impl Groups {
    /// Encodes a key and finds its group: its number, or the hash that it will have.
    #[inline]
    fn find(&mut self, id: Value<'_>, strings: Option<&dyn StringOrder>) -> std::result::Result<usize, u64> {
        self.key.clear();
        self.type_bits.clear();
        let mut encoder = KeyEncoder::with_strings(&mut self.key, &mut self.type_bits, strings);
        encoder.field(id, Direction::Ascending);
        encoder.finish(Bound::Equal);
        self.find_key(&self.key)
    }

    /// The group of an encoded key, or the hash that it will have.
    #[inline]
    fn find_key(&self, key: &[u8]) -> std::result::Result<usize, u64> {
        let hash = self.hasher.hash_one(key);
        let is_same =
            |&at: &usize| self.list.get(at).is_some_and(|entry| self.keys.get(entry.key.clone()) == Some(key));
        self.index.find(hash, is_same).copied().ok_or(hash)
    }

    /// Adds the group of the key that was looked for last; its states are the last ones already.
    fn add(&mut self, hash: u64, id: Value<'_>, fields: usize) -> usize {
        let number = self.list.len();
        let start = self.keys.len();
        self.keys.extend_from_slice(&self.key);
        let entry = Entry { hash, key: start..self.keys.len(), id: Kept::new(id), given: false };
        let states_bytes: usize =
            self.states.iter().rev().take(fields).map(|state| size_of_val(&**state) + ALLOCATION_BYTES).sum();
        self.held_bytes += entry.id.heap_bytes() + states_bytes;
        self.list.push(entry);
        let list = &self.list;
        self.index.insert_unique(hash, number, |&at| list.get(at).map_or(0, |entry| entry.hash));
        number
    }

    fn memory_bytes(&self) -> usize {
        let lists = self.list.capacity() * size_of::<Entry>()
            + self.index.capacity() * size_of::<usize>() * 8 / 7
            + self.states.capacity() * size_of::<Box<dyn Accumulator>>();
        self.keys.capacity() + lists + self.held_bytes
    }
}

impl Group {
    /// Groups the rows of `input`.
    pub fn new(input: Box<dyn Operator>, spec: Arc<CompiledGroup>) -> Self {
        Self {
            input,
            spec,
            machine: Machine::new(),
            key_machine: Machine::new(),
            groups: Groups::default(),
            memory_max: usize::MAX,
            overflow: None,
            rest: None,
            spilled: Spilled::default(),
            loaded: false,
            next: 0,
            arena: Bump::new(),
            row: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Takes in the input's current row.
    fn take(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let Self { input, spec, machine, key_machine, groups, memory_max, overflow, .. } = self;
        let as_group_error = smongo_vm::Error::in_group;
        let values = machine.compute_row(&spec.row, input.document(cx), &cx.env).map_err(as_group_error)?;
        let id = match values.first() {
            Some(id) if !id.is_nothing() => *id,
            _ => Value::NULL,
        };
        let fields = spec.fields.len();
        let number = match groups.find(id, spec.row.strings()) {
            Ok(number) if !overflow.as_ref().is_some_and(|overflow| overflow.takes_all) => number,
            Err(hash) if overflow.is_none() => {
                let first = groups.states.len();
                if let Err(error) = begin(spec, id, key_machine, cx, &mut groups.states) {
                    groups.states.truncate(first);
                    return Err(error);
                }
                groups.add(hash, id, fields)
            }
            _ => {
                let Some(overflow) = overflow else { return Ok(()) };
                overflow.row.clear();
                push_values(std::iter::once(id).chain(values.iter().skip(1).copied()), &mut overflow.row);
                overflow.sorter.push(&groups.key, &overflow.row, 0);
                if overflow.sorter.memory_bytes() > *memory_max / 2 {
                    overflow.sorter.spill(cx.workspace.files_for("$group")?)?;
                }
                return Ok(());
            }
        };
        let states = groups.states.iter_mut().skip(number * fields);
        for ((_, call), state) in spec.fields.iter().zip(states) {
            let args = values.get(call.args.clone()).unwrap_or_default();
            state.step(args, &mut groups.held_bytes).map_err(as_group_error)?;
        }
        let held_bytes = groups.memory_bytes();
        if held_bytes > *memory_max {
            cx.workspace.files_for("$group")?;
            let overflow = overflow.get_or_insert_default();
            overflow.takes_all = held_bytes > *memory_max + *memory_max / 4;
        }
        Ok(())
    }

    /// All documents are there.
    fn end_loading(&mut self) -> Result<()> {
        self.loaded = true;
        if let Some(overflow) = self.overflow.take() {
            let mut rest = overflow.sorter.finish(self.memory_max / 2)?;
            self.spilled = rest.spilled();
            self.rest = rest.advance()?.then_some(rest);
        }
        Ok(())
    }

    /// Writes the row of the next group; `false` when there is none.
    fn give(&mut self, cx: &ExecContext<'_>) -> Result<bool> {
        if self.rest.is_some() {
            self.give_rest(cx)?;
            return Ok(true);
        }
        while self.groups.list.get(self.next).is_some_and(|entry| entry.given) {
            self.next += 1;
        }
        let fields = self.spec.fields.len();
        let Some(entry) = self.groups.list.get(self.next) else { return Ok(false) };
        let states = self.groups.states.get(self.next * fields..).unwrap_or_default();
        write_row(&mut self.row, &self.spec, entry.id.get(), states, &mut self.arena)?;
        self.next += 1;
        Ok(true)
    }

    /// Groups the documents that waited for the next key, and writes the row.
    fn give_rest(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let Self { spec, key_machine, groups, rest, arena, row, .. } = self;
        let Some(rows) = rest else { return Ok(()) };
        let Some((key, first, _)) = rows.current() else { return Ok(()) };
        let (key, fields) = (key.to_vec(), spec.fields.len());
        let values = read_values(first)?;
        let id = Kept::new(values.first().copied().unwrap_or(Value::NULL));
        drop(values);
        let mut begun;
        let (id, states) = match groups.find_key(&key) {
            Ok(number) => {
                let states = groups.states.get_mut(number * fields..(number + 1) * fields).unwrap_or_default();
                let Some(entry) = groups.list.get_mut(number) else { return Ok(()) };
                entry.given = true;
                (&entry.id, states)
            }
            Err(_) => {
                begun = Vec::with_capacity(fields);
                begin(spec, id.get(), key_machine, cx, &mut begun)?;
                (&id, begun.as_mut_slice())
            }
        };
        let mut held_bytes = 0;
        let mut more = true;
        while more && let Some((_, values, _)) = rows.current().filter(|(next, _, _)| *next == key.as_slice()) {
            let values = read_values(values)?;
            for ((_, call), state) in spec.fields.iter().zip(states.iter_mut()) {
                let args = values.get(call.args.clone()).unwrap_or_default();
                state.step(args, &mut held_bytes).map_err(smongo_vm::Error::in_group)?;
            }
            drop(values);
            check_states("$group", held_bytes)?;
            more = rows.advance()?;
        }
        write_row(row, spec, id.get(), states, arena)?;
        if !more {
            *rest = None;
        }
        Ok(())
    }
}

/// Appends the states of a new group.
fn begin(
    spec: &CompiledGroup,
    id: Value<'_>,
    machine: &mut Machine,
    cx: &ExecContext<'_>,
    states: &mut Vec<Box<dyn Accumulator>>,
) -> Result<()> {
    for (_, call) in &spec.fields {
        let settings = settings(call, id, machine, &cx.env)?;
        states.push(growing(call, &settings).map_err(smongo_vm::Error::in_group)?);
    }
    Ok(())
}

/// Writes the row of a group.
fn write_row(
    row: &mut Vec<u8>,
    spec: &CompiledGroup,
    id: Value<'_>,
    states: &[Box<dyn Accumulator>],
    arena: &mut Bump,
) -> Result<()> {
    arena.reset();
    row.clear();
    let mut out = DocWriter::new(row);
    out.value("_id", id);
    for ((name, _), state) in spec.fields.iter().zip(states) {
        out.value(name, present(state.finish(arena)?));
    }
    out.finish();
    check_size(row)
}

/// The value of an accumulator, which is never missing from a row.
pub(super) fn present(value: Value<'_>) -> Value<'_> {
    if value.is_nothing() { Value::NULL } else { value }
}

/// Fails when a row that accumulators made is too large for a document.
pub(super) fn check_size(row: &[u8]) -> Result<()> {
    use smongo_vm::limits::MAX_INTERNAL_DOCUMENT_BYTES as MAX;
    if row.len() <= MAX {
        return Ok(());
    }
    let size = row.len();
    Err(Error::new(
        smongo_vm::Code::BSON_OBJECT_TOO_LARGE,
        format!("BSONObj size: {size} (0x{size:X}) is invalid. Size must be between 0 and {MAX}(16MB)"),
    ))
}

impl Operator for Group {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        self.memory_max = cx.workspace.memory_max(Limit::Group);
        while !self.loaded {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.take(cx)?,
                Step::Yield => return Ok(Step::Yield),
                Step::End => {
                    self.end_loading()?;
                    break;
                }
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
        self.stats.works += 1;
        if !self.give(cx)? {
            return Ok(Step::End);
        }
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
        self.loaded && self.rest.is_none() && self.next >= self.groups.list.len()
    }

    fn save(&mut self, cx: &ExecContext<'_>) {
        if !self.loaded {
            self.input.save(cx);
        }
    }

    fn stage(&self) -> &'static str {
        "GROUP"
    }

    fn input(&self) -> Option<&dyn Operator> {
        Some(&*self.input)
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn explain(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        doc.document("accumulators", |accumulators| {
            for (name, call) in &self.spec.fields {
                accumulators.string(name, call.definition.name);
            }
        });
    }

    fn explain_counts(&self, doc: &mut DocWriter<'_, Vec<u8>>) {
        write_spilled(doc, self.spilled);
    }

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("group key and arguments", Arc::clone(&self.spec.row))]
    }
}
