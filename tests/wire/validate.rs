//! `validate` and `validateDBMetadata` as commands. Sources: MongoDB's manual on the two, and the answers of mongod 8.2.4
//! as the suite documentdb/functional-tests records them.

use bson::{Bson, doc};

use crate::client::TestServer;

#[test]
fn arguments_are_checked() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"insert": "c", "documents": [{"_id": 1}]});
    for (code, command) in [
        (0, doc! {"validate": "c", "full": 0.0, "metadata": "", "other": 1}),
        (0, doc! {"validate": "c", "full": "yes", "checkBSONConformance": 1}),
        (0, doc! {"validate": "c", "repair": true, "fixMultikey": true}),
        (72, doc! {"validate": "c", "background": true, "full": true}),
        (72, doc! {"validate": "c", "repair": true, "full": true}),
        (72, doc! {"validate": "c", "metadata": true, "full": true}),
        (26, doc! {"validate": "missing"}),
        (73, doc! {"validate": 1}),
    ] {
        let reply = client.command("db", command.clone());
        assert_eq!(reply.get_i32("code").unwrap_or(0), code, "{command}");
    }
    for (code, command) in [
        (40414, doc! {"validateDBMetadata": 1}),
        (40414, doc! {"validateDBMetadata": 1, "apiParameters": {"strict": true}}),
        (40415, doc! {"validateDBMetadata": 1, "apiParameters": {"version": "1", "other": 1}}),
        (14, doc! {"validateDBMetadata": 1, "apiParameters": {"version": 1}}),
        (13280, doc! {"validateDBMetadata": 1, "apiParameters": {"version": "1"}, "db": "a b"}),
        (73, doc! {"validateDBMetadata": 1, "apiParameters": {"version": "1"}, "db": "a.b"}),
        (28539, doc! {"validateDBMetadata": 1, "apiParameters": {"version": "1"}, "db": ""}),
        (0, doc! {"validateDBMetadata": 1, "apiParameters": {"version": "1"}, "db": "$"}),
        (73, doc! {"validateDBMetadata": 1, "apiParameters": {"version": "1"}, "collection": ".a"}),
    ] {
        assert_eq!(client.admin_code(command.clone()), code, "{command}");
    }
}

#[test]
fn the_reply_tells_of_documents_and_indexes() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"insert": "c", "documents": [{"_id": 1, "x": [1, 2]}, {"_id": 2, "x": 3}]});
    client.command("db", doc! {"createIndexes": "c", "indexes": [{"key": {"x": 1}, "name": "x_1"}]});
    let reply = client.command("db", doc! {"validate": "c"});
    let names: Vec<&str> = reply.keys().map(String::as_str).collect();
    assert_eq!(
        names[..16],
        [
            "ns",
            "uuid",
            "nInvalidDocuments",
            "nNonCompliantDocuments",
            "nrecords",
            "nIndexes",
            "keysPerIndex",
            "indexDetails",
            "valid",
            "repaired",
            "warnings",
            "errors",
            "extraIndexEntries",
            "missingIndexEntries",
            "corruptRecords",
            "repairMode",
        ]
    );
    assert_eq!(reply.get_str("ns").unwrap(), "db.c");
    assert_eq!(reply.get("nrecords"), Some(&Bson::Int32(2)));
    assert_eq!(reply.get("keysPerIndex"), Some(&Bson::from(doc! {"_id_": 2, "x_1": 3})));
    assert!(reply.get_bool("valid").unwrap());
    let reply = client.command("db", doc! {"validate": "c", "metadata": true});
    assert!(!reply.contains_key("nrecords"));
    assert_eq!(reply.get_i32("nIndexes").unwrap(), 2);
}

#[test]
fn metadata_that_the_stable_api_does_without_is_listed() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"createIndexes": "c", "indexes": [{"key": {"x": 1}, "name": "s", "sparse": true}]});
    let mut errors = |api: bson::Document, db: &str| {
        let command = doc! {"validateDBMetadata": 1, "apiParameters": api, "db": db};
        client.command("admin", command).get_array("apiVersionErrors").unwrap().clone()
    };
    let found = errors(doc! {"version": "1", "strict": true}, "db");
    assert_eq!(
        found,
        [Bson::from(doc! {
            "ns": "db.c", "code": 323, "codeName": "APIStrictError",
            "errmsg": "The index with name s is not allowed in API version 1.",
        })]
    );
    assert!(errors(doc! {"version": "1", "strict": true}, "other").is_empty());
    assert!(errors(doc! {"version": "1"}, "db").is_empty());
    assert!(errors(doc! {"version": "2", "strict": true}, "db").is_empty());
}
