//! `configureFailPoint` and `applyOps`. Sources: the drivers' specifications ("failCommand"), MongoDB's manual, and the
//! answers of mongod 8.2.4 as the suite documentdb/functional-tests records them.

use bson::{Bson, Document, doc};

use crate::client::{Client, TestServer};

fn code(reply: &Document) -> i32 {
    reply.get_i32("code").unwrap_or(0)
}

fn fail(client: &mut Client, mode: impl Into<Bson>, data: Document) -> Document {
    client.command("admin", doc! {"configureFailPoint": "failCommand", "mode": mode.into(), "data": data})
}

#[test]
fn named_commands_fail_so_many_times() {
    let server = TestServer::start();
    let mut client = server.client();
    let data = doc! {"failCommands": ["find", "insert"], "errorCode": 11601, "errorLabels": ["RetryableWriteError"]};
    assert_eq!(code(&fail(&mut client, doc! {"times": 2}, data)), 0);
    assert_eq!(code(&client.command("db", doc! {"ping": 1})), 0);
    for command in [doc! {"find": "c"}, doc! {"insert": "c", "documents": [{}]}] {
        let reply = client.command("db", command);
        assert_eq!(code(&reply), 11601);
        assert_eq!(reply.get_array("errorLabels").unwrap(), &vec!["RetryableWriteError".into()]);
    }
    assert_eq!(code(&client.command("db", doc! {"find": "c"})), 0);
    assert_eq!(fail(&mut client, "off", doc! {}).get_i32("count").unwrap(), 2);

    fail(&mut client, doc! {"skip": 1}, doc! {"failCommands": ["find"], "errorCode": 2, "namespace": "db.c"});
    let codes: Vec<_> = ["c", "c", "d"].map(|coll| code(&client.command("db", doc! {"find": coll}))).to_vec();
    assert_eq!(codes, [0, 2, 0]);
}

#[test]
fn a_failing_write_concern_leaves_the_write() {
    let server = TestServer::start();
    let mut client = server.client();
    let concern = doc! {"code": 91, "errmsg": "shutting down"};
    fail(&mut client, "alwaysOn", doc! {"failCommands": ["insert"], "writeConcernError": &concern});
    let reply = client.command("db", doc! {"insert": "c", "documents": [{"_id": 1}]});
    assert_eq!(reply.get_document("writeConcernError").unwrap(), &concern);
    assert_eq!(client.command("db", doc! {"count": "c"}).get_i32("n").unwrap(), 1);
}

#[test]
fn a_connection_may_be_closed_instead_of_an_answer() {
    let server = TestServer::start();
    let (mut client, mut victim) = (server.client(), server.client());
    fail(&mut client, doc! {"times": 1}, doc! {"failCommands": ["ping"], "closeConnection": true});
    victim.send_msg(0, &crate::client::body(&crate::client::ping()));
    assert!(victim.is_closed());
    assert_eq!(code(&client.command("db", doc! {"ping": 1})), 0);
}

#[test]
fn fail_points_are_checked() {
    let server = TestServer::start();
    let mut client = server.client();
    let configure = |name: &str, mode: Bson| doc! {"configureFailPoint": name, "mode": mode};
    for (expected, command) in [
        (249, configure("unknown", "off".into())),
        (2, configure("failCommand", "sometimes".into())),
        (14, configure("failCommand", Bson::Int32(1))),
        (14, configure("failCommand", doc! {"times": "x"}.into())),
        (40414, doc! {"configureFailPoint": "failCommand"}),
    ] {
        assert_eq!(client.admin_code(command.clone()), expected, "{command}");
    }
    assert_eq!(code(&fail(&mut client, "alwaysOn", doc! {"failCommands": [], "blockConnection": true})), 72);
}

#[test]
fn entries_of_an_oplog_are_applied() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"insert": "c", "documents": [{"_id": 0}]});
    let entry = |op: &str, o: Document| doc! {"op": op, "ns": "db.c", "o": o};
    let mut update = entry("u", doc! {"$v": 2, "diff": {"u": {"x": 2}, "i": {"y": [1]}}});
    update.insert("o2", doc! {"_id": 1});
    let reply = client.command(
        "admin",
        doc! {"applyOps": [
            entry("i", doc! {"_id": 1, "x": 1}),
            update,
            entry("n", doc! {}),
            entry("d", doc! {"_id": 0}),
            {"op": "c", "ns": "db.$cmd", "o": {"create": "made"}},
        ]},
    );
    assert_eq!(reply.get_i32("applied").ok(), Some(5), "{reply}");
    let found = client.command("db", doc! {"find": "c"});
    let found = found.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    assert_eq!(found, &vec![doc! {"_id": 1, "x": 2, "y": [1]}.into()]);
    let listed = client.command("db", doc! {"listCollections": 1, "filter": {"name": "made"}});
    assert_eq!(listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap().len(), 1);

    let mut missing = entry("u", doc! {"_id": 9, "x": 1});
    missing.insert("o2", doc! {"_id": 9});
    let failed = client.command("admin", doc! {"applyOps": [entry("i", doc! {"_id": 2}), missing]});
    assert_eq!((code(&failed), failed.get_array("results").unwrap()), (8, &vec![true.into(), false.into()]));
    for (expected, command) in [
        (14, doc! {"applyOps": 1}),
        (2, doc! {"applyOps": [], "prepare": false}),
        (31056, doc! {"applyOps": [], "partialTxn": true}),
        (14, doc! {"applyOps": [], "count": true}),
        (6711600, doc! {"applyOps": [], "preCondition": []}),
        (6711601, doc! {"applyOps": [], "alwaysUpsert": true}),
        (14, doc! {"applyOps": [], "alwaysUpsert": 1}),
    ] {
        assert_eq!(client.admin_code(command.clone()), expected, "{command}");
    }
}
