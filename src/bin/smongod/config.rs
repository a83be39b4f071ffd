//! mongod's configuration file, turned into the flags that say the same.
//!
//! Source of the names: MongoDB's manual, "Self-Managed Configuration File Options". What this server has nothing for
//! is refused by name, so that nobody relies on it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;

use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct File {
    system_log: SystemLog,
    process_management: ProcessManagement,
    net: Net,
    security: Security,
    storage: Storage,
    replication: Replication,
    operation_profiling: OperationProfiling,
    set_parameter: BTreeMap<String, Scalar>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct SystemLog {
    destination: Option<Destination>,
    path: Option<String>,
    log_append: bool,
    quiet: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Destination {
    File,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct ProcessManagement {
    fork: bool,
    pid_file_path: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Net {
    port: Option<u16>,
    bind_ip: Option<String>,
    bind_ip_all: bool,
    ipv6: bool,
    max_incoming_connections: Option<u64>,
    unix_domain_socket: UnixDomainSocket,
    tls: Tls,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct UnixDomainSocket {
    enabled: Option<bool>,
    path_prefix: Option<String>,
    file_permissions: Option<Scalar>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Tls {
    mode: Option<String>,
    certificate_key_file: Option<String>,
    #[serde(rename = "CAFile")]
    ca_file: Option<String>,
    allow_connections_without_certificates: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Security {
    authorization: Option<Authorization>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Authorization {
    Enabled,
    Disabled,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Storage {
    db_path: Option<String>,
    engine: Option<StorageEngine>,
    wired_tiger: WiredTiger,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum StorageEngine {
    WiredTiger,
    InMemory,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct WiredTiger {
    engine_config: EngineConfig,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct EngineConfig {
    #[serde(rename = "cacheSizeGB")]
    cache_size_gb: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Replication {
    repl_set_name: Option<String>,
    #[serde(rename = "oplogSizeMB")]
    oplog_size_mb: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct OperationProfiling {
    slow_op_threshold_ms: Option<i32>,
}

/// A number, a truth value or a text, as it was written.
type Scalar = String;

/// The flags that say what a file says; an error in words.
pub fn flags(path: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("Error opening config file {}: {error}", path.display()))?;
    let file = if text.trim().is_empty() { Ok(File::default()) } else { serde_saphyr::from_str(&text) };
    let file = file.map_err(|error| format!("Error parsing config file {}: {error}", path.display()))?;
    if file.system_log.destination.is_some() && file.system_log.path.is_none() {
        return Err("systemLog.path is required when systemLog.destination is 'file'".into());
    }
    Ok(Flags::default().of(file).0)
}

#[derive(Default)]
struct Flags(Vec<String>);

impl Flags {
    fn of(mut self, file: File) -> Self {
        let File { system_log: log, process_management: process, net, security, storage, replication, .. } = file;
        self.value("logpath", log.path);
        self.switch("logappend", log.log_append);
        self.switch("quiet", log.quiet);
        self.switch("fork", process.fork);
        self.value("pidfilepath", process.pid_file_path);
        self.value("port", net.port);
        self.value("bind_ip", net.bind_ip);
        self.switch("bind_ip_all", net.bind_ip_all);
        self.switch("ipv6", net.ipv6);
        self.value("maxConns", net.max_incoming_connections);
        self.switch("nounixsocket", net.unix_domain_socket.enabled == Some(false));
        self.value("unixSocketPrefix", net.unix_domain_socket.path_prefix);
        self.value("filePermissions", net.unix_domain_socket.file_permissions);
        self.value("tlsMode", net.tls.mode);
        self.value("tlsCertificateKeyFile", net.tls.certificate_key_file);
        self.value("tlsCAFile", net.tls.ca_file);
        self.switch("tlsAllowConnectionsWithoutCertificates", net.tls.allow_connections_without_certificates);
        self.switch("auth", matches!(security.authorization, Some(Authorization::Enabled)));
        self.switch("noauth", matches!(security.authorization, Some(Authorization::Disabled)));
        self.value("dbpath", storage.db_path);
        self.switch("inMemory", matches!(storage.engine, Some(StorageEngine::InMemory)));
        self.value("wiredTigerCacheSizeGB", storage.wired_tiger.engine_config.cache_size_gb);
        self.value("replSet", replication.repl_set_name);
        self.value("oplogSize", replication.oplog_size_mb);
        self.value("slowms", file.operation_profiling.slow_op_threshold_ms);
        for (name, value) in file.set_parameter {
            self.value("setParameter", Some(format!("{name}={value}")));
        }
        self
    }

    fn value(&mut self, flag: &str, value: Option<impl Display>) {
        self.0.extend(value.map(|value| format!("--{flag}={value}")));
    }

    fn switch(&mut self, flag: &str, on: bool) {
        self.0.extend(on.then(|| format!("--{flag}")));
    }
}
