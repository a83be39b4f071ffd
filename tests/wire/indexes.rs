//! Commands about indexes and clustered collections. Sources: MongoDB's manual on the commands, and the answers of mongod
//! 8.2.4 as the suite documentdb/functional-tests records them.

use bson::{Bson, Document, doc};

use crate::client::{Client, TestServer};

fn code(reply: &Document) -> i32 {
    reply.get_i32("code").unwrap_or(0)
}

fn listed(client: &mut Client, coll: &str) -> Vec<Bson> {
    let reply = client.command("db", doc! {"listIndexes": coll});
    reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap().clone()
}

fn ids(client: &mut Client, find: Document) -> Vec<Bson> {
    let reply = client.command("db", find);
    let batch = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    batch.iter().map(|doc| doc.as_document().unwrap().get("_id").unwrap().clone()).collect()
}

#[test]
fn clustered_collections_are_ordered_by_their_id() {
    let server = TestServer::start();
    let mut client = server.client();
    let create = doc! {"create": "c", "clusteredIndex": {"key": {"_id": 1}, "unique": true}};
    assert_eq!(code(&client.command("db", create.clone())), 0);
    assert_eq!(code(&client.command("db", create)), 0);
    for id in [5, 1, 3, 2, 4] {
        client.command("db", doc! {"insert": "c", "documents": [{"_id": id, "x": 10 - id}]});
    }
    let numbers = |list: [i32; 5]| list.map(Bson::from).to_vec();
    assert_eq!(ids(&mut client, doc! {"find": "c"}), numbers([1, 2, 3, 4, 5]));
    assert_eq!(ids(&mut client, doc! {"find": "c", "sort": {"$natural": -1}}), numbers([5, 4, 3, 2, 1]));
    assert_eq!(ids(&mut client, doc! {"find": "c", "filter": {"_id": {"$gt": 2, "$lt": 4}}}), [Bson::from(3)]);
    let taken = client.command("db", doc! {"insert": "c", "documents": [{"_id": 3}]});
    assert_eq!(taken.get_array("writeErrors").unwrap().len(), 1);

    // A cursor goes on behind its last key, also when that is gone.
    let reply = client.command("db", doc! {"find": "c", "batchSize": 2});
    let cursor = reply.get_document("cursor").unwrap().get_i64("id").unwrap();
    client.command("db", doc! {"delete": "c", "deletes": [{"q": {"_id": 2}, "limit": 1}]});
    let reply = client.command("db", doc! {"getMore": cursor, "collection": "c"});
    assert_eq!(reply.get_document("cursor").unwrap().get_array("nextBatch").unwrap().len(), 3);

    let plan = client.command("db", doc! {"explain": {"find": "c", "filter": {"_id": {"$gt": 2}}}});
    assert!(format!("{plan:?}").contains("CLUSTERED_IXSCAN"));
    let validation = client.command("db", doc! {"validate": "c", "full": true});
    assert!(validation.get_bool("valid").unwrap(), "{validation:?}");
    assert_eq!(validation.get_i32("nIndexes").unwrap(), 0);
}

#[test]
fn the_index_of_a_clustered_collection_is_listed_and_stays() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"create": "c", "clusteredIndex": {"key": {"_id": 1}, "unique": true, "name": "n"}});
    let clustered = doc! {"v": 2, "key": {"_id": 1}, "name": "n", "unique": true, "clustered": true};
    assert_eq!(listed(&mut client, "c"), [Bson::from(clustered.clone())]);
    let listing = client.command("db", doc! {"listCollections": 1});
    let coll = listing.get_document("cursor").unwrap().get_array("firstBatch").unwrap()[0].as_document().unwrap();
    let options = coll.get_document("options").unwrap();
    assert_eq!(options, &doc! {"clusteredIndex": {"v": 2, "key": {"_id": 1}, "name": "n", "unique": true}});
    assert!(!coll.contains_key("idIndex"));

    let made = client.command("db", doc! {"createIndexes": "c", "indexes": [{"key": {"_id": 1}, "name": "other"}]});
    assert_eq!((made.get_i32("numIndexesBefore").unwrap(), made.get_i32("numIndexesAfter").unwrap()), (0, 0));
    client.command("db", doc! {"createIndexes": "c", "indexes": [{"key": {"x": 1}, "name": "x_1"}]});
    for (expected, command) in [
        (5_979_800, doc! {"dropIndexes": "c", "index": "n"}),
        (5_979_800, doc! {"dropIndexes": "c", "index": {"_id": 1}}),
        (6_011_800, doc! {"collMod": "c", "index": {"name": "n", "hidden": true}}),
        (6_011_800, doc! {"collMod": "c", "index": {"name": "n", "hidden": false}}),
        (27, doc! {"collMod": "c", "index": {"keyPattern": {"_id": 1}, "expireAfterSeconds": 3600}}),
        (0, doc! {"collMod": "c", "expireAfterSeconds": 3600}),
        (0, doc! {"collMod": "c", "expireAfterSeconds": "off"}),
        (0, doc! {"collMod": "c", "expireAfterSeconds": "off"}),
        (72, doc! {"collMod": "c", "expireAfterSeconds": "on"}),
        (72, doc! {"collMod": "c", "expireAfterSeconds": -1}),
        (0, doc! {"create": "plain"}),
        (72, doc! {"collMod": "plain", "expireAfterSeconds": 1}),
        (14, doc! {"create": "d", "clusteredIndex": null}),
        (6_049_204, doc! {"create": "d", "clusteredIndex": {"key": {"_id": 1}, "unique": true}, "max": 1}),
    ] {
        assert_eq!(code(&client.command("db", command.clone())), expected, "{command}");
    }
    let dropped = client.command("db", doc! {"dropIndexes": "c", "index": "*"});
    assert_eq!(dropped.get_i32("nIndexesWas").unwrap(), 1);
    assert_eq!(listed(&mut client, "c"), [Bson::from(clustered)]);
}

#[test]
fn an_index_becomes_unique_when_nothing_stands_in_its_way() {
    let server = TestServer::start();
    let mut client = server.client();
    client
        .command("db", doc! {"insert": "c", "documents": [{"_id": 1, "a": 1}, {"_id": 2, "a": 1}, {"_id": 3, "a": 2}]});
    client.command("db", doc! {"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1"}]});
    let change = |what: Document| doc! {"collMod": "c", "index": what};
    let unique = || change(doc! {"name": "a_1", "unique": true});
    assert_eq!(code(&client.command("db", unique())), 72);
    let prepared = client.command("db", change(doc! {"name": "a_1", "prepareUnique": true}));
    assert_eq!(
        (prepared.get("prepareUnique_old"), prepared.get("prepareUnique_new")),
        (Some(&Bson::from(false)), Some(&Bson::from(true)))
    );
    // What is there stays, and no more of the kind comes.
    let insert = |id: i32, a: i32| doc! {"insert": "c", "documents": [{"_id": id, "a": a}]};
    let refused = client.command("db", insert(4, 2));
    let error = refused.get_array("writeErrors").unwrap()[0].as_document().unwrap();
    assert_eq!(error.get_i32("code").unwrap(), 11000);
    assert_eq!(error.get_document("keyValue").unwrap(), &doc! {"a": 2});
    let update = doc! {"update": "c", "updates": [{"q": {"_id": 3}, "u": {"$set": {"a": 1}}}]};
    assert!(client.command("db", update).contains_key("writeErrors"));
    assert_eq!(client.command("db", insert(4, 3)).get_i32("n").unwrap(), 1);

    for dry_run in [true, false] {
        let mut command = unique();
        command.insert("dryRun", dry_run);
        let refused = client.command("db", command);
        assert_eq!(code(&refused), 359);
        assert_eq!(refused.get_array("violations").unwrap(), &[Bson::from(doc! {"ids": [1, 2]})]);
    }
    client.command("db", doc! {"delete": "c", "deletes": [{"q": {"_id": 2}, "limit": 1}]});
    let mut dry = unique();
    dry.insert("dryRun", true);
    assert_eq!(code(&client.command("db", dry)), 0);
    assert!(!format!("{:?}", listed(&mut client, "c")).contains("\"unique\""));
    assert!(client.command("db", unique()).get_bool("unique_new").unwrap());
    let spec = doc! {"v": 2, "key": {"a": 1}, "name": "a_1", "unique": true};
    assert_eq!(listed(&mut client, "c")[1], Bson::from(spec));
    assert!(client.command("db", insert(5, 3)).contains_key("writeErrors"));
    assert!(client.command("db", doc! {"validate": "c"}).get_bool("valid").unwrap());
}

#[test]
fn indexes_are_made_anew() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"insert": "c", "documents": [{"_id": 1, "a": [1, 2]}, {"_id": 2, "a": 3}]});
    client.command("db", doc! {"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a_1"}]});
    let reply = client.command("db", doc! {"reIndex": "c"});
    assert_eq!((reply.get_i32("nIndexesWas").unwrap(), reply.get_i32("nIndexes").unwrap()), (2, 2));
    assert_eq!(reply.get_array("indexes").unwrap().len(), 2);
    assert_eq!(ids(&mut client, doc! {"find": "c", "filter": {"a": 2}, "hint": "a_1"}), [Bson::from(1)]);
    assert!(client.command("db", doc! {"validate": "c"}).get_bool("valid").unwrap());
    assert_eq!(code(&client.command("db", doc! {"reIndex": "missing"})), 26);
}

#[test]
fn indexes_are_listed_with_room_for_their_builds() {
    let server = TestServer::start();
    let mut client = server.client();
    client.command("db", doc! {"insert": "c", "documents": [{"_id": 1}]});
    let wildcard = doc! {"key": {"$**": 1}, "name": "w", "wildcardProjection": {"a": 1, "b.c": true}};
    let made = client.command("db", doc! {"createIndexes": "c", "indexes": [wildcard]});
    assert_eq!(code(&made), 0, "{made}");
    let reply = client.command("db", doc! {"listIndexes": "c", "includeIndexBuildInfo": true});
    let first = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    let id = doc! {"v": 2, "key": {"_id": 1}, "name": "_id_"};
    let wildcard = doc! {"v": 2, "key": {"$**": 1}, "name": "w", "wildcardProjection": {"a": 1, "b.c": true}};
    assert_eq!(*first, [Bson::from(doc! {"spec": &id}), Bson::from(doc! {"spec": &wildcard})]);
    assert_eq!(listed(&mut client, "c"), [Bson::from(id), Bson::from(wildcard)]);
    let hidden = doc! {"key": {"a": 1}, "name": "a", "hidden": true};
    assert_eq!(code(&client.command("db", doc! {"createIndexes": "system.views", "indexes": [hidden]})), 2);
}
