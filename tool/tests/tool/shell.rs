//! `smongo shell`: statements, on a store and on a server. What results look like follows MongoDB's manual on mongosh.

use crate::{served, smongo, smongo_with, text};

/// Statements, and what they print.
const CONVERSATION: &[(&str, &str)] = &[
    ("use cinema", "switched to db cinema"),
    ("db", "cinema"),
    ("db.films.insertOne({_id: 1, title: 'Metropolis', year: 1927})", "{acknowledged: true, insertedId: 1}"),
    (
        "db.films.insertMany([{_id: 2, title: 'M', year: 1931}, {_id: 3, title: 'Fury', year: 1936}])",
        "{acknowledged: true, insertedIds: {\"0\": 2, \"1\": 3}}",
    ),
    ("db.films.find({year: {$gt: 1930}}, {_id: 0, title: 1}).sort({year: -1})", "{title: \"Fury\"}\n{title: \"M\"}"),
    ("db.films.find({title: /^m/i}).limit(1).projection({title: 1})", "{_id: 1, title: \"Metropolis\"}"),
    ("db.films.findOne({_id: 9})", "null"),
    ("db.films.find().skip(1).count()", "3"),
    ("db.films.find().skip(1).size()", "2"),
    ("db.films.countDocuments({year: {$lt: 1930}})", "1"),
    ("db.films.countDocuments({year: 5})", "0"),
    ("db.films.estimatedDocumentCount()", "3"),
    ("db.films.distinct('year', {_id: {$lt: 3}})", "[1927, 1931]"),
    (
        "db.films.updateOne({_id: 1}, {$set: {seen: true}})",
        "{\n  acknowledged: true,\n  insertedId: null,\n  matchedCount: NumberLong(1),\n  modifiedCount: NumberLong(1),\n  upsertedCount: NumberLong(0)\n}",
    ),
    (
        "db.films.findOneAndUpdate({_id: 1}, {$inc: {year: 1}}, {returnDocument: 'after', projection: {year: 1}})",
        "{_id: 1, year: 1928}",
    ),
    ("db.films.deleteMany({year: {$gt: 1930}})", "{acknowledged: true, deletedCount: NumberLong(2)}"),
    ("db.films.aggregate([{$group: {_id: null, n: {$sum: 1}}}])", "{_id: null, n: 1}"),
    ("db.films.createIndex({year: 1, title: -1}, {unique: true})", "year_1_title_-1"),
    ("db.films.getIndexes().length", "'length' cannot follow getIndexes"),
    ("db.createCollection('a.b')", "{ok: 1.0}"),
    ("show collections", "a.b\nfilms"),
    ("db.getCollectionNames()", "[\"a.b\", \"films\"]"),
    (
        "db['a.b'].insertOne({_id: ISODate('2024-02-29')})",
        "{acknowledged: true, insertedId: ISODate(\"2024-02-29T00:00:00Z\")}",
    ),
    ("db.a.b.find()", "{_id: ISODate(\"2024-02-29T00:00:00Z\")}"),
    (
        "db.films.bulkWrite([{insertOne: {document: {_id: 5}}}, {deleteOne: {filter: {_id: 5}}}, {updateMany: {filter: {}, update: {$set: {x: 1}}}}])",
        "{\n  acknowledged: true,\n  insertedCount: NumberLong(1),\n  matchedCount: NumberLong(1),\n  modifiedCount: NumberLong(1),\n  deletedCount: NumberLong(1),\n  upsertedCount: NumberLong(0)\n}",
    ),
    ("db.runCommand({ping: 1})", "{ok: 1.0}"),
    ("db.getSiblingDB('other').getName()", "other"),
    ("db.nothing.find()", ""),
];

#[test]
fn a_conversation() {
    let (_client, _served, uri) = served();
    for target in ["local://:memory:", &uri] {
        let (good, bad): (Vec<_>, Vec<_>) =
            CONVERSATION.iter().partition(|(_, printed)| !printed.contains("cannot follow"));
        let mut args = vec!["shell", target];
        for (statement, _) in &good {
            args.extend(["--eval", statement]);
        }
        let wanted: Vec<&str> =
            good.iter().map(|(_, printed)| *printed).filter(|printed| !printed.is_empty()).collect();
        assert_eq!(smongo(args).good(), wanted.join("\n"), "{target}");
        for (statement, message) in bad {
            let ran = smongo(["shell", target, "--eval", statement]);
            assert_eq!(ran.code, 2);
            assert!(ran.err.contains(message), "{}", ran.err);
        }
    }
}

#[test]
fn more_of_the_same_cursor() {
    let input = b"db.c.insertMany([{_id: 1}, {_id: 2}])
        for
    ";
    let ran = smongo_with(["shell", "local://:memory:"], input);
    assert_eq!((ran.code, ran.out.as_str()), (2, "{acknowledged: true, insertedIds: {\"0\": 1, \"1\": 2}}"));
    let documents: Vec<String> = (0..45).map(|n| format!("{{_id: {n}}}")).collect();
    let script = format!("db.c.insertMany([\n{}\n])\ndb.c.find()\nit\nit\nit\n", documents.join(",\n"));
    let out = smongo_with(["shell", "local://:memory:"], script.as_bytes()).good();
    let lines: Vec<&str> =
        out.lines().filter(|line| line.starts_with("{_id") || line.starts_with(char::is_uppercase)).collect();
    assert_eq!(lines.len(), 47);
    assert_eq!((lines[20], lines[41], lines[46]), ("Type \"it\" for more", "Type \"it\" for more", "{_id: 44}"));
    assert!(out.ends_with("no cursor"));
}

#[test]
fn errors_and_exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    let path = text(dir.path());
    smongo(["shell", path, "--eval", "db.c.insertOne({_id: 1})"]).good();
    let ran = smongo(["shell", path, "--eval", "db.c.insertOne({_id: 1})"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("DuplicateKey (11000)"), "{}", ran.err);
    let ran = smongo(["shell", path, "--json", "--eval", "db.c.insertOne({_id: 1})"]);
    assert!(ran.err.contains(r#""codeName":"DuplicateKey""#), "{}", ran.err);
    assert_eq!(smongo(["shell", path, "--eval", "db.c.find({$x: 1})"]).code, 1);
    assert_eq!(smongo(["shell", path, "--eval", "db.c.find({"]).code, 2);
    assert_eq!(smongo(["shell", path, "--nonsense"]).code, 2);
    assert_eq!(smongo(["ping", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"]).code, 3);
    assert_eq!(smongo(["ping", "/nonexistent/data"]).code, 3);
    let ran = smongo(["shell", &format!("local://{path}?sync=mongodb://x"), "--eval", "db"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("not built yet"), "{}", ran.err);
}

#[test]
fn results_as_json() {
    let statements = ["db.c.insertOne({_id: 1, at: ISODate('2024-01-01')})", "db.c.find()", "db.c.countDocuments({})"];
    let mut args = vec!["shell", "local://:memory:", "--json"];
    statements.iter().for_each(|statement| args.extend(["--eval", statement]));
    assert_eq!(
        smongo(args).good(),
        "{\"acknowledged\":true,\"insertedId\":1}\n{\"_id\":1,\"at\":{\"$date\":\"2024-01-01T00:00:00Z\"}}\n1"
    );
}

#[test]
fn help_and_completions() {
    let help = smongo(["--help"]).good();
    for command in ["shell", "import", "export", "dump", "restore", "explain", "check", "ping", "stats", "Exit codes"] {
        assert!(help.contains(command), "{command}");
    }
    for command in ["shell", "import", "export", "dump", "restore", "explain", "check", "ping", "stats"] {
        assert!(smongo([command, "--help"]).good().contains("Example"), "{command}");
    }
    assert!(smongo(["completions", "bash"]).good().contains("_smongo"));
    assert!(smongo(["shell", "local://:memory:", "--eval", "help"]).good().contains("findOneAndUpdate"));
}
