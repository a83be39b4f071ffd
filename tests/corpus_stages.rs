//! The corpus of pipeline stages: embedded, with an index on every field, over the wire, and with so little memory that
//! every stage that can goes to disk.
//!
//! A row has the documents of the collection `c` (`docs`; left out, there is no collection and the pipeline runs on
//! none), those of `others` by name, a `pipeline`, and `let` variables. It expects documents (`expect`), an `error`, or
//! what collections hold afterwards (`after`). Where an index or the disk is used, rows may come in another order.
//!
//! Rows of expressions and accumulators run here as pipelines of one stage.

// A helper that cannot do its work fails its test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use smongo::engine::{Engine, EngineOptions};
use smongo::request::{
    AggregateRequest, CreateIndexesRequest, FindRequest, GetMoreRequest, InsertRequest, Namespace, OpContext,
};
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, OwnedValue, RawDoc, Value, View};

#[path = "wire/client.rs"]
#[allow(dead_code, reason = "shared with the tests of the wire protocol")]
mod client;
#[path = "corpus/runner.rs"]
#[allow(dead_code, reason = "shared with the other corpus tests")]
mod runner;

use client::{Client, TestServer};
use runner::{Answer, Failure};

/// Documents of a batch: few, so that rows cross from one batch to the next.
const BATCH_DOCUMENTS: u64 = 2;

/// The memory limits of stages that go to disk.
const LIMITS: [&str; 5] = [
    "internalDocumentSourceBucketAutoMaxMemoryBytes",
    "internalDocumentSourceGroupMaxMemoryBytes",
    "internalDocumentSourceSetWindowFieldsMaxMemoryBytes",
    "internalQueryMaxBlockingSortMemoryUsageBytes",
    "internalQuerySlotBasedExecutionHashLookupApproxMemoryUseInBytesBeforeSpill",
];

/// An engine, however it is reached.
trait Store {
    fn name(&self) -> &'static str;
    /// Whether rows may come in another order than that of their documents.
    fn changes_order(&self) -> bool;
    fn fill(&mut self, db: &str, row: &RawDoc) -> Result<(), String>;
    fn aggregate(&mut self, db: &str, row: &RawDoc) -> Answer;
    /// The documents of a collection, as an array.
    fn held(&mut self, db: &str, coll: &str) -> Answer;
}

#[test]
fn embedded() {
    stages(&mut Embedded::new(false));
}

#[test]
fn with_indexes() {
    stages(&mut Embedded::new(true));
}

#[test]
fn over_the_wire() {
    stages(&mut Remote::new(false));
}

#[test]
fn on_disk() {
    stages(&mut Remote::new(true));
}

#[test]
fn expressions_embedded() {
    expressions(&mut Embedded::new(false));
}

#[test]
fn expressions_over_the_wire() {
    expressions(&mut Remote::new(false));
}

#[test]
fn accumulators_embedded() {
    accumulators(&mut Embedded::new(false));
}

#[test]
fn accumulators_on_disk() {
    accumulators(&mut Remote::new(true));
}

fn stages(store: &mut dyn Store) {
    let mut at = 0;
    runner::run(root(), "stage", |row| {
        at += 1;
        check(store, &format!("row{at}"), row)
    });
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn check(store: &mut dyn Store, db: &str, row: &RawDoc) -> Result<(), String> {
    store.fill(db, row)?;
    let answer = store.aggregate(db, row);
    if let Some(after) = row.get("after").and_then(Value::as_doc) {
        answer.map_err(|failure| failure.to_string())?;
        for coll in after {
            let held = store.held(db, coll.name_str()).map_err(|failure| failure.to_string())?;
            runner::compare_with(row, coll.value(), coll.name_str(), Ok(held))?;
        }
        return Ok(());
    }
    if !store.changes_order() {
        return runner::compare(row, store.name(), answer);
    }
    let expected = sorted(runner::expected(row));
    runner::compare_with(row, expected.get(), store.name(), answer.map(|results| sorted(results.get())))
}

/// Most rows of expressions that may say nothing about a stored document.
const MAX_SKIPPED: usize = 40;

/// Each expression as the field of a new document.
fn expressions(store: &mut dyn Store) {
    let (mut at, mut skipped) = (0, 0);
    runner::run(root(), "expr", |row| {
        at += 1;
        let expr = row.get("expr").unwrap_or_default();
        // An insert also puts its own time in the place of empty timestamps.
        let is_stored_otherwise =
            runner::document(row, "doc").values().any(|value| matches!(value.view(), View::Timestamp(0)));
        if is_stored_otherwise || is_about_more(expr) {
            skipped += 1;
            return Ok(());
        }
        let stage = DocBuf::build(|stage| stage.document("$replaceWith", |root| root.value("r", expr)));
        check(store, &format!("expr{at}"), &as_stage(row, &[runner::document(row, "doc")], &[&stage]))
    });
    assert!(skipped <= MAX_SKIPPED, "{skipped} rows skipped");
}

/// Whether an expression gives more than the row's documents have: a stored document has an `_id`, and its own time.
fn is_about_more(expr: Value<'_>) -> bool {
    let text = runner::show(expr);
    ["$$ROOT\"", "$$CURRENT\"", "$$NOW", "$$CLUSTER_TIME"].iter().any(|name| text.contains(name))
}

/// Each accumulator over all documents. Without documents there is no group.
fn accumulators(store: &mut dyn Store) {
    let mut at = 0;
    runner::run(root(), "acc", |row| {
        at += 1;
        let docs = runner::documents(row);
        let acc = row.get("acc").unwrap_or_default();
        if is_about_more(acc) || docs.is_empty() && row.get("error").is_none() {
            return Ok(());
        }
        let group = DocBuf::build(|stage| {
            stage.document("$group", |group| {
                group.value("_id", Value::NULL);
                group.value("r", acc);
            });
        });
        let result = DocBuf::build(|stage| stage.document("$project", |fields| fields.value("_id", Value::int32(0))));
        check(store, &format!("acc{at}"), &as_stage(row, &docs, &[&group, &result]))
    });
}

/// A row for a value as one for a pipeline that gives `{r: value}`.
fn as_stage(row: &RawDoc, docs: &[&RawDoc], pipeline: &[&RawDoc]) -> DocBuf {
    DocBuf::build(|out| {
        out.array("docs", |list| docs.iter().for_each(|doc| list.value(Value::document(doc))));
        out.array("pipeline", |list| pipeline.iter().for_each(|stage| list.value(Value::document(stage))));
        for element in row.iter().filter(|element| ["error", "collation", "source"].contains(&element.name_str())) {
            out.raw_element(element.raw());
        }
        let expected = runner::expected(row);
        out.array("expect", |list| {
            list.document(|doc| {
                if !expected.is_nothing() {
                    doc.value("r", expected);
                }
            });
        });
    })
}

/// The elements of an array in an order that depends on nothing but them; other values as they are.
fn sorted(value: Value<'_>) -> OwnedValue {
    let Some(array) = value.as_array() else { return OwnedValue::new(value) };
    let mut elements: Vec<(String, Value<'_>)> = array.values().map(|value| (runner::show(value), value)).collect();
    elements.sort_by(|a, b| a.0.cmp(&b.0));
    let mut bytes = Vec::new();
    let mut out = ArrayWriter::new(&mut bytes);
    elements.iter().for_each(|(_, value)| out.value(*value));
    out.finish();
    OwnedValue::new(Value::array(&DocBuf::from_vec(bytes).unwrap()))
}

/// The collections of a row, with their documents.
fn collections(row: &RawDoc) -> Vec<(&str, Vec<&RawDoc>)> {
    let mut collections: Vec<(&str, Vec<&RawDoc>)> = vec![("c", runner::documents(row))];
    for other in runner::document(row, "others") {
        let docs = other.value().as_array().unwrap_or(RawDoc::EMPTY);
        collections.push((other.name_str(), docs.values().filter_map(Value::as_doc).collect()));
    }
    collections.retain(|(_, documents)| !documents.is_empty());
    collections
}

fn pipeline(row: &RawDoc) -> &RawDoc {
    row.get("pipeline").and_then(Value::as_array).unwrap_or(RawDoc::EMPTY)
}

/// An engine in this process.
struct Embedded {
    engine: Arc<Engine>,
    indexed: bool,
}

impl Embedded {
    fn new(indexed: bool) -> Self {
        Self { engine: Engine::open(EngineOptions::in_memory()).unwrap(), indexed }
    }

    /// Makes an index on each field that documents have, and on a few that they have inside.
    fn index(&self, ns: &Namespace, documents: &[&RawDoc]) -> Result<(), String> {
        let mut fields = BTreeSet::new();
        for element in documents.iter().flat_map(|doc| doc.iter()) {
            let name = element.name_str();
            if name == "_id" || name.is_empty() || name.contains(['$', '.', '*']) {
                continue;
            }
            fields.insert(name.to_owned());
        }
        let specs: Vec<DocBuf> = fields
            .iter()
            .map(|field| {
                DocBuf::build(|spec| {
                    spec.document("key", |key| key.value(field, Value::int32(1)));
                    spec.string("name", field);
                })
            })
            .collect();
        if specs.is_empty() {
            return Ok(());
        }
        let specs: Vec<&RawDoc> = specs.iter().map(DocBuf::as_doc).collect();
        let request = CreateIndexesRequest { ns: ns.clone(), specs: &specs, ignore_unknown_options: false };
        self.engine.create_indexes(&OpContext::new(), &request).map(drop).map_err(|error| error.to_string())
    }
}

impl Store for Embedded {
    fn name(&self) -> &'static str {
        if self.indexed { "engine with indexes" } else { "engine" }
    }

    fn changes_order(&self) -> bool {
        self.indexed
    }

    fn fill(&mut self, db: &str, row: &RawDoc) -> Result<(), String> {
        for (coll, documents) in collections(row) {
            let ns = Namespace::new(db, coll).unwrap();
            let request = InsertRequest::new(ns.clone(), &documents);
            let reply = self.engine.insert(&OpContext::new(), &request).map_err(|error| error.to_string())?;
            if let Some(error) = reply.write_errors.first() {
                return Err(error.message.clone());
            }
            if self.indexed {
                self.index(&ns, &documents)?;
            }
        }
        Ok(())
    }

    fn aggregate(&mut self, db: &str, row: &RawDoc) -> Answer {
        let base = match row.get("docs") {
            Some(_) => AggregateRequest::new(Namespace::new(db, "c").unwrap(), pipeline(row)),
            None => AggregateRequest::without_collection(db, pipeline(row)).map_err(failure)?,
        };
        let let_variables = row.get("let").and_then(Value::as_doc);
        let collation = runner::collation(row);
        let request = AggregateRequest { batch_size: Some(BATCH_DOCUMENTS), let_variables, collation, ..base };
        collect(&self.engine, &request.ns, |batch| {
            self.engine.aggregate(&OpContext::new(), &request, batch).map(|batched| batched.id)
        })
    }

    fn held(&mut self, db: &str, coll: &str) -> Answer {
        let request = FindRequest::new(Namespace::new(db, coll).unwrap());
        collect(&self.engine, &request.ns, |batch| self.engine.find(&OpContext::new(), &request, batch))
    }
}

/// A server behind a socket.
struct Remote {
    client: Client,
    on_disk: bool,
    _server: TestServer,
}

impl Remote {
    fn new(on_disk: bool) -> Self {
        let server = TestServer::start();
        let mut client = server.client();
        for limit in LIMITS.into_iter().filter(|_| on_disk) {
            let reply = client.admin(|command| {
                command.value("setParameter", Value::int32(1));
                command.value(limit, Value::int32(1));
            });
            assert!(client::is_ok(&reply), "{reply:?}");
        }
        Self { client, on_disk, _server: server }
    }

    /// All batches of the cursor that a command opens, as one array.
    fn collect(&mut self, db: &str, command: impl FnOnce(&mut DocWriter<'_, Vec<u8>>)) -> Answer {
        let mut bytes = Vec::new();
        let mut results = ArrayWriter::new(&mut bytes);
        let mut reply = succeed(self.client.run(db, command))?;
        loop {
            let cursor = reply.get("cursor").and_then(Value::as_doc).unwrap();
            let batch = cursor.get("firstBatch").or_else(|| cursor.get("nextBatch")).and_then(Value::as_array).unwrap();
            batch.values().for_each(|doc| results.value(doc));
            let id = cursor.get("id").unwrap();
            if id.as_integer() == Some(0) {
                break;
            }
            let (_, coll) = cursor.get("ns").and_then(Value::as_str).unwrap().split_once('.').unwrap();
            let next = self.client.run(db, |command| {
                command.value("getMore", id);
                command.string("collection", coll);
                command.value("batchSize", Value::int64(BATCH_DOCUMENTS as i64));
            });
            reply = succeed(next)?;
        }
        results.finish();
        Ok(OwnedValue::new(Value::array(&DocBuf::from_vec(bytes).unwrap())))
    }
}

fn succeed(reply: DocBuf) -> Result<DocBuf, Failure> {
    match client::code(&reply) {
        0 => Ok(reply),
        code => Err(Failure { code: i32::try_from(code).unwrap(), message: client::message(&reply).to_owned() }),
    }
}

impl Store for Remote {
    fn name(&self) -> &'static str {
        if self.on_disk { "wire, on disk" } else { "wire" }
    }

    fn changes_order(&self) -> bool {
        self.on_disk
    }

    fn fill(&mut self, db: &str, row: &RawDoc) -> Result<(), String> {
        for (coll, documents) in collections(row) {
            let reply = self.client.run(db, |command| {
                command.string("insert", coll);
                command.array("documents", |list| documents.iter().for_each(|doc| list.value(Value::document(doc))));
            });
            if !client::is_ok(&reply) || reply.get("writeErrors").is_some() {
                return Err(format!("{reply:?}"));
            }
        }
        Ok(())
    }

    fn aggregate(&mut self, db: &str, row: &RawDoc) -> Answer {
        self.collect(db, |command| {
            match row.get("docs") {
                Some(_) => command.string("aggregate", "c"),
                None => command.value("aggregate", Value::int32(1)),
            }
            command.value("pipeline", Value::array(pipeline(row)));
            command.document("cursor", |cursor| cursor.value("batchSize", Value::int64(BATCH_DOCUMENTS as i64)));
            for option in ["let", "collation"] {
                if let Some(value) = row.get(option) {
                    command.value(option, value);
                }
            }
        })
    }

    fn held(&mut self, db: &str, coll: &str) -> Answer {
        self.collect(db, |command| command.string("find", coll))
    }
}

/// All batches of a cursor, as one array.
fn collect(
    engine: &Engine,
    ns: &Namespace,
    first: impl FnOnce(&mut ArrayWriter<'_, Vec<u8>>) -> smongo::Result<i64>,
) -> Answer {
    let mut bytes = Vec::new();
    let mut batch = ArrayWriter::new(&mut bytes);
    let mut cursor_id = first(&mut batch).map_err(failure)?;
    while cursor_id != 0 {
        let batch_size = Some(BATCH_DOCUMENTS);
        let request = GetMoreRequest { ns: ns.clone(), cursor_id, batch_size, max_time: None };
        cursor_id = engine.get_more(&OpContext::new(), &request, &mut batch).map_err(failure)?.id;
    }
    batch.finish();
    let results = DocBuf::from_vec(bytes).unwrap();
    Ok(OwnedValue::new(Value::array(&results)))
}

fn failure(error: smongo::Error) -> Failure {
    Failure { code: error.code(), message: error.message().to_owned() }
}
