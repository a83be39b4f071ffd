//! insert, update, replace, delete, findAndModify.

use bson::oid::ObjectId;
use bson::{Bson, doc};
use smongo::api::ReturnDocument;

use crate::{Fixture, numbers};

#[test]
fn inserting_gives_an_id_and_puts_it_first() {
    let fixture = Fixture::new();
    let inserted = fixture.coll.insert_one(doc! { "a": 1 }).run().unwrap();
    let id: ObjectId = inserted.inserted_id.as_object_id().unwrap();
    fixture.coll.insert_one(doc! { "a": 2, "_id": 7 }).run().unwrap();
    let all = fixture.all();
    assert_eq!(all, [doc! { "_id": id, "a": 1 }, doc! { "_id": 7, "a": 2 }]);
    assert_eq!(all[1].keys().next().unwrap(), "_id");
}

#[test]
fn a_second_document_with_the_same_id_is_refused_in_mongods_words() {
    let fixture = Fixture::with([doc! { "_id": 1 }]);
    for same in [Bson::Int32(1), Bson::Int64(1), Bson::Double(1.0)] {
        let error = fixture.coll.insert_one(doc! { "_id": same }).run().unwrap_err();
        assert_eq!((error.code(), error.code_name().as_ref()), (11000, "DuplicateKey"));
        assert!(
            error.message().starts_with("E11000 duplicate key error collection: db.c index: _id_ dup key: { _id: 1"),
            "{error}"
        );
        assert_eq!(error.write_errors()[0].index, 0);
        assert!(error.details().unwrap().get("keyPattern").is_some());
    }
    assert_eq!(fixture.all().len(), 1);
}

#[test]
fn an_ordered_insert_stops_at_the_first_failure_an_unordered_one_goes_on() {
    let documents = || [1, 2, 2, 3, 1, 4].map(|id| doc! { "_id": id });
    let fixture = Fixture::new();
    let error = fixture.coll.insert_many(documents()).run().unwrap_err();
    assert_eq!(error.write_errors().iter().map(|error| error.index).collect::<Vec<_>>(), [2]);
    assert_eq!(fixture.ids(doc! {}), numbers([1, 2]));

    let fixture = Fixture::new();
    let error = fixture.coll.insert_many(documents()).ordered(false).run().unwrap_err();
    assert_eq!(error.write_errors().iter().map(|error| error.index).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(fixture.ids(doc! {}), numbers([1, 2, 3, 4]));
    assert_eq!(fixture.coll.estimated_document_count().run().unwrap(), 4);
}

#[test]
fn many_documents_span_transactions() {
    let fixture = Fixture::with((0..3500).map(|n| doc! { "_id": n, "n": n }));
    assert_eq!(fixture.coll.estimated_document_count().run().unwrap(), 3500);
    let updated = fixture.coll.update_many(doc! { "n": { "$gte": 100 } }, doc! { "$inc": { "n": 1 } }).run().unwrap();
    assert_eq!((updated.matched_count, updated.modified_count), (3400, 3400));
    assert_eq!(fixture.coll.count_documents(doc! { "n": { "$gte": 101 } }).run().unwrap(), 3400);
    assert_eq!(fixture.coll.delete_many(doc! { "n": { "$lt": 3000 } }).run().unwrap().deleted_count, 2999);
    assert_eq!(fixture.coll.count_documents(doc! {}).run().unwrap(), 501);
    assert_eq!(fixture.all().len(), 501);
}

#[test]
fn ids_of_some_types_are_refused() {
    let fixture = Fixture::new();
    for id in [
        Bson::Array(vec![]),
        Bson::RegularExpression(bson::Regex { pattern: bson::cstr!("a").into(), options: bson::cstr!("").into() }),
    ] {
        assert_eq!(fixture.coll.insert_one(doc! { "_id": id }).run().unwrap_err().code(), 53);
    }
    assert!(fixture.coll.insert_one(doc! { "_id": Bson::Null }).run().is_ok());
}

#[test]
fn too_large_a_document_is_refused() {
    let fixture = Fixture::new();
    let text = "x".repeat(16 * 1024 * 1024);
    assert_eq!(fixture.coll.insert_one(doc! { "_id": 1, "a": text }).run().unwrap_err().code(), 10334);
    let most = "x".repeat(16 * 1024 * 1024 - 100);
    fixture.coll.insert_one(doc! { "_id": 1, "a": most }).run().unwrap();
    let update = doc! { "$set": { "b": "x".repeat(200) } };
    assert!(fixture.coll.update_one(doc! { "_id": 1 }, update).run().is_err());
}

#[test]
fn update_one_changes_the_first_match() {
    let fixture = Fixture::with((1..=3).map(|n| doc! { "_id": n, "k": "a" }));
    let result = fixture.coll.update_one(doc! { "k": "a" }, doc! { "$set": { "v": 1 } }).run().unwrap();
    assert_eq!((result.matched_count, result.modified_count, result.upserted_id), (1, 1, None));
    assert_eq!(fixture.ids(doc! { "v": 1 }), numbers([1]));
    let again = fixture.coll.update_one(doc! { "v": 1 }, doc! { "$set": { "v": 1 } }).run().unwrap();
    assert_eq!((again.matched_count, again.modified_count), (1, 0));
    let sorted = fixture.coll.update_one(doc! { "k": "a" }, doc! { "$set": { "v": 2 } }).sort(doc! { "_id": -1 });
    sorted.run().unwrap();
    assert_eq!(fixture.ids(doc! { "v": 2 }), numbers([3]));
}

#[test]
fn update_reaches_into_arrays() {
    let fixture = Fixture::with([doc! { "_id": 1, "a": [1, 5, 9], "d": [{ "x": 1 }, { "x": 2 }] }]);
    let by_id = || doc! { "_id": 1 };
    fixture.coll.update_one(doc! { "a": { "$gt": 4 } }, doc! { "$set": { "a.$": 0 } }).run().unwrap();
    fixture.coll.update_one(by_id(), doc! { "$inc": { "a.$[]": 1 } }).run().unwrap();
    let second = fixture.coll.update_one(by_id(), doc! { "$set": { "d.$[e].x": 7 } });
    second.array_filters([doc! { "e.x": 2 }]).run().unwrap();
    assert_eq!(fixture.all(), [doc! { "_id": 1, "a": [2, 1, 10], "d": [{ "x": 1 }, { "x": 7 }] }]);
}

#[test]
fn a_position_is_found_in_the_document_that_the_sort_chose() {
    let fixture = Fixture::with([doc! { "_id": 1, "a": [7, 1] }, doc! { "_id": 2, "a": [2, 3, 7] }]);
    let update = fixture.coll.update_one(doc! { "a": 7 }, doc! { "$set": { "a.$": 0 } }).sort(doc! { "_id": -1 });
    update.run().unwrap();
    let projected = fixture.coll.find_one_and_update(doc! { "a": 7 }, doc! { "$set": { "a.$": 9 } });
    projected.sort(doc! { "_id": 1 }).run().unwrap();
    assert_eq!(fixture.all(), [doc! { "_id": 1, "a": [9, 1] }, doc! { "_id": 2, "a": [2, 3, 0] }]);
}

#[test]
fn a_failing_document_ends_the_statement_and_keeps_what_was_done() {
    let fixture = Fixture::with([doc! { "_id": 1, "n": 1 }, doc! { "_id": 2, "n": "x" }, doc! { "_id": 3, "n": 1 }]);
    let error = fixture.coll.update_many(doc! {}, doc! { "$inc": { "n": 1 } }).run().unwrap_err();
    assert_eq!(error.code(), 14);
    let numbers: Vec<_> = fixture.all().iter().map(|doc| doc.get("n").cloned().unwrap()).collect();
    assert_eq!(numbers, [Bson::Int32(2), Bson::String("x".into()), Bson::Int32(1)]);
}

#[test]
fn the_id_is_immutable() {
    let fixture = Fixture::with([doc! { "_id": 1 }]);
    let error = fixture.coll.update_one(doc! { "_id": 1 }, doc! { "$set": { "_id": 2 } }).run().unwrap_err();
    assert_eq!(error.code(), 66);
    let error = fixture.coll.replace_one(doc! { "_id": 1 }, doc! { "_id": 2 }).run().unwrap_err();
    assert_eq!(error.code(), 66);
}

#[test]
fn a_pipeline_updates_with_expressions() {
    let fixture = Fixture::with([doc! { "_id": 1, "a": 2, "b": 3 }]);
    let pipeline = vec![doc! { "$set": { "sum": { "$add": ["$a", "$b"] } } }, doc! { "$unset": "b" }];
    fixture.coll.update_one(doc! {}, pipeline).run().unwrap();
    assert_eq!(fixture.all(), [doc! { "_id": 1, "a": 2, "sum": 5 }]);
}

#[test]
fn upserts_start_from_the_filter() {
    let fixture = Fixture::new();
    let upsert = fixture.coll.update_one(
        doc! { "_id": 5, "k": "a", "n": { "$gt": 3 } },
        doc! { "$set": { "v": 1 }, "$setOnInsert": { "w": 2 } },
    );
    let result = upsert.upsert(true).run().unwrap();
    assert_eq!((result.matched_count, result.upserted_id), (0, Some(Bson::Int32(5))));
    assert_eq!(fixture.all(), [doc! { "_id": 5, "k": "a", "v": 1, "w": 2 }]);

    let replaced = fixture.coll.replace_one(doc! { "_id": 6, "k": "b" }, doc! { "z": 1 }).upsert(true).run().unwrap();
    assert_eq!(replaced.upserted_id, Some(Bson::Int32(6)));
    assert_eq!(fixture.found(doc! { "_id": 6 }), [doc! { "_id": 6, "z": 1 }]);

    let made = fixture.coll.update_one(doc! { "k": "c" }, doc! { "$set": { "v": 1 } }).upsert(true).run().unwrap();
    assert!(made.upserted_id.unwrap().as_object_id().is_some());

    let again = fixture.coll.update_one(doc! { "_id": 5 }, doc! { "$set": { "v": 9 } }).upsert(true).run().unwrap();
    assert_eq!((again.matched_count, again.upserted_id), (1, None));
}

#[test]
fn a_wrong_upsert_leaves_no_collection_behind() {
    let fixture = Fixture::new();
    let wrong = fixture.coll.update_one(doc! { "a": { "$nonsense": 1 } }, doc! { "$set": { "v": 1 } }).upsert(true);
    assert!(wrong.run().is_err());
    assert!(fixture.client.database("db").list_collection_names().run().unwrap().is_empty());
}

#[test]
fn deletes_one_or_all() {
    let fixture = Fixture::with((1..=5).map(|n| doc! { "_id": n, "k": n % 2 }));
    assert_eq!(fixture.coll.delete_one(doc! { "k": 1 }).run().unwrap().deleted_count, 1);
    assert_eq!(fixture.ids(doc! {}), numbers([2, 3, 4, 5]));
    assert_eq!(fixture.coll.delete_many(doc! { "k": 1 }).run().unwrap().deleted_count, 2);
    assert_eq!(fixture.coll.delete_one(doc! { "_id": 4 }).run().unwrap().deleted_count, 1);
    assert_eq!(fixture.ids(doc! {}), numbers([2]));
    fixture.coll.insert_one(doc! { "_id": 4 }).run().unwrap();
    assert_eq!(fixture.ids(doc! { "_id": 4 }), numbers([4]));
}

#[test]
fn find_one_and_change_gives_the_document_before_or_after() {
    let fixture = Fixture::with([doc! { "_id": 1, "n": 1 }, doc! { "_id": 2, "n": 5 }]);
    let increment = || doc! { "$inc": { "n": 1 } };
    let before = fixture.coll.find_one_and_update(doc! {}, increment()).sort(doc! { "n": -1 }).run().unwrap();
    assert_eq!(before, Some(doc! { "_id": 2, "n": 5 }));
    let after = fixture.coll.find_one_and_update(doc! { "_id": 2 }, increment());
    let after = after.return_document(ReturnDocument::After).projection(doc! { "_id": 0 }).run().unwrap();
    assert_eq!(after, Some(doc! { "n": 7 }));
    let made = fixture.coll.find_one_and_update(doc! { "_id": 3 }, increment()).upsert(true);
    assert_eq!(made.return_document(ReturnDocument::After).run().unwrap(), Some(doc! { "_id": 3, "n": 1 }));
    let replaced = fixture.coll.find_one_and_replace(doc! { "_id": 3 }, doc! { "z": 1 }).run().unwrap();
    assert_eq!(replaced, Some(doc! { "_id": 3, "n": 1 }));
    assert_eq!(fixture.coll.find_one_and_delete(doc! { "_id": 3 }).run().unwrap(), Some(doc! { "_id": 3, "z": 1 }));
    assert_eq!(fixture.coll.find_one_and_delete(doc! { "_id": 3 }).run().unwrap(), None);
}

#[test]
fn concurrent_increments_are_all_kept() {
    const THREADS: i32 = 4;
    const INCREMENTS: i32 = 100;
    let fixture = Fixture::with([doc! { "_id": 1, "n": 0 }]);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            let coll = fixture.coll.clone();
            scope.spawn(move || {
                for _ in 0..INCREMENTS {
                    let result = coll.update_one(doc! { "_id": 1 }, doc! { "$inc": { "n": 1 } }).run().unwrap();
                    assert_eq!(result.modified_count, 1);
                }
            });
        }
    });
    assert_eq!(fixture.all(), [doc! { "_id": 1, "n": THREADS * INCREMENTS }]);
}

#[test]
fn concurrent_upserts_make_one_document() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let coll = fixture.coll.clone();
            scope.spawn(move || {
                for id in 0..50 {
                    let upsert = coll.update_one(doc! { "_id": id }, doc! { "$inc": { "n": 1 } }).upsert(true);
                    upsert.run().unwrap();
                }
            });
        }
    });
    assert_eq!(fixture.coll.count_documents(doc! { "n": 4 }).run().unwrap(), 50);
}

#[test]
fn bad_names_are_refused_when_used() {
    let fixture = Fixture::new();
    for (db, coll) in [("a b", "c"), ("db", ""), ("db", ".c"), ("db", "a$b"), ("db", "system.nope")] {
        let coll = fixture.client.database(db).collection::<bson::Document>(coll);
        assert_eq!(coll.insert_one(doc! {}).run().unwrap_err().code(), 73, "{coll:?}");
    }
}
