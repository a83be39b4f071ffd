//! Running a transaction again after a write conflict: the one place where that is decided. A statement of a transaction
//! that goes on afterwards cannot be run again; there the client must begin anew.

use std::thread;
use std::time::Duration;

use crate::error::Result;
use crate::request::OpContext;

/// Attempts before the conflict is reported. With the pauses below that is about half a minute.
const ATTEMPTS_MAX: u32 = 300;

/// The longest pause between two attempts, in milliseconds.
const PAUSE_MAX_MS: u64 = 100;

/// Attempts that only give way to other threads.
const ATTEMPTS_WITHOUT_PAUSE: u32 = 4;

/// Runs `attempt` until it does not end in a write conflict. The operation's deadline holds between attempts.
pub(super) fn with_retries<R>(op: &OpContext, mut attempt: impl FnMut() -> Result<R>) -> Result<R> {
    let mut attempts = 0;
    loop {
        match attempt() {
            Err(error) if error.is_write_conflict() && attempts < ATTEMPTS_MAX && !op.in_transaction() => {
                op.check()?;
                pause(attempts);
                attempts += 1;
            }
            outcome => return outcome,
        }
    }
}

fn pause(attempts: u32) {
    match attempts.checked_sub(ATTEMPTS_WITHOUT_PAUSE) {
        None => thread::yield_now(),
        Some(n) => thread::sleep(Duration::from_millis((1 << n.min(10)).min(PAUSE_MAX_MS))),
    }
}

#[cfg(test)]
mod tests {
    use smongo_vm::Code;

    use super::*;
    use crate::error::Error;

    #[test]
    fn only_conflicts_are_tried_again() {
        let op = OpContext::new();
        let mut attempts = 0;
        let outcome = with_retries(&op, || {
            attempts += 1;
            if attempts < 3 { Err(Error::new(Code::WRITE_CONFLICT, "")) } else { Ok(attempts) }
        });
        assert_eq!(outcome.unwrap(), 3);
        let mut attempts = 0;
        let outcome: Result<()> = with_retries(&op, || {
            attempts += 1;
            Err(Error::new(Code::BAD_VALUE, ""))
        });
        assert_eq!((outcome.unwrap_err().code(), attempts), (2, 1));
    }
}
