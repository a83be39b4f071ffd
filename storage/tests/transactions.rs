//! Isolation, conflicts and rollback.
#![allow(clippy::unwrap_used, reason = "a failure here fails the test")]

mod common;

use common::*;
use smongo_storage::*;
use std::sync::Barrier;
use std::thread;

fn engine_and_table() -> (Engine, Table) {
    let engine = memory();
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    fill(&engine, &table, 1..=3, b"old");
    (engine, table)
}

fn read(session: &Session, table: &Table, id: i64) -> Option<Vec<u8>> {
    let mut cursor = session.cursor(table).unwrap();
    cursor.search(id).unwrap().then(|| cursor.value().to_vec())
}

#[test]
fn a_dropped_transaction_is_rolled_back() {
    let (engine, table) = engine_and_table();
    let mut session = engine.session().unwrap();
    for explicitly in [false, true] {
        let txn = session.begin().unwrap();
        txn.cursor(&table).unwrap().put(1, b"new").unwrap();
        txn.cursor(&table).unwrap().insert(9, b"new").unwrap();
        assert_eq!(read(&txn, &table, 1).as_deref(), Some(&b"new"[..]), "it sees its own writes");
        assert!(txn.in_txn());
        if explicitly {
            txn.rollback()
        } else {
            drop(txn)
        }
        assert!(!session.in_txn());
        assert_eq!(read(&session, &table, 1).as_deref(), Some(&b"old"[..]));
        assert_eq!(read(&session, &table, 9), None);
    }
}

#[test]
fn a_forgotten_transaction_ends_with_its_session() {
    let (engine, table) = engine_and_table();
    let mut session = engine.session().unwrap();
    let txn = session.begin().unwrap();
    txn.cursor(&table).unwrap().put(1, b"new").unwrap();
    std::mem::forget(txn);
    assert!(matches!(session.begin(), Err(Error::InvalidArgument(_))), "one at a time");
    drop(session);
    let mut session = engine.session().unwrap();
    assert_eq!(read(&session, &table, 1).as_deref(), Some(&b"old"[..]));
    assert!(session.begin().is_ok());
}

#[test]
fn a_snapshot_does_not_move() {
    let (engine, table) = engine_and_table();
    let mut reader = engine.session().unwrap();
    let snapshot = reader.begin().unwrap();
    let committed = engine.session().unwrap().into_txn(Isolation::ReadCommitted).unwrap();

    let writer = engine.session().unwrap().into_txn(Isolation::Snapshot).unwrap();
    writer.cursor(&table).unwrap().put(1, b"new").unwrap();
    assert!(writer.cursor(&table).unwrap().remove(2).unwrap());
    writer.cursor(&table).unwrap().insert(4, b"new").unwrap();
    assert_eq!(read(&committed, &table, 1).as_deref(), Some(&b"old"[..]), "not committed yet");
    writer.commit().unwrap();

    assert_eq!(read(&snapshot, &table, 1).as_deref(), Some(&b"old"[..]));
    assert_eq!(read(&snapshot, &table, 2).as_deref(), Some(&b"old"[..]));
    assert_eq!(read(&snapshot, &table, 4), None);
    assert_eq!(read(&committed, &table, 1).as_deref(), Some(&b"new"[..]));
    drop((snapshot, committed));
    assert_eq!(record_ids(&engine, &table), [1, 3, 4]);
}

#[test]
fn the_first_writer_wins() {
    let (engine, table) = engine_and_table();
    let mut sessions = [engine.session().unwrap(), engine.session().unwrap()];
    let [one, two] = &mut sessions;
    let (first, second) = (one.begin().unwrap(), two.begin().unwrap());
    first.cursor(&table).unwrap().put(1, b"first").unwrap();
    second.cursor(&table).unwrap().put(3, b"second").unwrap();
    let conflict = second.cursor(&table).unwrap().put(1, b"second").unwrap_err();
    assert_eq!(conflict, Error::WriteConflict);
    assert!(conflict.is_retryable());
    first.commit().unwrap();
    assert_eq!(second.commit(), Err(Error::WriteConflict), "a doomed transaction cannot commit");

    // The same holds for a write that is committed already but not visible.
    let second = two.begin().unwrap();
    assert_eq!(read(&second, &table, 1).as_deref(), Some(&b"first"[..]));
    write(&engine, |txn| txn.cursor(&table)?.put(1, b"third"));
    assert_eq!(second.cursor(&table).unwrap().update(1, b"x"), Err(Error::WriteConflict));
    drop(second);
    assert_eq!(read(two, &table, 1).as_deref(), Some(&b"third"[..]));
    assert_eq!(read(two, &table, 3).as_deref(), Some(&b"old"[..]));

    let retried = two.begin().unwrap();
    retried.cursor(&table).unwrap().put(1, b"second").unwrap();
    retried.commit().unwrap();
}

#[test]
fn an_owned_transaction_moves_between_threads() {
    let (engine, table) = engine_and_table();
    let txn = engine.session().unwrap().into_txn(Isolation::Snapshot).unwrap();
    txn.cursor(&table).unwrap().put(1, b"here").unwrap();
    thread::spawn({
        let table = table.clone();
        move || {
            txn.cursor(&table).unwrap().put(2, b"there").unwrap();
            txn.commit().unwrap();
        }
    })
    .join()
    .unwrap();
    let session = engine.session().unwrap();
    assert_eq!(read(&session, &table, 1).as_deref(), Some(&b"here"[..]));
    assert_eq!(read(&session, &table, 2).as_deref(), Some(&b"there"[..]));
}

/// Counters incremented by several threads with retries: no increment is lost.
#[test]
fn retried_increments_add_up() {
    const THREADS: i64 = 4;
    const ROUNDS: i64 = 200;
    let engine = memory();
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    fill(&engine, &table, 1..=1, &0i64.to_le_bytes());
    let increment = |session: &mut Session| -> Result<()> {
        let txn = session.begin()?;
        let count = i64::from_le_bytes(read(&txn, &table, 1).unwrap().try_into().unwrap());
        txn.cursor(&table)?.put(1, &(count + 1).to_le_bytes())?;
        txn.commit()
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut session = engine.session().unwrap();
                for _ in 0..ROUNDS {
                    while let Err(error) = increment(&mut session) {
                        assert!(error.is_retryable(), "{error}");
                    }
                }
            });
        }
    });
    let session = engine.session().unwrap();
    assert_eq!(read(&session, &table, 1), Some((THREADS * ROUNDS).to_le_bytes().to_vec()));
}

#[test]
fn threads_that_wait_share_syncs() {
    const THREADS: i64 = 16;
    const ROUNDS: i64 = 20;
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&OpenOptions::new(folder.path()).log_sync_interval_ms(60_000)).unwrap();
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    let before = engine.stats().unwrap().log_syncs;
    let barrier = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (engine, table, barrier) = (&engine, &table, &barrier);
            scope.spawn(move || {
                let mut session = engine.session().unwrap();
                for round in 0..ROUNDS {
                    barrier.wait();
                    let txn = session.begin().unwrap();
                    txn.cursor(table).unwrap().insert(thread * ROUNDS + round, b"v").unwrap();
                    txn.commit_sync().unwrap();
                }
            });
        }
    });
    let syncs = engine.stats().unwrap().log_syncs - before;
    let commits = (THREADS * ROUNDS) as u64;
    assert!(syncs >= 1 && syncs < commits / 2, "{syncs} syncs for {commits} commits");
    assert_eq!(record_ids(&engine, &table).len() as u64, commits);
}

#[test]
fn the_log_is_synced_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&OpenOptions::new(folder.path()).log_sync_interval_ms(10)).unwrap();
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    engine.sync_log().unwrap();
    let before = engine.stats().unwrap().log_syncs;
    fill(&engine, &table, 1..=1, b"v");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while engine.stats().unwrap().log_syncs == before {
        assert!(std::time::Instant::now() < deadline, "no sync came");
        thread::sleep(std::time::Duration::from_millis(5));
    }
}
