//! Transactions, retryable writes and change streams, as the driver's documentation shows them.

mod common;

use mongodb::bson::{Document, doc};
use mongodb::change_stream::event::OperationType;

use common::{client, database};

#[test]
fn a_transaction_commits_or_comes_to_nothing() {
    let client = client();
    // Not `common::database`: a session serves collections of its own client only.
    let database = client.database("rust_transactions");
    database.drop().run().expect("a dropped database");
    let accounts = database.collection::<Document>("accounts");
    accounts.insert_many([doc! { "_id": "a", "sum": 10 }, doc! { "_id": "b", "sum": 0 }]).run().expect("an insert");
    let mut session = client.start_session().run().expect("a session");
    session.start_transaction().run().expect("a transaction");
    accounts.update_one(doc! { "_id": "a" }, doc! { "$inc": { "sum": -4 } }).session(&mut session).run().expect("");
    accounts.update_one(doc! { "_id": "b" }, doc! { "$inc": { "sum": 4 } }).session(&mut session).run().expect("");
    let sum = |id: &str| accounts.find_one(doc! { "_id": id }).run().expect("a find").expect("an account");
    assert_eq!(sum("b").get_i32("sum").ok(), Some(0));
    session.commit_transaction().run().expect("a commit");
    assert_eq!(sum("b").get_i32("sum").ok(), Some(4));
    session.start_transaction().run().expect("a transaction");
    accounts.delete_many(doc! {}).session(&mut session).run().expect("a delete");
    session.abort_transaction().run().expect("an abort");
    assert_eq!(accounts.count_documents(doc! {}).run().expect("a count"), 2);
}

#[test]
fn changes_are_told_and_a_stream_goes_on_where_another_was() {
    let items = database("streams").collection::<Document>("items");
    let mut stream = items.watch().run().expect("a stream");
    items.insert_one(doc! { "_id": 1, "a": 1 }).run().expect("an insert");
    items.update_one(doc! { "_id": 1 }, doc! { "$set": { "a": 2 } }).run().expect("an update");
    items.delete_one(doc! { "_id": 1 }).run().expect("a delete");
    let first = stream.next().expect("an event").expect("an event");
    assert_eq!(first.operation_type, OperationType::Insert);
    assert_eq!(first.full_document, Some(doc! { "_id": 1, "a": 1 }));
    let second = stream.next().expect("an event").expect("an event");
    let updated = second.update_description.expect("a description").updated_fields;
    assert_eq!(updated, doc! { "a": 2 });
    let mut resumed = items.watch().resume_after(first.id).run().expect("a stream");
    let kinds: Vec<_> = (0..2).map(|_| resumed.next().expect("an event").expect("an event").operation_type).collect();
    assert_eq!(kinds, [OperationType::Update, OperationType::Delete]);
}
