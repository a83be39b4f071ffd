//! The aggregation workloads of `over_the_wire.py` in this process: an engine in memory, 20,000 documents of about 500
//! bytes, one criterion group a workload. The time is that of a whole pipeline over all of them.

#![allow(missing_docs)]

use std::hint::black_box;
use std::sync::Arc;

use bson::{Bson, Document, doc};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smongo::engine::{Engine, EngineOptions};
use smongo::request::{AggregateRequest, DistinctRequest, InsertRequest, Namespace, OpContext};
use smongo_vm::value::{ArrayWriter, DocBuf, RawDoc};

const DOCUMENTS: u64 = 20_000;
const CITIES: i64 = 1_000;

/// A cheap sequence that comes out the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound) as i64
    }
}

fn document(number: i64, pick: &mut Numbers) -> Document {
    let status = ["new", "active", "closed", "lost"][pick.below(4) as usize];
    let tags: Vec<Bson> = (0..5 + pick.below(6)).map(|_| Bson::Int64(pick.below(100))).collect();
    doc! {
        "_id": number,
        "status": status,
        "group": pick.below(20),
        "customer": pick.below(DOCUMENTS / 2),
        "city": pick.below(CITIES as u64),
        "amount": pick.below(1_000_000) as f64 / 100.0,
        "quantity": pick.below(49) + 1,
        "tags": tags,
        "at": bson::DateTime::from_millis(1_704_067_200_000 + pick.below(86_400 * 365) * 1_000),
        "address": { "street": "Elm", "number": pick.below(200), "floor": Bson::Null },
        "text": "maple oak pine rowan spruce willow yew ash birch cedar ".repeat(4),
    }
}

fn raw(doc: &Document) -> DocBuf {
    DocBuf::from_vec(bson::serialize_to_vec(doc).expect("it serializes")).expect("a document")
}

fn insert(engine: &Engine, coll: &str, documents: &[DocBuf]) {
    let documents: Vec<&RawDoc> = documents.iter().map(DocBuf::as_doc).collect();
    let ns = Namespace::new("bench", coll).expect("a name");
    engine.insert(&OpContext::new(), &InsertRequest::new(ns, &documents)).expect("it inserts");
}

fn engine() -> Arc<Engine> {
    let engine = Engine::open(EngineOptions::in_memory()).expect("it opens");
    let mut pick = Numbers(7);
    let documents: Vec<DocBuf> = (0..DOCUMENTS as i64).map(|number| raw(&document(number, &mut pick))).collect();
    documents.chunks(1_000).for_each(|chunk| insert(&engine, "docs", chunk));
    let cities: Vec<DocBuf> =
        (0..CITIES).map(|number| raw(&doc! { "_id": number, "country": pick.below(40) })).collect();
    insert(&engine, "cities", &cities);
    engine
}

/// The workloads, each an array of stages.
fn workloads() -> Vec<(&'static str, Vec<Document>)> {
    let sums = |key: &str| doc! { "$group": { "_id": key, "n": { "$sum": 1 }, "amount": { "$sum": "$amount" } } };
    let run = doc! { "$sum": "$quantity", "window": { "documents": ["unbounded", "current"] } };
    let (from, to) = ("city", "_id");
    vec![
        ("match and group", vec![doc! { "$match": { "status": { "$in": ["new", "active"] } } }, sums("$group")]),
        ("group, many keys", vec![sums("$customer"), doc! { "$count": "n" }]),
        (
            "computed project and group",
            vec![
                doc! { "$project": {
                    "month": { "$month": "$at" },
                    "value": { "$multiply": ["$amount", "$quantity"] },
                    "where": { "$concat": ["$address.street", " ", { "$toString": "$address.number" }] },
                } },
                doc! { "$group": { "_id": "$month", "value": { "$avg": "$value" }, "last": { "$max": "$where" } } },
            ],
        ),
        (
            "unwind and group",
            vec![doc! { "$unwind": "$tags" }, doc! { "$group": { "_id": "$tags", "n": { "$sum": 1 } } }],
        ),
        (
            "lookup by an index",
            vec![
                doc! { "$match": { "_id": { "$lt": 1_000 } } },
                doc! { "$lookup": { "from": "cities", "localField": from, "foreignField": to, "as": "city" } },
                doc! { "$unwind": "$city" },
                doc! { "$group": { "_id": "$city.country", "n": { "$sum": 1 } } },
            ],
        ),
        (
            "facet",
            vec![doc! { "$facet": {
                "status": [{ "$sortByCount": "$status" }],
                "top": [{ "$sort": { "amount": -1 } }, { "$limit": 5 }, { "$project": { "amount": 1 } }],
                "all": [{ "$group": { "_id": Bson::Null, "max": { "$max": "$amount" } } }],
            } }],
        ),
        (
            "window",
            vec![
                doc! { "$setWindowFields": {
                    "partitionBy": "$group", "sortBy": { "at": 1 },
                    "output": { "run": run, "place": { "$documentNumber": {} } },
                } },
                doc! { "$group": { "_id": "$group", "run": { "$max": "$run" } } },
            ],
        ),
        (
            "sort",
            vec![
                doc! { "$sort": { "amount": 1 } },
                doc! { "$skip": DOCUMENTS as i64 - 10 },
                doc! { "$project": { "amount": 1 } },
            ],
        ),
    ]
}

fn pipelines(criterion: &mut Criterion) {
    let engine = engine();
    let ns = Namespace::new("bench", "docs").expect("a name");
    let mut group = criterion.benchmark_group("pipelines");
    group.throughput(Throughput::Elements(DOCUMENTS)).sample_size(20);
    for (name, stages) in workloads() {
        let stages = raw(&doc! { "stages": stages });
        let pipeline = stages.get("stages").and_then(|stages| stages.as_array()).expect("an array");
        group.bench_function(name, |b| {
            b.iter(|| {
                let request = AggregateRequest::new(ns.clone(), black_box(pipeline));
                let mut bytes = Vec::new();
                let mut batch = ArrayWriter::new(&mut bytes);
                let cursor = engine.aggregate(&OpContext::new(), &request, &mut batch).expect("it runs");
                batch.finish();
                (cursor, bytes)
            });
        });
    }
    group.bench_function("distinct", |b| {
        b.iter(|| {
            let request = DistinctRequest::new(ns.clone(), black_box("customer"));
            let mut bytes = Vec::new();
            let mut values = ArrayWriter::new(&mut bytes);
            engine.distinct(&OpContext::new(), &request, &mut values).expect("it runs");
            values.finish();
            bytes
        });
    });
    group.finish();
}

criterion_group!(benches, pipelines);
criterion_main!(benches);
