//! Random pipelines against themselves with `$_internalInhibitOptimization` between all stages: a rewrite must not change
//! what comes out, nor its order.

// A helper that cannot do its work fails its test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use smongo::engine::{Engine, EngineOptions};
use smongo::request::{AggregateRequest, InsertRequest, Namespace, OpContext};
use smongo_vm::value::{ArrayWriter, DocBuf, RawDoc, Value, extjson};

const PIPELINES: u64 = 2000;
const STAGES_MAX: u64 = 7;

const STAGES: &[&str] = &[
    "{$match: {a: {$gt: 1}}}",
    "{$match: {b: 2, a: {$lt: 4}}}",
    "{$match: {'c.x': 1, n: {$exists: false}}}",
    "{$match: {$expr: {$gt: ['$a', '$b']}}}",
    "{$match: {$or: [{a: 1}, {t: 2}]}}",
    "{$match: {}}",
    "{$match: {n: {$gte: 2}}}",
    "{$match: {t: 1}}",
    "{$match: {i: 0, a: {$ne: 2}}}",
    "{$match: {'j.v': 3, b: {$gt: 0}}}",
    "{$project: {a: 1, n: '$b'}}",
    "{$project: {_id: 0, a: 1, t: 1, b: 1}}",
    "{$project: {c: 0}}",
    "{$set: {n: {$cond: [{$isNumber: '$b'}, {$add: [1, '$b']}, 0]}}}",
    "{$set: {a: '$b'}}",
    "{$addFields: {'c.y': '$a'}}",
    "{$unset: 'b'}",
    "{$sort: {a: 1, b: -1}}",
    "{$sort: {n: -1}}",
    "{$limit: 7}",
    "{$limit: 3}",
    "{$skip: 2}",
    "{$skip: 0}",
    "{$unwind: '$t'}",
    "{$unwind: {path: '$t', includeArrayIndex: 'i', preserveNullAndEmptyArrays: true}}",
    "{$unwind: {path: '$j', includeArrayIndex: 'c.at'}}",
    "{$group: {_id: '$a', b: {$sum: '$b'}, t: {$first: '$t'}}}",
    "{$group: {_id: null, n: {$sum: 1}, a: {$push: '$a'}}}",
    "{$count: 'n'}",
    "{$replaceRoot: {newRoot: {a: '$b', b: '$a', t: '$t'}}}",
    "{$lookup: {from: 'o', localField: 'a', foreignField: 'k', as: 'j'}}",
    "{$lookup: {from: 'o', let: {a: '$a'}, pipeline: [{$match: {$expr: {$eq: ['$k', '$$a']}}}, {$limit: 1}], as: 'j'}}",
    "{$facet: {n: [{$match: {a: {$gt: 0}}}, {$limit: 4}], a: [{$unwind: '$t'}, {$group: {_id: '$t', n: {$sum: 1}}}]}}",
    "{$bucketAuto: {groupBy: '$a', buckets: 2, output: {b: {$sum: '$b'}}}}",
    "{$setWindowFields: {sortBy: {a: 1}, output: {n: {$sum: '$b', window: {documents: [-1, 1]}}}}}",
    "{$redact: {$cond: [{$eq: ['$a', 3]}, '$$PRUNE', '$$KEEP']}}",
];

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn insert(engine: &Arc<Engine>, coll: &str, documents: &[DocBuf]) {
    let documents: Vec<&RawDoc> = documents.iter().map(DocBuf::as_doc).collect();
    let request = InsertRequest::new(Namespace::new("db", coll).unwrap(), &documents);
    assert!(engine.insert(&OpContext::new(), &request).unwrap().write_errors.is_empty());
}

fn documents(random: &mut Random) -> Vec<DocBuf> {
    (0..40)
        .map(|id| {
            DocBuf::build(|doc| {
                doc.value("_id", Value::int32(id));
                let number = |random: &mut Random| Value::int32(random.below(5) as i32);
                if random.below(8) > 0 {
                    doc.value("a", number(random));
                }
                doc.value("b", number(random));
                if random.below(4) > 0 {
                    doc.array("t", |t| (0..random.below(4)).for_each(|_| t.value(number(random))));
                }
                doc.document("c", |c| c.value("x", number(random)));
            })
        })
        .collect()
}

fn run(engine: &Arc<Engine>, stages: &[&str], between: &str) -> Result<DocBuf, i32> {
    let stages: Vec<String> = stages.iter().map(|stage| format!("{between}{stage}")).collect();
    let pipeline = extjson::parse_doc(&format!("{{p: [{}]}}", stages.join(", "))).unwrap();
    let pipeline = pipeline.get("p").and_then(Value::as_array).unwrap();
    let request = AggregateRequest {
        batch_size: Some(10_000),
        ..AggregateRequest::new(Namespace::new("db", "c").unwrap(), pipeline)
    };
    let mut bytes = Vec::new();
    let mut batch = ArrayWriter::new(&mut bytes);
    engine.aggregate(&OpContext::new(), &request, &mut batch).map_err(|error| error.code())?;
    batch.finish();
    Ok(DocBuf::from_vec(bytes).unwrap())
}

#[test]
fn rewritten_pipelines_give_what_others_give() {
    let engine = Engine::open(EngineOptions::in_memory()).unwrap();
    let mut random = Random(11);
    insert(&engine, "c", &documents(&mut random));
    let others: Vec<DocBuf> = (0..8)
        .map(|n| {
            DocBuf::build(|doc| {
                doc.value("_id", Value::int32(n));
                doc.value("k", Value::int32(n % 4));
                doc.value("v", Value::int32(n % 5));
            })
        })
        .collect();
    insert(&engine, "o", &others);
    let mut with_results = 0;
    for _ in 0..PIPELINES {
        let count = 1 + random.below(STAGES_MAX);
        let stages: Vec<&str> = (0..count).map(|_| STAGES[random.below(STAGES.len() as u64) as usize]).collect();
        let rewritten = run(&engine, &stages, "");
        let plain = run(&engine, &stages, "{$_internalInhibitOptimization: {}}, ");
        // Documents that are no longer computed cannot fail; MongoDB's own rewrites do the same.
        let spares_an_error = plain.is_err() && rewritten.is_ok();
        assert!(spares_an_error || rewritten == plain, "{stages:?}\nrewritten: {rewritten:?}\nplain: {plain:?}");
        with_results += u64::from(rewritten.is_ok_and(|results| !results.is_empty()));
    }
    assert!(with_results > PIPELINES / 4, "only {with_results} pipelines gave results");
}
