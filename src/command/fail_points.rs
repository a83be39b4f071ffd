//! Failures on purpose: `configureFailPoint`, for the tests of drivers and programs.
//!
//! Only with the parameter `enableTestCommands`. `failCommand` is specified in the drivers' specifications ("mongodb
//! fail points"): a command fails with a code or a write concern error, is held up, or loses its connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Tag, Value};

use super::Call;
use super::access::Needs;
use super::args::{self, Any, Array, Flag, Number, arguments};
use super::reply::{self, Reply};
use super::table::Command;
use crate::error::{Error, Result};

/// `FailPointSetFailed`.
const FAIL_POINT_SET_FAILED: Code = Code(249);

/// The one fail point that does something here.
const FAIL_COMMAND: &str = "failCommand";

/// Fail points that the tests of drivers set, and that concern what one node does not do; setting them is no error.
const WITHOUT_EFFECT: [&str; 2] = ["failReceivedGetmore", "maxTimeNeverTimeOut"];

/// The labels that a fail point can put on errors.
const LABELS: [&str; 7] = [
    "NoWritesPerformed",
    "ResumableChangeStreamError",
    "RetryableError",
    "RetryableWriteError",
    "SystemOverloadedError",
    "TransientTransactionError",
    "UnknownTransactionCommitResult",
];

/// Every fail point that is set.
#[derive(Debug, Default)]
pub(super) struct FailPoints {
    /// Whether the commands about fail points exist.
    pub(super) enabled: AtomicBool,
    /// Whether a fail point is on: all that other commands look at while none is.
    any: AtomicBool,
    points: Mutex<HashMap<String, Point>>,
}

#[derive(Debug)]
struct Point {
    mode: Mode,
    data: DocBuf,
    /// How often it was met.
    entered: u64,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    Off,
    AlwaysOn,
    /// On for the next so many times.
    Times(u64),
    /// On after the next so many times.
    Skip(u64),
}

/// What befalls a command.
#[derive(Debug, Default)]
pub(super) struct Fault {
    pub(super) closes_connection: bool,
    pub(super) error: Option<Error>,
    /// Appended to the reply of a command that succeeds.
    pub(super) write_concern_error: Option<DocBuf>,
    /// Labels in place of those that the error would have.
    pub(super) labels: Option<Vec<&'static str>>,
}

impl FailPoints {
    /// What befalls the command at hand; it has been held up by now, if that is asked for.
    pub(super) fn meet(&self, call: &Call<'_, '_>) -> Option<Fault> {
        if !self.any.load(Ordering::Relaxed) || call.command.name == "configureFailPoint" {
            return None;
        }
        let mut points = self.points.lock();
        let point = points.get_mut(FAIL_COMMAND)?;
        if !concerns(&point.data, call) || !point.enter() {
            return None;
        }
        let data = point.data.clone();
        drop(points);
        if data.get("blockConnection").is_some_and(args::is_truthy) {
            let millis = data.get("blockTimeMS").and_then(|millis| millis.as_integer()).unwrap_or(0);
            call.commands.stopping.wait(Duration::from_millis(u64::try_from(millis).unwrap_or(0)));
        }
        let code = data.get("errorCode").and_then(|code| code.as_integer());
        let code = code.and_then(|code| i32::try_from(code).ok());
        let labels = data.get("errorLabels").and_then(|labels| labels.as_array());
        Some(Fault {
            closes_connection: data.get("closeConnection").is_some_and(args::is_truthy),
            error: code.map(|code| Error::new(Code(code), "Failing command via 'failCommand' failpoint")),
            write_concern_error: data.get("writeConcernError").and_then(|error| error.as_doc()).map(DocBuf::from),
            labels: labels.map(|labels| labels.values().filter_map(known_label).collect()),
        })
    }
}

/// The label that a value names, if it is one of those that drivers know.
fn known_label(value: Value<'_>) -> Option<&'static str> {
    LABELS.into_iter().find(|label| value.as_str() == Some(label))
}

impl Point {
    /// Notes that the point was met; whether it is on.
    fn enter(&mut self) -> bool {
        let on = match &mut self.mode {
            Mode::Off => false,
            Mode::AlwaysOn | Mode::Skip(0) => true,
            Mode::Skip(left) => {
                *left -= 1;
                false
            }
            Mode::Times(0) => false,
            Mode::Times(left) => {
                *left -= 1;
                true
            }
        };
        self.entered += u64::from(on);
        on
    }
}

/// Whether `failCommand`'s data names the command at hand.
fn concerns(data: &RawDoc, call: &Call<'_, '_>) -> bool {
    let names = data.get("failCommands").and_then(|names| names.as_array()).unwrap_or(RawDoc::EMPTY);
    let named = names.values().any(|name| {
        let name = name.as_str().unwrap_or_default();
        name == call.command.name || call.command.aliases.contains(&name)
    });
    let of_application = data.get("appName").is_none_or(|wanted| {
        let client = call.session.slot.client();
        let application = client.as_ref().and_then(|client| client.get("application")).and_then(|app| app.as_doc());
        application.and_then(|app| app.get("name")).and_then(|name| name.as_str()) == wanted.as_str()
    });
    let of_namespace = data
        .get("namespace")
        .and_then(|ns| ns.as_str())
        .is_none_or(|wanted| call.first.as_str().is_some_and(|coll| wanted == format!("{}.{coll}", call.db)));
    named && of_application && of_namespace
}

pub(super) static CONFIGURE_FAIL_POINT: Command =
    Command::new("configureFailPoint", configure_fail_point, "has commands fail, for tests")
        .admin_only()
        .needs(Needs::Everything);

arguments! {
    /// Arguments of `configureFailPoint`.
    struct FailPointArgs in "configureFailPoint" strict {
        "mode" => mode: Any<'d>,
        "data" => data: &'d RawDoc,
    }
}

arguments! {
    /// The data of `failCommand`.
    struct FailCommandArgs in "failCommand" lenient {
        "failCommands" => commands: Array<'d>,
        "errorLabels" => labels: Array<'d>,
        "closeConnection" => closes_connection: Flag,
        "errorCode" => code: Number,
        "writeConcernError" => write_concern_error: &'d RawDoc,
        "blockConnection" => blocks: Flag,
        "blockTimeMS" => block_ms: Number,
        "appName" => app_name: &'d str,
        "namespace" => namespace: &'d str,
    }
}

fn configure_fail_point(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let fail_points = &call.commands.fail_points;
    if !fail_points.enabled.load(Ordering::Relaxed) {
        return Err(Error::new(Code::COMMAND_NOT_FOUND, "no such command: 'configureFailPoint'"));
    }
    let args: FailPointArgs<'_> = args::of_command(&call.request)?;
    let name = call.first.as_str().unwrap_or_default();
    if name != FAIL_COMMAND && !WITHOUT_EFFECT.contains(&name) {
        return Err(Error::new(FAIL_POINT_SET_FAILED, format!("{name} not found")));
    }
    let mode = mode(args::require(args.mode, "configureFailPoint", "mode")?.0)?;
    let data = args.data.unwrap_or(RawDoc::EMPTY);
    if name == FAIL_COMMAND && !matches!(mode, Mode::Off) {
        let data: FailCommandArgs<'_> = args::of_document(data)?;
        if data.blocks.is_some_and(|Flag(blocks)| blocks) && data.block_ms.is_none() {
            let message = "must specify 'blockTimeMS' when 'blockConnection' is true";
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
        let labels = data.labels.map_or(RawDoc::EMPTY, |Array(labels)| labels);
        if let Some(unknown) = labels.values().find(|label| known_label(*label).is_none()) {
            return Err(Error::new(Code::BAD_VALUE, format!("unknown error label: {unknown:?}")));
        }
    }
    let mut points = fail_points.points.lock();
    let point = Point { mode, data: data.into(), entered: 0 };
    let entered = points.insert(name.to_owned(), point).map_or(0, |before| before.entered);
    let on = points.values().any(|point| !matches!(point.mode, Mode::Off));
    fail_points.any.store(on, Ordering::Relaxed);
    reply.value("count", reply::count(entered));
    Ok(())
}

fn mode(value: Value<'_>) -> Result<Mode> {
    let bad = |message: String| Error::new(Code::BAD_VALUE, message);
    match value.as_str() {
        Some("off") => return Ok(Mode::Off),
        Some("alwaysOn") => return Ok(Mode::AlwaysOn),
        Some(other) => return Err(bad(format!("unknown mode: {other}"))),
        None => {}
    }
    let Some(doc) = value.as_doc() else {
        let message =
            format!("'mode' must be one of 'off', 'alwaysOn', 'times', and 'skip', found {}", value.tag().name());
        return Err(Error::new(Code::TYPE_MISMATCH, message));
    };
    let count = |value: Value<'_>| -> Result<u64> {
        match value.tag() {
            Tag::Int32 | Tag::Int64 | Tag::Double => {}
            _ => return Err(Error::new(Code::TYPE_MISMATCH, "'times' and 'skip' options must be numbers")),
        }
        let count = value.as_integer().or_else(|| value.as_double().map(|count| count as i64));
        count
            .and_then(|count| u64::try_from(count).ok())
            .ok_or_else(|| bad("'times' and 'skip' must not be negative".into()))
    };
    match doc.iter().next().map(|element| (element.name_str(), element.value())) {
        Some(("times", times)) => Ok(Mode::Times(count(times)?)),
        Some(("skip", skip)) => Ok(Mode::Skip(count(skip)?)),
        _ => Err(bad("'mode' must be one of 'off', 'alwaysOn', 'times', and 'skip'".into())),
    }
}
