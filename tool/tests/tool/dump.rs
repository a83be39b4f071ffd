//! `smongo dump` and `smongo restore`: what comes back is what was there, whichever way it went.

use std::fs;
use std::io::{Read, Write};

use flate2::read::GzDecoder;
use smongo::Client;
use smongo::bson::{Document, doc};

use crate::{served, smongo, smongo_with, text};

/// Fills a store with what a dump must keep.
fn fill(client: &Client) {
    let db = client.database("cinema");
    let films = db.collection::<Document>("films");
    films
        .insert_many((0..2500).map(|n| doc! { "_id": n, "title": format!("film {n}"), "year": 1900 + n % 100 }))
        .run()
        .unwrap();
    films.create_index(doc! { "year": 1, "title": -1 }).unique(true).run().unwrap();
    films.create_index(doc! { "title": 1 }).partial_filter_expression(doc! { "year": { "$gt": 1950 } }).run().unwrap();
    films.create_index(doc! { "seen": 1 }).expire_after_seconds(3600).run().unwrap();
    for command in [
        doc! { "create": "empty", "collation": { "locale": "de", "strength": 2 } },
        doc! { "create": "old", "viewOn": "films", "pipeline": [{ "$match": { "year": { "$lt": 1910 } } }] },
        doc! { "create": "by key", "clusteredIndex": { "key": { "_id": 1 }, "unique": true } },
        doc! { "create": "log" },
        doc! { "create": "checked", "validator": { "x": { "$type": "int" } }, "validationAction": "error" },
    ] {
        db.run_command(command).run().unwrap();
    }
    db.collection("by key").insert_one(doc! { "_id": "k" }).run().unwrap();
    db.collection("log").insert_many((0..5).map(|n| doc! { "_id": 9 - n })).run().unwrap();
    db.collection("checked").insert_one(doc! { "_id": 1, "x": 5 }).run().unwrap();
    client.database("other").collection("ünïcode/x").insert_one(doc! { "_id": 1 }).run().unwrap();
}

/// Everything that can be seen of a store, but for what differs between any two: UUIDs.
fn seen(client: &Client) -> Vec<String> {
    let mut seen = Vec::new();
    let databases = client.list_database_names().run().unwrap();
    for db in databases.iter().filter(|db| *db != "local" && *db != "config" && *db != "admin") {
        let db = client.database(db);
        let mut collections: Vec<Document> =
            db.run_cursor_command(doc! { "listCollections": 1 }).run().unwrap().map(Result::unwrap).collect();
        collections.sort_by_key(|coll| coll.get_str("name").unwrap().to_owned());
        for mut coll in collections {
            let name = coll.get_str("name").unwrap().to_owned();
            coll.get_document_mut("info").unwrap().remove("uuid");
            seen.push(coll.to_string());
            if coll.get_str("type").ok() == Some("collection") {
                let indexes = db.run_cursor_command(doc! { "listIndexes": &name }).run().unwrap();
                seen.extend(indexes.map(|index| index.unwrap().to_string()));
            }
            let documents = db.collection::<Document>(&name).find(doc! {}).run().unwrap();
            seen.extend(documents.map(|document| document.unwrap().to_string()));
        }
    }
    seen
}

#[test]
fn a_store_through_a_dump_to_a_server_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let first = path("first");
    let wanted = {
        let client = Client::open(&first).unwrap();
        fill(&client);
        seen(&client)
    };
    assert!(wanted.len() > 2500);
    let directory = path("dump");
    let archive = format!("--archive={}", text(&path("a.archive")));
    let ways: [(&[&str], &[&str]); 4] = [
        (&["-o", text(&directory)], &[text(&directory)]),
        (&["-o", text(&directory), "--gzip"], &[text(&directory), "--gzip"]),
        (&[&archive], &[&archive]),
        (&[&archive, "--gzip"], &[&archive, "--gzip"]),
    ];
    for (dump_args, restore_args) in ways {
        let _ = fs::remove_dir_all(&directory);
        smongo([&["dump", text(&first)][..], dump_args].concat()).good();
        let (client, _served, uri) = served();
        let out = smongo([&["restore", &uri][..], restore_args].concat()).good();
        assert_eq!(out, "2508 documents of 7 collections and views restored, 0 failed");
        assert_eq!(seen(&client), wanted, "{dump_args:?}");
        // From the server to another directory.
        let again = format!("--archive={}", text(&path("again")));
        smongo(["dump", &uri, &again]).good();
        let second = path("second");
        let _ = fs::remove_dir_all(&second);
        smongo(["restore", text(&second), &again]).good();
        assert_eq!(seen(&Client::open(&second).unwrap()), wanted);
    }
}

#[test]
fn files_are_named_and_packed_as_mongodumps() {
    let dir = tempfile::tempdir().unwrap();
    let (data, out) = (dir.path().join("data"), dir.path().join("out"));
    fill(&Client::open(&data).unwrap());
    smongo(["dump", text(&data), "-o", text(&out), "--gzip"]).good();
    let list = |db: &str| {
        let mut names: Vec<String> = fs::read_dir(out.join(db))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(list("other"), ["%C3%BCn%C3%AFcode%2Fx.bson.gz", "%C3%BCn%C3%AFcode%2Fx.metadata.json.gz"]);
    let names = list("cinema");
    assert!(names.contains(&"old.metadata.json.gz".to_owned()) && !names.contains(&"old.bson.gz".to_owned()));
    let mut metadata = String::new();
    let file = fs::File::open(out.join("cinema/checked.metadata.json.gz")).unwrap();
    GzDecoder::new(file).read_to_string(&mut metadata).unwrap();
    assert!(metadata.starts_with(r#"{"options":{"validator":{"x":{"$type":"int"}}"#), "{metadata}");
    let indexes = r#""indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"}],"uuid":""#;
    assert!(metadata.contains(indexes), "{metadata}");
    assert!(metadata.ends_with(r#"","collectionName":"checked","type":"collection"}"#), "{metadata}");
}

#[test]
fn a_pipe_between_two_stores_and_a_choice() {
    let (client, _served, uri) = served();
    fill(&client);
    let archive = smongo(["dump", &uri, "--archive", "-d", "cinema"]).bytes;
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "restore",
        text(dir.path()),
        "--archive",
        "--nsInclude",
        "cinema.*",
        "--nsExclude",
        "*.log",
        "--nsFrom",
        "cinema.*",
        "--nsTo",
        "copy.old_*",
        "--json",
    ];
    let out = smongo_with(args, &archive).good();
    assert_eq!(out, r#"{"restored":2502,"failed":0,"collections":5}"#);
    let copy = Client::open(dir.path()).unwrap();
    let mut names = copy.database("copy").list_collection_names().run().unwrap();
    names.retain(|name| !name.starts_with("system."));
    names.sort();
    assert_eq!(names, ["old_by key", "old_checked", "old_empty", "old_films", "old_old"]);
}

#[test]
fn documents_that_are_there_already_and_damage() {
    let (client, _served, uri) = served();
    fill(&client);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a");
    let archive = format!("--archive={}", text(&file));
    smongo(["dump", &uri, &archive, "-d", "cinema", "-c", "films"]).good();
    let ran = smongo(["restore", &uri, &archive, "--quiet"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, "0 documents of 1 collections and views restored, 2500 failed"));
    assert!(smongo(["restore", &uri, &archive, "--drop"]).good().contains("2500 documents of 1"));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    fs::File::create(&file).unwrap().write_all(&bytes).unwrap();
    let ran = smongo(["restore", &uri, &archive, "--drop"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("ends"), "{}", ran.err);
    assert_eq!(smongo(["restore", &uri, text(&dir.path().join("nowhere"))]).code, 4);
    assert_eq!(smongo(["dump", &uri, &archive, "-d", "cinema", "-c", "nothing"]).code, 1);
}
