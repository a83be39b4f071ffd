//! The profiler: operations written to each database's `system.profile`, and the `profile` command that turns it on.
//!
//! Levels are kept per database and forgotten with the process, as mongod does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, Tag, Value};

use super::access::{Needs, Requirement, Target};
use super::args::{self, Any, Argument, Number, arguments, wrong_type};
use super::current_op::operation;
use super::reply::Reply;
use super::table::Command;
use super::{Call, Commands};
use crate::auth::Resource;
use crate::auth::scram::random_bytes;
use crate::error::{Error, Result};
use crate::request::{CreateRequest, InsertRequest, Namespace, OpContext, wall_clock_millis};

/// Operations that take longer are slow. MongoDB's default: 100 ms.
const SLOW_MS: i32 = 100;

/// Size of a `system.profile`, in bytes. MongoDB: 1 MiB.
const PROFILE_BYTES: i32 = 1 << 20;

/// Longest command that is written out, in bytes; of longer ones only the name is.
const MAX_COMMAND_BYTES: usize = 50 * 1024;

/// What is profiled.
#[derive(Debug)]
pub(super) struct Profiler {
    /// Whether any database is profiled: all that an operation looks at while none is.
    any: AtomicBool,
    levels: RwLock<HashMap<String, Level>>,
    slow_ms: AtomicI32,
    /// Share of slow operations that are noted, as the bits of a double from 0 to 1.
    sample_rate: AtomicU64,
}

#[derive(Clone, Debug, Default)]
struct Level {
    level: i32,
    /// Chooses the operations in place of level and time.
    filter: Option<DocBuf>,
}

impl Default for Profiler {
    fn default() -> Self {
        Self {
            any: AtomicBool::new(false),
            levels: RwLock::default(),
            slow_ms: AtomicI32::new(SLOW_MS),
            sample_rate: AtomicU64::new(1_f64.to_bits()),
        }
    }
}

impl Profiler {
    /// Sets from how many milliseconds on an operation is slow.
    pub(super) fn set_slow_ms(&self, ms: i32) {
        self.slow_ms.store(ms, Ordering::Relaxed);
    }

    /// Whether an operation that took so long is slow.
    pub(super) fn is_slow(&self, elapsed: Duration) -> bool {
        elapsed.as_millis() as i128 >= i128::from(self.slow_ms.load(Ordering::Relaxed))
    }

    fn sample_rate(&self) -> f64 {
        f64::from_bits(self.sample_rate.load(Ordering::Relaxed))
    }

    fn level(&self, db: &str) -> Level {
        self.levels.read().get(db).cloned().unwrap_or_default()
    }
}

pub(super) static PROFILE: Command =
    Command::new("profile", profile, "turns the profiler of a database on or off").needs(Needs::Computed(requirements));

/// Asking for the level is less than changing it.
fn requirements(target: &Target<'_>) -> Vec<Requirement> {
    let asks = target.first.as_integer() == Some(-1) && target.body.get("slowms").is_none();
    let action = if asks { "find" } else { "enableProfiler" };
    vec![(if asks { Resource::collection(target.db, "system.profile") } else { Resource::database(target.db) }, action)]
}

arguments! {
    /// Arguments of `profile`.
    struct ProfileArgs in "profile" strict {
        "slowms" => slow_ms: Number,
        "sampleRate" => sample_rate: Double,
        "filter" => filter: Any<'d>,
    }
}

/// Any number, as a double.
#[derive(Clone, Copy)]
struct Double(f64);

impl<'d> Argument<'d> for Double {
    const TYPES: &'static [&'static str] = &["double", "int", "long", "decimal"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        value.as_double().or_else(|| Number::from_value(value).map(|Number(n)| n as f64)).map(Double)
    }
}

fn profile(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let level = match call.first.tag() {
        Tag::Null | Tag::Undefined => return Err(args::missing_field("profile", "profile")),
        tag => Number::from_value(call.first).ok_or_else(|| wrong_type("profile", "profile", tag, Number::TYPES))?,
    };
    let args: ProfileArgs<'_> = args::of_command(&call.request)?;
    if args.sample_rate.is_some_and(|Double(rate)| !(0.0..=1.0).contains(&rate)) {
        return Err(Error::new(Code::BAD_VALUE, "'sampleRate' must be between 0.0 and 1.0 inclusive"));
    }
    let profiler = &call.commands.profiler;
    let before = profiler.level(call.db);
    reply.value("was", Value::int32(before.level));
    reply.value("slowms", Value::int32(profiler.slow_ms.load(Ordering::Relaxed)));
    reply.value("sampleRate", Value::double(profiler.sample_rate()));
    if let Some(filter) = &before.filter {
        reply.value("filter", Value::document(filter));
        reply.string("note", "When a filter expression is set, slowms and sampleRate are not used for profiling and slow-query log lines.");
    }
    let filter = match args.filter.map(|Any(filter)| (filter.as_str(), filter.as_doc())) {
        None => before.filter,
        Some((Some("unset"), _)) => None,
        Some((_, Some(filter))) => {
            let mut context = smongo_compiler::ParseContext::new();
            smongo_compiler::compile_filter(filter, &mut context)?;
            Some(DocBuf::from(filter))
        }
        Some(_) => {
            return Err(Error::new(Code::BAD_VALUE, "Expected an object, or the string 'unset'."));
        }
    };
    let level = match level {
        Number(level @ 0..=2) => level as i32,
        // Anything else asks only, but for what is global.
        _ => before.level,
    };
    if level > 0 {
        create_profile(call.commands, call.db)?;
    }
    if let Some(Number(slow_ms)) = args.slow_ms {
        let slow_ms = slow_ms.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
        profiler.slow_ms.store(i32::try_from(slow_ms).unwrap_or(SLOW_MS), Ordering::Relaxed);
    }
    if let Some(Double(rate)) = args.sample_rate {
        profiler.sample_rate.store(rate.to_bits(), Ordering::Relaxed);
    }
    let mut levels = profiler.levels.write();
    levels.insert(call.db.to_owned(), Level { level, filter });
    levels.retain(|_, level| level.level > 0 || level.filter.is_some());
    profiler.any.store(levels.values().any(|level| level.level > 0), Ordering::Relaxed);
    Ok(())
}

fn create_profile(commands: &Commands, db: &str) -> Result<()> {
    let ns = Namespace::trusted(db, "system.profile");
    if commands.engine.has_collection(&ns) {
        return Ok(());
    }
    let options = DocBuf::build(|doc| {
        doc.value("capped", Value::TRUE);
        doc.value("size", Value::int32(PROFILE_BYTES));
    });
    commands.engine.create_collection(&OpContext::new(), &CreateRequest { ns, options: &options })
}

/// Writes an operation down that has ended, if it is to be profiled. What the profiler itself does is never profiled,
/// and what it cannot write is left out: the operation has succeeded all the same.
pub(super) fn note(call: &Call<'_, '_>, elapsed: Duration, response_bytes: usize, error: Option<&Error>) {
    let commands = call.commands;
    let profiler = &commands.profiler;
    if !profiler.any.load(Ordering::Relaxed) {
        return;
    }
    let level = profiler.level(call.db);
    let coll = call.first.as_str().or_else(|| call.request.body.get("collection").and_then(|coll| coll.as_str()));
    if level.level == 0 || coll == Some("system.profile") || call.command.name == "profile" {
        return;
    }
    let sampled = || {
        let rate = profiler.sample_rate();
        rate >= 1.0
            || f64::from(u32::from_le_bytes(random_bytes(4).try_into().unwrap_or_default()))
                < rate * f64::from(u32::MAX)
    };
    if level.filter.is_none() && level.level == 1 && !(profiler.is_slow(elapsed) && sampled()) {
        return;
    }
    let entry = entry(call, coll, elapsed, response_bytes, error);
    let chosen = match &level.filter {
        Some(filter) => commands.engine.filter_documents(&OpContext::new(), vec![entry.clone()], filter),
        None => Ok(vec![entry.clone()]),
    };
    if chosen.is_ok_and(|chosen| chosen.is_empty()) {
        return;
    }
    let request_documents = [entry.as_doc()];
    let ns = Namespace::trusted(call.db, "system.profile");
    // A collection that was dropped meanwhile is made anew with its fixed size.
    let _ = create_profile(commands, call.db)
        .and_then(|()| commands.engine.insert(&OpContext::new(), &InsertRequest::new(ns, &request_documents)));
}

/// What is written down of an operation, with mongod's names.
fn entry(
    call: &Call<'_, '_>,
    coll: Option<&str>,
    elapsed: Duration,
    response_bytes: usize,
    error: Option<&Error>,
) -> DocBuf {
    let body = call.request.body;
    let integer = |n: u128| Value::integer(i64::try_from(n).unwrap_or(i64::MAX));
    DocBuf::build(|doc| {
        doc.string("op", operation(call.command.name));
        doc.string("ns", &format!("{}.{}", call.db, coll.unwrap_or("$cmd")));
        if body.as_bytes().len() <= MAX_COMMAND_BYTES {
            doc.value("command", Value::document(body));
        } else {
            doc.document("command", |doc| doc.string("$truncated", call.command.name));
        }
        doc.value("numYield", Value::int32(0));
        doc.document("locks", |_| ());
        doc.document("flowControl", |_| ());
        if let Some(error) = error {
            doc.value("ok", Value::double(0.0));
            doc.string("errMsg", error.message());
            doc.string("errName", &error.code_name());
            doc.value("errCode", Value::int32(error.code()));
        }
        doc.value("responseLength", integer(response_bytes as u128));
        doc.string("protocol", "op_msg");
        doc.value("millis", integer(elapsed.as_millis()));
        doc.value("ts", Value::date_time(wall_clock_millis()));
        doc.string("client", &call.session.peer.remote.host());
        let user = call.session.login.user.as_ref();
        doc.array("allUsers", |users| {
            if let Some(user) = user {
                users.document(|doc| {
                    doc.string("user", &user.principal.name);
                    doc.string("db", &user.principal.db);
                });
            }
        });
        doc.string("user", &user.map(|user| user.principal.to_string()).unwrap_or_default());
    })
}
