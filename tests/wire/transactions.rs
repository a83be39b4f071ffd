//! Retryable writes and transactions.
//!
//! Sources: MongoDB's manual ("Retryable Writes", "Transactions", "Transactions and Operations"), the drivers'
//! specifications of retryable writes and transactions, and mongod's error codes.

use bson::{Bson, Document, doc};
use smongo::command::CommandOptions;
use smongo::wire::ServerOptions;
use smongo_vm::value::{DocBuf, RawDoc};

use crate::client::{Client, TestServer};

/// Runs a command and gives its reply.
fn run(client: &mut Client, db: &str, command: Document) -> Document {
    let bytes = bson::serialize_to_vec(&command).unwrap();
    let command = DocBuf::from_vec(bytes).unwrap();
    let reply = client.run(db, |doc| doc.elements_of(&command));
    bson::deserialize_from_slice(RawDoc::as_bytes(&reply)).unwrap()
}

fn session(id: u8) -> Document {
    doc! { "id": bson::Uuid::from_bytes([id; 16]) }
}

/// A command of a retryable write.
fn retryable(mut command: Document, id: u8, number: i64) -> Document {
    command.extend(doc! { "lsid": session(id), "txnNumber": number });
    command
}

/// A command of a transaction.
fn within(command: Document, id: u8, number: i64) -> Document {
    let mut command = retryable(command, id, number);
    command.insert("autocommit", false);
    command
}

fn starting(command: Document, id: u8, number: i64) -> Document {
    let mut command = within(command, id, number);
    command.insert("startTransaction", true);
    command
}

fn code(reply: &Document) -> i32 {
    reply.get_i32("code").unwrap_or(0)
}

fn labels(reply: &Document) -> Vec<&str> {
    reply.get_array("errorLabels").map(|labels| labels.iter().filter_map(Bson::as_str).collect()).unwrap_or_default()
}

fn ids(client: &mut Client, find: Document) -> Vec<i32> {
    let reply = run(client, "db", find);
    let batch = reply.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).unwrap();
    batch.iter().map(|doc| doc.as_document().unwrap().get_i32("_id").unwrap()).collect()
}

fn find() -> Document {
    doc! { "find": "c", "filter": {} }
}

fn insert(id: i32) -> Document {
    doc! { "insert": "c", "documents": [{ "_id": id }] }
}

#[test]
fn a_retryable_write_is_carried_out_once() {
    let server = TestServer::start();
    let client = &mut server.client();
    let documents = doc! { "insert": "c", "documents": [{ "_id": 1, "n": 0 }, { "_id": 2, "n": 0 }] };
    for retried in [false, true] {
        let reply = run(client, "db", retryable(documents.clone(), 1, 1));
        assert_eq!((code(&reply), reply.get_i32("n").unwrap()), (0, 2));
        assert!(!reply.contains_key("writeErrors"), "{reply}");
        assert_eq!(reply.get_array("retriedStmtIds").is_ok(), retried, "{reply}");
    }
    let updates = doc! { "update": "c", "updates": [
        { "q": { "_id": 1 }, "u": { "$inc": { "n": 1 } } },
        { "q": { "_id": 9 }, "u": { "$inc": { "n": 1 } }, "upsert": true },
    ] };
    for _ in 0..2 {
        let reply = run(client, "db", retryable(updates.clone(), 1, 2));
        assert_eq!((reply.get_i32("n").unwrap(), reply.get_i32("nModified").unwrap()), (2, 1), "{reply}");
        assert_eq!(reply.get_array("upserted").unwrap(), &vec![Bson::from(doc! { "index": 1, "_id": 9 })]);
    }
    let change = doc! { "findAndModify": "c", "query": { "_id": 2 }, "update": { "$inc": { "n": 1 } }, "new": true };
    for _ in 0..2 {
        let reply = run(client, "db", retryable(change.clone(), 1, 3));
        assert_eq!(reply.get_document("value").unwrap(), &doc! { "_id": 2, "n": 1 });
    }
    for _ in 0..2 {
        let delete = doc! { "delete": "c", "deletes": [{ "q": {}, "limit": 1 }] };
        assert_eq!(run(client, "db", retryable(delete, 1, 4)).get_i32("n").unwrap(), 1);
    }
    assert_eq!(ids(client, find()), [2, 9]);
}

#[test]
fn numbers_of_retryable_writes_only_grow() {
    let server = TestServer::start();
    let client = &mut server.client();
    assert_eq!(code(&run(client, "db", retryable(insert(1), 1, 5))), 0);
    assert_eq!(code(&run(client, "db", retryable(insert(2), 1, 4))), 225);
    assert_eq!(code(&run(client, "db", retryable(find(), 1, 6))), 50768);
    let multi = doc! { "update": "c", "updates": [{ "q": {}, "u": { "$set": { "a": 1 } }, "multi": true }] };
    assert_eq!(code(&run(client, "db", retryable(multi, 1, 7))), 72);
    let refused = run(client, "db", retryable(doc! { "insert": "c", "documents": [{ "_id": 1 }] }, 1, 8));
    assert!(refused.contains_key("writeErrors"));
    assert_eq!(ids(client, find()), [1]);
}

#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    let server = TestServer::start();
    let client = &mut server.client();
    run(client, "db", insert(1));
    assert_eq!(code(&run(client, "db", starting(insert(2), 1, 1))), 0);
    assert_eq!(code(&run(client, "db", within(doc! { "insert": "d", "documents": [{ "_id": 7 }] }, 1, 1))), 0);
    assert_eq!(ids(client, within(find(), 1, 1)), [1, 2]);
    assert_eq!(ids(client, find()), [1]);
    run(client, "db", insert(3));
    assert_eq!(ids(client, within(find(), 1, 1)), [1, 2]);
    for _ in 0..2 {
        assert_eq!(code(&run(client, "admin", within(doc! { "commitTransaction": 1 }, 1, 1))), 0);
    }
    assert_eq!(ids(client, find()), [1, 2, 3]);
    assert_eq!(ids(client, doc! { "find": "d" }), [7]);
    assert_eq!(code(&run(client, "db", within(find(), 1, 1))), 256);
    assert_eq!(code(&run(client, "admin", within(doc! { "abortTransaction": 1 }, 1, 1))), 256);

    assert_eq!(code(&run(client, "db", starting(insert(4), 1, 2))), 0);
    assert_eq!(code(&run(client, "admin", within(doc! { "abortTransaction": 1 }, 1, 2))), 0);
    assert_eq!(ids(client, find()), [1, 2, 3]);
    let gone = run(client, "db", within(find(), 1, 2));
    assert_eq!((code(&gone), labels(&gone)), (251, vec!["TransientTransactionError"]));
}

#[test]
fn conflicting_transactions_may_be_begun_again() {
    let server = TestServer::start();
    let client = &mut server.client();
    run(client, "db", insert(1));
    let update = doc! { "update": "c", "updates": [{ "q": { "_id": 1 }, "u": { "$inc": { "n": 1 } } }] };
    assert_eq!(code(&run(client, "db", starting(update.clone(), 1, 1))), 0);
    let conflict = run(client, "db", starting(update.clone(), 2, 1));
    assert_eq!((code(&conflict), labels(&conflict)), (112, vec!["TransientTransactionError"]));
    let gone = run(client, "admin", within(doc! { "commitTransaction": 1 }, 2, 1));
    assert_eq!((code(&gone), labels(&gone)), (251, vec!["TransientTransactionError"]));
    assert_eq!(code(&run(client, "admin", within(doc! { "commitTransaction": 1 }, 1, 1))), 0);

    // A failed statement ends its transaction.
    let failed = run(client, "db", starting(insert(1), 2, 2));
    assert!(failed.contains_key("writeErrors"), "{failed}");
    assert_eq!(code(&run(client, "admin", within(doc! { "commitTransaction": 1 }, 2, 2))), 251);
}

#[test]
fn what_transactions_may_not_do() {
    let server = TestServer::start();
    let client = &mut server.client();
    run(client, "db", insert(1));
    let rows = [
        ("db", starting(doc! { "count": "c" }, 1, 1), 263),
        ("db", starting(doc! { "drop": "c" }, 1, 2), 263),
        ("config", starting(doc! { "find": "c" }, 1, 3), 263),
        ("admin", starting(doc! { "commitTransaction": 1 }, 1, 4), 263),
        ("db", within(find(), 1, 5), 251),
        ("db", starting(doc! { "find": "c", "readConcern": { "level": "linearizable" } }, 1, 6), 72),
        ("db", starting(doc! { "insert": "c", "documents": [{}], "writeConcern": { "w": 1 } }, 1, 7), 72),
        ("db", starting(doc! { "find": "c", "readConcern": { "level": "snapshot" } }, 1, 8), 0),
        ("db", within(doc! { "find": "c", "readConcern": { "level": "snapshot" } }, 1, 8), 72),
        ("db", starting(find(), 1, 7), 225),
        ("admin", doc! { "commitTransaction": 1 }, 125),
        ("admin", retryable(doc! { "commitTransaction": 1 }, 1, 9), 50768),
        ("db", doc! { "commitTransaction": 1 }, 13),
        ("db", doc! { "find": "c", "lsid": session(1), "autocommit": false }, 72),
    ];
    for (db, command, expected) in rows {
        let reply = run(client, db, command.clone());
        assert_eq!(code(&reply), expected, "{command}: {reply}");
    }
}

#[test]
fn collections_made_in_a_transaction_go_with_it() {
    let server = TestServer::start();
    let client = &mut server.client();
    let names = |client: &mut Client| {
        let reply = run(client, "db", doc! { "listCollections": 1, "nameOnly": true });
        reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap().len()
    };
    assert_eq!(code(&run(client, "db", starting(doc! { "create": "c" }, 1, 1))), 0);
    let index = doc! { "createIndexes": "c", "indexes": [{ "key": { "a": 1 }, "name": "a_1" }] };
    assert_eq!(code(&run(client, "db", within(index.clone(), 1, 1))), 0);
    assert_eq!(code(&run(client, "db", within(insert(1), 1, 1))), 0);
    assert_eq!(code(&run(client, "admin", within(doc! { "abortTransaction": 1 }, 1, 1))), 0);
    assert_eq!(names(client), 0);
    run(client, "db", insert(1));
    assert_eq!(code(&run(client, "db", starting(index, 1, 2))), 263);
}

#[test]
fn a_change_of_a_collection_waits_for_transactions() {
    let server = TestServer::start();
    let client = &mut server.client();
    run(client, "db", insert(1));
    run(client, "db", starting(insert(2), 1, 1));
    std::thread::scope(|scope| {
        let dropping = scope.spawn(|| code(&run(&mut server.client(), "db", doc! { "drop": "c" })));
        std::thread::sleep(std::time::Duration::from_millis(100));
        assert!(!dropping.is_finished());
        assert_eq!(code(&run(client, "admin", within(doc! { "commitTransaction": 1 }, 1, 1))), 0);
        assert_eq!(dropping.join().unwrap(), 0);
    });
}

#[test]
fn cursors_of_a_transaction_stay_in_it() {
    let server = TestServer::start();
    let client = &mut server.client();
    run(client, "db", doc! { "insert": "c", "documents": [{ "_id": 1 }, { "_id": 2 }, { "_id": 3 }] });
    let reply = run(client, "db", starting(doc! { "find": "c", "batchSize": 1 }, 1, 1));
    let cursor = reply.get_document("cursor").unwrap().get_i64("id").unwrap();
    let more = doc! { "getMore": cursor, "collection": "c", "batchSize": 1 };
    let mut outside = more.clone();
    outside.insert("lsid", session(1));
    assert_eq!(code(&run(client, "db", outside)), 50740);
    assert_eq!(code(&run(client, "db", within(more, 1, 1))), 0);
}

#[test]
fn reads_of_a_moment_are_repeatable() {
    let server = TestServer::start();
    let client = &mut server.client();
    run(client, "db", doc! { "insert": "c", "documents": [{ "_id": 1 }, { "_id": 2 }] });
    let mut snapshot = find();
    snapshot.extend(doc! { "batchSize": 1, "readConcern": { "level": "snapshot" } });
    let reply = run(client, "db", snapshot);
    let cursor = reply.get_document("cursor").unwrap();
    let (id, time) = (cursor.get_i64("id").unwrap(), cursor.get_timestamp("atClusterTime").unwrap());
    run(client, "db", insert(3));
    let more = run(client, "db", doc! { "getMore": id, "collection": "c" });
    assert_eq!(more.get_document("cursor").unwrap().get_array("nextBatch").unwrap().len(), 1);
    let at = |time: bson::Timestamp| {
        let mut at = find();
        at.insert("readConcern", doc! { "level": "snapshot", "atClusterTime": time });
        at
    };
    assert_eq!(ids(client, at(time)), [1, 2]);
    assert_eq!(ids(client, find()), [1, 2, 3]);
    let old = bson::Timestamp { time: time.time - 100, increment: 1 };
    assert_eq!(code(&run(client, "db", at(old))), 239);
    let count = doc! { "count": "c", "readConcern": { "level": "snapshot" } };
    assert_eq!(code(&run(client, "db", count)), 72);
}

#[test]
fn the_log_tells_what_was_written() {
    let server = TestServer::start();
    let client = &mut server.client();
    run(client, "db", retryable(insert(1), 1, 1));
    let update = doc! { "update": "c", "updates": [{ "q": { "_id": 1 }, "u": { "$set": { "a": 1 } } }] };
    run(client, "db", update);
    run(client, "db", doc! { "delete": "c", "deletes": [{ "q": {}, "limit": 1 }] });
    run(client, "db", starting(insert(2), 1, 2));
    run(client, "admin", within(doc! { "commitTransaction": 1 }, 1, 2));
    run(client, "db", doc! { "drop": "c" });
    let reply = run(client, "local", doc! { "find": "oplog.rs", "filter": { "op": { "$ne": "n" } } });
    let batch = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    let entries: Vec<_> = batch.iter().filter_map(Bson::as_document).collect();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let o = entry.get_document("o").unwrap();
            (entry.get_str("op").unwrap(), entry.get_str("ns").unwrap(), o.keys().next().unwrap().as_str())
        })
        .collect();
    let expected = [
        ("c", "db.$cmd", "create"),
        ("i", "db.c", "_id"),
        ("u", "db.c", "$v"),
        ("d", "db.c", "_id"),
        ("c", "admin.$cmd", "applyOps"),
        ("c", "db.$cmd", "drop"),
    ];
    assert_eq!(told, expected);
    assert_eq!(entries[1].get_i64("txnNumber").unwrap(), 1);
    assert_eq!(entries[1].get_i32("stmtId").unwrap(), 0);
    let change = doc! { "$v": 2, "diff": { "i": { "a": 1 } } };
    assert_eq!(entries[2].get_document("o").unwrap(), &change);
    assert_eq!(entries[2].get_document("o2").unwrap(), &doc! { "_id": 1 });
    let times: Vec<_> = entries.iter().map(|entry| entry.get_timestamp("ts").unwrap()).collect();
    assert!(times.is_sorted());
}

/// Sources: MongoDB's manual on the oplog; the answers of mongod 8.2.4 to `renameCollection` and `dropDatabase`.
#[test]
fn the_log_cannot_be_changed_by_clients() {
    let server = TestServer::start();
    let client = &mut server.client();
    run(client, "db", insert(1));
    let rename = |from: &str, to: &str| doc! { "renameCollection": from, "to": to, "dropTarget": true };
    let update = doc! { "q": {}, "u": { "$set": { "a": 1 } }, "multi": true };
    let index = doc! { "key": { "a": 1 }, "name": "a" };
    let rows = [
        ("local", doc! { "drop": "oplog.rs" }),
        ("local", doc! { "dropDatabase": 1 }),
        ("admin", rename("local.oplog.rs", "local.other")),
        ("admin", rename("db.c", "local.oplog.rs")),
        ("admin", rename("db.c", "local.oplog.other")),
        ("local", doc! { "create": "oplog.rs" }),
        ("local", doc! { "insert": "oplog.rs", "documents": [{}] }),
        ("local", doc! { "update": "oplog.rs", "updates": [update] }),
        ("local", doc! { "delete": "oplog.rs", "deletes": [{ "q": {}, "limit": 0 }] }),
        ("local", doc! { "findAndModify": "oplog.rs", "query": {}, "remove": true }),
        ("local", doc! { "createIndexes": "oplog.rs", "indexes": [index] }),
        ("local", doc! { "dropIndexes": "oplog.rs", "index": "*" }),
        ("local", doc! { "collMod": "oplog.rs", "index": { "name": "_id_", "hidden": true } }),
        ("local", doc! { "reIndex": "oplog.rs" }),
        ("local", doc! { "validate": "oplog.rs", "repair": true }),
        ("local", doc! { "aggregate": "x", "pipeline": [{ "$documents": [] }, { "$out": "oplog.rs" }], "cursor": {} }),
        ("local", doc! { "aggregate": 1, "pipeline": [{ "$documents": [] }, { "$out": "oplog.rs" }], "cursor": {} }),
    ];
    for (db, command) in rows {
        let reply = run(client, db, command.clone());
        assert!(reply.contains_key("writeErrors") || reply.contains_key("code"), "{command}: {reply}");
    }
    run(client, "db", insert(2));
    let reply = run(client, "local", doc! { "count": "oplog.rs", "query": { "op": "i", "ns": "db.c" } });
    assert_eq!(reply.get_i32("n").unwrap(), 2, "{reply}");
    assert_eq!(code(&run(client, "local", doc! { "validate": "oplog.rs", "full": true })), 0);
}

#[test]
fn a_server_outside_a_replica_set_has_no_transactions() {
    let options = CommandOptions { set_name: None, ..CommandOptions::default() };
    let server = TestServer::with(options, ServerOptions::default());
    let client = &mut server.client();
    assert_eq!(code(&run(client, "db", starting(find(), 1, 1))), 20);
    assert_eq!(code(&run(client, "db", retryable(insert(1), 1, 1))), 20);
}

/// Source: MongoDB's manual, "Transactions and Operations": an index or a collection that is newer than a transaction.
#[test]
fn a_transaction_does_not_read_by_an_index_that_is_newer() {
    let server = TestServer::start();
    let (first, second) = (&mut server.client(), &mut server.client());
    run(first, "db", doc! { "insert": "c", "documents": [{ "_id": 1, "a": 1 }] });
    run(first, "db", doc! { "insert": "d", "documents": [{ "_id": 1 }] });
    run(first, "db", starting(doc! { "find": "d" }, 1, 1));
    let index = doc! { "createIndexes": "c", "indexes": [{ "key": { "a": 1 }, "name": "a_1" }] };
    assert_eq!(code(&run(second, "db", index)), 0);
    let reply = run(first, "db", within(doc! { "find": "c", "filter": { "a": 1 } }, 1, 1));
    assert_eq!(code(&reply), 246, "{reply}");
    assert_eq!(labels(&reply), ["TransientTransactionError"]);
    let reply = run(first, "db", starting(doc! { "find": "c", "filter": { "a": 1 } }, 1, 2));
    assert_eq!(code(&reply), 0, "{reply}");
    run(second, "db", doc! { "insert": "new", "documents": [{ "_id": 1 }] });
    let reply = run(first, "db", within(doc! { "insert": "new", "documents": [{ "_id": 2 }] }, 1, 2));
    assert_eq!((code(&reply), labels(&reply)), (246, vec!["TransientTransactionError"]), "{reply}");
}

/// Source: MongoDB's manual, "Causal Consistency": clocks advance with what clients were told elsewhere.
#[test]
fn the_cluster_time_follows_clients() {
    let server = TestServer::start();
    let client = &mut server.client();
    let now = run(client, "admin", doc! { "ping": 1 }).get_timestamp("operationTime").unwrap();
    let told = |seconds: u32| {
        let time = bson::Timestamp { time: now.time + seconds, increment: 7 };
        doc! { "ping": 1, "$clusterTime": { "clusterTime": time } }
    };
    let reply = run(client, "admin", told(100));
    assert!(reply.get_timestamp("operationTime").unwrap().time >= now.time + 100, "{reply}");
    assert_eq!(code(&run(client, "admin", told(400 * 24 * 60 * 60))), 205);
}

/// Source: MongoDB's manual, `killAllSessionsByPattern`; the drivers' use of `appendOplogNote`.
#[test]
fn sessions_are_killed_by_pattern_and_notes_are_logged() {
    let server = TestServer::start();
    let client = &mut server.client();
    run(client, "db", doc! { "create": "c" });
    run(client, "db", starting(insert(1), 1, 1));
    let pattern = doc! { "killAllSessionsByPattern": [{ "lsid": session(1) }] };
    assert_eq!(code(&run(client, "admin", pattern)), 0);
    assert_eq!(code(&run(client, "db", within(insert(2), 1, 1))), 251);
    let note = doc! { "appendOplogNote": 1, "data": { "msg": "a note" } };
    assert_eq!(code(&run(client, "admin", note)), 0);
    let found = run(client, "local", doc! { "find": "oplog.rs", "filter": { "o.msg": "a note" } });
    assert_eq!(found.get_document("cursor").unwrap().get_array("firstBatch").unwrap().len(), 1);
    assert_eq!(code(&run(client, "admin", doc! { "appendOplogNote": 1 })), 40414);
}

/// A collection that a transaction makes stays when the transaction comes to nothing but another has used it since.
#[test]
fn a_collection_that_others_use_does_not_go_with_its_maker() {
    let server = TestServer::start();
    let (maker, other) = (&mut server.client(), &mut server.client());
    run(maker, "db", doc! { "insert": "d", "documents": [{ "_id": 1 }] });
    assert_eq!(code(&run(maker, "db", starting(insert(1), 1, 1))), 0);
    assert_eq!(code(&run(other, "db", starting(insert(2), 2, 1))), 0);
    assert_eq!(code(&run(maker, "admin", within(doc! { "abortTransaction": 1 }, 1, 1))), 0);
    assert_eq!(code(&run(other, "admin", within(doc! { "commitTransaction": 1 }, 2, 1))), 0);
    assert_eq!(ids(other, find()), [2]);
}
