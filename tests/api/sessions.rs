//! Sessions, transactions and change streams of the embedded API.
//!
//! Sources: MongoDB's manual ("Transactions", "Change Events"), the drivers' specifications "Transactions", "Convenient
//! API for Transactions" and "Change Streams", and the names and shapes of the official Rust driver.

use std::thread;
use std::time::Duration;

use bson::{Bson, Document, doc};
use smongo::change_stream::event::{OperationType, ResumeToken};
use smongo::options::{FullDocumentBeforeChangeType, FullDocumentType};
use smongo::{Client, ClientSession, Collection};

use crate::Fixture;

const TRANSIENT: &str = "TransientTransactionError";

fn count(coll: &Collection<Document>) -> u64 {
    coll.count_documents(doc! {}).run().unwrap()
}

fn start(client: &Client) -> ClientSession {
    client.start_session().run().unwrap()
}

#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    let Fixture { client, coll, .. } = &Fixture::with([doc! { "_id": 0 }]);
    let mut session = start(client);
    session.start_transaction().run().unwrap();
    coll.insert_one(doc! { "_id": 1 }).session(&mut session).run().unwrap();
    coll.update_one(doc! { "_id": 0 }, doc! { "$set": { "a": 1 } }).session(&mut session).run().unwrap();
    assert_eq!(count(coll), 1);
    assert_eq!(coll.count_documents(doc! {}).session(&mut session).run().unwrap(), 2);
    let seen: Vec<Document> =
        coll.find(doc! {}).batch_size(1).session(&mut session).run().unwrap().map(Result::unwrap).collect();
    assert_eq!(seen, [doc! { "_id": 0, "a": 1 }, doc! { "_id": 1 }]);
    session.commit_transaction().run().unwrap();
    session.commit_transaction().run().unwrap();
    assert_eq!(count(coll), 2);
    session.start_transaction().journal(true).run().unwrap();
    coll.delete_many(doc! {}).session(&mut session).run().unwrap();
    session.abort_transaction().run().unwrap();
    assert_eq!(count(coll), 2);
}

/// Every verb that takes a session sees and does what the transaction is at.
#[test]
fn all_verbs_take_part() {
    let Fixture { client, coll, .. } = &Fixture::new();
    let mut session = start(client);
    session.start_transaction().run().unwrap();
    let s = &mut session;
    coll.insert_many([doc! { "_id": 1 }, doc! { "_id": 2 }, doc! { "_id": 3 }]).session(s).run().unwrap();
    coll.replace_one(doc! { "_id": 1 }, doc! { "a": 1 }).session(s).run().unwrap();
    coll.update_many(doc! {}, doc! { "$set": { "b": 1 } }).session(s).run().unwrap();
    coll.delete_one(doc! { "_id": 2 }).session(s).run().unwrap();
    let found = coll.find_one(doc! { "a": 1 }).session(s).run().unwrap();
    assert_eq!(found, Some(doc! { "_id": 1, "a": 1, "b": 1 }));
    assert_eq!(coll.distinct("_id", doc! {}).session(s).run().unwrap(), [Bson::Int32(1), Bson::Int32(3)]);
    let grouped = coll.aggregate([doc! { "$group": { "_id": null, "n": { "$sum": "$b" } } }]).session(s).run();
    assert_eq!(grouped.unwrap().map(Result::unwrap).collect::<Vec<_>>(), [doc! { "_id": null, "n": 2 }]);
    coll.find_one_and_update(doc! { "_id": 1 }, doc! { "$unset": { "b": 1 } }).session(s).run().unwrap();
    coll.find_one_and_replace(doc! { "_id": 3 }, doc! { "c": 1 }).session(s).run().unwrap();
    assert_eq!(coll.find_one_and_delete(doc! { "_id": 3 }).session(s).run().unwrap(), Some(doc! { "_id": 3, "c": 1 }));
    assert_eq!(count(coll), 0);
    session.commit_transaction().run().unwrap();
    let left: Vec<Document> = coll.find(doc! {}).run().unwrap().map(Result::unwrap).collect();
    assert_eq!(left, [doc! { "_id": 1, "a": 1 }]);
}

/// The words are the driver's.
#[test]
fn the_order_of_calls_is_checked() {
    let Fixture { client, coll, .. } = &Fixture::new();
    let mut session = start(client);
    let said = |outcome: smongo::Result<()>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.code_name(), "IllegalOperation");
        error.message().to_owned()
    };
    assert_eq!(said(session.commit_transaction().run()), "no transaction started");
    assert_eq!(said(session.abort_transaction().run()), "no transaction started");
    session.start_transaction().run().unwrap();
    assert_eq!(said(session.start_transaction().run()), "transaction already in progress");
    session.commit_transaction().run().unwrap();
    let after_commit = "Cannot call abortTransaction after calling commitTransaction";
    assert_eq!(said(session.abort_transaction().run()), after_commit);
    // An operation outside a transaction makes the one before a thing of the past.
    coll.insert_one(doc! {}).session(&mut session).run().unwrap();
    assert_eq!(said(session.commit_transaction().run()), "no transaction started");
    session.start_transaction().run().unwrap();
    session.abort_transaction().run().unwrap();
    assert_eq!(said(session.abort_transaction().run()), "cannot call abortTransaction twice");
    let after_abort = "Cannot call commitTransaction after calling abortTransaction";
    assert_eq!(said(session.commit_transaction().run()), after_abort);
    let other = Fixture::new();
    assert!(said(other.coll.insert_one(doc! {}).session(&mut session).run().map(drop)).contains("session"));
}

#[test]
fn what_a_transaction_cannot_do_ends_it() {
    let Fixture { client, coll, .. } = &Fixture::with([doc! { "_id": 1 }]);
    let mut session = start(client);
    let before = coll.find(doc! {}).batch_size(1).session(&mut session).run();
    assert_eq!(before.unwrap().count(), 1);
    session.start_transaction().run().unwrap();
    coll.insert_one(doc! { "_id": 2 }).session(&mut session).run().unwrap();
    let duplicate = coll.insert_one(doc! { "_id": 1 }).session(&mut session).run().unwrap_err();
    assert_eq!((duplicate.code(), duplicate.has_label(TRANSIENT)), (11000, false));
    let gone = coll.insert_one(doc! { "_id": 3 }).session(&mut session).run().unwrap_err();
    assert_eq!((gone.code_name().as_ref(), gone.has_label(TRANSIENT)), ("NoSuchTransaction", true));
    let uncommitted = session.commit_transaction().run().unwrap_err();
    assert_eq!(uncommitted.code_name(), "NoSuchTransaction");
    assert_eq!(count(coll), 1);
    session.start_transaction().run().unwrap();
    let admin = client.database("admin").collection::<Document>("c");
    let refused = admin.insert_one(doc! {}).session(&mut session).run().unwrap_err();
    assert_eq!(refused.code(), 263);
    assert_eq!(refused.message(), "Cannot run command against the 'admin' database in a transaction.");
    session.abort_transaction().run().unwrap();
    // The commit is what waits for the storage device.
    session.start_transaction().journal(true).run().unwrap();
    let refused = coll.insert_one(doc! { "_id": 4 }).journal(true).session(&mut session).run().unwrap_err();
    assert_eq!((refused.code_name().as_ref(), refused.has_label(TRANSIENT)), ("InvalidOptions", false));
    session.abort_transaction().run().unwrap();
}

#[test]
fn a_cursor_ends_with_its_transaction() {
    let Fixture { client, coll, .. } = &Fixture::with([doc! { "_id": 1 }, doc! { "_id": 2 }]);
    let mut session = start(client);
    session.start_transaction().run().unwrap();
    let mut cursor = coll.find(doc! {}).batch_size(1).session(&mut session).run().unwrap();
    assert_eq!(cursor.next().unwrap().unwrap(), doc! { "_id": 1 });
    session.commit_transaction().run().unwrap();
    // The manual, "Transactions and Operations": a cursor is of the transaction that it was opened in.
    assert_eq!(cursor.next().unwrap().unwrap_err().code(), 50740);
    let mut cursor = coll.find(doc! {}).batch_size(1).session(&mut session).run().unwrap();
    assert_eq!(cursor.next().unwrap().unwrap(), doc! { "_id": 1 });
    session.start_transaction().run().unwrap();
    let refused = cursor.next().unwrap().unwrap_err();
    assert_eq!(refused.message(), "Cannot run 'getMore' as the first operation in a transaction.");
    assert_eq!(client.engine().unwrap().open_cursor_count(), 0);
}

#[test]
fn a_dropped_session_aborts() {
    let Fixture { client, coll, .. } = &Fixture::with([doc! { "_id": 0 }]);
    let mut session = start(client);
    session.start_transaction().run().unwrap();
    coll.insert_one(doc! { "_id": 1 }).session(&mut session).run().unwrap();
    drop(session);
    assert_eq!(count(coll), 1);
    coll.insert_one(doc! { "_id": 1 }).run().unwrap();
}

#[test]
fn a_conflict_begins_the_transaction_again() {
    let Fixture { client, coll, .. } = &Fixture::with([doc! { "_id": 1, "n": 0 }]);
    let mut session = start(client);
    let mut attempts = 0;
    let result = session.start_transaction().and_run(|session| {
        attempts += 1;
        coll.find_one(doc! { "_id": 1 }).session(session).run()?;
        if attempts == 1 {
            coll.update_one(doc! { "_id": 1 }, doc! { "$inc": { "n": 10 } }).run()?;
        }
        coll.update_one(doc! { "_id": 1 }, doc! { "$inc": { "n": 1 } }).session(session).run()
    });
    assert_eq!((result.unwrap().modified_count, attempts), (1, 2));
    assert_eq!(coll.find_one(doc! {}).run().unwrap(), Some(doc! { "_id": 1, "n": 11 }));
    let mut attempts = 0;
    let error = session.with_transaction(|session| {
        attempts += 1;
        coll.insert_one(doc! { "_id": 2 }).session(session).run()?;
        coll.insert_one(doc! { "_id": 1 }).session(session).run()
    });
    assert_eq!((error.unwrap_err().code(), attempts, count(coll)), (11000, 1, 1));
    // Work that ends the transaction itself has the last word.
    let kept = session.with_transaction(|session| {
        coll.insert_one(doc! { "_id": 3 }).session(session).run()?;
        session.abort_transaction().run()?;
        Ok("kept")
    });
    assert_eq!((kept.unwrap(), count(coll)), ("kept", 1));
}

/// Transactions of several threads that are in each other's way all come through, and none is lost.
#[test]
fn transactions_of_threads_add_up() {
    let Fixture { client, coll, .. } = &Fixture::with([doc! { "_id": 1, "n": 0 }]);
    let (threads, each) = (4, 10);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut session = start(client);
                for _ in 0..each {
                    session
                        .with_transaction(|session| {
                            let found = coll.find_one(doc! { "_id": 1 }).session(session).run()?;
                            let next = found.unwrap().get_i32("n").unwrap() + 1;
                            coll.update_one(doc! { "_id": 1 }, doc! { "$set": { "n": next } }).session(session).run()
                        })
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(coll.find_one(doc! {}).run().unwrap(), Some(doc! { "_id": 1, "n": threads * each }));
}

#[test]
fn changes_are_told_as_they_happen() {
    let Fixture { client, coll, .. } = &Fixture::new();
    let waiting = coll.watch().full_document(FullDocumentType::UpdateLookup).max_await_time(Duration::from_millis(10));
    let mut stream = waiting.run().unwrap();
    assert!(stream.next_if_any().unwrap().is_none());
    let (first, second) = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(50));
            coll.insert_one(doc! { "_id": 1, "a": 1 }).run().unwrap();
            coll.update_one(doc! { "_id": 1 }, doc! { "$set": { "a": 2 } }).run().unwrap();
        });
        (stream.next().unwrap().unwrap(), stream.next().unwrap().unwrap())
    });
    assert_eq!(first.operation_type, OperationType::Insert);
    assert_eq!(first.full_document, Some(doc! { "_id": 1, "a": 1 }));
    assert_eq!(first.document_key, Some(doc! { "_id": 1 }));
    assert_eq!(second.update_description.unwrap().updated_fields, doc! { "a": 2 });
    assert_eq!(second.full_document, Some(doc! { "_id": 1, "a": 2 }));
    assert_eq!(stream.next_if_any().unwrap(), None);
    // A token can be kept as a document.
    let kept = bson::serialize_to_document(&first.id).unwrap();
    let token: ResumeToken = bson::deserialize_from_document(kept).unwrap();
    let mut resumed = client.database("db").watch().resume_after(token).run().unwrap();
    assert_eq!(resumed.next().unwrap().unwrap().operation_type, OperationType::Update);
    let mut again = coll.watch().start_at_operation_time(first.cluster_time.unwrap()).run().unwrap();
    assert_eq!(again.next().unwrap().unwrap().id, first.id);
    coll.drop().run().unwrap();
    let rest: Vec<OperationType> = stream.by_ref().map(|event| event.unwrap().operation_type).collect();
    assert_eq!(rest, [OperationType::Drop, OperationType::Invalidate]);
    assert!(!stream.is_alive());
    // The end of a stream is no place to resume after, but one to start after.
    let end = stream.resume_token().unwrap();
    assert_eq!(coll.watch().resume_after(end.clone()).run().unwrap_err().code_name(), "InvalidResumeToken");
    let mut next = coll.watch().start_after(end).run().unwrap();
    coll.insert_one(doc! { "_id": 2 }).run().unwrap();
    assert_eq!(next.next().unwrap().unwrap().full_document, Some(doc! { "_id": 2 }));
}

#[test]
fn what_is_watched_and_how() {
    let Fixture { client, coll, .. } = &Fixture::new();
    let db = client.database("db");
    db.create_collection("kept").change_stream_pre_and_post_images(doc! { "enabled": true }).run().unwrap();
    let kept = db.collection::<Document>("kept");
    let mut images = kept
        .watch()
        .full_document(FullDocumentType::Required)
        .full_document_before_change(FullDocumentBeforeChangeType::Required)
        .pipeline([doc! { "$match": { "operationType": "update" } }])
        .batch_size(1)
        .run()
        .unwrap();
    let mut of_cluster = client.watch().show_expanded_events(true).run().unwrap();
    let mut shaped =
        coll.watch().pipeline([doc! { "$project": { "documentKey": 1 } }]).run().unwrap().with_type::<Document>();
    kept.insert_one(doc! { "_id": 1, "x": 1 }).run().unwrap();
    kept.update_one(doc! { "_id": 1 }, doc! { "$inc": { "x": 1 } }).run().unwrap();
    let update = images.next().unwrap().unwrap();
    assert_eq!(update.full_document_before_change, Some(doc! { "_id": 1, "x": 1 }));
    assert_eq!(update.full_document, Some(doc! { "_id": 1, "x": 2 }));
    // A transaction is told whole, when it is committed.
    let mut session = start(client);
    session
        .with_transaction(|session| {
            coll.insert_one(doc! { "_id": 7 }).session(session).run()?;
            coll.insert_one(doc! { "_id": 8 }).session(session).run()
        })
        .unwrap();
    assert_eq!(shaped.next().unwrap().unwrap().get_document("documentKey").ok(), Some(&doc! { "_id": 7 }));
    let events: Vec<_> = of_cluster.by_ref().take(5).map(Result::unwrap).collect();
    let kinds: Vec<_> = events.iter().map(|event| event.operation_type.clone()).collect();
    let create = OperationType::Other("create".to_owned());
    let (insert, update) = (OperationType::Insert, OperationType::Update);
    assert_eq!(kinds, [insert.clone(), update, create, insert.clone(), insert]);
    let last = events.last().unwrap();
    assert_eq!(last.ns.as_ref().map(|ns| (ns.db.as_str(), ns.coll.as_deref())), Some(("db", Some("c"))));
    assert!(last.txn_number.is_some());
    let lsid = last.lsid.as_ref().unwrap();
    assert_eq!(lsid.get("id"), session.id().get("id"));
    assert_eq!(client.database("admin").watch().run().unwrap_err().code_name(), "InvalidNamespace");
}

/// A client that is connected to a server watches through MongoDB's driver; sessions are of stores that are open here.
#[cfg(feature = "remote")]
#[test]
fn a_server_is_watched_through_the_driver() {
    let Fixture { client, coll, .. } = &Fixture::new();
    let served = client.serve("127.0.0.1:0").unwrap();
    let remote = Client::connect(format!("mongodb://127.0.0.1:{}/?directConnection=true", served.port())).unwrap();
    let distant = remote.database("db").collection::<Document>("c");
    let mut stream = distant.watch().full_document(FullDocumentType::UpdateLookup).batch_size(2).run().unwrap();
    coll.insert_one(doc! { "_id": 1 }).run().unwrap();
    let first = stream.next().unwrap().unwrap();
    assert_eq!((&first.operation_type, first.full_document), (&OperationType::Insert, Some(doc! { "_id": 1 })));
    assert_eq!(stream.resume_token(), Some(first.id.clone()));
    coll.update_one(doc! { "_id": 1 }, doc! { "$set": { "x": 1 } }).run().unwrap();
    let mut resumed = remote.watch().resume_after(first.id.clone()).run().unwrap();
    assert_eq!(resumed.next().unwrap().unwrap().operation_type, OperationType::Update);
    // Tokens of a store and of its server are the same.
    let mut here = coll.watch().resume_after(first.id).run().unwrap();
    assert_eq!(here.next().unwrap().unwrap().operation_type, OperationType::Update);
    assert_eq!(remote.start_session().run().unwrap_err().code_name(), "IllegalOperation");
    let mut session = start(client);
    assert_eq!(distant.insert_one(doc! {}).session(&mut session).run().unwrap_err().code_name(), "IllegalOperation");
    drop((stream, resumed));
    served.stop().unwrap();
}
