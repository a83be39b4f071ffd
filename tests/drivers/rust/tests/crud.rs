//! Create, read, update and delete through the official Rust driver.

mod common;

use common::{client, database, ids};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Decimal128, Document, Regex, Timestamp, doc};
use mongodb::error::{Error, ErrorKind, WriteFailure};
use mongodb::options::ReturnDocument;
use mongodb::sync::Collection;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Book {
    #[serde(rename = "_id")]
    id: i32,
    title: String,
    authors: Vec<String>,
    published: Published,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Published {
    year: i32,
    place: Option<String>,
}

fn books() -> Vec<Book> {
    let book = |id, title: &str, authors: &[&str], year, place: Option<&str>| Book {
        id,
        title: title.into(),
        authors: authors.iter().map(|&author| author.into()).collect(),
        published: Published { year, place: place.map(Into::into) },
    };
    vec![
        book(1, "The C Programming Language", &["Kernighan", "Ritchie"], 1978, Some("Englewood Cliffs")),
        book(2, "The Art of Computer Programming", &["Knuth"], 1968, Some("Reading")),
        book(3, "Concrete Mathematics", &["Graham", "Knuth", "Patashnik"], 1989, Some("Reading")),
        book(4, "Transaction Processing", &["Gray", "Reuter"], 1992, None),
    ]
}

fn library(name: &str) -> Collection<Book> {
    let collection = database(name).collection("books");
    collection.insert_many(books()).run().expect("inserted books");
    collection
}

/// The code of the server's error.
fn code(error: &Error) -> i32 {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => command.code,
        ErrorKind::Write(WriteFailure::WriteError(write)) => write.code,
        other => panic!("not an error of the server: {other}"),
    }
}

#[test]
fn ping_and_hello() {
    let admin = client().database("admin");
    assert_eq!(admin.run_command(doc! { "ping": 1 }).run().expect("an answer").get_f64("ok").ok(), Some(1.0));
    let hello = admin.run_command(doc! { "hello": 1 }).run().expect("an answer");
    assert_eq!(hello.get_i32("maxWireVersion").ok(), Some(27));
}

#[test]
fn typed_documents_come_back() {
    let library = library("typed");
    let found: Vec<Book> = library
        .find(doc! {})
        .sort(doc! { "_id": 1 })
        .run()
        .expect("a cursor")
        .collect::<Result<_, _>>()
        .expect("books");
    assert_eq!(found, books());
}

#[test]
fn values_of_every_type_come_back() {
    let collection = database("values").collection::<Document>("values");
    let document = doc! {
        "_id": ObjectId::new(), "double": 1.5, "text": "čaj", "nested": { "list": [1, [2_i64, { "three": Bson::Null }]] },
        "decimal": "12.50".parse::<Decimal128>().expect("a decimal"), "date": DateTime::from_millis(-12345),
        "regex": Regex { pattern: "^a".try_into().expect("no NUL"), options: "i".try_into().expect("no NUL") },
        "at": Timestamp { time: 3, increment: 4 }, "min": Bson::MinKey, "max": Bson::MaxKey, "yes": true,
    };
    collection.insert_one(&document).run().expect("inserted");
    assert_eq!(collection.find_one(doc! { "nested.list": 1 }).run().expect("an answer"), Some(document));
}

#[test]
fn filters_over_nested_and_array_paths() {
    let library = library("filters").clone_with_type::<Document>();
    for (query, expected) in [
        (doc! { "authors": "Knuth" }, vec![2, 3]),
        (doc! { "authors": ["Gray", "Reuter"] }, vec![4]),
        (doc! { "authors": { "$all": ["Knuth", "Graham"] } }, vec![3]),
        (doc! { "authors": { "$size": 2 } }, vec![1, 4]),
        (doc! { "authors.0": "Gray" }, vec![4]),
        (doc! { "published.year": { "$gte": 1978, "$lt": 1990 } }, vec![1, 3]),
        (doc! { "published.place": null }, vec![4]),
        (doc! { "title": { "$regex": "programming", "$options": "i" } }, vec![1, 2]),
        (
            doc! { "$or": [{ "_id": 4 }, { "published.place": "Reading", "published.year": { "$ne": 1989 } }] },
            vec![2, 4],
        ),
        (doc! { "$expr": { "$gt": ["$published.year", 1980] } }, vec![3, 4]),
    ] {
        assert_eq!(ids(&library, query.clone()), expected, "{query}");
    }
    assert_eq!(library.count_documents(doc! { "authors": "Knuth" }).run().expect("a count"), 2);
    assert_eq!(library.estimated_document_count().run().expect("a count"), 4);
    let places = library.distinct("published.place", doc! {}).run().expect("values");
    assert_eq!(places, [Bson::Null, "Englewood Cliffs".into(), "Reading".into()]);
    let newest =
        library.find_one(doc! {}).sort(doc! { "published.year": -1 }).projection(doc! { "title": 1, "_id": 0 });
    assert_eq!(newest.run().expect("an answer"), Some(doc! { "title": "Transaction Processing" }));
}

#[test]
fn updates_and_deletes() {
    let library = library("updates").clone_with_type::<Document>();
    let update =
        doc! { "$set": { "published.place": "Boston" }, "$push": { "authors": "N. N." }, "$inc": { "editions": 2 } };
    let result = library.update_many(doc! { "authors": "Knuth" }, update).run().expect("an update");
    assert_eq!((result.matched_count, result.modified_count), (2, 2));
    assert_eq!(ids(&library, doc! { "published.place": "Boston", "editions": 2, "authors": "N. N." }), [2, 3]);

    library
        .update_one(doc! { "_id": 3, "authors": "Knuth" }, doc! { "$set": { "authors.$": "D. Knuth" } })
        .run()
        .expect("an update");
    library
        .update_one(doc! { "_id": 3 }, doc! { "$set": { "authors.$[nobody]": "?" } })
        .array_filters(vec![doc! { "nobody": "N. N." }])
        .run()
        .expect("an update");
    let authors = library.find_one(doc! { "_id": 3 }).run().expect("an answer").expect("a document");
    assert_eq!(
        authors.get_array("authors").expect("authors"),
        &["Graham", "D. Knuth", "Patashnik", "?"].map(Bson::from)
    );

    let upserted =
        library.update_one(doc! { "_id": 9 }, doc! { "$setOnInsert": { "title": "New" } }).upsert(true).run();
    assert_eq!(upserted.expect("an upsert").upserted_id, Some(9.into()));
    let after = library
        .find_one_and_update(doc! { "_id": 9 }, doc! { "$set": { "title": "Newer" } })
        .return_document(ReturnDocument::After)
        .run()
        .expect("an answer");
    assert_eq!(after, Some(doc! { "_id": 9, "title": "Newer" }));
    assert_eq!(library.replace_one(doc! { "_id": 9 }, doc! { "x": 1 }).run().expect("a replacement").modified_count, 1);
    assert_eq!(library.find_one_and_delete(doc! { "x": 1 }).run().expect("an answer"), Some(doc! { "_id": 9, "x": 1 }));
    assert_eq!(
        library.delete_many(doc! { "published.year": { "$lt": 1980 } }).run().expect("a delete").deleted_count,
        2
    );
    assert_eq!(ids(&library, doc! {}), [3, 4]);
}

#[test]
fn cursors_fetch_several_batches() {
    let collection = database("batches").collection::<Document>("numbers");
    collection.insert_many((0..1000).map(|n| doc! { "_id": n, "third": n % 3 })).run().expect("inserted");
    let cursor = collection.find(doc! { "third": 1 }).batch_size(10).skip(3).limit(200).run().expect("a cursor");
    let found: Vec<i32> =
        cursor.map(|document| document.expect("a document").get_i32("_id").expect("an _id")).collect();
    assert_eq!(found, (0..1000).filter(|n| n % 3 == 1).skip(3).take(200).collect::<Vec<_>>());
}

#[test]
fn errors_have_mongod_s_codes() {
    let library = library("errors");
    let duplicate = library.insert_one(&books()[0]).run().expect_err("a duplicate key");
    assert_eq!(code(&duplicate), 11000);
    let collection = library.clone_with_type::<Document>();
    let unordered = collection.insert_many([doc! { "_id": 1 }, doc! { "_id": 8 }]).ordered(false).run();
    let unordered = unordered.expect_err("a duplicate key");
    let ErrorKind::InsertMany(failures) = unordered.kind.as_ref() else { panic!("{unordered}") };
    let failures = failures.write_errors.as_deref().expect("write errors");
    assert_eq!(failures.iter().map(|failure| (failure.index, failure.code)).collect::<Vec<_>>(), [(0, 11000)]);
    assert_eq!(ids(&collection, doc! { "_id": { "$gt": 4 } }), [8]);

    let unknown = client().database("test").run_command(doc! { "noSuchCommandAtAll": 1 }).run();
    assert_eq!(code(&unknown.expect_err("an unknown command")), 59);
    let malformed = collection.find(doc! { "a": { "$nope": 1 } }).run();
    assert_eq!(code(&malformed.expect_err("an unknown operator")), 2);
}

#[test]
fn collections_are_listed_and_dropped() {
    let database = database("catalog");
    database.create_collection("first").run().expect("a collection");
    database.collection("second").insert_one(doc! { "a": 1 }).run().expect("inserted");
    let mut names = database.list_collection_names().run().expect("names");
    names.sort();
    assert_eq!(names, ["first", "second"]);
    database.collection::<Document>("first").drop().run().expect("dropped");
    assert_eq!(database.list_collection_names().run().expect("names"), ["second"]);
    let indexes = database.collection::<Document>("second").list_index_names().run().expect("names");
    assert_eq!(indexes, ["_id_"]);
}

#[test]
fn explain_shows_plan_and_programs() {
    let database = library("explain").clone_with_type::<Document>();
    let explain = doc! {
        "explain": { "find": database.name(), "filter": { "published.year": { "$gt": 1980 } } }, "verbosity": "executionStats",
    };
    let explained = client().database("rust_explain").run_command(explain).run().expect("an explain");
    let stats = explained.get_document("executionStats").expect("stats");
    assert_eq!(stats.get_i32("nReturned").ok(), Some(2));
    assert_eq!(stats.get_i32("totalDocsExamined").ok(), Some(4));
    let programs = explained.get("smongo").expect("programs").to_string();
    assert!(programs.contains("test.gt"), "{programs}");
}
