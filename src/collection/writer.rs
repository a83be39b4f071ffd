//! The one place where documents and their index entries change together.

use smongo_storage::{Cursor, Session};
use smongo_vm::value::RawDoc;

use super::{Delta, Shared};
use crate::error::Result;
use crate::index::KeyScratch;

/// Writes to a collection within one transaction. Every method leaves documents and index entries in agreement, also
/// when it fails with an error that does not end the transaction, such as a duplicate key.
pub(crate) struct Writer<'s> {
    shared: &'s Shared<'s>,
    records: Cursor<'s>,
    /// One for each index, in the collection's order.
    entries: Vec<Cursor<'s>>,
    keys: KeyScratch,
    delta: Delta,
    bytes_written: usize,
}

impl<'s> Writer<'s> {
    /// A writer for the transaction that `session` is in.
    pub fn new(shared: &'s Shared<'s>, session: &'s Session) -> Result<Self> {
        let entries = shared.indexes().iter().map(|index| session.cursor(index.table()));
        Ok(Self {
            shared,
            records: session.cursor(shared.records())?,
            entries: entries.collect::<Result<_, _>>()?,
            keys: KeyScratch::default(),
            delta: Delta::default(),
            bytes_written: 0,
        })
    }

    /// Stores a new document and gives its record id.
    pub fn insert(&mut self, doc: &RawDoc) -> Result<i64> {
        let record_id = self.shared.new_record_id();
        let indexes = self.shared.indexes();
        for (at, index) in indexes.iter().enumerate() {
            match index.insert(&mut self.entries[at], self.shared.ns(), doc, record_id, &mut self.keys) {
                Ok(arrays) => self.delta.arrays.extend(arrays.map(|arrays| (at, arrays))),
                Err(error) => {
                    for (index, cursor) in indexes.iter().zip(&mut self.entries).take(at) {
                        index.remove(cursor, doc, record_id, &mut self.keys)?;
                    }
                    return Err(error);
                }
            }
        }
        self.records.insert(record_id, doc.as_bytes())?;
        self.delta.sizes.add(doc.as_bytes().len());
        self.bytes_written += doc.as_bytes().len();
        Ok(record_id)
    }

    /// Replaces a document.
    pub fn update(&mut self, record_id: i64, old: &RawDoc, new: &RawDoc) -> Result<()> {
        let indexes = self.shared.indexes();
        for (at, index) in indexes.iter().enumerate() {
            let cursor = &mut self.entries[at];
            match index.update(cursor, self.shared.ns(), (old, new), record_id, &mut self.keys) {
                Ok(arrays) => self.delta.arrays.extend(arrays.map(|arrays| (at, arrays))),
                Err(error) => {
                    for (index, cursor) in indexes.iter().zip(&mut self.entries).take(at) {
                        index.update(cursor, self.shared.ns(), (new, old), record_id, &mut self.keys)?;
                    }
                    return Err(error);
                }
            }
        }
        self.records.update(record_id, new.as_bytes())?;
        self.delta.sizes.replace(old.as_bytes().len(), new.as_bytes().len());
        self.bytes_written += new.as_bytes().len();
        Ok(())
    }

    /// Removes a document.
    pub fn delete(&mut self, record_id: i64, doc: &RawDoc) -> Result<()> {
        for (index, cursor) in self.shared.indexes().iter().zip(&mut self.entries) {
            index.remove(cursor, doc, record_id, &mut self.keys)?;
        }
        self.records.remove(record_id)?;
        self.delta.sizes.remove(doc.as_bytes().len());
        Ok(())
    }

    /// How many bytes of documents were written so far.
    pub fn bytes_written(&self) -> usize {
        self.bytes_written
    }

    /// What the writes so far changed: to be counted once the transaction has committed.
    pub fn finish(self) -> Delta {
        self.delta
    }
}
