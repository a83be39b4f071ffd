//! `validate` over collections that are as they should be, and over stores that a test has damaged behind the engine's
//! back, through the storage engine.

use std::path::Path;

use bson::{Bson, Document, doc};
use smongo::Client;
use smongo::request::{Namespace, OpContext, RepairMode, ValidateRequest, Validation};
use smongo_storage::{Engine as Storage, KeyFormat, OpenOptions, Table};

fn request(repair: RepairMode) -> ValidateRequest {
    let ns = Namespace::new("db", "c").unwrap();
    ValidateRequest { ns, full: repair == RepairMode::None, metadata: false, conformance: false, repair }
}

fn validate(dir: &Path, repair: RepairMode) -> Validation {
    let client = Client::open(dir).unwrap();
    client.engine().unwrap().validate(&OpContext::new(), &request(repair)).unwrap()
}

/// Ten documents with a plain and a unique index; `a` is the plain one's field.
fn store(a: impl Fn(i32) -> Bson) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::open(dir.path()).unwrap();
    let coll = client.database("db").collection::<Document>("c");
    coll.insert_many((0..10).map(|n| doc! { "_id": n, "a": a(n), "u": n })).run().unwrap();
    coll.create_index(doc! { "a": 1 }).run().unwrap();
    coll.create_index(doc! { "u": 1 }).unique(true).run().unwrap();
    dir
}

/// Writes to the tables themselves: documents, and the indexes on `_id`, `a` and `u`.
fn damage(dir: &Path, with: impl FnOnce(&Storage, [Table; 4])) {
    let storage = Storage::open(&OpenOptions::new(dir)).unwrap();
    let mut names = storage.list_tables().unwrap();
    names.retain(|name| name.starts_with("collection-") || name.starts_with("index-"));
    names.sort_by_key(|name| name.rsplit_once('-').unwrap().1.parse::<u32>().unwrap());
    let tables: Vec<Table> = names.iter().map(|name| storage.table(name).unwrap()).collect();
    with(&storage, tables.try_into().unwrap());
    storage.close().unwrap();
}

/// The entries of a table of keys.
fn entries(storage: &Storage, table: &Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    assert_eq!(table.key_format(), KeyFormat::Bytes);
    let session = storage.session().unwrap();
    let mut cursor = session.cursor(table).unwrap();
    let mut entries = Vec::new();
    while cursor.next().unwrap() {
        entries.push((cursor.key_bytes().to_vec(), cursor.value().to_vec()));
    }
    entries
}

fn write(storage: &Storage, table: &Table, write: impl FnOnce(&mut smongo_storage::Cursor<'_>)) {
    let mut session = storage.session().unwrap();
    let txn = session.begin().unwrap();
    write(&mut txn.cursor(table).unwrap());
    txn.commit().unwrap();
}

/// Validates a damaged store, repairs it, and sees that nothing is wrong any more.
fn found_and_mended(dir: &Path) -> (Validation, Validation) {
    let found = validate(dir, RepairMode::None);
    assert!(!found.is_valid(), "{found:?}");
    let mended = validate(dir, RepairMode::FixErrors);
    assert!(mended.repaired && mended.is_valid(), "{mended:?}");
    let after = validate(dir, RepairMode::None);
    assert!(after.is_valid() && after.warnings.is_empty(), "{after:?}");
    (found, mended)
}

#[test]
fn a_whole_store_is_valid() {
    let dir = store(|n| Bson::from(vec![n, n + 1]));
    let validation = validate(dir.path(), RepairMode::None);
    assert!(validation.is_valid() && validation.warnings.is_empty(), "{validation:?}");
    assert_eq!(validation.records, 10);
    let keys: Vec<_> = validation.indexes.iter().map(|index| (index.name.as_str(), index.keys)).collect();
    assert_eq!(keys, [("_id_", 10), ("a_1", 20), ("u_1", 10)]);
    let untouched = validate(dir.path(), RepairMode::FixErrors);
    assert!(untouched.is_valid() && !untouched.repaired);
}

#[test]
fn missing_and_extra_entries_are_found_and_mended() {
    let dir = store(Bson::from);
    damage(dir.path(), |storage, [_, _, a, u]| {
        let (first, second) = (entries(storage, &a)[0].clone(), entries(storage, &a)[1].clone());
        write(storage, &a, |cursor| {
            cursor.remove(&first.0).unwrap();
            // An entry of a record that there is none of.
            let mut key = second.0;
            *key.last_mut().unwrap() += 100;
            cursor.insert(&key, &[]).unwrap();
        });
        let last = entries(storage, &u).pop().unwrap();
        write(storage, &u, |cursor| assert!(cursor.remove(&last.0).unwrap()));
    });
    let (found, mended) = found_and_mended(dir.path());
    assert_eq!((found.missing_entries.len(), found.extra_entries.len()), (2, 1));
    let invalid: Vec<_> = found.indexes.iter().filter(|index| !index.valid).map(|index| index.name.as_str()).collect();
    assert_eq!(invalid, ["a_1", "u_1"]);
    assert_eq!((mended.inserted_missing_entries, mended.removed_extra_entries), (2, 1));
    let client = Client::open(dir.path()).unwrap();
    let coll = client.database("db").collection::<Document>("c");
    assert!(coll.find_one(doc! { "a": 0 }).run().unwrap().is_some());
    assert!(coll.find_one(doc! { "u": 9 }).run().unwrap().is_some());
}

#[test]
fn wrong_type_bits_are_found_and_mended() {
    let dir = store(Bson::from);
    damage(dir.path(), |storage, [_, _, a, _]| {
        let (key, _) = entries(storage, &a)[3].clone();
        write(storage, &a, |cursor| assert!(cursor.update(&key, &[2]).unwrap()));
    });
    let (found, _) = found_and_mended(dir.path());
    assert_eq!(found.missing_entries.len(), 1);
}

#[test]
fn arrays_that_an_index_does_not_know_of_are_found_and_noted() {
    let dir = store(|n| Bson::from(vec![n]));
    let forget = || {
        damage(dir.path(), |storage, [_, _, a, _]| {
            write(storage, &a, |cursor| assert!(cursor.remove(&[0]).unwrap(), "the index is multikey"));
        });
    };
    forget();
    found_and_mended(dir.path());
    forget();
    assert!(!validate(dir.path(), RepairMode::None).is_valid());
    assert!(validate(dir.path(), RepairMode::FixMultikey).repaired);
    assert!(validate(dir.path(), RepairMode::None).is_valid());
}

#[test]
fn records_that_are_no_documents_are_found_and_removed() {
    let dir = store(Bson::from);
    damage(dir.path(), |storage, [records, ..]| {
        write(storage, &records, |cursor| {
            assert!(cursor.search(4).unwrap());
            let bytes = cursor.value().to_vec();
            cursor.update(4, &bytes[..bytes.len() - 3]).unwrap();
        });
    });
    {
        // Reading the damaged record is an error, and reading the others is none.
        let client = Client::open(dir.path()).unwrap();
        let coll = client.database("db").collection::<Document>("c");
        let read: Result<Vec<_>, _> = coll.find(doc! {}).run().and_then(|found| found.collect());
        assert_eq!(read.unwrap_err().code(), 22);
        assert_eq!(coll.find_one(doc! { "_id": 3 }).run().unwrap_err().code(), 22);
        assert!(coll.find_one(doc! { "a": 5 }).run().unwrap().is_some());
    }
    let (found, mended) = found_and_mended(dir.path());
    assert_eq!((found.invalid_documents, found.corrupt_records.as_slice()), (1, [4].as_slice()));
    assert_eq!((mended.removed_corrupt_records, mended.records), (1, 9));
}

#[test]
fn a_second_document_with_a_unique_key_is_moved_away() {
    let dir = store(Bson::from);
    damage(dir.path(), |storage, [records, ..]| {
        write(storage, &records, |cursor| {
            assert!(cursor.search(1).unwrap());
            let bytes = cursor.value().to_vec();
            cursor.insert(77, &bytes).unwrap();
        });
    });
    let (_, mended) = found_and_mended(dir.path());
    assert_eq!(mended.moved_documents, 1);
    let client = Client::open(dir.path()).unwrap();
    let local = client.database("local");
    let names = local.list_collection_names().run().unwrap();
    let [name] = names.as_slice() else { panic!("{names:?}") };
    assert!(name.starts_with("lost_and_found."), "{name}");
    let moved = local.collection::<Document>(name).find_one(doc! {}).run().unwrap();
    assert_eq!(moved, Some(doc! { "_id": 0, "a": 0, "u": 0 }));
}
