//! One filter, `{"a.b": {$gt: 500}, status: {$in: ["active", "pending"]}, tags: "t7"}`, over 100,000 documents of
//! about 600 bytes: in the machine, by hand in safe Rust and without bounds checks, and through `bson::RawDocument`.
//! All run with the same look-ahead: over documents that lie one behind the other in memory, and over a cursor on a
//! table.

#![allow(missing_docs)]

mod by_hand;

use std::hint::black_box;

use smongo_benches::measure::{BARE, Way, compare};
use smongo_benches::{Arena, Random, order};
use smongo_compiler::{CompiledFilter, ParseContext, compile_filter};
use smongo_storage::{Engine, KeyFormat, OpenOptions, Session, Table, TableOptions};
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{RawDoc, extjson};

const DOCUMENTS: u64 = 100_000;
const FILTER: &str = r#"{"a.b": {$gt: 500}, status: {$in: ["active", "pending"]}, tags: "t7"}"#;

fn arena(mixed: bool) -> Arena {
    let mut random = Random::new(42);
    Arena::new((0..DOCUMENTS).map(|number| order(&mut random, number, mixed)), by_hand::unsafe_words::SLACK_BYTES)
}

fn filled_table(engine: &Engine, name: &str, arena: &Arena) -> Table {
    let table = engine.create_table(name, &TableOptions::new(KeyFormat::RecordId)).expect("a table");
    let mut bulk = engine.bulk_load(&table).expect("a bulk load");
    for (number, doc) in arena.docs().enumerate() {
        bulk.append(number as i64 + 1, doc).expect("an append");
    }
    bulk.finish().expect("the end of the load");
    table
}

/// Counts the documents that `matches` accepts.
fn scan(session: &Session, table: &Table, mut matches: impl FnMut(&[u8]) -> bool) -> u64 {
    let mut cursor = session.cursor(table).expect("a cursor");
    let mut hits = 0;
    while let Some(bytes) = cursor.next_value().expect("a record") {
        hits += u64::from(matches(bytes));
    }
    hits
}

fn compiled() -> CompiledFilter {
    let filter = extjson::parse_doc(FILTER).expect("the filter");
    compile_filter(&filter, &mut ParseContext::new()).expect("the filter compiles")
}

/// The hand-written filter without bounds checks.
fn by_hand_unsafe(bytes: &[u8]) -> bool {
    // SAFETY: the generator makes valid documents; the arena keeps slack behind the last one, and the filter is
    // decided by fields far from the end of the document, so that no word reaches beyond it in a page either.
    unsafe { by_hand::unsafe_words::matches(bytes.as_ptr()) }
}

/// Every way of `FILTER`, over a scan that counts the documents that a predicate of the given name accepts. A macro, so
/// that each predicate is compiled into a loop of its own.
macro_rules! ways {
    (|$matches:ident| $scan:expr, $machine:ident, $filter:expr, $env:expr) => {
        vec![
            Way::new(BARE, || {
                let $matches = |bytes: &[u8]| black_box(bytes[0]) == 0;
                $scan
            }),
            Way::new("safe", || {
                let $matches = by_hand::safe::matches;
                $scan
            }),
            Way::new("safe by words", || {
                let $matches = by_hand::safe_words::matches;
                $scan
            }),
            Way::new("unsafe", || {
                let $matches = by_hand_unsafe;
                $scan
            }),
            Way::new("machine", || {
                let $matches = |bytes: &[u8]| {
                    RawDoc::from_stored(bytes)
                        .is_some_and(|doc| $machine.matches(&$filter.program, doc, &$env).expect("a match"))
                };
                $scan
            }),
            Way::new("raw document", || {
                let $matches = by_hand::raw_document;
                $scan
            }),
        ]
    };
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine =
        Engine::open(&OpenOptions::new(folder.path()).create(true).cache_size_bytes(1 << 30)).expect("a store");
    let filter = compiled();
    let env = Env::fixed();
    const REFERENCES: [&str; 4] = ["safe", "safe by words", "unsafe", "raw document"];
    for (layout, mixed) in [("one layout", false), ("mixed layouts", true)] {
        let mut machine = Machine::new();
        let arena = arena(mixed);
        compare(
            &format!("{layout}, in memory"),
            DOCUMENTS,
            &REFERENCES,
            ways!(|matches| arena.scan(matches), machine, filter, env),
        );
        let table = filled_table(&engine, &format!("orders-{mixed}"), &arena);
        let session = engine.session().expect("a session");
        compare(
            &format!("{layout}, over a cursor"),
            DOCUMENTS,
            &REFERENCES,
            ways!(|matches| scan(&session, &table, matches), machine, filter, env),
        );
    }
}
