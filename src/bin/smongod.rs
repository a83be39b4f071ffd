//! `smongod`: the server. It reads the command line, opens the engine, and serves MongoDB's wire protocol until it is
//! told to stop.
//!
//! Exit codes are mongod's: 0 after an orderly stop, 2 for a bad command line, 48 when an address cannot be listened
//! on, 100 when the data cannot be opened.

#![forbid(unsafe_code)]

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use smongo::command::{CommandOptions, Commands, VERSION};
use smongo::engine::{Engine, EngineOptions};
use smongo::wire::log::{Attr, Event, Log, Severity};
use smongo::wire::{Server, ServerOptions, TlsMode, TlsOptions};

/// mongod's exit code for a bad command line.
const EXIT_BAD_OPTIONS: u8 = 2;
/// mongod's exit code when the data cannot be opened.
const EXIT_DATA: u8 = 100;
/// mongod's exit code when an address cannot be listened on.
const EXIT_NETWORK: u8 = 48;

/// Bytes of a gibibyte.
const GIBIBYTE: f64 = 1024.0 * 1024.0 * 1024.0;

/// A server that speaks MongoDB's wire protocol. With no options it serves 127.0.0.1:27017 from ./data, as a
/// replica set of one node that needs no set-up.
#[derive(Parser, Debug)]
#[command(name = "smongod", disable_version_flag = true)]
struct Options {
    /// Directory of the data; created when missing
    #[arg(long, value_name = "DIR", default_value = "data")]
    dbpath: PathBuf,

    /// Port to listen on; 0 lets the system choose, and the log says which
    #[arg(long, default_value_t = 27017)]
    port: u16,

    /// Addresses or host names to listen on, separated by commas
    #[arg(long = "bind_ip", value_name = "ADDRESSES", value_delimiter = ',', default_value = "127.0.0.1")]
    bind_ip: Vec<String>,

    /// Listen on all addresses
    #[arg(long = "bind_ip_all", conflicts_with = "bind_ip")]
    bind_ip_all: bool,

    /// Most connections at once
    #[arg(long = "maxConns", value_name = "COUNT")]
    max_connections: Option<usize>,

    /// File for the log, instead of standard output; it is appended to
    #[arg(long, value_name = "FILE")]
    logpath: Option<PathBuf>,

    /// Memory for the storage engine's cache
    #[arg(long = "wiredTigerCacheSizeGB", value_name = "GB", value_parser = cache_size)]
    cache_size_gb: Option<f64>,

    /// Keep everything in memory; nothing outlives the server
    #[arg(long = "inMemory")]
    in_memory: bool,

    /// Sets a server parameter; may be given several times
    #[arg(long = "setParameter", value_name = "NAME=VALUE")]
    set_parameters: Vec<String>,

    /// Name of the one-node replica set
    #[arg(long = "replSet", value_name = "NAME", default_value = "rs0")]
    set_name: String,

    /// Pose as a server outside any replica set: no sessions that retry writes
    #[arg(long, conflicts_with = "set_name")]
    standalone: bool,

    /// Have clients authenticate; they may do what their roles allow. Until there is a user, one can be made from this machine
    #[arg(long)]
    auth: bool,

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
    advertise: Option<String>,

    /// Print the version
    #[arg(long)]
    version: bool,
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
    /// What the server is told about encryption; an error in words when options are missing.
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

fn main() -> ExitCode {
    let options = Options::parse();
    if options.version {
        println!("db version v{VERSION}\nsmongod {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let tls = match options.tls() {
        Ok(tls) => tls,
        Err(error) => {
            eprintln!("smongod: {error}");
            return ExitCode::from(EXIT_BAD_OPTIONS);
        }
    };
    let log = match open_log(&options) {
        Ok(log) => Arc::new(log),
        Err(error) => {
            eprintln!("smongod: cannot open the log: {error}");
            return ExitCode::from(EXIT_DATA);
        }
    };
    match serve(options, tls, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, id, message, error }) => {
            log.write(&Event {
                severity: Severity::Error,
                component: "CONTROL",
                id,
                context: "initandlisten",
                message,
                attrs: &[("error", Attr::Str(&error))],
            });
            log.info("CONTROL", 23138, "initandlisten", "Shutting down", &[("exitCode", Attr::Int(code.into()))]);
            ExitCode::from(code)
        }
    }
}

/// Why the server did not start, or did not stop well.
struct Failure {
    code: u8,
    id: u32,
    message: &'static str,
    error: String,
}

fn open_log(options: &Options) -> io::Result<Log> {
    Ok(match &options.logpath {
        Some(path) => Log::to_file(path)?,
        None => Log::new(io::stdout()),
    })
}

fn serve(options: Options, tls: Option<TlsOptions>, log: &Arc<Log>) -> Result<(), Failure> {
    let version = [("version", Attr::Str(VERSION)), ("smongod", Attr::Str(env!("CARGO_PKG_VERSION")))];
    log.info("CONTROL", 23403, "initandlisten", "Build Info", &version);
    let dbpath = options.dbpath.display().to_string();
    let start = [
        ("pid", Attr::Int(std::process::id().into())),
        ("port", Attr::Int(options.port.into())),
        ("dbPath", Attr::Str(&dbpath)),
        ("inMemory", Attr::Bool(options.in_memory)),
    ];
    log.info("CONTROL", 4615611, "initandlisten", "MongoDB starting", &start);

    let data_failure = |error: String| Failure {
        code: EXIT_DATA,
        id: 20557,
        message: "DBException in initAndListen, terminating",
        error,
    };
    let engine = open_engine(&options).map_err(data_failure)?;

    let server_options = ServerOptions {
        bind: if options.bind_ip_all { vec!["0.0.0.0".into()] } else { options.bind_ip.clone() },
        port: options.port,
        max_connections: options.max_connections.unwrap_or_else(|| ServerOptions::default().max_connections),
        tls,
    };
    let command_options = CommandOptions {
        set_name: (!options.standalone).then_some(options.set_name),
        advertised: options.advertise,
        argv: std::env::args().collect(),
        max_connections: server_options.max_connections,
        in_memory: options.in_memory,
        access_control: options.auth,
        shutdown: Some(stop_by_signal),
    };
    let commands = Commands::new(Arc::clone(&engine), command_options, Arc::clone(log))
        .map_err(|error| data_failure(error.to_string()))?;
    for assignment in &options.set_parameters {
        commands.set_parameter(assignment).map_err(|error| Failure {
            code: EXIT_BAD_OPTIONS,
            id: 20557,
            message: "Bad --setParameter",
            error: error.to_string(),
        })?;
    }
    let network_failure = |error: io::Error| Failure {
        code: EXIT_NETWORK,
        id: 23024,
        message: "Failed to set up listener",
        error: error.to_string(),
    };
    let server = Server::bind(&server_options, commands, Arc::clone(log)).map_err(network_failure)?;

    let stop = server.stop_handle();
    let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|error| data_failure(error.to_string()))?;
    let signal_handle = signals.handle();
    let signal_log = Arc::clone(log);
    let watcher = std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let attrs = [("signal", Attr::Int(signal.into()))];
            signal_log.info("CONTROL", 23377, "SignalHandler", "Received signal", &attrs);
            stop.stop();
        }
    });
    let served = server.run();
    signal_handle.close();
    // The watcher ends with its signals; it has nothing to report.
    let _ = watcher.join();
    served.map_err(network_failure)?;
    engine.close().map_err(|error| data_failure(error.to_string()))?;
    log.info("CONTROL", 23138, "initandlisten", "Shutting down", &[("exitCode", Attr::Int(0))]);
    Ok(())
}

/// Ends the server as a signal from outside would.
fn stop_by_signal() {
    // Only a number that is no signal fails here.
    let _ = signal_hook::low_level::raise(SIGTERM);
}

fn open_engine(options: &Options) -> Result<Arc<Engine>, String> {
    let mut engine_options =
        if options.in_memory { EngineOptions::in_memory() } else { EngineOptions::new(&options.dbpath) };
    if let Some(gb) = options.cache_size_gb {
        engine_options = engine_options.cache_size_bytes((gb * GIBIBYTE) as u64);
    }
    Engine::open(engine_options).map_err(|error| error.to_string())
}
