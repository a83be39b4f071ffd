//! Sessions and their transactions: `start_session`, `start_transaction`, `commit_transaction`, `abort_transaction`.

use std::thread;
use std::time::{Duration, Instant};

use crate::api::ClientSession;
use crate::api::backend::Backend;
use crate::api::session::TRANSIENT;
use crate::error::Result;

/// How long a transaction is begun again and again. The drivers' specification "Convenient API for Transactions".
const RETRY_TIME: Duration = Duration::from_secs(120);

/// The longest pause before the second attempt, how much longer each further one may be, and the longest of all. The
/// same specification.
const FIRST_PAUSE_MS: f64 = 5.0;
const PAUSE_GROWTH: f64 = 1.5;
const PAUSE_MAX_MS: f64 = 500.0;

/// Starts a session.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct StartSession<'a> {
    backend: &'a Backend,
}

impl<'a> StartSession<'a> {
    pub(crate) fn new(backend: &'a Backend) -> Self {
        Self { backend }
    }

    /// Starts the session.
    ///
    /// # Errors
    ///
    /// `IllegalOperation` for a client that is connected to a server.
    pub fn run(self) -> Result<ClientSession> {
        ClientSession::start(self.backend.engine()?)
    }
}

/// Begins a transaction.
#[must_use = "nothing happens before `run` or `and_run`"]
#[derive(Debug)]
pub struct StartTransaction<'a> {
    session: &'a mut ClientSession,
    journal: bool,
}

impl<'a> StartTransaction<'a> {
    pub(crate) fn new(session: &'a mut ClientSession) -> Self {
        Self { session, journal: false }
    }

    /// Lets the commit wait until the changes are on the storage device. Without, they survive the end of the process at
    /// once, and the loss of power after 100 ms.
    pub fn journal(mut self, journal: bool) -> Self {
        self.journal = journal;
        self
    }

    /// Begins the transaction; operations are its parts by `.session(&mut session)`.
    ///
    /// # Errors
    ///
    /// `IllegalOperation` when one is in progress.
    pub fn run(self) -> Result<()> {
        self.session.start_with(self.journal)
    }

    /// Runs `work` in the transaction and commits it. Where another was in the way, all of that is done again from the
    /// beginning, for two minutes at most. Any other error of `work` aborts the transaction.
    ///
    /// # Errors
    ///
    /// That of `work`, which must not swallow errors of its operations: they have ended the transaction.
    pub fn and_run<R>(self, mut work: impl FnMut(&mut ClientSession) -> Result<R>) -> Result<R> {
        let Self { session, journal } = self;
        let began = Instant::now();
        let mut attempts = 0;
        loop {
            session.start_with(journal)?;
            attempts += 1;
            let outcome = work(session);
            let in_transaction = session.in_transaction();
            let error = match outcome {
                Ok(result) if in_transaction => match session.commit() {
                    Ok(()) => return Ok(result),
                    Err(error) => error,
                },
                // `work` has ended the transaction itself.
                Ok(result) => return Ok(result),
                Err(error) => {
                    if in_transaction {
                        session.abort()?;
                    }
                    error
                }
            };
            let pause = pause(attempts);
            if !error.has_label(TRANSIENT) || began.elapsed() + pause >= RETRY_TIME {
                return Err(error);
            }
            thread::sleep(pause);
        }
    }
}

/// A pause of random length, so that transactions that were in each other's way are not so again.
fn pause(attempts: i32) -> Duration {
    let longest = (FIRST_PAUSE_MS * PAUSE_GROWTH.powi(attempts)).min(PAUSE_MAX_MS);
    // Without a random number the pause is the longest.
    let share = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    Duration::from_secs_f64(longest * share / 1000.0)
}

/// Commits a transaction.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct CommitTransaction<'a> {
    session: &'a mut ClientSession,
}

impl<'a> CommitTransaction<'a> {
    pub(crate) fn new(session: &'a mut ClientSession) -> Self {
        Self { session }
    }

    /// Commits the transaction. Once more is as good as once.
    ///
    /// # Errors
    ///
    /// `IllegalOperation` when there is none; `NoSuchTransaction` when an operation that failed has aborted it.
    pub fn run(self) -> Result<()> {
        self.session.commit()
    }
}

/// Undoes what a transaction did.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct AbortTransaction<'a> {
    session: &'a mut ClientSession,
}

impl<'a> AbortTransaction<'a> {
    pub(crate) fn new(session: &'a mut ClientSession) -> Self {
        Self { session }
    }

    /// Aborts the transaction.
    ///
    /// # Errors
    ///
    /// `IllegalOperation` when there is none.
    pub fn run(self) -> Result<()> {
        self.session.abort()
    }
}
