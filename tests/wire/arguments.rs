//! Commands that are refused, in mongod's words. Sources: MongoDB's manual on commands and error codes, and the
//! answers of a 8.2 server as public test suites record them.

use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use crate::client::{TestServer, body, code, is_ok, message};

type Fill = fn(&mut DocWriter<'_, Vec<u8>>);

#[test]
fn unknown_commands_leave_the_connection_open() {
    let server = TestServer::start();
    let mut client = server.client();
    for name in ["foo", "Ping", "mergeChunks", ""] {
        let reply = client.admin(|doc| doc.value(name, Value::int32(1)));
        assert_eq!(code(&reply), 59, "{name}");
        assert_eq!(message(&reply), format!("no such command: '{name}'"));
        assert_eq!(reply.get("codeName").and_then(|name| name.as_str()), Some("CommandNotFound"));
    }
    assert!(is_ok(&client.admin(|doc| doc.value("ping", Value::int32(1)))));
}

#[test]
fn the_database_is_required_and_checked() {
    let server = TestServer::start();
    let mut client = server.client();
    client.send_msg(0, &body(&DocBuf::build(|doc| doc.value("ping", Value::int32(1)))));
    assert_eq!(code(&client.read_reply().doc), 40571);
    for (db, expected) in [("", 73), ("a.b", 73), ("a b", 73), ("db", 0)] {
        assert_eq!(code(&client.run(db, |doc| doc.value("ping", Value::int32(1)))), expected, "{db}");
    }
    assert_eq!(code(&client.run("db", |doc| doc.string("getLog", "global"))), 13);
}

#[test]
fn arguments_are_checked() {
    let server = TestServer::start();
    let mut client = server.client();
    let rows: &[(i64, &str, Fill)] = &[
        (40415, "BSON field 'ping.foo' is an unknown field.", |doc| {
            doc.value("ping", Value::int32(1));
            doc.value("foo", Value::int32(1));
        }),
        (
            14,
            "BSON field 'FindCommandRequest.limit' is the wrong type 'string', expected types '[long, int, decimal, double']",
            |doc| {
                doc.string("find", "c");
                doc.string("limit", "x");
            },
        ),
        (14, "BSON field 'FindCommandRequest.filter' is the wrong type 'array', expected type 'object'", |doc| {
            doc.string("find", "c");
            doc.array("filter", |_| ());
        }),
        (2, "BSON field 'batchSize' value must be >= 0, actual value '-1'", |doc| {
            doc.string("find", "c");
            doc.value("batchSize", Value::double(-1.5));
        }),
        (9, "", |doc| {
            doc.string("find", "c");
            doc.value("awaitData", Value::TRUE);
        }),
        (73, "collection name has invalid type int", |doc| doc.value("find", Value::int32(1))),
        (73, "Invalid namespace specified 'db.'", |doc| doc.string("find", "")),
        (14, "BSON field 'getMore.getMore' is the wrong type 'int', expected type 'long'", |doc| {
            doc.value("getMore", Value::int32(1));
            doc.string("collection", "c");
        }),
        (40414, "BSON field 'getMore.collection' is missing but a required field", |doc| {
            doc.value("getMore", Value::int64(1));
        }),
        (43, "", |doc| {
            doc.value("getMore", Value::int64(999));
            doc.string("collection", "c");
        }),
        (40414, "BSON field 'insert.documents' is missing but a required field", |doc| doc.string("insert", "c")),
        (16, "Write batch sizes must be between 1 and 100000. Got 0 operations.", |doc| {
            doc.string("insert", "c");
            doc.array("documents", |_| ());
        }),
        (14, "", |doc| {
            doc.string("insert", "c");
            doc.array("documents", |docs| docs.value(Value::int32(1)));
        }),
        (14, "BSON field 'insert.ordered' is the wrong type 'int', expected type 'bool'", |doc| {
            doc.string("insert", "c");
            doc.array("documents", |docs| docs.value(Value::document(RawDoc::EMPTY)));
            doc.value("ordered", Value::int32(1));
        }),
        (9, "", |doc| {
            doc.string("update", "c");
            doc.array("updates", |updates| {
                updates.document(|update| {
                    update.document("q", |_| ());
                    update.string("u", "x");
                });
            });
        }),
        (40414, "BSON field 'delete.deletes.limit' is missing but a required field", |doc| {
            doc.string("delete", "c");
            doc.array("deletes", |deletes| deletes.document(|delete| delete.document("q", |_| ())));
        }),
        (9, "The limit field in delete objects must be 0 or 1. Got 2", |doc| {
            doc.string("delete", "c");
            doc.array("deletes", |deletes| {
                deletes.document(|delete| {
                    delete.document("q", |_| ());
                    delete.value("limit", Value::int32(2));
                });
            });
        }),
        (9, "Either an update or remove=true must be specified", |doc| doc.string("findAndModify", "c")),
        (9, "Cannot specify both an update and remove=true", |doc| {
            doc.string("findAndModify", "c");
            doc.document("update", |_| ());
            doc.value("remove", Value::int32(1));
        }),
        (2, "", |doc| {
            doc.document("explain", |doc| doc.string("find", "c"));
            doc.string("verbosity", "loud");
        }),
        (59, "", |doc| doc.document("explain", |_| ())),
        (20, "", |doc| doc.document("explain", |doc| doc.string("insert", "c"))),
        (72, "Command does not support writeConcern", |doc| {
            doc.string("find", "c");
            doc.document("writeConcern", |_| ());
        }),
        (72, "", |doc| {
            doc.value("listCollections", Value::int32(1));
            doc.document("readConcern", |doc| doc.string("level", "majority"));
        }),
        (323, "", |doc| {
            doc.value("dbStats", Value::int32(1));
            doc.string("apiVersion", "1");
            doc.value("apiStrict", Value::TRUE);
        }),
        (5_739_000, "getLastError command is not supported", |doc| doc.value("getLastError", Value::int32(1))),
    ];
    for (expected_code, expected_message, fill) in rows {
        let reply = client.run("db", fill);
        assert_eq!(code(&reply), *expected_code, "{reply:?}");
        if !expected_message.is_empty() {
            assert_eq!(message(&reply), *expected_message);
        }
    }
}

#[test]
fn every_command_survives_every_kind_of_argument() {
    let server = TestServer::start();
    let mut client = server.client();
    let listing = client.admin(|doc| doc.value("listCommands", Value::int32(1)));
    let commands = listing.get("commands").unwrap().as_doc().unwrap();
    let nested = DocBuf::build(|doc| doc.value("a", Value::document(RawDoc::EMPTY)));
    let values = [
        Value::NULL,
        Value::int32(-1),
        Value::int64(i64::MIN),
        Value::double(f64::NAN),
        Value::string(""),
        Value::string("c"),
        Value::document(&nested),
        Value::array(RawDoc::EMPTY),
        Value::array(&nested),
        Value::binary(4, &[0; 16]),
        Value::MAX_KEY,
    ];
    for command in commands {
        for value in values {
            for db in ["admin", "db"] {
                let reply = client.run(db, |doc| doc.value(command.name_str(), value));
                assert!(reply.get("ok").is_some(), "{command} {value:?}", command = command.name_str());
            }
        }
    }
}
