//! Stages that go to disk when memory is short: limits, errors, and that the disk is clean afterwards.

use smongo_vm::value::{DocBuf, RawDoc, Value, extjson};

use crate::client::{Client, TestServer, code, is_ok, message};

const DOCUMENTS: i32 = 3000;

fn fill(client: &mut Client) {
    for start in (0..DOCUMENTS).step_by(500) {
        let reply = client.run("db", |command| {
            command.string("insert", "c");
            command.array("documents", |documents| {
                for n in start..start + 500 {
                    documents.document(|doc| {
                        doc.value("_id", Value::int32(n));
                        doc.value("k", Value::int32(n * 7919 % DOCUMENTS));
                        doc.value("g", Value::int32(n % 700));
                        doc.string("text", &"x".repeat(100));
                    });
                }
            });
        });
        assert!(is_ok(&reply), "{reply:?}");
    }
}

fn set(client: &mut Client, name: &str, value: Value<'_>) {
    let reply = client.admin(|command| {
        command.value("setParameter", Value::int32(1));
        command.value(name, value);
    });
    assert!(is_ok(&reply), "{reply:?}");
}

fn limit_all(client: &mut Client, bytes: i32) {
    for name in [
        "internalDocumentSourceBucketAutoMaxMemoryBytes",
        "internalDocumentSourceGroupMaxMemoryBytes",
        "internalDocumentSourceSetWindowFieldsMaxMemoryBytes",
        "internalQueryMaxBlockingSortMemoryUsageBytes",
        "internalQuerySlotBasedExecutionHashLookupApproxMemoryUseInBytesBeforeSpill",
    ] {
        set(client, name, Value::int32(bytes));
    }
}

fn aggregate(client: &mut Client, pipeline: &str, allow_disk_use: Option<bool>) -> DocBuf {
    let pipeline = extjson::parse_doc(&format!("{{p: {pipeline}}}")).unwrap();
    client.run("db", |command| {
        command.string("aggregate", "c");
        command.value("pipeline", pipeline.get("p").unwrap());
        command.document("cursor", |cursor| cursor.value("batchSize", Value::int32(10_000)));
        if let Some(allow) = allow_disk_use {
            command.value("allowDiskUse", Value::bool(allow));
        }
    })
}

fn results(reply: &DocBuf) -> &RawDoc {
    assert!(is_ok(reply), "{reply:?}");
    reply.get("cursor").unwrap().as_doc().unwrap().get("firstBatch").unwrap().as_array().unwrap()
}

/// Pipelines whose stages hold their input, each ending in an order.
const PIPELINES: [&str; 8] = [
    "[{$sort: {k: 1}}, {$project: {k: 1}}]",
    "[{$sort: {g: -1, k: 1}}, {$limit: 2000}, {$project: {k: 1}}]",
    "[{$group: {_id: '$k', n: {$sum: 1}, first: {$first: '$_id'}}}, {$sort: {_id: 1}}]",
    "[{$group: {_id: '$g', all: {$push: '$_id'}, top: {$topN: {n: 2, sortBy: {k: 1}, output: '$k'}}}}, {$sort: {_id: 1}}]",
    "[{$bucketAuto: {groupBy: '$k', buckets: 7, output: {n: {$sum: 1}, last: {$max: '$k'}}}}]",
    "[{$setWindowFields: {partitionBy: '$g', sortBy: {k: 1}, output: {s: {$sum: '$k', window: {documents: [-1, 1]}}, \
     next: {$shift: {output: '$k', by: 1}}}}}, {$sort: {_id: 1}}, {$project: {s: 1, next: 1}}]",
    "[{$setWindowFields: {sortBy: {k: 1}, output: {s: {$sum: '$k', window: {range: [-100, 5]}}}}}, \
     {$sort: {_id: 1}}, {$project: {s: 1}}]",
    "[{$limit: 300}, {$lookup: {from: 'c', localField: 'g', foreignField: 'k', as: 'j'}}, {$project: {'j.k': 1}}, \
     {$sort: {_id: 1}}]",
];

#[test]
fn results_are_the_same_in_memory_and_on_disk() {
    let server = TestServer::start();
    let mut client = server.client();
    fill(&mut client);
    let in_memory: Vec<DocBuf> = PIPELINES.map(|pipeline| aggregate(&mut client, pipeline, None)).into();
    for bytes in [1, 20_000, 200_000] {
        limit_all(&mut client, bytes);
        for (pipeline, expected) in PIPELINES.iter().zip(&in_memory) {
            let reply = aggregate(&mut client, pipeline, Some(true));
            assert!(results(&reply) == results(expected), "{pipeline} with {bytes} bytes");
        }
    }
}

#[test]
fn without_disk_the_limit_is_an_error() {
    let server = TestServer::start();
    let mut client = server.client();
    fill(&mut client);
    limit_all(&mut client, 20_000);
    for pipeline in &PIPELINES[..7] {
        assert_eq!(code(&aggregate(&mut client, pipeline, Some(false))), 292, "{pipeline}");
    }
    let find = |client: &mut Client, allow: Option<bool>| {
        client.run("db", |command| {
            command.string("find", "c");
            command.document("sort", |sort| sort.value("k", Value::int32(1)));
            if let Some(allow) = allow {
                command.value("allowDiskUse", Value::bool(allow));
            }
        })
    };
    let reply = find(&mut client, Some(false));
    assert_eq!(code(&reply), 292);
    assert_eq!(
        message(&reply),
        "Executor error during find command :: caused by :: Sort exceeded memory limit of 20000 bytes, but did not \
         opt in to external sorting."
    );
    assert!(is_ok(&find(&mut client, None)));
    set(&mut client, "allowDiskUseByDefault", Value::FALSE);
    assert_eq!(code(&find(&mut client, None)), 292);
    assert!(is_ok(&find(&mut client, Some(true))));
}

#[test]
fn explain_tells_what_went_to_disk() {
    let server = TestServer::start();
    let mut client = server.client();
    fill(&mut client);
    for (bytes, used) in [(20_000, true), (100_000_000, false)] {
        limit_all(&mut client, bytes);
        let reply = client.run("db", |command| {
            command.document("explain", |find| {
                find.string("find", "c");
                find.document("sort", |sort| sort.value("k", Value::int32(1)));
            });
            command.string("verbosity", "executionStats");
        });
        assert!(is_ok(&reply), "{reply:?}");
        let stats = reply.get("executionStats").unwrap().as_doc().unwrap();
        let sort = stats.get("executionStages").unwrap().as_doc().unwrap();
        assert_eq!(sort.get("usedDisk").and_then(Value::as_bool), Some(used));
        assert_eq!(sort.get("spills").and_then(Value::as_integer).map(|spills| spills > 0), Some(used));
    }
}

#[test]
fn limits_are_parameters() {
    let server = TestServer::start();
    let mut client = server.client();
    let name = "internalQueryMaxBlockingSortMemoryUsageBytes";
    let get = |client: &mut Client| {
        let reply = client.admin(|command| {
            command.value("getParameter", Value::int32(1));
            command.value(name, Value::int32(1));
        });
        reply.get(name).and_then(|value| value.as_integer())
    };
    assert_eq!(get(&mut client), Some(104_857_600));
    set(&mut client, name, Value::int32(5));
    assert_eq!(get(&mut client), Some(5));
    let reply = client.admin(|command| {
        command.value("setParameter", Value::int32(1));
        command.value(name, Value::int32(0));
    });
    assert_eq!(code(&reply), 2);
}
