//! Group: one row for each key, in the order in which keys first came by.
//!
//! One program computes of a document its key and what the accumulators are given. Keys are compared as encoded bytes,
//! so that 1 and 1.0 are the same, and the one that came first is what the row shows. For a group that is known
//! nothing is allocated.

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
use smongo_vm::value::{DocWriter, RawDoc, Value};

use super::states::{check_memory, growing, settings};
use crate::error::Result;
use crate::exec::{ExecContext, Operator, Stats, Step};

/// The grouping.
pub(crate) struct Group {
    input: Box<dyn Operator>,
    spec: Arc<CompiledGroup>,
    machine: Machine,
    /// Computes what depends on a key, while `machine` lends the key.
    key_machine: Machine,
    groups: Groups,
    loaded: bool,
    next: usize,
    arena: Bump,
    row: Vec<u8>,
    stats: Stats,
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
}

impl Groups {
    /// Encodes a key and finds its group: its number, or the hash that it will have.
    #[inline]
    fn find(&mut self, id: Value<'_>) -> std::result::Result<usize, u64> {
        self.key.clear();
        self.type_bits.clear();
        let mut encoder = KeyEncoder::new(&mut self.key, &mut self.type_bits);
        encoder.field(id, Direction::Ascending);
        encoder.finish(Bound::Equal);
        let hash = self.hasher.hash_one(self.key.as_slice());
        let is_same = |&at: &usize| {
            self.list.get(at).is_some_and(|entry| self.keys.get(entry.key.clone()) == Some(self.key.as_slice()))
        };
        self.index.find(hash, is_same).copied().ok_or(hash)
    }

    /// Adds the group of the key that was looked for last.
    fn add(&mut self, hash: u64, id: Value<'_>, states: impl Iterator<Item = Box<dyn Accumulator>>) -> usize {
        let number = self.list.len();
        let start = self.keys.len();
        self.keys.extend_from_slice(&self.key);
        let entry = Entry { hash, key: start..self.keys.len(), id: Kept::new(id) };
        let before = self.states.len();
        self.states.extend(states);
        let states_bytes: usize = self.states.iter().skip(before).map(|state| size_of_val(&**state)).sum();
        self.held_bytes += entry.id.heap_bytes() + states_bytes;
        self.list.push(entry);
        let list = &self.list;
        self.index.insert_unique(hash, number, |&at| list.get(at).map_or(0, |entry| entry.hash));
        number
    }

    fn memory_bytes(&self) -> usize {
        let lists = self.list.len() * (size_of::<Entry>() + size_of::<usize>())
            + self.states.len() * size_of::<Box<dyn Accumulator>>();
        self.keys.len() + lists + self.held_bytes
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
            loaded: false,
            next: 0,
            arena: Bump::new(),
            row: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Takes in the input's current row.
    fn take(&mut self, cx: &ExecContext<'_>) -> Result<()> {
        let Self { input, spec, machine, key_machine, groups, .. } = self;
        let as_group_error = smongo_vm::Error::in_group;
        let values = machine.compute_row(&spec.row, input.document(cx), &cx.env).map_err(as_group_error)?;
        let id = match values.first() {
            Some(id) if !id.is_nothing() => *id,
            _ => Value::NULL,
        };
        let fields = spec.fields.len();
        let number = match groups.find(id) {
            Ok(number) => number,
            Err(hash) => {
                let mut states = Vec::with_capacity(fields);
                for (_, call) in &spec.fields {
                    let settings = settings(call, id, key_machine, &cx.env)?;
                    states.push(growing(call, &settings).map_err(as_group_error)?);
                }
                groups.add(hash, id, states.into_iter())
            }
        };
        let states = groups.states.iter_mut().skip(number * fields);
        for ((_, call), state) in spec.fields.iter().zip(states) {
            let args = values.get(call.args.clone()).unwrap_or_default();
            state.step(args, &mut groups.held_bytes).map_err(as_group_error)?;
        }
        check_memory("$group", groups.memory_bytes())
    }

    /// Writes the row of the next group.
    fn give(&mut self) -> Result<()> {
        let fields = self.spec.fields.len();
        let Some(entry) = self.groups.list.get(self.next) else { return Ok(()) };
        self.arena.reset();
        self.row.clear();
        let mut out = DocWriter::new(&mut self.row);
        out.value("_id", entry.id.get());
        let states = self.groups.states.iter().skip(self.next * fields);
        for ((name, _), state) in self.spec.fields.iter().zip(states) {
            out.value(name, present(state.finish(&self.arena)?));
        }
        out.finish();
        self.next += 1;
        check_size(&self.row)
    }
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
    Err(crate::error::Error::new(
        smongo_vm::Code::BSON_OBJECT_TOO_LARGE,
        format!("BSONObj size: {size} (0x{size:X}) is invalid. Size must be between 0 and {MAX}(16MB)"),
    ))
}

impl Operator for Group {
    fn advance(&mut self, cx: &mut ExecContext<'_>) -> Result<Step> {
        while !self.loaded {
            self.stats.works += 1;
            match self.input.advance(cx)? {
                Step::Row => self.take(cx)?,
                Step::Yield => return Ok(Step::Yield),
                Step::End => {
                    self.loaded = true;
                    break;
                }
            }
            if cx.is_due() {
                return Ok(Step::Yield);
            }
        }
        self.stats.works += 1;
        if self.next >= self.groups.list.len() {
            return Ok(Step::End);
        }
        self.give()?;
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
        self.loaded && self.next >= self.groups.list.len()
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

    fn programs(&self) -> Vec<(&'static str, Arc<Program>)> {
        vec![("group key and arguments", Arc::clone(&self.spec.row))]
    }
}
