//! One filter, `{"a.b": {$gt: 500}, status: {$in: ["active", "pending"]}, tags: "t7"}`, over 100,000 documents of
//! about 600 bytes in a table, all behind the same cursor, which looks ahead: by hand, in the machine, and through
//! `bson::RawDocument`. `bare` is the cursor alone, touching one byte of each document.

#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smongo_benches::{Random, order};
use smongo_compiler::{CompiledFilter, ParseContext, compile_filter};
use smongo_storage::{Engine, KeyFormat, OpenOptions, Session, Table, TableOptions};
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{RawDoc, extjson};

const DOCUMENTS: u64 = 100_000;
const FILTER: &str = r#"{"a.b": {$gt: 500}, status: {$in: ["active", "pending"]}, tags: "t7"}"#;

fn filled_table(engine: &Engine, name: &str, mixed: bool) -> Table {
    let table = engine.create_table(name, &TableOptions::new(KeyFormat::RecordId)).expect("a table");
    let mut bulk = engine.bulk_load(&table).expect("a bulk load");
    let mut random = Random::new(42);
    for number in 0..DOCUMENTS {
        bulk.append(number as i64 + 1, order(&mut random, number, mixed).as_doc().as_bytes()).expect("an append");
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

/// Safe Rust, written for this filter: one walk over the elements, stopping at the first test that fails.
mod by_hand {
    fn length(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
    }

    fn size(kind: u8, bytes: &[u8], at: usize) -> usize {
        match kind {
            1 | 9 | 17 | 18 => 8,
            2 | 13 | 14 => 4 + length(bytes, at),
            3 | 4 => length(bytes, at),
            5 => 5 + length(bytes, at),
            7 => 12,
            8 => 1,
            16 => 4,
            19 => 16,
            _ => 0,
        }
    }

    /// Walks a document's elements until `visit` gives an answer.
    fn walk<R>(bytes: &[u8], mut visit: impl FnMut(u8, &[u8], usize) -> Option<R>) -> Option<R> {
        let mut at = 4;
        while bytes[at] != 0 {
            let kind = bytes[at];
            let name = &bytes[at + 1..];
            let name = &name[..name.iter().position(|&byte| byte == 0)?];
            let payload = at + 2 + name.len();
            if let Some(answer) = visit(kind, name, payload) {
                return Some(answer);
            }
            at = payload + size(kind, bytes, payload);
        }
        None
    }

    fn b_is_over_500(kind: u8, bytes: &[u8], at: usize) -> bool {
        match kind {
            16 => length(bytes, at) as i32 > 500,
            18 => i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) > 500,
            1 => f64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) > 500.0,
            _ => false,
        }
    }

    pub fn matches(bytes: &[u8]) -> bool {
        let mut seen = 0;
        walk(bytes, |kind, name, at| {
            let holds = match name {
                b"status" => {
                    let text = &bytes[at + 4..at + 3 + length(bytes, at)];
                    kind == 2 && (text == b"active" || text == b"pending")
                }
                b"a" => {
                    let inner = &bytes[at..at + length(bytes, at)];
                    kind == 3
                        && walk(inner, |kind, name, at| (name == b"b").then(|| b_is_over_500(kind, inner, at)))
                            .unwrap_or(false)
                }
                b"tags" => {
                    let inner = &bytes[at..at + length(bytes, at)];
                    kind == 4
                        && walk(inner, |kind, _, at| {
                            let is_t7 = kind == 2 && &inner[at + 4..at + 3 + length(inner, at)] == b"t7";
                            is_t7.then_some(true)
                        })
                        .unwrap_or(false)
                }
                _ => return None,
            };
            seen += 1;
            if !holds {
                Some(false)
            } else if seen == 3 {
                Some(true)
            } else {
                None
            }
        })
        .unwrap_or(false)
    }
}

/// Three lookups through the `bson` crate's raw documents.
fn by_raw_document(bytes: &[u8]) -> bool {
    use bson::{RawBsonRef, RawDocument};
    let Ok(doc) = RawDocument::from_bytes(bytes) else { return false };
    let over_500 =
        match doc.get("a").ok().flatten().and_then(|a| a.as_document()).and_then(|a| a.get("b").ok().flatten()) {
            Some(RawBsonRef::Int32(b)) => b > 500,
            Some(RawBsonRef::Int64(b)) => b > 500,
            Some(RawBsonRef::Double(b)) => b > 500.0,
            _ => false,
        };
    over_500
        && matches!(doc.get("status"), Ok(Some(RawBsonRef::String("active" | "pending"))))
        && doc
            .get("tags")
            .ok()
            .flatten()
            .and_then(|tags| tags.as_array())
            .is_some_and(|tags| tags.into_iter().any(|tag| matches!(tag, Ok(RawBsonRef::String("t7")))))
}

/// Processor time of the measuring thread: what a busy machine leaves comparable.
struct ThreadTime;

impl Measurement for ThreadTime {
    type Intermediate = cpu_time::ThreadTime;
    type Value = Duration;

    fn start(&self) -> Self::Intermediate {
        cpu_time::ThreadTime::now()
    }
    fn end(&self, start: Self::Intermediate) -> Duration {
        start.elapsed()
    }
    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }
    fn zero(&self) -> Duration {
        Duration::ZERO
    }
    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }
    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

fn scans(criterion: &mut Criterion<ThreadTime>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine =
        Engine::open(&OpenOptions::new(folder.path()).create(true).cache_size_bytes(1 << 30)).expect("a store");
    let filter = compiled();
    let env = Env::fixed();
    for (layout, mixed) in [("one_layout", false), ("mixed_layouts", true)] {
        let table = filled_table(&engine, &format!("orders-{layout}"), mixed);
        let session = engine.session().expect("a session");
        let mut machine = Machine::new();
        let mut by_machine = |bytes: &[u8]| {
            RawDoc::from_stored(bytes).is_some_and(|doc| machine.matches(&filter.program, doc, &env).expect("a match"))
        };
        let expected = scan(&session, &table, by_raw_document);
        assert!(expected > 1000, "the filter must select something");
        assert_eq!(scan(&session, &table, by_hand::matches), expected);
        assert_eq!(scan(&session, &table, &mut by_machine), expected);

        let mut group = criterion.benchmark_group(layout);
        group.throughput(Throughput::Elements(DOCUMENTS)).sample_size(30);
        group.bench_function("bare", |b| b.iter(|| scan(&session, &table, |bytes| black_box(bytes[0]) == 0)));
        group.bench_function("by_hand", |b| b.iter(|| scan(&session, &table, by_hand::matches)));
        group.bench_function("machine", |b| b.iter(|| scan(&session, &table, &mut by_machine)));
        group.bench_function("raw_document", |b| b.iter(|| scan(&session, &table, by_raw_document)));
        group.finish();
    }
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(ThreadTime); targets = scans);
criterion_main!(benches);
