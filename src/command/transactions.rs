//! Transactions and retryable writes, as commands ask for them; `commitTransaction` and `abortTransaction`.

use std::sync::Arc;

use smongo_vm::Code;
use smongo_vm::value::Value;

use super::args::{self, Any, Array, Number, arguments};
use super::concern::ReadLevel;
use super::reply::Reply;
use super::table::Command;
use super::{Call, Commands};
use crate::error::{Error, Result};
use crate::request::Namespace;
use crate::session::{LogicalSession, Scope, is_transient};

/// Commands that may be run in a transaction. MongoDB's manual, "Transactions and Operations".
const IN_TRANSACTIONS: [&str; 14] = [
    "abortTransaction",
    "aggregate",
    "bulkWrite",
    "commitTransaction",
    "create",
    "createIndexes",
    "delete",
    "distinct",
    "find",
    "findAndModify",
    "getMore",
    "insert",
    "killCursors",
    "update",
];

/// Commands whose writes are carried out once however often they are sent.
const RETRYABLE: [&str; 5] = ["bulkWrite", "delete", "findAndModify", "insert", "update"];

/// `NotARetryableWriteCommand`.
const NOT_RETRYABLE: Code = Code(50768);

pub(super) static COMMIT_TRANSACTION: Command =
    Command::new("commitTransaction", commit, "makes what a transaction did permanent and visible")
        .admin_only()
        .api_v1()
        .writes();

arguments! {
    /// Arguments of `commitTransaction`.
    struct CommitArgs in "commitTransaction" strict {
        "commitTimestamp" => commit_timestamp: Any<'d>,
        "durableTimestamp" => durable_timestamp: Any<'d>,
        "recoveryToken" => recovery_token: Any<'d>,
    }
}

fn commit(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let _args: CommitArgs<'_> = args::of_command(&call.request)?;
    let (session, number) = within_transaction(call)?;
    call.commands.engine.commit_transaction(&session, number, call.journal())
}

pub(super) static ABORT_TRANSACTION: Command =
    Command::new("abortTransaction", abort, "undoes what a transaction did").admin_only().api_v1().writes();

arguments! {
    /// Arguments of `abortTransaction`.
    struct AbortArgs in "abortTransaction" strict {
        "recoveryToken" => recovery_token: Any<'d>,
    }
}

fn abort(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let _args: AbortArgs<'_> = args::of_command(&call.request)?;
    let (session, number) = within_transaction(call)?;
    call.commands.engine.abort_transaction(&session, number)
}

/// The session and the number of the transaction that a command is in.
fn within_transaction(call: &Call<'_, '_>) -> Result<(Arc<LogicalSession>, i64)> {
    match (&call.logical_session, call.generic.txn_number) {
        (Some(session), Some(number)) => Ok((Arc::clone(session), number)),
        _ => {
            let message = format!("{} must be run within a transaction", call.command.name);
            Err(Error::new(Code::COMMAND_FAILED, message))
        }
    }
}

arguments! {
    /// How statements of a retryable write are numbered.
    struct StatementArgs in "statements" lenient {
        "stmtId" => first: Number,
        "stmtIds" => all: Array<'d>,
    }
}

/// Whether a command ends a transaction.
pub(super) fn ends_transaction(command: &Command) -> bool {
    matches!(command.name, "commitTransaction" | "abortTransaction")
}

impl Commands {
    /// The session that a command with a transaction number works in.
    pub(super) fn numbered_session(&self, call: &Call<'_, '_>) -> Result<Option<Arc<LogicalSession>>> {
        match (call.generic.session, call.generic.txn_number) {
            (Some(_), Some(_)) if self.options.set_name.is_none() => {
                let message = "Transaction numbers are only allowed on a replica set member or mongos";
                Err(Error::new(Code::ILLEGAL_OPERATION, message))
            }
            (Some(id), Some(_)) => Ok(Some(self.engine.sessions().get(id)?)),
            _ => Ok(None),
        }
    }

    /// What a command is part of.
    pub(super) fn scope(&self, call: &Call<'_, '_>) -> Result<Scope> {
        let (Some(session), Some(number)) = (&call.logical_session, call.generic.txn_number) else {
            return self.reading_scope(call);
        };
        let sessions = self.engine.sessions();
        let command = call.command;
        if call.generic.autocommit.is_none() {
            if !RETRYABLE.contains(&command.name) {
                let message = format!(
                    "txnNumber may only be provided for multi-document transactions and retryable write commands. \
                     autocommit:false was not provided, and {} is not a retryable write command.",
                    command.name
                );
                return Err(Error::new(NOT_RETRYABLE, message));
            }
            let (statements, first) = statement_numbers(call)?;
            return Ok(Scope::Retryable { write: sessions.retryable_write(session, number)?, statements, first });
        }
        check_allowed(call)?;
        if ends_transaction(command) {
            return Ok(Scope::Alone);
        }
        let transaction = match call.generic.start_transaction {
            Some(true) => sessions.begin_transaction(session, number)?,
            _ => sessions.transaction(session, number)?,
        };
        Ok(Scope::Transaction(transaction))
    }

    /// The moment that a command outside transactions reads, where that is asked for.
    fn reading_scope(&self, call: &Call<'_, '_>) -> Result<Scope> {
        let Some(concern) = call.generic.read_concern.filter(|concern| concern.level == Some(ReadLevel::Snapshot))
        else {
            return Ok(Scope::Alone);
        };
        if !matches!(call.command.name, "find" | "aggregate" | "distinct") {
            let message = "readConcern level snapshot is only valid for the find, aggregate, and distinct commands";
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
        Ok(Scope::Snapshot(self.engine.snapshot(concern.at_cluster_time)?))
    }
}

fn statement_numbers(call: &Call<'_, '_>) -> Result<(Arc<[i32]>, i32)> {
    let args: StatementArgs<'_> = args::of_command(&call.request)?;
    let fits =
        |number: i64| i32::try_from(number).map_err(|_| Error::new(Code::BAD_VALUE, "stmtId must be a 32-bit integer"));
    let first = args.first.map_or(Ok(0), |Number(first)| fits(first))?;
    let Some(Array(all)) = args.all else { return Ok((Arc::default(), first)) };
    let all = all.values().map(|value| fits(value.as_integer().unwrap_or(-1))).collect::<Result<Vec<_>>>()?;
    Ok((all.into(), first))
}

/// Fails unless a command may be run in a transaction, with what it asks for.
fn check_allowed(call: &Call<'_, '_>) -> Result<()> {
    let name = call.command.name;
    let refuse = |message: String| Err(Error::new(Code::OPERATION_NOT_SUPPORTED_IN_TRANSACTION, message));
    let invalid = |message: &str| Err(Error::new(Code::INVALID_OPTIONS, message));
    if !IN_TRANSACTIONS.contains(&name) {
        return refuse(format!("Cannot run '{name}' in a multi-document transaction."));
    }
    let starts = call.generic.start_transaction == Some(true);
    let ends = ends_transaction(call.command);
    if starts && (ends || matches!(name, "getMore" | "killCursors")) {
        return refuse(format!("Cannot run '{name}' as the first operation in a transaction."));
    }
    let is_internal = match call.db {
        "admin" => !ends && name != "bulkWrite",
        db => matches!(db, "config" | "local"),
    };
    if is_internal && name != "killCursors" && name != "getMore" {
        return refuse(format!("Cannot run command against the '{}' database in a transaction.", call.db));
    }
    if call.first.as_str().is_some_and(|coll| coll.starts_with("system.profile")) {
        let ns = Namespace::trusted(call.db, "system.profile");
        return refuse(format!("Cannot run command against the '{ns}' namespace in a transaction."));
    }
    if call.generic.write_concern.is_some() && !ends {
        return invalid("writeConcern is not allowed within a multi-statement transaction");
    }
    if let Some(concern) = call.generic.read_concern {
        if !starts {
            return invalid("Only the first command in a transaction may specify a readConcern");
        }
        if matches!(concern.level, Some(ReadLevel::Available | ReadLevel::Linearizable)) {
            return invalid(
                "The readConcern level must be either 'local' (default), 'majority' or 'snapshot' in order to run in \
                 a transaction",
            );
        }
    }
    Ok(())
}

/// Whether a client may send the same write again after this error. The drivers' retryable writes specification.
fn is_retryable(code: i32) -> bool {
    matches!(code, 6 | 7 | 89 | 91 | 134 | 189 | 262 | 9001 | 10107 | 11600 | 11602 | 13435 | 13436)
}

/// The error with the labels that tell a client how it may react.
pub(super) fn labelled(call: &Call<'_, '_>, error: Error) -> Error {
    let code = error.code();
    let ends = ends_transaction(call.command);
    if call.generic.autocommit == Some(false) && is_transient(Code(code)) {
        let only_if_gone = !ends || code == Code::NO_SUCH_TRANSACTION.0;
        if only_if_gone {
            return error.with_label("TransientTransactionError");
        }
    }
    let is_write = call.generic.txn_number.is_some() && (call.generic.autocommit.is_none() || ends);
    if is_write && is_retryable(code) { error.with_label("RetryableWriteError") } else { error }
}

/// Appends which statements had been carried out before.
pub(super) fn report_retried(call: &Call<'_, '_>, reply: &mut Reply<'_>) {
    let Some(write) = call.scope.retryable() else { return };
    let retried = write.take_retried();
    match retried.first() {
        None => {}
        Some(statement) if call.command.name == "findAndModify" => {
            reply.value("retriedStmtId", Value::int32(*statement));
        }
        Some(_) => reply.array("retriedStmtIds", |array| {
            retried.iter().for_each(|statement| array.value(Value::int32(*statement)));
        }),
    }
}
