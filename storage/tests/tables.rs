//! Opening, tables and their life.
#![allow(clippy::unwrap_used, reason = "a failure here fails the test")]

mod common;

use common::*;
use smongo_storage::*;

#[test]
fn a_database_keeps_its_tables_over_a_reopen() {
    for compression in [Compression::None, Compression::Snappy, Compression::Zstd] {
        let folder = tempfile::tempdir().unwrap();
        let options = TableOptions::new(KeyFormat::RecordId).compression(compression);
        let value = "compressible ".repeat(50).into_bytes();
        {
            let engine = open(folder.path());
            let table = engine.create_table("t", &options).unwrap();
            fill(&engine, &table, 1..=2000, &value);
            engine.checkpoint().unwrap();
            let file_bytes = engine.table_stats(&table).unwrap().file_bytes;
            assert!(file_bytes > 0);
            assert_eq!(file_bytes < 500_000, compression != Compression::None, "{compression:?}: {file_bytes}");
            engine.close().unwrap();
        }
        let engine = open(folder.path());
        assert_eq!(engine.list_tables().unwrap(), ["t"]);
        let table = engine.table("t").unwrap();
        assert_eq!(table.key_format(), KeyFormat::RecordId);
        let session = engine.session().unwrap();
        let mut cursor = session.cursor(&table).unwrap();
        let mut records = 0;
        while let Some(found) = cursor.next_value().unwrap() {
            assert_eq!(found, value);
            records += 1;
        }
        assert_eq!(records, 2000, "{compression:?}");
    }
}

#[test]
fn dropping_the_engine_closes_it() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let engine = open(folder.path());
        let session = engine.session().unwrap();
        drop(engine);
        drop(session);
    }
}

#[test]
fn an_open_database_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let second = Engine::open(&OpenOptions::new(folder.path()));
    assert!(matches!(second, Err(Error::Busy(_))), "{second:?}");

    let session = engine.session().unwrap();
    assert!(matches!(engine.close(), Err(Error::Busy(_))), "a session is lent");
    drop(session);
    engine.close().unwrap();
    engine.close().unwrap();
    assert!(matches!(engine.session(), Err(Error::InvalidArgument(_))));
    assert!(matches!(engine.sync_log(), Err(Error::InvalidArgument(_))));
}

#[test]
fn a_missing_database_is_not_created_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Engine::open(&OpenOptions::new(folder.path().join("none")).create(false));
    assert!(matches!(missing, Err(Error::NotFound(_))), "{missing:?}");
    assert!(!folder.path().join("none").exists());
}

#[test]
fn databases_in_memory_are_separate() {
    let (one, two) = (memory(), memory());
    let table = one.create_table("t", &TableOptions::new(KeyFormat::Bytes)).unwrap();
    assert_eq!(one.list_tables().unwrap(), ["t"]);
    assert!(two.list_tables().unwrap().is_empty());
    write(&one, |txn| txn.cursor(&table)?.insert(b"k", b"v"));
    assert_eq!(keys(&one, &table), [b"k".to_vec()]);
    one.sync_log().unwrap();
    one.checkpoint().unwrap();
    assert!(matches!(one.backup(), Err(Error::Unsupported(_))));
    assert!(matches!(one.rename_table(&table, "u"), Err(Error::Unsupported(_))));
    one.close().unwrap();
}

#[test]
fn names_are_checked_and_unique() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let options = TableOptions::new(KeyFormat::Bytes);
    assert!(!engine.table_exists("t").unwrap());
    assert!(matches!(engine.table("t"), Err(Error::NotFound(_))));
    let table = engine.create_table("t", &options).unwrap();
    assert!(engine.table_exists("t").unwrap());
    assert_eq!(engine.table("t").unwrap(), table);
    assert!(matches!(engine.create_table("t", &options), Err(Error::Exists(_))));
    assert!(matches!(engine.create_table("a/b", &options), Err(Error::InvalidArgument(_))));
    assert!(matches!(engine.rename_table(&table, "t"), Err(Error::Exists(_))));
    assert!(matches!(engine.rename_table(&table, ""), Err(Error::InvalidArgument(_))));
    assert_eq!(keys(&engine, &table).len(), 0, "the table survives failed renames");
}

#[test]
fn a_table_is_dropped_though_sessions_cache_its_cursors() {
    let folder = tempfile::tempdir().unwrap();
    for engine in [memory(), open(folder.path())] {
        let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
        fill(&engine, &table, 1..=10, b"v");
        let started = std::time::Instant::now();
        let sessions: Vec<Session> = (0..4).map(|_| engine.session().unwrap()).collect();
        for session in &sessions {
            assert!(session.cursor(&table).unwrap().search(3).unwrap());
        }
        drop(sessions);
        engine.drop_table(&table).unwrap();
        assert!(started.elapsed().as_millis() < 500, "does not wait for WiredTiger's once-a-second look");
        assert!(!engine.table_exists("t").unwrap());
        assert!(matches!(engine.session().unwrap().cursor(&table), Err(Error::NotFound(_))));
        assert!(matches!(engine.drop_table(&table), Err(Error::NotFound(_))));

        // A later table of the same name is another table.
        let again = engine.create_table("t", &TableOptions::new(KeyFormat::Bytes)).unwrap();
        assert_ne!(table, again);
        assert!(keys(&engine, &again).is_empty());
    }
}

#[test]
fn a_table_in_use_is_busy_until_its_cursor_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&OpenOptions::new(folder.path()).busy_wait_ms(20)).unwrap();
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    let other = engine.create_table("other", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    fill(&engine, &table, 1..=10, b"v");
    let session = engine.session().unwrap();
    let mut cursor = session.cursor(&table).unwrap();
    assert!(cursor.next().unwrap());
    assert!(matches!(engine.drop_table(&table), Err(Error::Busy(_))));
    assert!(cursor.next().unwrap(), "the cursor still works");
    drop(cursor);
    assert!(matches!(engine.drop_table(&table), Err(Error::Busy(_))), "the session in use keeps the cursor");
    session.cursor(&other).unwrap();
    assert!(session.cursor(&table).is_ok(), "the failed drop leaves the table usable");
    session.release_cursors();
    engine.drop_table(&table).unwrap();

    // Any transaction older than the table's last change keeps it.
    fill(&engine, &other, 1..=10, b"v");
    let old = engine.session().unwrap().into_txn(Isolation::Snapshot).unwrap();
    fill(&engine, &other, 11..=20, b"v");
    session.release_cursors();
    assert!(matches!(engine.drop_table(&other), Err(Error::Busy(_))));
    drop(old);
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while let Err(error) = engine.drop_table(&other) {
        assert!(matches!(error, Error::Busy(_)) && std::time::Instant::now() < patience, "{error}");
    }
}

#[test]
fn a_table_changed_after_a_reopen_is_dropped_without_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    fill(&engine, &table, 1..=1000, &[1; 500]);
    engine.close().unwrap();

    let engine = open(folder.path());
    let table = engine.table("t").unwrap();
    fill(&engine, &table, 1001..=1010, b"v");
    let old_reader = engine.session().unwrap().into_txn(Isolation::Snapshot).unwrap();
    fill(&engine, &table, 1011..=1020, b"v");
    drop(old_reader);
    engine.drop_table(&table).unwrap();
    assert!(!folder.path().join("t.wt").exists());
}

#[test]
fn a_drop_waits_for_a_busy_session() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    let session = engine.session().unwrap();
    let cursor = session.cursor(&table).unwrap();
    std::thread::scope(|scope| {
        let dropping = scope.spawn(|| engine.drop_table(&table));
        std::thread::sleep(std::time::Duration::from_millis(50));
        drop(cursor);
        assert!(matches!(session.cursor(&table), Err(Error::Busy(_) | Error::NotFound(_))));
        dropping.join().unwrap().unwrap();
    });
}

#[test]
fn a_renamed_table_keeps_its_records() {
    let folder = tempfile::tempdir().unwrap();
    {
        let engine = open(folder.path());
        let old = engine.create_table("old", &TableOptions::new(KeyFormat::Bytes)).unwrap();
        write(&engine, |txn| txn.cursor(&old)?.insert(b"k", b"v"));
        let new = engine.rename_table(&old, "new").unwrap();
        assert_eq!(keys(&engine, &new), [b"k".to_vec()]);
        assert!(matches!(engine.session().unwrap().cursor(&old), Err(Error::NotFound(_))));
        assert_eq!(engine.list_tables().unwrap(), ["new"]);
    }
    let engine = open(folder.path());
    assert_eq!(keys(&engine, &engine.table("new").unwrap()), [b"k".to_vec()]);
}

#[test]
fn bulk_loads_survive_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    {
        let engine = open(folder.path());
        let options = TableOptions::new(KeyFormat::Bytes).prefix_compression(true);
        let table = engine.create_table("t", &options).unwrap();
        assert!(keys(&engine, &table).is_empty(), "leaves a cached cursor in the way");
        let mut loader = engine.bulk_load(&table).unwrap();
        for key in 0..1000u32 {
            loader.append(&key.to_be_bytes(), b"v").unwrap();
        }
        assert!(matches!(loader.append(7, b"v"), Err(Error::InvalidArgument(_))), "wrong key type");
        loader.finish().unwrap();
        assert_eq!(keys(&engine, &table).len(), 1000);
        assert!(matches!(engine.bulk_load(&table), Err(Error::InvalidArgument(_) | Error::Busy(_))), "not empty");
    }
    let engine = open(folder.path());
    let table = engine.table("t").unwrap();
    assert_eq!(keys(&engine, &table).len(), 1000);

    let memory = memory();
    let table = memory.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    let mut loader = memory.bulk_load(&table).unwrap();
    loader.append(-5, b"v").unwrap();
    loader.append(5, b"v").unwrap();
    loader.finish().unwrap();
    assert_eq!(record_ids(&memory, &table), [-5, 5]);
}

#[test]
fn a_backup_can_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    fill(&engine, &table, 1..=100, b"checkpointed");
    engine.checkpoint().unwrap();
    fill(&engine, &table, 101..=200, b"in the log only");
    let backup = engine.backup().unwrap();
    fill(&engine, &table, 201..=300, b"after");
    assert!(backup.files().iter().any(|file| file.ends_with("t.wt")));
    backup.copy_to(copy.path()).unwrap();
    drop(backup);
    engine.close().unwrap();

    let copied = open(copy.path());
    let ids = record_ids(&copied, &copied.table("t").unwrap());
    assert!(ids.len() >= 200 && ids[..200] == (1..=200).collect::<Vec<i64>>(), "{}", ids.len());
}

#[test]
fn figures_move() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    let before = engine.stats().unwrap();
    fill(&engine, &table, 1..=100, &[7; 1000]);
    engine.sync_log().unwrap();
    let after = engine.stats().unwrap();
    assert!(after.commits > before.commits);
    assert!(after.log_writes > before.log_writes);
    assert!(after.log_syncs > before.log_syncs);
    assert!(after.log_bytes >= before.log_bytes + 100_000);
    assert!(after.cache_bytes >= before.cache_bytes + 100_000);
    assert_eq!(after.cache_bytes_max, 64 << 20);
    assert!(engine.table_stats(&table).unwrap().cache_bytes >= 100_000);
}

#[test]
fn messages_go_to_the_sink() {
    use std::sync::{Arc, Mutex};
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = {
        let seen = Arc::clone(&seen);
        Arc::new(move |event: Event<'_>| seen.lock().unwrap().push((event.severity, event.text.to_string())))
    };
    let second = Engine::open(&OpenOptions::new(folder.path()).event_sink(sink));
    let Err(Error::Busy(message)) = second else { panic!("{second:?}") };
    assert!(message.contains(&format!("this process (pid {}) has it open already", std::process::id())), "{message}");
    let seen = seen.lock().unwrap();
    let told = |text: &str| text.contains("already being managed");
    assert!(seen.iter().any(|(severity, text)| *severity == Severity::Error && told(text)), "{seen:?}");
    drop(engine);
}
