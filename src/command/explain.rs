//! `explain`: the plan of another command.

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Value};

use super::access::{Needs, of_explained};
use super::args::{self, Array, arguments, wrong_type};
use super::build_info::VERSION;
use super::diagnostics::host_name;
use super::reply::Reply;
use super::table::{self, Command};
use super::{Call, aggregate, count, delete, distinct, find, find_and_modify, parameters, update};
use crate::error::{Error, Result};
use crate::request::{ExplainRequest, Explained, Verbosity};
use crate::wire::{Followup, Request};

pub(super) static EXPLAIN: Command = Command::new("explain", explain, "tells how a command would be run")
    .api_v1()
    .reads_at_any_level()
    .needs(Needs::Computed(of_explained));

arguments! {
    /// Arguments of `explain`.
    struct ExplainArgs in "explain" strict {
        "verbosity" => verbosity: &'d str,
    }
}

fn explain(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: ExplainArgs<'_> = args::of_command(&call.request)?;
    let verbosity = match args.verbosity {
        None => Verbosity::AllPlansExecution,
        Some(name) => Verbosity::from_name(name).ok_or_else(|| {
            let message = format!("Enumeration value '{name}' for field 'explain.verbosity' is not a valid value.");
            Error::new(Code::BAD_VALUE, message)
        })?,
    };
    let Some(body) = call.first.as_doc() else {
        return Err(wrong_type("explain", "explain", call.first.tag(), &["object"]));
    };
    let explained = parsed(call, body, call.db)?;
    write(call, &ExplainRequest { explained, verbosity }, body, reply)
}

/// Writes the explanation of the command `body`.
pub(super) fn write(
    call: &Call<'_, '_>,
    request: &ExplainRequest<'_>,
    body: &RawDoc,
    reply: &mut Reply<'_>,
) -> Result<()> {
    call.commands.engine.explain(&call.op(), request, reply)?;
    reply.document("command", |command| {
        command.elements_of(body);
        if body.get("$db").is_none() {
            command.string("$db", call.db);
        }
    });
    let local = call.session.peer.local;
    reply.document("serverInfo", |info| {
        info.string("host", &host_name());
        info.value("port", Value::int32(i32::from(local.port())));
        info.string("version", VERSION);
        info.string("gitVersion", env!("CARGO_PKG_VERSION"));
    });
    let commands = call.commands;
    reply.document("serverParameters", |list| parameters::write_planning(commands, list));
    Ok(())
}

/// The request that the command `body` makes on a database.
pub(super) fn parsed<'d>(call: &mut Call<'_, 'd>, body: &'d RawDoc, db: &'d str) -> Result<Explained<'d>> {
    let first = body.iter().next();
    let name = first.map(|first| first.name_str()).unwrap_or_default();
    let Some(command) = table::lookup(name) else {
        let message = format!("Explain failed due to unknown command: {name}");
        return Err(Error::new(Code::COMMAND_NOT_FOUND, message));
    };
    let inner = Call {
        commands: call.commands,
        session: &mut *call.session,
        request: Request { body, sequences: &[], legacy_db: None, exhaust_allowed: false },
        command,
        name,
        first: first.map_or(Value::NOTHING, |first| first.value()),
        db,
        generic: super::Generic::parse(body)?,
        logical_session: None,
        scope: call.scope.clone(),
        started: call.started,
        waited: call.waited,
        followup: Followup::Done,
        ok: call.ok,
    };
    Ok(match command.name {
        "aggregate" => Explained::Aggregate(aggregate::parse(&inner, true)?.0),
        "find" => Explained::Find(find::parse(&inner, inner.collection()?)?),
        "count" => Explained::Count(count::parse(&inner, inner.collection()?)?),
        "distinct" => Explained::Distinct(distinct::parse(&inner, inner.collection()?)?),
        "update" => {
            let statement = update::parse_statement(only_statement(body, "updates")?)?;
            Explained::Update(inner.collection()?, statement, variables_of(body)?)
        }
        "delete" => {
            let statement = delete::parse_statement(only_statement(body, "deletes")?)?;
            Explained::Delete(inner.collection()?, statement, variables_of(body)?)
        }
        "findAndModify" => Explained::FindAndModify(find_and_modify::parse(&inner, inner.collection()?)?),
        other => {
            return Err(Error::new(Code::ILLEGAL_OPERATION, format!("Command {other} cannot be explained")));
        }
    })
}

/// The variables that a write command declares for its statements.
fn variables_of(body: &RawDoc) -> Result<Option<&RawDoc>> {
    match body.get("let") {
        None => Ok(None),
        Some(value) => value.as_doc().map(Some).ok_or_else(|| wrong_type("explain", "let", value.tag(), &["object"])),
    }
}

/// The one statement of a write command; more cannot be explained at once.
fn only_statement<'d>(body: &'d RawDoc, name: &str) -> Result<&'d RawDoc> {
    let value = body.get(name).unwrap_or(Value::NOTHING);
    let array = <Array<'_> as args::Argument<'_>>::from_value(value);
    let Array(array) = array.ok_or_else(|| args::missing_field("explain", name))?;
    match args::documents_of(array, "explain", name)?.as_slice() {
        [one] => Ok(one),
        _ => Err(Error::new(Code::INVALID_LENGTH, "explained write batches must be of size 1")),
    }
}
