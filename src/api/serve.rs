//! Serving an open store to others.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use smongo_vm::Code;

use crate::command::{CommandOptions, Commands};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::wire::{Log, Server, ServerOptions, StopHandle};

/// An open store that is served to MongoDB's clients. Dropping it ends the serving; the store stays open for those who
/// have it.
pub struct Served {
    port: u16,
    stop: StopHandle<Commands>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Served {
    pub(super) fn start(engine: &Arc<Engine>, address: &str) -> Result<Self> {
        let failed = |error: io::Error| Error::new(Code::HOST_UNREACHABLE, format!("cannot serve {address}: {error}"));
        let (host, port) = address
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host.trim_matches(['[', ']']), port.parse().ok()?)))
            .ok_or_else(|| Error::new(Code::BAD_VALUE, format!("'{address}' is not host:port")))?;
        let options = ServerOptions { bind: vec![host.to_owned()], port, ..ServerOptions::default() };
        let log = Arc::new(Log::silent());
        let command_options = CommandOptions { in_memory: engine.path().is_none(), ..CommandOptions::default() };
        let commands = Commands::new(Arc::clone(engine), command_options, Arc::clone(&log))?;
        let server = Server::bind(&options, commands, log).map_err(failed)?;
        let (port, stop) = (server.port(), server.stop_handle());
        let thread = std::thread::Builder::new().name("server".into()).spawn(move || server.run()).map_err(failed)?;
        Ok(Self { port, stop, thread: Some(thread) })
    }

    /// The port that is listened on, for an address with port 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends the serving, and waits until running requests have ended.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        self.stop.stop();
        match thread.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Error::new(Code::HOST_UNREACHABLE, format!("serving failed: {error}"))),
            Err(_) => Err(Error::new(Code::INTERNAL_ERROR, "the server's thread panicked")),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Whoever wants to know how it ended calls `stop`.
        let _ = self.end();
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("port", &self.port).finish_non_exhaustive()
    }
}
