//! Validators: which writes they look at, what becomes of those that fail, and how failures are explained.

use bson::{Bson, Document, doc};

use crate::client::{Client, TestServer};

/// The first write error of a reply.
fn write_error(reply: &Document) -> Option<&Document> {
    reply.get_array("writeErrors").ok()?.first()?.as_document()
}

/// The code of a reply's error; 0 when it has none.
fn failure(reply: &Document) -> i32 {
    let of_write = write_error(reply).and_then(|error| error.get_i32("code").ok());
    of_write.or_else(|| reply.get_i32("code").ok()).unwrap_or(0)
}

fn insert(client: &mut Client, document: Document) -> Document {
    client.command("db", doc! { "insert": "c", "documents": [document] })
}

/// What a validator has against a document.
fn details(validator: Document, document: Document) -> Document {
    let server = TestServer::start();
    let mut client = server.client();
    assert_eq!(failure(&client.command("db", doc! { "create": "c", "validator": validator })), 0);
    let reply = insert(&mut client, document);
    let error = write_error(&reply).unwrap_or_else(|| panic!("{reply}"));
    assert_eq!((error.get_i32("code").unwrap(), error.get_str("errmsg").unwrap()), (121, "Document failed validation"));
    let info = error.get_document("errInfo").unwrap();
    assert!(info.get("failingDocumentId").is_some());
    info.get_document("details").unwrap().clone()
}

/// Source: SERVER-20547, the issue that describes `errInfo` by this example.
#[test]
fn broken_rules_of_a_schema_are_told_by_their_properties() {
    let schema = doc! {
        "bsonType": "object",
        "required": ["name", "year", "major", "address"],
        "properties": {
            "name": { "bsonType": "string", "description": "must be a string and is required" },
            "year": { "bsonType": "int", "minimum": 2017, "maximum": 3017, "description": "must be an integer" },
            "major": { "enum": ["Math", "English", Bson::Null], "description": "can only be one of the enum values" },
            "gpa": { "bsonType": "double" },
        },
    };
    let document = doc! { "_id": 1, "name": "Mihai", "year": 1999, "major": "Physics", "gpa": 3 };
    assert_eq!(
        details(doc! { "$jsonSchema": schema }, document),
        doc! {
            "operatorName": "$jsonSchema",
            "schemaRulesNotSatisfied": [
                {
                    "operatorName": "properties",
                    "propertiesNotSatisfied": [
                        {
                            "propertyName": "year",
                            "description": "must be an integer",
                            "details": [{
                                "operatorName": "minimum",
                                "specifiedAs": { "minimum": 2017 },
                                "reason": "comparison failed",
                                "consideredValue": 1999,
                            }],
                        },
                        {
                            "propertyName": "major",
                            "description": "can only be one of the enum values",
                            "details": [{
                                "operatorName": "enum",
                                "specifiedAs": { "enum": ["Math", "English", Bson::Null] },
                                "reason": "value was not found in enum",
                                "consideredValue": "Physics",
                            }],
                        },
                        {
                            "propertyName": "gpa",
                            "details": [{
                                "operatorName": "bsonType",
                                "specifiedAs": { "bsonType": "double" },
                                "reason": "type did not match",
                                "consideredValue": 3,
                                "consideredType": "int",
                            }],
                        },
                    ],
                },
                {
                    "operatorName": "required",
                    "specifiedAs": { "required": ["name", "year", "major", "address"] },
                    "missingProperties": ["address"],
                },
            ],
        }
    );
}

/// Source: MongoDB manual, "Specify Validation With Query Operators".
#[test]
fn broken_conditions_of_a_query_are_told_by_their_places() {
    let expr = doc! { "$eq": ["$totalWithVAT", { "$multiply": ["$total", { "$sum": [1, "$VAT"] }] }] };
    let document = doc! { "_id": 1, "total": 141, "totalWithVAT": 169, "VAT": 0.16 };
    assert_eq!(
        details(doc! { "$expr": expr.clone() }, document),
        doc! {
            "operatorName": "$expr",
            "specifiedAs": { "$expr": expr },
            "reason": "expression did not match",
            "expressionResult": false,
        }
    );
    let validator = doc! { "$and": [{ "a": { "$gt": 1, "$lt": 5 } }, { "$nor": [{ "b": { "$type": "int" } }] }] };
    assert_eq!(
        details(validator, doc! { "_id": 1, "a": 7, "b": 2 }),
        doc! {
            "operatorName": "$and",
            "clausesNotSatisfied": [
                {
                    "index": 0,
                    "details": {
                        "operatorName": "$and",
                        "clausesNotSatisfied": [{
                            "index": 1,
                            "details": {
                                "operatorName": "$lt",
                                "specifiedAs": { "a": { "$lt": 5 } },
                                "reason": "comparison failed",
                                "consideredValue": 7,
                            },
                        }],
                    },
                },
                {
                    "index": 1,
                    "details": {
                        "operatorName": "$nor",
                        "clausesNotSatisfied": [{
                            "index": 0,
                            "details": {
                                "operatorName": "$type",
                                "specifiedAs": { "b": { "$type": "int" } },
                                "reason": "type did match",
                                "consideredValue": 2,
                                "consideredType": "int",
                            },
                        }],
                    },
                },
            ],
        }
    );
    assert_eq!(
        details(doc! { "a": { "$in": [1, 2] } }, doc! { "_id": 1 }),
        doc! { "operatorName": "$in", "specifiedAs": { "a": { "$in": [1, 2] } }, "reason": "field was missing" }
    );
}

/// Source: MongoDB manual, "Schema Validation": validators look at inserts and updates; `strict` and `error` are the
/// defaults; `bypassDocumentValidation` leaves them out.
#[test]
fn every_command_that_stores_documents_obeys() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! { "create": "c", "validator": { "a": { "$gt": 0 } } });
    assert_eq!(failure(&insert(&mut client, doc! { "_id": 1, "a": 1 })), 0);
    assert_eq!(failure(&insert(&mut client, doc! { "_id": 2 })), 121);
    let bad = doc! { "$set": { "a": -1 } };
    for (command, code) in [
        (doc! { "update": "c", "updates": [{ "q": { "_id": 1 }, "u": bad.clone() }] }, 121),
        (doc! { "update": "c", "updates": [{ "q": { "_id": 9 }, "u": bad.clone(), "upsert": true }] }, 121),
        (doc! { "findAndModify": "c", "query": { "_id": 1 }, "update": bad.clone() }, 121),
        (doc! { "aggregate": "d", "pipeline": [{ "$merge": "c" }], "cursor": {} }, 0),
        (doc! { "insert": "d", "documents": [{ "_id": 7 }] }, 0),
        (doc! { "aggregate": "d", "pipeline": [{ "$merge": "c" }], "cursor": {} }, 121),
        (doc! { "aggregate": "d", "pipeline": [{ "$out": "c" }], "cursor": {} }, 121),
        (doc! { "insert": "c", "documents": [{ "_id": 3 }], "bypassDocumentValidation": true }, 0),
        // Nothing changes, so nothing is stored.
        (doc! { "update": "c", "updates": [{ "q": { "_id": 3 }, "u": { "$unset": { "b": 1 } } }] }, 0),
    ] {
        assert_eq!(failure(&client.command("db", command.clone())), code, "{command}");
    }
    let found = client.command("db", doc! { "findAndModify": "c", "query": { "_id": 1 }, "update": bad });
    assert_eq!(found.get_document("errInfo").unwrap().get("failingDocumentId"), Some(&Bson::Int32(1)));
    let bulk = client.command(
        "admin",
        doc! { "bulkWrite": 1, "ops": [{ "insert": 0, "document": { "_id": 5 } }], "nsInfo": [{ "ns": "db.c" }] },
    );
    let first = bulk.get_document("cursor").unwrap().get_array("firstBatch").unwrap()[0].as_document().unwrap();
    assert_eq!(first.get_i32("code").unwrap(), 121);
    let count = client.command("db", doc! { "count": "c" });
    assert_eq!(count.get_i32("n").unwrap(), 2);
}

/// Source: MongoDB manual, "Specify Validation Level for Existing Documents" and "Choose How to Handle Invalid Documents".
#[test]
fn level_and_action_decide_what_is_refused() {
    let server = TestServer::start();
    let mut client = server.client();
    insert(&mut client, doc! { "_id": 1 });
    let set = |value: i32| doc! { "update": "c", "updates": [{ "q": { "_id": 1 }, "u": { "$set": { "b": value } } }] };
    for (at, (change, inserts, updates)) in [
        (doc! { "validator": { "a": { "$exists": true } } }, 121, 121),
        (doc! { "validationLevel": "moderate" }, 121, 0),
        (doc! { "validationLevel": "off" }, 0, 0),
        (doc! { "validationLevel": "strict", "validationAction": "warn" }, 0, 0),
        (doc! { "validationAction": "errorAndLog" }, 121, 121),
        (doc! { "validator": {} }, 0, 0),
    ]
    .into_iter()
    .enumerate()
    {
        let mut command = doc! { "collMod": "c" };
        command.extend(change.clone());
        assert_eq!(failure(&client.command("db", command)), 0, "{change}");
        let at = i32::try_from(at).unwrap();
        assert_eq!(failure(&insert(&mut client, doc! { "_id": 100 + at })), inserts, "{change}");
        assert_eq!(failure(&client.command("db", set(at))), updates, "{change}");
    }
    let listed = client.command("db", doc! { "listCollections": 1 });
    let first = listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap()[0].as_document().unwrap();
    let expected = doc! { "validationLevel": "strict", "validationAction": "errorAndLog" };
    assert_eq!(first.get_document("options").unwrap(), &expected);
}

/// Source: documentdb/functional-tests, recorded against mongod 8.2.4.
#[test]
fn some_collections_take_no_validators() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! { "create": "v", "viewOn": "c", "pipeline": [] });
    client.command("config", doc! { "create": "c" });
    client.command("db", doc! { "create": "c" });
    for (db, command, code) in [
        ("config", doc! { "collMod": "c", "validator": { "a": 1 } }, 72),
        ("db", doc! { "collMod": "v", "validator": { "a": 1 } }, 72),
        ("db", doc! { "collMod": "v", "validationLevel": "strict" }, 72),
        ("db", doc! { "collMod": "c", "validator": { "a": { "$near": [0, 0] } } }, 5_626_500),
        ("db", doc! { "collMod": "c", "validationLevel": "Strict" }, 2),
        ("db", doc! { "collMod": "c", "validationAction": "none" }, 2),
        ("db", doc! { "create": "c", "validator": { "x": 1 } }, 48),
        ("db", doc! { "create": "c", "validationLevel": "strict" }, 48),
        ("db", doc! { "create": "c", "changeStreamPreAndPostImages": { "enabled": false } }, 0),
        ("db", doc! { "create": "d", "changeStreamPreAndPostImages": {} }, 40414),
        ("db", doc! { "create": "d", "viewOn": "c", "changeStreamPreAndPostImages": { "enabled": true } }, 72),
    ] {
        assert_eq!(failure(&client.command(db, command.clone())), code, "{command}");
    }
}
