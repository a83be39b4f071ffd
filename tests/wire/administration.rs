//! Commands of administrators. Sources: MongoDB's manual on the commands, and the answers of mongod 8.2.4 as the suite
//! documentdb/functional-tests records them.

use bson::{Bson, Document, doc};

use crate::client::TestServer;

#[test]
fn arguments_of_administration_are_checked() {
    let server = TestServer::start();
    let mut client = server.client();
    let rows = [
        (0, doc! {"fsync": 1}),
        (20, doc! {"fsyncUnlock": 1}),
        (40414, doc! {"autoCompact": null}),
        (14, doc! {"autoCompact": 1}),
        (14, doc! {"autoCompact": true, "freeSpaceTargetMB": "20"}),
        (14, doc! {"autoCompact": true, "runOnce": 1}),
        (40415, doc! {"autoCompact": true, "FreeSpaceTargetMB": 20}),
        (72, doc! {"autoCompact": true, "writeConcern": {"w": 1}}),
        (0, doc! {"dropConnections": 1, "hostAndPort": ["host.invalid:27017", "[::1]:1", "name"]}),
        (9, doc! {"dropConnections": 1, "hostAndPort": [":27017"]}),
        (9, doc! {"dropConnections": 1, "hostAndPort": ["host:0"]}),
        (9, doc! {"dropConnections": 1, "hostAndPort": ["a:b:c"]}),
        (40414, doc! {"dropConnections": 1}),
        (0, doc! {"logRotate": -1}),
        (0, doc! {"logRotate": "server"}),
        (14, doc! {"logRotate": [1]}),
        (14, doc! {"logRotate": null}),
        (7369100, doc! {"setFeatureCompatibilityVersion": "8.0"}),
        (7369100, doc! {"setFeatureCompatibilityVersion": "8.0", "confirm": 0}),
        (14, doc! {"setFeatureCompatibilityVersion": "8.0", "confirm": "true"}),
        (2, doc! {"setFeatureCompatibilityVersion": "7.0", "confirm": true}),
        (0, doc! {"getDefaultRWConcern": null, "inMemory": null}),
        (14, doc! {"getDefaultRWConcern": 1, "inMemory": 1}),
        (40415, doc! {"getDefaultRWConcern": 1, "other": 1}),
        (2, doc! {"setDefaultRWConcern": 1}),
        (2, doc! {"setDefaultRWConcern": 1, "defaultWriteConcern": {"w": 0}}),
        (2, doc! {"setDefaultRWConcern": 1, "defaultReadConcern": {"level": "snapshot"}}),
        (4, doc! {"getClusterParameter": "unknown"}),
        (23, doc! {"replSetInitiate": {}}),
        (95, doc! {"replSetFreeze": 1}),
        (20, doc! {"shutdown": 1}),
        (0, doc! {"logApplicationMessage": "hello"}),
    ];
    for (code, command) in rows {
        assert_eq!(client.admin_code(command.clone()), code, "{command}");
    }
}

#[test]
fn administration_happens_on_admin() {
    let server = TestServer::start();
    let mut client = server.client();
    for command in ["fsync", "fsyncUnlock", "autoCompact", "logRotate", "getDefaultRWConcern", "getClusterParameter"] {
        assert_eq!(client.command("db", doc! {command: 1}).get_i32("code").ok(), Some(13), "{command}");
    }
}

#[test]
fn a_locked_server_writes_nothing() {
    let server = TestServer::start();
    let (mut client, mut other) = (server.client(), server.client());
    for count in [1, 2] {
        let locked = client.command("admin", doc! {"fsync": 1, "lock": true});
        assert_eq!(locked.get_i64("lockCount").ok(), Some(count));
    }
    let insert = doc! {"insert": "c", "documents": [{"_id": 1}], "maxTimeMS": 30};
    assert_eq!(other.command("db", insert.clone()).get_i32("code").ok(), Some(50));
    assert_eq!(other.command("db", doc! {"find": "c"}).get_f64("ok").ok(), Some(1.0));
    for count in [1, 0] {
        let unlocked = other.command("admin", doc! {"fsyncUnlock": 1});
        assert_eq!(unlocked.get_i64("lockCount").ok(), Some(count));
        assert_eq!(unlocked.get_str("info").ok(), Some("fsyncUnlock completed"));
    }
    assert_eq!(other.command("db", insert).get_i32("n").ok(), Some(1));
}

#[test]
fn writes_of_users_can_be_blocked() {
    let server = TestServer::start();
    let mut client = server.client();
    assert_eq!(client.admin_code(doc! {"setUserWriteBlockMode": 1, "global": true}), 0);
    let insert = doc! {"insert": "c", "documents": [{"_id": 1}]};
    assert_eq!(client.command("db", insert.clone()).get_i32("code").ok(), Some(371));
    assert_eq!(client.admin_code(doc! {"setUserWriteBlockMode": 1, "global": false}), 0);
    assert_eq!(client.command("db", insert).get_i32("n").ok(), Some(1));
}

#[test]
fn defaults_and_parameters_are_kept() {
    let server = TestServer::start();
    let mut client = server.client();
    let defaults = client.command("admin", doc! {"getDefaultRWConcern": 1, "inMemory": true});
    assert_eq!(defaults.get_document("defaultReadConcern").ok(), Some(&doc! {"level": "local"}));
    assert_eq!(defaults.get_str("defaultWriteConcernSource").ok(), Some("implicit"));
    assert_eq!(defaults.get_bool("inMemory").ok(), Some(true));
    let set = doc! {"setDefaultRWConcern": 1, "defaultWriteConcern": {"w": 1, "j": true}};
    assert_eq!(client.admin_code(set), 0);
    let defaults = client.command("admin", doc! {"getDefaultRWConcern": 1});
    assert_eq!(defaults.get_document("defaultWriteConcern").ok(), Some(&doc! {"w": 1, "j": true}));
    assert_eq!(defaults.get_str("defaultWriteConcernSource").ok(), Some("global"));
    assert_eq!(defaults.get_str("defaultReadConcernSource").ok(), Some("implicit"));

    let parameter = |client: &mut crate::client::Client| -> Document {
        let reply = client.command("admin", doc! {"getClusterParameter": "changeStreamOptions"});
        reply.get_array("clusterParameters").unwrap()[0].as_document().unwrap().clone()
    };
    let images = |seconds: Bson| doc! {"preAndPostImages": {"expireAfterSeconds": seconds}};
    assert_eq!(parameter(&mut client).get_document("preAndPostImages").ok(), Some(&doc! {"expireAfterSeconds": "off"}));
    let set = |seconds: Bson| doc! {"setClusterParameter": {"changeStreamOptions": images(seconds)}};
    assert_eq!(client.admin_code(set(Bson::Int32(-1))), 2);
    assert_eq!(client.admin_code(set(Bson::Int32(7200))), 0);
    assert_eq!(parameter(&mut client).get_document("preAndPostImages").ok(), Some(&doc! {"expireAfterSeconds": 7200}));

    assert_eq!(client.admin_code(doc! {"setFeatureCompatibilityVersion": "8.0", "confirm": true}), 0);
    let version = client.command("admin", doc! {"getParameter": 1, "featureCompatibilityVersion": 1});
    assert_eq!(version.get_document("featureCompatibilityVersion").ok(), Some(&doc! {"version": "8.0"}));
}

#[test]
fn a_database_digest_depends_on_its_documents() {
    let server = TestServer::start();
    let mut client = server.client();
    let digest = |client: &mut crate::client::Client, db: &str| {
        let reply = client.command(db, doc! {"dbHash": 1});
        (reply.get_str("md5").unwrap().to_owned(), reply.get_document("collections").unwrap().clone())
    };
    for db in ["one", "two"] {
        client.command(db, doc! {"insert": "c", "documents": [{"_id": 1, "a": 1}, {"_id": 2}]});
    }
    assert_eq!(digest(&mut client, "one"), digest(&mut client, "two"));
    client.command("two", doc! {"update": "c", "updates": [{"q": {"_id": 1}, "u": {"$set": {"a": 2}}}]});
    assert_ne!(digest(&mut client, "one"), digest(&mut client, "two"));
}

#[test]
fn encrypted_and_search_commands_are_refused_as_without_their_services() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"insert": "c", "documents": [{"_id": 1}]});
    let compact = |coll: &str| doc! {"compactStructuredEncryptionData": coll, "compactionTokens": {}};
    assert_eq!(client.command("db", compact("c")).get_i32("code").ok(), Some(6346807));
    assert_eq!(client.command("db", compact("none")).get_i32("code").ok(), Some(26));
    for name in ["createSearchIndexes", "updateSearchIndex", "dropSearchIndex"] {
        assert_eq!(client.command("db", doc! {name: "c"}).get_i32("code").ok(), Some(31082), "{name}");
    }
}

#[test]
fn operations_are_filtered_like_documents() {
    let server = TestServer::start();
    let mut client = server.client();
    let count = |client: &mut crate::client::Client, filter: Document| {
        let mut command = doc! {"currentOp": 1};
        command.extend(filter);
        client.command("admin", command).get_array("inprog").unwrap().len()
    };
    assert_eq!(count(&mut client, doc! {}), 1);
    assert_eq!(count(&mut client, doc! {"op": "command", "active": true}), 1);
    assert_eq!(count(&mut client, doc! {"op": "insert"}), 0);
    assert_eq!(count(&mut client, doc! {"$all": true, "command.currentOp": {"$exists": true}}), 1);
}

/// `collectionUUID` and `dropTarget` make sure that a client's collection is the one it knows.
#[test]
fn the_identity_of_collections_is_checked() {
    let server = TestServer::start();
    let mut client = server.client();
    for coll in ["a", "b"] {
        client.command("db", doc! {"insert": coll, "documents": [{"_id": coll}]});
    }
    let listed = client.command("db", doc! {"listCollections": 1, "filter": {"name": "b"}});
    let first = &listed.get_document("cursor").unwrap().get_array("firstBatch").unwrap()[0];
    let known = first.as_document().unwrap().get_document("info").unwrap().get("uuid").unwrap().clone();
    let other = Bson::Binary(bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: vec![7; 16] });
    let short = Bson::Binary(bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: vec![7; 8] });
    let index = doc! {"key": {"x": 1}, "name": "x"};
    let commands = [
        doc! {"insert": "b", "documents": [{"_id": 2}]},
        doc! {"update": "b", "updates": [{"q": {}, "u": {"$set": {"x": 1}}}]},
        doc! {"delete": "b", "deletes": [{"q": {"_id": 9}, "limit": 1}]},
        doc! {"findAndModify": "b", "query": {}, "update": {"$set": {"x": 2}}},
        doc! {"createIndexes": "b", "indexes": [index]},
        doc! {"listIndexes": "b"},
        doc! {"dropIndexes": "b", "index": "*"},
    ];
    for command in commands {
        for (uuid, code) in [(&known, 0), (&other, 361), (&short, 207), (&Bson::Int32(1), 14)] {
            let mut command = command.clone();
            command.insert("collectionUUID", uuid);
            let reply = client.command("db", command.clone());
            assert_eq!(reply.get_i32("code").unwrap_or(0), code, "{command}: {reply}");
        }
    }
    let rename = |to: &str, extra: Document| {
        let mut command = doc! {"renameCollection": "db.b", "to": to};
        command.extend(extra);
        command
    };
    let mismatch = client.command("admin", rename("db.c", doc! {"collectionUUID": &other}));
    assert_eq!(mismatch.get_i32("code").ok(), Some(361));
    assert_eq!(mismatch.get_str("expectedCollection").ok(), Some("b"));
    assert_eq!(mismatch.get("actualCollection"), Some(&Bson::Null));
    for (code, command) in [
        (14, rename("db.c", doc! {"dropTarget": 1})),
        (14, rename("db.c", doc! {"dropTarget": null})),
        (361, rename("db.a", doc! {"dropTarget": &other})),
        (361, rename("db.none", doc! {"dropTarget": &other})),
        (72, rename("elsewhere.a", doc! {"dropTarget": &other})),
        (207, rename("db.a", doc! {"dropTarget": &short})),
        (20, rename("db.system.js", doc! {})),
        (20, doc! {"renameCollection": "db.system.users", "to": "db.x"}),
        (0, rename("db.a", doc! {"dropTarget": true, "collectionUUID": &known})),
    ] {
        assert_eq!(client.admin_code(command.clone()), code, "{command}");
    }
    assert_eq!(client.command("db", doc! {"drop": "a", "collectionUUID": &other}).get_i32("code").ok(), Some(361));
    assert_eq!(client.command("db", doc! {"drop": "a", "collectionUUID": &known}).get_i32("code").ok(), None);
}

#[test]
fn the_servers_own_databases_are_always_listed() {
    let server = TestServer::start();
    let mut client = server.client();
    let reply =
        client.command("admin", doc! {"listDatabases": 1, "filter": {"name": {"$gte": "config"}}, "nameOnly": true});
    let databases = reply.get_array("databases").unwrap().iter().filter_map(Bson::as_document);
    let names: Vec<_> = databases.map(|db| db.get_str("name").unwrap()).collect();
    assert_eq!(names, ["config", "local"]);
}

#[test]
fn version_1_of_the_api_has_not_all_stages() {
    let server = TestServer::start();
    let mut client = server.client();
    let strict = |stage: Document| doc! {"aggregate": "c", "pipeline": [stage], "cursor": {}, "apiVersion": "1", "apiStrict": true};
    for (stage, code) in [
        (doc! {"$match": {}}, 0),
        (doc! {"$currentOp": {}}, 323),
        (doc! {"$indexStats": {}}, 323),
        (doc! {"$collStats": {"storageStats": {}}}, 323),
    ] {
        let reply = client.command("db", strict(stage.clone()));
        assert_eq!(reply.get_i32("code").unwrap_or(0), code, "{stage}");
    }
    let mut explain = strict(doc! {"$match": {}});
    explain.insert("explain", true);
    assert_eq!(client.command("db", explain).get_i32("code").ok(), Some(323));
    let count = doc! {"count": "c", "limit": "1"};
    assert_eq!(client.command("db", count).get_i32("code").ok(), Some(2));
}

#[test]
fn the_profiler_notes_what_its_level_asks_for() {
    let server = TestServer::start();
    let mut client = server.client();
    for (code, command) in [
        (40414, doc! {"profile": null}),
        (14, doc! {"profile": true}),
        (14, doc! {"profile": 0, "slowms": "x"}),
        (14, doc! {"profile": 0, "sampleRate": true}),
        (2, doc! {"profile": 0, "sampleRate": 2.0}),
        (40415, doc! {"profile": 0, "other": 1}),
    ] {
        assert_eq!(client.command("db", command.clone()).get_i32("code").ok(), Some(code), "{command}");
    }
    let was = client.command("db", doc! {"profile": 2});
    assert_eq!((was.get_i32("was").unwrap(), was.get_i32("slowms").unwrap()), (0, 100));
    client.command("db", doc! {"insert": "c", "documents": [{"_id": 1}]});
    client.command("db", doc! {"find": "c", "comment": "seen"});
    client.command("other", doc! {"find": "c"});
    assert_eq!(client.command("db", doc! {"profile": 0, "slowms": -1}).get_i32("was").ok(), Some(2));
    let ops = client.command("db", doc! {"find": "system.profile"});
    let ops = ops.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    let seen: Vec<_> = ops.iter().map(|op| op.as_document().unwrap().get_str("op").unwrap()).collect();
    assert_eq!(seen, ["insert", "query"]);
    let find = ops[1].as_document().unwrap();
    assert_eq!(find.get_str("ns").unwrap(), "db.c");
    assert_eq!(find.get_document("command").unwrap().get_str("comment").unwrap(), "seen");
    assert!(find.get_i32("millis").is_ok() && find.get_datetime("ts").is_ok());
    assert_eq!(client.command("db", doc! {"profile": -1}).get_i32("slowms").ok(), Some(-1));

    client.command("db", doc! {"profile": 1, "filter": {"op": "remove"}});
    client.command("db", doc! {"find": "c"});
    client.command("db", doc! {"delete": "c", "deletes": [{"q": {}, "limit": 1}]});
    let count = client.command("db", doc! {"count": "system.profile"});
    assert_eq!(count.get_i32("n").ok(), Some(3));
}
