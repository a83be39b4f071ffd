//! Wildcard indexes, as MongoDB's manual describes them ("Wildcard Indexes", "Wildcard Index Restrictions").

use bson::{Bson, Document, doc};
use smongo::request::{Namespace, OpContext, RepairMode, ValidateRequest, Verbosity};
use smongo::{Client, Collection};

use crate::{Fixture, numbers};

/// The index scan of a find's plan; `None` when all documents are looked at.
fn index_scan(coll: &Collection<Document>, filter: Document) -> Option<Document> {
    let explained = coll.find(filter).explain(Verbosity::QueryPlanner).unwrap();
    let planner = explained.get_document("queryPlanner").unwrap();
    let mut stage = planner.get_document("winningPlan").unwrap();
    while let Ok(input) = stage.get_document("inputStage") {
        stage = input;
    }
    (stage.get_str("stage").unwrap() == "IXSCAN").then(|| stage.clone())
}

/// How many keys the index called `name` has; its entries and the documents agree.
fn keys(client: &Client, name: &str) -> u64 {
    let ns = Namespace::new("db", "c").unwrap();
    let request = ValidateRequest { ns, full: false, metadata: false, conformance: false, repair: RepairMode::None };
    let validation = client.engine().unwrap().validate(&OpContext::new(), &request).unwrap();
    assert!(validation.errors.is_empty(), "{:?}", validation.errors);
    validation.indexes.iter().find(|index| index.name == name).unwrap().keys
}

#[test]
fn every_path_has_keys() {
    let fixture = Fixture::with([
        doc! { "_id": 1, "a": 1, "b": { "c": 2, "d": [3, { "e": 4 }] } },
        doc! { "_id": 2, "a": [], "b": {} },
        doc! { "_id": 3, "b": { "x": Bson::Null, "y.z": 1 } },
        doc! { "_id": 4 },
    ]);
    fixture.coll.create_index(doc! { "$**": 1 }).run().unwrap();
    // a, b.c, b.d, b.d.e; a, b; b.x. Dotted names are not on any path.
    assert_eq!(keys(&fixture.client, "$**_1"), 7);
    for (filter, found) in [
        (doc! { "a": 1 }, numbers([1])),
        (doc! { "b.c": { "$gte": 2 } }, numbers([1])),
        (doc! { "b.d": 3 }, numbers([1])),
        (doc! { "b.d.e": { "$in": [4, 5] } }, numbers([1])),
        (doc! { "b": {} }, numbers([2])),
        (doc! { "b": { "$exists": true } }, numbers([1, 2, 3])),
        (doc! { "b.d": { "$exists": true } }, numbers([1])),
        (doc! { "a": { "$type": "array" } }, numbers([2])),
        (doc! { "$or": [{ "a": 1 }, { "b.d.e": 9 }] }, numbers([1])),
    ] {
        let hinted = fixture.coll.find(filter.clone()).hint(Bson::String("$**_1".into())).run().unwrap();
        let mut ids: Vec<Bson> = hinted.map(|doc| doc.unwrap().get("_id").cloned().unwrap()).collect();
        ids.sort_by_key(|id| id.as_i32());
        assert_eq!(ids, found, "{filter}");
    }
    let scan = index_scan(&fixture.coll, doc! { "b.d": 3 }).unwrap();
    assert_eq!(scan.get_document("keyPattern").unwrap(), &doc! { "$_path": 1, "b.d": 1 });
    assert_eq!(scan.get_document("multiKeyPaths").unwrap(), &doc! { "$_path": [], "b.d": ["b.d"] });
    assert!(scan.get_bool("isMultiKey").unwrap());
    assert_eq!(
        scan.get_document("indexBounds").unwrap(),
        &doc! { "$_path": ["[\"b.d\", \"b.d\"]"], "b.d": ["[3, 3]"] }
    );
    let scan = index_scan(&fixture.coll, doc! { "b.c": 2 }).unwrap();
    assert!(!scan.get_bool("isMultiKey").unwrap());
    for unanswered in [
        doc! { "a": Bson::Null },
        doc! { "a": { "$ne": 1 } },
        doc! { "b": { "c": 2 } },
        doc! { "_id": { "$gt": 1 }, "a": { "$exists": false } },
    ] {
        let scan = index_scan(&fixture.coll, unanswered.clone());
        assert!(scan.is_none_or(|scan| scan.get_str("indexName").unwrap() == "_id_"), "{unanswered}");
        let hinted = fixture.coll.find(unanswered.clone()).hint(Bson::String("$**_1".into())).run();
        assert_eq!(hinted.map(|_| ()).unwrap_err().code(), 291, "{unanswered}");
    }
}

#[test]
fn keys_follow_their_documents() {
    let fixture = Fixture::with((0..20).map(|n| doc! { "_id": n, "a": { "b": n }, "c": n }));
    fixture.coll.create_index(doc! { "a.$**": 1 }).name("w").run().unwrap();
    assert_eq!(keys(&fixture.client, "w"), 20);
    fixture.coll.update_one(doc! { "_id": 3 }, doc! { "$set": { "a.x.y": [1, 2] } }).run().unwrap();
    fixture.coll.update_one(doc! { "_id": 4 }, doc! { "$unset": { "a": 1 } }).run().unwrap();
    fixture.coll.update_one(doc! { "_id": 5 }, doc! { "$set": { "a": 5, "c": 0 } }).run().unwrap();
    fixture.coll.delete_one(doc! { "_id": 6 }).run().unwrap();
    fixture.coll.insert_one(doc! { "_id": 20, "a": [{ "b": 3 }, { "b": 4 }] }).run().unwrap();
    assert_eq!(keys(&fixture.client, "w"), 20 + 2 - 1 - 1 + 2);
    assert_eq!(fixture.ids(doc! { "a.x.y": 2 }), numbers([3]));
    assert_eq!(fixture.ids(doc! { "a": 5 }), numbers([5]));
    assert_eq!(fixture.ids(doc! { "a.b": { "$gte": 3, "$lte": 4 } }), numbers([3, 20]));
    assert!(index_scan(&fixture.coll, doc! { "c": 1 }).is_none());
}

#[test]
fn a_projection_says_which_paths_there_are() {
    let documents = || (0..10).map(|n| doc! { "_id": n, "a": n, "b": { "c": n, "d": n }, "e": n });
    for (projection, has, has_not) in [
        (doc! { "a": 1, "b.c": 1 }, vec!["a", "b.c"], vec!["b.d", "e", "_id"]),
        (doc! { "a": 0, "b": { "c": false } }, vec!["b.d", "e"], vec!["a", "b.c", "_id"]),
        (doc! { "_id": 1, "a": 0 }, vec!["b.c", "e", "_id"], vec!["a"]),
    ] {
        let fixture = Fixture::with(documents());
        let create = fixture.coll.create_index(doc! { "$**": 1 }).name("w");
        create.wildcard_projection(projection.clone()).run().unwrap();
        keys(&fixture.client, "w");
        let finds = |path: &str| {
            let found = fixture.coll.find(doc! { path: { "$gt": 5 } }).hint(Bson::String("w".into())).run();
            found.map(|rows| rows.count()).map_err(|error| error.code())
        };
        for path in has {
            assert_eq!(finds(path), Ok(4), "{projection} {path}");
        }
        for path in has_not {
            assert_eq!(finds(path), Err(291), "{projection} {path}");
        }
    }
}

#[test]
fn fields_stand_beside_the_wildcard() {
    let fixture = Fixture::with((0..20).map(|n| doc! { "_id": n, "t": n % 2, "a": { "b": n, "c": n % 3 } }));
    fixture.coll.insert_one(doc! { "_id": 20, "t": 1 }).run().unwrap();
    fixture.coll.create_index(doc! { "t": 1, "a.$**": 1 }).name("w").run().unwrap();
    assert_eq!(keys(&fixture.client, "w"), 41);
    let filter = doc! { "t": 1, "a.b": { "$gt": 15 } };
    let scan = index_scan(&fixture.coll, filter.clone()).unwrap();
    assert_eq!(scan.get_document("keyPattern").unwrap(), &doc! { "t": 1, "$_path": 1, "a.b": 1 });
    assert_eq!(fixture.ids(filter), numbers([17, 19]));
    // By the field in front alone all documents are found, each once.
    assert!(index_scan(&fixture.coll, doc! { "t": 1 }).is_some());
    assert_eq!(fixture.coll.count_documents(doc! { "t": 1 }).run().unwrap(), 11);
    // Only the wildcard's part may hold arrays.
    assert_eq!(fixture.coll.insert_one(doc! { "_id": 21, "t": [1, 2] }).run().unwrap_err().code(), 7_246_301);
    assert_eq!(fixture.ids(doc! { "_id": 21 }), numbers([]));
}

#[test]
fn what_is_known_of_arrays_survives_reopening() {
    let dir = tempfile::tempdir().unwrap();
    {
        let client = Client::open(dir.path()).unwrap();
        let coll = client.database("db").collection::<Document>("c");
        coll.create_index(doc! { "$**": 1 }).name("w").run().unwrap();
        coll.insert_one(doc! { "_id": 1, "a": [{ "b": 1, "c": 1 }, { "b": 9, "c": 9 }] }).run().unwrap();
    }
    let client = Client::open(dir.path()).unwrap();
    let coll = client.database("db").collection::<Document>("c");
    let scan = index_scan(&coll, doc! { "a.b": { "$gt": 5, "$lt": 6 } }).unwrap();
    assert_eq!(scan.get_document("multiKeyPaths").unwrap(), &doc! { "$_path": [], "a.b": ["a"] });
    // Different elements satisfy the two conditions.
    assert_eq!(coll.find(doc! { "a.b": { "$gt": 5, "$lt": 6 } }).run().unwrap().count(), 1);
    assert_eq!(keys(&client, "w"), 4);
}

#[test]
fn orders_of_one_path_come_from_its_keys() {
    let fixture = Fixture::with((0..10).map(|n| doc! { "_id": n, "a": (n * 7) % 10 }));
    fixture.coll.create_index(doc! { "$**": 1 }).run().unwrap();
    let explained =
        fixture.coll.find(doc! { "a": { "$gt": 4 } }).sort(doc! { "a": -1 }).explain(Verbosity::QueryPlanner).unwrap();
    let plan = explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap();
    assert_eq!(plan.get_str("stage").unwrap(), "FETCH");
    let rows = fixture.coll.find(doc! { "a": { "$gt": 4 } }).sort(doc! { "a": -1 }).run().unwrap();
    let values: Vec<i32> = rows.map(|row| row.unwrap().get_i32("a").unwrap()).collect();
    assert_eq!(values, [9, 8, 7, 6, 5]);
}
