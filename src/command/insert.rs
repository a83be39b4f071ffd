//! `insert`.

use std::sync::atomic::Ordering;

use smongo_vm::Code;
use smongo_vm::value::RawDoc;

use super::Call;
use super::access::Needs;
use super::args::{self, Documents, Flag, arguments};
use super::reply::{self, Reply};
use super::table::{Command, Counter, Usage};
use crate::error::{Error, Result};
use crate::request::{InsertRequest, WriteOptions};

/// Most documents or statements of one write command. MongoDB: 100,000.
pub(super) const MAX_BATCH: usize = 100_000;

pub(super) static INSERT: Command = Command::new("insert", insert, "inserts documents")
    .api_v1()
    .writes()
    .counted_as(Counter::ByHandler)
    .uses_collection(Usage::Insert)
    .needs(Needs::OnCollection(&["insert"]));

arguments! {
    /// Arguments of `insert`.
    struct InsertArgs in "insert" strict {
        "documents" => documents: Documents<'d>,
        "ordered" => ordered: bool,
        "bypassDocumentValidation" => bypass: Flag,
        "stmtIds" => statement_ids: args::Array<'d>,
        "bypassEmptyTsReplacement" => bypass_timestamps: bool,
        "encryptionInformation" => encryption: &'d RawDoc,
        "collectionUUID" => collection_uuid: args::Uuid,
    }
}

fn insert(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: InsertArgs<'_> = args::of_command(&call.request)?;
    call.check_uuid(&ns, args.collection_uuid)?;
    let documents = args::require(args.documents, "insert", "documents")?;
    let mut gathered = Vec::new();
    let documents = documents.slice(&mut gathered, "insert", "documents")?;
    check_batch(documents.len())?;
    let options = write_options(call, args.ordered, args.bypass);
    call.commands.metrics.insert.fetch_add(documents.len() as u64, Ordering::Relaxed);
    let request = InsertRequest { ns, documents, options };
    let outcome = call.commands.engine.insert(&call.op(), &request)?;
    reply.value("n", reply::count(outcome.inserted));
    reply::write_errors(reply, &outcome.write_errors);
    Ok(())
}

/// What all writes share.
pub(super) fn write_options(call: &Call<'_, '_>, ordered: Option<bool>, bypass: Option<Flag>) -> WriteOptions {
    WriteOptions {
        ordered: ordered.unwrap_or(true),
        journal: call.journal(),
        bypass_document_validation: bypass.is_some_and(|Flag(on)| on),
    }
}

/// Refuses write commands that do nothing or too much.
pub(super) fn check_batch(len: usize) -> Result<()> {
    if (1..=MAX_BATCH).contains(&len) {
        return Ok(());
    }
    let message = format!("Write batch sizes must be between 1 and {MAX_BATCH}. Got {len} operations.");
    Err(Error::new(Code::INVALID_LENGTH, message))
}
