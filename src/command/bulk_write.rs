//! `bulkWrite`: inserts, updates and deletes on several collections in one command.

use std::sync::atomic::Ordering;

use smongo_vm::Code;
use smongo_vm::value::{ArrayWriter, RawDoc, Tag, Value};

use super::Call;
use super::access::{Needs, Requirement, Target};
use super::args::{self, Any, Array, Documents, arguments};
use super::insert::{check_batch, write_options};
use super::reply::{self, Reply};
use super::table::{Command, Counter};
use super::update::check_update;
use crate::auth::Resource;
use crate::error::{Error, Result, WriteError};
use crate::request::{
    DeleteRequest, DeleteStatement, InsertRequest, Namespace, OpContext, UpdateRequest, UpdateStatement, WriteOptions,
};

pub(super) static BULK_WRITE: Command =
    Command::new("bulkWrite", bulk_write, "inserts, updates and deletes on several collections")
        .admin_only()
        .api_v1()
        .writes()
        .counted_as(Counter::ByHandler)
        .needs(Needs::Computed(requirements));

fn requirements(target: &Target<'_>) -> Vec<Requirement> {
    let namespaces: Vec<Option<Namespace>> = target
        .documents("nsInfo")
        .map(|info| info.get("ns").and_then(|ns| ns.as_str()).and_then(Namespace::parse_trusted))
        .collect();
    let mut required = Vec::new();
    for op in target.documents("ops") {
        let Some(kind) = op.iter().next() else { continue };
        let position = kind.value().as_integer().and_then(|position| usize::try_from(position).ok());
        let Some(Some(ns)) = position.and_then(|position| namespaces.get(position)) else { continue };
        let upserts = op.get("upsert").is_some_and(args::is_truthy);
        let actions: &[&'static str] = match kind.name_str() {
            "insert" => &["insert"],
            "delete" => &["remove"],
            _ if upserts => &["update", "insert"],
            _ => &["update"],
        };
        required.extend(actions.iter().map(|action| (Resource::collection(ns.db(), ns.coll()), *action)));
    }
    required.dedup();
    required
}

/// The namespace that mongod gives the cursor of results.
const RESULTS_NAMESPACE: &str = "admin.$cmd.bulkWrite";

arguments! {
    /// Arguments of `bulkWrite`.
    struct BulkWriteArgs in "bulkWrite" strict {
        "ops" => ops: Documents<'d>,
        "nsInfo" => namespaces: Documents<'d>,
        "ordered" => ordered: bool,
        "errorsOnly" => errors_only: bool,
        "bypassDocumentValidation" => bypass: bool,
        "let" => let_variables: &'d RawDoc,
        "stmtIds" => statement_ids: Array<'d>,
        "stmtId" => statement_id: Any<'d>,
        "cursor" => cursor: &'d RawDoc,
        "bypassEmptyTsReplacement" => bypass_timestamps: bool,
    }
}

arguments! {
    /// One entry of `nsInfo`.
    struct NamespaceArgs in "bulkWrite.nsInfo" strict {
        "ns" => ns: &'d str,
        "collectionUUID" => collection_uuid: args::Uuid,
        "encryptionInformation" => encryption: &'d RawDoc,
        "isTimeseriesNamespace" => is_timeseries: bool,
    }
}

arguments! {
    /// An insert among `ops`.
    struct InsertOpArgs in "BulkWriteInsertOp" strict {
        "insert" => namespace: Any<'d>,
        "document" => document: &'d RawDoc,
    }
}

arguments! {
    /// An update among `ops`.
    struct UpdateOpArgs in "BulkWriteUpdateOp" strict {
        "update" => namespace: Any<'d>,
        "filter" => filter: &'d RawDoc,
        "updateMods" => update: Any<'d>,
        "multi" => multi: bool,
        "upsert" => upsert: bool,
        "arrayFilters" => array_filters: Array<'d>,
        "hint" => hint: Any<'d>,
        "constants" => constants: &'d RawDoc,
        "collation" => collation: &'d RawDoc,
        "sort" => sort: &'d RawDoc,
        "upsertSupplied" => upsert_supplied: bool,
        "sampleId" => sample_id: Any<'d>,
    }
}

arguments! {
    /// A delete among `ops`.
    struct DeleteOpArgs in "BulkWriteDeleteOp" strict {
        "delete" => namespace: Any<'d>,
        "filter" => filter: &'d RawDoc,
        "multi" => multi: bool,
        "hint" => hint: Any<'d>,
        "collation" => collation: &'d RawDoc,
        "sampleId" => sample_id: Any<'d>,
    }
}

/// One entry of `ops`, parsed.
enum Write<'d> {
    Insert(&'d RawDoc),
    Update(UpdateStatement<'d>),
    Delete(DeleteStatement<'d>),
}

/// What the whole command did.
#[derive(Default)]
struct Totals {
    errors: u64,
    inserted: u64,
    matched: u64,
    modified: u64,
    upserted: u64,
    deleted: u64,
}

fn bulk_write(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: BulkWriteArgs<'_> = args::of_command(&call.request)?;
    let (mut gathered_ops, mut gathered_namespaces) = (Vec::new(), Vec::new());
    let ops = args::require(args.ops, "bulkWrite", "ops")?.slice(&mut gathered_ops, "bulkWrite", "ops")?;
    let namespaces = args::require(args.namespaces, "bulkWrite", "nsInfo")?;
    let namespaces = namespaces.slice(&mut gathered_namespaces, "bulkWrite", "nsInfo")?;
    check_batch(ops.len())?;
    let namespaces = namespaces.iter().map(|doc| namespace(doc)).collect::<Result<Vec<_>>>()?;
    let writes =
        ops.iter().enumerate().map(|(at, doc)| parse_write(doc, at, namespaces.len())).collect::<Result<Vec<_>>>()?;
    let options = WriteOptions {
        bypass_document_validation: args.bypass.unwrap_or(false),
        ..write_options(call, args.ordered, None)
    };
    let errors_only = args.errors_only.unwrap_or(false);
    let op = call.op();
    let mut totals = Totals::default();
    reply.document("cursor", |cursor| {
        cursor.array("firstBatch", |results| {
            for (at, (namespace, write)) in writes.iter().enumerate() {
                let op = &*op.of_statement(at);
                let mut bulk = Bulk { call, op, options, let_variables: args.let_variables, totals: &mut totals };
                let outcome = bulk.run(&namespaces[*namespace], write)?;
                let failed = outcome.error.is_some();
                if failed || !errors_only {
                    outcome.write(at, results);
                }
                if failed && options.ordered {
                    break;
                }
            }
            Ok::<(), Error>(())
        })?;
        cursor.value("id", Value::int64(0));
        cursor.string("ns", RESULTS_NAMESPACE);
        Ok::<(), Error>(())
    })?;
    reply.value("nErrors", reply::count(totals.errors));
    reply.value("nInserted", reply::count(totals.inserted));
    reply.value("nMatched", reply::count(totals.matched));
    reply.value("nModified", reply::count(totals.modified));
    reply.value("nUpserted", reply::count(totals.upserted));
    reply.value("nDeleted", reply::count(totals.deleted));
    Ok(())
}

fn namespace(doc: &RawDoc) -> Result<Namespace> {
    let args: NamespaceArgs<'_> = args::of_document(doc)?;
    let full = args::require(args.ns, "bulkWrite.nsInfo", "ns")?;
    let (db, coll) = full
        .split_once('.')
        .ok_or_else(|| Error::new(Code::INVALID_NAMESPACE, format!("Invalid namespace specified '{full}'")))?;
    Namespace::new(db, coll)
}

/// The write of an entry, with the position of its namespace.
fn parse_write(doc: &RawDoc, at: usize, namespaces: usize) -> Result<(usize, Write<'_>)> {
    let (Any(namespace), write) = match doc.iter().next().map_or("", |first| first.name_str()) {
        "insert" => {
            let args: InsertOpArgs<'_> = args::of_document(doc)?;
            let document = args::require(args.document, "BulkWriteInsertOp", "document")?;
            (args::require(args.namespace, "BulkWriteInsertOp", "insert")?, Write::Insert(document))
        }
        "update" => {
            let args: UpdateOpArgs<'_> = args::of_document(doc)?;
            let Any(update) = args::require(args.update, "BulkWriteUpdateOp", "updateMods")?;
            check_update(update)?;
            let statement = UpdateStatement {
                filter: args::require(args.filter, "BulkWriteUpdateOp", "filter")?,
                update,
                multi: args.multi.unwrap_or(false),
                upsert: args.upsert.unwrap_or(false),
                array_filters: args.array_filters.map(|Array(filters)| filters),
                hint: args::hint(args.hint)?,
                collation: args.collation.filter(|collation| !collation.is_empty()),
                constants: args.constants,
                sort: args.sort,
            };
            (args::require(args.namespace, "BulkWriteUpdateOp", "update")?, Write::Update(statement))
        }
        "delete" => {
            let args: DeleteOpArgs<'_> = args::of_document(doc)?;
            let statement = DeleteStatement {
                filter: args::require(args.filter, "BulkWriteDeleteOp", "filter")?,
                multi: args.multi.unwrap_or(false),
                hint: args::hint(args.hint)?,
                collation: args.collation.filter(|collation| !collation.is_empty()),
            };
            (args::require(args.namespace, "BulkWriteDeleteOp", "delete")?, Write::Delete(statement))
        }
        other => {
            let message = format!("BSON field 'bulkWrite.ops.{other}' is an unknown field.");
            return Err(Error::new(Code::FAILED_TO_PARSE, message));
        }
    };
    let position = match namespace.tag() {
        Tag::Int32 | Tag::Int64 => namespace.as_integer().and_then(|position| usize::try_from(position).ok()),
        _ => {
            let message = format!(
                "BSON field 'bulkWrite.ops' is the wrong type '{}', expected types '[int, long]'",
                namespace.tag().name()
            );
            return Err(Error::new(Code::TYPE_MISMATCH, message));
        }
    };
    match position.filter(|&position| position < namespaces) {
        Some(position) => Ok((position, write)),
        None => Err(Error::new(Code::BAD_VALUE, format!("BulkWrite ops entry {at} has an invalid nsInfo index."))),
    }
}

/// What the writes of one command share.
struct Bulk<'b, 'c, 'r> {
    call: &'b Call<'c, 'r>,
    op: &'b OpContext,
    options: WriteOptions,
    let_variables: Option<&'b RawDoc>,
    totals: &'b mut Totals,
}

/// What one write did.
#[derive(Default)]
struct Outcome {
    n: u64,
    modified: Option<u64>,
    upserted: Option<smongo_vm::value::OwnedValue>,
    error: Option<WriteError>,
}

impl Bulk<'_, '_, '_> {
    fn run(&mut self, ns: &Namespace, write: &Write<'_>) -> Result<Outcome> {
        let commands = &self.call.commands;
        let (ns, options) = (ns.clone(), self.options);
        let outcome = match write {
            Write::Insert(document) => {
                commands.metrics.insert.fetch_add(1, Ordering::Relaxed);
                let request = InsertRequest { ns, documents: &[document], options };
                let done = commands.engine.insert(self.op, &request)?;
                self.totals.inserted += done.inserted;
                Outcome { n: done.inserted, error: done.write_errors.into_iter().next(), ..Outcome::default() }
            }
            Write::Update(statement) => {
                commands.metrics.update.fetch_add(1, Ordering::Relaxed);
                let statements = std::slice::from_ref(statement);
                let request = UpdateRequest { ns, statements, let_variables: self.let_variables, options };
                let done = commands.engine.update(self.op, &request)?;
                let upserted = done.upserted.into_iter().next().map(|upserted| upserted.id);
                self.totals.matched += done.matched;
                self.totals.modified += done.modified;
                self.totals.upserted += u64::from(upserted.is_some());
                Outcome {
                    n: done.matched + u64::from(upserted.is_some()),
                    modified: Some(done.modified),
                    upserted,
                    error: done.write_errors.into_iter().next(),
                }
            }
            Write::Delete(statement) => {
                commands.metrics.delete.fetch_add(1, Ordering::Relaxed);
                let statements = std::slice::from_ref(statement);
                let request = DeleteRequest { ns, statements, let_variables: self.let_variables, options };
                let done = commands.engine.delete(self.op, &request)?;
                self.totals.deleted += done.deleted;
                Outcome { n: done.deleted, error: done.write_errors.into_iter().next(), ..Outcome::default() }
            }
        };
        self.totals.errors += u64::from(outcome.error.is_some());
        Ok(outcome)
    }
}

impl Outcome {
    fn write(&self, at: usize, results: &mut ArrayWriter<'_, Vec<u8>>) {
        results.document(|entry| {
            entry.value("ok", Value::double(f64::from(u8::from(self.error.is_none()))));
            entry.value("idx", Value::integer(at as i64));
            if let Some(error) = &self.error {
                entry.value("code", Value::int32(error.code));
                entry.string("errmsg", &error.message);
                if let Some(details) = &error.details {
                    entry.elements_of(details);
                }
            }
            entry.value("n", reply::count(self.n));
            if let Some(modified) = self.modified {
                entry.value("nModified", reply::count(modified));
            }
            if let Some(id) = &self.upserted {
                entry.document("upserted", |upserted| upserted.value("_id", id.get()));
            }
        });
    }
}
