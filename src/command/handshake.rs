//! `hello` and its older names: what a client learns first, and watches for changes.

use std::time::{Duration, Instant};

use smongo_vm::Code;
use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::value::{DocBuf, DocWriter, RawDoc, Value};

use super::access::Needs;
use super::args::{self, Any, Array, Flag, Number, arguments};
use super::insert::MAX_BATCH;
use super::reply::Reply;
use super::sessions::TIMEOUT_MINUTES;
use super::table::Command;
use super::{Call, Commands, sasl, users};
use crate::error::{Error, Result};
use crate::oplog::TERM;
use crate::request::wall_clock_millis;
use crate::wire::Followup;
use crate::wire::compress::Compressor;
use crate::wire::frame::MAX_MESSAGE_BYTES;

/// The wire version that is spoken: MongoDB 8.2's.
pub(super) const MAX_WIRE_VERSION: i32 = 27;

/// Largest description that a client may give of itself, in bytes. MongoDB: 512.
const MAX_CLIENT_BYTES: usize = 512;

/// The longest a client can wait for a topology change. The topology never changes, so this only bounds the silence.
const MAX_AWAIT: Duration = Duration::from_secs(60 * 60);

/// Of the form that mongod gives to the winner of an election.
const ELECTION_ID: [u8; 12] = [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1];

pub(super) static HELLO: Command =
    Command::new("hello", hello, "describes this server to a client").api_v1().needs(Needs::Nothing);

pub(super) static IS_MASTER: Command = Command::new("isMaster", hello, "describes this server to an older client")
    .aliases(&["ismaster"])
    .needs(Needs::Nothing);

arguments! {
    /// Arguments of `hello`.
    struct HelloArgs in "hello" lenient {
        "helloOk" => hello_ok: Flag,
        "client" => client: &'d RawDoc,
        "compression" => compression: Array<'d>,
        "saslSupportedMechs" => sasl_supported_mechs: &'d str,
        "topologyVersion" => topology_version: &'d RawDoc,
        "maxAwaitTimeMS" => max_await_time_ms: Number,
        "speculativeAuthenticate" => speculative_authenticate: &'d RawDoc,
        "hostInfo" => host_info: Any<'d>,
    }
}

fn hello(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: HelloArgs<'_> = args::of_command(&call.request)?;
    if let Some(user) = args.sasl_supported_mechs
        && !user.contains('.')
    {
        let message = format!("UserName must contain a '.' separated database.user pair, not '{user}'");
        return Err(Error::new(Code::BAD_VALUE, message));
    }
    if let Some(client) = args.client {
        if client.as_bytes().len() > MAX_CLIENT_BYTES {
            let message =
                format!("The client metadata document must be less then or equal to {MAX_CLIENT_BYTES} bytes");
            return Err(Error::new(CLIENT_METADATA_DOCUMENT_TOO_LARGE, message));
        }
        call.session.slot.set_client(client);
    }
    await_change(call, args.topology_version, args.max_await_time_ms)?;
    let commands = call.commands;
    let address = commands.address(call.session.peer.local);
    let legacy = call.name != "hello";
    if args.hello_ok.is_some_and(|Flag(on)| on) {
        reply.value("helloOk", Value::TRUE);
    }
    topology_version(reply, commands);
    if let Some(set_name) = &commands.options.set_name {
        reply.array("hosts", |hosts| hosts.value(Value::string(&address)));
        reply.string("setName", set_name);
        reply.value("setVersion", Value::int32(1));
    }
    reply.value(if legacy { "ismaster" } else { "isWritablePrimary" }, Value::TRUE);
    if commands.options.set_name.is_some() {
        reply.value("secondary", Value::FALSE);
        reply.string("primary", &address);
        reply.string("me", &address);
        reply.value("electionId", Value::object_id(&ELECTION_ID));
        last_write(reply, commands);
    }
    reply.value("maxBsonObjectSize", integer(MAX_USER_DOCUMENT_BYTES));
    reply.value("maxMessageSizeBytes", integer(MAX_MESSAGE_BYTES));
    reply.value("maxWriteBatchSize", integer(MAX_BATCH));
    reply.value("localTime", Value::date_time(wall_clock_millis()));
    reply.value("logicalSessionTimeoutMinutes", Value::int32(TIMEOUT_MINUTES));
    let connection_id = i64::try_from(call.session.peer.connection_id).unwrap_or(i64::MAX);
    reply.value("connectionId", Value::integer(connection_id));
    reply.value("minWireVersion", Value::int32(0));
    reply.value("maxWireVersion", Value::int32(MAX_WIRE_VERSION));
    reply.value("readOnly", Value::FALSE);
    if let Some(Array(wanted)) = args.compression {
        negotiate_compression(reply, wanted);
    }
    if let Some(user) = args.sasl_supported_mechs
        && let Some(mechanisms) = users::mechanisms_of(&commands.engine, user)?
    {
        reply.array("saslSupportedMechs", |array| {
            mechanisms.iter().for_each(|name| array.value(Value::string(name)));
        });
    }
    if let Some(start) = args.speculative_authenticate {
        let mut bytes = Vec::new();
        let mut answer = DocWriter::new(&mut bytes);
        // A guess that fails costs the client nothing: it authenticates with commands of their own.
        if sasl::start_speculatively(call, start, &mut answer).is_ok() {
            answer.finish();
            reply.value("speculativeAuthenticate", Value::document(&DocBuf::from_vec(bytes).unwrap_or_default()));
        }
    }
    Ok(())
}

/// `ClientMetadataDocumentTooLarge`.
const CLIENT_METADATA_DOCUMENT_TOO_LARGE: Code = Code(187);

fn integer(n: usize) -> Value<'static> {
    Value::integer(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Answers with the compressors that both sides know, in the client's order.
fn negotiate_compression(reply: &mut Reply<'_>, wanted: &RawDoc) {
    let mut common = wanted
        .values()
        .filter(|name| name.as_str().is_some_and(|name| Compressor::NEGOTIABLE.contains(&name)))
        .peekable();
    if common.peek().is_some() {
        reply.array("compression", |array| common.for_each(|name| array.value(name)));
    }
}

fn topology_version(reply: &mut Reply<'_>, commands: &Commands) {
    reply.document("topologyVersion", |version| {
        version.value("processId", Value::object_id(&commands.process_id));
        version.value("counter", Value::int64(0));
    });
}

fn last_write(reply: &mut Reply<'_>, commands: &Commands) {
    let time = commands.engine.cluster_time();
    let date = Value::date_time(i64::try_from(time >> 32).unwrap_or(0) * 1000);
    reply.document("lastWrite", |last| {
        for (op_time, write_date) in [("opTime", "lastWriteDate"), ("majorityOpTime", "majorityWriteDate")] {
            last.document(op_time, |op_time| {
                op_time.value("ts", Value::timestamp(time));
                op_time.value("t", Value::int64(TERM));
            });
            last.value(write_date, date);
        }
    });
}

/// Waits, for a client that knows the topology already, until the time it gives is over or the server stops.
fn await_change(call: &mut Call<'_, '_>, known: Option<&RawDoc>, patience: Option<Number>) -> Result<()> {
    let (known, patience) = match (known, patience) {
        (None, None) => return Ok(()),
        (Some(_), None) => {
            let message = "A request with a 'topologyVersion' must include 'maxAwaitTimeMS'";
            return Err(Error::new(Code(31368), message));
        }
        (None, Some(_)) => {
            let message = "A request with 'maxAwaitTimeMS' must include a 'topologyVersion'";
            return Err(Error::new(Code(31368), message));
        }
        (Some(known), Some(patience)) => (known, patience),
    };
    let millis = args::not_negative(Some(patience), "maxAwaitTimeMS")?.unwrap_or(0);
    let process = known.get("processId").map(|value| value.view());
    let counter = known.get("counter").and_then(|value| value.as_integer());
    let Some(counter) = counter else { return Err(args::missing_field("TopologyVersion", "counter")) };
    match process {
        Some(smongo_vm::value::View::ObjectId(id)) if *id == call.commands.process_id => {
            if counter > 0 {
                let message = format!(
                    "Received a topology version with counter: {counter} which is greater than the server topology version counter: 0"
                );
                return Err(Error::new(Code(31382), message));
            }
            call.followup = Followup::Again;
            let begin = Instant::now();
            let stopping = call.commands.stopping.wait(Duration::from_millis(millis).min(MAX_AWAIT));
            call.waited = begin.elapsed();
            if stopping {
                let message = "Server is shutting down";
                return Err(Error::new(Code::INTERRUPTED_AT_SHUTDOWN, message));
            }
            Ok(())
        }
        // Another process's version: the client learns of this one at once.
        Some(smongo_vm::value::View::ObjectId(_)) => {
            call.followup = Followup::Again;
            Ok(())
        }
        _ => Err(args::missing_field("TopologyVersion", "processId")),
    }
}
