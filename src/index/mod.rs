//! Indexes: tables of keys made from documents.
//!
//! An [`Index`] is a table and a [`KeyGenerator`], the one thing in which kinds of indexes differ; one kind is one
//! file. Keys are made and entries written only here, by the collection's writer.
//!
//! ```text
//! unique index   key    KeyString(fields)
//!                value  record id, 8 bytes big-endian ++ type bits
//! ```
//!
//! An index does not know which documents exist or how queries use it.

mod duplicate;
mod id;
mod keys;

use smongo_storage::{Cursor, Engine as Storage, Error as StorageError, KeyFormat, Table, TableOptions};
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::catalog::entry::IndexEntry;
use crate::error::{Error, Result};
use crate::request::Namespace;
pub(crate) use id::{append_id_key, id_spec, is_id_pattern};
pub(crate) use keys::{KeyGenerator, KeySet, record_id_of};

/// An index of a collection.
#[derive(Debug)]
pub(crate) struct Index {
    entry: IndexEntry,
    table: Table,
    keys: Box<dyn KeyGenerator>,
}

impl Index {
    /// Makes the table of a new index.
    pub fn create(storage: &Storage, entry: IndexEntry) -> Result<Self> {
        let options = TableOptions::new(KeyFormat::Bytes).prefix_compression(true);
        let table = storage.create_table(&entry.ident, &options)?;
        Ok(Self { keys: generator(&entry.spec)?, entry, table })
    }

    /// Opens an index that the catalog lists.
    pub fn open(storage: &Storage, entry: IndexEntry) -> Result<Self> {
        let table = storage.table(&entry.ident)?;
        Ok(Self { keys: generator(&entry.spec)?, entry, table })
    }

    /// What the catalog keeps about the index.
    pub fn entry(&self) -> &IndexEntry {
        &self.entry
    }

    /// The index's name.
    pub fn name(&self) -> &str {
        self.entry.spec.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The fields of the index with their directions or kinds.
    pub fn key_pattern(&self) -> &RawDoc {
        self.entry.spec.get("key").and_then(Value::as_doc).unwrap_or(RawDoc::EMPTY)
    }

    /// The table of its entries.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Writes the entries of a document. When one is there already, none is left written.
    pub fn insert(
        &self,
        cursor: &mut Cursor<'_>,
        ns: &Namespace,
        doc: &RawDoc,
        record_id: i64,
        keys: &mut KeySet,
    ) -> Result<()> {
        keys.begin(record_id);
        self.keys.keys(doc, keys)?;
        for (at, (key, value)) in keys.iter().enumerate() {
            match cursor.insert(key, value) {
                Ok(()) => {}
                Err(StorageError::DuplicateKey) => {
                    for (key, _) in keys.iter().take(at) {
                        cursor.remove(key)?;
                    }
                    return Err(duplicate::error(ns, self, doc));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Removes the entries of a document.
    pub fn remove(&self, cursor: &mut Cursor<'_>, doc: &RawDoc, record_id: i64, keys: &mut KeySet) -> Result<()> {
        keys.begin(record_id);
        self.keys.keys(doc, keys)?;
        for (key, _) in keys.iter() {
            cursor.remove(key)?;
        }
        Ok(())
    }

    /// Replaces the entries of `old` by those of `new`, when they differ.
    pub fn update(
        &self,
        cursor: &mut Cursor<'_>,
        ns: &Namespace,
        (old, new): (&RawDoc, &RawDoc),
        record_id: i64,
        keys: &mut KeySet,
    ) -> Result<()> {
        if self.keys.same_keys(old, new) {
            return Ok(());
        }
        self.remove(cursor, old, record_id, keys)?;
        match self.insert(cursor, ns, new, record_id, keys) {
            Ok(()) => Ok(()),
            Err(error) => {
                // The document stays as it was, so its entries come back.
                self.insert(cursor, ns, old, record_id, keys)?;
                Err(error)
            }
        }
    }
}

/// How an index of this description makes its keys.
fn generator(spec: &DocBuf) -> Result<Box<dyn KeyGenerator>> {
    let pattern = spec.get("key").and_then(Value::as_doc).unwrap_or(RawDoc::EMPTY);
    if is_id_pattern(pattern) {
        return Ok(Box::new(id::IdKeys));
    }
    Err(Error::new(Code::NOT_IMPLEMENTED, "smongo supports no indexes besides the one on _id yet"))
}
