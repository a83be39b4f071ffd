//! Views: what reads give, what writes are told, and what cannot be a view.

use bson::{Bson, Document, doc};

use crate::client::{Client, TestServer};

fn with_documents(server: &TestServer) -> Client {
    let mut client = server.client();
    let documents: Vec<Document> = (0..6).map(|n| doc! { "_id": n, "x": n % 2 }).collect();
    client.command("db", doc! { "insert": "c", "documents": documents });
    client
}

fn create(client: &mut Client, name: &str, on: &str, pipeline: Vec<Document>) -> i32 {
    failure(&client.command("db", doc! { "create": name, "viewOn": on, "pipeline": pipeline }))
}

/// The code of a reply's error; 0 when it has none.
fn failure(reply: &Document) -> i32 {
    let of_write =
        reply.get_array("writeErrors").ok().and_then(|errors| errors.first()?.as_document()?.get_i32("code").ok());
    of_write.or_else(|| reply.get_i32("code").ok()).unwrap_or(0)
}

fn ids(reply: &Document) -> Vec<i32> {
    let batch = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    batch.iter().map(|doc| doc.as_document().unwrap().get_i32("_id").unwrap()).collect()
}

/// Source: MongoDB manual, "Views": a view's documents are those of its pipeline, nested views included.
#[test]
fn reads_go_through_the_pipelines_of_all_views_below() {
    let server = TestServer::start();
    let mut client = with_documents(&server);
    assert_eq!(create(&mut client, "odd", "c", vec![doc! { "$match": { "x": 1 } }]), 0);
    assert_eq!(create(&mut client, "named", "odd", vec![doc! { "$project": { "n": "$_id" } }]), 0);
    let found = client.command("db", doc! { "find": "named", "filter": { "n": { "$gt": 1 } }, "sort": { "n": -1 } });
    assert_eq!(ids(&found), [5, 3]);
    assert_eq!(found.get_document("cursor").unwrap().get_str("ns").unwrap(), "db.named");
    let aggregated = client.command("db", doc! { "aggregate": "named", "pipeline": [{ "$limit": 1 }], "cursor": {} });
    assert_eq!(ids(&aggregated), [1]);
    // Recorded against mongod 8.2.4 (documentdb/functional-tests): `ok` is an int32 here.
    let distinct = client.command("db", doc! { "distinct": "named", "key": "n" });
    assert_eq!(
        (distinct.get_array("values").unwrap(), distinct.get("ok")),
        (&vec![1.into(), 3.into(), 5.into()], Some(&Bson::Int32(1)))
    );
    assert_eq!(client.command("db", doc! { "count": "named", "skip": 1 }).get_i32("n").unwrap(), 2);
}

/// Source: MongoDB manual, "$lookup", "$unionWith", "$graphLookup": `from` may be a view.
#[test]
fn stages_read_views_as_they_read_collections() {
    let server = TestServer::start();
    let mut client = with_documents(&server);
    create(&mut client, "odd", "c", vec![doc! { "$match": { "x": 1 } }]);
    create(&mut client, "named", "odd", vec![doc! { "$project": { "n": "$_id" } }]);
    let mut joined = |stage: Document| -> usize {
        let pipeline = vec![doc! { "$match": { "_id": 3 } }, stage];
        let reply = client.command("db", doc! { "aggregate": "c", "pipeline": pipeline, "cursor": {} });
        let first = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
        match first[0].as_document().unwrap().get_array("j") {
            Ok(array) => array.len(),
            Err(_) => first.len() - 1,
        }
    };
    let rows = [
        (doc! { "$lookup": { "from": "named", "localField": "_id", "foreignField": "n", "as": "j" } }, 1),
        (
            doc! { "$lookup": { "from": "named", "localField": "x", "foreignField": "n", "pipeline": [{ "$match": { "n": 1 } }], "as": "j" } },
            1,
        ),
        (doc! { "$lookup": { "from": "named", "pipeline": [{ "$match": { "n": { "$lt": 5 } } }], "as": "j" } }, 2),
        (doc! { "$unionWith": "named" }, 3),
        (doc! { "$unionWith": { "coll": "odd", "pipeline": [{ "$unionWith": "named" }] } }, 6),
        (
            doc! { "$graphLookup": { "from": "named", "startWith": "$_id", "connectFromField": "n", "connectToField": "_id", "as": "j" } },
            1,
        ),
    ];
    for (stage, count) in rows {
        assert_eq!(joined(stage.clone()), count, "{stage}");
    }
}

/// Source: MongoDB manual, "Views": views are read-only; they cannot be renamed nor indexed.
#[test]
fn what_changes_documents_or_indexes_is_refused() {
    let server = TestServer::start();
    let mut client = with_documents(&server);
    create(&mut client, "v", "c", vec![]);
    for (command, code) in [
        (doc! { "insert": "v", "documents": [{}] }, 166),
        (doc! { "update": "v", "updates": [{ "q": {}, "u": { "$set": { "a": 1 } } }] }, 166),
        (doc! { "update": "v", "updates": [{ "q": {}, "u": { "$set": { "a": 1 } }, "upsert": true }] }, 166),
        (doc! { "delete": "v", "deletes": [{ "q": {}, "limit": 1 }] }, 166),
        (doc! { "findAndModify": "v", "remove": true }, 166),
        (doc! { "createIndexes": "v", "indexes": [{ "key": { "a": 1 }, "name": "a" }] }, 166),
        (doc! { "dropIndexes": "v", "index": "*" }, 166),
        (doc! { "listIndexes": "v" }, 166),
        (doc! { "aggregate": "c", "pipeline": [{ "$out": "v" }], "cursor": {} }, 166),
        (doc! { "aggregate": "c", "pipeline": [{ "$merge": "v" }], "cursor": {} }, 166),
        (doc! { "create": "v" }, 48),
        (doc! { "create": "v", "viewOn": "c", "pipeline": [] }, 0),
        (doc! { "create": "v", "viewOn": "other", "pipeline": [] }, 48),
        (doc! { "create": "c", "viewOn": "other", "pipeline": [] }, 48),
        (doc! { "find": "v", "returnKey": true }, 168),
    ] {
        assert_eq!(failure(&client.command("db", command.clone())), code, "{command}");
    }
    assert_eq!(client.admin_code(doc! { "renameCollection": "db.v", "to": "db.w" }), 166);
    assert_eq!(client.admin_code(doc! { "renameCollection": "db.c", "to": "db.v" }), 48);
}

/// Source: documentdb/functional-tests, recorded against mongod 8.2.4.
#[test]
fn definitions_are_checked() {
    let server = TestServer::start();
    let mut client = with_documents(&server);
    let nested = |stage: Document| vec![doc! { "$unionWith": { "coll": "c", "pipeline": [stage] } }];
    for (on, pipeline, code) in [
        ("", vec![], 2),
        ("v", vec![], 5),
        ("$c", vec![], 73),
        ("c", vec![doc! { "$out": "x" }], 167),
        ("c", vec![doc! { "$merge": "x" }], 167),
        ("c", nested(doc! { "$out": "x" }), 31441),
        ("c", vec![doc! { "$documents": [{}] }], 73),
        ("c", vec![doc! {}], 40323),
        ("c", vec![doc! { "$nonsense": 1 }], 40324),
        ("c", vec![doc! { "$lookup": { "from": "v", "pipeline": [], "as": "j" } }], 5),
    ] {
        assert_eq!(create(&mut client, "v", on, pipeline.clone()), code, "{on} {pipeline:?}");
    }
    assert_eq!(failure(&client.command("db", doc! { "create": "v", "pipeline": [] })), 72);
    for option in [
        doc! { "capped": true, "size": 4096 },
        doc! { "timeseries": { "timeField": "t" } },
        doc! { "storageEngine": { "x": {} } },
    ] {
        let mut command = doc! { "create": "v", "viewOn": "c" };
        command.extend(option.clone());
        assert_eq!(failure(&client.command("db", command)), 72, "{option}");
    }
    let mut below = "c".to_owned();
    for n in 1..=20 {
        let name = format!("v{n}");
        assert_eq!(create(&mut client, &name, &below, vec![]), 0, "{name}");
        below = name;
    }
    assert_eq!(create(&mut client, "v21", "v20", vec![]), 165);
}

/// Source: MongoDB manual, "collMod" (views), "listCollections", "drop" and "Views" (`system.views`).
#[test]
fn views_are_listed_changed_and_dropped() {
    let server = TestServer::start();
    let mut client = with_documents(&server);
    create(&mut client, "v", "c", vec![doc! { "$match": { "x": 1 } }]);
    let filter = doc! { "type": "view" };
    let listed = client.command("db", doc! { "listCollections": 1, "filter": &filter });
    let expected = doc! {
        "name": "v",
        "type": "view",
        "options": { "viewOn": "c", "pipeline": [{ "$match": { "x": 1 } }] },
        "info": { "readOnly": true },
    };
    assert_eq!(
        listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap(),
        &vec![Bson::Document(expected)]
    );
    let changed = client.command("db", doc! { "collMod": "v", "viewOn": "c", "pipeline": [{ "$match": { "x": 0 } }] });
    assert_eq!(failure(&changed), 0);
    assert_eq!(ids(&client.command("db", doc! { "find": "v" })), [0, 2, 4]);
    assert_eq!(failure(&client.command("db", doc! { "collMod": "v", "viewOn": "v" })), 5);
    assert_eq!(failure(&client.command("db", doc! { "collMod": "c", "viewOn": "d" })), 72);
    let stored = client.command("db", doc! { "count": "system.views" });
    assert_eq!(stored.get_i32("n").unwrap(), 1);
    let dropped = client.command("db", doc! { "drop": "v" });
    assert_eq!((dropped.get_str("ns").unwrap(), dropped.get("nIndexesWas")), ("db.v", None));
    assert_eq!(client.command("db", doc! { "count": "system.views" }).get_i32("n").unwrap(), 0);
    // A definition written by hand counts, and goes with its collection.
    client.command(
        "db",
        doc! { "insert": "system.views", "documents": [{ "_id": "db.w", "viewOn": "c", "pipeline": [] }] },
    );
    assert_eq!(client.command("db", doc! { "count": "w" }).get_i32("n").unwrap(), 6);
    client.command("db", doc! { "drop": "system.views" });
    assert_eq!(client.command("db", doc! { "count": "w" }).get_i32("n").unwrap(), 0);
}
