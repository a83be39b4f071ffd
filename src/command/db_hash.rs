//! `dbHash`: digests of collections, by which two databases are found to hold the same.

use md5::{Digest, Md5};
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Call;
use super::access::Needs;
use super::diagnostics::host_name;
use super::reply::{self, Reply};
use super::table::Command;
use crate::engine::Engine;
use crate::error::Result;
use crate::request::{FindRequest, GetMoreRequest, Namespace, OpContext};

pub(super) static DB_HASH: Command = Command::new("dbHash", db_hash, "gives digests of a database's collections")
    .aliases(&["dbhash"])
    .needs(Needs::OnDatabase(&["dbHash"]));

fn db_hash(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let wanted = call.request.body.get("collections").and_then(|names| names.as_array());
    let wanted: Vec<&str> =
        wanted.map(|names| names.values().filter_map(|name| name.as_str()).collect()).unwrap_or_default();
    let (op, engine) = (call.op(), &call.commands.engine);
    let mut hashed = Vec::new();
    let mut all = Md5::new();
    for coll in engine.collections_of(call.db) {
        if coll.ns.coll().starts_with("system.") || !(wanted.is_empty() || wanted.contains(&coll.ns.coll())) {
            continue;
        }
        let digest = hex(&hash_collection(engine, &op, &coll.ns)?);
        all.update(digest.as_bytes());
        hashed.push((coll, digest));
    }
    reply.string("host", &host_name());
    reply.document("collections", |doc| {
        for (coll, digest) in &hashed {
            doc.string(coll.ns.coll(), digest);
        }
    });
    reply.array("capped", |array| {
        for (coll, _) in hashed.iter().filter(|(coll, _)| coll.capped) {
            array.value(Value::string(coll.ns.coll()));
        }
    });
    reply.document("uuids", |doc| {
        for (coll, _) in &hashed {
            doc.value(coll.ns.coll(), Value::binary(4, &coll.uuid));
        }
    });
    reply.string("md5", &hex(&all.finalize()));
    let millis = u64::try_from(call.started.elapsed().as_millis()).unwrap_or(u64::MAX);
    reply.value("timeMillis", reply::count(millis));
    Ok(())
}

/// The digest of a collection's documents, by `_id`.
fn hash_collection(engine: &Engine, op: &OpContext, ns: &Namespace) -> Result<[u8; 16]> {
    let by_id = DocBuf::build(|doc| doc.value("_id", Value::int32(1)));
    let mut request = FindRequest::new(ns.clone());
    request.sort = Some(&by_id);
    let mut digest = Md5::new();
    let mut batch = DocBuf::new();
    let mut read = |next: &mut dyn FnMut(&mut smongo_vm::value::ArrayWriter<'_, Vec<u8>>) -> Result<i64>| {
        let mut outcome = Ok(0);
        batch = DocBuf::build(|doc| outcome = doc.array("batch", &mut *next));
        let cursor_id = outcome?;
        let documents = batch.get("batch").and_then(|batch| batch.as_array()).unwrap_or(RawDoc::EMPTY);
        documents.values().filter_map(|value| value.as_doc()).for_each(|doc| digest.update(doc.as_bytes()));
        Ok::<_, crate::error::Error>(cursor_id)
    };
    let mut cursor_id = read(&mut |batch| engine.find(op, &request, batch))?;
    while cursor_id != 0 {
        let more = GetMoreRequest { ns: ns.clone(), cursor_id, batch_size: None, max_time: None };
        cursor_id = read(&mut |batch| engine.get_more(op, &more, batch).map(|batched| batched.id))?;
    }
    Ok(digest.finalize().into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
