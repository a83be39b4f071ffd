//! Logical sessions: what a client's writes and transactions have come to, so that it may ask again.
//!
//! A session runs one numbered thing at a time: a retryable write ([`retry`]), whose statements are carried out once
//! however often they are sent, or a transaction of several statements ([`transaction`]). A greater number ends what
//! came before. What must survive a restart is in [`records`], written with the data that it tells of.
//!
//! How a statement gets at storage, in a storage transaction of its own or in its session's, is decided in [`work`].
//! Nothing here knows commands or what statements do.

mod records;
mod retry;
mod snapshots;
mod transaction;
mod work;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use smongo_storage::{Engine as Storage, Table};
use smongo_vm::Code;
use smongo_vm::value::{DocWriter, Value};

use crate::catalog::entry::{uuid_text, uuid_value};
use crate::error::{Error, Result};
use crate::oplog::Oplog;
use crate::request::Namespace;
pub(crate) use records::Outcome;
use records::{Record, Records};
pub(crate) use retry::RetryableWrite;
pub(crate) use snapshots::{PinnedSnapshot, Snapshots};
pub(crate) use transaction::Transaction;
pub(crate) use work::{Scope, Work};

/// A logical session's id.
pub type SessionId = [u8; 16];

/// How long a session's numbers are remembered while it is idle.
const IDLE_MAX: Duration = Duration::from_secs(30 * 60);

/// How long a transaction may last, in seconds. MongoDB: `transactionLifetimeLimitSeconds`, 60.
const TRANSACTION_LIFETIME_S: u64 = 60;

/// SHA-256 of no user: the owner of sessions where there are no users.
const NOBODY: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// All sessions that have used a number.
pub(crate) struct Sessions {
    storage: Storage,
    oplog: Arc<Oplog>,
    records: Records,
    by_id: Mutex<HashMap<SessionId, Arc<LogicalSession>>>,
    lifetime_s: AtomicU64,
}

/// One session.
pub(crate) struct LogicalSession {
    id: SessionId,
    /// Held by the request that works in the session.
    busy: Mutex<()>,
    state: Mutex<State>,
}

/// What a session is at.
struct State {
    /// The greatest number used; -1 for none.
    number: i64,
    used: Instant,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Nothing,
    Retryable(Arc<RetryableWrite>),
    InProgress(Arc<Transaction>),
    Committed,
    Aborted,
}

impl Kind {
    /// The state's name in mongod's messages.
    fn name(&self) -> &'static str {
        match self {
            Kind::Nothing => "TxnState::None",
            Kind::Retryable(_) => "TxnState::ExecutedRetryableWrite",
            Kind::InProgress(_) => "TxnState::InProgress",
            Kind::Committed => "TxnState::Committed",
            Kind::Aborted => "TxnState::AbortedWithoutPrepare",
        }
    }
}

impl Sessions {
    /// The table of records.
    pub fn table(&self) -> &Table {
        self.records.table()
    }

    /// The sessions of a data directory.
    pub fn open(storage: Storage, oplog: Arc<Oplog>) -> Result<Self> {
        let records = Records::open(storage.clone())?;
        let lifetime_s = AtomicU64::new(TRANSACTION_LIFETIME_S);
        Ok(Self { storage, oplog, records, by_id: Mutex::default(), lifetime_s })
    }

    /// How long transactions may last from now on.
    pub fn set_lifetime_s(&self, seconds: u64) {
        self.lifetime_s.store(seconds, Ordering::Relaxed);
    }

    /// How long transactions may last, in seconds.
    pub fn lifetime_s(&self) -> u64 {
        self.lifetime_s.load(Ordering::Relaxed)
    }

    /// The session of this id.
    pub fn get(&self, id: SessionId) -> Result<Arc<LogicalSession>> {
        if let Some(session) = self.by_id.lock().get(&id) {
            return Ok(Arc::clone(session));
        }
        let state = match self.records.load(&id)? {
            None => State { number: -1, used: Instant::now(), kind: Kind::Nothing },
            Some(Record { number, committed: true, .. }) => {
                State { number, used: Instant::now(), kind: Kind::Committed }
            }
            Some(record) => {
                let number = record.number;
                let write = RetryableWrite::resumed(id, record, self.records.clone());
                State { number, used: Instant::now(), kind: Kind::Retryable(Arc::new(write)) }
            }
        };
        let session = Arc::new(LogicalSession { id, busy: Mutex::new(()), state: Mutex::new(state) });
        Ok(Arc::clone(self.by_id.lock().entry(id).or_insert(session)))
    }

    /// Begins or continues a retryable write.
    pub fn retryable_write(&self, session: &LogicalSession, number: i64) -> Result<Arc<RetryableWrite>> {
        let mut state = session.state.lock();
        state.used = Instant::now();
        if number < state.number {
            return Err(Error::new(
                Code::TRANSACTION_TOO_OLD,
                format!(
                    "Retryable write with txnNumber {number} is prohibited on session {session} because a newer \
                     retryable write with txnNumber {} has already started on this session.",
                    state.number
                ),
            ));
        }
        if number == state.number {
            return match &state.kind {
                Kind::Retryable(write) => Ok(Arc::clone(write)),
                _ => Err(Error::new(
                    Code::INVALID_OPTIONS,
                    "Must specify autocommit=false on all operations of a multi-statement transaction.",
                )),
            };
        }
        let write = Arc::new(RetryableWrite::new(session.id, number, self.records.clone()));
        state.replace(number, Kind::Retryable(Arc::clone(&write)));
        Ok(write)
    }

    /// Begins a transaction.
    pub fn begin_transaction(&self, session: &LogicalSession, number: i64) -> Result<Arc<Transaction>> {
        let mut state = session.state.lock();
        state.used = Instant::now();
        state.check_not_older(session, number)?;
        if number == state.number && !matches!(state.kind, Kind::Nothing) {
            return Err(Error::new(
                Code(50911),
                format!(
                    "Cannot start a transaction at given transaction number {number} a transaction with the same \
                     number is in state {}",
                    state.kind.name()
                ),
            ));
        }
        let lifetime = Duration::from_secs(self.lifetime_s.load(Ordering::Relaxed));
        let transaction = Arc::new(Transaction::begin(&self.storage, &self.oplog, session.id, number, lifetime)?);
        state.replace(number, Kind::InProgress(Arc::clone(&transaction)));
        Ok(transaction)
    }

    /// The transaction of this number, which must be in progress.
    pub fn transaction(&self, session: &LogicalSession, number: i64) -> Result<Arc<Transaction>> {
        let mut state = session.state.lock();
        state.used = Instant::now();
        match state.find(session, number)? {
            Kind::InProgress(transaction) => Ok(transaction),
            Kind::Committed => Err(Error::new(
                Code::TRANSACTION_COMMITTED,
                format!("Transaction with {{ txnNumber: {number} }} has been committed."),
            )),
            _ => Err(aborted(number)),
        }
    }

    /// Commits the transaction of this number; once more is as good as once.
    pub fn commit(&self, session: &LogicalSession, number: i64, journal: bool) -> Result<()> {
        let found = {
            let mut state = session.state.lock();
            state.used = Instant::now();
            state.find(session, number)?
        };
        match found {
            Kind::InProgress(transaction) => {
                let outcome = transaction.commit(&self.oplog, &self.records, journal);
                let kind = if outcome.is_ok() { Kind::Committed } else { Kind::Aborted };
                session.state.lock().replace_if(number, kind);
                outcome
            }
            Kind::Committed if journal => Ok(self.storage.sync_log()?),
            Kind::Committed => Ok(()),
            _ => Err(aborted(number)),
        }
    }

    /// Aborts the transaction of this number; gives the collections that it made.
    pub fn abort(&self, session: &LogicalSession, number: i64) -> Result<Vec<Namespace>> {
        let mut state = session.state.lock();
        state.used = Instant::now();
        match state.find(session, number)? {
            Kind::InProgress(transaction) => {
                state.kind = Kind::Aborted;
                drop(state);
                Ok(transaction.abort())
            }
            Kind::Committed => Err(Error::new(
                Code::TRANSACTION_COMMITTED,
                format!("Transaction with {{ txnNumber: {number} }} has been committed."),
            )),
            _ => Err(aborted(number)),
        }
    }

    /// Ends what sessions are at; gives the collections that their transactions had made.
    pub fn end(&self, which: impl Fn(&SessionId) -> bool) -> Vec<Namespace> {
        let ended: Vec<_> = {
            let by_id = self.by_id.lock();
            by_id.values().filter(|session| which(&session.id)).cloned().collect()
        };
        ended.iter().flat_map(|session| session.abort_in_progress(|_| true)).collect()
    }

    /// Aborts transactions that have lasted too long and forgets sessions that have been idle for long; gives the
    /// collections that the transactions had made.
    pub fn expire(&self, now: Instant) -> Vec<Namespace> {
        let sessions: Vec<_> = self.by_id.lock().values().cloned().collect();
        let made = sessions.iter().flat_map(|session| session.abort_in_progress(|txn| txn.is_expired(now))).collect();
        drop(sessions);
        self.by_id.lock().retain(|_, session| {
            let in_use = Arc::strong_count(session) > 1;
            in_use || now.saturating_duration_since(session.state.lock().used) < IDLE_MAX
        });
        made
    }

    /// Removes the records of sessions that have been idle for long.
    pub fn remove_old_records(&self, now_millis: i64) -> Result<u64> {
        let idle_max = i64::try_from(IDLE_MAX.as_millis()).unwrap_or(i64::MAX);
        self.records.remove_older_than(now_millis.saturating_sub(idle_max))
    }

    /// How many transactions are in progress.
    pub fn open_transactions(&self) -> usize {
        let by_id = self.by_id.lock();
        by_id.values().filter(|session| matches!(session.state.lock().kind, Kind::InProgress(_))).count()
    }
}

impl LogicalSession {
    /// Keeps other requests of the session out as long as the guard lives.
    pub fn enter(&self) -> MutexGuard<'_, ()> {
        self.busy.lock()
    }

    fn abort_in_progress(&self, which: impl Fn(&Transaction) -> bool) -> Vec<Namespace> {
        let mut state = self.state.lock();
        let Kind::InProgress(transaction) = &state.kind else { return Vec::new() };
        if !which(transaction) {
            return Vec::new();
        }
        let transaction = Arc::clone(transaction);
        state.kind = Kind::Aborted;
        drop(state);
        transaction.abort()
    }
}

impl State {
    /// Goes on to another number.
    fn replace(&mut self, number: i64, kind: Kind) {
        if let Kind::InProgress(transaction) = &self.kind {
            transaction.abort();
        }
        self.number = number;
        self.kind = kind;
    }

    fn replace_if(&mut self, number: i64, kind: Kind) {
        if self.number == number {
            self.kind = kind;
        }
    }

    fn check_not_older(&self, session: &LogicalSession, number: i64) -> Result<()> {
        if number >= self.number {
            return Ok(());
        }
        Err(Error::new(
            Code::TRANSACTION_TOO_OLD,
            format!(
                "Cannot start transaction with {{ txnNumber: {number} }} on session {session} because a newer \
                 transaction with txnNumberAndRetryCounter {{ txnNumber: {}, txnRetryCounter: 0 }} has already started \
                 on this session.",
                self.number
            ),
        ))
    }

    /// What the session is at under this number, if it is a transaction.
    fn find(&self, session: &LogicalSession, number: i64) -> Result<Kind> {
        self.check_not_older(session, number)?;
        match &self.kind {
            kind @ (Kind::InProgress(_) | Kind::Committed | Kind::Aborted) if number == self.number => Ok(kind.clone()),
            _ => Err(Error::new(
                Code::NO_SUCH_TRANSACTION,
                format!(
                    "Given transaction number {number} does not match any in-progress transactions. The active \
                     transaction number is {}",
                    self.number
                ),
            )),
        }
    }
}

impl fmt::Display for LogicalSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&uuid_text(&self.id))
    }
}

/// The error for a transaction that is no more.
#[cold]
fn aborted(number: i64) -> Error {
    Error::new(Code::NO_SUCH_TRANSACTION, format!("Transaction with {{ txnNumber: {number} }} has been aborted."))
}

/// Whether a client may begin the whole transaction again after this error.
pub(crate) fn is_transient(code: Code) -> bool {
    matches!(
        code,
        Code::WRITE_CONFLICT
            | Code::LOCK_TIMEOUT
            | Code::SNAPSHOT_UNAVAILABLE
            | Code::SNAPSHOT_TOO_OLD
            | Code::NO_SUCH_TRANSACTION
            | Code::INTERRUPTED_AT_SHUTDOWN
            | Code::SHUTDOWN_IN_PROGRESS
    )
}

/// Writes a session's id as it stands in the log.
pub(crate) fn write_session_id(out: &mut DocWriter<'_, Vec<u8>>, id: &SessionId) {
    out.value("id", uuid_value(id));
    out.value("uid", Value::binary(0, &NOBODY));
}

#[cfg(test)]
mod tests {
    use smongo_storage::OpenOptions;

    use super::*;

    fn sessions() -> Sessions {
        let storage = Storage::open(&OpenOptions::in_memory()).unwrap();
        let oplog = Arc::new(Oplog::open(storage.clone()).unwrap());
        Sessions::open(storage, oplog).unwrap()
    }

    #[test]
    fn numbers_only_grow() {
        let sessions = sessions();
        let session = sessions.get([1; 16]).unwrap();
        sessions.retryable_write(&session, 5).unwrap();
        assert_eq!(sessions.retryable_write(&session, 4).err().unwrap().code(), 225);
        assert_eq!(sessions.begin_transaction(&session, 4).err().unwrap().code(), 225);
        assert_eq!(sessions.begin_transaction(&session, 5).err().unwrap().code(), 50911);
        assert_eq!(sessions.transaction(&session, 5).err().unwrap().code(), 251);
        sessions.begin_transaction(&session, 6).unwrap();
        assert_eq!(sessions.retryable_write(&session, 6).err().unwrap().code(), 72);
        assert_eq!(sessions.open_transactions(), 1);
    }

    #[test]
    fn a_transaction_ends_once() {
        let sessions = sessions();
        let session = sessions.get([1; 16]).unwrap();
        sessions.begin_transaction(&session, 1).unwrap();
        sessions.commit(&session, 1, false).unwrap();
        sessions.commit(&session, 1, false).unwrap();
        assert_eq!(sessions.abort(&session, 1).unwrap_err().code(), 256);
        sessions.begin_transaction(&session, 2).unwrap();
        assert!(sessions.expire(Instant::now()).is_empty());
        assert!(sessions.transaction(&session, 2).is_ok());
        sessions.expire(Instant::now() + Duration::from_secs(61));
        assert_eq!(sessions.commit(&session, 2, false).unwrap_err().code(), 251);
    }
}
