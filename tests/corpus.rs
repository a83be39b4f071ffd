//! The corpus on the whole engine: a collection in memory, embedded and over the wire.
//!
//! The rows are those of `compiler/tests/corpus.rs`, so that storage, commands and sockets cannot change what a filter
//! or an update means. Documents that have no `_id` get their position as one, first; rows whose documents cannot be
//! stored side by side, or whose filter tells how many fields a document has, say nothing here and are counted.

// A helper that cannot do its work fails its test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;

use smongo::request::{
    CreateIndexesRequest, DeleteRequest, DeleteStatement, FindRequest, InsertRequest, Namespace, OpContext,
    UpdateRequest, UpdateStatement,
};
use smongo_vm::value::{ArrayWriter, DocBuf, OwnedValue, RawDoc, Value};

#[path = "wire/client.rs"]
#[allow(dead_code, reason = "shared with the tests of the wire protocol")]
mod client;
#[path = "corpus/runner.rs"]
mod runner;

use runner::{Answer, Failure};

/// Most rows of a kind that may say nothing about an engine with storage.
const MAX_SKIPPED: usize = 60;

/// A query of a row.
#[derive(Clone, Copy)]
struct Query<'r> {
    filter: &'r RawDoc,
    collation: Option<&'r RawDoc>,
    hint: Option<&'r RawDoc>,
}

/// Fewest scans of an index that the rows of filters give reason for.
const MIN_INDEX_SCANS: usize = 500;

/// A statement of a row.
struct Statement<'r> {
    filter: &'r RawDoc,
    collation: Option<&'r RawDoc>,
    update: Value<'r>,
    array_filters: Option<&'r RawDoc>,
    upsert: bool,
}

/// A collection, however it is reached.
trait Store {
    fn name(&self) -> &'static str;
    fn clear(&mut self);
    fn insert(&mut self, doc: &RawDoc) -> Result<(), Failure>;
    fn find(&mut self, query: Query<'_>) -> Result<Vec<DocBuf>, Failure>;
    /// Gives whether a document changed.
    fn update(&mut self, statement: &Statement<'_>) -> Result<bool, Failure>;
}

#[test]
fn filters_embedded() {
    filters(&mut Embedded::new());
}

#[test]
fn filters_over_the_wire() {
    filters(&mut Remote::new());
}

/// Every filter once more by an index on each path that it names, which the query must use: the scan of the collection
/// and the scan of the index have to give the same documents, and the row's.
#[test]
fn filters_by_index() {
    let mut store = Embedded::new();
    let (mut rows, mut scans) = (0, 0);
    runner::run(root(), "filter", |row| {
        let Some(docs) = storable(row) else { return Ok(()) };
        let filter = runner::document(row, "filter");
        let mut paths = Vec::new();
        named_paths(filter, &mut paths);
        for path in paths {
            rows += 1;
            store.enter(&format!("by_index_{rows}"));
            if docs.iter().any(|doc| store.insert(doc).is_err()) {
                return Ok(());
            }
            let key = DocBuf::build(|key| key.value(&path, Value::int32(1)));
            let query = Query { filter, collation: runner::collation(row), hint: None };
            // Arrays side by side cannot be indexed together, nor paths that only a filter may have.
            if store.index(&key, query.collation).is_err() {
                continue;
            }
            scans += 1;
            let by_index = store.find(Query { hint: Some(&key), ..query });
            let by_index = by_index.map(|found| positions_in_order(&found, &docs));
            runner::compare(row, &format!("index on {path}"), by_index)?;
            let by_choice = store.find(query).map(|found| positions_in_order(&found, &docs));
            runner::compare(row, &format!("collection with an index on {path}"), by_choice)?;
        }
        Ok(())
    });
    println!("{scans} index scans");
    assert!(scans >= MIN_INDEX_SCANS, "{scans} index scans");
}

/// The positions of what was found, in the order of the row's documents.
fn positions_in_order(found: &[DocBuf], docs: &[DocBuf]) -> OwnedValue {
    let mut positions: Vec<usize> =
        found.iter().map(|found| docs.iter().position(|doc| doc == found).unwrap()).collect();
    positions.sort_unstable();
    runner::positions(positions)
}

/// The paths that a filter tests, each once.
fn named_paths(filter: &RawDoc, paths: &mut Vec<String>) {
    for element in filter {
        let name = element.name_str();
        if ["$and", "$or", "$nor"].contains(&name) {
            let parts = element.value().as_array().unwrap_or(RawDoc::EMPTY);
            parts.values().filter_map(Value::as_doc).for_each(|part| named_paths(part, paths));
        } else if !name.starts_with('$') && !name.is_empty() && !paths.iter().any(|path| path == name) {
            paths.push(name.to_owned());
        }
    }
}

/// The documents of a row as the engine stores them, unless the row says nothing about documents with an `_id`.
fn storable(row: &RawDoc) -> Option<Vec<DocBuf>> {
    let docs = runner::documents(row).into_iter().enumerate().map(|(at, doc)| with_id(doc, at)).collect();
    (!counts_fields(runner::document(row, "filter"))).then_some(docs)
}

#[test]
fn updates_embedded() {
    updates(&mut Embedded::new());
}

#[test]
fn updates_over_the_wire() {
    updates(&mut Remote::new());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn filters(store: &mut dyn Store) {
    let mut skipped = Vec::new();
    runner::run(root(), "filter", |row| {
        let filter = runner::document(row, "filter");
        store.clear();
        let docs = storable(row).filter(|docs| docs.iter().all(|doc| store.insert(doc).is_ok()));
        let Some(docs) = docs else {
            skipped.push(row.get("name").map(|name| format!("{name:?}")).unwrap_or_default());
            return Ok(());
        };
        let query = Query { filter, collation: runner::collation(row), hint: None };
        let answer = store.find(query).map(|found| {
            // Natural order is insertion order.
            runner::positions(found.iter().map(|found| docs.iter().position(|doc| doc == found).unwrap()))
        });
        runner::compare(row, store.name(), answer)
    });
    println!("{} rows say nothing here: {}", skipped.len(), skipped.join(", "));
    assert!(skipped.len() <= MAX_SKIPPED, "{} rows skipped", skipped.len());
}

/// Whether a filter, or anything in it, tells how many fields a document has or lists the only ones it may have.
fn counts_fields(filter: &RawDoc) -> bool {
    const KEYWORDS: [&str; 3] = ["minProperties", "maxProperties", "additionalProperties"];
    filter.iter().any(|element| {
        KEYWORDS.contains(&element.name_str()) || element.value().as_container().is_some_and(counts_fields)
    })
}

fn updates(store: &mut dyn Store) {
    runner::run(root(), "update", |row| {
        store.clear();
        let found = row.get("doc").and_then(Value::as_doc);
        let expected = match runner::expected(row).as_doc() {
            Some(expected) if found.is_some() => OwnedValue::new(Value::document(&with_id(expected, 0))),
            _ => OwnedValue::new(runner::expected(row)),
        };
        if let Some(doc) = found {
            store.insert(&with_id(doc, 0)).map_err(|failure| format!("cannot be stored: {failure}"))?;
        }
        let statement = Statement {
            filter: runner::document(row, "filter"),
            collation: runner::collation(row),
            update: row.get("update").unwrap_or(Value::NOTHING),
            array_filters: row.get("arrayFilters").and_then(Value::as_array),
            upsert: row.get("upsert").and_then(Value::as_bool) == Some(true),
        };
        let (answer, modified) = match store.update(&statement) {
            Ok(modified) => (stored(store, expected.get()), Some(modified)),
            Err(failure) => (Err(failure), None),
        };
        runner::compare_with(row, expected.get(), store.name(), answer)?;
        // An upsert counts as no modification.
        runner::compare_modified(row, store.name(), modified.filter(|_| found.is_some()))
    });
}

/// The one document of the collection, without its `_id` when it was generated.
fn stored(store: &mut dyn Store, expected: Value<'_>) -> Answer {
    let found = store.find(Query { filter: RawDoc::EMPTY, collation: None, hint: None })?;
    let [doc] = &found[..] else { panic!("{} documents", found.len()) };
    let names_id = expected.as_doc().is_none_or(|expected| expected.get("_id").is_some());
    if names_id {
        return Ok(OwnedValue::new(Value::document(doc)));
    }
    let rest = DocBuf::build(|out| {
        doc.iter().filter(|element| element.name_str() != "_id").for_each(|element| out.raw_element(element.raw()));
    });
    Ok(OwnedValue::new(Value::document(&rest)))
}

/// The document as the engine stores it: its `_id`, which is `position` if it has none, first.
fn with_id(doc: &RawDoc, position: usize) -> DocBuf {
    let id = doc.get("_id").unwrap_or(Value::int32(i32::try_from(position).unwrap()));
    DocBuf::build(|out| {
        out.value("_id", id);
        doc.iter().filter(|element| element.name_str() != "_id").for_each(|element| out.raw_element(element.raw()));
    })
}

/// A collection in this process.
struct Embedded {
    client: smongo::Client,
    ns: Namespace,
}

impl Embedded {
    fn new() -> Self {
        Self { client: smongo::Client::in_memory().unwrap(), ns: Namespace::new("db", "c").unwrap() }
    }

    /// Goes on with another collection.
    fn enter(&mut self, name: &str) {
        self.ns = Namespace::new("db", name).unwrap();
    }

    /// Makes an index.
    fn index(&mut self, key: &RawDoc, collation: Option<&RawDoc>) -> Result<(), Failure> {
        let spec = DocBuf::build(|spec| {
            spec.value("key", Value::document(key));
            spec.string("name", "by_path");
            if let Some(collation) = collation {
                spec.value("collation", Value::document(collation));
            }
        });
        let specs = [&*spec];
        let request = CreateIndexesRequest { ns: self.ns.clone(), specs: &specs, ignore_unknown_options: false };
        self.client.engine().unwrap().create_indexes(&OpContext::new(), &request)?;
        Ok(())
    }
}

impl From<smongo::Error> for Failure {
    fn from(error: smongo::Error) -> Self {
        Failure { code: error.code(), message: error.message().to_owned() }
    }
}

/// The first of the write errors.
fn first_of(errors: &[smongo::WriteError]) -> Result<(), Failure> {
    match errors.first() {
        Some(error) => Err(Failure { code: error.code, message: error.message.clone() }),
        None => Ok(()),
    }
}

impl Store for Embedded {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn clear(&mut self) {
        let all = [DeleteStatement::new(RawDoc::EMPTY, true)];
        let request = DeleteRequest::new(self.ns.clone(), &all);
        self.client.engine().unwrap().delete(&OpContext::new(), &request).unwrap();
    }

    fn insert(&mut self, doc: &RawDoc) -> Result<(), Failure> {
        let documents = [doc];
        let request = InsertRequest::new(self.ns.clone(), &documents);
        let reply = self.client.engine().unwrap().insert(&OpContext::new(), &request)?;
        first_of(&reply.write_errors)
    }

    fn find(&mut self, query: Query<'_>) -> Result<Vec<DocBuf>, Failure> {
        let mut bytes = Vec::new();
        let mut batch = ArrayWriter::new(&mut bytes);
        let request = FindRequest {
            filter: query.filter,
            collation: query.collation,
            hint: query.hint.map(Value::document),
            batch_size: Some(1000),
            ..FindRequest::new(self.ns.clone())
        };
        self.client.engine().unwrap().find(&OpContext::new(), &request, &mut batch)?;
        batch.finish();
        let batch = RawDoc::from_bytes(&bytes).unwrap();
        Ok(batch.values().filter_map(Value::as_doc).map(DocBuf::from).collect())
    }

    fn update(&mut self, statement: &Statement<'_>) -> Result<bool, Failure> {
        let statements = [UpdateStatement {
            array_filters: statement.array_filters,
            collation: statement.collation,
            upsert: statement.upsert,
            ..UpdateStatement::new(statement.filter, statement.update)
        }];
        let request = UpdateRequest::new(self.ns.clone(), &statements);
        let reply = self.client.engine().unwrap().update(&OpContext::new(), &request)?;
        first_of(&reply.write_errors)?;
        Ok(reply.modified > 0)
    }
}

/// A collection behind a socket.
struct Remote {
    client: client::Client,
    _server: client::TestServer,
}

impl Remote {
    fn new() -> Self {
        let server = client::TestServer::start();
        Self { client: server.client(), _server: server }
    }

    /// Runs `{command: "c", list: [entry]}`; gives the reply unless it tells an error.
    fn run(&mut self, command: &str, list: &str, entry: &RawDoc) -> Result<DocBuf, Failure> {
        let reply = self.client.run("db", |doc| {
            doc.string(command, "c");
            doc.array(list, |array| array.value(Value::document(entry)));
        });
        check(&reply)?;
        let errors = reply.get("writeErrors").and_then(Value::as_array);
        match errors.and_then(|errors| errors.get_index(0)).and_then(Value::as_doc) {
            Some(error) => Err(failure_of(error)),
            None => Ok(reply),
        }
    }
}

fn check(reply: &RawDoc) -> Result<(), Failure> {
    if reply.get("ok").and_then(Value::as_double) == Some(1.0) { Ok(()) } else { Err(failure_of(reply)) }
}

fn failure_of(error: &RawDoc) -> Failure {
    Failure {
        code: error.get("code").and_then(Value::as_integer).and_then(|code| i32::try_from(code).ok()).unwrap(),
        message: error.get("errmsg").and_then(Value::as_str).unwrap_or_default().to_owned(),
    }
}

impl Store for Remote {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn clear(&mut self) {
        let all = DocBuf::build(|doc| {
            doc.value("q", Value::document(RawDoc::EMPTY));
            doc.value("limit", Value::int32(0));
        });
        self.run("delete", "deletes", &all).unwrap_or_else(|failure| panic!("{failure}"));
    }

    fn insert(&mut self, doc: &RawDoc) -> Result<(), Failure> {
        self.run("insert", "documents", doc).map(drop)
    }

    fn find(&mut self, query: Query<'_>) -> Result<Vec<DocBuf>, Failure> {
        let reply = self.client.run("db", |doc| {
            doc.string("find", "c");
            doc.value("filter", Value::document(query.filter));
            for (option, value) in [("collation", query.collation), ("hint", query.hint)] {
                if let Some(value) = value {
                    doc.value(option, Value::document(value));
                }
            }
            doc.value("batchSize", Value::int32(1000));
        });
        check(&reply)?;
        let batch = reply.get("cursor").and_then(Value::as_doc).and_then(|cursor| cursor.get("firstBatch"));
        let batch = batch.and_then(Value::as_array).unwrap();
        Ok(batch.values().filter_map(Value::as_doc).map(DocBuf::from).collect())
    }

    fn update(&mut self, statement: &Statement<'_>) -> Result<bool, Failure> {
        let entry = DocBuf::build(|doc| {
            doc.value("q", Value::document(statement.filter));
            doc.value("u", statement.update);
            if let Some(filters) = statement.array_filters {
                doc.value("arrayFilters", Value::array(filters));
            }
            if let Some(collation) = statement.collation {
                doc.value("collation", Value::document(collation));
            }
            if statement.upsert {
                doc.value("upsert", Value::bool(true));
            }
        });
        let reply = self.run("update", "updates", &entry)?;
        Ok(reply.get("nModified").and_then(Value::as_integer) != Some(0))
    }
}
