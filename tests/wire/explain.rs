//! `explain` of every command that has a plan, at every verbosity. Sources: MongoDB's manual, "Explain Results" (stage
//! names and fields), "explain" (commands, verbosities, nothing is written), and the answers of mongod 8.2.4 as the suite
//! documentdb/functional-tests records them (`$out`, the plan cache).

use bson::{Bson, Document, doc};

use crate::client::{Client, TestServer};

fn server() -> (TestServer, Client) {
    let server = TestServer::start();
    let mut client = server.client();
    let documents: Vec<Document> = (0..20).map(|n| doc! {"_id": n, "a": n % 5, "b": n}).collect();
    client.command("db", doc! {"insert": "c", "documents": documents});
    client.command("db", doc! {"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1"}]});
    (server, client)
}

fn explain(client: &mut Client, command: Document, verbosity: &str) -> Document {
    client.command("db", doc! {"explain": command, "verbosity": verbosity})
}

/// The stages of a plan, from the top; several inputs in brackets.
fn stages(stage: &Document) -> String {
    let name = stage.get_str("stage").unwrap();
    if let Ok(input) = stage.get_document("inputStage") {
        return format!("{name} {}", stages(input));
    }
    match stage.get_array("inputStages") {
        Ok(inputs) => {
            let inputs: Vec<_> = inputs.iter().map(|input| stages(input.as_document().unwrap())).collect();
            format!("{name} [{}]", inputs.join(", "))
        }
        Err(_) => name.into(),
    }
}

fn winning(explained: &Document) -> &Document {
    explained.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap()
}

#[test]
fn every_command_shows_its_stages() {
    let (_server, mut client) = server();
    let update = |q: Document, multi: bool, upsert: bool| doc! {"update": "c", "updates": [{"q": q, "u": {"$set": {"b": 1}}, "multi": multi, "upsert": upsert}]};
    let delete = |q: Document, limit: i32| doc! {"delete": "c", "deletes": [{"q": q, "limit": limit}]};
    for (command, expected) in [
        (doc! {"find": "c", "filter": {"a": 1}}, "FETCH IXSCAN"),
        (doc! {"find": "c", "filter": {"_id": 1}}, "EXPRESS_IXSCAN"),
        (doc! {"find": "c", "filter": {"$or": [{"a": 1}, {"_id": 3}]}}, "SUBPLAN FETCH OR [IXSCAN, IXSCAN]"),
        (doc! {"find": "c", "filter": {"$or": [{"a": 1}, {"b": 3}]}, "limit": 2}, "SUBPLAN LIMIT COLLSCAN"),
        (doc! {"find": "none", "filter": {"a": 1}}, "EOF"),
        (doc! {"count": "c"}, "RECORD_STORE_FAST_COUNT"),
        (doc! {"count": "c", "query": {"a": 1}}, "COUNT COUNT_SCAN"),
        (doc! {"count": "c", "query": {"b": 1}}, "COUNT COLLSCAN"),
        (doc! {"count": "none"}, "COUNT EOF"),
        (update(doc! {"a": 1}, true, false), "UPDATE FETCH IXSCAN"),
        (update(doc! {"_id": 1}, false, false), "EXPRESS_UPDATE"),
        (update(doc! {"_id": 1}, false, true), "UPDATE IDHACK"),
        (delete(doc! {"b": 1}, 0), "DELETE COLLSCAN"),
        (delete(doc! {"_id": 1}, 1), "EXPRESS_DELETE"),
        (doc! {"findAndModify": "c", "query": {"a": 1}, "update": {"$set": {"b": 9}}}, "UPDATE FETCH IXSCAN"),
        (doc! {"findAndModify": "c", "query": {"a": 1}, "sort": {"b": 1}, "remove": true}, "DELETE SORT FETCH IXSCAN"),
        (doc! {"distinct": "c", "key": "b"}, "COLLSCAN"),
        (doc! {"distinct": "c", "key": "a"}, "DISTINCT_SCAN"),
        (doc! {"aggregate": "c", "pipeline": [{"$match": {"a": 1}}], "cursor": {}}, "FETCH IXSCAN"),
    ] {
        let explained = explain(&mut client, command.clone(), "queryPlanner");
        assert_eq!(stages(winning(&explained)), expected, "{command}");
        assert!(!explained.contains_key("executionStats"), "{command}");
        let explained = explain(&mut client, command.clone(), "executionStats");
        let stats = explained.get_document("executionStats").unwrap();
        assert_eq!(stages(stats.get_document("executionStages").unwrap()), expected, "{command}");
        assert!(!stats.contains_key("allPlansExecution"), "{command}");
    }
}

#[test]
fn writes_are_counted_and_not_carried_out() {
    let (_server, mut client) = server();
    let stages_of = |client: &mut Client, command: Document| {
        let explained = explain(client, command, "executionStats");
        let stats = explained.get_document("executionStats").unwrap().clone();
        assert_eq!(stats.get_i32("nReturned").unwrap(), 0);
        stats.get_document("executionStages").unwrap().clone()
    };
    let updates = vec![doc! {"q": {"a": 1}, "u": {"$set": {"b": 1}}, "multi": true}];
    let update = stages_of(&mut client, doc! {"update": "c", "updates": updates});
    // `b` is 1 already in one of the four.
    assert_eq!((update.get_i32("nMatched").unwrap(), update.get_i32("nWouldModify").unwrap()), (4, 3));
    assert_eq!(update.get_i32("nWouldUpsert").unwrap(), 0);
    let updates = vec![doc! {"q": {"a": 77}, "u": {"$set": {"b": 1}}, "upsert": true}];
    let update = stages_of(&mut client, doc! {"update": "none", "updates": updates});
    assert_eq!(update.get_i32("nWouldUpsert").unwrap(), 1);
    let delete = stages_of(&mut client, doc! {"delete": "c", "deletes": [{"q": {"a": 1}, "limit": 0}]});
    assert_eq!(delete.get_i32("nWouldDelete").unwrap(), 4);
    let delete = stages_of(&mut client, doc! {"findAndModify": "c", "query": {"_id": 3}, "remove": true});
    assert_eq!((delete.get_i32("nWouldDelete").unwrap(), delete.get_i32("docsExamined").unwrap()), (1, 1));
    let count = stages_of(&mut client, doc! {"count": "c", "query": {"a": 1}, "skip": 1, "limit": 2});
    assert_eq!((count.get_i32("nCounted").unwrap(), count.get_i32("nSkipped").unwrap()), (2, 1));
    assert_eq!(client.command("db", doc! {"count": "c", "query": {"b": 1}}).get_i32("n").unwrap(), 1);
    assert_eq!(client.command("db", doc! {"count": "c"}).get_i32("n").unwrap(), 20);
    assert_eq!(client.command("db", doc! {"count": "none"}).get_i32("n").unwrap(), 0);
}

/// Stages beyond what a find can say stand behind `$cursor`, in mongod's words, with how many documents each gave.
#[test]
fn a_pipeline_shows_its_stages() {
    let (_server, mut client) = server();
    let pipeline = vec![
        doc! {"$match": {"a": {"$lt": 3}}},
        doc! {"$group": {"_id": "$a", "sum": {"$sum": "$b"}}},
        doc! {"$set": {"x": {"$add": ["$sum", 1]}}},
        doc! {"$sort": {"x": -1}},
        doc! {"$limit": 2},
        doc! {"$out": "target"},
    ];
    let command = doc! {"aggregate": "c", "pipeline": pipeline, "cursor": {}};
    let explained = explain(&mut client, command.clone(), "executionStats");
    assert!(!explained.contains_key("queryPlanner"), "{explained}");
    let list: Vec<&Document> =
        explained.get_array("stages").unwrap().iter().map(|stage| stage.as_document().unwrap()).collect();
    let names: Vec<&str> = list.iter().map(|stage| stage.keys().next().unwrap().as_str()).collect();
    assert_eq!(names, ["$cursor", "$group", "$addFields", "$sort", "$limit", "$out"]);
    let returned: Vec<i64> = list.iter().map(|stage| stage.get_i64("nReturned").unwrap()).collect();
    assert_eq!(returned, [12, 3, 3, 2, 2, 0]);
    let cursor = list[0].get_document("$cursor").unwrap();
    assert_eq!(stages(winning(cursor)), "FETCH IXSCAN");
    assert_eq!(cursor.get_document("executionStats").unwrap().get_i32("nReturned").unwrap(), 12);
    let group = list[1].get_document("$group").unwrap();
    assert_eq!(group, &doc! {"_id": "$a", "sum": {"$sum": "$b"}});
    assert_eq!(list[2].get_document("$addFields").unwrap(), &doc! {"x": {"$add": ["$sum", {"$const": 1}]}});
    assert_eq!(list[3].get_document("$sort").unwrap(), &doc! {"sortKey": {"x": -1}});
    assert_eq!(list[4].get("$limit"), Some(&Bson::Int64(2)));
    // Nothing was written.
    assert_eq!(client.command("db", doc! {"count": "target"}).get_i32("n").unwrap(), 0);
    let planner = explain(&mut client, command, "queryPlanner");
    let first = planner.get_array("stages").unwrap()[0].as_document().unwrap();
    assert!(first.get_document("$cursor").unwrap().contains_key("queryPlanner"), "{first}");
    assert!(!first.contains_key("nReturned"), "{first}");
}

#[test]
fn an_explanation_tells_the_command_and_the_server() {
    let (_server, mut client) = server();
    let explained = explain(&mut client, doc! {"find": "c", "filter": {"a": 1}}, "allPlansExecution");
    let keys: Vec<&str> = explained.keys().map(String::as_str).collect();
    let expected =
        ["explainVersion", "queryPlanner", "executionStats", "queryShapeHash", "smongo", "command", "serverInfo"];
    assert_eq!(keys[..7], expected);
    assert_eq!(explained.get_document("command").unwrap(), &doc! {"find": "c", "filter": {"a": 1}, "$db": "db"});
    assert!(explained.get_document("serverParameters").unwrap().contains_key("internalQueryFrameworkControl"));
    let stats = explained.get_document("executionStats").unwrap();
    assert!(stats.get_array("allPlansExecution").is_ok());
    let planner = explained.get_document("queryPlanner").unwrap();
    for name in ["maxIndexedOrSolutionsReached", "maxIndexedAndSolutionsReached", "maxScansToExplodeReached"] {
        assert_eq!(planner.get_bool(name).ok(), Some(false), "{name}");
    }
}

/// "explain ignores the plan cache", and keeps nothing there.
#[test]
fn explain_leaves_the_plan_cache_as_it_is() {
    let (_server, mut client) = server();
    client.command("db", doc! {"createIndexes": "c", "indexes": [{"key": {"a": 1, "b": 1}, "name": "a_1_b_1"}]});
    explain(&mut client, doc! {"find": "c", "filter": {"a": 2, "b": 7}}, "executionStats");
    let cached = doc! {"aggregate": "c", "pipeline": [{"$planCacheStats": {}}], "cursor": {}};
    let cached = client.command("db", cached);
    assert!(cached.get_document("cursor").unwrap().get_array("firstBatch").unwrap().is_empty(), "{cached}");
}

/// What is wrong with the command is its own error.
#[test]
fn errors_of_the_explained_command() {
    let (_server, mut client) = server();
    for (command, code) in [
        (doc! {"find": "c", "filter": {"$nope": 1}}, 2),
        (doc! {"find": "c", "hint": "none"}, 2),
        (doc! {"aggregate": "c", "pipeline": [{"$nope": {}}], "cursor": {}}, 40324),
        (doc! {"insert": "c", "documents": [{}]}, 20),
        (doc! {"nope": 1}, 59),
        (doc! {"update": "c", "updates": [{"q": {}, "u": {"$nope": {}}}]}, 9),
        (doc! {"explain": {"find": "c"}}, 20),
    ] {
        let explained = explain(&mut client, command.clone(), "queryPlanner");
        assert_eq!(explained.get_i32("code").ok(), Some(code), "{command}: {explained}");
    }
}
