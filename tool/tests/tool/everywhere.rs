//! One program on a directory, in memory, and on a server: the URI is all that differs.

use serde::{Deserialize, Serialize};
use smongo::Client;
use smongo::api::{ReturnDocument, UpdateModifications};
use smongo::bson::{Bson, Document, RawDocumentBuf, doc};

use crate::served;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Film {
    #[serde(rename = "_id")]
    id: i32,
    title: String,
    year: i32,
}

fn film(id: i32, title: &str, year: i32) -> Film {
    Film { id, title: title.into(), year }
}

/// What a program does with a store, whichever it is.
fn program(uri: &str) -> smongo::Result<()> {
    let client = Client::connect(uri)?;
    let db = client.database("cinema");
    let films = db.collection::<Film>("films");
    films.drop().run()?;

    let inserted = films.insert_one(film(1, "Metropolis", 1927)).run()?;
    assert_eq!(inserted.inserted_id, Bson::Int32(1));
    let more = [film(2, "M", 1931), film(3, "Fury", 1936), film(4, "Spies", 1928)];
    assert_eq!(films.insert_many(&more).run()?.inserted_ids.len(), 3);

    let error = films.insert_one(film(1, "again", 2000)).run().unwrap_err();
    assert_eq!((error.code(), error.code_name().as_ref(), error.write_errors().len()), (11000, "DuplicateKey", 1));
    let error = films.insert_many([film(5, "new", 1), film(2, "old", 1), film(6, "new", 1)]).ordered(false).run();
    let error = error.unwrap_err();
    assert_eq!((error.write_errors().len(), error.write_errors()[0].index), (1, 1));
    assert_eq!(films.delete_many(doc! { "year": 1 }).run()?.deleted_count, 2);

    let titles = |filter: Document| -> smongo::Result<Vec<String>> {
        films.find(filter).sort(doc! { "title": -1 }).run()?.map(|film| Ok(film?.title)).collect()
    };
    assert_eq!(titles(doc! { "year": { "$lt": 1930 } })?, ["Spies", "Metropolis"]);
    let second = films.find(doc! {}).sort(doc! { "_id": 1 }).skip(1).limit(1).batch_size(1).run()?;
    assert_eq!(second.collect::<smongo::Result<Vec<_>>>()?, [film(2, "M", 1931)]);
    assert_eq!(films.find_one(doc! { "_id": 9 }).run()?, None);
    let insensitive = doc! { "locale": "en", "strength": 2 };
    assert_eq!(films.find_one(doc! { "title": "FURY" }).collation(insensitive.clone()).run()?.unwrap().id, 3);
    let raw = films.clone_with_type::<RawDocumentBuf>().find_one(doc! { "_id": 3 }).run()?.unwrap();
    assert_eq!(raw.get_str("title").ok(), Some("Fury"));

    let updated = films.update_many(doc! { "year": { "$gt": 1930 } }, doc! { "$inc": { "year": 1 } }).run()?;
    assert_eq!((updated.matched_count, updated.modified_count, updated.upserted_id), (2, 2, None));
    let pipeline = UpdateModifications::Pipeline(vec![doc! { "$set": { "year": { "$add": ["$year", 1] } } }]);
    films.update_one(doc! { "title": "m" }, pipeline).collation(insensitive).run()?;
    let upserted = films.replace_one(doc! { "_id": 7 }, film(7, "Rancho", 1952)).upsert(true).run()?;
    assert_eq!(upserted.upserted_id, Some(Bson::Int32(7)));
    let after = films
        .find_one_and_update(doc! { "_id": 7 }, doc! { "$set": { "title": "Rancho Notorious" } })
        .return_document(ReturnDocument::After)
        .run()?;
    assert_eq!(after, Some(film(7, "Rancho Notorious", 1952)));
    let before = films.find_one_and_replace(doc! { "_id": 7 }, film(7, "x", 0)).run()?;
    assert_eq!(before.unwrap().title, "Rancho Notorious");
    assert_eq!(films.find_one_and_delete(doc! { "_id": 7 }).run()?, Some(film(7, "x", 0)));
    assert_eq!(films.find_one_and_delete(doc! { "_id": 7 }).run()?, None);

    assert_eq!(films.count_documents(doc! { "year": { "$gte": 1928 } }).limit(2).run()?, 2);
    assert_eq!(films.estimated_document_count().run()?, 4);
    assert_eq!(films.distinct("year", doc! { "_id": { "$lt": 3 } }).run()?, [Bson::Int32(1927), Bson::Int32(1933)]);
    let decades = films
        .aggregate([
            doc! { "$group": { "_id": { "$subtract": ["$year", { "$mod": ["$year", 10] }] }, "n": { "$sum": 1 } } },
            doc! { "$sort": { "_id": 1 } },
        ])
        .run()?;
    let decades: Vec<Document> = decades.collect::<smongo::Result<_>>()?;
    assert_eq!(decades, [doc! { "_id": 1920, "n": 2 }, doc! { "_id": 1930, "n": 2 }]);

    films.create_index(doc! { "year": 1, "title": -1 }).unique(true).run()?;
    assert_eq!(films.list_index_names().run()?, ["_id_", "year_1_title_-1"]);
    films.drop_index("year_1_title_-1").run()?;
    assert_eq!(films.list_index_names().run()?, ["_id_"]);

    db.create_collection("checked").option("validator", doc! { "x": 1 }).run()?;
    let mut names = db.list_collection_names().run()?;
    names.sort();
    assert_eq!(names, ["checked", "films"]);
    assert!(client.list_database_names().run()?.contains(&"cinema".to_owned()));
    films.rename("movies").run()?;
    assert_eq!(db.collection::<Film>("movies").estimated_document_count().run()?, 4);
    let reply = db.run_command(doc! { "count": "movies" }).run()?;
    assert_eq!(reply.get_i32("n").ok(), Some(4));
    let error = db.run_command(doc! { "nonsense": 1 }).run().unwrap_err();
    assert_eq!(error.code_name(), "CommandNotFound");
    let found = db.run_cursor_command(doc! { "find": "movies", "batchSize": 1, "sort": { "_id": 1 } }).run()?;
    assert_eq!(found.collect::<smongo::Result<Vec<_>>>()?.len(), 4);
    db.drop().run()?;
    assert_eq!(db.list_collection_names().run()?, [""; 0]);
    Ok(())
}

#[test]
fn in_memory() {
    program("local://:memory:").unwrap();
}

#[test]
fn in_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    program(&format!("local://{}", dir.path().display())).unwrap();
}

#[test]
fn on_a_server() {
    let (client, served, uri) = served();
    program(&uri).unwrap();
    // The store is the one that this process has open.
    client.database("d").collection("c").insert_one(doc! { "x": 1 }).run().unwrap();
    let remote = Client::connect(&uri).unwrap();
    assert_eq!(remote.database("d").collection::<Document>("c").count_documents(doc! {}).run().unwrap(), 1);
    assert!(remote.is_remote() && !client.is_remote());
    assert_eq!(remote.engine().unwrap_err().code_name(), "IllegalOperation");
    served.stop().unwrap();
    assert_eq!(client.database("d").collection::<Document>("c").count_documents(doc! {}).run().unwrap(), 1);
}

#[test]
fn a_server_that_is_not_there() {
    let client = Client::connect("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200").unwrap();
    let error = client.list_database_names().run().unwrap_err();
    assert_eq!(error.code_name(), "HostUnreachable");
}
