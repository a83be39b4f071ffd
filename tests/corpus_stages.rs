//! The corpus of pipeline stages, on the embedded engine.
//!
//! A row has the documents of the collection `c` (`docs`; left out, there is no collection and the pipeline runs on
//! none), those of `others` by name, a `pipeline`, and `let` variables. It expects documents (`expect`), an `error`, or
//! what collections hold afterwards (`after`).

// A helper that cannot do its work fails its test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use smongo::engine::{Engine, EngineOptions};
use smongo::request::{AggregateRequest, FindRequest, GetMoreRequest, InsertRequest, Namespace, OpContext};
use smongo_vm::value::{ArrayWriter, DocBuf, OwnedValue, RawDoc, Value};

#[path = "corpus/runner.rs"]
#[allow(dead_code, reason = "shared with the other corpus tests")]
mod runner;

use runner::{Answer, Failure};

/// Documents of a batch: few, so that rows cross from one batch to the next.
const BATCH_DOCUMENTS: u64 = 2;

#[test]
fn stages() {
    let engine = Engine::open(EngineOptions::in_memory()).unwrap();
    let mut at = 0;
    runner::run(Path::new(env!("CARGO_MANIFEST_DIR")), "stage", |row| {
        at += 1;
        let db = format!("row{at}");
        fill(&engine, &db, row)?;
        let answer = aggregate(&engine, &db, row);
        if let Some(after) = row.get("after").and_then(Value::as_doc) {
            answer.map_err(|failure| failure.to_string())?;
            for coll in after {
                let held = held(&engine, &db, coll.name_str()).map_err(|failure| failure.to_string())?;
                runner::compare_with(row, coll.value(), coll.name_str(), Ok(held))?;
            }
            return Ok(());
        }
        runner::compare(row, "engine", answer)
    });
}

/// Makes the row's collections.
fn fill(engine: &Arc<Engine>, db: &str, row: &RawDoc) -> Result<(), String> {
    let mut collections: Vec<(&str, Vec<&RawDoc>)> = vec![("c", runner::documents(row))];
    for other in runner::document(row, "others") {
        let docs = other.value().as_array().unwrap_or(RawDoc::EMPTY);
        collections.push((other.name_str(), docs.values().filter_map(Value::as_doc).collect()));
    }
    for (coll, documents) in collections.iter().filter(|(_, documents)| !documents.is_empty()) {
        let request = InsertRequest::new(Namespace::new(db, coll).unwrap(), documents);
        let reply = engine.insert(&OpContext::new(), &request).map_err(|error| error.to_string())?;
        if let Some(error) = reply.write_errors.first() {
            return Err(error.message.clone());
        }
    }
    Ok(())
}

fn aggregate(engine: &Arc<Engine>, db: &str, row: &RawDoc) -> Answer {
    let pipeline = row.get("pipeline").and_then(Value::as_array).unwrap_or(RawDoc::EMPTY);
    let base = match row.get("docs") {
        Some(_) => AggregateRequest::new(Namespace::new(db, "c").unwrap(), pipeline),
        None => AggregateRequest::without_collection(db, pipeline).map_err(failure)?,
    };
    let let_variables = row.get("let").and_then(Value::as_doc);
    let request = AggregateRequest { batch_size: Some(BATCH_DOCUMENTS), let_variables, ..base };
    collect(engine, &request.ns, |batch| engine.aggregate(&OpContext::new(), &request, batch))
}

/// The documents of a collection, as an array.
fn held(engine: &Arc<Engine>, db: &str, coll: &str) -> Answer {
    let request = FindRequest::new(Namespace::new(db, coll).unwrap());
    collect(engine, &request.ns, |batch| engine.find(&OpContext::new(), &request, batch))
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
        let request = GetMoreRequest { ns: ns.clone(), cursor_id, batch_size: Some(BATCH_DOCUMENTS) };
        cursor_id = engine.get_more(&OpContext::new(), &request, &mut batch).map_err(failure)?;
    }
    batch.finish();
    let results = DocBuf::from_vec(bytes).unwrap();
    Ok(OwnedValue::new(Value::array(&results)))
}

fn failure(error: smongo::Error) -> Failure {
    Failure { code: error.code(), message: error.message().to_owned() }
}
