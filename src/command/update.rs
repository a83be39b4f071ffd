//! `update`.

use std::sync::atomic::Ordering;

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Tag, Value};

use super::Call;
use super::access::{Needs, Requirement, Target};
use super::args::{self, Any, Array, Documents, Flag, arguments};
use super::insert::{check_batch, write_options};
use super::reply::{self, Reply};
use super::table::{Command, Counter, Usage};
use crate::error::{Error, Result};
use crate::request::{UpdateRequest, UpdateStatement};

pub(super) static UPDATE: Command = Command::new("update", update, "changes or replaces documents")
    .api_v1()
    .writes()
    .counted_as(Counter::ByHandler)
    .uses_collection(Usage::Update)
    .needs(Needs::Computed(requirements));

fn requirements(target: &Target<'_>) -> Vec<Requirement> {
    let upserts = target.documents("updates").any(|update| update.get("upsert").is_some_and(args::is_truthy));
    let actions = [Some("update"), upserts.then_some("insert")];
    actions.into_iter().flatten().map(|action| (target.collection(), action)).collect()
}

arguments! {
    /// Arguments of `update`.
    struct UpdateArgs in "update" strict {
        "updates" => updates: Documents<'d>,
        "ordered" => ordered: bool,
        "bypassDocumentValidation" => bypass: Flag,
        "let" => let_variables: &'d RawDoc,
        "stmtIds" => statement_ids: Array<'d>,
        "bypassEmptyTsReplacement" => bypass_timestamps: bool,
        "encryptionInformation" => encryption: &'d RawDoc,
        "collectionUUID" => collection_uuid: args::Uuid,
    }
}

arguments! {
    /// One statement of `update`.
    struct StatementArgs in "update.updates" strict {
        "q" => q: &'d RawDoc,
        "u" => u: Any<'d>,
        "c" => c: &'d RawDoc,
        "arrayFilters" => array_filters: Array<'d>,
        "multi" => multi: bool,
        "upsert" => upsert: bool,
        "hint" => hint: Any<'d>,
        "collation" => collation: &'d RawDoc,
        "sort" => sort: &'d RawDoc,
        "sampleId" => sample_id: Any<'d>,
        "upsertSupplied" => upsert_supplied: bool,
    }
}

fn update(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: UpdateArgs<'_> = args::of_command(&call.request)?;
    call.check_uuid(&ns, args.collection_uuid)?;
    let updates = args::require(args.updates, "update", "updates")?;
    let mut gathered = Vec::new();
    let updates = updates.slice(&mut gathered, "update", "updates")?;
    check_batch(updates.len())?;
    let statements = updates.iter().map(|doc| parse_statement(doc)).collect::<Result<Vec<_>>>()?;
    let options = write_options(call, args.ordered, args.bypass);
    call.commands.metrics.update.fetch_add(statements.len() as u64, Ordering::Relaxed);
    let request = UpdateRequest { ns, statements: &statements, let_variables: args.let_variables, options };
    let outcome = call.commands.engine.update(&call.op(), &request)?;
    reply.value("n", reply::count(outcome.matched + outcome.upserted.len() as u64));
    if !outcome.upserted.is_empty() {
        reply.array("upserted", |array| {
            for upserted in &outcome.upserted {
                array.document(|entry| {
                    entry.value("index", Value::integer(i64::from(upserted.index)));
                    entry.value("_id", upserted.id.get());
                });
            }
        });
    }
    reply.value("nModified", reply::count(outcome.modified));
    reply::write_errors(reply, &outcome.write_errors);
    Ok(())
}

/// One statement of an `update` command.
pub(super) fn parse_statement(doc: &RawDoc) -> Result<UpdateStatement<'_>> {
    let args: StatementArgs<'_> = args::of_document(doc)?;
    let filter = args::require(args.q, "update.updates", "q")?;
    let Any(update) = args::require(args.u, "update.updates", "u")?;
    check_update(update)?;
    if args.c.is_some() && update.tag() != Tag::Array {
        let message = "Constant values may only be specified for pipeline updates";
        return Err(Error::new(Code(51198), message));
    }
    let multi = args.multi.unwrap_or(false);
    if multi && args.sort.is_some() {
        return Err(Error::new(Code::FAILED_TO_PARSE, "Cannot specify sort with multi=true"));
    }
    Ok(UpdateStatement {
        filter,
        update,
        multi,
        upsert: args.upsert.unwrap_or(false),
        array_filters: args.array_filters.map(|Array(filters)| filters),
        hint: args::hint(args.hint)?,
        collation: args.collation.filter(|collation| !collation.is_empty()),
        constants: args.c,
        sort: args.sort,
    })
}

/// Refuses updates that are neither a document nor a pipeline.
pub(super) fn check_update(update: Value<'_>) -> Result<()> {
    match update.tag() {
        Tag::Document | Tag::Array => Ok(()),
        _ => Err(Error::new(Code::FAILED_TO_PARSE, "Update argument must be either an object or an array")),
    }
}
