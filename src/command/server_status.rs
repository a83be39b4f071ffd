//! `serverStatus`: the server's counters, by section.
//!
//! A section is left out with `{<section>: 0}`, and one that is not given by default is asked for with
//! `{<section>: 1}`.

use std::sync::atomic::{AtomicU64, Ordering};

use smongo_vm::value::Value;

use super::access::Needs;
use super::build_info::VERSION;
use super::diagnostics::{host_name, memory_kib};
use super::metrics::Latency;
use super::reply::{self, Reply};
use super::table::Command;
use super::{Call, args};
use crate::error::Result;
use crate::request::wall_clock_millis;

pub(super) static SERVER_STATUS: Command = Command::new("serverStatus", server_status, "gives the server's counters")
    .aliases(&["serverstatus"])
    .needs(Needs::OnCluster(&["serverStatus"]));

/// One section.
struct Section {
    name: &'static str,
    by_default: bool,
    write: fn(&Call<'_, '_>, &mut Reply<'_>),
}

const fn section(name: &'static str, write: fn(&Call<'_, '_>, &mut Reply<'_>)) -> Section {
    Section { name, by_default: true, write }
}

/// Every section, in the order of the reply.
static SECTIONS: &[Section] = &[
    section("asserts", asserts),
    section("connections", connections),
    section("extra_info", extra_info),
    section("globalLock", global_lock),
    section("locks", |_, _| ()),
    section("logicalSessionRecordCache", logical_sessions),
    section("network", network),
    section("opLatencies", op_latencies),
    section("opcounters", opcounters),
    section("repl", repl),
    section("storageEngine", storage_engine),
    section("transactions", transactions),
    section("mem", mem),
    section("metrics", metrics),
    Section { name: "mirroredReads", by_default: false, write: mirrored_reads },
];

fn server_status(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let uptime = call.commands.started.elapsed();
    reply.string("host", &host_name());
    reply.string("version", VERSION);
    reply.string("process", "smongod");
    reply.value("pid", Value::int64(i64::from(std::process::id())));
    reply.value("uptime", Value::double(uptime.as_secs() as f64));
    reply.value("uptimeMillis", Value::int64(i64::try_from(uptime.as_millis()).unwrap_or(i64::MAX)));
    reply.value("uptimeEstimate", Value::int64(i64::try_from(uptime.as_secs()).unwrap_or(i64::MAX)));
    reply.value("localTime", Value::date_time(wall_clock_millis()));
    for section in SECTIONS {
        let asked = call.request.body.get(section.name).map(args::is_truthy);
        let shown = asked.unwrap_or(section.by_default);
        let exists = section.name != "repl" || call.commands.options.set_name.is_some();
        if shown && exists {
            reply.document(section.name, |doc| (section.write)(call, doc));
        }
    }
    Ok(())
}

fn load(counter: &AtomicU64) -> Value<'static> {
    reply::long(counter.load(Ordering::Relaxed))
}

fn asserts(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    for name in ["regular", "warning", "msg"] {
        doc.value(name, Value::int32(0));
    }
    doc.value("user", reply::count(call.commands.metrics.user_errors.load(Ordering::Relaxed)));
    for name in ["tripwire", "rollovers"] {
        doc.value(name, Value::int32(0));
    }
}

fn connections(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    let (current, total) = call.commands.operations.connections();
    let available = call.commands.options.max_connections.saturating_sub(current);
    let active = call.commands.operations.snapshot().iter().filter(|slot| slot.running.is_some()).count();
    doc.value("current", reply::count(current as u64));
    doc.value("available", reply::count(available as u64));
    doc.value("totalCreated", reply::count(total));
    doc.value("active", reply::count(active as u64));
    doc.value("threaded", reply::count(current as u64));
}

fn extra_info(_call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    doc.string("note", "fields vary by platform");
}

fn global_lock(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    let micros = call.commands.started.elapsed().as_micros();
    doc.value("totalTime", Value::int64(i64::try_from(micros).unwrap_or(i64::MAX)));
    let active = call.commands.operations.snapshot();
    let running = active.iter().filter_map(|slot| slot.running).map(|running| running.command);
    let (mut readers, mut writers) = (0, 0);
    for command in running {
        match command {
            "insert" | "update" | "delete" | "findAndModify" => writers += 1,
            _ => readers += 1,
        }
    }
    for (name, (readers, writers)) in [("currentQueue", (0, 0)), ("activeClients", (readers, writers))] {
        doc.document(name, |counts| {
            counts.value("total", Value::int32(readers + writers));
            counts.value("readers", Value::int32(readers));
            counts.value("writers", Value::int32(writers));
        });
    }
}

fn logical_sessions(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    doc.value("activeSessionsCount", reply::count(call.commands.sessions.count() as u64));
}

fn network(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    let metrics = &call.commands.metrics;
    doc.value("bytesIn", load(&metrics.bytes_in));
    doc.value("bytesOut", load(&metrics.bytes_out));
    doc.value("numRequests", load(&metrics.requests));
}

fn op_latencies(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    let metrics = &call.commands.metrics;
    for (name, Latency { count, micros }) in
        [("reads", &metrics.reads), ("writes", &metrics.writes), ("commands", &metrics.commands)]
    {
        doc.document(name, |class| {
            class.value("latency", load(micros));
            class.value("ops", load(count));
        });
    }
}

fn opcounters(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    let metrics = &call.commands.metrics;
    for (name, counter) in [
        ("insert", &metrics.insert),
        ("query", &metrics.query),
        ("update", &metrics.update),
        ("delete", &metrics.delete),
        ("getmore", &metrics.getmore),
        ("command", &metrics.command),
    ] {
        doc.value(name, load(counter));
    }
}

fn repl(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    let address = call.commands.address(call.session.peer.local);
    doc.string("setName", call.commands.options.set_name.as_deref().unwrap_or_default());
    doc.value("setVersion", Value::int32(1));
    doc.value("isWritablePrimary", Value::TRUE);
    doc.value("secondary", Value::FALSE);
    doc.array("hosts", |hosts| hosts.value(Value::string(&address)));
    doc.string("primary", &address);
    doc.string("me", &address);
}

fn storage_engine(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    doc.string("name", "wiredTiger");
    doc.value("persistent", Value::bool(!call.commands.options.in_memory));
}

fn transactions(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    doc.value("currentOpen", reply::count(call.commands.engine.sessions().open_transactions() as u64));
}

fn mem(_call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    let mib = |name: &str| reply::count(memory_kib("/proc/self/status", name).unwrap_or(0) / 1024);
    doc.value("bits", Value::integer(i64::from(usize::BITS)));
    doc.value("resident", mib("VmRSS:"));
    doc.value("virtual", mib("VmSize:"));
    doc.value("supported", Value::TRUE);
}

fn metrics(call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    doc.document("cursor", |cursor| {
        cursor.document("open", |open| {
            open.value("total", reply::long(call.commands.engine.open_cursor_count() as u64));
        });
    });
    let counts = call.commands.engine.plan_cache_counts();
    doc.document("query", |query| {
        query.document("planCache", |cache| {
            cache.value("totalQueryShapes", reply::long(counts.entries));
            cache.value("totalSizeEstimateBytes", reply::long(counts.bytes));
            cache.document("classic", |classic| {
                classic.value("hits", reply::long(counts.hits));
                classic.value("misses", reply::long(counts.misses));
                classic.value("replanned", Value::int64(0));
            });
        });
    });
}

fn mirrored_reads(_call: &Call<'_, '_>, doc: &mut Reply<'_>) {
    doc.value("seen", Value::int64(0));
    doc.value("sent", Value::int64(0));
}
