//! MongoDB's commands: from a request document to a reply document.
//!
//! [`Commands`] is the [`Service`] behind the wire. For each request it finds the command in the one table, reads the
//! arguments that every command takes, checks what can be checked for all (database, API version, concerns,
//! session), runs the command's handler, and closes the reply. Handlers are thin: they type the arguments, fill one of
//! the engine's request structs and write what the engine gives back.
//!
//! This module must not know frames or sockets, nor how the engine does its work. To add a command see `table.rs`.

mod access;
mod aggregate;
mod apply_ops;
mod args;
mod build_info;
mod bulk_write;
mod capped;
mod coll_mod;
mod collections;
mod concern;
mod count;
mod current_op;
mod cursors;
mod db_hash;
mod delete;
mod diagnostics;
mod distinct;
mod explain;
mod fail_points;
mod find;
mod find_and_modify;
mod generic;
mod get_log;
mod handshake;
mod indexes;
mod insert;
mod listing;
mod maintenance;
mod metrics;
mod operations;
mod parameters;
mod plan_cache;
mod profile;
mod query_settings;
mod replication;
mod reply;
mod roles;
mod sasl;
mod search_indexes;
mod server_facts;
mod server_status;
mod sessions;
mod settings;
mod stats;
mod table;
mod transactions;
mod update;
mod users;
mod validate;
mod write_gate;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use smongo_vm::Code;
use smongo_vm::value::{DocWriter, RawDoc, Value};

use crate::auth::Principal;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::request::{Namespace, OpContext, Presence, wall_clock_millis};
use crate::session::{LogicalSession, Scope, SessionId};
use crate::wire::log::{Attr, Log};
use crate::wire::{Followup, Peer, Request, Service};

pub use build_info::VERSION;

use concern::ReadLevel;
use generic::Generic;
use metrics::Metrics;
use operations::{Operations, Slot};
use reply::Reply;
use table::{Command, Counter, ReadLevels, Usage};

/// mongod's code for a request without `$db`.
const MISSING_DB: Code = Code(40571);
/// How far a client's cluster time may be ahead, in seconds. MongoDB: `maxAcceptableLogicalClockDriftSecs`, a year.
const CLOCK_DRIFT_MAX_S: i64 = 365 * 24 * 60 * 60;

/// What the server says about itself.
#[derive(Clone, Debug)]
pub struct CommandOptions {
    /// The name of the one-node replica set; `None` poses as a standalone server.
    pub set_name: Option<String>,
    /// The `host:port` that clients are told to connect to; the address that a client used, when absent.
    pub advertised: Option<String>,
    /// The command line, for `getCmdLineOpts`.
    pub argv: Vec<String>,
    /// Connections that the server accepts at once.
    pub max_connections: usize,
    /// Whether nothing outlives the server.
    pub in_memory: bool,
    /// Whether clients must authenticate, and may do only what their roles allow.
    pub access_control: bool,
    /// What ends the program for `shutdown`; absent where another program decides.
    pub shutdown: Option<fn()>,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self {
            set_name: Some("rs0".into()),
            advertised: None,
            argv: Vec::new(),
            max_connections: crate::wire::ServerOptions::default().max_connections,
            in_memory: false,
            access_control: false,
            shutdown: None,
        }
    }
}

/// The commands over one engine.
#[derive(Debug)]
pub struct Commands {
    engine: Arc<Engine>,
    options: CommandOptions,
    log: Arc<Log>,
    started: Instant,
    /// Identifies this process to clients that watch the topology.
    process_id: [u8; 12],
    operations: Operations,
    sessions: sessions::Sessions,
    metrics: Metrics,
    parameters: parameters::Parameters,
    settings: settings::Settings,
    access: access::Access,
    fail_points: fail_points::FailPoints,
    profiler: profile::Profiler,
    write_gate: write_gate::WriteGate,
    compaction: maintenance::Compaction,
    stopping: Stopping,
}

/// Whether the server is about to stop, and a way to wait for it.
#[derive(Debug, Default)]
struct Stopping {
    flag: Mutex<bool>,
    changed: Condvar,
}

impl Stopping {
    /// Waits until the server stops, at most for `time`. Gives whether it stops.
    fn wait(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut flag = self.flag.lock();
        while !*flag && !self.changed.wait_until(&mut flag, deadline).timed_out() {}
        *flag
    }
}

/// What is known about one connection.
#[derive(Debug)]
pub struct Session {
    peer: Peer,
    presence: Presence,
    slot: Arc<Slot>,
    /// The logical session used last, and when that was noted.
    last_session: Option<(SessionId, Instant)>,
    login: access::Login,
    /// `database.collection` of the request at hand; the buffer is reused.
    namespace: String,
}

/// One run of a command.
pub(crate) struct Call<'c, 'd> {
    commands: &'c Commands,
    session: &'c mut Session,
    request: Request<'d>,
    command: &'static Command,
    /// The name by which the client called the command.
    name: &'d str,
    /// The value of the first element: the collection, for most commands.
    first: Value<'d>,
    db: &'d str,
    generic: Generic<'d>,
    /// The session that the command's transaction number belongs to.
    logical_session: Option<Arc<LogicalSession>>,
    scope: Scope,
    started: Instant,
    /// Time spent waiting for the client's sake, which is not work.
    waited: Duration,
    followup: Followup,
    /// What the reply's `ok` is to be.
    ok: Value<'static>,
}

impl<'d> Call<'_, 'd> {
    /// The circumstances of the operation, for the engine.
    fn op(&self) -> OpContext {
        let op = OpContext::new().max_time_ms(self.generic.max_time_ms);
        let slot = &self.session.slot;
        let op = op.interrupted_by(slot.interrupt()).of_client(self.session.presence.clone());
        let op = op.at_cluster_time(self.commands.engine.cluster_time());
        op.reporting_to(slot.progress()).within(self.scope.clone())
    }

    /// The collection that the command's first argument names.
    fn collection(&self) -> Result<Namespace> {
        let Some(coll) = self.first.as_str() else {
            let message = format!("collection name has invalid type {}", self.first.tag().name());
            return Err(Error::new(Code::INVALID_NAMESPACE, message));
        };
        Namespace::new(self.db, coll)
    }

    /// Fails when the collection is not the one that the client knows under this name.
    fn check_uuid(&self, ns: &Namespace, uuid: Option<args::Uuid>) -> Result<()> {
        match uuid {
            None => Ok(()),
            Some(uuid) => self.commands.engine.check_uuid(ns, &uuid.bytes()?),
        }
    }

    /// Counts and distincts through views answer with an int32 `ok`, as mongod's do.
    fn answers_for_view(&mut self, ns: &Namespace) {
        if self.commands.engine.is_view(ns) {
            self.ok = Value::int32(1);
        }
    }

    /// The id of the logical session that the request belongs to.
    fn session_id(&self) -> Option<SessionId> {
        self.generic.session
    }

    /// The user that the connection has logged in.
    fn principal(&self) -> Option<&Principal> {
        self.session.login.user.as_ref().map(|user| &user.principal)
    }

    /// Whether the write must be on the storage device before the reply.
    fn journal(&self) -> bool {
        match self.generic.write_concern {
            Some(concern) => concern.waits_for_journal(),
            None => self.commands.settings.journal_by_default(),
        }
    }

    /// Whether this run of the command changes data; an `aggregate` does so with its last stage only.
    fn writes(&self) -> bool {
        let last_stage = || {
            let pipeline = self.request.body.get("pipeline").and_then(|pipeline| pipeline.as_array());
            let last = pipeline.and_then(|pipeline| pipeline.values().last()).and_then(|stage| stage.as_doc());
            last.and_then(|stage| stage.iter().next()).map(|element| element.name_str())
        };
        self.command.writes && (self.command.name != "aggregate" || matches!(last_stage(), Some("$out" | "$merge")))
    }
}

impl Commands {
    /// The commands over `engine`. Fails when the settings that the data directory holds cannot be read.
    pub fn new(engine: Arc<Engine>, options: CommandOptions, log: Arc<Log>) -> Result<Self> {
        Ok(Self {
            settings: settings::Settings::load(&engine)?,
            access: access::Access::new(options.access_control),
            engine,
            options,
            log,
            started: Instant::now(),
            process_id: crate::object_id::generate(),
            operations: Operations::default(),
            sessions: sessions::Sessions::default(),
            metrics: Metrics::default(),
            parameters: parameters::Parameters::default(),
            fail_points: fail_points::FailPoints::default(),
            profiler: profile::Profiler::default(),
            write_gate: write_gate::WriteGate::default(),
            compaction: maintenance::Compaction::default(),
            stopping: Stopping::default(),
        })
    }

    /// Sets a parameter, written `name=value`, before the server serves.
    pub fn set_parameter(&self, assignment: &str) -> Result<()> {
        parameters::set_at_startup(self, assignment)
    }

    /// Sets from how many milliseconds on an operation is slow.
    pub fn set_slow_ms(&self, ms: i32) {
        self.profiler.set_slow_ms(ms);
    }

    /// Runs the command in `request` and writes its reply, `ok` included.
    fn execute(&self, session: &mut Session, request: &Request<'_>, reply: &mut Reply<'_>) -> Result<Followup> {
        let started = Instant::now();
        let first = request.body.iter().next();
        let name = first.map(|first| first.name_str()).unwrap_or_default();
        let Some(command) = table::lookup(name) else {
            return Err(Error::new(Code::COMMAND_NOT_FOUND, format!("no such command: '{name}'")));
        };
        self.operations.begin(&session.slot, command.name, request.body, started);
        let guard = OperationGuard { operations: &self.operations, slot: Arc::clone(&session.slot) };
        let generic = Generic::parse(request.body)?;
        let db = database(request, &generic)?;
        let mut call = Call {
            commands: self,
            session,
            request: *request,
            command,
            name,
            first: first.map_or(Value::NOTHING, |first| first.value()),
            db,
            generic,
            logical_session: None,
            scope: Scope::Alone,
            started,
            waited: Duration::ZERO,
            followup: Followup::Done,
            ok: Value::double(1.0),
        };
        let fault = self.fail_points.meet(&call).unwrap_or_default();
        if fault.closes_connection {
            return Ok(Followup::HangUp);
        }
        if let Some(error) = fault.error {
            return Err(match fault.labels {
                Some(labels) => labels.into_iter().fold(error, Error::with_label),
                None => transactions::labelled(&call, error),
            });
        }
        let result = access::check(&mut call).and_then(|()| self.check(&mut call)).and_then(|()| {
            call.logical_session = self.numbered_session(&call)?;
            let logical_session = call.logical_session.clone();
            let _entered = logical_session.as_ref().map(|session| session.enter());
            call.scope = self.scope(&call)?;
            let _passing = call.writes().then(|| self.write_gate.pass(&call.op(), call.db)).transpose()?;
            (command.run)(&mut call, reply)
        });
        self.account(&mut call, reply.written(), result.as_ref().err());
        if let Err(error) = result {
            if let Some(transaction) = call.scope.transaction() {
                self.engine.abandon(transaction);
            }
            return Err(transactions::labelled(&call, error));
        }
        transactions::report_retried(&call, reply);
        if command.writes
            && let Some(concern) = &call.generic.write_concern
        {
            concern.report(reply);
        }
        if let Some(error) = &fault.write_concern_error {
            reply.value("writeConcernError", Value::document(error));
            if let Some(labels) = &fault.labels {
                reply.array("errorLabels", |array| labels.iter().for_each(|label| array.value(Value::string(label))));
            }
        }
        drop(guard);
        reply.value("ok", call.ok);
        Ok(call.followup)
    }

    /// What is checked for every command.
    fn check(&self, call: &mut Call<'_, '_>) -> Result<()> {
        let command = call.command;
        if command.admin_only && call.db != "admin" {
            let message = format!("{} may only be run against the admin database.", command.name);
            return Err(Error::new(Code::UNAUTHORIZED, message));
        }
        if call.generic.api_strict == Some(true) && !command.in_api_v1 {
            let message = format!("Provided apiStrict:true, but the command {} is not in API Version 1.", command.name);
            return Err(Error::new(Code::API_STRICT_ERROR, message));
        }
        if let Some(time) = call.generic.cluster_time {
            self.advance_cluster_time(time)?;
        }
        if let Some(concern) = call.generic.read_concern {
            self.check_read_concern(call, concern)?;
        }
        if call.generic.write_concern.is_some() && !command.writes {
            return Err(Error::new(Code::INVALID_OPTIONS, "Command does not support writeConcern"));
        }
        if let Some(id) = call.generic.session {
            let noted = call.session.last_session;
            let fresh = noted
                .is_some_and(|(last, when)| last == id && call.started.duration_since(when) < sessions::REFRESH_GRAIN);
            if !fresh {
                self.sessions.touch(id, call.principal(), call.started)?;
                call.session.last_session = Some((id, call.started));
            }
        }
        Ok(())
    }

    /// Takes note of a cluster time that a client was told elsewhere.
    fn advance_cluster_time(&self, time: u64) -> Result<()> {
        let now = wall_clock_millis() / 1000;
        let seconds = i64::try_from(time >> 32).unwrap_or(i64::MAX);
        if seconds > now.saturating_add(CLOCK_DRIFT_MAX_S) {
            let message = format!("New cluster time, {seconds}, is too far from this node's wall clock time, {now}.");
            return Err(Error::new(Code::CLUSTER_TIME_FAILS_RATE_LIMITER, message));
        }
        if self.options.set_name.is_some() {
            self.engine.advance_cluster_time(time);
        }
        Ok(())
    }

    fn check_read_concern(&self, call: &Call<'_, '_>, concern: concern::ReadConcern) -> Result<()> {
        let command = call.command;
        let refuse = |level: ReadLevel| {
            let message = format!(
                "Command {} does not support {{ readConcern: {{ level: \"{}\", provenance: \"clientSupplied\" }} }} :: \
                 caused by :: read concern not supported",
                command.name,
                level.name()
            );
            Err(Error::new(Code::INVALID_OPTIONS, message))
        };
        match concern.level {
            None | Some(ReadLevel::Local) => {}
            Some(level) if command.read_levels == ReadLevels::LocalOnly && call.generic.autocommit.is_none() => {
                return refuse(level);
            }
            Some(_) => {}
        }
        if let Some(time) = concern.after_cluster_time {
            let now = self.engine.cluster_time();
            if self.options.set_name.is_none() {
                let message = "Cannot specify afterClusterTime readConcern without replication enabled";
                return Err(Error::new(Code::ILLEGAL_OPERATION, message));
            }
            if time > now {
                let message = format!(
                    "readConcern afterClusterTime value must not be greater than the current clusterTime. Requested \
                     clusterTime: {}; current clusterTime: {}",
                    timestamp_text(time),
                    timestamp_text(now)
                );
                return Err(Error::new(Code::INVALID_OPTIONS, message));
            }
        }
        Ok(())
    }

    /// Counts the operation, and logs it when it was slow.
    fn account(&self, call: &mut Call<'_, '_>, response_bytes: usize, error: Option<&Error>) {
        let elapsed = call.started.elapsed().saturating_sub(call.waited);
        let command = call.command;
        match command.counter {
            Counter::ByHandler => {}
            counter => self.metrics.count(counter),
        }
        self.metrics.latency(command, elapsed);
        profile::note(call, elapsed, response_bytes, error);
        let logged = self.parameters.log_level() > 0 || self.profiler.is_slow(elapsed);
        if command.usage == Usage::None && !logged {
            return;
        }
        let namespace = &mut call.session.namespace;
        namespace.clear();
        namespace.push_str(call.db);
        if command.usage != Usage::None {
            // A getMore names its collection in an argument of its own.
            let coll = match command.usage {
                Usage::GetMore => call.request.body.get("collection").and_then(|value| value.as_str()),
                _ => call.first.as_str(),
            };
            if let Some(coll) = coll {
                namespace.push('.');
                namespace.push_str(coll);
                self.metrics.top.record(namespace, command.usage, elapsed);
            }
        }
        if logged {
            let attrs = [
                ("type", Attr::Str("command")),
                ("ns", Attr::Str(namespace)),
                ("command", Attr::Str(command.name)),
                ("durationMillis", Attr::Int(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))),
            ];
            let context = format!("conn{}", call.session.peer.connection_id);
            self.log.info("COMMAND", 51803, &context, "Slow query", &attrs);
        }
    }

    /// Appends what every reply of a replica set member ends with.
    fn close_reply(&self, reply: &mut Reply<'_>) {
        if self.options.set_name.is_none() {
            return;
        }
        let time = Value::timestamp(self.engine.cluster_time());
        reply.document("$clusterTime", |doc| {
            doc.value("clusterTime", time);
            doc.document("signature", |signature| {
                // What a server without keys signs with.
                signature.value("hash", Value::binary(0, &[0; 20]));
                signature.value("keyId", Value::int64(0));
            });
        });
        reply.value("operationTime", time);
    }

    /// The address that clients are told to use for this server.
    fn address(&self, local: SocketAddr) -> String {
        self.options.advertised.clone().unwrap_or_else(|| local.to_string())
    }
}

/// Runs a command as a part of the one at hand; what it would reply is dropped.
fn run_inside(call: &mut Call<'_, '_>, db: &str, body: &RawDoc) -> Result<()> {
    let first = body.iter().next();
    let name = first.map(|first| first.name_str()).unwrap_or_default();
    let Some(command) = table::lookup(name) else {
        return Err(Error::new(Code::COMMAND_NOT_FOUND, format!("no such command: '{name}'")));
    };
    let mut inner = Call {
        commands: call.commands,
        session: &mut *call.session,
        request: Request { body, sequences: &[], legacy_db: None, exhaust_allowed: false },
        command,
        name,
        first: first.map_or(Value::NOTHING, |first| first.value()),
        db,
        generic: Generic::default(),
        logical_session: None,
        scope: Scope::Alone,
        started: call.started,
        waited: Duration::ZERO,
        followup: Followup::Done,
        ok: Value::double(1.0),
    };
    let mut dropped = Vec::new();
    (command.run)(&mut inner, &mut DocWriter::new(&mut dropped))
}

/// Notes the end of an operation, however it ends.
struct OperationGuard<'c> {
    operations: &'c Operations,
    slot: Arc<Slot>,
}

impl Drop for OperationGuard<'_> {
    fn drop(&mut self) {
        self.operations.end(&self.slot);
    }
}

/// The database that a request runs on.
fn database<'d>(request: &Request<'d>, generic: &Generic<'d>) -> Result<&'d str> {
    let db = match (request.legacy_db, generic.db) {
        (Some(db), _) => db,
        (None, Some(value)) => value.as_str().ok_or_else(|| args::wrong_type("$db", "", value.tag(), &["string"]))?,
        (None, None) => return Err(Error::new(MISSING_DB, "OP_MSG requests require a $db argument")),
    };
    Namespace::check_db_name(db)?;
    Ok(db)
}

/// A timestamp as mongod prints it.
fn timestamp_text(bits: u64) -> String {
    format!("Timestamp({}, {})", bits >> 32, bits & u64::from(u32::MAX))
}

impl Service for Commands {
    type Session = Session;

    fn open(&self, peer: Peer) -> Session {
        let there = peer.clone();
        Session {
            slot: self.operations.open(&peer),
            presence: Presence::new(move || there.is_connected()),
            peer,
            last_session: None,
            login: access::Login::default(),
            namespace: String::new(),
        }
    }

    fn run(&self, session: &mut Session, request: &Request<'_>, out: &mut Vec<u8>) -> Followup {
        let start = out.len();
        let mut reply = DocWriter::new(out);
        let followup = match self.execute(session, request, &mut reply) {
            Ok(followup) => followup,
            Err(error) => {
                // Whatever the handler had written is replaced by the error.
                out.truncate(start);
                reply = DocWriter::new(out);
                reply::error(&mut reply, &error);
                self.metrics.failed();
                Followup::Done
            }
        };
        self.close_reply(&mut reply);
        reply.finish();
        followup
    }

    fn refuse(&self, _session: &mut Session, error: &smongo_vm::Error, out: &mut Vec<u8>) {
        let mut reply = DocWriter::new(out);
        reply::error(&mut reply, &error.clone().into());
        self.metrics.failed();
        self.close_reply(&mut reply);
        reply.finish();
    }

    fn close(&self, session: Session) {
        self.operations.close(&session.slot);
    }

    fn stopping(&self) {
        *self.stopping.flag.lock() = true;
        self.stopping.changed.notify_all();
        self.operations.kill_all();
    }

    fn traffic(&self, bytes_in: usize, bytes_out: usize) {
        self.metrics.traffic(bytes_in, bytes_out);
    }
}
