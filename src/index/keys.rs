//! What kinds of indexes have in common: making keys of documents, and how entries are laid out.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use smongo_compiler::plan::IndexDescription;
use smongo_vm::collation::Collation;
use smongo_vm::interp::Machine;
use smongo_vm::key::{KeyEncoder, append_record_id, split_record_id};
use smongo_vm::value::{RawDoc, StringOrder};

use super::ArrayPaths;
use crate::error::Result;

/// How one kind of index makes keys.
pub(crate) trait KeyGenerator: fmt::Debug + Send + Sync {
    /// Adds the keys of a document, and where it has arrays.
    fn keys(&self, doc: &RawDoc, keys: &mut KeySet) -> Result<()>;
}

/// Where an entry has its record id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layout {
    /// In the value, so that a key is there once.
    Unique,
    /// Behind the key, so that documents may share its fields.
    Shared,
}

impl Layout {
    /// The record that an entry leads to.
    pub fn record_id(self, key: &[u8], value: &[u8]) -> Option<i64> {
        match self {
            Layout::Unique => record_id_of(value),
            Layout::Shared => split_record_id(key).map(|(_, record_id)| record_id),
        }
    }
}

/// The entries of one document, in buffers that are used again for the next.
pub(crate) struct KeySet {
    record_id: i64,
    layout: Layout,
    /// Keys, each followed by its value.
    bytes: Vec<u8>,
    entries: Vec<(Range<usize>, Range<usize>)>,
    type_bits: Vec<u8>,
    /// Where the document has arrays.
    pub(super) arrays: ArrayPaths,
    /// Runs the filters of partial indexes.
    pub(super) machine: Machine,
    collation: Option<Arc<Collation>>,
}

impl Default for KeySet {
    fn default() -> Self {
        Self {
            record_id: 0,
            layout: Layout::Unique,
            bytes: Vec::new(),
            entries: Vec::new(),
            type_bits: Vec::new(),
            arrays: ArrayPaths::default(),
            machine: Machine::new(),
            collation: None,
        }
    }
}

/// The entries of two versions of a document.
#[derive(Default)]
pub(crate) struct KeyScratch {
    pub(super) old: KeySet,
    pub(super) new: KeySet,
}

impl KeySet {
    /// Makes the entries of a document in an index.
    pub(super) fn fill(
        &mut self,
        generator: &dyn KeyGenerator,
        layout: Layout,
        index: &IndexDescription,
        doc: &RawDoc,
        record_id: i64,
    ) -> Result<()> {
        self.record_id = record_id;
        self.layout = layout;
        self.bytes.clear();
        self.entries.clear();
        self.arrays.reset(index.fields.len());
        self.collation.clone_from(&index.collation);
        generator.keys(doc, self)?;
        if self.entries.len() > 1 {
            let bytes = &self.bytes;
            self.entries.sort_by(|(a, _), (b, _)| bytes[a.clone()].cmp(&bytes[b.clone()]));
            self.entries.dedup_by(|(a, _), (b, _)| bytes[a.clone()] == bytes[b.clone()]);
        }
        Ok(())
    }

    /// Adds the key that `encode` writes.
    pub fn push(&mut self, encode: impl FnOnce(KeyEncoder<'_>)) {
        self.type_bits.clear();
        let start = self.bytes.len();
        let strings = self.collation.as_deref().map(|collation| collation as &dyn StringOrder);
        encode(KeyEncoder::with_strings(&mut self.bytes, &mut self.type_bits, strings));
        if self.layout == Layout::Shared {
            append_record_id(&mut self.bytes, self.record_id);
        }
        let end = self.bytes.len();
        if self.layout == Layout::Unique {
            self.bytes.extend_from_slice(&self.record_id.to_be_bytes());
        }
        self.bytes.extend_from_slice(&self.type_bits);
        self.entries.push((start..end, end..self.bytes.len()));
    }

    /// Keys with their values, each key once, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.entries.iter().map(|(key, value)| (&self.bytes[key.clone()], &self.bytes[value.clone()]))
    }

    /// Whether one of the keys is this one.
    pub fn has(&self, key: &[u8]) -> bool {
        self.entries.binary_search_by(|(range, _)| self.bytes[range.clone()].cmp(key)).is_ok()
    }

    /// Whether the document has arrays on the index's paths.
    pub fn has_arrays(&self) -> bool {
        !self.arrays.is_empty()
    }
}

/// The record that an entry of a unique index leads to.
pub(crate) fn record_id_of(value: &[u8]) -> Option<i64> {
    value.first_chunk::<8>().map(|bytes| i64::from_be_bytes(*bytes))
}
