//! `delete`.

use std::sync::atomic::Ordering;

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Value};

use super::Call;
use super::access::Needs;
use super::args::{self, Any, Array, Documents, Flag, Number, arguments};
use super::insert::{check_batch, write_options};
use super::reply::{self, Reply};
use super::table::{Command, Counter, Usage};
use crate::error::{Error, Result};
use crate::request::{DeleteRequest, DeleteStatement};

pub(super) static DELETE: Command = Command::new("delete", delete, "deletes documents")
    .api_v1()
    .writes()
    .counted_as(Counter::ByHandler)
    .uses_collection(Usage::Remove)
    .needs(Needs::OnCollection(&["remove"]));

arguments! {
    /// Arguments of `delete`.
    struct DeleteArgs in "delete" strict {
        "deletes" => deletes: Documents<'d>,
        "ordered" => ordered: bool,
        "let" => let_variables: &'d RawDoc,
        "bypassDocumentValidation" => bypass: Flag,
        "stmtIds" => statement_ids: Array<'d>,
        "encryptionInformation" => encryption: &'d RawDoc,
        "collectionUUID" => collection_uuid: args::Uuid,
    }
}

arguments! {
    /// One statement of `delete`.
    struct StatementArgs in "delete.deletes" strict {
        "q" => q: &'d RawDoc,
        "limit" => limit: Any<'d>,
        "hint" => hint: Any<'d>,
        "collation" => collation: &'d RawDoc,
        "sampleId" => sample_id: Any<'d>,
    }
}

fn delete(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: DeleteArgs<'_> = args::of_command(&call.request)?;
    call.check_uuid(&ns, args.collection_uuid)?;
    let deletes = args::require(args.deletes, "delete", "deletes")?;
    let mut gathered = Vec::new();
    let deletes = deletes.slice(&mut gathered, "delete", "deletes")?;
    check_batch(deletes.len())?;
    let statements = deletes.iter().map(|doc| parse_statement(doc)).collect::<Result<Vec<_>>>()?;
    let options = write_options(call, args.ordered, args.bypass);
    call.commands.metrics.delete.fetch_add(statements.len() as u64, Ordering::Relaxed);
    let request = DeleteRequest { ns, statements: &statements, let_variables: args.let_variables, options };
    let outcome = call.commands.engine.delete(&call.op(), &request)?;
    reply.value("n", reply::count(outcome.deleted));
    reply::write_errors(reply, &outcome.write_errors);
    Ok(())
}

/// One statement of a `delete` command.
pub(super) fn parse_statement(doc: &RawDoc) -> Result<DeleteStatement<'_>> {
    let args: StatementArgs<'_> = args::of_document(doc)?;
    let filter = args::require(args.q, "delete.deletes", "q")?;
    let Any(limit) = args::require(args.limit, "delete.deletes", "limit")?;
    Ok(DeleteStatement {
        filter,
        multi: is_unlimited(limit)?,
        hint: args::hint(args.hint)?,
        collation: args.collation.filter(|collation| !collation.is_empty()),
    })
}

/// Whether the limit of a delete statement says "all": 0 does, and so does what is no number; 1 does not.
fn is_unlimited(limit: Value<'_>) -> Result<bool> {
    let number = <Number as args::Argument<'_>>::from_value(limit).map_or(0, |Number(n)| n);
    match number {
        0 if !args::is_truthy(limit) || !limit.tag().is_number() => Ok(true),
        1 => Ok(false),
        _ => {
            let message = format!("The limit field in delete objects must be 0 or 1. Got {number}");
            Err(Error::new(Code::FAILED_TO_PARSE, message))
        }
    }
}
