//! `getMore` and `killCursors`.

use std::time::Duration;

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Tag, Value};

use super::Call;
use super::access::Needs;
use super::args::{self, Array, Long, Number, arguments, wrong_type};
use super::reply::{self, Reply};
use super::table::{Command, Counter, Usage};
use crate::error::{Error, Result};
use crate::request::{GetMoreRequest, Namespace};
use crate::wire::Followup;

pub(super) static GET_MORE: Command = Command::new("getMore", get_more, "gives the next batch of a cursor")
    .api_v1()
    .reads_at_any_level()
    .counted_as(Counter::GetMore)
    .uses_collection(Usage::GetMore)
    .needs(Needs::Login);

arguments! {
    /// Arguments of `getMore`.
    struct GetMoreArgs in "getMore" strict {
        "collection" => collection: &'d str,
        "batchSize" => batch_size: Number,
        "term" => term: Long,
        "lastKnownCommittedOpTime" => last_known: &'d RawDoc,
        "includeQueryStatsMetrics" => include_query_stats: bool,
    }
}

fn get_more(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    if call.first.tag() != Tag::Int64 {
        return Err(wrong_type("getMore", "getMore", call.first.tag(), &["long"]));
    }
    let cursor_id = call.first.as_integer().unwrap_or(0);
    let args: GetMoreArgs<'_> = args::of_command(&call.request)?;
    let coll = args::require(args.collection, "getMore", "collection")?;
    let ns = Namespace::new(call.db, coll)?;
    let batch_size = args::not_negative(args.batch_size, "batchSize")?.filter(|&size| size > 0);
    call.commands.sessions.check_cursor(cursor_id, call.session_id())?;
    // The time is how long to wait for documents; it does not limit the work.
    let given = call.request.body.get("maxTimeMS").filter(|time| !time.is_nullish());
    let max_time = given.map(|_| Duration::from_millis(call.generic.max_time_ms));
    let op = call.op().max_time_ms(0);
    let engine = &call.commands.engine;
    let request = GetMoreRequest { ns: ns.clone(), cursor_id, batch_size, max_time };
    let id = reply::cursor(reply, "nextBatch", ns.full(), |batch| engine.get_more(&op, &request, batch))?;
    if id == 0 {
        call.commands.sessions.cursor_closed(cursor_id);
    } else {
        call.followup = Followup::Again;
    }
    Ok(())
}

pub(super) static KILL_CURSORS: Command =
    Command::new("killCursors", kill_cursors, "closes cursors before they are exhausted").api_v1().needs(Needs::Login);

arguments! {
    /// Arguments of `killCursors`.
    struct KillCursorsArgs in "killCursors" strict {
        "cursors" => cursors: Array<'d>,
    }
}

fn kill_cursors(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: KillCursorsArgs<'_> = args::of_command(&call.request)?;
    let Array(array) = args::require(args.cursors, "killCursors", "cursors")?;
    let mut ids = Vec::new();
    for element in array {
        let value = element.value();
        match value.tag() {
            Tag::Int64 => ids.extend(value.as_integer()),
            Tag::Null | Tag::Undefined => {}
            tag => {
                return Err(wrong_type("killCursors", &format!("cursors.{}", element.name_str()), tag, &["long"]));
            }
        }
    }
    if ids.is_empty() && array.is_empty() {
        return Err(Error::new(Code::BAD_VALUE, "Must specify at least one cursor id in: { cursors: [] }"));
    }
    let outcome = call.commands.engine.kill_cursors(&ns, &ids);
    for id in &outcome.killed {
        call.commands.sessions.cursor_closed(*id);
    }
    for (name, ids) in [
        ("cursorsKilled", outcome.killed.as_slice()),
        ("cursorsNotFound", outcome.not_found.as_slice()),
        ("cursorsAlive", &[]),
        ("cursorsUnknown", &[]),
    ] {
        reply.array(name, |array| ids.iter().for_each(|&id| array.value(Value::int64(id))));
    }
    Ok(())
}
