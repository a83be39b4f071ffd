//! Commands that keep a server in order: `compact`, `autoCompact`, `logRotate`, `dropConnections`, `shutdown`,
//! `logApplicationMessage`.

use parking_lot::Mutex;
use smongo_storage::AutoCompact;
use smongo_vm::Code;
use smongo_vm::value::Tag;

use super::Call;
use super::access::Needs;
use super::args::{self, Array, Flag, Number, arguments, wrong_type};
use super::reply::{self, Reply};
use super::table::{Command, Usage};
use crate::error::{Error, Result};
use crate::wire::log::Attr;

/// Free space from which on a file is compacted, in MB. MongoDB: 20.
const FREE_SPACE_TARGET_MB: i64 = 20;

/// The background compaction that was asked for.
pub(super) type Compaction = Mutex<Option<AutoCompact>>;

pub(super) static COMPACT: Command = Command::new("compact", compact, "gives a collection's free space back")
    .uses_collection(Usage::Commands)
    .needs(Needs::OnCollection(&["compact"]));

arguments! {
    /// Arguments of `compact`.
    struct CompactArgs in "compact" strict {
        "dryRun" => dry_run: Flag,
        "force" => force: Flag,
        "freeSpaceTargetMB" => target_mb: Number,
    }
}

fn compact(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: CompactArgs<'_> = args::of_command(&call.request)?;
    let target_mb = target_mb(args.target_mb)?;
    if args.dry_run.is_some_and(|Flag(dry)| dry) {
        let bytes = call.commands.engine.reusable_bytes(&ns)?;
        reply.value("estimatedBytesFreed", reply::long(bytes));
    } else {
        let bytes = call.commands.engine.compact_collection(&call.op(), &ns, target_mb)?;
        reply.value("bytesFreed", reply::long(bytes));
    }
    Ok(())
}

fn target_mb(given: Option<Number>) -> Result<u64> {
    let target = args::at_least(given, 1, "freeSpaceTargetMB")?.unwrap_or(FREE_SPACE_TARGET_MB);
    Ok(u64::try_from(target).unwrap_or(1))
}

pub(super) static AUTO_COMPACT: Command =
    Command::new("autoCompact", auto_compact, "gives free space back in the background")
        .admin_only()
        .needs(Needs::OnCluster(&["compact"]));

arguments! {
    /// Arguments of `autoCompact`.
    struct AutoCompactArgs in "autoCompact" strict {
        "freeSpaceTargetMB" => target_mb: Number,
        "runOnce" => run_once: bool,
    }
}

fn auto_compact(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let name = call.command.name;
    let on = match call.first.tag() {
        Tag::Null | Tag::Undefined => return Err(args::missing_field(name, name)),
        tag => call.first.as_bool().ok_or_else(|| wrong_type(name, name, tag, &["bool"]))?,
    };
    let args: AutoCompactArgs<'_> = args::of_command(&call.request)?;
    let how = AutoCompact { free_space_target_mb: target_mb(args.target_mb)?, run_once: args.run_once == Some(true) };
    let mut running = call.commands.compaction.lock();
    let wanted = on.then_some(how);
    if on && running.is_some_and(|running| running != how) {
        let message = "Background compaction is already running with another configuration";
        return Err(Error::new(Code::ALREADY_INITIALIZED, message));
    }
    if wanted != *running {
        call.commands.engine.auto_compact(wanted)?;
        // A single run ends by itself; asking for another one is no conflict.
        *running = wanted.filter(|how| !how.run_once);
    }
    Ok(())
}

pub(super) static LOG_ROTATE: Command =
    Command::new("logRotate", log_rotate, "renames the log file and begins a new one")
        .admin_only()
        .needs(Needs::OnCluster(&["logRotate"]));

fn log_rotate(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "logRotate")?;
    match call.first.tag() {
        Tag::String if call.first.as_str() == Some("server") => {}
        Tag::String => {
            let message = "Unknown log type for logRotate; the only one here is 'server'";
            return Err(Error::new(Code::NO_SUCH_KEY, message));
        }
        Tag::Bool | Tag::Int32 | Tag::Int64 | Tag::Double | Tag::Decimal128 => {}
        tag => {
            let types = ["bool", "int", "long", "double", "decimal", "string"];
            return Err(wrong_type("logRotate", "logRotate", tag, &types));
        }
    }
    let failed = |error: std::io::Error| Error::new(FILE_RENAME_FAILED, format!("failed to rotate the log: {error}"));
    call.commands.log.rotate().map_err(failed)
}

/// `FileRenameFailed`.
const FILE_RENAME_FAILED: Code = Code(37);

pub(super) static DROP_CONNECTIONS: Command =
    Command::new("dropConnections", drop_connections, "closes connections to other nodes, of which one node has none")
        .admin_only()
        .needs(Needs::OnCluster(&["dropConnections"]));

arguments! {
    /// Arguments of `dropConnections`.
    struct DropConnectionsArgs in "dropConnections" strict {
        "hostAndPort" => hosts: Array<'d>,
        "force" => force: Flag,
    }
}

fn drop_connections(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let args: DropConnectionsArgs<'_> = args::of_command(&call.request)?;
    let Array(hosts) = args::require(args.hosts, "dropConnections", "hostAndPort")?;
    for element in hosts {
        let value = element.value();
        let name = format!("hostAndPort.{}", element.name_str());
        let host = value.as_str().ok_or_else(|| wrong_type("dropConnections", &name, value.tag(), &["string"]))?;
        check_host_and_port(host)?;
    }
    Ok(())
}

/// Checks `host`, `host:port` or `[address]:port`.
fn check_host_and_port(text: &str) -> Result<()> {
    let bad = |why: &str| Err(Error::new(Code::FAILED_TO_PARSE, format!("{why}: '{text}'")));
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, "")) => (address, None),
            Some((address, tail)) if tail.starts_with(':') => (address, Some(&tail[1..])),
            _ => return bad("Malformed IPv6 address"),
        },
        None => match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return bad("More than one ':' detected. If this is an ipv6 \
                 address, it needs to be surrounded by '[' and ']'");
            }
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() {
        return bad("Empty host component parsing HostAndPort from");
    }
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(()),
        Some(_) => bad("Bad port number in"),
    }
}

pub(super) static SHUTDOWN: Command = Command::new("shutdown", shutdown, "stops the server in good order")
    .admin_only()
    .needs(Needs::OnCluster(&["shutdown"]));

arguments! {
    /// Arguments of `shutdown`.
    struct ShutdownArgs in "shutdown" strict {
        "force" => force: Flag,
        "timeoutSecs" => timeout_s: Number,
        "quiesceTimeoutMillis" => quiesce_ms: Number,
    }
}

fn shutdown(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let _: ShutdownArgs<'_> = args::of_command(&call.request)?;
    match call.commands.options.shutdown {
        Some(stop) => {
            stop();
            Ok(())
        }
        None => {
            let message = "the server runs inside another program, which decides when it stops";
            Err(Error::new(Code::ILLEGAL_OPERATION, message))
        }
    }
}

pub(super) static LOG_APPLICATION_MESSAGE: Command =
    Command::new("logApplicationMessage", log_application_message, "writes a line to the server's log")
        .admin_only()
        .needs(Needs::OnCluster(&["applicationMessage"]));

fn log_application_message(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "logApplicationMessage")?;
    let name = call.command.name;
    let message = match call.first.tag() {
        Tag::Null | Tag::Undefined => return Err(args::missing_field(name, name)),
        tag => call.first.as_str().ok_or_else(|| wrong_type(name, name, tag, &["string"]))?,
    };
    let context = format!("conn{}", call.session.peer.connection_id);
    call.commands.log.info("COMMAND", 20_434, &context, "logApplicationMessage", &[("msg", Attr::Str(message))]);
    Ok(())
}

pub(super) static COMPACT_STRUCTURED_ENCRYPTION_DATA: Command = Command::new(
    "compactStructuredEncryptionData",
    compact_structured_encryption_data,
    "compacts an encrypted collection's metadata",
)
.needs(Needs::OnCollection(&["compactStructuredEncryptionData"]));

arguments! {
    /// Arguments of `compactStructuredEncryptionData`.
    struct CompactEncryptionArgs in "compactStructuredEncryptionData" strict {
        "compactionTokens" => tokens: args::Any<'d>,
        "encryptionInformation" => encryption: args::Any<'d>,
        "anchorPaddingFactor" => padding: Number,
    }
}

/// mongod's code for a collection without encrypted fields.
const NOT_ENCRYPTED: Code = Code(6_346_807);

fn compact_structured_encryption_data(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: CompactEncryptionArgs<'_> = args::of_command(&call.request)?;
    args::require(args.tokens, call.command.name, "compactionTokens")?;
    if !call.commands.engine.has_collection(&ns) {
        return Err(Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}")));
    }
    Err(Error::new(NOT_ENCRYPTED, "Target namespace is not an encrypted collection"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports() {
        for good in ["h:1", "h", "1.2.3.4:65535", "[::1]:27017", "[::1]"] {
            assert!(check_host_and_port(good).is_ok(), "{good}");
        }
        for bad in ["", ":1", "h:", "h:0", "h:65536", "h:x", "h:-1", "a:b:c", "[::1", "[::1]x"] {
            assert_eq!(check_host_and_port(bad).unwrap_err().code(), 9, "{bad}");
        }
    }
}
