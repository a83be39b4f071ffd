//! What the tests share.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a failure here fails the test")]

use smongo_storage::*;
use std::ops::RangeInclusive;
use std::path::Path;

/// A small database in a folder.
pub fn open(path: impl AsRef<Path>) -> Engine {
    Engine::open(&OpenOptions::new(path).cache_size_bytes(64 << 20)).unwrap()
}

pub fn memory() -> Engine {
    Engine::open(&OpenOptions::in_memory().cache_size_bytes(64 << 20)).unwrap()
}

/// Runs one transaction.
pub fn write(engine: &Engine, body: impl FnOnce(&Session) -> Result<()>) {
    let mut session = engine.session().unwrap();
    let txn = session.begin().unwrap();
    body(&txn).unwrap();
    txn.commit().unwrap();
}

/// Inserts records of one value.
pub fn fill(engine: &Engine, table: &Table, ids: RangeInclusive<i64>, value: &[u8]) {
    write(engine, |txn| {
        let mut cursor = txn.cursor(table)?;
        ids.into_iter().try_for_each(|id| cursor.insert(id, value))
    });
}

pub fn keys(engine: &Engine, table: &Table) -> Vec<Vec<u8>> {
    let session = engine.session().unwrap();
    let mut cursor = session.cursor(table).unwrap();
    let mut keys = Vec::new();
    while cursor.next().unwrap() {
        keys.push(cursor.key_bytes().to_vec());
    }
    keys
}

pub fn record_ids(engine: &Engine, table: &Table) -> Vec<i64> {
    let session = engine.session().unwrap();
    let mut cursor = session.cursor(table).unwrap();
    let mut ids = Vec::new();
    while cursor.next().unwrap() {
        ids.push(cursor.record_id());
    }
    ids
}
