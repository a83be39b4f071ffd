//! What a client is opened from, who may open it, and who else may use it.

use std::process::{Command, Stdio};

use bson::{Document, doc};
use smongo::Client;

use crate::Fixture;

#[test]
fn one_uri_for_directories_and_memory() {
    let dir = tempfile::tempdir().unwrap();
    let uri = format!("local://{}", dir.path().join("data").display());
    {
        let client = Client::connect(&uri).unwrap();
        client.database("db").collection("c").insert_one(doc! { "_id": 1 }).run().unwrap();
    }
    let client = Client::with_uri_str(&uri).unwrap();
    assert_eq!(client.database("db").collection::<Document>("c").count_documents(doc! {}).run().unwrap(), 1);
    let client = Client::connect("local://:memory:").unwrap();
    assert!(!client.list_database_names().run().unwrap().contains(&"db".to_owned()));
}

#[test]
fn what_is_not_built_is_refused() {
    let code = |uri: &str| Client::connect(uri).unwrap_err().code_name().into_owned();
    assert_eq!(code("local://data?sync=mongodb://localhost"), "NotImplemented");
    assert_eq!(code("file://data"), "BadValue");
    // Without the feature that brings MongoDB's driver.
    #[cfg(not(feature = "remote"))]
    assert_eq!(code("mongodb://localhost"), "NotImplemented");
}

/// Set in the second process: the directory to open.
const SECOND_DIR: &str = "SMONGO_TEST_SECOND_DIR";

#[test]
fn a_second_process_is_told_who_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::open(dir.path()).unwrap();
    let second = || {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["uri::second_process", "--exact", "--nocapture", "--ignored"])
            .env(SECOND_DIR, dir.path())
            .stderr(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = second();
    let owner = format!(
        "LockBusy: busy: the database in {} is in use: the process with pid {}",
        dir.path().display(),
        std::process::id()
    );
    assert!(said.contains(&owner), "{said}");
    let again = Client::open(dir.path()).unwrap_err();
    assert!(again.message().contains("this process"), "{again}");
    // Dropping the client closes the directory.
    drop(client);
    assert!(second().contains("opened"));
}

#[test]
#[ignore = "started by the test above"]
fn second_process() {
    let Some(dir) = std::env::var_os(SECOND_DIR) else { return };
    match Client::open(dir) {
        Ok(_) => println!("opened"),
        Err(error) => println!("{}: {}", error.code_name(), error.message()),
    }
}

#[test]
fn commands_run_in_the_process() {
    let fixture = Fixture::with([doc! { "_id": 1 }, doc! { "_id": 2 }]);
    let db = fixture.client.database("db");
    assert_eq!(db.run_command(doc! { "count": "c" }).run().unwrap().get_i32("n").ok(), Some(2));
    let error = db.run_command(doc! { "nonsense": 1 }).run().unwrap_err();
    assert_eq!((error.code(), error.message()), (59, "no such command: 'nonsense'"));
    let cursor = db.run_cursor_command(doc! { "find": "c", "batchSize": 1 }).batch_size(1).run().unwrap();
    assert_eq!(cursor.map(|found| found.unwrap().get_i32("_id").unwrap()).collect::<Vec<_>>(), [1, 2]);
    // A cursor that is dropped is ended.
    let engine = fixture.client.engine().unwrap();
    let cursor = db.run_cursor_command(doc! { "find": "c", "batchSize": 1 }).run().unwrap();
    assert_eq!(engine.open_cursor_count(), 1);
    drop(cursor);
    assert_eq!(engine.open_cursor_count(), 0);
    let reply = db.run_command(doc! { "ping": 1 }).run_raw().unwrap();
    assert_eq!(reply.get_f64("ok").ok(), Some(1.0));
}

#[test]
fn an_open_store_is_served() {
    let fixture = Fixture::new();
    let served = fixture.client.serve("127.0.0.1:0").unwrap();
    assert_ne!(served.port(), 0);
    let taken = fixture.client.serve(format!("127.0.0.1:{}", served.port())).unwrap_err();
    assert_eq!(taken.code_name(), "HostUnreachable");
    assert_eq!(fixture.client.serve("nonsense").unwrap_err().code_name(), "BadValue");
    served.stop().unwrap();
    fixture.coll.insert_one(doc! { "_id": 1 }).run().unwrap();
    // What is served can be stopped and served again.
    drop(fixture.client.serve("127.0.0.1:0").unwrap());
}

#[test]
fn options_of_writes_are_heeded() {
    let fixture = Fixture::with([doc! { "_id": 1, "s": "a" }, doc! { "_id": 2, "s": "A" }]);
    let insensitive = doc! { "locale": "en", "strength": 2 };
    let coll = &fixture.coll;
    let update = doc! { "$set": { "x": 1 } };
    let updated = coll.update_many(doc! { "s": "a" }, update.clone()).collation(insensitive.clone()).run().unwrap();
    assert_eq!(updated.matched_count, 2);
    let error = coll.update_one(doc! {}, update).hint("nothing").run().unwrap_err();
    assert!(error.message().contains("hint provided does not correspond to an existing index"), "{error}");
    let distinct = coll.distinct("s", doc! {}).collation(insensitive.clone()).run().unwrap();
    assert_eq!(distinct.len(), 1);
    assert_eq!(coll.count_documents(doc! { "s": "a" }).collation(insensitive.clone()).run().unwrap(), 2);
    let found = coll.find_one_and_delete(doc! { "s": "a" }).sort(doc! { "_id": -1 }).collation(insensitive.clone());
    assert_eq!(found.run().unwrap().unwrap().get_i32("_id").ok(), Some(2));
    assert_eq!(coll.delete_many(doc! { "s": "A" }).collation(insensitive).run().unwrap().deleted_count, 1);
}
