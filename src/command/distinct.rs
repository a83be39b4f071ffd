//! `distinct`.

use smongo_vm::value::{RawDoc, Value};

use super::Call;
use super::access::Needs;
use super::args::{self, Any, arguments};
use super::reply::Reply;
use super::table::{Command, Usage};
use crate::error::Result;
use crate::request::{DistinctRequest, Namespace};
use crate::session::Scope;

pub(super) static DISTINCT: Command = Command::new("distinct", distinct, "gives the distinct values of a field")
    .api_v1()
    .reads_at_any_level()
    .uses_collection(Usage::Queries)
    .needs(Needs::OnCollection(&["find"]));

arguments! {
    /// Arguments of `distinct`.
    struct DistinctArgs in "distinct" strict {
        "key" => key: &'d str,
        "query" => query: &'d RawDoc,
        "hint" => hint: Any<'d>,
        "collation" => collation: &'d RawDoc,
        "querySettings" => query_settings: &'d RawDoc,
        "includeQueryStatsMetrics" => include_query_stats: bool,
    }
}

fn distinct(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let request = parse(call, call.collection()?)?;
    let op = call.op();
    let engine = &call.commands.engine;
    reply.array("values", |values| engine.distinct(&op, &request, values))?;
    call.answers_for_view(&request.ns);
    if let Scope::Snapshot(snapshot) = &call.scope {
        reply.value("atClusterTime", Value::timestamp(snapshot.time()));
    }
    Ok(())
}

/// The request in a `distinct` command.
pub(super) fn parse<'d>(call: &Call<'_, 'd>, ns: Namespace) -> Result<DistinctRequest<'d>> {
    let args: DistinctArgs<'d> = args::of_command(&call.request)?;
    Ok(DistinctRequest {
        ns,
        key: args::require(args.key, "distinct", "key")?,
        filter: args.query.unwrap_or(RawDoc::EMPTY),
        hint: args::hint(args.hint)?,
        collation: args.collation.filter(|collation| !collation.is_empty()),
    })
}
