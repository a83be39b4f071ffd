//! The engine in this process against bare calls of the storage underneath: finding documents by `_id`, and inserting
//! many. 100,000 documents of about 600 bytes, all in the cache; nothing waits for a sync.
//!
//! A find by `_id` needs two searches, in the index and in the records, and an insert three writes: the record, its entry
//! in the index, and its entry in the log of operations.

#![allow(missing_docs)]

use bson::{RawDocumentBuf, doc, oid::ObjectId};
use smongo::engine::{Engine, EngineOptions};
use smongo::request::{FindRequest, InsertRequest, Namespace, OpContext};
use smongo::{Client, Collection};
use smongo_benches::measure::{Way, compare};
use smongo_benches::{Random, order};
use smongo_storage::{Engine as Storage, KeyFormat, OpenOptions, Session, Table, TableOptions};
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

const DOCUMENTS: u64 = 100_000;
const CACHE_BYTES: u64 = 1 << 30;

/// Documents of one insert.
const BATCH: u64 = 1000;

/// Lookups and inserts of a round.
const LOOKUPS: u64 = 20_000;
const INSERTS: u64 = 5_000;

/// The `_id` of a number, as [`order`] gives it.
fn id_of(number: u64) -> [u8; 12] {
    let mut id = [0; 12];
    id[4..].copy_from_slice(&number.to_be_bytes());
    id
}

/// Where an `_id` that comes first has its payload: length, type byte, name.
const ID_AT: usize = 4 + 1 + 4;

/// Gives documents new `_id`s, in the place of the old ones.
fn renumber(docs: &mut [Vec<u8>], next: &mut u64) {
    for doc in docs {
        doc[ID_AT..ID_AT + 12].copy_from_slice(&id_of(*next));
        *next += 1;
    }
}

/// The storage alone, with the tables that a collection has.
struct Bare {
    storage: Storage,
    records: Table,
    ids: Table,
    log: Table,
}

impl Bare {
    fn open(folder: &std::path::Path) -> Self {
        let storage = Storage::open(&OpenOptions::new(folder).create(true).cache_size_bytes(CACHE_BYTES));
        let storage = storage.expect("a store");
        let table = |name, key| storage.create_table(name, &TableOptions::new(key)).expect("a table");
        let (records, ids) = (table("records", KeyFormat::RecordId), table("ids", KeyFormat::Bytes));
        let log = table("log", KeyFormat::RecordId);
        Self { storage, records, ids, log }
    }

    /// Inserts documents in one transaction; the first gets this number.
    fn insert(&self, docs: &[Vec<u8>], first: u64) {
        let mut session = self.storage.session().expect("a session");
        let txn = session.begin().expect("a transaction");
        let [mut records, mut ids, mut log] =
            [&self.records, &self.ids, &self.log].map(|table| txn.cursor(table).expect("a cursor"));
        for (number, doc) in (first as i64 + 1..).zip(docs) {
            ids.insert(&doc[ID_AT..ID_AT + 12], &number.to_be_bytes()).expect("an insert");
            records.insert(number, doc).expect("an insert");
            log.insert(number, doc).expect("an insert");
        }
        drop((records, ids, log));
        txn.commit().expect("a commit");
    }

    /// The length of the document of an `_id`, by two searches.
    fn find(&self, session: &Session, id: &[u8]) -> usize {
        let mut ids = session.cursor(&self.ids).expect("a cursor");
        assert!(ids.search(id).expect("a search"), "the entry is there");
        let number = i64::from_be_bytes(ids.value().try_into().expect("eight bytes"));
        let mut records = session.cursor(&self.records).expect("a cursor");
        assert!(records.search(number).expect("a search"), "the record is there");
        records.value().len()
    }
}

fn insert(engine: &Engine, ns: &Namespace, docs: &[Vec<u8>]) {
    let docs: Vec<&RawDoc> = docs.iter().map(|doc| RawDoc::from_bytes(doc).expect("a document")).collect();
    let reply = engine.insert(&OpContext::new(), &InsertRequest::new(ns.clone(), &docs)).expect("an insert");
    assert_eq!(reply.inserted, docs.len() as u64);
}

/// The length of the batch that holds the document of an `_id`.
fn find(engine: &Engine, ns: &Namespace, id: &[u8; 12], reply: &mut Vec<u8>) -> usize {
    reply.clear();
    let filter = DocBuf::build(|doc| doc.value("_id", Value::object_id(id)));
    let mut request = FindRequest::new(ns.clone());
    (request.filter, request.limit, request.single_batch) = (&filter, Some(1), true);
    let mut out = DocWriter::new(reply);
    out.array("firstBatch", |batch| {
        engine.find(&OpContext::new(), &request, batch).expect("a find");
    });
    out.finish();
    reply.len()
}

fn main() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a temporary folder"));
    let engine = Engine::open(EngineOptions::new(folders[0].path()).cache_size_bytes(CACHE_BYTES)).expect("an engine");
    let bare = Bare::open(folders[1].path());
    let ns = Namespace::new("db", "orders").expect("a namespace");
    let coll: Collection<RawDocumentBuf> =
        Client::from_engine(std::sync::Arc::clone(&engine)).database("db").collection("orders");

    let mut random = Random::new(42);
    let docs: Vec<Vec<u8>> =
        (0..DOCUMENTS).map(|number| order(&mut random, number, false).as_doc().as_bytes().to_vec()).collect();
    for (at, docs) in docs.chunks(BATCH as usize).enumerate() {
        insert(&engine, &ns, docs);
        bare.insert(docs, at as u64 * BATCH);
    }

    // All ways look for the same documents.
    let wanted: Vec<[u8; 12]> = (0..LOOKUPS).map(|_| id_of(random.below(DOCUMENTS))).collect();
    let session = bare.storage.session().expect("a session");
    let mut reply = Vec::new();
    compare(
        "find by _id, in the cache",
        LOOKUPS,
        &["two searches"],
        vec![
            Way::new("two searches", || wanted.iter().filter(|id| bare.find(&session, *id) > 0).count() as u64),
            Way::new("engine", || wanted.iter().filter(|id| find(&engine, &ns, id, &mut reply) > 100).count() as u64),
            Way::new("embedded find_one", || {
                let found = |id: &&[u8; 12]| {
                    let filter = doc! { "_id": ObjectId::from_bytes(**id) };
                    coll.find_one(filter).run().expect("a find").is_some()
                };
                wanted.iter().filter(found).count() as u64
            }),
        ],
    );
    drop(session);

    let mut batch = docs[..BATCH as usize].to_vec();
    let mut same = batch.clone();
    let (mut next, mut next_bare) = (DOCUMENTS, DOCUMENTS);
    compare(
        "insert of 1000 documents at once",
        INSERTS,
        &["three writes"],
        vec![
            Way::new("three writes", || {
                for _ in 0..INSERTS / BATCH {
                    let first = next_bare;
                    renumber(&mut batch, &mut next_bare);
                    bare.insert(&batch, first);
                }
                INSERTS
            }),
            Way::new("engine", || {
                for _ in 0..INSERTS / BATCH {
                    renumber(&mut same, &mut next);
                    insert(&engine, &ns, &same);
                }
                INSERTS
            }),
        ],
    );
}
