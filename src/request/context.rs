//! What accompanies one operation: its time, its deadline, and the flag that stops it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use smongo_storage::Engine as Storage;
use smongo_vm::Code;

use super::Progress;
use crate::error::{Error, Result};
use crate::session::{Scope, Work};

/// Tells whether the client is still there.
#[derive(Clone)]
pub(crate) struct Presence(Arc<dyn Fn() -> bool + Send + Sync>);

impl Presence {
    /// What asks `is_there`.
    pub fn new(is_there: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_there))
    }
}

impl fmt::Debug for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Presence")
    }
}

/// What the time is for a request, all its batches included.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// `$$NOW`, in milliseconds since the Unix epoch.
    now_millis: i64,
    /// `$$CLUSTER_TIME`, as timestamp bits; `None` where no log of operations tells it.
    cluster_time: Option<u64>,
}

/// The circumstances of one operation.
#[derive(Clone, Debug)]
pub struct OpContext {
    moment: Moment,
    deadline: Option<Instant>,
    interrupt: Option<Arc<AtomicBool>>,
    presence: Option<Presence>,
    progress: Option<Arc<Progress>>,
    scope: Scope,
    bypasses_validation: bool,
}

impl OpContext {
    /// An operation that starts now, without limits.
    pub fn new() -> Self {
        Self {
            moment: Moment { now_millis: wall_clock_millis(), cluster_time: None },
            deadline: None,
            interrupt: None,
            presence: None,
            progress: None,
            scope: Scope::Alone,
            bypasses_validation: false,
        }
    }

    /// Limits the operation to `millis` from now; 0 is no limit.
    #[must_use]
    pub fn max_time_ms(mut self, millis: u64) -> Self {
        self.deadline = (millis > 0).then(|| Instant::now() + Duration::from_millis(millis));
        self
    }

    /// Stops the operation soon after `flag` becomes true.
    #[must_use]
    pub fn interrupted_by(mut self, flag: Arc<AtomicBool>) -> Self {
        self.interrupt = Some(flag);
        self
    }

    /// Lets the operation end, when it waits, soon after its client has left.
    #[must_use]
    pub(crate) fn of_client(mut self, presence: Presence) -> Self {
        self.presence = Some(presence);
        self
    }

    /// Lets others see how far the operation is.
    #[must_use]
    pub fn reporting_to(mut self, progress: Arc<Progress>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Says that something of so many parts begins.
    pub(crate) fn begin_phase(&self, phase: &'static str, total: u64) {
        if let Some(progress) = &self.progress {
            progress.begin(phase, total);
        }
    }

    /// Says how many parts are done; fails like [`Self::check`].
    pub(crate) fn advance(&self, done: u64) -> Result<()> {
        if let Some(progress) = &self.progress {
            progress.advance(done);
        }
        self.check()
    }

    /// Makes the operation part of a retryable write, a transaction, or a series of reads.
    #[must_use]
    pub(crate) fn within(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The operation of the statement at position `at` of a request.
    pub(crate) fn of_statement(&self, at: usize) -> Cow<'_, Self> {
        match self.scope.retryable() {
            None => Cow::Borrowed(self),
            Some(_) => Cow::Owned(self.clone().within(self.scope.starting_at(at))),
        }
    }

    /// The operation, whose documents need not satisfy validators when `bypass` says so.
    pub(crate) fn bypassing_validation(&self, bypass: bool) -> Cow<'_, Self> {
        if bypass { Cow::Owned(Self { bypasses_validation: true, ..self.clone() }) } else { Cow::Borrowed(self) }
    }

    /// Whether documents need not satisfy validators (`bypassDocumentValidation`).
    pub(crate) fn bypasses_validation(&self) -> bool {
        self.bypasses_validation
    }

    /// What the operation is part of.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Begins work in storage.
    pub(crate) fn begin(&self, storage: &Storage) -> Result<Work<'_>> {
        self.scope.begin(storage)
    }

    /// Whether the operation is part of a transaction.
    pub(crate) fn in_transaction(&self) -> bool {
        self.scope.transaction().is_some()
    }

    /// Tells the operation the time of the log of operations, as timestamp bits.
    #[must_use]
    pub(crate) fn at_cluster_time(mut self, time: u64) -> Self {
        self.moment.cluster_time = Some(time);
        self
    }

    /// What the time is for the operation.
    pub(crate) fn moment(&self) -> Moment {
        self.moment
    }

    /// The operation, going on with a request of that moment.
    #[must_use]
    pub(crate) fn of_moment(mut self, moment: Moment) -> Self {
        self.moment = moment;
        self
    }

    /// When the request began, in milliseconds since the Unix epoch: `$$NOW`.
    pub fn now_millis(&self) -> i64 {
        self.moment.now_millis
    }

    /// The time of the log of operations when the request began, as timestamp bits: `$$CLUSTER_TIME`.
    pub(crate) fn cluster_time(&self) -> Option<u64> {
        self.moment.cluster_time
    }

    /// Fails when the operation has been stopped or has run out of time.
    pub fn check(&self) -> Result<()> {
        if self.interrupt.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(Error::new(Code::INTERRUPTED, "operation was interrupted"));
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Error::new(Code::MAX_TIME_MS_EXPIRED, "operation exceeded time limit"));
        }
        Ok(())
    }
}

impl OpContext {
    /// Fails when the operation need not wait any longer: for what [`check`](Self::check) fails for, or because its client
    /// has left.
    pub(crate) fn check_waiting(&self) -> Result<()> {
        self.check()?;
        match &self.presence {
            Some(Presence(is_there)) if !is_there() => {
                Err(Error::new(Code::CLIENT_DISCONNECT, "operation was interrupted because a client disconnected"))
            }
            _ => Ok(()),
        }
    }
}

impl Default for OpContext {
    fn default() -> Self {
        Self::new()
    }
}

/// The wall clock, in milliseconds since the Unix epoch; 0 for a clock set before it.
pub(crate) fn wall_clock_millis() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_on_flag_and_on_deadline() {
        assert!(OpContext::new().check().is_ok());
        let flag = Arc::new(AtomicBool::new(false));
        let op = OpContext::new().interrupted_by(Arc::clone(&flag));
        assert!(op.check().is_ok());
        flag.store(true, Ordering::Relaxed);
        assert_eq!(op.check().unwrap_err().code(), 11601);
        let op = OpContext::new().max_time_ms(1);
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(op.check().unwrap_err().code(), 50);
    }
}
