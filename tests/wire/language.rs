//! What the query language does over several batches, collections and seconds: the time of a request, positions, views
//! under collations, patterns that take long, strings that are too long.

use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};

use crate::client::{Client, TestServer};

fn filled(server: &TestServer, documents: Vec<Document>) -> Client {
    let mut client = server.client();
    let reply = client.command("db", doc! { "insert": "c", "documents": documents });
    assert_eq!(code(&reply), 0, "{reply}");
    client
}

fn code(reply: &Document) -> i32 {
    reply.get_i32("code").unwrap_or(0)
}

fn batch(reply: &Document) -> Vec<Document> {
    let cursor = reply.get_document("cursor").unwrap_or_else(|_| panic!("{reply}"));
    let batch = cursor.get_array("firstBatch").or_else(|_| cursor.get_array("nextBatch")).unwrap();
    batch.iter().map(|doc| doc.as_document().unwrap().clone()).collect()
}

fn aggregate(client: &mut Client, coll: &str, pipeline: Vec<Document>) -> Document {
    client.command("db", doc! { "aggregate": coll, "pipeline": pipeline, "cursor": {} })
}

/// Source: MongoDB manual, "System Variables": `$$NOW` "returns the same value for all members of the deployment and
/// remains the same throughout all stages"; documentdb/functional-tests, recorded against mongod 8.2.4: it and
/// `$$CLUSTER_TIME` stay the same for all batches of a cursor, and the latter is no earlier than the last write.
#[test]
fn the_time_of_a_cursor_stands_still() {
    let server = TestServer::start();
    let mut client = filled(&server, (0..6).map(|n| doc! { "_id": n }).collect());
    let project = doc! { "$project": { "_id": 0, "now": "$$NOW", "cluster": "$$CLUSTER_TIME" } };
    let command = doc! { "aggregate": "c", "pipeline": [project.clone()], "cursor": { "batchSize": 2 } };
    let mut reply = client.command("db", command);
    let mut seen = batch(&reply);
    loop {
        let id = reply.get_document("cursor").unwrap().get_i64("id").unwrap();
        if id == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
        client.command("db", doc! { "insert": "other", "documents": [{}] });
        reply = client.command("db", doc! { "getMore": id, "collection": "c", "batchSize": 2 });
        seen.extend(batch(&reply));
    }
    assert_eq!(seen.len(), 6);
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");

    let written = client.command("db", doc! { "insert": "other", "documents": [{}] });
    let written = written.get_timestamp("operationTime").unwrap();
    let later = batch(&aggregate(&mut client, "c", vec![project]));
    let (first, then) = (seen[0].get_timestamp("cluster").unwrap(), later[0].get_timestamp("cluster").unwrap());
    let order = |time: bson::Timestamp| (time.time, time.increment);
    assert!(order(then) >= order(written) && order(written) > order(first), "{first} {written} {then}");
}

/// Source: documentdb/functional-tests, recorded against mongod 8.2.4: of several tests on an array, the one that mongod
/// tries last tells the position; it sorts them by operator and path, and keeps the order of the request besides.
#[test]
fn the_last_test_tells_the_position() {
    let server = TestServer::start();
    let mut client = filled(&server, vec![doc! { "_id": 1, "a": [1, 2, 3, 4, 5], "b": [5, 4, 3] }]);
    let cases = [
        (doc! { "a": { "$all": [3, 5] } }, 5),
        (doc! { "$and": [{ "a": { "$gt": 1 } }, { "a": { "$lt": 5 } }] }, 2),
        (doc! { "$and": [{ "a": { "$lt": 5 } }, { "a": { "$gt": 1 } }] }, 2),
        (doc! { "a": { "$elemMatch": { "$gt": 3 } } }, 4),
        (doc! { "a": 2, "b": 3 }, 3),
        (doc! { "b": 3, "a": 2 }, 3),
    ];
    for (filter, element) in cases {
        let command = doc! { "find": "c", "filter": filter.clone(), "projection": { "_id": 0, "a.$": 1 } };
        assert_eq!(batch(&client.command("db", command)), [doc! { "a": [element] }], "{filter}");
    }
}

/// Source: documentdb/functional-tests, recorded against mongod 8.2.4.
#[test]
fn projections_that_mix_what_cannot_be_mixed() {
    let server = TestServer::start();
    let mut client = filled(&server, vec![doc! { "_id": 1, "a": [1, 2, 3] }]);
    let project = vec![doc! { "$match": { "a": 2 } }, doc! { "$project": { "a.$": 1 } }];
    assert_eq!(code(&aggregate(&mut client, "c", project)), 31324);
    client.command("db", doc! { "create": "v", "viewOn": "c", "pipeline": [] });
    let find = |coll: &str, projection: Document| doc! { "find": coll, "filter": { "a": 2 }, "projection": projection };
    assert_eq!(code(&client.command("db", find("v", doc! { "a.$": 1 }))), 31324);
    assert_eq!(code(&client.command("db", find("c", doc! { "a.$": 1, "a": { "$slice": 1 } }))), 28667);
    assert_eq!(code(&client.command("db", find("c", doc! { "a": { "$slice": "x" } }))), 28667);
    assert_eq!(code(&client.command("db", find("c", doc! { "a": { "$slice": [1, -1] } }))), 28724);
}

/// Source: MongoDB manual, "Views and Collation": what reads several views needs them to have one collation;
/// documentdb/functional-tests, recorded against mongod 8.2.4, for the code.
#[test]
fn stages_read_views_of_their_own_collation_only() {
    let server = TestServer::start();
    let mut client = filled(&server, vec![doc! { "_id": 1, "a": "x" }]);
    let collation = doc! { "locale": "en", "strength": 2 };
    client.command("db", doc! { "create": "v", "viewOn": "c", "pipeline": [], "collation": collation.clone() });
    let stages = [
        doc! { "$unionWith": "v" },
        doc! { "$unionWith": { "coll": "v", "pipeline": [{ "$match": { "a": "X" } }] } },
        doc! { "$lookup": { "from": "v", "localField": "a", "foreignField": "a", "as": "r" } },
        doc! { "$graphLookup": { "from": "v", "startWith": "$a", "connectFromField": "a", "connectToField": "a", "as": "r" } },
    ];
    for stage in stages {
        assert_eq!(code(&aggregate(&mut client, "c", vec![stage.clone()])), 167, "{stage}");
        let command =
            doc! { "aggregate": "c", "pipeline": [stage.clone()], "cursor": {}, "collation": collation.clone() };
        assert_eq!(code(&client.command("db", command)), 0, "{stage}");
    }
}

/// Hostile patterns over a megabyte end by themselves, and sooner when the request's time is up.
#[test]
fn patterns_that_take_long_are_stopped() {
    let server = TestServer::start();
    let hostile = "a".repeat(1 << 20) + "!";
    let mut client = filled(&server, vec![doc! { "_id": 1, "a": hostile }]);
    let regex = |operator: &str, pattern: &str| {
        let mut call = Document::new();
        call.insert(operator, doc! { "input": "$a", "regex": pattern });
        doc! { "$expr": call }
    };
    for pattern in ["(a+)+$", "(?:a|b)*c"] {
        for filter in [
            doc! { "a": { "$regex": pattern } },
            doc! { "a": { "$in": [Bson::RegularExpression(bson::Regex {
            pattern: pattern.try_into().unwrap(), options: "".try_into().unwrap() })] } },
            doc! { "$jsonSchema": { "properties": { "a": { "pattern": pattern } } } },
            regex("$regexMatch", pattern),
            regex("$regexFind", pattern),
            regex("$regexFindAll", pattern),
        ] {
            let started = Instant::now();
            let reply = client.command("db", doc! { "find": "c", "filter": filter.clone(), "maxTimeMS": 300 });
            // mongod's codes: a match that ran into a limit, and a request that ran out of time.
            assert!([50, 51156].contains(&code(&reply)), "{filter}: {reply}");
            assert!(started.elapsed() < Duration::from_secs(20), "{filter} took {:?}", started.elapsed());
        }
    }
}

/// Source: documentdb/functional-tests, recorded against mongod 8.2.4: a string has at most 16 MiB with its final NUL.
#[test]
fn strings_have_a_longest_length() {
    const LIMIT: usize = 16 * 1024 * 1024;
    let server = TestServer::start();
    let mut client = server.client();
    let mut value = |expr: Bson| {
        let stages =
            vec![doc! { "$documents": [{}] }, doc! { "$project": { "_id": 0, "r": { "$strLenBytes": expr } } }];
        client.command("db", doc! { "aggregate": 1, "pipeline": stages, "cursor": {} })
    };
    let at_most = value("a".repeat(LIMIT - 1).into());
    assert_eq!(batch(&at_most), [doc! { "r": i32::try_from(LIMIT - 1).unwrap() }]);
    assert_eq!(code(&value("a".repeat(LIMIT).into())), 16493);
    let half = "a".repeat(LIMIT / 2);
    let doubled = doc! { "$let": { "vars": { "h": half }, "in": { "$concat": ["$$h", "$$h"] } } };
    assert_eq!(code(&value(doubled.into())), 16493);
}
