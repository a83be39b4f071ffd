//! A process that is killed while it writes loses nothing that it had acknowledged.
//!
//! The test runs itself again as the victim: a process that writes and reports each acknowledged `_id`. It is killed,
//! the data directory is opened, and everything reported must be there.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use bson::{Document, doc};
use smongo::Client;

const ROUNDS: u32 = 50;

/// Set in the victim: the data directory to write to.
const VICTIM_DIR: &str = "SMONGO_TEST_CRASH_DIR";

/// Where the victim's ids begin.
const VICTIM_FIRST_ID: &str = "SMONGO_TEST_CRASH_FIRST_ID";

#[test]
fn a_killed_writer_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: HashSet<i64> = HashSet::new();
    for round in 0..ROUNDS {
        let first_id = i64::from(round) * 1_000_000;
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["crash::victim", "--exact", "--nocapture", "--ignored"])
            .env(VICTIM_DIR, dir.path())
            .env(VICTIM_FIRST_ID, first_id.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        // The kill comes at another point of the victim's work in each round.
        let enough = 1 + (round * 7) % 40;
        let mut seen = 0;
        while seen < enough {
            let line = lines.next().unwrap().unwrap();
            seen += u32::from(note(&line, &mut acknowledged));
        }
        std::thread::sleep(Duration::from_micros(u64::from(round) * 97 % 2000));
        victim.kill().unwrap();
        // What it had still said before it died counts too; half a line does not.
        for line in lines.map_while(Result::ok) {
            note(&line, &mut acknowledged);
        }
        victim.wait().unwrap();
    }
    let client = Client::open(dir.path()).unwrap();
    let coll = client.database("db").collection::<Document>("c");
    let found: HashSet<i64> =
        coll.find(doc! {}).run().unwrap().map(|found| found.unwrap().get_i64("_id").unwrap()).collect();
    let lost: Vec<_> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "lost {} of {}: {lost:?}", lost.len(), acknowledged.len());
    assert_eq!(coll.estimated_document_count().run().unwrap(), found.len() as u64);
    for id in &found {
        assert!(coll.find_one(doc! { "_id": id }).run().unwrap().is_some(), "{id} has no index entry");
    }
    for id in acknowledged.iter().filter(|id| *id % 3 == 0) {
        let doc = coll.find_one(doc! { "_id": id }).run().unwrap().unwrap();
        assert!(doc.contains_key("more"), "the update of {id} is lost");
    }
}

/// Takes note of a reported id; lines that are not reports, or not whole, say nothing.
fn note(line: &str, acknowledged: &mut HashSet<i64>) -> bool {
    let id = line.strip_prefix("ack ").and_then(|rest| rest.strip_suffix('.')).and_then(|id| id.parse().ok());
    id.is_some_and(|id| acknowledged.insert(id))
}

/// Not a test of its own: what the test above runs and kills.
#[test]
#[ignore = "the victim of a_killed_writer_loses_nothing_acknowledged"]
fn victim() {
    let Ok(dir) = std::env::var(VICTIM_DIR) else { return };
    let first_id: i64 = std::env::var(VICTIM_FIRST_ID).unwrap().parse().unwrap();
    let client = Client::open(dir).unwrap();
    let coll = client.database("db").collection::<Document>("c");
    let padding = "x".repeat(300);
    for id in first_id.. {
        coll.insert_one(doc! { "_id": id, "padding": &padding }).run().unwrap();
        if id % 3 == 0 {
            coll.update_one(doc! { "_id": id }, doc! { "$set": { "more": &padding } }).run().unwrap();
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "ack {id}.").unwrap();
        out.flush().unwrap();
    }
}
