//! The one place where documents and their index entries change together, and where what is to be logged is noted.

use std::sync::atomic::Ordering;

use smongo_storage::{Cursor, Session};
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc};

use super::{Cap, Delta, Rules, Shared, Sizes, stored_document};
use crate::error::{Error, Result};
use crate::index::KeyScratch;
use crate::oplog::{Change, Subject};
use crate::session::Outcome;

/// Writes to a collection within one transaction. Every method leaves documents and index entries in agreement, also
/// when it fails with an error that does not end the transaction, such as a duplicate key.
pub(crate) struct Writer<'s> {
    shared: &'s Shared<'s>,
    records: Cursor<'s>,
    /// One for each index, in the collection's order.
    entries: Vec<Cursor<'s>>,
    keys: KeyScratch,
    delta: Delta,
    /// The statement of a retryable write that is being carried out.
    statement: Option<i32>,
    bytes_written: usize,
}

impl<'s> Writer<'s> {
    /// A writer for the transaction that `session` is in.
    pub fn new(shared: &'s Shared<'s>, session: &'s Session) -> Result<Self> {
        if shared.coll.is_log {
            return Err(Error::new(Code::INVALID_NAMESPACE, format!("cannot write to '{}'", shared.ns())));
        }
        let entries = shared.indexes().iter().map(|index| session.cursor(index.table()));
        Ok(Self {
            shared,
            records: session.cursor(shared.records())?,
            entries: entries.collect::<Result<_, _>>()?,
            keys: KeyScratch::default(),
            delta: Delta::default(),
            statement: None,
            bytes_written: 0,
        })
    }

    /// Says which statement of a retryable write the next changes belong to.
    pub fn begin_statement(&mut self, statement: Option<i32>) {
        self.statement = statement;
    }

    /// Notes what the statement came to, if it belongs to a retryable write.
    pub fn end_statement(&mut self, outcome: impl FnOnce() -> Outcome) {
        if let Some(statement) = self.statement {
            self.delta.statements.push((statement, outcome()));
        }
    }

    /// What the collection's options ask of documents.
    pub fn rules(&self) -> &'s Rules {
        self.shared.rules()
    }

    fn subject(&self) -> Option<Subject<'s>> {
        let shared = self.shared;
        shared.log().map(|_| Subject { ns: shared.ns().full(), uuid: shared.uuid() })
    }

    /// Stores a new document and gives its record id. In a capped collection the oldest make room for it.
    pub fn insert(&mut self, doc: &RawDoc) -> Result<i64> {
        let cap = self.rules().capped;
        if cap.is_some_and(|cap| i64::try_from(doc.as_bytes().len()).unwrap_or(i64::MAX) > cap.bytes) {
            return Err(Error::new(Code::BAD_VALUE, "object to insert exceeds cappedMaxSize"));
        }
        let record_id = self.store(doc)?;
        if let Some(cap) = cap {
            self.evict(cap)?;
        }
        Ok(record_id)
    }

    /// Removes the oldest documents until the others are within the limits.
    fn evict(&mut self, cap: Cap) -> Result<()> {
        let coll = self.shared.coll;
        loop {
            let known = coll.known_sizes().unwrap_or_default();
            let delta = self.delta.sizes;
            let sizes = Sizes { documents: known.documents + delta.documents, bytes: known.bytes + delta.bytes };
            let first = self.delta.first_record.unwrap_or(coll.first_record.load(Ordering::Relaxed));
            if cap.holds(sizes) || !self.records.seek_ge(first)? {
                return Ok(());
            }
            let record_id = self.records.record_id();
            let oldest: DocBuf = stored_document(self.records.value()).into();
            self.delete(record_id, &oldest)?;
            self.delta.first_record = Some(record_id + 1);
        }
    }

    fn store(&mut self, doc: &RawDoc) -> Result<i64> {
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
        if let Some(subject) = self.subject() {
            self.delta.operations.insert(subject, self.statement, doc);
        }
        self.delta.sizes.add(doc.as_bytes().len());
        self.bytes_written += doc.as_bytes().len();
        Ok(record_id)
    }

    /// Puts another document in a document's place.
    pub fn update(&mut self, record_id: i64, old: &RawDoc, new: &RawDoc, change: &Change<'_>) -> Result<()> {
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
        if let Some(subject) = self.subject() {
            let keeps_images = self.shared.keeps_images();
            self.delta.operations.update(subject, self.statement, (old, new), change, keeps_images);
        }
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
        if let Some(subject) = self.subject() {
            self.delta.operations.delete(subject, self.statement, doc, self.shared.keeps_images());
        }
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
