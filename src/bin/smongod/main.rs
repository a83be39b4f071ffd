//! `smongod`: the server. It reads the command line, opens the engine, and serves MongoDB's wire protocol until it is
//! told to stop.
//!
//! Exit codes are mongod's: 0 after an orderly stop, 2 for a bad command line, 48 when an address cannot be listened
//! on, 100 when the data cannot be opened.

#![forbid(unsafe_code)]

mod config;
mod daemon;
mod options;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use options::Options;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use smongo::command::{CommandOptions, Commands, VERSION};
use smongo::engine::{Engine, EngineOptions};
use smongo::wire::log::{Attr, Event, Log, Severity};
use smongo::wire::{Server, ServerOptions};

/// The allocator of the process, for WiredTiger as well: what a request allocates is small and soon freed. It is built
/// without huge pages, of which an idle server would touch a few dozen megabytes.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// mongod's exit code when it cannot put itself in the background.
const EXIT_FORK: u8 = 1;
/// mongod's exit code for a bad command line.
const EXIT_BAD_OPTIONS: u8 = 2;
/// mongod's exit code when the data cannot be opened.
const EXIT_DATA: u8 = 100;
/// mongod's exit code when an address cannot be listened on.
const EXIT_NETWORK: u8 = 48;

/// Bytes of a gibibyte.
const GIBIBYTE: f64 = 1024.0 * 1024.0 * 1024.0;

fn main() -> ExitCode {
    let options = match Options::read(std::env::args_os()) {
        Ok(options) => options,
        Err(error) => {
            // Where nothing can be written, the exit code has to do.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EXIT_BAD_OPTIONS) } else { ExitCode::SUCCESS };
        }
    };
    if options.version {
        println!("db version v{VERSION}\nsmongod {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let server_options = match options.server() {
        Ok(server_options) => server_options,
        Err(error) => {
            eprintln!("smongod: {error}");
            return ExitCode::from(EXIT_BAD_OPTIONS);
        }
    };
    if options.fork && !options.forked {
        return daemon::start().unwrap_or_else(|error| {
            eprintln!("smongod: cannot start a process in the background: {error}");
            ExitCode::from(EXIT_FORK)
        });
    }
    let log = match open_log(&options) {
        Ok(log) => Arc::new(log),
        Err(error) => {
            eprintln!("smongod: cannot open the log: {error}");
            return ExitCode::from(EXIT_DATA);
        }
    };
    match serve(options, server_options, &log) {
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
    let log = match &options.logpath {
        Some(path) => {
            let is_used = path.metadata().is_ok_and(|file| file.len() > 0);
            let log = Log::to_file(path)?;
            if is_used && !options.logappend {
                log.rotate()?;
            }
            log
        }
        None => Log::new(io::stdout()),
    };
    log.set_quiet(options.quiet);
    Ok(log)
}

fn serve(options: Options, server_options: ServerOptions, log: &Arc<Log>) -> Result<(), Failure> {
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
    if let Some(ms) = options.slowms {
        commands.set_slow_ms(ms);
    }
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

    let pid_file = options.pid_file.as_deref().map(PidFile::write).transpose().map_err(data_failure)?;
    if options.forked {
        daemon::detach().and_then(|()| daemon::report_ready()).map_err(|error| data_failure(error.to_string()))?;
    }

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
    drop(pid_file);
    engine.close().map_err(|error| data_failure(error.to_string()))?;
    log.info("CONTROL", 23138, "initandlisten", "Shutting down", &[("exitCode", Attr::Int(0))]);
    Ok(())
}

/// The file with the number of this process, which goes when the server ends.
struct PidFile(PathBuf);

impl PidFile {
    fn write(path: &Path) -> Result<Self, String> {
        std::fs::write(path, format!("{}\n", std::process::id()))
            .map_err(|error| format!("cannot write the pid file {}: {error}", path.display()))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Whoever removed it before has done what was to be done.
        let _ = std::fs::remove_file(&self.0);
    }
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
    if let Some(bytes) = options.oplog_bytes() {
        engine_options = engine_options.oplog(bytes, 0);
    }
    Engine::open(engine_options).map_err(|error| error.to_string())
}
