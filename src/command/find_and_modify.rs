//! `findAndModify`.

use std::sync::atomic::Ordering;

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Value};

use super::Call;
use super::access::{Needs, Requirement, Target};
use super::args::{self, Any, Array, Flag, arguments};
use super::insert::write_options;
use super::reply::{self, Reply};
use super::table::{Command, Counter, Usage};
use super::update::check_update;
use crate::error::{Error, Result};
use crate::request::{FindAndModifyRequest, Modification, Namespace};

pub(super) static FIND_AND_MODIFY: Command =
    Command::new("findAndModify", find_and_modify, "changes or deletes one document and gives it back")
        .aliases(&["findandmodify"])
        .api_v1()
        .writes()
        .counted_as(Counter::Command)
        .uses_collection(Usage::Update)
        .needs(Needs::Computed(requirements));

fn requirements(target: &Target<'_>) -> Vec<Requirement> {
    let set = |name: &str| target.body.get(name).is_some_and(args::is_truthy);
    let mut actions = vec!["find", if set("remove") { "remove" } else { "update" }];
    actions.extend(set("upsert").then_some("insert"));
    actions.into_iter().map(|action| (target.collection(), action)).collect()
}

arguments! {
    /// Arguments of `findAndModify`.
    struct FindAndModifyArgs in "findAndModify" strict {
        "query" => query: &'d RawDoc,
        "fields" => fields: &'d RawDoc,
        "sort" => sort: &'d RawDoc,
        "hint" => hint: Any<'d>,
        "collation" => collation: &'d RawDoc,
        "arrayFilters" => array_filters: Array<'d>,
        "remove" => remove: Flag,
        "update" => update: Any<'d>,
        "upsert" => upsert: Flag,
        "new" => new: Flag,
        "bypassDocumentValidation" => bypass: Flag,
        "let" => let_variables: &'d RawDoc,
        "stmtIds" => statement_ids: Array<'d>,
        "bypassEmptyTsReplacement" => bypass_timestamps: bool,
        "encryptionInformation" => encryption: &'d RawDoc,
        "collectionUUID" => collection_uuid: args::Uuid,
    }
}

fn find_and_modify(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let request = parse(call, ns)?;
    let removes = matches!(request.action, Modification::Remove);
    let counter = if removes { &call.commands.metrics.delete } else { &call.commands.metrics.update };
    counter.fetch_add(1, Ordering::Relaxed);
    let outcome = call.commands.engine.find_and_modify(&call.op(), &request)?;
    reply.document("lastErrorObject", |last| {
        last.value("n", reply::count(outcome.n()));
        if !removes {
            last.value("updatedExisting", Value::bool(outcome.updated_existing));
        }
        if let Some(id) = &outcome.upserted {
            last.value("upserted", id.get());
        }
    });
    reply.value("value", outcome.value.as_ref().map_or(Value::NULL, |doc| Value::document(doc)));
    Ok(())
}

/// The request in a `findAndModify` command.
pub(super) fn parse<'d>(call: &Call<'_, 'd>, ns: Namespace) -> Result<FindAndModifyRequest<'d>> {
    let args: FindAndModifyArgs<'d> = args::of_command(&call.request)?;
    call.check_uuid(&ns, args.collection_uuid)?;
    let on = |flag: Option<Flag>| flag.is_some_and(|Flag(on)| on);
    let refuse = |message: &str| Err(Error::new(Code::FAILED_TO_PARSE, message));
    let action = match (args.update, on(args.remove)) {
        (Some(_), true) => return refuse("Cannot specify both an update and remove=true"),
        (None, false) => return refuse("Either an update or remove=true must be specified"),
        (None, true) if on(args.upsert) => return refuse("Cannot specify both upsert=true and remove=true"),
        (None, true) if on(args.new) => {
            return refuse(
                "Cannot specify both new=true and remove=true; 'remove' always returns the deleted document",
            );
        }
        (None, true) if args.array_filters.is_some() => {
            return refuse("Cannot specify arrayFilters and remove=true");
        }
        (None, true) => Modification::Remove,
        (Some(Any(update)), false) => {
            check_update(update)?;
            Modification::Update {
                update,
                upsert: on(args.upsert),
                return_new: on(args.new),
                array_filters: args.array_filters.map(|Array(filters)| filters),
            }
        }
    };
    Ok(FindAndModifyRequest {
        ns,
        filter: args.query.unwrap_or(RawDoc::EMPTY),
        sort: args.sort,
        fields: args.fields,
        action,
        hint: args::hint(args.hint)?,
        collation: args.collation.filter(|collation| !collation.is_empty()),
        let_variables: args.let_variables,
        options: write_options(call, None, args.bypass),
    })
}
