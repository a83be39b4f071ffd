//! Stages that tell about the server, its sessions and its catalog. Sources: MongoDB's manual on each stage, and the
//! answers of mongod 8.2.4 as the suite documentdb/functional-tests records them.

use bson::{Bson, Document, doc};

use crate::client::{Client, TestServer};

/// The first batch of a pipeline over a collection, or over none where `coll` is 1.
fn run(client: &mut Client, db: &str, coll: impl Into<Bson>, pipeline: Vec<Document>) -> Result<Vec<Document>, i32> {
    let reply = client.command(db, doc! {"aggregate": coll.into(), "pipeline": pipeline, "cursor": {}});
    match reply.get_document("cursor") {
        Ok(cursor) => {
            let batch = cursor.get_array("firstBatch").unwrap();
            Ok(batch.iter().map(|doc| doc.as_document().unwrap().clone()).collect())
        }
        Err(_) => Err(reply.get_i32("code").unwrap()),
    }
}

/// A session's id.
fn lsid(n: u8) -> Document {
    doc! {"id": bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: vec![n; 16] }}
}

#[test]
fn where_each_may_stand() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"insert": "c", "documents": [{"_id": 1}]});
    let one = Bson::Int32(1);
    let coll = Bson::String("c".into());
    for (db, on, stage, code) in [
        ("db", &one, doc! {"$currentOp": {}}, 73),
        ("admin", &coll, doc! {"$currentOp": {}}, 73),
        ("admin", &one, doc! {"$currentOp": {"allUsers": 1}}, 9),
        ("admin", &one, doc! {"$currentOp": {"x": true}}, 9),
        ("admin", &one, doc! {"$currentOp": 1}, 9),
        ("db", &coll, doc! {"$listLocalSessions": {}}, 73),
        ("db", &one, doc! {"$listLocalSessions": 1}, 14),
        ("db", &one, doc! {"$listLocalSessions": {"x": 1}}, 40415),
        ("db", &one, doc! {"$listLocalSessions": {"allUsers": true, "users": []}}, 12),
        ("db", &one, doc! {"$listLocalSessions": {"users": [{"user": "a"}]}}, 40414),
        ("db", &coll, doc! {"$listSessions": {}}, 73),
        ("db", &one, doc! {"$listCatalog": {}}, 73),
        ("db", &coll, doc! {"$listCatalog": {"x": 1}}, 6_200_600),
        ("db", &coll, doc! {"$listClusterCatalog": {}}, 73),
        ("db", &one, doc! {"$listClusterCatalog": 1}, 9_621_302),
        ("db", &one, doc! {"$queryStats": {}}, 73),
        ("db", &one, doc! {"$listSampledQueries": {}}, 73),
        ("admin", &one, doc! {"$listSampledQueries": {"namespace": 1}}, 14),
        ("admin", &one, doc! {"$shardedDataDistribution": {}}, 6_789_101),
        ("admin", &one, doc! {"$listMqlEntities": {}}, 40414),
        ("admin", &one, doc! {"$listMqlEntities": {"entityType": "x"}}, 2),
        ("db", &coll, doc! {"$search": {"text": {"query": "x", "path": "s"}}}, 31082),
        ("db", &coll, doc! {"$vectorSearch": {"index": "v"}}, 31082),
        ("db", &coll, doc! {"$listSearchIndexes": {}}, 31082),
        ("db", &coll, doc! {"$facet": {"f": [{"$listLocalSessions": {}}]}}, 73),
        ("db", &coll, doc! {"$facet": {"f": [{"$indexStats": {}}]}}, 40600),
    ] {
        assert_eq!(run(&mut client, db, on.clone(), vec![stage.clone()]), Err(code), "{stage}");
    }
    for (db, stage) in [("db", "$listLocalSessions"), ("admin", "$currentOp")] {
        let twice = vec![doc! {stage: {}}, doc! {stage: {}}];
        assert_eq!(run(&mut client, db, 1, twice), Err(40602), "{stage}");
    }
}

#[test]
fn outside_of_the_stable_api_and_of_transactions() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"insert": "c", "documents": [{"_id": 1}]});
    for (stage, code) in [
        (doc! {"$currentOp": {}}, 323),
        (doc! {"$indexStats": {}}, 323),
        (doc! {"$planCacheStats": {}}, 323),
        (doc! {"$listSessions": {}}, 323),
        (doc! {"$search": {}}, 323),
        (doc! {"$collStats": {"latencyStats": {}}}, 323),
        (doc! {"$collStats": {"count": {}}}, 0),
        (doc! {"$match": {}}, 0),
    ] {
        let strict = doc! {
            "aggregate": "c", "pipeline": [stage.clone()], "cursor": {}, "apiVersion": "1", "apiStrict": true,
        };
        assert_eq!(client.command("db", strict).get_i32("code").unwrap_or(0), code, "{stage}");
    }
    let in_transaction = doc! {
        "aggregate": 1, "pipeline": [{"$listLocalSessions": {}}], "cursor": {}, "lsid": lsid(1), "txnNumber": 1i64,
        "startTransaction": true, "autocommit": false,
    };
    assert_eq!(client.command("db", in_transaction).get_i32("code").ok(), Some(263));
}

#[test]
fn sessions_that_were_used() {
    let server = TestServer::start();
    let mut client = server.client();
    for n in 1..=3 {
        client.command("db", doc! {"ping": 1, "lsid": lsid(n)});
    }
    for (db, coll, stage) in
        [("db", Bson::Int32(1), "$listLocalSessions"), ("config", Bson::from("system.sessions"), "$listSessions")]
    {
        let found = run(&mut client, db, coll, vec![doc! {stage: {"allUsers": true}}]).unwrap();
        assert_eq!(found.len(), 3, "{found:?}");
        let id = found[0].get_document("_id").unwrap();
        assert_eq!(id.keys().collect::<Vec<_>>(), ["id", "uid"]);
        assert!(found[0].get_datetime("lastUse").is_ok());
    }
    let counted = vec![doc! {"$listLocalSessions": {}}, doc! {"$skip": 1}, doc! {"$count": "n"}];
    assert_eq!(run(&mut client, "db", 1, counted), Ok(vec![doc! {"n": 2}]));
    let nobody = vec![doc! {"$listLocalSessions": {"users": [{"user": "nobody", "db": "admin"}]}}];
    assert_eq!(run(&mut client, "db", 1, nobody), Ok(vec![]));
}

#[test]
fn operations_that_run() {
    let server = TestServer::start();
    let (mut client, mut other) = (server.client(), server.client());
    other.command("db", doc! {"ping": 1});
    let running = run(&mut client, "admin", 1, vec![doc! {"$currentOp": {}}]).unwrap();
    assert_eq!(running.len(), 1, "{running:?}");
    assert_eq!(running[0].get_bool("active").ok(), Some(true));
    assert_eq!(running[0].get_document("command").unwrap().get_i32("aggregate").ok(), Some(1));
    let all = vec![doc! {"$currentOp": {"idleConnections": true}}, doc! {"$match": {"active": false}}];
    assert_eq!(run(&mut client, "admin", 1, all).unwrap().len(), 1);
}

#[test]
fn the_catalog() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1"}]});
    client.command("db", doc! {"create": "v", "viewOn": "c", "pipeline": [{"$match": {"a": 1}}]});
    client.command("other", doc! {"create": "d"});
    let entry = run(&mut client, "db", "c", vec![doc! {"$listCatalog": {}}]).unwrap().remove(0);
    let keys: Vec<&str> = entry.keys().map(String::as_str).collect();
    assert_eq!(keys, ["db", "name", "type", "md", "idxIdent", "ns", "ident"]);
    assert_eq!(entry.get_document("md").unwrap().get_array("indexes").unwrap().len(), 2);
    let view = run(&mut client, "db", "v", vec![doc! {"$listCatalog": {}}]).unwrap().remove(0);
    assert_eq!((view.get_str("type").ok(), view.get_str("viewOn").ok()), (Some("view"), Some("c")));
    let names = |entries: Vec<Document>| {
        let mut names: Vec<String> = entries.iter().map(|entry| entry.get_str("ns").unwrap().to_owned()).collect();
        names.retain(|name| !name.contains(".system.") && !name.starts_with("config.") && !name.starts_with("local."));
        names.sort();
        names
    };
    let all = names(run(&mut client, "admin", 1, vec![doc! {"$listCatalog": {}}]).unwrap());
    assert_eq!(all, ["db.c", "db.v", "other.d"]);
    let all = names(run(&mut client, "admin", 1, vec![doc! {"$listClusterCatalog": {}}]).unwrap());
    assert_eq!(all, ["db.c", "db.v", "other.d"]);
    let listed = run(&mut client, "other", 1, vec![doc! {"$listClusterCatalog": {}}]).unwrap().remove(0);
    let keys: Vec<&str> = listed.keys().map(String::as_str).collect();
    assert_eq!(keys, ["ns", "db", "type", "options", "info", "idIndex", "sharded"]);
}

#[test]
fn names_of_stages() {
    let server = TestServer::start();
    let entities = doc! {"$listMqlEntities": {"entityType": "aggregationStages"}};
    let named = run(&mut server.client(), "admin", 1, vec![entities, doc! {"$match": {"name": "$group"}}]);
    assert_eq!(named, Ok(vec![doc! {"name": "$group"}]));
}
