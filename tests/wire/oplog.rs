//! The log of operations as the collection `local.oplog.rs`.
//!
//! Sources: MongoDB's manual ("Replica Set Oplog", "Tailable Cursors", `getMore`), and mongod's error codes.

use bson::doc;

use crate::client::TestServer;

#[test]
fn the_log_can_be_neither_dropped_nor_renamed_nor_indexed() {
    let server = TestServer::start();
    let mut client = server.client();
    let drop = client.command("local", doc! { "drop": "oplog.rs" });
    assert_eq!(drop.get_i32("code").ok(), Some(5_255_000), "{drop}");
    client.command("db", doc! { "insert": "c", "documents": [{ "_id": 1 }] });
    for (from, to) in [("local.oplog.rs", "local.other"), ("db.c", "local.oplog.rs"), ("db.c", "local.oplog.other")] {
        let code = client.admin_code(doc! { "renameCollection": from, "to": to, "dropTarget": true });
        assert_eq!(code, 20, "{from} to {to}");
    }
    let index = doc! { "createIndexes": "oplog.rs", "indexes": [{ "key": { "ns": 1 }, "name": "ns_1" }] };
    assert_eq!(client.command("local", index).get_i32("code").ok(), Some(67));
    let find = client.command("local", doc! { "find": "oplog.rs", "filter": { "op": "i", "ns": "db.c" } });
    assert_eq!(find.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).unwrap().len(), 1);
}
