//! Giving space back.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use smongo_storage::{AutoCompact, Engine, Error, KeyFormat, OpenOptions, TableOptions};

#[test]
fn a_compacted_file_is_smaller() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(&OpenOptions::new(dir.path())).unwrap();
    let table = engine.create_table("t", &TableOptions::new(KeyFormat::RecordId)).unwrap();
    let mut session = engine.session().unwrap();
    let mut noise = 1_u64;
    let mut value = vec![0; 4000];
    for key in 0..10_000 {
        // Noise, so that compression leaves it its size.
        value.iter_mut().for_each(|byte| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (noise >> 56) as u8;
        });
        let txn = session.begin().unwrap();
        txn.cursor(&table).unwrap().insert(key, &value[..]).unwrap();
        txn.commit().unwrap();
    }
    engine.checkpoint().unwrap();
    let txn = session.begin().unwrap();
    let mut cursor = txn.cursor(&table).unwrap();
    assert!((0..9_000).all(|key| cursor.remove(key).unwrap()));
    drop(cursor);
    txn.commit().unwrap();
    engine.checkpoint().unwrap();
    let before = engine.table_stats(&table).unwrap();
    assert!(before.reusable_bytes > before.file_bytes / 2, "{before:?}");
    engine.compact(&table, 1).unwrap();
    let after = engine.table_stats(&table).unwrap();
    assert!(after.file_bytes < before.file_bytes / 2, "{before:?} {after:?}");
}

#[test]
fn compaction_in_the_background_starts_and_stops() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(&OpenOptions::new(dir.path())).unwrap();
    engine.auto_compact(Some(AutoCompact { free_space_target_mb: 20, run_once: false })).unwrap();
    // It is busy until the first look around has begun.
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Err(error) = engine.auto_compact(None) {
        assert!(matches!(error, Error::Busy(_)) && Instant::now() < deadline, "{error}");
        std::thread::sleep(Duration::from_millis(10));
    }
    let in_memory = Engine::open(&OpenOptions::in_memory()).unwrap();
    assert!(matches!(in_memory.auto_compact(None), Err(Error::Unsupported(_))));
}
