//! What kinds of indexes have in common: making keys of documents.

use std::fmt;
use std::ops::Range;

use smongo_vm::key::KeyEncoder;
use smongo_vm::value::RawDoc;

use crate::error::Result;

/// How one kind of index makes keys.
pub(crate) trait KeyGenerator: fmt::Debug + Send + Sync {
    /// Adds the keys of a document, each once.
    fn keys(&self, doc: &RawDoc, keys: &mut KeySet) -> Result<()>;

    /// Whether it is known, without making them, that two versions of a document have the same keys.
    fn same_keys(&self, old: &RawDoc, new: &RawDoc) -> bool;
}

/// The entries of one document, in buffers that are used again for the next.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    record_id: i64,
    /// Keys, each followed by its value: record id and type bits.
    bytes: Vec<u8>,
    entries: Vec<(Range<usize>, Range<usize>)>,
    type_bits: Vec<u8>,
}

impl KeySet {
    /// Forgets all entries; the next ones lead to `record_id`.
    pub fn begin(&mut self, record_id: i64) {
        self.record_id = record_id;
        self.bytes.clear();
        self.entries.clear();
    }

    /// Adds the key that `encode` writes.
    pub fn push(&mut self, encode: impl FnOnce(KeyEncoder<'_>)) {
        self.type_bits.clear();
        let start = self.bytes.len();
        encode(KeyEncoder::new(&mut self.bytes, &mut self.type_bits));
        let end = self.bytes.len();
        self.bytes.extend_from_slice(&self.record_id.to_be_bytes());
        self.bytes.extend_from_slice(&self.type_bits);
        self.entries.push((start..end, end..self.bytes.len()));
    }

    /// Keys with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.entries.iter().map(|(key, value)| (&self.bytes[key.clone()], &self.bytes[value.clone()]))
    }
}

/// The record that an entry of a unique index leads to.
pub(crate) fn record_id_of(value: &[u8]) -> Option<i64> {
    value.first_chunk::<8>().map(|bytes| i64::from_be_bytes(*bytes))
}
