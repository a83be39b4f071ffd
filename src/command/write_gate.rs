//! What holds writes back: `fsync` with `lock`, `fsyncUnlock`, and `setUserWriteBlockMode`.
//!
//! Every command that writes passes the one [`WriteGate`]. It does not know what is written.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock, RwLockReadGuard};
use smongo_vm::Code;
use smongo_vm::value::Value;

use super::Call;
use super::access::Needs;
use super::args::{self, Flag, Number, arguments};
use super::reply::Reply;
use super::table::Command;
use crate::error::{Error, Result};
use crate::request::OpContext;

/// How often a write that waits looks whether it has been stopped.
const LOOK: Duration = Duration::from_millis(20);

/// `UserWritesBlocked`.
const USER_WRITES_BLOCKED: Code = Code(371);

/// Lets writes through, or holds them back.
#[derive(Debug, Default)]
pub(super) struct WriteGate {
    /// How often `fsync` has locked.
    locks: AtomicI64,
    /// Whether writes of users are refused.
    refuses_users: AtomicBool,
    /// Held shared by each write that is under way.
    writes: RwLock<()>,
    waiting: Mutex<()>,
    opened: Condvar,
}

impl WriteGate {
    /// Waits until writes may pass; the write is under way as long as the guard lives.
    pub(super) fn pass(&self, op: &OpContext, db: &str) -> Result<RwLockReadGuard<'_, ()>> {
        if self.refuses_users.load(Ordering::Relaxed) && !matches!(db, "admin" | "config" | "local") {
            return Err(Error::new(USER_WRITES_BLOCKED, "User writes blocked"));
        }
        loop {
            let guard = self.writes.read();
            if self.lock_count() == 0 {
                return Ok(guard);
            }
            drop(guard);
            op.check()?;
            let mut waiting = self.waiting.lock();
            if self.lock_count() > 0 {
                self.opened.wait_for(&mut waiting, LOOK);
            }
        }
    }

    /// How often `fsync` has locked and not been undone.
    pub(super) fn lock_count(&self) -> i64 {
        self.locks.load(Ordering::SeqCst)
    }

    /// Closes the gate once more and waits for the writes under way, at most for `patience`.
    fn lock(&self, patience: Duration) -> Result<i64> {
        let count = self.locks.fetch_add(1, Ordering::SeqCst) + 1;
        if self.writes.try_write_for(patience).is_none() {
            self.unlock()?;
            return Err(Error::new(Code::LOCK_TIMEOUT, "Fsync lock timed out"));
        }
        Ok(count)
    }

    /// Takes one lock back; gives how many are left.
    fn unlock(&self) -> Result<i64> {
        let _waiting = self.waiting.lock();
        let before =
            self.locks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| (count > 0).then(|| count - 1));
        self.opened.notify_all();
        match before {
            Ok(count) => Ok(count - 1),
            Err(_) => Err(Error::new(Code::ILLEGAL_OPERATION, "fsyncUnlock called when not locked")),
        }
    }
}

/// How long `fsync` waits for writes under way by default, in milliseconds. MongoDB: 90 seconds.
const LOCK_PATIENCE_MS: i64 = 90_000;

pub(super) static FSYNC: Command =
    Command::new("fsync", fsync, "writes a checkpoint, and may hold writes back afterwards")
        .admin_only()
        .needs(Needs::OnCluster(&["fsync"]));

arguments! {
    /// Arguments of `fsync`.
    struct FsyncArgs in "fsync" lenient {
        "lock" => lock: Flag,
        "fsyncLockAcquisitionTimeoutMillis" => patience_ms: Number,
    }
}

fn fsync(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: FsyncArgs<'_> = args::of_command(&call.request)?;
    let patience_ms = args::at_least(args.patience_ms, 0, "fsyncLockAcquisitionTimeoutMillis")?;
    let commands = call.commands;
    if !args.lock.is_some_and(|Flag(lock)| lock) {
        commands.engine.checkpoint()?;
        reply.value("numFiles", Value::int32(1));
        return Ok(());
    }
    let patience = u64::try_from(patience_ms.unwrap_or(LOCK_PATIENCE_MS)).unwrap_or(0);
    let count = commands.write_gate.lock(Duration::from_millis(patience))?;
    if let Err(error) = commands.engine.checkpoint() {
        commands.write_gate.unlock()?;
        return Err(error);
    }
    reply.string("info", "now locked against writes, use db.fsyncUnlock() to unlock");
    reply.value("lockCount", Value::int64(count));
    reply.string("seeAlso", "http://dochub.mongodb.org/core/fsynccommand");
    Ok(())
}

pub(super) static FSYNC_UNLOCK: Command =
    Command::new("fsyncUnlock", fsync_unlock, "lets writes pass again that fsync holds back")
        .admin_only()
        .needs(Needs::OnCluster(&["unlock"]));

fn fsync_unlock(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let count = call.commands.write_gate.unlock()?;
    reply.string("info", "fsyncUnlock completed");
    reply.value("lockCount", Value::int64(count));
    Ok(())
}

pub(super) static SET_USER_WRITE_BLOCK_MODE: Command =
    Command::new("setUserWriteBlockMode", set_user_write_block_mode, "refuses the writes of users, or allows them")
        .admin_only()
        .needs(Needs::OnCluster(&["setUserWriteBlockMode"]));

arguments! {
    /// Arguments of `setUserWriteBlockMode`.
    struct BlockModeArgs in "setUserWriteBlockMode" strict {
        "global" => global: bool,
        "reason" => reason: &'d str,
    }
}

fn set_user_write_block_mode(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let args: BlockModeArgs<'_> = args::of_command(&call.request)?;
    let blocked = args::require(args.global, "setUserWriteBlockMode", "global")?;
    call.commands.write_gate.refuses_users.store(blocked, Ordering::Relaxed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locked_gate_holds_writes_until_it_is_opened() {
        let gate = WriteGate::default();
        drop(gate.pass(&OpContext::new(), "db").unwrap());
        assert_eq!(gate.lock(Duration::ZERO).unwrap(), 1);
        assert_eq!(gate.lock(Duration::ZERO).unwrap(), 2);
        assert_eq!(gate.pass(&OpContext::new().max_time_ms(1), "db").unwrap_err().code(), 50);
        assert_eq!((gate.unlock().unwrap(), gate.unlock().unwrap()), (1, 0));
        assert_eq!(gate.unlock().unwrap_err().code(), 20);
        let guard = gate.pass(&OpContext::new(), "db").unwrap();
        assert_eq!(gate.lock(Duration::ZERO).unwrap_err().code(), 24);
        drop(guard);
        assert_eq!(gate.lock_count(), 0);
    }

    #[test]
    fn blocked_users_may_not_write() {
        let gate = WriteGate::default();
        gate.refuses_users.store(true, Ordering::Relaxed);
        assert_eq!(gate.pass(&OpContext::new(), "db").unwrap_err().code(), 371);
        assert!(gate.pass(&OpContext::new(), "admin").is_ok());
    }
}
