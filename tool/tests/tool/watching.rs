//! `smongo explain`, `check`, `ping` and `stats`, on a store and on a server.

use smongo::Client;
use smongo::bson::{Document, doc};

use crate::{served, smongo, text};

fn fill(client: &Client) {
    let coll = client.database("d").collection::<Document>("c");
    coll.insert_many((0..100).map(|n| doc! { "_id": n, "a": n % 10 })).run().unwrap();
    coll.create_index(doc! { "a": 1 }).run().unwrap();
}

#[test]
fn a_store_and_a_server_alike() {
    let dir = tempfile::tempdir().unwrap();
    fill(&Client::open(dir.path()).unwrap());
    let (client, _served, uri) = served();
    fill(&client);
    for target in [text(dir.path()), &uri] {
        let plan = smongo(["explain", target, "-d", "d", "db.c.find({a: 3, b: null})"]).good();
        for part in ["FETCH", "  IXSCAN", "\"a\": 1", "test"] {
            assert!(plan.contains(part), "{plan}");
        }
        let statement = "db.c.aggregate([{$match: {a: 3}}, {$group: {_id: '$a'}}])";
        let plan = smongo(["explain", target, "-d", "d", "--verbosity", "executionStats", statement]).good();
        assert!(plan.contains("10 documents in") || plan.contains("1 documents in"), "{plan}");
        let json =
            smongo(["explain", target, "-d", "d", "--json", "db.c.find({a: 3}).explain('executionStats')"]).good();
        assert!(json.contains("\"nReturned\":10"), "{json}");

        let checked = smongo(["check", target, "-d", "d"]).good();
        assert!(checked.starts_with("good     d.c") && checked.ends_with("100 documents, 2 indexes"), "{checked}");
        let checked = smongo(["check", target, "-d", "d", "--json"]).good();
        assert!(checked.contains(r#""ns":"d.c","valid":true"#), "{checked}");

        let ping = smongo(["ping", target]).good();
        assert!(ping.ends_with(" ms") && ping[..ping.len() - 3].parse::<f64>().unwrap() < 1000.0, "{ping}");
        assert!(smongo(["ping", target, "--json", "--count", "3"]).good().starts_with(r#"{"ok":1,"ms":"#));

        let stats = smongo(["stats", target, "-d", "d", "--json"]).good();
        assert!(stats.contains(r#"{"ns":"d.c","documents":100,"#), "{stats}");
        assert!(smongo(["stats", target, "-d", "d"]).good().contains("d.c "));
    }
}

#[test]
fn a_store_that_is_in_use_names_its_user() {
    let dir = tempfile::tempdir().unwrap();
    let _client = Client::open(dir.path()).unwrap();
    let ran = smongo(["ping", text(dir.path())]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains(&format!("the process with pid {} has it open", std::process::id())), "{}", ran.err);
    let error = Client::open(dir.path()).unwrap_err();
    assert!(error.message().contains("this process"), "{error}");
}
