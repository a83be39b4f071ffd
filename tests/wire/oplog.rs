//! The log of operations as the collection `local.oplog.rs`.
//!
//! Sources: MongoDB's manual ("Replica Set Oplog", "Tailable Cursors", `getMore`), and mongod's error codes.

use std::thread;
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};

use crate::client::{Client, TestServer};

#[test]
fn the_log_can_be_neither_dropped_nor_renamed_nor_indexed() {
    let server = TestServer::start();
    let mut client = server.client();
    let drop = client.command("local", doc! { "drop": "oplog.rs" });
    assert_eq!(drop.get_i32("code").ok(), Some(5_255_000), "{drop}");
    client.command("db", doc! { "insert": "c", "documents": [{ "_id": 1 }] });
    for (from, to) in [("local.oplog.rs", "local.other"), ("db.c", "local.oplog.rs"), ("db.c", "local.oplog.other")] {
        let code = client.admin_code(doc! { "renameCollection": from, "to": to, "dropTarget": true });
        assert_eq!(code, 20, "{from} to {to}");
    }
    let index = doc! { "createIndexes": "oplog.rs", "indexes": [{ "key": { "ns": 1 }, "name": "ns_1" }] };
    assert_eq!(client.command("local", index).get_i32("code").ok(), Some(67));
    let find = client.command("local", doc! { "find": "oplog.rs", "filter": { "op": "i", "ns": "db.c" } });
    assert_eq!(find.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).unwrap().len(), 1);
}

/// The documents of a cursor's batch.
fn batch<'r>(reply: &'r Document, name: &str) -> &'r [Bson] {
    reply.get_document("cursor").and_then(|cursor| cursor.get_array(name)).unwrap_or_else(|_| panic!("{reply}"))
}

fn cursor_id(reply: &Document) -> i64 {
    reply.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).unwrap_or_else(|_| panic!("{reply}"))
}

fn get_more(id: i64, millis: i64) -> Document {
    doc! { "getMore": id, "collection": "oplog.rs", "maxTimeMS": millis }
}

/// Opens a cursor that waits for inserts into `db.c`, with nothing in it yet.
fn tail(client: &mut Client) -> i64 {
    let filter = doc! { "op": "i", "ns": "db.c" };
    let find = doc! { "find": "oplog.rs", "filter": filter, "tailable": true, "awaitData": true };
    let reply = client.command("local", find);
    assert!(batch(&reply, "firstBatch").is_empty());
    cursor_id(&reply)
}

#[test]
fn a_waiting_cursor_wakes_at_the_commit() {
    let server = TestServer::start();
    let mut reader = server.client();
    let id = tail(&mut reader);
    let mut latencies = Vec::new();
    for n in 0..20 {
        let mut writer = server.client();
        let writing = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            let reply = writer.command("db", doc! { "insert": "c", "documents": [{ "_id": n }] });
            assert_eq!(reply.get_i32("n").ok(), Some(1));
            Instant::now()
        });
        let reply = reader.command("local", get_more(id, 10_000));
        let seen = Instant::now();
        let [entry] = batch(&reply, "nextBatch") else { panic!("{reply}") };
        assert_eq!(entry.as_document().unwrap().get_document("o").unwrap(), &doc! { "_id": n });
        latencies.push(seen.saturating_duration_since(writing.join().unwrap()));
    }
    latencies.sort();
    assert!(latencies[10] < Duration::from_millis(5), "{latencies:?}");
}

#[test]
fn a_waiting_cursor_gives_up_when_its_time_is_over() {
    let server = TestServer::start();
    let mut client = server.client();
    let id = tail(&mut client);
    let begin = Instant::now();
    let reply = client.command("local", get_more(id, 150));
    assert!(begin.elapsed() >= Duration::from_millis(150));
    assert!(batch(&reply, "nextBatch").is_empty());
    assert_eq!(cursor_id(&reply), id);
    // A time is for cursors that wait.
    let find = doc! { "find": "oplog.rs", "tailable": true, "batchSize": 0 };
    let idle = cursor_id(&client.command("local", find));
    assert_eq!(client.command("local", get_more(idle, 150)).get_i32("code").ok(), Some(2));
    let more = client.command("local", doc! { "getMore": idle, "collection": "oplog.rs" });
    assert!(!batch(&more, "nextBatch").is_empty());
}

#[test]
fn a_waiting_cursor_can_be_killed() {
    let server = TestServer::start();
    let mut reader = server.client();
    let id = tail(&mut reader);
    let waiting = thread::spawn(move || reader.command("local", get_more(id, 60_000)));
    thread::sleep(Duration::from_millis(100));
    let killed = server.client().command("local", doc! { "killCursors": "oplog.rs", "cursors": [id] });
    assert_eq!(killed.get_array("cursorsKilled").unwrap().len(), 1);
    assert_eq!(waiting.join().unwrap().get_i32("code").ok(), Some(237));
}

#[test]
fn a_cursor_stops_waiting_when_its_client_leaves() {
    let server = TestServer::start();
    let mut reader = server.client();
    let id = tail(&mut reader);
    let command = get_more(id, 60_000);
    let mut other = server.client();
    reader.send_command("local", command);
    thread::sleep(Duration::from_millis(100));
    drop(reader);
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let running = other.command("admin", doc! { "currentOp": 1 });
        let running = running.get_array("inprog").unwrap().iter().filter_map(Bson::as_document);
        if !running.filter_map(|op| op.get_document("command").ok()).any(|command| command.contains_key("getMore")) {
            break;
        }
        assert!(Instant::now() < patience);
        thread::sleep(Duration::from_millis(20));
    }
    let gone = other.command("local", doc! { "killCursors": "oplog.rs", "cursors": [id] });
    assert_eq!(gone.get_array("cursorsNotFound").unwrap().len(), 1);
}

#[test]
fn what_can_be_tailed_and_how() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! { "insert": "c", "documents": [{ "_id": 1 }] });
    let not_capped = client.command("db", doc! { "find": "c", "tailable": true });
    assert_eq!(not_capped.get_i32("code").ok(), Some(2));
    let sorted = client.command("local", doc! { "find": "oplog.rs", "tailable": true, "sort": { "ts": -1 } });
    assert_eq!(sorted.get_i32("code").ok(), Some(2));
    let missing = client.command("db", doc! { "find": "none", "tailable": true });
    assert_eq!(cursor_id(&missing), 0);
}
