//! What `smongod` can be told: mongod's flags, on the command line or in a configuration file.
//!
//! A file says the same as flags do, and is turned into them; what the command line says comes later and wins.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;
use smongo::wire::{ServerOptions, TlsMode, TlsOptions, UnixSocket};

use crate::config;

/// Bytes of a mebibyte.
const MEBIBYTE: u64 = 1 << 20;

/// A server that speaks MongoDB's wire protocol. With no options it serves 127.0.0.1:27017 from ./data, as a
/// replica set of one node that needs no set-up.
#[derive(Parser, Debug)]
#[command(name = "smongod", disable_version_flag = true, args_override_self = true)]
pub struct Options {
    /// YAML file with the options, in mongod's form; the command line overrides it
    #[arg(long, short = 'f', value_name = "FILE")]
    config: Option<PathBuf>,

    /// Directory of the data; created when missing
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub dbpath: PathBuf,

    /// Port to listen on; 0 lets the system choose, and the log says which
    #[arg(long, default_value_t = 27017)]
    pub port: u16,

    /// Addresses or host names to listen on, separated by commas
    #[arg(long = "bind_ip", value_name = "ADDRESSES", default_value = "127.0.0.1")]
    bind_ip: String,

    /// Listen on all addresses
    #[arg(long = "bind_ip_all")]
    bind_ip_all: bool,

    /// Listen on IPv6 addresses, too, where names or --bind_ip_all stand for some
    #[arg(long)]
    ipv6: bool,

    /// Do not listen on a Unix domain socket
    #[arg(long = "nounixsocket")]
    no_unix_socket: bool,

    /// Directory of the Unix domain socket, mongodb-PORT.sock
    #[arg(long = "unixSocketPrefix", value_name = "DIR", default_value = "/tmp")]
    unix_socket_prefix: PathBuf,

    /// Permissions of the Unix domain socket
    #[arg(long = "filePermissions", value_name = "MODE", default_value = "0700", value_parser = file_mode)]
    file_permissions: u32,

    /// Most connections at once
    #[arg(long = "maxConns", value_name = "COUNT")]
    max_connections: Option<usize>,

    /// File for the log, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub logpath: Option<PathBuf>,

    /// Continue an existing log file instead of setting it aside
    #[arg(long)]
    pub logappend: bool,

    /// Log less: connections are not mentioned
    #[arg(long)]
    pub quiet: bool,

    /// Run in the background; needs --logpath
    #[arg(long, requires = "logpath")]
    pub fork: bool,

    /// Runs as the process that --fork has put in the background
    #[arg(long, hide = true)]
    pub forked: bool,

    /// File for the number of the server's process
    #[arg(long = "pidfilepath", value_name = "FILE")]
    pub pid_file: Option<PathBuf>,

    /// Memory for the storage engine's cache
    #[arg(long = "wiredTigerCacheSizeGB", value_name = "GB", value_parser = cache_size)]
    pub cache_size_gb: Option<f64>,

    /// Keep everything in memory; nothing outlives the server
    #[arg(long = "inMemory")]
    pub in_memory: bool,

    /// Sets a server parameter; may be given several times
    #[arg(long = "setParameter", value_name = "NAME=VALUE", action = clap::ArgAction::Append)]
    pub set_parameters: Vec<String>,

    /// Operations that take longer, in milliseconds, are logged as slow
    #[arg(long, value_name = "MS")]
    pub slowms: Option<i32>,

    /// Name of the one-node replica set
    #[arg(long = "replSet", value_name = "NAME", default_value = "rs0")]
    pub set_name: String,

    /// About how much of the log of operations is kept
    #[arg(long = "oplogSize", value_name = "MB", value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    oplog_size_mb: Option<u64>,

    /// Pose as a server outside any replica set: no sessions that retry writes
    #[arg(long)]
    pub standalone: bool,

    /// Have clients authenticate; they may do what their roles allow. Until there is a user, one can be made from this machine
    #[arg(long, overrides_with = "no_auth")]
    pub auth: bool,

    /// Let everyone do everything
    #[arg(long = "noauth", overrides_with = "auth")]
    no_auth: bool,

    /// Whether connections are encrypted: for clients that ask (allowTLS, preferTLS), or always (requireTLS)
    #[arg(long = "tlsMode", value_enum, default_value = "disabled")]
    tls_mode: TlsModeOption,

    /// PEM file with the server's certificate and its key
    #[arg(long = "tlsCertificateKeyFile", value_name = "FILE")]
    tls_certificate_key_file: Option<PathBuf>,

    /// PEM file with the authorities that vouch for clients' certificates
    #[arg(long = "tlsCAFile", value_name = "FILE")]
    tls_ca_file: Option<PathBuf>,

    /// Let clients in that show no certificate although there is a --tlsCAFile
    #[arg(long = "tlsAllowConnectionsWithoutCertificates")]
    tls_allow_connections_without_certificates: bool,

    /// host:port that clients are told to use, where it is not the address they connected to
    #[arg(long, value_name = "HOST:PORT")]
    pub advertise: Option<String>,

    /// Print the version
    #[arg(long)]
    pub version: bool,
}

/// mongod's names of what `--tlsMode` can be.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum TlsModeOption {
    #[value(name = "disabled")]
    Disabled,
    #[value(name = "allowTLS")]
    Allow,
    #[value(name = "preferTLS")]
    Prefer,
    #[value(name = "requireTLS")]
    Require,
}

impl Options {
    /// The options of a command line, and of the file that it names.
    pub fn read(args: impl Iterator<Item = OsString>) -> Result<Self, clap::Error> {
        let args: Vec<_> = args.collect();
        let options = Self::try_parse_from(&args)?;
        let Some(path) = &options.config else { return Ok(options) };
        let flags = config::flags(path)
            .map_err(|error| clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{error}\n")))?;
        let (name, rest) = args.split_at(args.len().min(1));
        Self::try_parse_from(name.iter().cloned().chain(flags.into_iter().map(OsString::from)).chain(rest.to_vec()))
    }

    /// Where to listen; an error in words when options are missing.
    pub fn server(&self) -> Result<ServerOptions, String> {
        let everywhere = if self.ipv6 { "::,0.0.0.0" } else { "0.0.0.0" };
        let hosts = if self.bind_ip_all { everywhere } else { &self.bind_ip };
        let unix_socket = UnixSocket { directory: self.unix_socket_prefix.clone(), mode: self.file_permissions };
        Ok(ServerOptions {
            bind: hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect(),
            port: self.port,
            unix_socket: (!self.no_unix_socket).then_some(unix_socket),
            max_connections: self.max_connections.unwrap_or_else(|| ServerOptions::default().max_connections),
            tls: self.tls()?,
        })
    }

    /// The size of the log of operations in bytes, where one was asked for.
    pub fn oplog_bytes(&self) -> Option<u64> {
        self.oplog_size_mb.map(|mb| mb.saturating_mul(MEBIBYTE))
    }

    fn tls(&self) -> Result<Option<TlsOptions>, String> {
        let mode = match self.tls_mode {
            TlsModeOption::Disabled => return Ok(None),
            // The two differ in what a node does towards other nodes, of which there are none.
            TlsModeOption::Allow | TlsModeOption::Prefer => TlsMode::Allow,
            TlsModeOption::Require => TlsMode::Require,
        };
        let Some(certificate_key_file) = self.tls_certificate_key_file.clone() else {
            return Err("need --tlsCertificateKeyFile when TLS is enabled".into());
        };
        Ok(Some(TlsOptions {
            mode,
            certificate_key_file,
            ca_file: self.tls_ca_file.clone(),
            allow_connections_without_certificates: self.tls_allow_connections_without_certificates,
        }))
    }
}

fn cache_size(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(gb) if (0.01..=10_000.0).contains(&gb) => Ok(gb),
        _ => Err("must be a number between 0.01 and 10000".into()),
    }
}

fn file_mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(mode),
        _ => Err("must be permissions in octal, such as 0700".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(args: &[&str]) -> Result<Options, clap::Error> {
        Options::read(["smongod"].iter().chain(args).map(OsString::from))
    }

    #[test]
    fn the_command_line_overrides_the_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = "
net:
  port: 27099
  bindIp: localhost,::1
  unixDomainSocket: {pathPrefix: /run, filePermissions: 0770}
storage: {dbPath: /data/one}
security: {authorization: enabled}
setParameter: {enableTestCommands: 1, notablescan: false}
";
        std::fs::write(file.path(), text).unwrap();
        let config = file.path().to_str().unwrap();
        let options = read(&["--config", config]).unwrap();
        assert_eq!((options.port, options.auth, options.file_permissions), (27099, true, 0o770));
        assert_eq!(options.server().unwrap().bind, ["localhost", "::1"]);
        assert_eq!(options.set_parameters, ["enableTestCommands=1", "notablescan=false"]);
        let args =
            ["-f", config, "--port", "0", "--noauth", "--setParameter", "enableTestCommands=0", "--nounixsocket"];
        let options = read(&args).unwrap();
        assert_eq!((options.port, options.auth, options.dbpath.to_str()), (0, false, Some("/data/one")));
        assert_eq!(options.set_parameters.last().unwrap(), "enableTestCommands=0");
        assert!(options.server().unwrap().unix_socket.is_none());
    }

    #[test]
    fn wrong_options_are_refused() {
        for args in [
            &["--fork"][..],
            &["--filePermissions", "0999"],
            &["--port", "70000"],
            &["--config", "/no/such/file"],
            &["--unheard-of"],
        ] {
            assert!(read(args).is_err(), "{args:?}");
        }
        assert!(read(&["--tlsMode", "requireTLS"]).unwrap().server().is_err());
    }
}
