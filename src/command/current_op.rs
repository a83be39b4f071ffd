//! `currentOp`, `killOp`, `lockInfo`, `top`: what the server is doing.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Call;
use super::access::{Needs, Requirement, Target};
use super::args::{self, Argument, Number, wrong_type};
use super::generic;
use super::metrics::Tally;
use super::operations::{Operations, Running, Snapshot};
use super::reply::{self, Reply};
use super::table::Command;
use crate::auth::{Principal, Resource};
use crate::error::{Error, Result};
use crate::request::ProgressReport;

pub(super) static CURRENT_OP: Command = Command::new("currentOp", current_op, "lists the operations that run")
    .admin_only()
    .needs(Needs::Computed(current_op_requirements));

/// Everyone may see their own operations.
fn current_op_requirements(target: &Target<'_>) -> Vec<Requirement> {
    let own = target.body.get("$ownOps").is_some_and(args::is_truthy);
    if own { Vec::new() } else { vec![(Resource::Cluster, "inprog")] }
}

fn current_op(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let (mut all, mut own) = (false, false);
    let arguments = call.request.body.iter().skip(1).filter(|element| !generic::is_generic(element.name()));
    // What is no option filters the operations.
    let filter = DocBuf::build(|filter| {
        for element in arguments {
            match element.name_str() {
                "$all" => all = args::is_truthy(element.value()),
                "$ownOps" => own = args::is_truthy(element.value()),
                "$truncateOps" => {}
                other => filter.value(other, element.value()),
            }
        }
    });
    let commands = call.commands;
    let host = commands.address(call.session.peer.local);
    let mine = call.session.login.user.as_ref().map(|user| &user.principal);
    let documents = documents(&commands.operations, &host, all, mine.filter(|_| own));
    let chosen = commands.engine.filter_documents(&call.op(), documents, &filter)?;
    reply.array("inprog", |array| chosen.iter().for_each(|doc| array.value(Value::document(doc))));
    if commands.write_gate.lock_count() > 0 {
        reply.value("fsyncLock", Value::TRUE);
        reply.string("info", "use db.fsyncUnlock() to terminate the fsync write/snapshot lock");
    }
    Ok(())
}

/// The operations that run, and `idle` connections; those of one user, or of all.
pub(super) fn documents(operations: &Operations, host: &str, idle: bool, of: Option<&Principal>) -> Vec<DocBuf> {
    let wanted =
        |snapshot: &Snapshot| (idle || snapshot.running.is_some()) && (of.is_none() || snapshot.user.as_ref() == of);
    let shown = operations.snapshot().into_iter().filter(wanted);
    shown.map(|snapshot| DocBuf::build(|doc| describe(doc, host, &snapshot))).collect()
}

fn describe(doc: &mut Reply<'_>, host: &str, snapshot: &Snapshot) {
    doc.string("type", "op");
    doc.string("host", host);
    doc.string("desc", &format!("conn{}", snapshot.connection_id));
    doc.value("connectionId", reply::count(snapshot.connection_id));
    doc.string("client", &snapshot.remote.to_string());
    if let Some(client) = &snapshot.client {
        doc.value("clientMetadata", Value::document(client));
    }
    doc.value("active", Value::bool(snapshot.running.is_some()));
    if let Some(user) = &snapshot.user {
        doc.array("effectiveUsers", |users| {
            users.document(|doc| {
                doc.string("user", &user.name);
                doc.string("db", &user.db);
            });
        });
    }
    if let Some(Running { id, command, since }) = snapshot.running {
        let elapsed = since.elapsed();
        doc.value("opid", Value::integer(i64::from(id)));
        doc.value("secs_running", Value::int64(i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)));
        doc.value("microsecs_running", Value::int64(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)));
        doc.string("op", operation(command));
        doc.string("ns", &namespace(&snapshot.command));
        if snapshot.command.is_empty() {
            doc.document("command", |doc| doc.string("$truncated", command));
        } else {
            doc.value("command", Value::document(&snapshot.command));
        }
        if let Some(progress) = snapshot.progress {
            describe_progress(doc, &progress);
        }
        doc.value("numYields", Value::int32(0));
    }
}

/// How far an operation is, as MongoDB says it.
fn describe_progress(doc: &mut Reply<'_>, progress: &ProgressReport) {
    let ProgressReport { phase, done, total } = *progress;
    let percent = (done * 100).checked_div(total).unwrap_or(0);
    doc.string("msg", &format!("{phase} {phase}: {done}/{total} {percent}%"));
    doc.document("progress", |doc| {
        doc.value("done", reply::count(done));
        doc.value("total", reply::count(total));
    });
}

/// mongod's class of an operation.
pub(super) fn operation(command: &str) -> &str {
    match command {
        "find" => "query",
        "getMore" => "getmore",
        "insert" | "update" => command,
        "delete" => "remove",
        _ => "command",
    }
}

/// The namespace that a command document names.
fn namespace(command: &RawDoc) -> String {
    let db = command.get("$db").and_then(|db| db.as_str()).unwrap_or_default();
    let first = command.get_index(0);
    match first.and_then(|first| first.as_str()).or_else(|| command.get("collection").and_then(|coll| coll.as_str())) {
        Some(coll) => format!("{db}.{coll}"),
        None => format!("{db}.$cmd"),
    }
}

pub(super) static KILL_OP: Command =
    Command::new("killOp", kill_op, "stops an operation").admin_only().needs(Needs::OnCluster(&["killop"]));

fn kill_op(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let op = match call.request.body.get("op") {
        None => return Err(Error::new(Code::NO_SUCH_KEY, "Did not provide \"op\" field")),
        Some(op) => Number::from_value(op)
            .ok_or_else(|| wrong_type("killOp", "op", op.tag(), &["number"]))
            .map(|Number(op)| op)?,
    };
    let Ok(op) = i32::try_from(op) else {
        return Err(Error::new(Code(26823), format!("invalid op : {op}. Op ID cannot be represented with 32 bits")));
    };
    reply.string("info", "attempting to kill op");
    if let Ok(op) = u32::try_from(op) {
        call.commands.operations.kill(op);
    }
    Ok(())
}

pub(super) static LOCK_INFO: Command = Command::new("lockInfo", lock_info, "lists the locks on the whole server")
    .admin_only()
    .needs(Needs::OnCluster(&["serverStatus"]));

fn lock_info(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "lockInfo")?;
    let locked = call.commands.write_gate.lock_count() > 0;
    reply.array("lockInfo", |array| {
        if locked {
            array.document(|doc| {
                doc.string("resourceId", "{Global: 1}");
                doc.array("granted", |granted| {
                    granted.document(|doc| {
                        doc.string("mode", "S");
                        doc.string("desc", "fsyncLockWorker");
                    })
                });
                doc.array("pending", |_| ());
            });
        }
    });
    Ok(())
}

pub(super) static TOP: Command =
    Command::new("top", top, "gives the time spent per collection").admin_only().needs(Needs::OnCluster(&["top"]));

fn top(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let entries = call.commands.metrics.top.entries();
    reply.document("totals", |totals| {
        totals.string("note", "all times in microseconds");
        for (namespace, entry) in &entries {
            // A name that BSON cannot hold cannot have come out of BSON.
            totals.document(namespace, |doc| {
                for (name, Tally { count, micros }) in [
                    ("total", entry.total),
                    ("readLock", entry.reads),
                    ("writeLock", entry.writes),
                    ("queries", entry.queries),
                    ("getmore", entry.getmore),
                    ("insert", entry.insert),
                    ("update", entry.update),
                    ("remove", entry.remove),
                    ("commands", entry.commands),
                ] {
                    doc.document(name, |tally| {
                        tally.value("time", reply::long(micros));
                        tally.value("count", reply::long(count));
                    });
                }
            });
        }
    });
    Ok(())
}
