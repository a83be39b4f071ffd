//! Collections and databases as such, and what is left of them when a data directory is opened again.

use bson::{Document, doc};
use smongo::Client;
use smongo::request::{CreateRequest, Namespace, OpContext};

use crate::Fixture;

#[test]
fn collections_come_with_their_first_document_or_by_creation() {
    let fixture = Fixture::new();
    let db = fixture.client.database("db");
    fixture.coll.insert_one(doc! {}).run().unwrap();
    db.create_collection("b").run().unwrap();
    db.create_collection("b").run().unwrap();
    assert_eq!(db.list_collection_names().run().unwrap(), ["b", "c"]);
    assert_eq!(db.list_collection_names().filter(doc! { "name": "c" }).run().unwrap(), ["c"]);
    let names = fixture.client.list_database_names().run().unwrap();
    assert_eq!(names, ["admin", "config", "db", "local"]);
}

#[test]
fn views_and_renames() {
    let fixture = Fixture::with((0..4).map(|n| doc! { "_id": n }));
    let db = fixture.client.database("db");
    db.create_collection("small").view_on("c").pipeline([doc! { "$match": { "_id": { "$lt": 2 } } }]).run().unwrap();
    let view = db.collection::<Document>("small");
    assert_eq!(view.count_documents(doc! {}).run().unwrap(), 2);
    assert_eq!(view.insert_one(doc! {}).run().unwrap_err().code(), 166);
    fixture.coll.rename("d").run().unwrap();
    assert_eq!(view.count_documents(doc! {}).run().unwrap(), 0);
    db.collection::<Document>("d").rename("c").database("other").run().unwrap();
    let moved = fixture.client.database("other").collection::<Document>("c");
    assert_eq!(moved.count_documents(doc! {}).run().unwrap(), 4);
    moved.insert_one(doc! { "_id": 9 }).run().unwrap();
    db.create_collection("d").run().unwrap();
    let error = moved.rename("d").database("db").run().unwrap_err();
    assert_eq!(error.code(), 48);
    moved.rename("d").database("db").drop_target(true).run().unwrap();
    assert_eq!(db.collection::<Document>("d").count_documents(doc! {}).run().unwrap(), 5);
}

#[test]
fn drops_take_documents_along() {
    let fixture = Fixture::with([doc! { "_id": 1 }]);
    fixture.coll.drop().run().unwrap();
    fixture.coll.drop().run().unwrap();
    assert!(fixture.all().is_empty());
    fixture.coll.insert_one(doc! { "_id": 1 }).run().unwrap();
    fixture.client.database("db").drop().run().unwrap();
    assert_eq!(fixture.client.list_database_names().run().unwrap(), ["admin", "config", "local"]);
}

#[test]
fn renames_keep_documents() {
    let fixture = Fixture::with([doc! { "_id": 1 }]);
    let (engine, op) = (fixture.client.engine().unwrap(), OpContext::new());
    let ns = |coll| Namespace::new("db", coll).unwrap();
    engine.create_collection(&op, &CreateRequest::new(ns("taken"))).unwrap();
    for (from, to, drop_target, code) in [
        ("missing", "x", false, Some(26)),
        ("c", "c", false, Some(20)),
        ("c", "taken", false, Some(48)),
        ("c", "a$b", false, Some(73)),
        ("c", "taken", true, None),
    ] {
        // `$` is legal in a name that is only looked for, so the rename itself must refuse it.
        let renamed = engine.rename_collection(&op, &ns(from), &ns(to), drop_target);
        assert_eq!(renamed.err().map(|error| error.code()), code, "{from} to {to}");
    }
    let taken = fixture.client.database("db").collection::<Document>("taken");
    assert_eq!(taken.find_one(doc! {}).run().unwrap(), Some(doc! { "_id": 1 }));
    assert!(fixture.all().is_empty());
}

#[test]
fn databases_that_differ_only_in_case_cannot_live_together() {
    let fixture = Fixture::with([doc! {}]);
    let error = fixture.client.database("DB").create_collection("c").run().unwrap_err();
    assert_eq!(error.code(), 13297);
}

#[test]
fn everything_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    {
        let client = Client::open(dir.path()).unwrap();
        let coll = client.database("db").collection::<Document>("kept");
        coll.insert_many((0..100).map(|n| doc! { "_id": n })).run().unwrap();
        coll.delete_one(doc! { "_id": 50 }).run().unwrap();
        client.database("db").collection::<Document>("dropped").insert_one(doc! {}).run().unwrap();
        client.database("db").collection::<Document>("dropped").drop().run().unwrap();
    }
    for round in 0..2 {
        let client = Client::open(dir.path()).unwrap();
        assert_eq!(client.database("db").list_collection_names().run().unwrap(), ["kept"]);
        let coll = client.database("db").collection::<Document>("kept");
        assert_eq!(coll.estimated_document_count().run().unwrap(), 99 + round);
        assert!(coll.insert_one(doc! { "_id": 7 }).run().is_err());
        coll.insert_one(doc! { "round": round as i32 }).run().unwrap();
        let last = coll.find(doc! {}).sort(doc! { "$natural": -1 }).limit(1).run().unwrap().next().unwrap().unwrap();
        assert_eq!(last.get_i32("round").unwrap(), round as i32);
    }
}

#[test]
fn a_closed_engine_refuses_work() {
    let fixture = Fixture::with([doc! { "_id": 1 }]);
    fixture.client.engine().unwrap().close().unwrap();
    assert_eq!(fixture.coll.insert_one(doc! {}).run().unwrap_err().code_name(), "InterruptedAtShutdown");
    assert_eq!(fixture.coll.find(doc! {}).run().err().unwrap().code_name(), "InterruptedAtShutdown");
    assert_eq!(fixture.coll.drop().run().unwrap_err().code_name(), "InterruptedAtShutdown");
}

#[test]
fn a_data_directory_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let _owner = Client::open(dir.path()).unwrap();
    assert!(Client::open(dir.path()).is_err());
}

#[test]
fn drops_and_inserts_at_once_leave_the_engine_whole() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let coll = fixture.coll.clone();
            scope.spawn(move || {
                for n in 0..60 {
                    coll.insert_one(doc! { "_id": thread * 1000 + n }).run().unwrap();
                }
            });
        }
        let coll = fixture.coll.clone();
        scope.spawn(move || {
            for _ in 0..10 {
                coll.drop().run().unwrap();
                std::thread::yield_now();
            }
        });
    });
    let left = fixture.all().len() as u64;
    assert_eq!(fixture.coll.estimated_document_count().run().unwrap(), left);
}
