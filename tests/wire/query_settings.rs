//! `setQuerySettings`, `removeQuerySettings`, `$querySettings`. Sources: MongoDB's manual on the three, and the answers of
//! mongod 8.2.4 as the suite documentdb/functional-tests records them.

use bson::{Document, doc};

use crate::client::{Client, TestServer};

fn server() -> (TestServer, Client) {
    let server = TestServer::start();
    let mut client = server.client();
    let documents: Vec<Document> = (0..20).map(|n| doc! {"_id": n, "a": n % 5, "b": n}).collect();
    client.command("db", doc! {"insert": "c", "documents": documents});
    let index = |key: Document, name: &str| doc! {"key": key, "name": name};
    let indexes = vec![index(doc! {"a": 1}, "a_1"), index(doc! {"a": 1, "b": 1}, "a_1_b_1")];
    client.command("db", doc! {"createIndexes": "c", "indexes": indexes});
    (server, client)
}

fn find(filter: Document) -> Document {
    doc! {"find": "c", "filter": filter, "$db": "db"}
}

fn hints(indexes: &[&str]) -> Document {
    doc! {"indexHints": [{"ns": {"db": "db", "coll": "c"}, "allowedIndexes": indexes}]}
}

fn listed(client: &mut Client, options: Document) -> Vec<Document> {
    let reply = client.command("admin", doc! {"aggregate": 1, "pipeline": [{"$querySettings": options}], "cursor": {}});
    let batch = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    batch.iter().map(|doc| doc.as_document().unwrap().clone()).collect()
}

#[test]
fn settings_say_which_indexes_a_shape_may_use() {
    let (_server, mut client) = server();
    let set = doc! {"setQuerySettings": find(doc! {"a": 1, "b": 1}), "settings": hints(&["a_1"])};
    let reply = client.command("admin", set);
    assert_eq!(reply.get_document("settings").unwrap(), &hints(&["a_1"]), "{reply}");
    assert_eq!(reply.get_document("representativeQuery").unwrap(), &find(doc! {"a": 1, "b": 1}));
    let hash = reply.get_str("queryShapeHash").unwrap().to_owned();
    assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    // Another query of the shape.
    let explained = client.command("db", doc! {"explain": {"find": "c", "filter": {"a": 3, "b": 8}}});
    assert_eq!(explained.get_str("queryShapeHash").unwrap(), hash);
    let planner = explained.get_document("queryPlanner").unwrap();
    assert_eq!(planner.get_document("querySettings").unwrap(), &hints(&["a_1"]));
    let scan = planner.get_document("winningPlan").unwrap().get_document("inputStage").unwrap();
    assert_eq!(scan.get_str("indexName").unwrap(), "a_1");
    let found = client.command("db", doc! {"find": "c", "filter": {"a": 3, "b": 8}});
    assert_eq!(found.get_document("cursor").unwrap().get_array("firstBatch").unwrap().len(), 1);
    // Removed, the better index is taken again.
    client.command("admin", doc! {"removeQuerySettings": hash});
    assert!(listed(&mut client, doc! {}).is_empty());
    let explained = client.command("db", doc! {"explain": {"find": "c", "filter": {"a": 3, "b": 8}}});
    let plan = explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap();
    assert_eq!(plan.get_document("inputStage").unwrap().get_str("indexName").unwrap(), "a_1_b_1");
}

#[test]
fn settings_can_refuse_a_shape() {
    let (_server, mut client) = server();
    for (mut query, run) in [
        (doc! {"find": "c", "filter": {"x": 1}}, doc! {"find": "c", "filter": {"x": 5}}),
        (doc! {"distinct": "c", "key": "k", "query": {"y": 1}}, doc! {"distinct": "c", "key": "k", "query": {"y": 2}}),
        (
            doc! {"aggregate": "c", "pipeline": [{"$match": {"z": 1}}]},
            doc! {"aggregate": "c", "pipeline": [{"$match": {"z": 2}}], "cursor": {}},
        ),
    ] {
        query.insert("$db", "db");
        let set = doc! {"setQuerySettings": query.clone(), "settings": {"reject": true}};
        assert_eq!(client.command("admin", set).get_f64("ok").ok(), Some(1.0));
        let refused = client.command("db", run.clone());
        assert_eq!(refused.get_i32("code").ok(), Some(411), "{refused}");
        assert_eq!(client.command("db", doc! {"explain": run.clone()}).get_f64("ok").ok(), Some(1.0));
        client.command("admin", doc! {"removeQuerySettings": query});
        assert_eq!(client.command("db", run).get_f64("ok").ok(), Some(1.0));
    }
}

/// What is set later is laid over what was; there is one entry a shape.
#[test]
fn settings_are_listed_and_laid_over_each_other() {
    let (_server, mut client) = server();
    let mut set = |settings: Document| {
        let command = doc! {"setQuerySettings": find(doc! {"a": 1}), "settings": settings};
        assert_eq!(client.command("admin", command).get_f64("ok").ok(), Some(1.0));
    };
    let mut settings = hints(&["a_1"]);
    settings.insert("queryFramework", "classic");
    settings.insert("comment", "first");
    set(settings);
    let mut settings = hints(&["a_1_b_1"]);
    settings.insert("comment", "second");
    set(settings);
    let all = listed(&mut client, doc! {});
    assert_eq!(all.len(), 1);
    let mut expected = hints(&["a_1_b_1"]);
    expected.insert("queryFramework", "classic");
    expected.insert("comment", "second");
    assert_eq!(all[0].get_document("settings").unwrap(), &expected);
    assert_eq!(all[0].get_document("representativeQuery").unwrap(), &find(doc! {"a": 1}));
    assert!(!all[0].contains_key("debugQueryShape"));
    let all = listed(&mut client, doc! {"showDebugQueryShape": true});
    let shape = all[0].get_document("debugQueryShape").unwrap();
    assert_eq!(shape.get_document("filter").unwrap(), &doc! {"a": {"$eq": "?number"}});
}

#[test]
fn what_cannot_be_set() {
    let (_server, mut client) = server();
    let ok = hints(&["_id_"]);
    let hint = |ns: Document| doc! {"indexHints": [{"ns": ns, "allowedIndexes": ["_id_"]}]};
    let plain = find(doc! {"x": 1});
    for (name, query, settings, code) in [
        ("no database", doc! {"find": "c"}.into(), ok.clone(), 40414),
        ("an empty database", doc! {"find": "c", "$db": ""}.into(), ok.clone(), 73),
        ("another command", doc! {"nope": "c", "$db": "db"}.into(), ok.clone(), 7_746_402),
        ("an empty hash", bson::Bson::String(String::new()), ok.clone(), 16),
        ("a hash that is none", "tooshort".into(), ok.clone(), 2),
        ("a hash that is no number", "Z".repeat(64).into(), ok.clone(), 2),
        ("a hint without a collection", plain.clone().into(), doc! {"indexHints": [{"allowedIndexes": ["a"]}]}, 40414),
        ("no database in a hint", plain.clone().into(), hint(doc! {"coll": "c"}), 8_727_500),
        ("null for a database", plain.clone().into(), hint(doc! {"db": null, "coll": "c"}), 8_727_500),
        ("no collection in a hint", plain.clone().into(), hint(doc! {"db": "db"}), 8_727_501),
        ("no index", plain.clone().into(), hints(&[]), 7_746_604),
        ("nothing", plain.clone().into(), doc! {}, 8_727_502),
        ("what holds anyway", plain.clone().into(), doc! {"reject": false}, 7_746_604),
        ("another framework", plain.into(), doc! {"queryFramework": "nope"}, 2),
        ("a lookup by _id", find(doc! {"_id": 1}).into(), ok.clone(), 7_746_606),
        ("a database of the server's", doc! {"find": "c", "$db": "local"}.into(), ok.clone(), 8_584_900),
    ] {
        let reply = client.command("admin", doc! {"setQuerySettings": query, "settings": settings});
        assert_eq!(reply.get_i32("code").ok(), Some(code), "{name}: {reply}");
    }
    let reply = client.command("admin", doc! {"setQuerySettings": find(doc! {})});
    assert_eq!(reply.get_i32("code").ok(), Some(40414), "{reply}");
    let reply = client.command("admin", doc! {"setQuerySettings": find(doc! {}), "settings": ok, "nope": 1});
    assert_eq!(reply.get_i32("code").ok(), Some(40415), "{reply}");
    // Removing what is not there is no error.
    for query in [find(doc! {"_id": 1}), doc! {"find": "c", "$db": "local"}] {
        let reply = client.command("admin", doc! {"removeQuerySettings": query});
        assert_eq!(reply.get_f64("ok").ok(), Some(1.0), "{reply}");
    }
}
