//! Documents of the server's own, in collections of `admin` and `config`, found by a string `_id`.

use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::request::{
    DeleteRequest, DeleteStatement, FindRequest, Namespace, OpContext, UpdateRequest, UpdateStatement,
};

/// The document with this `_id`.
pub(crate) fn get(engine: &Engine, ns: &Namespace, id: &str) -> Result<Option<DocBuf>> {
    let filter = by_id(id);
    Ok(find(engine, ns, &filter)?.into_iter().next())
}

/// The documents that satisfy a filter.
pub(crate) fn find(engine: &Engine, ns: &Namespace, filter: &RawDoc) -> Result<Vec<DocBuf>> {
    let op = OpContext::new();
    let mut request = FindRequest::new(ns.clone());
    request.filter = filter;
    request.batch_size = Some(u64::MAX);
    request.single_batch = true;
    let mut outcome = Ok(0);
    let found = DocBuf::build(|doc| outcome = doc.array("found", |batch| engine.find(&op, &request, batch)));
    outcome?;
    let batch = found.get("found").and_then(|batch| batch.as_array()).unwrap_or(RawDoc::EMPTY);
    Ok(batch.values().filter_map(|value| value.as_doc()).map(DocBuf::from).collect())
}

/// Stores a document in the place of the one with its `_id`.
pub(crate) fn put(engine: &Engine, ns: &Namespace, doc: &RawDoc) -> Result<()> {
    let id = doc.get("_id").unwrap_or(Value::NULL);
    let filter = DocBuf::build(|filter| filter.value("_id", id));
    let mut statement = UpdateStatement::new(&filter, Value::document(doc));
    statement.upsert = true;
    let statements = [statement];
    let mut request = UpdateRequest::new(ns.clone(), &statements);
    request.options.journal = true;
    let reply = engine.update(&OpContext::new(), &request)?;
    Error::from_write_errors(reply.write_errors).map_or(Ok(()), Err)
}

/// `{_id: id}`.
pub(crate) fn by_id(id: &str) -> DocBuf {
    DocBuf::build(|filter| filter.string("_id", id))
}
/// Removes all documents that satisfy a filter; gives how many there were.
pub(crate) fn remove(engine: &Engine, ns: &Namespace, filter: &RawDoc) -> Result<u64> {
    let statements = [DeleteStatement::new(filter, true)];
    let mut request = DeleteRequest::new(ns.clone(), &statements);
    request.options.journal = true;
    let reply = engine.delete(&OpContext::new(), &request)?;
    match Error::from_write_errors(reply.write_errors) {
        Some(error) => Err(error),
        None => Ok(reply.deleted),
    }
}

/// Updates all documents that satisfy a filter.
pub(crate) fn update_all(engine: &Engine, ns: &Namespace, filter: &RawDoc, update: &RawDoc) -> Result<()> {
    let mut statement = UpdateStatement::new(filter, Value::document(update));
    statement.multi = true;
    let statements = [statement];
    let mut request = UpdateRequest::new(ns.clone(), &statements);
    request.options.journal = true;
    let reply = engine.update(&OpContext::new(), &request)?;
    Error::from_write_errors(reply.write_errors).map_or(Ok(()), Err)
}
