//! Building an index over the documents that a collection already has.
//!
//! Keys are gathered, sorted and written in order. A build that fits one sorted run and is large goes through the
//! storage engine's bulk loader, which costs a checkpoint at the end; others are ordinary inserts. The catalog does not
//! name the table yet, so a build that ends early leaves nothing but a table to drop.

use smongo_storage::Engine as Storage;
use smongo_vm::value::{ArrayComponents, RawDoc};

use super::{ArrayPaths, Index, KeySet};
use crate::error::Result;
use crate::request::{Namespace, OpContext};

/// Bytes of keys that are gathered before they are written.
const RUN_MAX_BYTES: usize = 64 << 20;

/// Keys from which on the bulk loader is faster than inserts. Its checkpoint takes tens of milliseconds.
const BULK_MIN_KEYS: usize = 50_000;

/// Keys inserted in one transaction.
const TRANSACTION_KEYS: usize = 5_000;

/// Makes the entries of one index. Nobody else may use the collection meanwhile.
pub(crate) struct Builder<'b> {
    index: &'b Index,
    ns: &'b Namespace,
    storage: &'b Storage,
    keys: KeySet,
    arrays: Vec<ArrayComponents>,
    /// Keys and values, one behind the other.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// Whether entries have been written already.
    has_written: bool,
}

/// Where an entry lies among the bytes.
#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    key_len: usize,
    value_len: usize,
}

impl<'b> Builder<'b> {
    /// A builder of an index without entries.
    pub fn new(index: &'b Index, ns: &'b Namespace, storage: &'b Storage) -> Self {
        Self {
            index,
            ns,
            storage,
            keys: KeySet::default(),
            arrays: vec![ArrayComponents::default(); index.description().fields.len()],
            bytes: Vec::new(),
            entries: Vec::new(),
            has_written: false,
        }
    }

    /// Takes in a document.
    pub fn add(&mut self, op: &OpContext, doc: &RawDoc, record_id: i64) -> Result<()> {
        self.index.make_keys(doc, record_id, &mut self.keys)?;
        for (mine, theirs) in self.arrays.iter_mut().zip(&self.keys.arrays) {
            mine.merge(*theirs);
        }
        for (key, value) in self.keys.iter() {
            let entry = Entry { start: self.bytes.len(), key_len: key.len(), value_len: value.len() };
            self.bytes.extend_from_slice(key);
            self.bytes.extend_from_slice(value);
            self.entries.push(entry);
        }
        if self.bytes.len() >= RUN_MAX_BYTES {
            self.insert_run(op)?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(mut self, op: &OpContext) -> Result<()> {
        if self.has_written || self.entries.len() < BULK_MIN_KEYS {
            self.insert_run(op)?;
        } else {
            self.load()?;
        }
        let mut session = self.storage.session()?;
        let txn = session.begin()?;
        let mut cursor = txn.cursor(self.index.table())?;
        let noted: Option<ArrayPaths> = self.index.multikey.note(&self.arrays, &mut cursor)?;
        drop(cursor);
        txn.commit()?;
        if let Some(paths) = noted {
            self.index.confirm_arrays(&paths);
        }
        Ok(())
    }

    /// Sorts the run. Fails when a key is there twice.
    fn sort(&mut self) -> Result<()> {
        let Self { bytes, entries, .. } = self;
        entries.sort_unstable_by(|a, b| key_of(bytes, a).cmp(key_of(bytes, b)).then(a.start.cmp(&b.start)));
        match entries.windows(2).find(|pair| key_of(bytes, &pair[0]) == key_of(bytes, &pair[1])) {
            None => Ok(()),
            Some(pair) => Err(self.index.duplicate(self.ns, key_of(bytes, &pair[1]), value_of(bytes, &pair[1]))),
        }
    }

    fn load(&mut self) -> Result<()> {
        self.sort()?;
        let mut loader = self.storage.bulk_load(self.index.table())?;
        for entry in &self.entries {
            loader.append(key_of(&self.bytes, entry), value_of(&self.bytes, entry))?;
        }
        Ok(loader.finish()?)
    }

    fn insert_run(&mut self, op: &OpContext) -> Result<()> {
        self.sort()?;
        let mut session = self.storage.session()?;
        for part in self.entries.chunks(TRANSACTION_KEYS) {
            op.check()?;
            let txn = session.begin()?;
            let mut cursor = txn.cursor(self.index.table())?;
            let entries = part.iter().map(|entry| (key_of(&self.bytes, entry), value_of(&self.bytes, entry)));
            self.index.add(&mut cursor, self.ns, entries)?;
            drop(cursor);
            txn.commit()?;
        }
        self.has_written |= !self.entries.is_empty();
        self.entries.clear();
        self.bytes.clear();
        Ok(())
    }
}

fn key_of<'k>(bytes: &'k [u8], entry: &Entry) -> &'k [u8] {
    &bytes[entry.start..entry.start + entry.key_len]
}

fn value_of<'k>(bytes: &'k [u8], entry: &Entry) -> &'k [u8] {
    let start = entry.start + entry.key_len;
    &bytes[start..start + entry.value_len]
}
