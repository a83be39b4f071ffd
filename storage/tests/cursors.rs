//! Moving, finding and writing with cursors.
#![allow(clippy::unwrap_used, reason = "a failure here fails the test")]

mod common;

use common::*;
use smongo_storage::*;
use std::cmp::Ordering;

fn table(engine: &Engine, key: KeyFormat) -> Table {
    engine.create_table("t", &TableOptions::new(key)).unwrap()
}

#[test]
fn record_ids_sort_as_signed_numbers() {
    let engine = memory();
    let table = table(&engine, KeyFormat::RecordId);
    let sorted = [i64::MIN, -1_000_000_007, -256, -1, 0, 1, 255, 256, 1 << 40, i64::MAX];
    write(&engine, |txn| {
        let mut cursor = txn.cursor(&table)?;
        [3, 9, 0, 7, 4, 1, 8, 2, 6, 5].into_iter().try_for_each(|at: usize| cursor.insert(sorted[at], b"v"))
    });
    assert_eq!(record_ids(&engine, &table), sorted);
    let session = engine.session().unwrap();
    assert_eq!(session.cursor(&table).unwrap().largest_record_id().unwrap(), Some(i64::MAX));
}

#[test]
fn byte_keys_sort_as_memcmp_does() {
    let engine = memory();
    let table = table(&engine, KeyFormat::Bytes);
    let sorted: [&[u8]; 5] = [b"\0", b"\0\0", b"\x7f", b"\x80", b"\xff\xff"];
    write(&engine, |txn| {
        let mut cursor = txn.cursor(&table)?;
        sorted.iter().rev().try_for_each(|key| cursor.insert(*key, key))
    });
    assert_eq!(keys(&engine, &table), sorted);
}

#[test]
fn seeks_find_neighbours() {
    let engine = memory();
    let table = table(&engine, KeyFormat::RecordId);
    let session = engine.session().unwrap();
    let mut cursor = session.cursor(&table).unwrap();
    assert_eq!(cursor.search_near(1).unwrap(), None, "empty");
    assert!(!cursor.seek_ge(1).unwrap() && !cursor.seek_le(1).unwrap());
    assert!(!cursor.first().unwrap() && !cursor.last().unwrap());
    assert_eq!(cursor.largest_record_id().unwrap(), None);
    drop(cursor);

    write(&engine, |txn| {
        let mut cursor = txn.cursor(&table)?;
        [10, 20, 30].into_iter().try_for_each(|id| cursor.insert(id, b"v"))
    });
    let mut cursor = session.cursor(&table).unwrap();
    //  key,   ge,       gt,       le,       lt
    let rows = [
        (5, Some(10), Some(10), None, None),
        (10, Some(10), Some(20), Some(10), None),
        (15, Some(20), Some(20), Some(10), Some(10)),
        (30, Some(30), None, Some(30), Some(20)),
        (35, None, None, Some(30), Some(30)),
    ];
    for (key, ge, gt, le, lt) in rows {
        assert_eq!(cursor.seek_ge(key).unwrap().then(|| cursor.record_id()), ge, "ge {key}");
        assert_eq!(cursor.seek_gt(key).unwrap().then(|| cursor.record_id()), gt, "gt {key}");
        assert_eq!(cursor.seek_le(key).unwrap().then(|| cursor.record_id()), le, "le {key}");
        assert_eq!(cursor.seek_lt(key).unwrap().then(|| cursor.record_id()), lt, "lt {key}");
        assert_eq!(cursor.search(key).unwrap(), ge == le, "search {key}");
    }
    assert_eq!(cursor.search_near(20).unwrap(), Some(Ordering::Equal));
    assert!(cursor.first().unwrap());
    assert_eq!(cursor.record_id(), 10);
    assert!(!cursor.prev().unwrap());
    assert!(cursor.last().unwrap());
    assert_eq!(cursor.record_id(), 30);
    assert!(!cursor.next().unwrap());
    assert!(cursor.next().unwrap(), "from nowhere to the first");
    assert_eq!(cursor.record_id(), 10);
}

#[test]
fn writes_say_what_they_found() {
    let engine = memory();
    let table = table(&engine, KeyFormat::Bytes);
    let mut session = engine.session().unwrap();
    let txn = session.begin().unwrap();
    let mut cursor = txn.cursor(&table).unwrap();
    assert!(!cursor.update(b"k", b"0").unwrap());
    assert!(!cursor.remove(b"k").unwrap());
    cursor.insert(b"k", b"1").unwrap();
    assert_eq!(cursor.insert(b"k", b"2"), Err(Error::DuplicateKey));
    assert!(!cursor.is_positioned());
    assert!(cursor.search(b"k").unwrap());
    assert_eq!(cursor.value(), b"1", "the failed insert changed nothing, and the transaction goes on");
    cursor.put(b"k", b"3").unwrap();
    cursor.put(b"l", b"4").unwrap();
    assert!(cursor.update(b"l", b"5").unwrap());
    assert!(cursor.remove(b"k").unwrap());
    cursor.insert(b"a", b"").unwrap();
    drop(cursor);
    txn.commit().unwrap();

    let mut cursor = session.cursor(&table).unwrap();
    assert_eq!(cursor.next_value().unwrap(), Some(&b""[..]));
    assert_eq!(cursor.next_value().unwrap(), Some(&b"5"[..]));
    assert_eq!(cursor.key_bytes(), b"l");
    assert_eq!(cursor.next_value().unwrap(), None);
    assert_eq!(cursor.prev_value().unwrap(), Some(&b"5"[..]));
}

#[test]
fn a_cursor_that_stands_nowhere_lends_nothing() {
    let engine = memory();
    let table = table(&engine, KeyFormat::RecordId);
    fill(&engine, &table, 1..=1, b"v");
    let session = engine.session().unwrap();
    let mut cursor = session.cursor(&table).unwrap();
    assert_eq!((cursor.value(), cursor.record_id(), cursor.key_bytes()), (&b""[..], 0, &b""[..]));
    assert!(!cursor.search(2).unwrap());
    assert_eq!((cursor.value(), cursor.record_id()), (&b""[..], 0));
    assert!(cursor.search(1).unwrap());
    assert_eq!((cursor.value(), cursor.record_id()), (&b"v"[..], 1));
    cursor.reset().unwrap();
    assert_eq!((cursor.value(), cursor.record_id()), (&b""[..], 0));
}

#[test]
fn an_empty_key_is_before_all_and_never_there() {
    let engine = memory();
    let table = table(&engine, KeyFormat::Bytes);
    let session = engine.session().unwrap();
    assert_eq!(session.cursor(&table).unwrap().search_near(b"").unwrap(), None);
    write(&engine, |txn| {
        let mut cursor = txn.cursor(&table)?;
        assert!(matches!(cursor.insert(b"", b"v"), Err(Error::InvalidArgument(_))));
        assert!(matches!(cursor.put(b"", b"v"), Err(Error::InvalidArgument(_))));
        assert!(!cursor.update(b"", b"v")? && !cursor.remove(b"")?);
        cursor.insert(b"a", b"v")
    });
    let mut cursor = session.cursor(&table).unwrap();
    assert!(cursor.last().unwrap());
    assert!(!cursor.search(b"").unwrap() && !cursor.is_positioned());
    assert!(cursor.seek_ge(b"").unwrap());
    assert_eq!(cursor.key_bytes(), b"a");
    assert!(cursor.seek_gt(b"").unwrap());
    assert!(!cursor.seek_le(b"").unwrap() && !cursor.seek_lt(b"").unwrap());
}

#[test]
fn wrong_uses_are_refused() {
    let engine = memory();
    let ids = table(&engine, KeyFormat::RecordId);
    let bytes = engine.create_table("bytes", &TableOptions::new(KeyFormat::Bytes)).unwrap();
    let mut session = engine.session().unwrap();
    let mut cursor = session.cursor(&ids).unwrap();
    assert!(matches!(cursor.search(b"k"), Err(Error::InvalidArgument(_))), "bytes for a record id");
    assert!(matches!(cursor.insert(1, b"v"), Err(Error::InvalidArgument(_))), "no transaction");
    assert!(matches!(cursor.put(1, b"v"), Err(Error::InvalidArgument(_))));
    assert!(matches!(cursor.update(1, b"v"), Err(Error::InvalidArgument(_))));
    assert!(matches!(cursor.remove(1), Err(Error::InvalidArgument(_))));
    drop(cursor);
    let txn = session.begin().unwrap();
    let mut cursor = txn.cursor(&bytes).unwrap();
    assert!(matches!(cursor.insert(1, b"v"), Err(Error::InvalidArgument(_))), "a record id for bytes");
    cursor.insert(b"k", b"v").unwrap();
    drop(cursor);
    txn.commit().unwrap();
    assert!(record_ids(&engine, &ids).is_empty());
}

/// The fetching scan gives what a plain one gives, for values from nothing to many pages.
#[test]
fn a_value_scan_sees_every_record_once() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let table = table(&engine, KeyFormat::RecordId);
    let value = |id: i64| vec![id as u8; (id * id % 7919) as usize];
    write(&engine, |txn| {
        let mut cursor = txn.cursor(&table)?;
        (0..3000).try_for_each(|id| cursor.insert(id, &value(id)))
    });
    let check = |engine: &Engine, table: &Table| {
        let session = engine.session().unwrap();
        let mut cursor = session.cursor(table).unwrap();
        let mut expected = 0;
        while let Some(found) = cursor.next_value().unwrap() {
            assert!(found == value(expected), "record {expected}");
            expected += 1;
        }
        assert_eq!(expected, 3000);
        while let Some(found) = cursor.prev_value().unwrap() {
            expected -= 1;
            assert!(found == value(expected), "record {expected}");
        }
        assert_eq!(expected, 0);
    };
    check(&engine, &table);
    engine.close().unwrap();
    let engine = open(folder.path());
    check(&engine, &engine.table("t").unwrap());
}

#[test]
fn many_tables_in_one_session_do_not_mix() {
    let engine = memory();
    let tables: Vec<Table> = (0..100)
        .map(|number| engine.create_table(&format!("t{number}"), &TableOptions::new(KeyFormat::RecordId)).unwrap())
        .collect();
    write(&engine, |txn| {
        for round in 0..3 {
            for (number, table) in (0i64..).zip(&tables) {
                txn.cursor(table)?.put(round, &number.to_le_bytes())?;
            }
        }
        Ok(())
    });
    let session = engine.session().unwrap();
    for (number, table) in (0i64..).zip(&tables) {
        let mut one = session.cursor(table).unwrap();
        let mut two = session.cursor(table).unwrap();
        assert!(one.search(0).unwrap() && two.search(2).unwrap());
        assert_eq!((one.value(), two.value()), (&number.to_le_bytes()[..], &number.to_le_bytes()[..]));
        assert_eq!((one.record_id(), two.record_id()), (0, 2));
    }
}
