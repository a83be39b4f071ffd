//! The one-node replica set's own commands, and those that a node outside a cluster refuses.

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Value};

use super::access::Needs;
use super::args::{self, arguments};
use super::concern::Timestamp;
use super::reply::Reply;
use super::table::Command;
use super::{Call, Commands};
use crate::error::{Error, Result};
use crate::oplog::TERM;
use crate::request::wall_clock_millis;

pub(super) static REPL_SET_GET_STATUS: Command =
    Command::new("replSetGetStatus", get_status, "describes the replica set")
        .admin_only()
        .needs(Needs::OnCluster(&["replSetGetStatus"]));

pub(super) static REPL_SET_GET_CONFIG: Command =
    Command::new("replSetGetConfig", get_config, "gives the replica set's configuration")
        .admin_only()
        .needs(Needs::OnCluster(&["replSetGetConfig"]));

pub(super) static APPEND_OPLOG_NOTE: Command =
    Command::new("appendOplogNote", append_note, "writes a note into the log of operations")
        .admin_only()
        .writes()
        .needs(Needs::OnCluster(&["appendOplogNote"]));

arguments! {
    /// Arguments of `appendOplogNote`.
    struct NoteArgs in "appendOplogNote" strict {
        "data" => data: &'d RawDoc,
        "maxClusterTime" => time: Timestamp,
    }
}

fn append_note(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let args: NoteArgs<'_> = args::of_command(&call.request)?;
    let note = args::require(args.data, "appendOplogNote", "data")?;
    set_name(call.commands)?;
    let engine = &call.commands.engine;
    if args.time.is_some_and(|Timestamp(time)| time < engine.cluster_time()) {
        let message = "Requested maxClusterTime is less than the last primary OpTime";
        return Err(Error::new(Code::STALE_CLUSTER_TIME, message));
    }
    engine.append_oplog_note(note)
}

fn set_name(commands: &Commands) -> Result<&str> {
    commands
        .options
        .set_name
        .as_deref()
        .ok_or_else(|| Error::new(Code::NO_REPLICATION_ENABLED, "not running with --replSet"))
}

fn get_status(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let commands = call.commands;
    let name = set_name(commands)?;
    let address = commands.address(call.session.peer.local);
    let uptime = i64::try_from(commands.started.elapsed().as_secs()).unwrap_or(i64::MAX);
    let time = commands.engine.cluster_time();
    let date = Value::date_time(i64::try_from(time >> 32).unwrap_or(0) * 1000);
    let op_time = |doc: &mut Reply<'_>, name: &str| {
        doc.document(name, |op_time| {
            op_time.value("ts", Value::timestamp(time));
            op_time.value("t", Value::int64(TERM));
        });
    };
    reply.string("set", name);
    reply.value("date", Value::date_time(wall_clock_millis()));
    reply.value("myState", Value::int32(1));
    reply.value("term", Value::int64(TERM));
    reply.string("syncSourceHost", "");
    reply.value("syncSourceId", Value::int32(-1));
    reply.value("heartbeatIntervalMillis", Value::int64(2000));
    reply.value("majorityVoteCount", Value::int32(1));
    reply.value("writeMajorityCount", Value::int32(1));
    reply.value("votingMembersCount", Value::int32(1));
    reply.value("writableVotingMembersCount", Value::int32(1));
    reply.document("optimes", |optimes| {
        op_time(optimes, "lastCommittedOpTime");
        optimes.value("lastCommittedWallTime", date);
        op_time(optimes, "readConcernMajorityOpTime");
        op_time(optimes, "appliedOpTime");
        op_time(optimes, "durableOpTime");
        optimes.value("lastAppliedWallTime", date);
        optimes.value("lastDurableWallTime", date);
    });
    reply.array("members", |members| {
        members.document(|member| {
            member.value("_id", Value::int32(0));
            member.string("name", &address);
            member.value("health", Value::double(1.0));
            member.value("state", Value::int32(1));
            member.string("stateStr", "PRIMARY");
            member.value("uptime", Value::integer(uptime));
            op_time(member, "optime");
            member.value("optimeDate", date);
            member.string("syncSourceHost", "");
            member.value("syncSourceId", Value::int32(-1));
            member.string("infoMessage", "");
            member.value("configVersion", Value::int32(1));
            member.value("configTerm", Value::int32(1));
            member.value("self", Value::TRUE);
            member.string("lastHeartbeatMessage", "");
        });
    });
    Ok(())
}

fn get_config(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let commands = call.commands;
    let name = set_name(commands)?;
    let address = commands.address(call.session.peer.local);
    reply.document("config", |config| {
        config.string("_id", name);
        config.value("version", Value::int32(1));
        config.value("term", Value::int32(1));
        config.array("members", |members| {
            members.document(|member| {
                member.value("_id", Value::int32(0));
                member.string("host", &address);
                member.value("arbiterOnly", Value::FALSE);
                member.value("buildIndexes", Value::TRUE);
                member.value("hidden", Value::FALSE);
                member.value("priority", Value::int32(1));
                member.document("tags", |_| ());
                member.value("secondaryDelaySecs", Value::int64(0));
                member.value("votes", Value::int32(1));
            });
        });
        config.value("protocolVersion", Value::int64(1));
        // Commits reach the operating system at once and the device within 100 ms; only `j: true` waits for that.
        config.value("writeConcernMajorityJournalDefault", Value::FALSE);
    });
    Ok(())
}

pub(super) static SHARDING_STATE: Command =
    Command::new("shardingState", sharding_state, "tells whether this server is a shard")
        .admin_only()
        .needs(Needs::OnCluster(&["shardingState"]));

fn sharding_state(_call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    reply.value("enabled", Value::FALSE);
    Ok(())
}

pub(super) static GET_LAST_ERROR: Command =
    Command::new("getLastError", get_last_error, "is refused, as write commands report their own errors")
        .aliases(&["getlasterror"])
        .needs(Needs::Nothing);

fn get_last_error(_call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    Err(Error::new(Code(5_739_000), "getLastError command is not supported"))
}

pub(super) static REPL_SET_INITIATE: Command =
    Command::new("replSetInitiate", initiate, "is refused, as the replica set of one node is there from the start")
        .admin_only()
        .needs(Needs::OnCluster(&["replSetConfigure"]));

fn initiate(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    set_name(call.commands)?;
    Err(Error::new(Code::ALREADY_INITIALIZED, "already initialized"))
}

pub(super) static REPL_SET_STEP_DOWN: Command =
    Command::new("replSetStepDown", step_down, "is refused, as no other node could become primary")
        .admin_only()
        .needs(Needs::OnCluster(&["replSetStateChange"]));

/// `ExceededTimeLimit`.
const EXCEEDED_TIME_LIMIT: Code = Code(262);

fn step_down(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    set_name(call.commands)?;
    let message = "No electable secondaries caught up. There are no other nodes in this replica set";
    Err(Error::new(EXCEEDED_TIME_LIMIT, message))
}

pub(super) static REPL_SET_FREEZE: Command =
    Command::new("replSetFreeze", freeze, "is refused, as it is for nodes that are not primary")
        .admin_only()
        .needs(Needs::OnCluster(&["replSetStateChange"]));

/// `NotSecondary`.
const NOT_SECONDARY: Code = Code(95);

fn freeze(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    set_name(call.commands)?;
    let message = "cannot freeze node when primary or running for election. state: Primary";
    Err(Error::new(NOT_SECONDARY, message))
}
