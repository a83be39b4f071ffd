//! Commands that reach the engine: shapes of replies.

use smongo::wire::message::{EXHAUST_ALLOWED, MORE_TO_COME};
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::client::{Client, TestServer, body, code, is_ok, sequence};

fn insert(client: &mut Client, coll: &str, count: i32) -> DocBuf {
    let command = DocBuf::build(|doc| {
        doc.string("insert", coll);
        doc.string("$db", "db");
    });
    let documents: Vec<_> = (0..count).map(|n| DocBuf::build(|doc| doc.value("_id", Value::int32(n)))).collect();
    client.send_msg(0, &[body(&command), sequence("documents", &documents)].concat());
    client.read_reply().doc
}

fn integer(doc: &RawDoc, name: &str) -> Option<i64> {
    doc.get(name).and_then(|value| value.as_integer())
}

fn batch<'d>(reply: &'d DocBuf, name: &str) -> (&'d RawDoc, i64) {
    let cursor = reply.get("cursor").unwrap().as_doc().unwrap();
    (cursor.get(name).unwrap().as_array().unwrap(), integer(cursor, "id").unwrap())
}

#[test]
fn insert_find_get_more() {
    let server = TestServer::start();
    let mut client = server.client();
    assert_eq!(integer(&insert(&mut client, "c", 10), "n"), Some(10));
    let reply = client.run("db", |doc| {
        doc.string("find", "c");
        doc.value("batchSize", Value::int32(4));
    });
    let (first, id) = batch(&reply, "firstBatch");
    assert_eq!(first.iter().count(), 4);
    assert_ne!(id, 0);
    let reply = client.run("db", |doc| {
        doc.value("getMore", Value::int64(id));
        doc.string("collection", "c");
    });
    let (next, id) = batch(&reply, "nextBatch");
    assert_eq!((next.iter().count(), id), (6, 0));
}

#[test]
fn an_exhaust_cursor_sends_all_its_batches() {
    let server = TestServer::start();
    let mut client = server.client();
    insert(&mut client, "c", 10);
    let reply = client.run("db", |doc| {
        doc.string("find", "c");
        doc.value("batchSize", Value::int32(1));
    });
    let (_, id) = batch(&reply, "firstBatch");
    let get_more = DocBuf::build(|doc| {
        doc.value("getMore", Value::int64(id));
        doc.string("collection", "c");
        doc.value("batchSize", Value::int32(2));
        doc.string("$db", "db");
    });
    client.send_msg(EXHAUST_ALLOWED, &body(&get_more));
    let mut received = 1;
    loop {
        let reply = client.read_reply();
        received += batch(&reply.doc, "nextBatch").0.iter().count();
        if reply.flags & MORE_TO_COME == 0 {
            break;
        }
    }
    assert_eq!(received, 10);
    assert!(is_ok(&client.admin(|doc| doc.value("ping", Value::int32(1)))));
}

#[test]
fn killed_cursors_are_gone() {
    let server = TestServer::start();
    let mut client = server.client();
    insert(&mut client, "c", 10);
    let reply = client.run("db", |doc| {
        doc.string("find", "c");
        doc.value("batchSize", Value::int32(1));
    });
    let (_, id) = batch(&reply, "firstBatch");
    let reply = client.run("db", |doc| {
        doc.string("killCursors", "c");
        doc.array("cursors", |cursors| [id, id, 7].iter().for_each(|&id| cursors.value(Value::int64(id))));
    });
    let ids = |name: &str| -> Vec<i64> {
        let array = reply.get(name).unwrap().as_array().unwrap();
        array.values().filter_map(|id| id.as_integer()).collect()
    };
    assert_eq!(ids("cursorsKilled"), [id]);
    assert_eq!(ids("cursorsNotFound"), [id, 7]);
}

#[test]
fn write_errors_name_the_statement() {
    let server = TestServer::start();
    let mut client = server.client();
    insert(&mut client, "c", 2);
    let reply = insert(&mut client, "c", 3);
    assert!(is_ok(&reply));
    assert_eq!(integer(&reply, "n"), Some(0));
    let errors = reply.get("writeErrors").unwrap().as_array().unwrap();
    let error = errors.get_index(0).unwrap().as_doc().unwrap();
    assert_eq!((integer(error, "index"), integer(error, "code")), (Some(0), Some(11000)));
    assert!(error.get("keyPattern").is_some() && error.get("keyValue").is_some());
}

#[test]
fn a_write_concern_that_one_node_cannot_satisfy_is_reported_beside_the_write() {
    let server = TestServer::start();
    let mut client = server.client();
    for (w, expected) in [(Value::int32(2), Some(100)), (Value::string("dc"), Some(79)), (Value::int32(1), None)] {
        let reply = client.run("db", |doc| {
            doc.string("insert", "c");
            doc.array("documents", |docs| docs.value(Value::document(RawDoc::EMPTY)));
            doc.document("writeConcern", |concern| concern.value("w", w));
        });
        assert!(is_ok(&reply));
        assert_eq!(integer(&reply, "n"), Some(1));
        let error = reply.get("writeConcernError").and_then(|error| error.as_doc());
        assert_eq!(error.and_then(|error| integer(error, "code")), expected);
    }
}

#[test]
fn databases_and_collections_are_listed() {
    let server = TestServer::start();
    let mut client = server.client();
    insert(&mut client, "c", 1);
    let reply = client.admin(|doc| {
        doc.value("listDatabases", Value::int32(1));
        doc.value("nameOnly", Value::TRUE);
    });
    let databases = reply.get("databases").unwrap().as_array().unwrap();
    let names: Vec<_> = databases.values().filter_map(|db| db.as_doc()?.get("name")?.as_str()).collect();
    assert!(names.contains(&"db"), "{names:?}");
    let reply = client.run("db", |doc| doc.value("listCollections", Value::int32(1)));
    assert_eq!(batch(&reply, "firstBatch").0.iter().count(), 1);
    assert_eq!(code(&client.run("db", |doc| doc.string("drop", "c"))), 0);
    let reply = client.run("db", |doc| doc.value("listCollections", Value::int32(1)));
    assert_eq!(batch(&reply, "firstBatch").0.iter().count(), 0);
}

/// Recorded against mongod 8.2.4 (documentdb/functional-tests).
#[test]
fn a_count_takes_whole_limits() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", bson::doc! { "insert": "c", "documents": [{ "_id": 1 }, { "_id": 2 }, { "_id": 3 }] });
    let mut count = |limit: bson::Bson| {
        let reply = client.command("db", bson::doc! { "count": "c", "limit": limit });
        reply.get_i32("n").or(reply.get_i32("code").map(|code| -code)).unwrap()
    };
    for (limit, expected) in [
        (bson::Bson::Int32(2), 2),
        (bson::Bson::Int64(-2), 2),
        (bson::Bson::Double(2.0), 2),
        (bson::Bson::Int32(0), 3),
        (bson::Bson::Double(1.5), -9),
        (bson::Bson::Double(f64::NAN), -9),
        (bson::Bson::Double(f64::INFINITY), -9),
        (bson::Bson::Int64(i64::MIN), -2),
        ("2".into(), -2),
        (true.into(), -2),
    ] {
        assert_eq!(count(limit.clone()), expected, "{limit}");
    }
}
