//! `smongo import` and `smongo export`. Formats follow the manual's pages on mongoimport and mongoexport.

use std::fs;

use smongo::Client;
use smongo::bson::{Bson, Document, doc};

use crate::{served, smongo, smongo_with, text};

/// A value of every type.
fn every_type() -> Document {
    doc! {
        "_id": 1,
        "double": 1.5,
        "whole": 2.0,
        "text": "\"é\n",
        "document": { "a": [1, { "b": null }] },
        "binary": Bson::Binary(bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![0, 255] }),
        "id": bson::oid::ObjectId::parse_str("65920080e4b0c5b1d2a3f4c5").unwrap(),
        "flag": true,
        "date": bson::DateTime::from_millis(1_704_067_200_123),
        "regex": Bson::RegularExpression(bson::Regex {
            pattern: String::from("^a/b").try_into().unwrap(),
            options: String::from("i").try_into().unwrap(),
        }),
        "timestamp": Bson::Timestamp(bson::Timestamp { time: 1, increment: 2 }),
        "long": 3_i64,
        "decimal": "1.10".parse::<bson::Decimal128>().unwrap(),
        "min": Bson::MinKey,
    }
}

#[test]
fn every_type_there_and_back() {
    let (client, _served, uri) = served();
    let source = client.database("d").collection::<Document>("a");
    source.insert_many([every_type(), doc! { "_id": 2 }]).run().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.json");
    for (format, array, pretty) in [("canonical", false, false), ("canonical", true, true), ("relaxed", false, true)] {
        let mut args = vec!["export", &uri, "-d", "d", "-c", "a", "--jsonFormat", format, "-o", text(&file)];
        args.extend(array.then_some("--jsonArray"));
        args.extend(pretty.then_some("--pretty"));
        smongo(args).good();
        smongo(["import", &uri, text(&file), "-d", "d", "-c", "b", "--drop"]).good();
        let target = client.database("d").collection::<Document>("b");
        let mut wanted = every_type();
        if format == "relaxed" {
            // What relaxed extended JSON does not keep: the width of whole numbers.
            wanted.insert("long", 3);
        }
        assert_eq!(target.find_one(doc! { "_id": 1 }).run().unwrap(), Some(wanted), "{format}");
        assert_eq!(target.count_documents(doc! {}).run().unwrap(), 2);
    }
}

#[test]
fn tables() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file, out) = (dir.path().join("data"), dir.path().join("t.csv"), dir.path().join("out"));
    fs::write(&file, "title,year,maker.name\n\"Metropolis, restored\",1927,Lang\n\"a \"\"b\"\"\",x,\n").unwrap();
    let target = ["-d", "d", "-c", "c"];
    let import = |args: &[&str]| smongo([&["import", text(&data), text(&file)][..], &target, args].concat());
    assert!(import(&["--type", "csv", "--headerline"]).good().contains("2 documents imported"));
    let read = || -> Vec<Document> {
        let client = Client::open(&data).unwrap();
        let coll = client.database("d").collection::<Document>("c");
        let found = coll.find(doc! {}).projection(doc! { "_id": 0 }).run().unwrap();
        found.map(Result::unwrap).collect()
    };
    let first = doc! { "title": "Metropolis, restored", "year": 1927, "maker": { "name": "Lang" } };
    assert_eq!(read(), [first, doc! { "title": "a \"b\"", "year": "x", "maker": { "name": "" } }]);

    let export = |kind: &str| {
        let path = text(&out);
        let fields = ["--type", kind, "-f", "title,year,maker.name", "-o", path];
        smongo([&["export", text(&data)][..], &target, &fields].concat()).good();
        fs::read_to_string(&out).unwrap()
    };
    assert_eq!(export("csv"), fs::read_to_string(&file).unwrap());
    assert_eq!(export("tsv"), "title\tyear\tmaker.name\nMetropolis, restored\t1927\tLang\na \"b\"\tx\t\n");

    fs::write(&file, "1,2018-07-15,x\n2,,\n").unwrap();
    let fields = ["--type", "csv", "--columnsHaveTypes", "-f", "_id.int64(),at.date(2006-01-02),s.string()", "--drop"];
    assert_eq!(import(&fields).code, 1);
    import(&[&fields[..], &["--ignoreBlanks"]].concat()).good();
    let client = Client::open(&data).unwrap();
    let coll = client.database("d").collection::<Document>("c");
    let at = bson::DateTime::parse_rfc3339_str("2018-07-15T00:00:00Z").unwrap();
    let found: Vec<Document> = coll.find(doc! {}).run().unwrap().map(Result::unwrap).collect();
    assert_eq!(found, [doc! { "_id": 1_i64, "at": at, "s": "x" }, doc! { "_id": 2_i64 }]);
}

#[test]
fn modes() {
    let (client, _served, uri) = served();
    let coll = client.database("d").collection::<Document>("c");
    coll.insert_many([doc! { "_id": 1, "k": "a", "old": true }, doc! { "_id": 2, "k": "b", "old": true }])
        .run()
        .unwrap();
    let import = |mode: &str, input: &str| {
        let args = ["import", &uri, "-d", "d", "-c", "c", "--mode", mode, "--upsertFields", "k"];
        smongo_with(args, input.as_bytes())
    };
    import("merge", "{k: 'a', new: 1} {k: 'c', new: 1}").good();
    import("upsert", "[{k: 'b', x: 1}]").good();
    let all = || -> Vec<Document> {
        coll.find(doc! {})
            .projection(doc! { "_id": 0 })
            .sort(doc! { "k": 1 })
            .run()
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    assert_eq!(
        all(),
        [doc! { "k": "a", "old": true, "new": 1 }, doc! { "k": "b", "x": 1 }, doc! { "k": "c", "new": 1 }]
    );
    import("delete", "{k: 'a'} {k: 'b'}").good();
    assert_eq!(all(), [doc! { "k": "c", "new": 1 }]);
    // What is there already is an error, the rest goes in.
    let ran = smongo_with(["import", &uri, "-d", "d", "-c", "c"], b"{_id: 8} {_id: 8} {_id: 9}");
    assert_eq!((ran.code, ran.out.as_str()), (1, "2 documents imported, 1 failed"));
    let ran = smongo_with(["import", &uri, "-d", "d", "-c", "c", "--stopOnError", "--json"], b"{_id: 8} {_id: 10}");
    assert_eq!((ran.code, ran.out.as_str()), (1, "{\"imported\":0,\"failed\":1}"));
    let ran = smongo_with(["import", &uri, "-d", "d", "-c", "c"], b"{_id: 11} nonsense");
    assert_eq!((ran.code, ran.out.as_str()), (1, "1 documents imported, 0 failed"));
    assert!(ran.err.contains("unexpected 'n'"), "{}", ran.err);
}
