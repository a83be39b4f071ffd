//! find, count, distinct.

use bson::{Bson, Document, doc};
use serde::{Deserialize, Serialize};

use crate::{Fixture, ids, numbers};

#[test]
fn natural_order_is_insertion_order_whatever_the_ids() {
    let fixture = Fixture::with([doc! { "_id": 3 }, doc! { "_id": 1 }, doc! { "_id": 2 }]);
    assert_eq!(fixture.ids(doc! {}), numbers([3, 1, 2]));
    let backward = fixture.coll.find(doc! {}).sort(doc! { "$natural": -1 }).run().unwrap();
    assert_eq!(ids(&backward.map(Result::unwrap).collect::<Vec<_>>()), numbers([2, 1, 3]));
}

#[test]
fn filters_choose() {
    let fixture = Fixture::with([
        doc! { "_id": 1, "a": { "b": 5 }, "tags": ["x", "y"] },
        doc! { "_id": 2, "a": { "b": 6.5 }, "tags": ["y"] },
        doc! { "_id": 3, "a": [{ "b": 1 }, { "b": 9 }] },
    ]);
    for (filter, expected) in [
        (doc! { "a.b": { "$gt": 5 } }, vec![2, 3]),
        (doc! { "tags": "x" }, vec![1]),
        (doc! { "tags": null }, vec![3]),
        (doc! { "_id": 2 }, vec![2]),
        (doc! { "_id": 2.0 }, vec![2]),
        (doc! { "_id": 2, "tags": "x" }, vec![]),
        (doc! { "_id": { "$in": [1, 3] } }, vec![1, 3]),
        (doc! { "$or": [{ "_id": 1 }, { "tags": "y" }] }, vec![1, 2]),
    ] {
        assert_eq!(fixture.ids(filter.clone()), numbers(expected), "{filter}");
    }
}

#[test]
fn sort_skip_limit_and_projection_apply_in_this_order() {
    let fixture = Fixture::with((0..20).map(|n| doc! { "_id": n, "k": n % 5, "x": { "y": n } }));
    let find = || fixture.coll.find(doc! { "_id": { "$gte": 5 } }).sort(doc! { "k": -1, "_id": 1 });
    let found = |cursor: smongo::Cursor<Document>| cursor.map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(ids(&found(find().run().unwrap()))[..4], numbers([9, 14, 19, 8]));
    assert_eq!(ids(&found(find().skip(2).limit(3).run().unwrap())), numbers([19, 8, 13]));
    let projected = found(find().limit(1).projection(doc! { "x.y": 1 }).run().unwrap());
    assert_eq!(projected, [doc! { "_id": 9, "x": { "y": 9 } }]);
    assert_eq!(found(fixture.coll.find(doc! {}).skip(18).run().unwrap()).len(), 2);
}

#[test]
fn equal_sort_keys_keep_their_order_and_numbers_are_one_line() {
    let fixture = Fixture::with([
        doc! { "_id": 1, "v": 2.0 },
        doc! { "_id": 2, "v": 1_i64 },
        doc! { "_id": 3, "v": 2 },
        doc! { "_id": 4, "v": "text" },
        doc! { "_id": 5 },
    ]);
    let sorted = fixture.coll.find(doc! {}).sort(doc! { "v": 1 }).run().unwrap();
    assert_eq!(ids(&sorted.map(Result::unwrap).collect::<Vec<_>>()), numbers([5, 2, 1, 3, 4]));
}

#[test]
fn the_record_id_is_shown_on_request() {
    let fixture = Fixture::with([doc! { "_id": 1 }, doc! { "_id": 2 }]);
    let shown = fixture.coll.find(doc! {}).show_record_id(true).run().unwrap();
    let record_ids: Vec<i64> = shown.map(|found| found.unwrap().get_i64("$recordId").unwrap()).collect();
    assert_eq!(record_ids, [1, 2]);
}

#[test]
fn missing_collections_are_empty_but_requests_are_still_checked() {
    let fixture = Fixture::new();
    assert!(fixture.all().is_empty());
    assert_eq!(fixture.coll.count_documents(doc! { "a": 1 }).run().unwrap(), 0);
    assert!(fixture.coll.distinct("a", doc! {}).run().unwrap().is_empty());
    let error = fixture.coll.find(doc! { "a": { "$nonsense": 1 } }).run().err().unwrap();
    assert_eq!((error.code(), error.code_name().as_ref()), (2, "BadValue"));
    assert!(fixture.client.database("db").list_collection_names().run().unwrap().is_empty());
}

#[test]
fn requests_that_cannot_be_meant_are_refused() {
    let fixture = Fixture::with([doc! { "_id": 1 }]);
    let error = fixture.coll.find(doc! {}).hint("no_such_index").run().err().unwrap();
    assert_eq!(error.code(), 2);
    let error = fixture.coll.find(doc! {}).sort(doc! { "$natural": 1, "a": 1 }).run().err().unwrap();
    assert_eq!(error.code(), 2);
    assert!(fixture.coll.find(doc! {}).hint("_id_").run().is_ok());
    assert!(fixture.coll.find(doc! {}).hint(doc! { "_id": 1 }).run().is_ok());
}

#[test]
fn counts_with_filter_skip_and_limit() {
    let fixture = Fixture::with((0..10).map(|n| doc! { "_id": n, "even": n % 2 == 0 }));
    let count = |filter| fixture.coll.count_documents(filter);
    assert_eq!(count(doc! {}).run().unwrap(), 10);
    assert_eq!(count(doc! { "even": true }).run().unwrap(), 5);
    assert_eq!(count(doc! { "even": true }).skip(3).run().unwrap(), 2);
    assert_eq!(count(doc! { "even": true }).skip(1).limit(3).run().unwrap(), 3);
    assert_eq!(count(doc! {}).skip(20).run().unwrap(), 0);
    assert_eq!(fixture.coll.estimated_document_count().run().unwrap(), 10);
}

#[test]
fn distinct_walks_paths_and_unrolls_arrays() {
    let fixture = Fixture::with([
        doc! { "a": [{ "b": 1 }, { "b": [2, 3] }] },
        doc! { "a": { "b": 2.0 } },
        doc! { "a": { "b": "x" }, "n": 1 },
    ]);
    let values = fixture.coll.distinct("a.b", doc! {}).run().unwrap();
    assert_eq!(values, [Bson::Int32(1), Bson::Int32(2), Bson::Int32(3), Bson::String("x".into())]);
    assert_eq!(fixture.coll.distinct("a.b", doc! { "n": 1 }).run().unwrap(), [Bson::String("x".into())]);
}

#[test]
fn expressions_see_the_requests_variables() {
    let fixture = Fixture::with((0..5).map(|n| doc! { "_id": n }));
    let filter = doc! { "$expr": { "$gte": ["$_id", "$$least"] } };
    for least in [Bson::Int32(3), Bson::Document(doc! { "$add": [1, 2] })] {
        let found = fixture.coll.find(filter.clone()).let_vars(doc! { "least": least }).run().unwrap();
        assert_eq!(ids(&found.map(Result::unwrap).collect::<Vec<_>>()), numbers([3, 4]));
    }
}

#[test]
fn documents_are_of_the_callers_type() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Film {
        #[serde(rename = "_id")]
        id: i32,
        title: String,
    }
    let fixture = Fixture::new();
    let films = fixture.coll.clone_with_type::<Film>();
    let film = Film { id: 1, title: "Metropolis".into() };
    films.insert_one(&film).run().unwrap();
    assert_eq!(films.find_one(doc! { "title": "Metropolis" }).run().unwrap(), Some(film));
    fixture.coll.insert_one(doc! { "_id": 2, "title": 7 }).run().unwrap();
    assert!(films.find_one(doc! { "_id": 2 }).run().is_err());
}

#[test]
fn a_sort_is_bounded_in_memory_and_a_limit_bounds_it_further() {
    let text = "x".repeat(15 * 1024 * 1024);
    let fixture = Fixture::with((0..8).map(|n| doc! { "_id": n, "text": &text }));
    let error = fixture.coll.find(doc! {}).sort(doc! { "k": 1 }).allow_disk_use(false).run().err().unwrap();
    assert_eq!(error.code_name(), "QueryExceededMemoryLimitNoDiskUseAllowed");
    let last = fixture.coll.find_one(doc! {}).sort(doc! { "_id": -1 }).run().unwrap().unwrap();
    assert_eq!(last.get_i32("_id").unwrap(), 7);
}

#[test]
fn a_request_stops_when_its_time_is_up() {
    let fixture = Fixture::with((0..3000).map(|n| doc! { "_id": n }));
    let slow = doc! { "$expr": { "$gt": [{ "$size": { "$range": [0, 100_000] } }, 100_000] } };
    let error = fixture.coll.find(slow).max_time_ms(20).run().err().unwrap();
    assert_eq!(error.code_name(), "MaxTimeMSExpired");
}

/// Manual: "Collation", strength 2 ignores case.
#[test]
fn a_collation_decides_which_strings_are_equal() {
    let fixture = Fixture::with([doc! {"_id": 1, "x": "a"}, doc! {"_id": 2, "x": "A"}, doc! {"_id": 3, "x": "á"}]);
    let ids = |rows: Vec<Document>| rows.iter().map(|doc| doc.get_i32("_id").unwrap()).collect::<Vec<_>>();
    let insensitive = doc! {"locale": "en", "strength": 2};
    let found = fixture.coll.find(doc! {"x": "A"}).collation(insensitive.clone()).run().unwrap();
    assert_eq!(ids(found.collect::<smongo::Result<_>>().unwrap()), [1, 2]);
    let matched = fixture.coll.aggregate([doc! {"$match": {"x": "A"}}]).collation(insensitive).run().unwrap();
    assert_eq!(ids(matched.collect::<smongo::Result<_>>().unwrap()), [1, 2]);
}
