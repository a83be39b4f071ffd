//! Cursors: batches, and what happens to the collection between them.

use bson::{Document, doc};

use crate::{Fixture, numbers};

#[test]
fn a_cursor_reads_batch_by_batch_and_is_gone_at_the_end() {
    let fixture = Fixture::with((0..500).map(|n| doc! { "_id": n }));
    let mut cursor = fixture.coll.find(doc! {}).batch_size(100).run().unwrap();
    assert_eq!(cursor.next().unwrap().unwrap(), doc! { "_id": 0 });
    assert_eq!(fixture.client.engine().unwrap().open_cursor_count(), 1);
    assert_eq!(cursor.count(), 499);
    assert_eq!(fixture.client.engine().unwrap().open_cursor_count(), 0);
}

#[test]
fn dropping_a_cursor_ends_it() {
    let fixture = Fixture::with((0..500).map(|n| doc! { "_id": n }));
    let cursor = fixture.coll.find(doc! {}).run().unwrap();
    assert_eq!(fixture.client.engine().unwrap().open_cursor_count(), 1);
    drop(cursor);
    assert_eq!(fixture.client.engine().unwrap().open_cursor_count(), 0);
}

#[test]
fn a_limit_that_a_batch_fulfils_leaves_no_cursor() {
    let fixture = Fixture::with((0..50).map(|n| doc! { "_id": n }));
    let cursor = fixture.coll.find(doc! {}).limit(10).batch_size(10).run().unwrap();
    assert_eq!(fixture.client.engine().unwrap().open_cursor_count(), 0);
    assert_eq!(cursor.count(), 10);
}

#[test]
fn a_waiting_scan_survives_the_deletion_of_where_it_stood() {
    for direction in [1, -1] {
        let fixture = Fixture::with((0..10).map(|n| doc! { "_id": n }));
        let find = fixture.coll.find(doc! {}).sort(doc! { "$natural": direction }).batch_size(4);
        let mut cursor = find.run().unwrap();
        let first: Vec<Document> = cursor.by_ref().take(4).map(Result::unwrap).collect();
        let (stood, next) = if direction == 1 { (3, 4) } else { (6, 5) };
        assert_eq!(first.last().unwrap(), &doc! { "_id": stood });
        fixture.coll.delete_many(doc! { "_id": { "$in": [stood, next] } }).run().unwrap();
        let rest: Vec<Document> = cursor.map(Result::unwrap).collect();
        let expected = if direction == 1 { numbers(5..10) } else { numbers((0..5).rev()) };
        assert_eq!(crate::ids(&rest), expected);
    }
}

#[test]
fn a_waiting_scan_sees_documents_inserted_since() {
    let fixture = Fixture::with((0..5).map(|n| doc! { "_id": n }));
    let mut cursor = fixture.coll.find(doc! {}).batch_size(2).run().unwrap();
    cursor.next().unwrap().unwrap();
    fixture.coll.insert_one(doc! { "_id": 5 }).run().unwrap();
    assert_eq!(cursor.count(), 5);
}

#[test]
fn a_waiting_sort_has_seen_everything() {
    let fixture = Fixture::with((0..300).map(|n| doc! { "_id": n, "k": 300 - n }));
    let mut cursor = fixture.coll.find(doc! {}).sort(doc! { "k": 1 }).batch_size(10).run().unwrap();
    assert_eq!(cursor.next().unwrap().unwrap().get_i32("_id").unwrap(), 299);
    fixture.coll.delete_many(doc! {}).run().unwrap();
    assert_eq!(cursor.count(), 299);
}

#[test]
fn dropping_the_collection_kills_its_cursors() {
    let fixture = Fixture::with((0..10).map(|n| doc! { "_id": n }));
    let mut cursor = fixture.coll.find(doc! {}).batch_size(2).run().unwrap();
    fixture.coll.drop().run().unwrap();
    fixture.coll.insert_one(doc! { "_id": 77 }).run().unwrap();
    let error = cursor.find_map(Result::err).unwrap();
    assert_eq!(error.code_name(), "QueryPlanKilled");
    assert_eq!(fixture.client.engine().unwrap().open_cursor_count(), 0);
}

#[test]
fn large_documents_fill_a_batch_before_its_number_does() {
    let text = "x".repeat(6 * 1024 * 1024);
    let fixture = Fixture::with((0..5).map(|n| doc! { "_id": n, "text": &text }));
    let cursor = fixture.coll.find(doc! {}).run().unwrap();
    assert_eq!(fixture.client.engine().unwrap().open_cursor_count(), 1);
    let found: Vec<i32> = cursor.map(|found| found.unwrap().get_i32("_id").unwrap()).collect();
    assert_eq!(found, [0, 1, 2, 3, 4]);
}
