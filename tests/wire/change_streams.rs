//! Change streams.
//!
//! Sources: MongoDB's manual ("Change Streams", "Change Events" and the page of each event, `$changeStream`), the
//! drivers' change-stream specification, documentdb/functional-tests (recorded against mongod 8.2.4), and mongod's error
//! codes.

use std::thread;
use std::time::{Duration, Instant};

use bson::{Bson, Document, Timestamp, doc};

use crate::client::{Client, TestServer};

/// A stream that a client has open.
struct Stream<'c> {
    client: &'c mut Client,
    db: &'static str,
    coll: String,
    id: i64,
    /// From where another can go on.
    token: Document,
}

fn open_command(target: Bson, spec: Document, stages: &[Document]) -> Document {
    let mut pipeline = vec![doc! { "$changeStream": spec }];
    pipeline.extend_from_slice(stages);
    doc! { "aggregate": target, "pipeline": pipeline, "cursor": {} }
}

impl<'c> Stream<'c> {
    /// Opens a stream; gives the events that it begins with, too.
    fn open(
        client: &'c mut Client,
        db: &'static str,
        target: impl Into<Bson>,
        spec: Document,
    ) -> (Self, Vec<Document>) {
        let reply = client.command(db, open_command(target.into(), spec, &[]));
        let cursor = reply.get_document("cursor").unwrap_or_else(|_| panic!("{reply}"));
        let coll = cursor.get_str("ns").unwrap().split_once('.').unwrap().1.to_owned();
        let token = cursor.get_document("postBatchResumeToken").unwrap().clone();
        let stream = Self { db, coll, id: cursor.get_i64("id").unwrap(), token, client };
        (stream, documents(cursor, "firstBatch"))
    }

    /// Opens a stream that begins with what happens next.
    fn watch(client: &'c mut Client, db: &'static str, target: impl Into<Bson>) -> Self {
        Self::watch_with(client, db, target, doc! {})
    }

    fn watch_with(client: &'c mut Client, db: &'static str, target: impl Into<Bson>, spec: Document) -> Self {
        let (stream, events) = Self::open(client, db, target, spec);
        assert!(events.is_empty(), "{events:?}");
        stream
    }

    fn get_more(&mut self, millis: i64) -> Document {
        self.client.command(self.db, doc! { "getMore": self.id, "collection": &self.coll, "maxTimeMS": millis })
    }

    /// The next events, when there are some within a short time.
    fn events(&mut self) -> Vec<Document> {
        let reply = self.get_more(200);
        let cursor = reply.get_document("cursor").unwrap_or_else(|_| panic!("{reply}"));
        self.id = cursor.get_i64("id").unwrap();
        self.token = cursor.get_document("postBatchResumeToken").unwrap().clone();
        documents(cursor, "nextBatch")
    }

    /// The error that reading on ends in.
    fn error(&mut self) -> i32 {
        let reply = self.get_more(200);
        reply.get_i32("code").unwrap_or_else(|_| panic!("{reply}"))
    }
}

fn documents(cursor: &Document, batch: &str) -> Vec<Document> {
    cursor.get_array(batch).unwrap().iter().map(|doc| doc.as_document().unwrap().clone()).collect()
}

fn kinds(events: &[Document]) -> Vec<&str> {
    events.iter().map(|event| event.get_str("operationType").unwrap()).collect()
}

fn ids(events: &[Document]) -> Vec<i32> {
    events.iter().map(|event| event.get_document("documentKey").unwrap().get_i32("_id").unwrap()).collect()
}

/// Runs a command that must succeed.
fn run(client: &mut Client, db: &str, command: Document) -> Document {
    let reply = client.command(db, command.clone());
    assert!(reply.get_f64("ok").is_ok_and(|ok| ok == 1.0) && !reply.contains_key("writeErrors"), "{command}: {reply}");
    reply
}

fn insert(client: &mut Client, coll: &str, ids: &[i32]) {
    let documents: Vec<Document> = ids.iter().map(|id| doc! { "_id": *id }).collect();
    run(client, "db", doc! { "insert": coll, "documents": documents });
}

fn update(client: &mut Client, change: Document) {
    run(client, "db", doc! { "update": "c", "updates": [{ "q": { "_id": 1 }, "u": change }] });
}

/// An event without what differs from run to run; that it is there is checked.
fn told(mut event: Document) -> Document {
    assert!(event.get_document("_id").unwrap().get_str("_data").is_ok_and(|data| data.starts_with("82")));
    assert!(event.remove("clusterTime").is_some_and(|time| time.as_timestamp().is_some()));
    assert!(event.remove("wallTime").is_some_and(|time| time.as_datetime().is_some()));
    event.remove("_id");
    event
}

#[test]
fn documents_that_change_are_told() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    let mut stream = Stream::watch(&mut reader, "db", "c");
    let ns = doc! { "db": "db", "coll": "c" };
    let text = "x".repeat(100);
    let inserted = doc! { "_id": 1, "a": 1, "list": [&text, 2, 3], "b": { "x": 1, "text": &text } };
    run(&mut writer, "db", doc! { "insert": "c", "documents": [&inserted] });
    update(&mut writer, doc! { "$set": { "a": 2, "b.x": 5 }, "$unset": { "none": 1 } });
    let stages = [doc! { "$unset": "a" }, doc! { "$set": { "list": { "$slice": ["$list", 1] } } }];
    let shorten = doc! { "q": { "_id": 1 }, "u": stages.to_vec() };
    run(&mut writer, "db", doc! { "update": "c", "updates": [shorten] });
    update(&mut writer, doc! { "c": 7 });
    run(&mut writer, "db", doc! { "delete": "c", "deletes": [{ "q": {}, "limit": 0 }] });
    run(&mut writer, "db", doc! { "insert": "other", "documents": [{ "_id": 1 }] });
    let events = stream.events();
    let times: Vec<Timestamp> = events.iter().map(|event| event.get_timestamp("clusterTime").unwrap()).collect();
    assert!(times.is_sorted());
    let first: Vec<&String> = events[0].keys().collect();
    let order = ["_id", "operationType", "clusterTime", "wallTime", "fullDocument", "ns", "documentKey"];
    assert_eq!(first, order);
    let key = doc! { "_id": 1 };
    let expected = [
        doc! {
            "operationType": "insert",
            "fullDocument": &inserted,
            "ns": &ns,
            "documentKey": &key,
        },
        doc! {
            "operationType": "update",
            "ns": &ns,
            "documentKey": &key,
            "updateDescription": {
                "updatedFields": { "a": 2, "b.x": 5 }, "removedFields": [], "truncatedArrays": [],
            },
        },
        doc! {
            "operationType": "update",
            "ns": &ns,
            "documentKey": &key,
            "updateDescription": {
                "updatedFields": {},
                "removedFields": ["a"],
                "truncatedArrays": [{ "field": "list", "newSize": 1 }],
            },
        },
        doc! { "operationType": "replace", "fullDocument": { "_id": 1, "c": 7 }, "ns": &ns, "documentKey": &key },
        doc! { "operationType": "delete", "ns": &ns, "documentKey": &key },
    ];
    assert_eq!(events.into_iter().map(told).collect::<Vec<_>>(), expected);
}

#[test]
fn streams_watch_a_collection_a_database_or_everything() {
    let server = TestServer::start();
    let mut clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
    let [coll, db, all, writer] = &mut clients[..] else { unreachable!() };
    let mut coll = Stream::watch(coll, "db", "c");
    let mut db = Stream::watch(db, "db", 1);
    let mut all = Stream::watch_with(all, "admin", 1, doc! { "allChangesForCluster": true });
    assert_eq!((db.coll.as_str(), all.coll.as_str()), ("$cmd.aggregate", "$cmd.aggregate"));
    insert(writer, "c", &[1]);
    insert(writer, "d", &[2]);
    run(writer, "db2", doc! { "insert": "c", "documents": [{ "_id": 3 }] });
    assert_eq!(ids(&coll.events()), [1]);
    assert_eq!(ids(&db.events()), [1, 2]);
    assert_eq!(ids(&all.events()), [1, 2, 3]);
}

#[test]
fn what_ends_a_stream() {
    let server = TestServer::start();
    let (mut reader, mut second, mut writer) = (server.client(), server.client(), server.client());
    insert(&mut writer, "c", &[1]);
    let mut coll = Stream::watch(&mut reader, "db", "c");
    let mut db = Stream::watch(&mut second, "db", 1);
    run(&mut writer, "admin", doc! { "renameCollection": "db.c", "to": "db.d" });
    let events = coll.events();
    assert_eq!(kinds(&events), ["rename", "invalidate"]);
    assert_eq!(coll.id, 0);
    assert_eq!(events[0].get_document("to").unwrap(), &doc! { "db": "db", "coll": "d" });
    let keys: Vec<&String> = events[1].keys().collect();
    assert_eq!(keys, ["_id", "operationType", "clusterTime", "wallTime"]);
    assert_eq!(kinds(&db.events()), ["rename"]);
    run(&mut writer, "db", doc! { "dropDatabase": 1 });
    let events = db.events();
    assert_eq!(kinds(&events), ["drop", "dropDatabase", "invalidate"]);
    assert_eq!(told(events[0].clone()), doc! { "operationType": "drop", "ns": { "db": "db", "coll": "d" } });
    assert_eq!(told(events[1].clone()), doc! { "operationType": "dropDatabase", "ns": { "db": "db" } });
}

#[test]
fn a_stream_goes_on_where_another_was() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    let mut stream = Stream::watch(&mut reader, "db", "c");
    let mark = stream.token.clone();
    insert(&mut writer, "c", &[1, 2, 3]);
    let events = stream.events();
    assert_eq!(stream.token, *events[2].get_document("_id").unwrap());
    let token = events[0].get_document("_id").unwrap();
    for option in ["resumeAfter", "startAfter"] {
        let (_, events) = Stream::open(&mut writer, "db", "c", doc! { option: token.clone() });
        assert_eq!(ids(&events), [2, 3], "{option}");
        let (_, events) = Stream::open(&mut writer, "db", "c", doc! { option: mark.clone() });
        assert_eq!(ids(&events), [1, 2, 3], "{option}");
    }
    let time = events[1].get_timestamp("clusterTime").unwrap();
    let (_, again) = Stream::open(&mut writer, "db", "c", doc! { "startAtOperationTime": time });
    assert_eq!(ids(&again), [2, 3]);
    // What is too early begins with the oldest entry, as long as none is gone.
    let early = Timestamp { time: 1, increment: 0 };
    let (_, all) = Stream::open(&mut writer, "db", "c", doc! { "startAtOperationTime": early });
    assert_eq!(ids(&all), [1, 2, 3]);
}

#[test]
fn a_stream_goes_on_behind_its_end() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    insert(&mut writer, "c", &[1]);
    let mut stream = Stream::watch(&mut reader, "db", "c");
    run(&mut writer, "db", doc! { "drop": "c" });
    let events = stream.events();
    let token = |at: usize| events[at].get_document("_id").unwrap().clone();
    for option in ["resumeAfter", "startAfter"] {
        let (stream, events) = Stream::open(&mut writer, "db", "c", doc! { option: token(0) });
        assert_eq!((kinds(&events), stream.id), (vec!["invalidate"], 0), "{option}");
    }
    let refused = writer.command("db", open_command("c".into(), doc! { "resumeAfter": token(1) }, &[]));
    assert_eq!(refused.get_i32("code").ok(), Some(260));
    let mut stream = Stream::watch_with(&mut reader, "db", "c", doc! { "startAfter": token(1) });
    insert(&mut writer, "c", &[2]);
    assert_eq!(ids(&stream.events()), [2]);
}

#[test]
fn a_token_that_is_not_met_ends_the_stream() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    insert(&mut writer, "c", &[0]);
    let mut other = Stream::watch(&mut reader, "db", "other");
    insert(&mut writer, "other", &[1]);
    let token = other.events()[0].get_document("_id").unwrap().clone();
    let mut stream = Stream::watch_with(&mut reader, "db", "c", doc! { "resumeAfter": token });
    insert(&mut writer, "c", &[1]);
    assert_eq!(stream.error(), 280);
}

#[test]
fn images_of_documents() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    let images = doc! { "changeStreamPreAndPostImages": { "enabled": true } };
    let mut create = doc! { "create": "c" };
    create.extend(images);
    run(&mut writer, "db", create);
    insert(&mut writer, "c", &[1]);
    let spec = doc! { "fullDocument": "required", "fullDocumentBeforeChange": "required" };
    let mut stream = Stream::watch_with(&mut reader, "db", "c", spec);
    update(&mut writer, doc! { "$set": { "a": 1 } });
    update(&mut writer, doc! { "$set": { "a": 2 } });
    update(&mut writer, doc! { "b": 3 });
    run(&mut writer, "db", doc! { "delete": "c", "deletes": [{ "q": { "_id": 1 }, "limit": 1 }] });
    let events = stream.events();
    let image = |at: usize, name: &str| events[at].get_document(name).cloned().ok();
    assert_eq!(image(0, "fullDocument"), Some(doc! { "_id": 1, "a": 1 }));
    assert_eq!(image(0, "fullDocumentBeforeChange"), Some(doc! { "_id": 1 }));
    assert_eq!(image(1, "fullDocument"), Some(doc! { "_id": 1, "a": 2 }));
    assert_eq!(image(1, "fullDocumentBeforeChange"), Some(doc! { "_id": 1, "a": 1 }));
    assert_eq!(image(2, "fullDocument"), Some(doc! { "_id": 1, "b": 3 }));
    assert_eq!(image(2, "fullDocumentBeforeChange"), Some(doc! { "_id": 1, "a": 2 }));
    assert_eq!(image(3, "fullDocument"), None);
    assert_eq!(image(3, "fullDocumentBeforeChange"), Some(doc! { "_id": 1, "b": 3 }));
    // A lookup gives the document as it is when the event is read.
    let start = doc! { "resumeAfter": events[0].get_document("_id").unwrap().clone(), "fullDocument": "updateLookup" };
    let (_, again) = Stream::open(&mut writer, "db", "c", start);
    assert_eq!(again[0].get("fullDocument"), Some(&Bson::Null));
}

#[test]
fn images_that_are_not_kept() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    insert(&mut writer, "c", &[1]);
    let spec = doc! { "fullDocument": "whenAvailable", "fullDocumentBeforeChange": "whenAvailable" };
    let mut stream = Stream::watch_with(&mut reader, "db", "c", spec);
    update(&mut writer, doc! { "$set": { "a": 1 } });
    let events = stream.events();
    for name in ["fullDocument", "fullDocumentBeforeChange"] {
        assert_eq!(events[0].get(name), Some(&Bson::Null), "{name}");
    }
    for name in ["fullDocument", "fullDocumentBeforeChange"] {
        let mut stream = Stream::watch_with(&mut reader, "db", "c", doc! { name: "required" });
        update(&mut writer, doc! { "$inc": { "a": 1 } });
        assert_eq!(stream.error(), 47, "{name}");
    }
    let mut stream = Stream::watch_with(&mut reader, "db", "c", doc! { "fullDocument": "updateLookup" });
    update(&mut writer, doc! { "$set": { "a": 5 } });
    assert_eq!(stream.events()[0].get_document("fullDocument").unwrap(), &doc! { "_id": 1, "a": 5 });
}

#[test]
fn collections_and_indexes_are_told_when_asked_for() {
    let server = TestServer::start();
    let (mut reader, mut plain, mut writer) = (server.client(), server.client(), server.client());
    let mut stream = Stream::watch_with(&mut reader, "db", "c", doc! { "showExpandedEvents": true });
    let mut plain = Stream::watch(&mut plain, "db", "c");
    run(&mut writer, "db", doc! { "create": "c" });
    run(&mut writer, "db", doc! { "createIndexes": "c", "indexes": [{ "key": { "a": 1 }, "name": "a_1" }] });
    run(&mut writer, "db", doc! { "collMod": "c", "index": { "name": "a_1", "hidden": true } });
    run(&mut writer, "db", doc! { "dropIndexes": "c", "index": "a_1" });
    insert(&mut writer, "c", &[1]);
    let events = stream.events();
    assert_eq!(kinds(&events), ["create", "createIndexes", "modify", "dropIndexes", "insert"]);
    let described = |at: usize| events[at].get_document("operationDescription").unwrap();
    let id_index = doc! { "v": 2, "key": { "_id": 1 }, "name": "_id_" };
    assert_eq!(described(0), &doc! { "idIndex": id_index });
    assert_eq!(events[0].get_str("nsType").unwrap(), "collection");
    assert_eq!(described(1), &doc! { "indexes": [{ "v": 2, "key": { "a": 1 }, "name": "a_1" }] });
    assert!(described(2).get_document("index").is_ok());
    assert_eq!(described(3).get_array("indexes").unwrap().len(), 1);
    assert!(events.iter().all(|event| event.contains_key("collectionUUID")));
    let seen = plain.events();
    assert_eq!(kinds(&seen), ["insert"]);
    assert!(!seen[0].contains_key("collectionUUID"));
    // A stream that does not tell such an event cannot go on behind it.
    let token = events[1].get_document("_id").unwrap().clone();
    let (mut stream, _) = Stream::open(&mut writer, "db", "none", doc! { "resumeAfter": token });
    assert!(stream.events().is_empty());
}

#[test]
fn transactions_are_told_with_their_commit() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    insert(&mut writer, "c", &[0]);
    let mut stream = Stream::watch(&mut reader, "db", "c");
    let session = doc! { "id": bson::Uuid::from_bytes([7; 16]) };
    let within = |mut command: Document, starts: bool| {
        command.extend(doc! { "lsid": session.clone(), "txnNumber": 5_i64, "autocommit": false });
        if starts {
            command.insert("startTransaction", true);
        }
        command
    };
    run(&mut writer, "db", within(doc! { "insert": "c", "documents": [{ "_id": 1 }, { "_id": 2 }] }, true));
    run(&mut writer, "db", within(doc! { "insert": "other", "documents": [{ "_id": 9 }] }, false));
    run(&mut writer, "db", within(doc! { "delete": "c", "deletes": [{ "q": { "_id": 1 }, "limit": 1 }] }, false));
    assert!(stream.events().is_empty());
    run(&mut writer, "admin", within(doc! { "commitTransaction": 1 }, false));
    let events = stream.events();
    assert_eq!(kinds(&events), ["insert", "insert", "delete"]);
    assert_eq!(ids(&events), [1, 2, 1]);
    for event in &events {
        assert_eq!(event.get_i64("txnNumber").unwrap(), 5);
        assert!(event.get_document("lsid").unwrap().contains_key("uid"));
        assert_eq!(event.get("clusterTime"), events[0].get("clusterTime"));
    }
    let token = events[0].get_document("_id").unwrap().clone();
    let (_, rest) = Stream::open(&mut writer, "db", "c", doc! { "resumeAfter": token });
    assert_eq!(kinds(&rest), ["insert", "delete"]);
}

#[test]
fn the_pipeline_runs_on_events() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    let stages =
        [doc! { "$match": { "fullDocument._id": { "$gt": 1 } } }, doc! { "$project": { "id": "$documentKey._id" } }];
    let reply = run(&mut reader, "db", open_command("c".into(), doc! {}, &stages));
    let id = reply.get_document("cursor").unwrap().get_i64("id").unwrap();
    insert(&mut writer, "c", &[1, 2, 3]);
    let more = |id: i64| doc! { "getMore": id, "collection": "c", "maxTimeMS": 2000 };
    let reply = run(&mut reader, "db", more(id));
    let events = documents(reply.get_document("cursor").unwrap(), "nextBatch");
    assert_eq!(events.iter().map(|event| event.get_i32("id").unwrap()).collect::<Vec<_>>(), [2, 3]);
    for stage in [doc! { "$project": { "_id": 0 } }, doc! { "$set": { "_id": 1 } }] {
        let reply = run(&mut reader, "db", open_command("c".into(), doc! {}, &[stage]));
        let id = reply.get_document("cursor").unwrap().get_i64("id").unwrap();
        let n = i32::try_from(id & 0xffff).unwrap() + 10;
        insert(&mut writer, "c", &[n]);
        assert_eq!(reader.command("db", more(id)).get_i32("code").ok(), Some(280));
    }
    for (stage, code) in [
        (doc! { "$group": { "_id": 1 } }, 20),
        (doc! { "$sort": { "a": 1 } }, 20),
        (doc! { "$out": "x" }, 20),
        (doc! { "$unsupported": "foo" }, 40324),
        (doc! { "$changeStream": {} }, 40602),
    ] {
        let reply = writer.command("db", open_command("c".into(), doc! {}, std::slice::from_ref(&stage)));
        assert_eq!(reply.get_i32("code").ok(), Some(code), "{stage}");
    }
}

#[test]
fn what_cannot_be_asked_for() {
    let server = TestServer::start();
    let mut client = server.client();
    run(&mut client, "db", doc! { "create": "view", "viewOn": "c", "pipeline": [] });
    let token = |data: &str| doc! { "_data": data };
    let rows: Vec<(&str, Bson, Document, i32)> = vec![
        ("db", "c".into(), doc! { "bogus": 1 }, 40415),
        ("db", "c".into(), doc! { "fullDocument": "off" }, 2),
        ("db", "c".into(), doc! { "fullDocument": 1 }, 14),
        ("db", "c".into(), doc! { "fullDocumentBeforeChange": "default" }, 2),
        ("db", "c".into(), doc! { "showExpandedEvents": Bson::Null }, 14),
        ("db", "c".into(), doc! { "allChangesForCluster": 1 }, 14),
        ("db", "c".into(), doc! { "startAtOperationTime": 1 }, 14),
        ("db", "c".into(), doc! { "resumeAfter": "x" }, 14),
        ("db", "c".into(), doc! { "resumeAfter": {} }, 40647),
        ("db", "c".into(), doc! { "startAfter": token("") }, 40649),
        ("db", "c".into(), doc! { "startAfter": token("zz") }, 9),
        ("db", "c".into(), doc! { "startAfter": token("00") }, 50811),
        ("db", "c".into(), doc! { "resumeAfter": token("00"), "startAfter": token("00") }, 50865),
        ("db", "c".into(), doc! { "allChangesForCluster": true }, 72),
        ("db", 1.into(), doc! { "allChangesForCluster": true }, 72),
        ("admin", 1.into(), doc! {}, 73),
        ("local", 1.into(), doc! {}, 73),
        ("config", "c".into(), doc! {}, 73),
        ("db", "system.views".into(), doc! {}, 73),
        ("db", "view".into(), doc! {}, 166),
    ];
    for (db, target, spec, code) in rows {
        let reply = client.command(db, open_command(target.clone(), spec.clone(), &[]));
        assert_eq!(reply.get_i32("code").ok(), Some(code), "{db} {target} {spec}: {reply}");
    }
    let mut command = open_command("c".into(), doc! {}, &[]);
    command.insert("readConcern", doc! { "level": "local" });
    assert_eq!(client.command("db", command.clone()).get_i32("code").ok(), Some(72));
    command.insert("readConcern", doc! { "level": "majority" });
    run(&mut client, "db", command);
    let mut command = open_command("c".into(), doc! {}, &[]);
    let session = doc! { "id": bson::Uuid::from_bytes([8; 16]) };
    command.extend(doc! { "lsid": session, "txnNumber": 1_i64, "autocommit": false, "startTransaction": true });
    assert_eq!(client.command("db", command).get_i32("code").ok(), Some(263));
    let odd = doc! { "aggregate": "c", "pipeline": [{ "$changeStream": 1 }], "cursor": {} };
    assert_eq!(client.command("db", odd).get_i32("code").ok(), Some(6_188_500));
}

#[test]
fn events_come_at_once() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    let mut stream = Stream::watch(&mut reader, "db", "c");
    let mut latencies = Vec::new();
    for n in 0..20 {
        thread::scope(|scope| {
            let writing = scope.spawn(|| {
                thread::sleep(Duration::from_millis(10));
                insert(&mut writer, "c", &[n]);
                Instant::now()
            });
            let reply = stream.get_more(10_000);
            let seen = Instant::now();
            assert_eq!(documents(reply.get_document("cursor").unwrap(), "nextBatch").len(), 1, "{reply}");
            latencies.push(seen.saturating_duration_since(writing.join().unwrap()));
        });
    }
    latencies.sort();
    assert!(latencies[10] < Duration::from_millis(5), "{latencies:?}");
}

#[test]
fn events_that_are_too_large_are_split() {
    let server = TestServer::start();
    let (mut reader, mut writer) = (server.client(), server.client());
    run(&mut writer, "db", doc! { "create": "c", "changeStreamPreAndPostImages": { "enabled": true } });
    let text = "x".repeat(9 << 20);
    run(&mut writer, "db", doc! { "insert": "c", "documents": [{ "_id": 1, "text": text }] });
    let spec = doc! { "fullDocument": "required", "fullDocumentBeforeChange": "required" };
    let split = [doc! { "$changeStreamSplitLargeEvent": {} }];
    let open = |spec: Document, stages: &[Document]| open_command("c".into(), spec, stages);
    let reply = run(&mut reader, "db", open(spec.clone(), &split));
    let id = reply.get_document("cursor").unwrap().get_i64("id").unwrap();
    let unsplit = run(&mut reader, "db", open(spec.clone(), &[]));
    let unsplit = unsplit.get_document("cursor").unwrap().get_i64("id").unwrap();
    update(&mut writer, doc! { "$set": { "a": 1 } });
    let more = |id: i64| doc! { "getMore": id, "collection": "c", "maxTimeMS": 2000 };
    let mut fragments = Vec::new();
    while fragments.len() < 2 {
        let reply = run(&mut reader, "db", more(id));
        fragments.extend(documents(reply.get_document("cursor").unwrap(), "nextBatch"));
    }
    for (at, fragment) in (1..).zip(&fragments) {
        assert_eq!(fragment.get_document("splitEvent").unwrap(), &doc! { "fragment": at, "of": 2 });
    }
    let fields: Vec<&String> =
        fragments.iter().flat_map(Document::keys).filter(|name| name.as_str() != "_id").collect();
    for name in ["operationType", "fullDocument", "fullDocumentBeforeChange", "updateDescription"] {
        assert!(fields.iter().any(|field| *field == name), "{name}");
    }
    assert_eq!(reader.command("db", more(unsplit)).get_i32("code").ok(), Some(10334));
    let mut spec = spec;
    spec.insert("resumeAfter", fragments[0].get_document("_id").unwrap().clone());
    let reply = run(&mut reader, "db", open(spec, &split));
    let rest = documents(reply.get_document("cursor").unwrap(), "firstBatch");
    assert_eq!(rest, fragments[1..]);
}
