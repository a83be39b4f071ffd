//! A process that is killed loses nothing it has committed. The test runs itself again as the process to kill.
#![allow(clippy::unwrap_used, reason = "a failure here fails the test")]

mod common;

use common::*;
use smongo_storage::*;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Tells the child process which folder to write to.
const FOLDER_VARIABLE: &str = "STORAGE_CRASH_TEST_FOLDER";

/// How many commits the parent waits for before it kills the child, per run.
const COMMITS: [usize; 4] = [1, 50, 700, 3000];

/// Writes to two tables in one transaction, one after the other, forever, and says so after each commit. Prints the first
/// id it uses so that several runs can follow each other.
#[test]
#[ignore = "the child process of the other test"]
fn child_writes_until_killed() {
    let Some(folder) = env::var_os(FOLDER_VARIABLE) else { return };
    let engine = Engine::open(&OpenOptions::new(Path::new(&folder)).log_sync_interval_ms(60_000)).unwrap();
    let options = TableOptions::new(KeyFormat::RecordId);
    let table = |name: &str| match engine.table(name) {
        Err(Error::NotFound(_)) => engine.create_table(name, &options).unwrap(),
        table => table.unwrap(),
    };
    let tables = [table("one"), table("two")];
    let mut session = engine.session().unwrap();
    let first = session.cursor(&tables[0]).unwrap().largest_record_id().unwrap().unwrap_or(0) + 1;
    let mut out = std::io::stdout().lock();
    for id in first.. {
        let txn = session.begin().unwrap();
        for table in &tables {
            txn.cursor(table).unwrap().insert(id, &value(id)).unwrap();
        }
        txn.commit().unwrap();
        writeln!(out, "committed {id}").unwrap();
        out.flush().unwrap();
        if id % 997 == 0 {
            engine.checkpoint().unwrap();
        }
    }
}

fn value(id: i64) -> Vec<u8> {
    format!("value {id} ").repeat(30).into_bytes()
}

fn start_child(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child_writes_until_killed", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER_VARIABLE, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn commits_survive_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut last_acknowledged = 0;
    for commits in COMMITS {
        let mut child = start_child(folder.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = |line: String| -> bool {
            // The test harness may print on the same line before the first acknowledgement.
            let id = line.split("committed ").nth(1).and_then(|id| id.parse::<i64>().ok());
            last_acknowledged = id.unwrap_or(last_acknowledged);
            id.is_some()
        };
        let mut seen = 0;
        while seen < commits {
            let line = lines.next().expect("the child writes until it is killed").unwrap();
            seen += usize::from(acknowledged(line));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it wrote before the kill arrived counts, too.
        for line in lines.map_while(std::result::Result::ok) {
            acknowledged(line);
        }

        let engine = open(folder.path());
        let mut tables = ["one", "two"].map(|name| record_ids(&engine, &engine.table(name).unwrap()));
        assert_eq!(tables[0], tables[1], "a transaction is whole or not at all");
        let ids = std::mem::take(&mut tables[0]);
        assert!(ids.iter().copied().eq(1..=ids.len() as i64), "no gaps");
        assert!(ids.len() as i64 >= last_acknowledged, "{} of {last_acknowledged} acknowledged", ids.len());
        let session = engine.session().unwrap();
        let mut cursor = session.cursor(&engine.table("two").unwrap()).unwrap();
        while cursor.next().unwrap() {
            assert_eq!(cursor.value(), value(cursor.record_id()));
        }
    }
}

#[test]
fn another_process_finds_the_database_busy() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start_child(folder.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while !lines.next().expect("the child writes").unwrap().contains("committed") {}
    let second = Engine::open(&OpenOptions::new(folder.path()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(matches!(second, Err(Error::Busy(_))), "{second:?}");
}
