//! Where a client's data is: in this process, or on a server.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use smongo_vm::value::{DocBuf, RawDoc};

use crate::command::{CommandOptions, Commands};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::wire::{Log, Peer, Request, Service};

/// Where a client's data is.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    /// A store that is open here.
    Local(Arc<Local>),
    /// A server, through MongoDB's driver.
    #[cfg(feature = "remote")]
    Remote(super::remote::Remote),
}

impl Backend {
    /// The store, for what only a store has.
    pub fn local(&self) -> Result<&Arc<Local>> {
        match self {
            Self::Local(local) => Ok(local),
            #[cfg(feature = "remote")]
            Self::Remote(_) => Err(Error::new(
                smongo_vm::Code::ILLEGAL_OPERATION,
                "only a client that opened its store itself can do this; this one is connected to a server",
            )),
        }
    }

    /// The engine of the store.
    pub fn engine(&self) -> Result<&Arc<Engine>> {
        Ok(&self.local()?.engine)
    }

    /// The server, where the data is on one.
    #[cfg(feature = "remote")]
    pub fn remote(&self) -> Option<&super::remote::Remote> {
        match self {
            Self::Local(_) => None,
            Self::Remote(remote) => Some(remote),
        }
    }

    /// Runs a command document on a database. An error reply is an error.
    pub fn run_command(&self, db: &str, command: &RawDoc) -> Result<DocBuf> {
        match self {
            Self::Local(local) => local.run_command(db, command),
            #[cfg(feature = "remote")]
            Self::Remote(remote) => remote.run_command(db, command),
        }
    }
}

/// Commands of which later ones go on with what earlier ones began, such as a cursor: on a server they share a session.
pub(crate) struct Series {
    backend: Backend,
    #[cfg(feature = "remote")]
    session: Option<mongodb::sync::ClientSession>,
}

impl Series {
    pub fn new(backend: &Backend) -> Result<Self> {
        Ok(Self {
            #[cfg(feature = "remote")]
            session: backend.remote().map(super::remote::Remote::start_session).transpose()?,
            backend: backend.clone(),
        })
    }

    /// Runs the next command. An error reply is an error.
    pub fn run(&mut self, db: &str, command: &RawDoc) -> Result<DocBuf> {
        #[cfg(feature = "remote")]
        if let (Some(remote), Some(session)) = (self.backend.remote(), &mut self.session) {
            return remote.run_command_in(session, db, command);
        }
        self.backend.run_command(db, command)
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").field("backend", &self.backend).finish_non_exhaustive()
    }
}

/// An open store, with the commands over it once they are needed.
pub(crate) struct Local {
    pub engine: Arc<Engine>,
    commands: Mutex<Option<Arc<Commands>>>,
}

impl Local {
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, commands: Mutex::new(None) }
    }

    /// The commands over the store, the same for all who ask: what one sets, such as a parameter, holds for the others.
    pub fn commands(&self) -> Result<Arc<Commands>> {
        let mut commands = self.commands.lock();
        if let Some(commands) = &*commands {
            return Ok(Arc::clone(commands));
        }
        let options = CommandOptions { in_memory: self.engine.path().is_none(), ..CommandOptions::default() };
        let made = Arc::new(Commands::new(Arc::clone(&self.engine), options, Arc::new(Log::silent()))?);
        *commands = Some(Arc::clone(&made));
        Ok(made)
    }

    fn run_command(&self, db: &str, command: &RawDoc) -> Result<DocBuf> {
        let commands = self.commands()?;
        let body = DocBuf::build(|doc| {
            doc.elements_of(command);
            doc.string("$db", db);
        });
        let request = Request { body: &body, sequences: &[], legacy_db: None, exhaust_allowed: false };
        let mut session = commands.open(Peer::in_process());
        let mut reply = Vec::new();
        commands.run(&mut session, &request, &mut reply);
        commands.close(session);
        let reply = DocBuf::from_vec(reply)
            .ok_or_else(|| Error::new(smongo_vm::Code::INTERNAL_ERROR, "a command gave no reply"))?;
        Error::check_reply(&reply)?;
        Ok(reply)
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Local").field(&self.engine).finish()
    }
}
