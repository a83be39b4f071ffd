//! The plan cache and index filters, as commands. Sources: MongoDB's manual on the commands and on `$planCacheStats`, and
//! the answers of mongod 8.2.4 as the suite documentdb/functional-tests records them.

use bson::{Document, doc};

use crate::client::{Client, TestServer};

fn server_with_indexes() -> (TestServer, Client) {
    let server = TestServer::start();
    let mut client = server.client();
    let documents: Vec<Document> = (0..10).map(|n| doc! {"_id": n, "a": n, "b": n, "c": n}).collect();
    client.command("db", doc! {"insert": "c", "documents": documents});
    let index = |other: &str| doc! {"key": {"a": 1, other: 1}, "name": format!("a_1_{other}_1")};
    client.command("db", doc! {"createIndexes": "c", "indexes": [index("b"), index("c")]});
    (server, client)
}

/// `queryPlanner` of an explained command.
fn planner(client: &mut Client, command: Document) -> Document {
    let reply = client.command("db", doc! {"explain": command, "verbosity": "queryPlanner"});
    reply.get_document("queryPlanner").cloned().unwrap_or_else(|_| panic!("{reply}"))
}

/// The index that the plan scans.
fn scanned(planner: &Document) -> Option<String> {
    let mut stage = planner.get_document("winningPlan").ok();
    while let Some(here) = stage {
        if let Ok(name) = here.get_str("indexName") {
            return Some(name.to_owned());
        }
        stage = here.get_document("inputStage").ok();
    }
    None
}

#[test]
fn an_index_filter_restricts_every_command_of_its_shape() {
    let (_server, mut client) = server_with_indexes();
    for other in ["b", "c"] {
        let indexes = vec![doc! {"a": 1, other: 1}];
        let set = client.command("db", doc! {"planCacheSetFilter": "c", "query": {"a": 1}, "indexes": indexes});
        assert_eq!(set.get_f64("ok").ok(), Some(1.0), "{set}");
        let query = doc! {"a": 5};
        for command in [
            doc! {"find": "c", "filter": query.clone()},
            doc! {"find": "c", "filter": query.clone(), "hint": {"a": 1, "b": 1}},
            doc! {"count": "c", "query": query.clone()},
            doc! {"aggregate": "c", "pipeline": [{"$match": query.clone()}], "cursor": {}},
            doc! {"update": "c", "updates": [{"q": query.clone(), "u": {"$set": {"x": 1}}}]},
            doc! {"delete": "c", "deletes": [{"q": query.clone(), "limit": 0}]},
            doc! {"findAndModify": "c", "query": query.clone(), "update": {"$set": {"x": 1}}},
            doc! {"distinct": "c", "key": "a", "query": query.clone()},
        ] {
            let planner = planner(&mut client, command.clone());
            assert_eq!(planner.get_bool("indexFilterSet").ok(), Some(true), "{command}");
            assert_eq!(scanned(&planner), Some(format!("a_1_{other}_1")), "{command}");
        }
    }
    let other = planner(&mut client, doc! {"find": "c", "filter": {"a": 1, "b": 1}});
    assert_eq!(other.get_bool("indexFilterSet").ok(), Some(false));
    client.command("db", doc! {"planCacheSetFilter": "c", "query": {"a": 1}, "indexes": [{"nothing": 1}]});
    assert_eq!(scanned(&planner(&mut client, doc! {"find": "c", "filter": {"a": 1}})), None);
    let found = client.command("db", doc! {"find": "c", "filter": {"a": 1}});
    assert_eq!(found.get_document("cursor").unwrap().get_array("firstBatch").unwrap().len(), 1);
}

#[test]
fn index_filters_are_listed_replaced_and_cleared() {
    let (_server, mut client) = server_with_indexes();
    let set = |query: Document, indexes: Vec<bson::Bson>| {
        doc! {"planCacheSetFilter": "c", "query": query, "indexes": indexes}
    };
    client.command("db", set(doc! {"a": 1}, vec![doc! {"a": 1}.into()]));
    client.command("db", set(doc! {"a": 2}, vec!["a_1_b_1".into()]));
    client.command("db", set(doc! {"b": 1}, vec![doc! {"b": 1}.into()]));
    let mut list = || client.command("db", doc! {"planCacheListFilters": "c"}).get_array("filters").unwrap().clone();
    assert_eq!(
        list(),
        [
            doc! {"query": {"a": 2}, "sort": {}, "projection": {}, "indexes": ["a_1_b_1"]}.into(),
            doc! {"query": {"b": 1}, "sort": {}, "projection": {}, "indexes": [{"b": 1}]}.into(),
        ]
    );
    client.command("db", doc! {"planCacheClearFilters": "c", "query": {"a": 7}});
    let mut list = || client.command("db", doc! {"planCacheListFilters": "c"}).get_array("filters").unwrap().clone();
    assert_eq!(list(), [doc! {"query": {"b": 1}, "sort": {}, "projection": {}, "indexes": [{"b": 1}]}.into()]);
    client.command("db", doc! {"planCacheClearFilters": "c"});
    assert!(client.command("db", doc! {"planCacheListFilters": "c"}).get_array("filters").unwrap().is_empty());
}

#[test]
fn arguments_are_checked_where_there_is_a_collection() {
    let (_server, mut client) = server_with_indexes();
    for (code, command) in [
        (0, doc! {"planCacheClear": "c"}),
        (0, doc! {"planCacheClear": "c", "query": {"a": 1}, "sort": {"a": 1}}),
        (2, doc! {"planCacheClear": "c", "query": 1}),
        (2, doc! {"planCacheClear": "c", "query": {"a": {"$gtt": 1}}}),
        (2, doc! {"planCacheClear": "c", "sort": {"a": 1}}),
        (0, doc! {"planCacheClear": "none", "query": {"a": 1}, "collation": 123}),
        (73, doc! {"planCacheClear": 1}),
        (73, doc! {"planCacheClear": ""}),
        (0, doc! {"planCacheClearFilters": "none", "sort": {"a": 1}}),
        (0, doc! {"planCacheClearFilters": "c", "query": null, "sort": null, "projection": null}),
        (73, doc! {"planCacheListFilters": {}}),
        (0, doc! {"planCacheListFilters": "none"}),
        (2, doc! {"planCacheSetFilter": "none", "query": {"a": 1}, "indexes": [{"a": 1}]}),
        (2, doc! {"planCacheSetFilter": "c", "query": {"a": 1}}),
        (2, doc! {"planCacheSetFilter": "c", "query": {"a": 1}, "indexes": []}),
        (2, doc! {"planCacheSetFilter": "c", "query": {"a": 1}, "indexes": [1]}),
        (2, doc! {"planCacheSetFilter": "c", "indexes": [{"a": 1}]}),
    ] {
        let reply = client.command("db", command.clone());
        assert_eq!(reply.get_i32("code").unwrap_or(0), code, "{command}: {reply}");
    }
}

#[test]
fn shapes_are_counted_listed_and_forgotten() {
    let (_server, mut client) = server_with_indexes();
    let counts = |client: &mut Client| {
        let status = client.command("admin", doc! {"serverStatus": 1});
        let cache = status.get_document("metrics").unwrap().get_document("query").unwrap().get_document("planCache");
        let classic = cache.unwrap().get_document("classic").unwrap();
        (classic.get_i64("hits").unwrap(), classic.get_i64("misses").unwrap())
    };
    let before = counts(&mut client);
    for a in 0..5 {
        client.command("db", doc! {"find": "c", "filter": {"a": a}});
    }
    client.command("db", doc! {"find": "c", "filter": {"a": "x"}});
    let after = counts(&mut client);
    assert_eq!((after.0 - before.0, after.1 - before.1), (4, 2));
    let stats = |client: &mut Client| {
        let reply = client.command("db", doc! {"aggregate": "c", "pipeline": [{"$planCacheStats": {}}], "cursor": {}});
        reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap().clone()
    };
    let listed = stats(&mut client);
    assert_eq!(listed.len(), 2);
    let of = |at: usize, name: &str| listed[at].as_document().unwrap().get_str(name).unwrap().to_owned();
    // One shape in mongod's eyes, which sees no types.
    assert_eq!(of(0, "planCacheShapeHash"), of(1, "queryHash"));
    let planner = planner(&mut client, doc! {"find": "c", "filter": {"a": 9}});
    assert_eq!(planner.get_str("planCacheShapeHash").unwrap(), of(0, "planCacheShapeHash"));
    assert_eq!(planner.get_str("planCacheKey").unwrap(), of(0, "planCacheKey"));
    assert!(of(0, "planCacheShapeHash").len() == 8 && of(0, "planCacheKey").len() == 8);
    client.command("db", doc! {"planCacheClear": "c", "query": {"b": 1}});
    assert_eq!(stats(&mut client).len(), 2);
    client.command("db", doc! {"planCacheClear": "c", "query": {"a": 1}});
    assert_eq!(stats(&mut client).len(), 0);
}
