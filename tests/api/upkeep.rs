//! Looking after an open store.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bson::{Document, doc};
use smongo::Client;

use crate::Fixture;

#[test]
fn a_backup_while_others_write_has_all_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let client = Client::open(dir.path().join("data")).unwrap();
    let coll = client.database("db").collection::<Document>("c");
    coll.create_index(doc! { "n": 1 }).run().unwrap();
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicI64::new(-1));
    let copy = dir.path().join("copy");
    let at_least = std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                coll.insert_one(doc! { "_id": n, "n": n }).run().unwrap();
                acknowledged.store(n, Ordering::Relaxed);
            }
        });
        while acknowledged.load(Ordering::Relaxed) < 200 {
            std::thread::yield_now();
        }
        let at_least = acknowledged.load(Ordering::Relaxed);
        client.backup(&copy).unwrap();
        stop.store(true, Ordering::Relaxed);
        at_least
    });
    assert_eq!(client.backup(&copy).unwrap_err().code_name(), "BadValue");
    let copy = Client::open(&copy).unwrap();
    for (collection, found) in copy.check().unwrap() {
        assert!(found.is_valid(), "{collection}: {:?}", found.errors);
    }
    let coll = copy.database("db").collection::<Document>("c");
    let ids: Vec<i64> = coll
        .find(doc! {})
        .sort(doc! { "_id": 1 })
        .run()
        .unwrap()
        .map(|found| found.unwrap().get_i64("_id").unwrap())
        .collect();
    assert!(ids.len() as i64 > at_least, "{} of {at_least}", ids.len());
    assert!(ids.iter().zip(0..).all(|(id, n)| *id == n), "there are holes");
    assert_eq!(Client::in_memory().unwrap().backup(dir.path().join("x")).unwrap_err().code_name(), "IllegalOperation");
}

#[test]
fn sizes_checks_and_space() {
    let fixture = Fixture::with((0..1000).map(|n| doc! { "_id": n, "text": "x".repeat(500) }));
    let stats = fixture.coll.stats().unwrap();
    assert_eq!(stats.count, 1000);
    assert!(stats.size_bytes > 500_000 && stats.avg_obj_size_bytes > 500);
    assert_eq!(fixture.client.database("db").stats().unwrap().objects, 1000);
    let checked = fixture.coll.check().unwrap();
    assert!(checked.is_valid());
    assert_eq!((checked.records, checked.indexes.len()), (1000, 1));
    assert!(fixture.client.check().unwrap().iter().any(|(ns, _)| ns.full() == "db.c"));
    let dir = tempfile::tempdir().unwrap();
    let client = Client::open(dir.path()).unwrap();
    client.database("db").collection("c").insert_many((0..100).map(|n| doc! { "_id": n })).run().unwrap();
    client.compact().unwrap();
    client.database("db").collection::<Document>("c").compact().unwrap();
    assert_eq!(client.database("db").collection::<Document>("none").stats().unwrap(), Default::default());
}
