//! Builds of indexes over many documents: in bounded memory, whole or not at all, also when the process is killed.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use smongo::Client;
use smongo::request::{CreateIndexesRequest, Namespace, OpContext, Progress, RepairMode, ValidateRequest};
use smongo_vm::value::DocBuf;

/// Set in the victim: the data directory.
const VICTIM_DIR: &str = "SMONGO_TEST_BUILD_DIR";

const DOCUMENTS: i32 = 30_000;

fn ns() -> Namespace {
    Namespace::new("db", "c").unwrap()
}

fn fill(client: &Client) {
    let coll = client.database("db").collection::<Document>("c");
    let documents = (0..DOCUMENTS).map(|n| doc! { "_id": n, "a": n.wrapping_mul(7919) % 10_007, "t": [n, n + 1, -n] });
    coll.insert_many(documents.collect::<Vec<_>>()).run().unwrap();
}

fn build(client: &Client, specs: &[Document]) -> Result<(), smongo::Error> {
    let specs: Vec<DocBuf> =
        specs.iter().map(|spec| DocBuf::from_vec(bson::serialize_to_vec(spec).unwrap()).unwrap()).collect();
    let specs: Vec<_> = specs.iter().map(DocBuf::as_doc).collect();
    let request = CreateIndexesRequest { ns: ns(), specs: &specs, ignore_unknown_options: false };
    client.engine().unwrap().create_indexes(&OpContext::new(), &request).map(drop)
}

/// Fails unless every index has exactly the keys of the documents; gives the indexes' names with their keys.
fn checked(client: &Client) -> Vec<(String, u64)> {
    let request =
        ValidateRequest { ns: ns(), full: false, metadata: false, conformance: false, repair: RepairMode::None };
    let validation = client.engine().unwrap().validate(&OpContext::new(), &request).unwrap();
    assert!(validation.is_valid(), "{validation:?}");
    validation.indexes.into_iter().map(|index| (index.name, index.keys)).collect()
}

#[test]
fn large_builds_have_every_key_once() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::open(dir.path()).unwrap();
    fill(&client);
    // The one goes through the bulk loader, the other does not.
    build(&client, &[doc! { "key": { "a": 1 }, "name": "a" }, doc! { "key": { "t": 1, "a": -1 }, "name": "t" }])
        .unwrap();
    let keys = u64::from(DOCUMENTS.unsigned_abs());
    // The first document's array has a value twice.
    assert_eq!(checked(&client), [("_id_".into(), keys), ("a".into(), keys), ("t".into(), 3 * keys - 1)]);
}

#[test]
fn a_build_says_how_far_it_is() {
    let client = Client::in_memory().unwrap();
    fill(&client);
    let progress = Arc::new(Progress::default());
    let spec = DocBuf::from_vec(bson::serialize_to_vec(&doc! { "key": { "t": 1 }, "name": "t" }).unwrap()).unwrap();
    let op = OpContext::new().reporting_to(Arc::clone(&progress));
    let reports = std::thread::scope(|scope| {
        let build = scope.spawn(|| {
            let request = CreateIndexesRequest { ns: ns(), specs: &[spec.as_doc()], ignore_unknown_options: false };
            client.engine().unwrap().create_indexes(&op, &request).unwrap();
        });
        let mut reports = Vec::new();
        while !build.is_finished() {
            reports.extend(progress.report().filter(|report| reports.last() != Some(report)));
            std::thread::yield_now();
        }
        reports
    });
    let documents = u64::from(DOCUMENTS.unsigned_abs());
    let scanning = "Index Build: scanning collection";
    assert!(reports.iter().any(|report| report.phase == scanning && report.done > 0 && report.total == documents));
    let inserting = "Index Build: inserting keys from external sorter into index";
    assert!(reports.iter().any(|report| report.phase == inserting && report.total == 3 * documents - 1));
    assert!(reports.iter().all(|report| report.done <= report.total));
}

#[test]
fn a_duplicate_leaves_nothing_of_any_index() {
    let client = Client::in_memory().unwrap();
    fill(&client);
    let specs = [doc! { "key": { "t": 1 }, "name": "t" }, doc! { "key": { "a": 1 }, "name": "a", "unique": true }];
    let error = build(&client, &specs).unwrap_err();
    assert_eq!(error.code(), 11000);
    assert!(error.message().contains("Index build failed"), "{}", error.message());
    assert_eq!(checked(&client).len(), 1);
}

#[test]
fn a_killed_build_leaves_a_whole_index_or_none() {
    let dir = tempfile::tempdir().unwrap();
    fill(&Client::open(dir.path()).unwrap());
    for round in 0..8u64 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["index_builds::victim", "--exact", "--nocapture", "--ignored"])
            .env(VICTIM_DIR, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(60 + round * 90));
        victim.kill().unwrap();
        victim.wait().unwrap();
        let client = Client::open(dir.path()).unwrap();
        let indexes = checked(&client);
        assert!(indexes.len() == 1 || indexes.len() == 2, "{indexes:?}");
        let temporary = std::fs::read_dir(dir.path().join("_tmp")).map_or(0, Iterator::count);
        assert_eq!(temporary, 0);
        // Nothing is left of a build that came to nothing: each index has one table.
        let tables = std::fs::read_dir(dir.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("index-"));
        assert_eq!(tables.count(), indexes.len());
        if indexes.len() == 2 {
            client.database("db").collection::<Document>("c").drop_index("t").run().unwrap();
        }
    }
}

/// Not a test of its own: what the test above runs and kills.
#[test]
#[ignore = "the victim of a_killed_build_leaves_a_whole_index_or_none"]
fn victim() {
    let Ok(dir) = std::env::var(VICTIM_DIR) else { return };
    let client = Client::open(dir).unwrap();
    let _ = build(&client, &[doc! { "key": { "t": 1 }, "name": "t" }]);
    std::thread::sleep(Duration::from_secs(60));
}
