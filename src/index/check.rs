//! Comparing an index with the documents that it is about, and mending what differs.
//!
//! Every document's keys are looked for among the entries. An index with as many entries as were found has no others;
//! where the numbers differ, each entry is held against the document that it leads to.

use smongo_storage::Cursor;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::multikey::is_reserved;
use super::{ArrayPaths, Index, KeySet, duplicate};
use crate::collection::{checked_document, id_of};
use crate::error::Result;
use crate::request::OpContext;

/// How many entries of each sort are listed; all are counted.
const LISTED_MAX: usize = 1000;

/// How many entries pass between two looks at whether to go on.
const ENTRIES_PER_CHECK: u64 = 1024;

/// What is wrong with an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// The document has the key, and the index has not.
    Missing,
    /// The entry says something else about the key's types.
    WrongValue,
    /// The index has the key for another document, and may have it once only.
    Taken,
    /// No document has the key.
    Extra,
}

/// An entry that is wrong, with what it should be.
#[derive(Clone, Debug)]
pub(crate) struct FaultyEntry {
    pub fault: Fault,
    pub record_id: Option<i64>,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// What became of comparing an index.
#[derive(Debug, Default)]
pub(crate) struct IndexFindings {
    /// How many entries there are.
    pub entries: u64,
    pub faults: Vec<FaultyEntry>,
    /// The entries that documents lack, as MongoDB lists them.
    pub missing: Vec<DocBuf>,
    /// The entries that no document has.
    pub extra: Vec<DocBuf>,
    /// Other things that are wrong, in words.
    pub errors: Vec<String>,
    /// Where documents have arrays that the index does not know of.
    pub unknown_arrays: bool,
}

impl IndexFindings {
    /// Whether nothing is wrong.
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty() && self.errors.is_empty() && !self.unknown_arrays
    }

    /// How many entries have this fault.
    pub fn count(&self, fault: impl Fn(Fault) -> bool) -> u64 {
        self.faults.iter().filter(|entry| fault(entry.fault)).count() as u64
    }
}

/// The comparison of one index, within one snapshot.
pub(crate) struct IndexCheck<'c> {
    index: &'c Index,
    entries: Cursor<'c>,
    noted: ArrayPaths,
    keys: KeySet,
    arrays: ArrayPaths,
    /// Keys of documents that the index has.
    found: u64,
    findings: IndexFindings,
}

impl<'c> IndexCheck<'c> {
    /// Begins the comparison; `entries` is a cursor on the index's table.
    pub fn new(index: &'c Index, mut entries: Cursor<'c>) -> Result<Self> {
        let noted = index.multikey.stored(&mut entries)?;
        let arrays = ArrayPaths::none(index.description().fields.len());
        let (keys, findings) = (KeySet::default(), IndexFindings::default());
        Ok(Self { index, entries, noted, keys, arrays, found: 0, findings })
    }

    /// Looks for the keys of a document.
    pub fn document(&mut self, doc: &RawDoc, record_id: i64) -> Result<()> {
        if let Err(error) = self.index.make_keys(doc, record_id, &mut self.keys) {
            self.findings.errors.push(format!("no keys can be made of record {record_id}: {}", error.message()));
            return Ok(());
        }
        if self.keys.has_arrays() {
            self.arrays.merge(&self.keys.arrays);
        }
        for (key, value) in self.keys.iter() {
            let fault = match self.entries.search(key)? {
                false => Fault::Missing,
                true => {
                    self.found += 1;
                    match self.entries.value() {
                        stored if stored == value => continue,
                        stored if self.index.record_id(key, stored) == Some(record_id) => Fault::WrongValue,
                        _ => {
                            // The entry is another document's.
                            self.found -= 1;
                            Fault::Taken
                        }
                    }
                }
            };
            if self.findings.missing.len() < LISTED_MAX {
                self.findings.missing.push(DocBuf::build(|entry| {
                    entry.string("indexName", self.index.name());
                    entry.value("recordId", Value::int64(record_id));
                    entry.document("idKey", |id| id.value("_id", id_of(doc)));
                    let shown = duplicate::key_document(self.index, key, self.index.type_bits(value));
                    entry.value("indexKey", Value::document(&shown));
                }));
            }
            let (key, value) = (key.to_vec(), value.to_vec());
            self.findings.faults.push(FaultyEntry { fault, record_id: Some(record_id), key, value });
        }
        Ok(())
    }

    /// Looks at the entries; `records` is a cursor on the documents. Call it when all documents have been seen.
    pub fn entries(&mut self, op: &OpContext, records: &mut Cursor<'_>) -> Result<()> {
        let mut before: Vec<u8> = Vec::new();
        let mut is_ordered = true;
        self.entries.reset()?;
        while self.entries.next()? {
            let key = self.entries.key_bytes();
            is_ordered &= before.as_slice() < key;
            before.clear();
            before.extend_from_slice(key);
            if !is_reserved(key) {
                self.findings.entries += 1;
            }
            if self.findings.entries.is_multiple_of(ENTRIES_PER_CHECK) {
                op.check()?;
            }
        }
        if !is_ordered {
            self.findings.errors.push(format!("index '{}' is not in strictly ascending order", self.index.name()));
        }
        if self.findings.entries != self.found {
            self.look_for_extra(op, records)?;
        }
        self.findings.unknown_arrays = !self.noted.includes(&self.arrays);
        Ok(())
    }

    /// Holds each entry against its document.
    fn look_for_extra(&mut self, op: &OpContext, records: &mut Cursor<'_>) -> Result<()> {
        let mut looked = 0u64;
        self.entries.reset()?;
        while self.entries.next()? {
            let (key, value) = (self.entries.key_bytes(), self.entries.value());
            if is_reserved(key) {
                continue;
            }
            looked += 1;
            if looked.is_multiple_of(ENTRIES_PER_CHECK) {
                op.check()?;
            }
            let record_id = self.index.record_id(key, value);
            let is_wanted = match record_id {
                Some(record_id) if records.search(record_id)? => match checked_document(records.value()) {
                    Ok(doc) => self.index.make_keys(doc, record_id, &mut self.keys).is_ok() && self.keys.has(key),
                    Err(_) => false,
                },
                _ => false,
            };
            if is_wanted {
                continue;
            }
            if self.findings.extra.len() < LISTED_MAX {
                self.findings.extra.push(DocBuf::build(|entry| {
                    entry.string("indexName", self.index.name());
                    entry.value("recordId", record_id.map_or(Value::NULL, Value::int64));
                    let shown = duplicate::key_document(self.index, key, self.index.type_bits(value));
                    entry.value("indexKey", Value::document(&shown));
                }));
            }
            let (key, value) = (key.to_vec(), value.to_vec());
            self.findings.faults.push(FaultyEntry { fault: Fault::Extra, record_id, key, value });
        }
        Ok(())
    }

    /// What was found, and where documents have arrays.
    pub fn finish(self) -> (IndexFindings, ArrayPaths) {
        (self.findings, self.arrays)
    }
}

impl Index {
    /// Makes a faulty entry what it should be. The entry of a key that is taken stays as it is: its document has to go.
    pub fn mend(&self, cursor: &mut Cursor<'_>, entry: &FaultyEntry) -> Result<()> {
        match entry.fault {
            Fault::Missing | Fault::WrongValue => cursor.put(&entry.key, &entry.value)?,
            Fault::Extra => {
                cursor.remove(&entry.key)?;
            }
            Fault::Taken => {}
        }
        Ok(())
    }

    /// Notes where documents have arrays. Gives what is to be confirmed once the transaction has committed.
    pub fn mend_arrays(&self, cursor: &mut Cursor<'_>, arrays: &ArrayPaths) -> Result<ArrayPaths> {
        self.multikey.note_again(arrays, cursor)
    }

    /// Removes those entries of a document that lead to it.
    pub fn remove_own(&self, cursor: &mut Cursor<'_>, doc: &RawDoc, record_id: i64) -> Result<()> {
        let mut keys = KeySet::default();
        self.make_keys(doc, record_id, &mut keys)?;
        for (key, _) in keys.iter() {
            if cursor.search(key)? && self.record_id(key, cursor.value()) == Some(record_id) {
                cursor.remove(key)?;
            }
        }
        Ok(())
    }
}
