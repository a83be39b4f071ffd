//! `applyOps`: entries of an oplog, applied to the data.
//!
//! Each entry is applied by itself, in order, until one fails.

use smongo_vm::Code;
use smongo_vm::update::apply_diff;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Tag, Value};

use super::access::Needs;
use super::args::{self, Any, Argument, arguments, wrong_type};
use super::reply::{self, Reply};
use super::table::Command;
use super::{Call, run_inside};
use crate::error::{Error, Result};
use crate::request::{DeleteRequest, DeleteStatement, Namespace, UpdateRequest, UpdateStatement};
use crate::system_docs;

/// mongod's codes for options that are no longer supported.
const PARTIAL_TRANSACTION: Code = Code(31_056);
const PRECONDITION: Code = Code(6_711_600);
const ALWAYS_UPSERT: Code = Code(6_711_601);

/// How often an update by difference looks again at a document that changes under it.
const ATTEMPTS_MAX: u32 = 100;

pub(super) static APPLY_OPS: Command =
    Command::new("applyOps", apply_ops, "applies entries of an oplog").writes().needs(Needs::OnCluster(&["applyOps"]));

arguments! {
    /// Arguments of `applyOps`.
    struct ApplyOpsArgs in "applyOps" lenient {
        "allowAtomic" => allow_atomic: bool,
        "alwaysUpsert" => always_upsert: bool,
        "preCondition" => precondition: Any<'d>,
        "prepare" => prepare: Any<'d>,
        "partialTxn" => partial: Any<'d>,
        "count" => count: Count,
    }
}

/// An int64, which only entries inside an oplog have.
#[derive(Clone, Copy)]
struct Count;

impl<'d> Argument<'d> for Count {
    const TYPES: &'static [&'static str] = &["long"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        (value.tag() == Tag::Int64).then_some(Count)
    }
}

fn apply_ops(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let Some(ops) = call.first.as_array() else {
        return Err(wrong_type("applyOps", "applyOps", call.first.tag(), &["array"]));
    };
    let args: ApplyOpsArgs<'_> = args::of_command(&call.request)?;
    let refused = [
        (args.prepare.is_some(), Code::BAD_VALUE, "applyOps with 'prepare' set cannot be run directly"),
        (args.partial.is_some(), PARTIAL_TRANSACTION, "partialTxn is only allowed in oplog entries"),
        (args.precondition.is_some(), PRECONDITION, "applyOps no longer supports the 'preCondition' option"),
        (args.always_upsert == Some(true), ALWAYS_UPSERT, "The alwaysUpsert option is no longer supported"),
        (args.count.is_some(), Code::BAD_VALUE, "applyOps with 'count' set cannot be run directly"),
    ];
    if let Some((_, code, message)) = refused.into_iter().find(|(is_refused, ..)| *is_refused) {
        return Err(Error::new(code, message));
    }
    let mut results = Vec::new();
    let mut failure = None;
    for value in ops.values() {
        let entry = value.as_doc().ok_or_else(|| Error::new(Code::FAILED_TO_PARSE, "not a valid oplog entry"))?;
        let outcome = apply(call, entry);
        results.push(outcome.is_ok());
        if let Err(error) = outcome {
            failure = Some(error);
            break;
        }
    }
    let describe = |doc: &mut DocWriter<'_, Vec<u8>>| {
        doc.value("applied", reply::count(results.len() as u64));
        doc.array("results", |array| results.iter().for_each(|applied| array.value(Value::bool(*applied))));
    };
    match failure {
        None => {
            describe(reply);
            Ok(())
        }
        Some(error) => {
            let message = format!("applyOps had one or more errors applying ops: {}", error.message());
            Err(Error::new(Code::UNKNOWN_ERROR, message).with_details(DocBuf::build(describe)))
        }
    }
}

/// Applies one entry.
fn apply(call: &mut Call<'_, '_>, entry: &RawDoc) -> Result<()> {
    let text = |name: &str| entry.get(name).and_then(|value| value.as_str());
    let document = |name: &str| {
        let missing = || Error::new(Code::FAILED_TO_PARSE, format!("oplog entry needs an object '{name}'"));
        entry.get(name).and_then(|value| value.as_doc()).ok_or_else(missing)
    };
    let kind = text("op").ok_or_else(|| Error::new(Code::FAILED_TO_PARSE, "oplog entry needs a string 'op'"))?;
    if kind == "n" {
        return Ok(());
    }
    let full = text("ns").ok_or_else(|| Error::new(Code::FAILED_TO_PARSE, "oplog entry needs a string 'ns'"))?;
    let (db, coll) = full.split_once('.').unwrap_or((full, ""));
    let ns = Namespace::new(db, coll)?;
    match kind {
        "i" => {
            let doc = document("o")?;
            if doc.get("_id").is_none() {
                return Err(Error::new(Code::NO_SUCH_KEY, "an inserted document needs an _id"));
            }
            require_collection(call, &ns)?;
            system_docs::put(&call.commands.engine, &ns, doc)
        }
        "u" => {
            require_collection(call, &ns)?;
            update(call, &ns, document("o2")?, document("o")?)
        }
        "d" => {
            require_collection(call, &ns)?;
            let id = document("o")?.get("_id");
            let id = id.ok_or_else(|| Error::new(Code::NO_SUCH_KEY, "a delete needs an _id"))?;
            let filter = DocBuf::build(|doc| doc.value("_id", id));
            let statements = [DeleteStatement::new(&filter, false)];
            let reply = call.commands.engine.delete(&call.op(), &DeleteRequest::new(ns, &statements))?;
            Error::from_write_errors(reply.write_errors).map_or(Ok(()), Err)
        }
        "c" => {
            let command = document("o")?;
            let name = command.iter().next().map(|first| first.name_str()).unwrap_or_default();
            if !matches!(
                name,
                "create"
                    | "drop"
                    | "dropDatabase"
                    | "renameCollection"
                    | "createIndexes"
                    | "dropIndexes"
                    | "collMod"
                    | "applyOps"
            ) {
                let message = format!("applyOps does not run the command '{name}'");
                return Err(Error::new(Code::BAD_VALUE, message));
            }
            run_inside(call, db, command)
        }
        other => Err(Error::new(Code::BAD_VALUE, format!("invalid op type '{other}'"))),
    }
}

fn require_collection(call: &Call<'_, '_>, ns: &Namespace) -> Result<()> {
    if call.commands.engine.has_collection(ns) {
        return Ok(());
    }
    Err(Error::new(Code::NAMESPACE_NOT_FOUND, format!("Failed to apply operation: ns does not exist: {ns}")))
}

/// Replaces a document, or changes it by a difference (`{$v: 2, diff}`).
fn update(call: &Call<'_, '_>, ns: &Namespace, filter: &RawDoc, change: &RawDoc) -> Result<()> {
    let engine = &call.commands.engine;
    let run = |filter: &RawDoc, new: &RawDoc| -> Result<bool> {
        let statements = [UpdateStatement::new(filter, Value::document(new))];
        let reply = engine.update(&call.op(), &UpdateRequest::new(ns.clone(), &statements))?;
        match Error::from_write_errors(reply.write_errors) {
            Some(error) => Err(error),
            None => Ok(reply.matched > 0),
        }
    };
    let missing = || Error::new(Code::NO_MATCHING_DOCUMENT, format!("failed to apply update: no document in {ns}"));
    let Some(diff) = change.get("diff").and_then(|diff| diff.as_doc()).filter(|_| change.get("$v").is_some()) else {
        return if run(filter, change)? { Ok(()) } else { Err(missing()) };
    };
    for _ in 0..ATTEMPTS_MAX {
        let found = system_docs::find(engine, ns, filter)?;
        let old = found.first().ok_or_else(missing)?;
        let mut new = Vec::new();
        apply_diff(old, diff, &mut new)?;
        let new = DocBuf::from_vec(new).ok_or_else(|| Error::new(Code::INVALID_BSON, "the difference does not fit"))?;
        // Only what has been looked at is replaced.
        let unchanged = DocBuf::build(|doc| {
            doc.value("_id", old.get("_id").unwrap_or(Value::NULL));
            doc.document("$expr", |doc| {
                doc.array("$eq", |both| {
                    both.value(Value::string("$$ROOT"));
                    both.document(|doc| doc.value("$literal", Value::document(old)));
                });
            });
        });
        if run(&unchanged, &new)? {
            return Ok(());
        }
    }
    Err(Error::new(Code::WRITE_CONFLICT, "the document kept changing"))
}
