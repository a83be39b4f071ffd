//! Capped collections: their limits, their order, what changes about them, and the commands that make them.

use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};

use crate::client::{Client, TestServer};

/// The code of a reply's error; 0 when it has none.
fn failure(reply: &Document) -> i32 {
    let of_write =
        reply.get_array("writeErrors").ok().and_then(|errors| errors.first()?.as_document()?.get_i32("code").ok());
    of_write.or_else(|| reply.get_i32("code").ok()).unwrap_or(0)
}

fn run(client: &mut Client, command: Document) -> Document {
    let reply = client.command("db", command.clone());
    assert_eq!(failure(&reply), 0, "{command}: {reply}");
    reply
}

fn insert(client: &mut Client, ids: impl IntoIterator<Item = i32>) {
    let documents: Vec<Document> = ids.into_iter().map(|id| doc! { "_id": id }).collect();
    run(client, doc! { "insert": "c", "documents": documents });
}

fn batch(reply: &Document, name: &str) -> Vec<i32> {
    let batch = reply.get_document("cursor").unwrap().get_array(name).unwrap();
    batch.iter().map(|doc| doc.as_document().unwrap().get_i32("_id").unwrap()).collect()
}

fn ids(client: &mut Client) -> Vec<i32> {
    batch(&run(client, doc! { "find": "c" }), "firstBatch")
}

/// Source: MongoDB manual, "Capped Collections": the oldest documents make room for new ones, natural order is the order of
/// insertion, and updates keep a document's place.
#[test]
fn the_oldest_documents_make_room() {
    let server = TestServer::start();
    let mut client = server.client();
    run(&mut client, doc! { "create": "c", "capped": true, "size": 4096, "max": 3 });
    run(&mut client, doc! { "createIndexes": "c", "indexes": [{ "key": { "x": 1 }, "name": "x_1" }] });
    insert(&mut client, [5, 1, 4]);
    insert(&mut client, [2, 3]);
    assert_eq!(ids(&mut client), [4, 2, 3]);
    run(
        &mut client,
        doc! { "update": "c", "updates": [{ "q": { "_id": 2 }, "u": { "$set": { "x": "y".repeat(99) } } }] },
    );
    run(&mut client, doc! { "delete": "c", "deletes": [{ "q": { "_id": 4 }, "limit": 1 }] });
    insert(&mut client, [4]);
    assert_eq!(ids(&mut client), [2, 3, 4]);
    insert(&mut client, 10..20);
    assert_eq!(ids(&mut client), [17, 18, 19]);
    let reversed = run(&mut client, doc! { "find": "c", "sort": { "$natural": -1 }, "limit": 2 });
    assert_eq!(batch(&reversed, "firstBatch"), [19, 18]);
    let validated = run(&mut client, doc! { "validate": "c" });
    assert_eq!((validated.get_bool("valid").unwrap(), validated.get_i32("nrecords").unwrap()), (true, 3));
    // What was removed left its index entries with it.
    assert_eq!(batch(&run(&mut client, doc! { "find": "c", "filter": { "x": { "$gt": "" } } }), "firstBatch"), []);
    let stats = run(&mut client, doc! { "collStats": "c", "scale": 2 });
    assert_eq!((stats.get_bool("capped").unwrap(), stats.get_i32("max").unwrap()), (true, 3));
    assert_eq!(stats.get_i32("maxSize").unwrap(), 2048);
}

/// Source: MongoDB manual, "Capped Collections": bytes limit a collection too; a size is made a multiple of 256.
#[test]
fn bytes_are_limited() {
    let server = TestServer::start();
    let mut client = server.client();
    run(&mut client, doc! { "create": "c", "capped": true, "size": 4000 });
    let listed = run(&mut client, doc! { "listCollections": 1 });
    let first = listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap()[0].as_document().unwrap();
    assert_eq!(first.get_document("options").unwrap(), &doc! { "capped": true, "size": 4096 });
    let documents: Vec<Document> = (0..20).map(|id| doc! { "_id": id, "x": "x".repeat(1000) }).collect();
    run(&mut client, doc! { "insert": "c", "documents": documents });
    // Each has 1022 bytes.
    assert_eq!(ids(&mut client), [16, 17, 18, 19]);
}

/// Source: MongoDB manual, "Change the Size of a Capped Collection", "Change Maximum Documents in a Capped Collection".
#[test]
fn limits_change_with_the_next_insert() {
    let server = TestServer::start();
    let mut client = server.client();
    run(&mut client, doc! { "create": "c", "capped": true, "size": 100_000 });
    insert(&mut client, 0..6);
    run(&mut client, doc! { "collMod": "c", "cappedMax": 2 });
    assert_eq!(ids(&mut client).len(), 6);
    insert(&mut client, [6]);
    assert_eq!(ids(&mut client), [5, 6]);
    run(&mut client, doc! { "collMod": "c", "cappedMax": -1 });
    insert(&mut client, 7..10);
    assert_eq!(ids(&mut client).len(), 5);
    // A document `{_id: int}` has 14 bytes.
    run(&mut client, doc! { "collMod": "c", "cappedSize": 256 });
    insert(&mut client, 10..40);
    assert_eq!(ids(&mut client).len(), 256 / 14);
    for (command, code) in [
        (doc! { "collMod": "c", "cappedSize": 0 }, 2),
        (doc! { "collMod": "c", "cappedSize": (1_i64 << 50) + 1 }, 2),
        (doc! { "create": "d", "capped": true, "size": 0 }, 2),
        (doc! { "create": "d", "capped": true, "size": 100, "max": 1_i64 << 31 }, 2),
        (doc! { "create": "d", "capped": true }, 72),
        (doc! { "create": "d", "size": 5 }, 72),
        (doc! { "create": "d" }, 0),
        (doc! { "collMod": "d", "cappedSize": 1024 }, 72),
        (doc! { "aggregate": "d", "pipeline": [{ "$out": "c" }], "cursor": {} }, 17152),
    ] {
        assert_eq!(failure(&client.command("db", command.clone())), code, "{command}");
    }
}

/// Source: MongoDB manual, "convertToCapped", "cloneCollectionAsCapped": documents keep their order, the youngest stay,
/// and only the index on `_id` does.
#[test]
fn collections_become_capped() {
    let server = TestServer::start();
    let mut client = server.client();
    insert(&mut client, [3, 1, 2, 9, 7]);
    run(&mut client, doc! { "createIndexes": "c", "indexes": [{ "key": { "x": 1 }, "name": "x_1" }] });
    run(&mut client, doc! { "cloneCollectionAsCapped": "c", "toCollection": "d", "size": 4096 });
    assert_eq!(batch(&run(&mut client, doc! { "find": "d" }), "firstBatch"), [3, 1, 2, 9, 7]);
    run(&mut client, doc! { "convertToCapped": "c", "size": 4096 });
    assert_eq!(ids(&mut client), [3, 1, 2, 9, 7]);
    let indexes = run(&mut client, doc! { "listIndexes": "c" });
    assert_eq!(indexes.get_document("cursor").unwrap().get_array("firstBatch").unwrap().len(), 1);
    let documents: Vec<Document> = (0..20).map(|id| doc! { "_id": id, "x": "x".repeat(1000) }).collect();
    run(&mut client, doc! { "insert": "e", "documents": documents });
    run(&mut client, doc! { "convertToCapped": "e", "size": 4096 });
    assert_eq!(batch(&run(&mut client, doc! { "find": "e" }), "firstBatch"), [16, 17, 18, 19]);
    for (command, code) in [
        (doc! { "convertToCapped": "none", "size": 4096 }, 26),
        (doc! { "convertToCapped": 1, "size": 4096 }, 73),
        (doc! { "convertToCapped": "c" }, 72),
        (doc! { "convertToCapped": "c", "size": "1" }, 72),
        (doc! { "convertToCapped": "system.views", "size": 4096 }, 2),
        (doc! { "cloneCollectionAsCapped": "c", "toCollection": "d", "size": 4096 }, 48),
        (doc! { "cloneCollectionAsCapped": "c", "toCollection": 1, "size": 4096 }, 14),
        (doc! { "cloneCollectionAsCapped": "c", "toCollection": "f", "size": (1_i64 << 50) + 1 }, 2),
        (doc! { "cloneCollectionAsCapped": "c", "toCollection": "f" }, 72),
    ] {
        assert_eq!(failure(&client.command("db", command.clone())), code, "{command}");
    }
}

/// Source: MongoDB manual, "Tailable Cursors", and documentdb/functional-tests, recorded against mongod 8.2.4.
#[test]
fn tailable_cursors_see_what_comes_and_lose_what_goes() {
    let server = TestServer::start();
    let (mut client, mut other) = (server.client(), server.client());
    run(&mut client, doc! { "create": "c", "capped": true, "size": 4096, "max": 3 });
    // An empty collection has no place for a cursor.
    let tail = doc! { "find": "c", "tailable": true, "awaitData": true };
    assert_eq!(run(&mut client, tail.clone()).get_document("cursor").unwrap().get_i64("id").unwrap(), 0);
    insert(&mut client, [1]);
    let found = run(&mut client, tail);
    let cursor = found.get_document("cursor").unwrap().get_i64("id").unwrap();
    assert!(cursor != 0);
    let waiter = std::thread::spawn(move || {
        let more = run(&mut client, doc! { "getMore": cursor, "collection": "c", "maxTimeMS": 60_000 });
        (client, batch(&more, "nextBatch"))
    });
    std::thread::sleep(Duration::from_millis(200));
    let inserted = Instant::now();
    insert(&mut other, [2]);
    let (mut client, seen) = waiter.join().unwrap();
    assert_eq!(seen, [2]);
    assert!(inserted.elapsed() < Duration::from_secs(10));
    let none = run(&mut client, doc! { "getMore": cursor, "collection": "c", "maxTimeMS": 1 });
    assert_eq!(batch(&none, "nextBatch"), []);
    insert(&mut client, 3..9);
    let lost = client.command("db", doc! { "getMore": cursor, "collection": "c", "maxTimeMS": 1 });
    assert_eq!(failure(&lost), 136);
    assert_eq!(failure(&client.command("db", doc! { "create": "d" })), 0);
    assert_eq!(failure(&client.command("db", doc! { "find": "d", "tailable": true })), 2);
}

/// Source: MongoDB manual, "Transactions and Capped Collections", and "Capped Collections": writers take turns.
#[test]
fn writers_take_turns() {
    let server = TestServer::start();
    let mut client = server.client();
    run(&mut client, doc! { "create": "c", "capped": true, "size": 100_000, "max": 50 });
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let mut client = server.client();
            scope.spawn(move || {
                for n in 0..50 {
                    insert(&mut client, [writer * 100 + n]);
                }
            });
        }
    });
    let left = ids(&mut client);
    assert_eq!(left.len(), 50);
    for writer in 0..4 {
        let own: Vec<i32> = left.iter().copied().filter(|id| id / 100 == writer).collect();
        assert!(own.is_sorted(), "{own:?}");
    }
    let session =
        doc! { "id": Bson::Binary(bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: vec![7; 16] }) };
    let refused = client.command(
        "db",
        doc! {
            "insert": "c", "documents": [{ "_id": 1000 }], "lsid": session, "txnNumber": 1_i64,
            "startTransaction": true, "autocommit": false,
        },
    );
    assert_eq!(failure(&refused), 263, "{refused}");
}
