//! Inserting documents, many to a transaction.

use std::sync::Arc;

use smongo_storage::Engine as Storage;
use smongo_vm::interp::Machine;
use smongo_vm::value::{OwnedValue, RawDoc};

use super::matches::in_transaction;
use super::validation;
use crate::collection::{Collection, Writer, id_of, prepare, stored_document};
use crate::error::{Error, Result, WriteError};
use crate::exec::{environment, interrupter, timestamp_of};
use crate::request::{InsertReply, OpContext};
use crate::session::Outcome;

/// The most documents of one transaction.
const GROUP_DOCUMENTS_MAX: usize = 1000;

/// The size at which a transaction takes no more documents, in bytes.
const GROUP_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Inserts documents into a collection. Those that cannot be inserted are reported; when `ordered`, the first of them
/// ends the work. An error means that the whole request has failed.
pub(crate) fn insert_documents(
    storage: &Storage,
    op: &OpContext,
    coll: &Arc<Collection>,
    documents: &[&RawDoc],
    ordered: bool,
) -> Result<InsertReply> {
    let mut reply = InsertReply::default();
    let mut begin = 0;
    while begin < documents.len() && (!ordered || reply.write_errors.is_empty()) {
        op.check()?;
        let group = &documents[begin..begin + group_len(&documents[begin..])];
        let failures = in_transaction(storage, op, coll, |writer| insert_group(op, writer, group, begin, ordered))?;
        reply.inserted += (group.len() - failures.not_tried - failures.errors.len()) as u64;
        reply.write_errors.extend(failures.errors.into_iter().map(|(at, error)| WriteError::new(begin + at, error)));
        begin += group.len();
    }
    Ok(reply)
}

/// Inserts a document and gives its `_id`.
///
/// `outcome` tells what the statement came to, should it be sent again.
pub(crate) fn insert_one(
    storage: &Storage,
    op: &OpContext,
    coll: &Arc<Collection>,
    doc: &RawDoc,
    outcome: &dyn Fn() -> Outcome,
) -> Result<OwnedValue> {
    let stored = prepare(doc, timestamp_of(op.now_millis()))?;
    let stored = stored_document(&stored);
    in_transaction(storage, op, coll, |writer| {
        writer.begin_statement(op.scope().statement(0));
        insert(op, writer, &mut None, stored)?;
        writer.end_statement(outcome);
        Ok(())
    })?;
    Ok(id_of(stored).into())
}

/// What did not come of a group.
#[derive(Default)]
struct Failures {
    errors: Vec<(usize, Error)>,
    /// How many documents were left out because an earlier one had failed.
    not_tried: usize,
}

fn insert_group(
    op: &OpContext,
    writer: &mut Writer<'_>,
    group: &[&RawDoc],
    first: usize,
    ordered: bool,
) -> Result<Failures> {
    let timestamp = timestamp_of(op.now_millis());
    let mut failures = Failures::default();
    let mut machine = None;
    for (at, doc) in group.iter().enumerate() {
        let statement = op.scope().statement(first + at);
        if statement.is_some_and(|statement| op.scope().was_executed(statement)) {
            continue;
        }
        writer.begin_statement(statement);
        let inserted =
            prepare(doc, timestamp).and_then(|stored| insert(op, writer, &mut machine, stored_document(&stored)));
        match inserted {
            Ok(()) => writer.end_statement(|| None),
            Err(error) if error.is_write_conflict() || error.ends_request() => return Err(error),
            Err(error) => {
                failures.errors.push((at, error));
                if ordered {
                    failures.not_tried = group.len() - at - 1;
                    break;
                }
            }
        }
    }
    Ok(failures)
}

/// Inserts a document that satisfies the collection's validator. `machine` is made when one is needed.
fn insert(op: &OpContext, writer: &mut Writer<'_>, machine: &mut Option<Machine>, doc: &RawDoc) -> Result<()> {
    if let Some(validator) = &writer.rules().validator {
        let interrupt = interrupter(op);
        let env = environment(op, &[], &interrupt);
        validation::check(validator, machine.get_or_insert_with(Machine::new), op, &env, (None, doc))?;
    }
    writer.insert(doc).map(drop)
}

/// How many documents make up the next transaction: at least one.
fn group_len(documents: &[&RawDoc]) -> usize {
    let mut bytes = 0;
    let fit = documents.iter().take(GROUP_DOCUMENTS_MAX).take_while(|doc| {
        let fits = bytes < GROUP_BYTES_MAX;
        bytes += doc.as_bytes().len();
        fits
    });
    fit.count()
}
