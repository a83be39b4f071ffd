//! Small commands that tell about the server, the machine and the connection.

use smongo_vm::Code;
use smongo_vm::value::Value;

use super::Call;
use super::access::Needs;
use super::args::{self, Flag, arguments};
use super::reply::{self, Reply};
use super::table::{COMMANDS, Command};
use crate::auth::roles;
use crate::error::{Error, Result};
use crate::request::wall_clock_millis;

pub(super) static PING: Command = Command::new("ping", ping, "answers").api_v1().needs(Needs::Nothing);

fn ping(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "ping")
}

pub(super) static WHATSMYURI: Command =
    Command::new("whatsmyuri", whatsmyuri, "gives the client's own address").needs(Needs::Nothing);

fn whatsmyuri(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    reply.string("you", &call.session.peer.remote.to_string());
    Ok(())
}

pub(super) static CONNECTION_STATUS: Command =
    Command::new("connectionStatus", connection_status, "tells who is authenticated on the connection")
        .api_v1()
        .needs(Needs::Nothing);

arguments! {
    /// Arguments of `connectionStatus`.
    struct ConnectionStatusArgs in "connectionStatus" strict {
        "showPrivileges" => show_privileges: Flag,
    }
}

fn connection_status(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: ConnectionStatusArgs<'_> = args::of_command(&call.request)?;
    let user = call.session.login.user.as_ref();
    reply.document("authInfo", |info| {
        info.array("authenticatedUsers", |users| {
            if let Some(user) = user {
                users.document(|doc| {
                    doc.string("user", &user.principal.name);
                    doc.string("db", &user.principal.db);
                });
            }
        });
        roles::write_list(info, "authenticatedUserRoles", user.iter().flat_map(|user| &user.roles));
        if args.show_privileges.is_some_and(|Flag(on)| on) {
            match user {
                Some(user) => user.privileges.write(info, "authenticatedUserPrivileges"),
                None => info.array("authenticatedUserPrivileges", |_| ()),
            }
        }
    });
    Ok(())
}

pub(super) static GET_CMD_LINE_OPTS: Command =
    Command::new("getCmdLineOpts", get_cmd_line_opts, "gives the server's command line")
        .admin_only()
        .needs(Needs::OnCluster(&["getCmdLineOpts"]));

fn get_cmd_line_opts(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "getCmdLineOpts")?;
    let options = &call.commands.options;
    reply.array("argv", |argv| options.argv.iter().for_each(|arg| argv.value(Value::string(arg))));
    reply.document("parsed", |parsed| {
        parsed.document("net", |net| {
            net.value("port", Value::int32(i32::from(call.session.peer.local.port())));
            net.value("maxIncomingConnections", reply::count(options.max_connections as u64));
        });
        if let Some(set_name) = &options.set_name {
            parsed.document("replication", |replication| replication.string("replSet", set_name));
        }
    });
    Ok(())
}

pub(super) static HOST_INFO: Command =
    Command::new("hostInfo", host_info, "describes the machine").needs(Needs::OnCluster(&["hostInfo"]));

fn host_info(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "hostInfo")?;
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let memory_mb = memory_kib("/proc/meminfo", "MemTotal:").unwrap_or(0) / 1024;
    let kernel = read_line("/proc/sys/kernel/osrelease");
    reply.document("system", |system| {
        system.value("currentTime", Value::date_time(wall_clock_millis()));
        system.string("hostname", &host_name());
        system.value("cpuAddrSize", Value::integer(i64::from(usize::BITS)));
        system.value("memSizeMB", reply::long(memory_mb));
        system.value("memLimitMB", reply::long(memory_mb));
        system.value("numCores", reply::count(cores));
        system.string("cpuArch", std::env::consts::ARCH);
        system.value("numaEnabled", Value::FALSE);
    });
    reply.document("os", |os| {
        os.string("type", if cfg!(target_os = "linux") { "Linux" } else { std::env::consts::OS });
        os.string("name", &os_name());
        os.string("version", &kernel);
    });
    reply.document("extra", |extra| {
        extra.string("versionString", &read_line("/proc/version"));
        extra.string("kernelVersion", &kernel);
    });
    Ok(())
}

/// The machine's name.
pub(super) fn host_name() -> String {
    match read_line("/proc/sys/kernel/hostname") {
        name if name.is_empty() => "localhost".into(),
        name => name,
    }
}

fn os_name() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| std::env::consts::OS.to_owned(), |name| name.trim_matches('"').to_owned())
}

/// The first line of a file; empty where there is none.
fn read_line(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// A figure in KiB from a file of the kernel's `Name: 123 kB` form.
pub(super) fn memory_kib(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

pub(super) static LIST_COMMANDS: Command =
    Command::new("listCommands", list_commands, "lists the commands").needs(Needs::Nothing);

fn list_commands(_call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    reply.document("commands", |list| {
        for command in COMMANDS {
            list.document(command.name, |doc| {
                doc.string("help", command.help);
                doc.value("requiresAuth", Value::bool(!matches!(command.needs, Needs::Nothing)));
                doc.value("secondaryOk", Value::bool(!command.writes));
                doc.value("adminOnly", Value::bool(command.admin_only));
                doc.array("apiVersions", |versions| {
                    if command.in_api_v1 {
                        versions.value(Value::string("1"));
                    }
                });
                doc.array("deprecatedApiVersions", |_| ());
            });
        }
    });
    Ok(())
}

pub(super) static FEATURES: Command =
    Command::new("features", features, "gives what the program was built with").needs(Needs::Nothing);

fn features(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "features")?;
    reply.document("js", |js| {
        js.value("utf8", Value::TRUE);
        js.value("profiling", Value::FALSE);
    });
    Ok(())
}

pub(super) static CONN_POOL_STATS: Command = Command::new(
    "connPoolStats",
    conn_pool_stats,
    "describes the connections to other servers, of which there are none",
)
.needs(Needs::OnCluster(&["connPoolStats"]));

fn conn_pool_stats(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "connPoolStats")?;
    for name in ["numClientConnections", "numAScopedConnections"] {
        reply.value(name, Value::int32(0));
    }
    for name in ["totalInUse", "totalAvailable", "totalLeased", "totalCreated", "totalRefreshing", "totalRefreshed"] {
        reply.value(name, Value::int32(0));
    }
    reply.document("pools", |_| ());
    reply.document("hosts", |_| ());
    Ok(())
}

pub(super) static GET_FREE_MONITORING_STATUS: Command =
    Command::new("getFreeMonitoringStatus", get_free_monitoring_status, "tells that free monitoring is off")
        .admin_only()
        .needs(Needs::OnCluster(&["checkFreeMonitoringStatus"]));

fn get_free_monitoring_status(_call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    reply.string("state", "disabled");
    Ok(())
}

pub(super) static SET_FREE_MONITORING: Command =
    Command::new("setFreeMonitoring", set_free_monitoring, "keeps free monitoring off")
        .admin_only()
        .needs(Needs::OnCluster(&["setFreeMonitoring"]));

arguments! {
    /// Arguments of `setFreeMonitoring`.
    struct SetFreeMonitoringArgs in "setFreeMonitoring" strict {
        "action" => action: &'d str,
    }
}

fn set_free_monitoring(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let args: SetFreeMonitoringArgs<'_> = args::of_command(&call.request)?;
    match args::require(args.action, "setFreeMonitoring", "action")? {
        "disable" => Ok(()),
        "enable" => {
            let message = "Free Monitoring has been disabled via the command-line and/or config file";
            Err(Error::new(Code(50840), message))
        }
        other => {
            let message =
                format!("Enumeration value '{other}' for field 'setFreeMonitoring.action' is not a valid value.");
            Err(Error::new(Code::BAD_VALUE, message))
        }
    }
}
