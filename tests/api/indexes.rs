//! Indexes: making and dropping them, what they forbid, and what is left of them after reopening.

use bson::{Bson, DateTime, Document, doc};
use smongo::request::{IndexSelection, ModifyIndexRequest, Namespace, OpContext, Verbosity};
use smongo::{Client, Collection};

use crate::{Fixture, numbers};

/// The stages of a find, from the top.
fn stages(coll: &Collection<Document>, filter: Document) -> Vec<String> {
    let explained = coll.find(filter).explain(Verbosity::QueryPlanner).unwrap();
    let planner = explained.get_document("queryPlanner").unwrap();
    let mut stages = Vec::new();
    let mut next = planner.get_document("winningPlan").ok();
    while let Some(stage) = next {
        stages.push(stage.get_str("stage").unwrap().to_owned());
        next = stage.get_document("inputStage").ok();
    }
    stages
}

#[test]
fn indexes_are_made_listed_and_dropped() {
    let fixture = Fixture::with((0..20).map(|n| doc! { "_id": n, "a": n % 5 }));
    assert_eq!(fixture.coll.create_index(doc! { "a": 1, "b": -1 }).run().unwrap().index_name, "a_1_b_-1");
    fixture.coll.create_index(doc! { "a": 1, "b": -1 }).run().unwrap();
    assert_eq!(fixture.coll.list_index_names().run().unwrap(), ["_id_", "a_1_b_-1"]);
    assert_eq!(stages(&fixture.coll, doc! { "a": 3 }), ["FETCH", "IXSCAN"]);
    assert_eq!(fixture.ids(doc! { "a": 3 }), numbers([3, 8, 13, 18]));
    fixture.coll.drop_index("a_1_b_-1").run().unwrap();
    assert_eq!(stages(&fixture.coll, doc! { "a": 3 }), ["COLLSCAN"]);
    assert_eq!(fixture.ids(doc! { "a": 3 }), numbers([3, 8, 13, 18]));
    assert_eq!(fixture.coll.drop_index("a_1_b_-1").run().unwrap_err().code(), 27);
    assert_eq!(fixture.coll.drop_index("_id_").run().unwrap_err().code(), 72);
}

#[test]
fn entries_follow_their_documents() {
    let fixture = Fixture::with((0..10).map(|n| doc! { "_id": n, "a": n }));
    fixture.coll.create_index(doc! { "a": 1 }).run().unwrap();
    fixture.coll.insert_one(doc! { "_id": 10, "a": 4 }).run().unwrap();
    fixture.coll.update_one(doc! { "_id": 4 }, doc! { "$set": { "a": 99 } }).run().unwrap();
    fixture.coll.update_one(doc! { "_id": 5 }, doc! { "$set": { "a": [4, 4, 7] } }).run().unwrap();
    fixture.coll.delete_one(doc! { "_id": 7 }).run().unwrap();
    assert_eq!(fixture.ids(doc! { "a": 4 }), numbers([5, 10]));
    assert_eq!(fixture.ids(doc! { "a": 7 }), numbers([5]));
    assert_eq!(fixture.ids(doc! { "a": 99 }), numbers([4]));
}

#[test]
fn a_unique_index_forbids_a_second_document_with_a_key() {
    let fixture = Fixture::with([doc! { "_id": 1, "a": 1, "b": "x" }, doc! { "_id": 2 }]);
    fixture.coll.create_index(doc! { "a": 1, "b.c": -1 }).unique(true).run().unwrap();
    let error = fixture.coll.insert_one(doc! { "_id": 3, "a": 1.0 }).run().unwrap_err();
    assert_eq!(error.code(), 11000);
    assert_eq!(
        error.message(),
        "E11000 duplicate key error collection: db.c index: a_1_b.c_-1 dup key: { a: 1.0, b.c: null }"
    );
    assert_eq!(fixture.coll.insert_one(doc! { "_id": 3 }).run().unwrap_err().code(), 11000);
    let update = fixture.coll.update_one(doc! { "_id": 2 }, doc! { "$set": { "a": 1 } }).run();
    assert_eq!(update.unwrap_err().code(), 11000);
    assert_eq!(fixture.ids(doc! { "a": null }), numbers([2]));
    fixture.coll.insert_one(doc! { "_id": 3, "a": 1, "b": { "c": 1 } }).run().unwrap();
    // An array may have a value twice, and share none with other documents.
    fixture.coll.insert_one(doc! { "_id": 4, "a": [7, 7, 8] }).run().unwrap();
    assert_eq!(fixture.coll.insert_one(doc! { "_id": 5, "a": [6, 8] }).run().unwrap_err().code(), 11000);
    assert_eq!(fixture.ids(doc! { "a": 6 }), numbers([]));
    fixture.coll.insert_one(doc! { "_id": 5, "a": 6 }).run().unwrap();
}

#[test]
fn a_build_that_meets_duplicates_leaves_nothing() {
    let fixture = Fixture::with((0..10).map(|n| doc! { "_id": n, "a": n / 2 }));
    let error = fixture.coll.create_index(doc! { "a": 1 }).unique(true).run().unwrap_err();
    assert_eq!(error.code(), 11000);
    assert!(error.message().contains("index: a_1 dup key: { a: 0 }"), "{error}");
    assert_eq!(fixture.coll.list_index_names().run().unwrap(), ["_id_"]);
    fixture.coll.insert_one(doc! { "_id": 10, "a": 0 }).run().unwrap();
    fixture.coll.create_index(doc! { "a": 1 }).run().unwrap();
}

#[test]
fn sparse_and_partial_indexes_hold_some_documents() {
    let fixture = Fixture::with([
        doc! { "_id": 1, "a": 1 },
        doc! { "_id": 2 },
        doc! { "_id": 3, "a": null },
        doc! { "_id": 4 },
        doc! { "_id": 5, "a": [{ "b": 1 }, {}] },
        doc! { "_id": 6, "a": [{ "b": 2 }, {}] },
    ]);
    fixture.coll.create_index(doc! { "a": 1 }).unique(true).sparse(true).run().unwrap_err();
    fixture.coll.delete_one(doc! { "_id": 6 }).run().unwrap();
    fixture.coll.create_index(doc! { "a": 1 }).unique(true).sparse(true).run().unwrap();
    let hinted = fixture.coll.find(doc! {}).hint("a_1").run().unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(crate::ids(&hinted), numbers([3, 1, 5]));
    assert_eq!(fixture.ids(doc! { "a": null }), numbers([2, 3, 4]));
    assert_eq!(fixture.coll.insert_one(doc! { "_id": 6, "a": null }).run().unwrap_err().code(), 11000);
    // An element without the field has no key of its own.
    fixture.coll.create_index(doc! { "a.b": 1 }).unique(true).sparse(true).run().unwrap();
    fixture.coll.insert_one(doc! { "_id": 6, "a": [{ "b": 3 }, { "c": 1 }] }).run().unwrap();

    let fixture = Fixture::with((0..6).map(|n| doc! { "_id": n, "a": n % 3, "on": n < 3 }));
    fixture
        .coll
        .create_index(doc! { "a": 1 })
        .unique(true)
        .partial_filter_expression(doc! { "on": true })
        .run()
        .unwrap();
    assert_eq!(stages(&fixture.coll, doc! { "a": 1 }), ["COLLSCAN"]);
    assert_eq!(stages(&fixture.coll, doc! { "a": 1, "on": true }), ["FETCH", "IXSCAN"]);
    assert_eq!(fixture.ids(doc! { "a": 1, "on": true }), numbers([1]));
    let turned_on = fixture.coll.update_one(doc! { "_id": 4 }, doc! { "$set": { "on": true } }).run();
    assert_eq!(turned_on.unwrap_err().code(), 11000);
    fixture.coll.update_one(doc! { "_id": 1 }, doc! { "$set": { "on": false } }).run().unwrap();
    fixture.coll.update_one(doc! { "_id": 4 }, doc! { "$set": { "on": true } }).run().unwrap();
    assert_eq!(fixture.ids(doc! { "a": 1, "on": true }), numbers([4]));
}

#[test]
fn arrays_of_two_fields_cannot_be_indexed_together() {
    let fixture = Fixture::with([doc! { "_id": 1, "a": [1, 2], "b": 1 }]);
    fixture.coll.create_index(doc! { "a": 1, "b": 1 }).run().unwrap();
    assert_eq!(fixture.coll.insert_one(doc! { "_id": 2, "a": [1], "b": [2] }).run().unwrap_err().code(), 171);
    fixture.coll.insert_one(doc! { "_id": 2, "a": 1, "b": [2, 3] }).run().unwrap();
    assert_eq!(fixture.ids(doc! { "a": 1 }), numbers([1, 2]));
}

#[test]
fn a_compound_index_gives_order_and_reads_what_is_asked_for() {
    let fixture = Fixture::with((0..1000).map(|n| doc! { "_id": n, "a": n % 10, "b": n }));
    fixture.coll.create_index(doc! { "a": 1, "b": 1 }).run().unwrap();
    let find = fixture.coll.find(doc! { "a": 3, "b": { "$gt": 500 } }).sort(doc! { "a": 1, "b": 1 }).limit(10);
    let explained = find.explain(Verbosity::ExecutionStats).unwrap();
    let stats = explained.get_document("executionStats").unwrap();
    assert_eq!(stats.get_i32("totalKeysExamined").unwrap(), 10);
    assert_eq!(stats.get_i32("totalDocsExamined").unwrap(), 10);
    let plan = explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap();
    let scan = plan.get_document("inputStage").unwrap().get_document("inputStage").unwrap();
    assert_eq!(
        scan,
        &doc! {
            "stage": "IXSCAN", "keyPattern": { "a": 1, "b": 1 }, "indexName": "a_1_b_1", "isMultiKey": false,
            "multiKeyPaths": { "a": [], "b": [] }, "isUnique": false, "isSparse": false, "isPartial": false,
            "indexVersion": 2, "direction": "forward",
            "indexBounds": { "a": ["[3, 3]"], "b": ["(500, inf.0]"] },
        }
    );
}

#[test]
fn a_change_that_moves_an_entry_ahead_of_the_scan_is_made_once() {
    let fixture = Fixture::with((0..3000).map(|n| doc! { "_id": n, "a": n }));
    fixture.coll.create_index(doc! { "a": 1 }).run().unwrap();
    let update = fixture.coll.update_many(doc! { "a": { "$gte": 0 } }, doc! { "$inc": { "a": 10 } }).run().unwrap();
    assert_eq!(update.modified_count, 3000);
    assert_eq!(fixture.coll.count_documents(doc! { "a": { "$lt": 10 } }).run().unwrap(), 0);
    assert_eq!(fixture.ids(doc! { "a": { "$gt": 3008 } }), numbers([2999]));
}

#[test]
fn a_cursor_goes_on_where_it_was() {
    let fixture = Fixture::with((0..500).map(|n| doc! { "_id": n, "a": [n % 7, n % 5] }));
    fixture.coll.create_index(doc! { "a": 1 }).run().unwrap();
    let found = fixture.coll.find(doc! { "a": { "$gte": 2 } }).batch_size(7).run().unwrap();
    let mut ids: Vec<i32> = found.map(|doc| doc.unwrap().get_i32("_id").unwrap()).collect();
    ids.sort_unstable();
    let expected: Vec<i32> = (0..500).filter(|n| n % 7 >= 2 || n % 5 >= 2).collect();
    assert_eq!(ids, expected);
}

#[test]
fn a_cursor_whose_index_becomes_multikey_gives_what_matches() {
    let fixture = Fixture::with((0..20).map(|n| doc! { "_id": n, "a": n }));
    fixture.coll.create_index(doc! { "a": 1 }).run().unwrap();
    let hint = Bson::String("a_1".into());
    let mut cursor = fixture.coll.find(doc! { "a": { "$ne": 15 } }).hint(hint).batch_size(2).run().unwrap();
    let mut found: Vec<Bson> = cursor.by_ref().take(2).map(|row| row.unwrap().get("_id").cloned().unwrap()).collect();
    // One that no longer matches, although one of its keys is among those of documents that do, and one with many keys.
    fixture.coll.update_one(doc! { "_id": 10 }, doc! { "$set": { "a": [10, 15] } }).run().unwrap();
    fixture.coll.update_one(doc! { "_id": 12 }, doc! { "$set": { "a": [12, 13, 14] } }).run().unwrap();
    found.extend(cursor.map(|row| row.unwrap().get("_id").cloned().unwrap()));
    assert_eq!(found, numbers((0..20).filter(|n| *n != 10 && *n != 15)));
}

#[test]
fn hidden_indexes_are_kept_up_and_not_used() {
    let fixture = Fixture::with([doc! { "_id": 1, "a": 1 }]);
    fixture.coll.create_index(doc! { "a": 1 }).unique(true).hidden(true).run().unwrap();
    assert_eq!(stages(&fixture.coll, doc! { "a": 1 }), ["COLLSCAN"]);
    assert_eq!(fixture.coll.insert_one(doc! { "_id": 2, "a": 1 }).run().unwrap_err().code(), 11000);
    let hinted = fixture.coll.find(doc! {}).hint("a_1").run();
    assert_eq!(hinted.err().map(|error| error.code()), Some(2));
}

#[test]
fn an_index_can_be_hidden_and_shown_again() {
    let fixture = Fixture::with([doc! { "_id": 1, "a": 1 }]);
    fixture.coll.create_index(doc! { "a": 1 }).run().unwrap();
    let modify = |name: &str, hidden| {
        let request = ModifyIndexRequest {
            hidden: Some(hidden),
            ..ModifyIndexRequest::new(Namespace::new("db", "c").unwrap(), IndexSelection::Names(vec![name]))
        };
        fixture.client.engine().unwrap().modify_index(&OpContext::new(), &request).map(|modified| modified.hidden)
    };
    assert_eq!(modify("a_1", true).unwrap(), Some((false, true)));
    assert_eq!(modify("a_1", true).unwrap(), None);
    assert_eq!(stages(&fixture.coll, doc! { "a": 1 }), ["COLLSCAN"]);
    fixture.coll.insert_one(doc! { "_id": 2, "a": 1 }).run().unwrap();
    assert_eq!(modify("a_1", false).unwrap(), Some((true, false)));
    assert_eq!(stages(&fixture.coll, doc! { "a": 1 }), ["FETCH", "IXSCAN"]);
    assert_eq!(fixture.ids(doc! { "a": 1 }), numbers([1, 2]));
    assert_eq!(modify("_id_", true).unwrap_err().code(), 2);
    assert_eq!(modify("missing", true).unwrap_err().code(), 27);
}

#[test]
fn documents_expire() {
    let now = DateTime::from_millis(1_000_000_000);
    let fixture = Fixture::with([
        doc! { "_id": 1, "t": now },
        doc! { "_id": 2, "t": DateTime::from_millis(1_000_000_000 - 60_000) },
        doc! { "_id": 3, "t": [now, DateTime::from_millis(0)] },
        doc! { "_id": 4, "t": 5 },
    ]);
    fixture.coll.create_index(doc! { "t": 1 }).expire_after_seconds(30).run().unwrap();
    assert_eq!(fixture.client.engine().unwrap().remove_expired(1_000_000_000).unwrap(), 2);
    assert_eq!(fixture.ids(doc! {}), numbers([1, 4]));
}

#[test]
fn indexes_survive_reopening_with_what_they_know_of_arrays() {
    let dir = tempfile::tempdir().unwrap();
    {
        let client = Client::open(dir.path()).unwrap();
        let coll = client.database("db").collection::<Document>("c");
        coll.create_index(doc! { "a": 1 }).run().unwrap();
        coll.create_index(doc! { "b": 1 }).unique(true).sparse(true).run().unwrap();
        coll.insert_many((0..50).map(|n| doc! { "_id": n, "a": [n, n + 100] })).run().unwrap();
        coll.insert_one(doc! { "_id": 50, "b": 1 }).run().unwrap();
    }
    let client = Client::open(dir.path()).unwrap();
    let coll = client.database("db").collection::<Document>("c");
    assert_eq!(coll.list_index_names().run().unwrap(), ["_id_", "a_1", "b_1"]);
    let found = coll.find(doc! { "a": { "$gt": 120, "$lt": 40 } }).run().unwrap();
    let ids: Vec<Bson> = found.map(|doc| doc.unwrap().get("_id").unwrap().clone()).collect();
    let mut expected = numbers(21..40);
    expected.sort_by_key(|id| id.as_i32());
    let mut ids = ids;
    ids.sort_by_key(|id| id.as_i32());
    assert_eq!(ids, expected);
    assert_eq!(coll.insert_one(doc! { "_id": 51, "b": 1 }).run().unwrap_err().code(), 11000);
}

#[test]
fn a_large_build_goes_through_the_bulk_loader() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::open(dir.path()).unwrap();
    let coll = client.database("db").collection::<Document>("c");
    for start in (0..60_000).step_by(10_000) {
        coll.insert_many((start..start + 10_000).map(|n| doc! { "_id": n, "a": (n * 7919) % 60_000 })).run().unwrap();
    }
    coll.create_index(doc! { "a": 1 }).unique(true).run().unwrap();
    let found = coll.find(doc! { "a": { "$gte": 100, "$lt": 110 } }).run().unwrap();
    let values: Vec<i32> = found.map(|doc| doc.unwrap().get_i32("a").unwrap()).collect();
    assert_eq!(values, (100..110).collect::<Vec<_>>());
}
