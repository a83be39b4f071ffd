//! `find`.

use smongo_vm::Code;
use smongo_vm::value::RawDoc;

use super::Call;
use super::access::Needs;
use super::args::{self, Any, Flag, Long, Number, arguments};
use super::reply::{self, Reply};
use super::table::{Command, Counter, Usage};
use crate::error::{Error, Result};
use crate::request::{FindRequest, Namespace};

pub(super) static FIND: Command = Command::new("find", find, "finds documents and opens a cursor over them")
    .api_v1()
    .reads_at_any_level()
    .counted_as(Counter::Query)
    .uses_collection(Usage::Queries)
    .needs(Needs::OnCollection(&["find"]));

arguments! {
    /// Arguments of `find`.
    struct FindArgs in "FindCommandRequest" strict {
        "filter" => filter: &'d RawDoc,
        "projection" => projection: &'d RawDoc,
        "sort" => sort: &'d RawDoc,
        "hint" => hint: Any<'d>,
        "skip" => skip: Number,
        "limit" => limit: Number,
        "batchSize" => batch_size: Number,
        "singleBatch" => single_batch: Flag,
        "let" => let_variables: &'d RawDoc,
        "collation" => collation: &'d RawDoc,
        "min" => min: &'d RawDoc,
        "max" => max: &'d RawDoc,
        "returnKey" => return_key: Flag,
        "showRecordId" => show_record_id: Flag,
        "tailable" => tailable: Flag,
        "awaitData" => await_data: Flag,
        "noCursorTimeout" => no_cursor_timeout: Flag,
        "allowPartialResults" => allow_partial_results: Flag,
        "allowDiskUse" => allow_disk_use: Flag,
        "oplogReplay" => oplog_replay: Flag,
        "mirrored" => mirrored: Flag,
        "term" => term: Long,
        "readOnce" => read_once: Flag,
        "allowSpeculativeMajorityRead" => speculative_majority: Flag,
        "includeQueryStatsMetrics" => include_query_stats: Flag,
        "querySettings" => query_settings: &'d RawDoc,
    }
}

fn find(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let request = parse(call, ns.clone())?;
    let op = call.op();
    let engine = &call.commands.engine;
    let id = reply::cursor_at(reply, "firstBatch", ns.full(), &call.scope, |batch| engine.find(&op, &request, batch))?;
    call.commands.sessions.cursor_open(id, call.session_id(), &ns);
    Ok(())
}

/// The find request in a `find` command.
pub(super) fn parse<'d>(call: &Call<'_, 'd>, ns: Namespace) -> Result<FindRequest<'d>> {
    let args: FindArgs<'d> = args::of_command(&call.request)?;
    let flag = |flag: Option<Flag>| flag.is_some_and(|Flag(on)| on);
    let request = FindRequest {
        ns,
        filter: args.filter.unwrap_or(RawDoc::EMPTY),
        projection: args.projection,
        sort: args.sort,
        hint: args::hint(args.hint)?,
        skip: args::not_negative(args.skip, "skip")?.unwrap_or(0),
        limit: args::not_negative(args.limit, "limit")?.filter(|&limit| limit > 0),
        batch_size: args::not_negative(args.batch_size, "batchSize")?,
        single_batch: flag(args.single_batch),
        no_cursor_timeout: flag(args.no_cursor_timeout),
        tailable: flag(args.tailable),
        await_data: flag(args.await_data),
        return_key: flag(args.return_key),
        show_record_id: flag(args.show_record_id),
        let_variables: args.let_variables,
        collation: args.collation.filter(|collation| !collation.is_empty()),
        allow_disk_use: args.allow_disk_use.map(|Flag(on)| on),
        min: args.min.filter(|bound| !bound.is_empty()),
        max: args.max.filter(|bound| !bound.is_empty()),
    };
    if request.await_data && !request.tailable {
        let message = "Cannot set 'awaitData' without also setting 'tailable'";
        return Err(Error::new(Code::FAILED_TO_PARSE, message));
    }
    if request.tailable && request.single_batch {
        let message = "Cannot use tailable option with the 'singleBatch' option";
        return Err(Error::new(Code::FAILED_TO_PARSE, message));
    }
    Ok(request)
}
