//! Sessions: several operations as one transaction.

use std::fmt;
use std::sync::Arc;

use bson::{Document, doc};
use parking_lot::Mutex;
use smongo_vm::Code;

use super::action::{AbortTransaction, CommitTransaction, StartTransaction};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::request::OpContext;
use crate::session::{LogicalSession, Scope, SessionId, is_transient};

/// The label of errors after which a transaction may be begun again.
pub(super) const TRANSIENT: &str = "TransientTransactionError";

/// A session: what is done in it, by `.session(&mut session)`, can be one transaction.
///
/// A session that is dropped in a transaction aborts it. Cursors that were opened in a transaction end with it.
///
/// ```
/// # fn main() -> smongo::Result<()> {
/// use smongo::bson::{Document, doc};
///
/// let client = smongo::Client::in_memory()?;
/// let accounts = client.database("bank").collection::<Document>("accounts");
/// accounts.insert_many([doc! { "_id": "a", "sum": 10 }, doc! { "_id": "b", "sum": 0 }]).run()?;
/// let mut session = client.start_session().run()?;
/// session.with_transaction(|session| {
///     accounts.update_one(doc! { "_id": "a" }, doc! { "$inc": { "sum": -4 } }).session(session).run()?;
///     accounts.update_one(doc! { "_id": "b" }, doc! { "$inc": { "sum": 4 } }).session(session).run()
/// })?;
/// assert_eq!(accounts.find_one(doc! { "_id": "b" }).run()?, Some(doc! { "_id": "b", "sum": 4 }));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ClientSession {
    id: Document,
    shared: Arc<Shared>,
}

/// What the session and the operations in it share.
struct Shared {
    engine: Arc<Engine>,
    id: SessionId,
    logical: Arc<LogicalSession>,
    state: Mutex<State>,
}

/// What a session is at.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The number of the last transaction.
    number: i64,
    /// Whether its commit waits for the storage device.
    journal: bool,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Nothing,
    /// A transaction in which nothing has been done.
    Started,
    InProgress,
    /// Committed; `true` when something had been done in it.
    Committed(bool),
    Aborted,
}

/// The session that an operation belongs to, if it belongs to one.
#[derive(Clone, Default, Debug)]
pub(crate) struct Within(Option<Arc<Shared>>);

impl ClientSession {
    pub(super) fn start(engine: &Arc<Engine>) -> Result<Self> {
        let uuid = bson::Uuid::new();
        let logical = engine.sessions().get(uuid.bytes())?;
        let state = Mutex::new(State { number: 0, journal: false, phase: Phase::Nothing });
        let shared = Shared { engine: Arc::clone(engine), id: uuid.bytes(), logical, state };
        Ok(Self { id: doc! { "id": uuid }, shared: Arc::new(shared) })
    }

    /// The session's id, as commands have it in `lsid`.
    pub fn id(&self) -> &Document {
        &self.id
    }

    /// Begins a transaction. It sees the data of the moment of its first operation.
    ///
    /// ```
    /// # fn main() -> smongo::Result<()> {
    /// # use smongo::bson::{Document, doc};
    /// # let client = smongo::Client::in_memory()?;
    /// # let items = client.database("db").collection::<Document>("items");
    /// let mut session = client.start_session().run()?;
    /// session.start_transaction().run()?;
    /// items.insert_one(doc! { "_id": 1 }).session(&mut session).run()?;
    /// assert_eq!(items.count_documents(doc! {}).run()?, 0);
    /// session.commit_transaction().run()?;
    /// assert_eq!(items.count_documents(doc! {}).run()?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn start_transaction(&mut self) -> StartTransaction<'_> {
        StartTransaction::new(self)
    }

    /// Commits the transaction.
    pub fn commit_transaction(&mut self) -> CommitTransaction<'_> {
        CommitTransaction::new(self)
    }

    /// Undoes what the transaction did.
    pub fn abort_transaction(&mut self) -> AbortTransaction<'_> {
        AbortTransaction::new(self)
    }

    /// [`start_transaction`](Self::start_transaction) with [`and_run`](StartTransaction::and_run), by the name that
    /// MongoDB's other drivers have for it.
    pub fn with_transaction<R>(&mut self, work: impl FnMut(&mut Self) -> Result<R>) -> Result<R> {
        self.start_transaction().and_run(work)
    }

    pub(super) fn within(&self) -> Within {
        Within(Some(Arc::clone(&self.shared)))
    }

    /// Whether a transaction has been started that has neither been committed nor aborted.
    pub(super) fn in_transaction(&self) -> bool {
        matches!(self.shared.state.lock().phase, Phase::Started | Phase::InProgress)
    }

    pub(super) fn start_with(&mut self, journal: bool) -> Result<()> {
        let mut state = self.shared.state.lock();
        if matches!(state.phase, Phase::Started | Phase::InProgress) {
            return Err(misused("transaction already in progress"));
        }
        *state = State { number: state.number + 1, journal, phase: Phase::Started };
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        let shared = &self.shared;
        let State { number, journal, phase } = *shared.state.lock();
        let has_work = match phase {
            Phase::Started | Phase::Committed(false) => false,
            Phase::InProgress | Phase::Committed(true) => true,
            Phase::Aborted => return Err(misused("Cannot call commitTransaction after calling abortTransaction")),
            Phase::Nothing => return Err(misused("no transaction started")),
        };
        // Also when it fails: the transaction is over.
        shared.state.lock().phase = Phase::Committed(has_work);
        if has_work {
            let _entered = shared.logical.enter();
            shared.engine.commit_transaction(&shared.logical, number, journal).map_err(labelled)?;
        }
        Ok(())
    }

    pub(super) fn abort(&mut self) -> Result<()> {
        let shared = &self.shared;
        let State { number, phase, .. } = *shared.state.lock();
        match phase {
            Phase::Nothing => return Err(misused("no transaction started")),
            Phase::Committed(_) => return Err(misused("Cannot call abortTransaction after calling commitTransaction")),
            Phase::Aborted => return Err(misused("cannot call abortTransaction twice")),
            Phase::Started | Phase::InProgress => {}
        }
        shared.state.lock().phase = Phase::Aborted;
        if phase == Phase::Started {
            return Ok(());
        }
        let _entered = shared.logical.enter();
        match shared.engine.abort_transaction(&shared.logical, number) {
            // An operation that failed has aborted it already.
            Err(error) if error.code() == Code::NO_SUCH_TRANSACTION.0 => Ok(()),
            outcome => outcome,
        }
    }
}

impl Drop for ClientSession {
    fn drop(&mut self) {
        let id = self.shared.id;
        self.shared.engine.end_sessions(|ended| *ended == id);
    }
}

impl Shared {
    /// What the next operation is part of. One that goes on with an earlier one does not begin a transaction.
    fn scope(&self, goes_on: bool) -> Result<Scope> {
        let mut state = self.state.lock();
        let sessions = self.engine.sessions();
        match state.phase {
            Phase::Started if goes_on => {
                let message = "Cannot run 'getMore' as the first operation in a transaction.";
                Err(Error::new(Code::OPERATION_NOT_SUPPORTED_IN_TRANSACTION, message))
            }
            Phase::Started => {
                let transaction = sessions.begin_transaction(&self.logical, state.number)?;
                state.phase = Phase::InProgress;
                Ok(Scope::Transaction(transaction))
            }
            Phase::InProgress => Ok(Scope::Transaction(sessions.transaction(&self.logical, state.number)?)),
            Phase::Nothing | Phase::Committed(_) | Phase::Aborted => {
                if !goes_on {
                    state.phase = Phase::Nothing;
                }
                Ok(Scope::Alone)
            }
        }
    }

    /// Runs an operation as a part of the session's transaction where there is one. A failure aborts that.
    fn run<R>(&self, op: OpContext, goes_on: bool, work: impl FnOnce(&OpContext) -> Result<R>) -> Result<R> {
        let _entered = self.logical.enter();
        let scope = self.scope(goes_on).map_err(labelled)?;
        let Scope::Transaction(transaction) = &scope else { return work(&op) };
        let transaction = Arc::clone(transaction);
        work(&op.within(scope)).map_err(|error| {
            self.engine.abandon(&transaction);
            labelled(error)
        })
    }
}

impl Within {
    /// Whether the operation belongs to a session.
    #[cfg(feature = "remote")]
    pub fn is_any(&self) -> bool {
        self.0.is_some()
    }

    /// Runs an operation on a database.
    pub fn run<R>(
        &self,
        op: OpContext,
        engine: &Arc<Engine>,
        db: &str,
        work: impl FnOnce(&OpContext) -> Result<R>,
    ) -> Result<R> {
        let Some(shared) = &self.0 else { return work(&op) };
        if !Arc::ptr_eq(&shared.engine, engine) {
            return Err(foreign_session());
        }
        shared.run(op, false, |op| {
            if op.in_transaction() && matches!(db, "admin" | "config" | "local") {
                let message = format!("Cannot run command against the '{db}' database in a transaction.");
                return Err(Error::new(Code::OPERATION_NOT_SUPPORTED_IN_TRANSACTION, message));
            }
            work(op)
        })
    }

    /// Goes on with an operation that was begun in the session.
    pub fn go_on<R>(&self, op: OpContext, work: impl FnOnce(&OpContext) -> Result<R>) -> Result<R> {
        match &self.0 {
            Some(shared) => shared.run(op, true, work),
            None => work(&op),
        }
    }
}

/// The error with the label by which callers see that the transaction may be begun again.
fn labelled(error: Error) -> Error {
    if is_transient(Code(error.code())) { error.with_label(TRANSIENT) } else { error }
}

/// The error for a session that another client started.
#[cold]
pub(super) fn foreign_session() -> Error {
    misused("a session can be used by the client that started it only")
}

#[cold]
fn misused(message: &str) -> Error {
    Error::new(Code::ILLEGAL_OPERATION, message)
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}
