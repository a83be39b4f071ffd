//! The catalog's table: entries by namespace, the format version, and the sizes noted at a clean close.
//!
//! Keys that begin with a zero byte are the store's own; no namespace begins with one.

use std::collections::HashMap;
use std::sync::Arc;

use smongo_storage::{Engine as Storage, KeyFormat, Table, TableOptions};
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::entry::Entry;
use crate::collection::Sizes;
use crate::error::{Error, Result};
use crate::oplog::{Operations, Oplog, Origin};
use crate::request::Namespace;

const TABLE_NAME: &str = "_catalog";
const FORMAT_KEY: &[u8] = b"\0format";
const SIZES_KEY: &[u8] = b"\0sizes";

/// What this version writes, and the newest it reads.
const FORMAT_VERSION: i64 = 1;

/// The catalog on disk.
#[derive(Debug)]
pub(super) struct Store {
    storage: Storage,
    table: Table,
    oplog: Arc<Oplog>,
}

impl Store {
    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Opens the catalog's table, or makes it in a new database. Refuses what a newer version wrote.
    pub fn open(storage: Storage, oplog: Arc<Oplog>) -> Result<Self> {
        if storage.table_exists(TABLE_NAME)? {
            let store = Self { table: storage.table(TABLE_NAME)?, storage, oplog };
            store.check_format()?;
            return Ok(store);
        }
        let table = storage.create_table(TABLE_NAME, &TableOptions::new(KeyFormat::Bytes))?;
        let store = Self { storage, table, oplog };
        store.put(FORMAT_KEY, &DocBuf::build(|doc| doc.value("version", Value::int64(FORMAT_VERSION))))?;
        Ok(store)
    }

    fn check_format(&self) -> Result<()> {
        let version = self.get(FORMAT_KEY)?.and_then(|doc| doc.get("version").and_then(Value::as_integer));
        match version {
            Some(1..=FORMAT_VERSION) => Ok(()),
            Some(newer) => Err(Error::new(
                Code::UNSUPPORTED_FORMAT,
                format!(
                    "the data directory has format version {newer}, and this build of smongo reads up to version \
                     {FORMAT_VERSION}: open it with a newer build"
                ),
            )),
            // A crash between making the table and its first record leaves an empty catalog: a new database.
            None if self.is_empty()? => {
                self.put(FORMAT_KEY, &DocBuf::build(|doc| doc.value("version", Value::int64(FORMAT_VERSION))))
            }
            None => Err(Error::new(Code::UNSUPPORTED_FORMAT, "the data directory has no format version")),
        }
    }

    fn is_empty(&self) -> Result<bool> {
        Ok(!self.storage.session()?.cursor(&self.table)?.first()?)
    }

    /// Every collection's entry.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let session = self.storage.session()?;
        let mut cursor = session.cursor(&self.table)?;
        let mut entries = Vec::new();
        let mut found = cursor.seek_ge(&[1])?;
        while found {
            entries.push(Entry::decode(cursor.value())?);
            found = cursor.next()?;
        }
        Ok(entries)
    }

    /// Writes entries in place of `gone` and logs what was done, all or nothing.
    pub fn replace(&self, gone: &[&Namespace], entries: &[Entry], logged: &Operations) -> Result<()> {
        let mut session = self.storage.session()?;
        let txn = session.begin()?;
        let mut cursor = txn.cursor(&self.table)?;
        for ns in gone {
            cursor.remove(ns.full().as_bytes())?;
        }
        for entry in entries {
            cursor.put(entry.ns.full().as_bytes(), entry.encode().as_bytes())?;
        }
        drop(cursor);
        let reservation = match logged.is_empty() {
            true => None,
            false => Some(self.oplog.append(&txn, logged, &Origin::default())?),
        };
        txn.commit()?;
        drop(reservation);
        Ok(())
    }

    /// Notes the collections' sizes by ident; to be called when nothing writes any more.
    pub fn put_sizes(&self, sizes: &[(&str, Sizes)]) -> Result<()> {
        let record = DocBuf::build(|doc| {
            for (ident, size) in sizes {
                doc.document(ident, |doc| {
                    doc.value("documents", Value::int64(size.documents));
                    doc.value("bytes", Value::int64(size.bytes));
                });
            }
        });
        self.put(SIZES_KEY, &record)
    }

    /// Takes the sizes noted at the last close; empty after a crash, because the note is removed here.
    pub fn take_sizes(&self) -> Result<HashMap<String, Sizes>> {
        let Some(record) = self.get(SIZES_KEY)? else { return Ok(HashMap::new()) };
        let mut session = self.storage.session()?;
        let txn = session.begin()?;
        txn.cursor(&self.table)?.remove(SIZES_KEY)?;
        txn.commit()?;
        let read = |doc: &RawDoc| {
            let number = |name| doc.get(name).and_then(Value::as_integer);
            Some(Sizes { documents: number("documents")?, bytes: number("bytes")? })
        };
        Ok(record
            .iter()
            .filter_map(|element| Some((element.name_str().to_owned(), read(element.value().as_doc()?)?)))
            .collect())
    }

    fn get(&self, key: &[u8]) -> Result<Option<DocBuf>> {
        let session = self.storage.session()?;
        let mut cursor = session.cursor(&self.table)?;
        Ok(if cursor.search(key)? { DocBuf::from_vec(cursor.value().to_vec()) } else { None })
    }

    fn put(&self, key: &[u8], record: &RawDoc) -> Result<()> {
        let mut session = self.storage.session()?;
        let txn = session.begin()?;
        txn.cursor(&self.table)?.put(key, record.as_bytes())?;
        Ok(txn.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use smongo_storage::OpenOptions;

    use super::*;

    #[test]
    fn a_newer_format_is_refused() {
        let storage = Storage::open(&OpenOptions::in_memory()).unwrap();
        let oplog = Arc::new(Oplog::open(storage.clone()).unwrap());
        let store = Store::open(storage.clone(), Arc::clone(&oplog)).unwrap();
        store.put(FORMAT_KEY, &DocBuf::build(|doc| doc.value("version", Value::int32(99)))).unwrap();
        let error = Store::open(storage, oplog).unwrap_err();
        assert!(error.message().contains("format version 99"), "{error}");
    }

    #[test]
    fn sizes_are_taken_once() {
        let storage = Storage::open(&OpenOptions::in_memory()).unwrap();
        let oplog = Arc::new(Oplog::open(storage.clone()).unwrap());
        let store = Store::open(storage, oplog).unwrap();
        assert!(store.take_sizes().unwrap().is_empty());
        store.put_sizes(&[("collection-1", Sizes { documents: 3, bytes: 90 })]).unwrap();
        assert_eq!(store.take_sizes().unwrap()["collection-1"], Sizes { documents: 3, bytes: 90 });
        assert!(store.take_sizes().unwrap().is_empty());
        assert!(store.entries().unwrap().is_empty());
    }
}
