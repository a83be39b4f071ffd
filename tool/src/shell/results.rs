//! From a command's reply to what is shown of it.

use bson::{Bson, Document, doc};
use smongo::Client;
use smongo::api::action::CommandCursor;

use super::request::{Answer, Request};
use crate::failure::Failure;

/// What a statement gives.
pub enum Shown {
    /// Nothing to show.
    Nothing,
    /// A text.
    Text(String),
    /// A value.
    Value(Bson),
    /// Documents, in portions.
    Documents(Box<CommandCursor<Document>>),
}

/// Runs a request.
pub fn run(client: &Client, request: &Request) -> Result<Shown, Failure> {
    if let Answer::Text(text) = &request.answer {
        return Ok(Shown::Text(text.clone()));
    }
    let db = client.database(&request.db);
    let command = request.command.clone();
    let cursor = || db.run_cursor_command(command.clone()).run();
    let value = match &request.answer {
        Answer::Cursor => return Ok(Shown::Documents(Box::new(cursor()?))),
        Answer::Array => array(cursor()?, Bson::Document)?,
        Answer::EachField(field) => array(cursor()?, |mut document| document.remove(field).unwrap_or(Bson::Null))?,
        Answer::First => cursor()?.next().transpose()?.map_or(Bson::Null, Bson::Document),
        Answer::FirstField(field) => {
            let first = cursor()?.next().transpose()?;
            first.and_then(|mut document| document.remove(field)).unwrap_or(Bson::Int32(0))
        }
        answer => of_reply(answer, request.is_write(), db.run_command(command).run()?)?,
    };
    Ok(match value {
        Bson::Undefined => Shown::Nothing,
        value => Shown::Value(value),
    })
}

fn array(cursor: CommandCursor<Document>, with: impl Fn(Document) -> Bson) -> Result<Bson, Failure> {
    Ok(Bson::Array(cursor.map(|document| document.map(&with)).collect::<smongo::Result<_>>()?))
}

fn of_reply(answer: &Answer, is_write: bool, mut reply: Document) -> Result<Bson, Failure> {
    if is_write {
        check_writes(&reply)?;
    }
    reply.remove("$clusterTime");
    reply.remove("operationTime");
    let number = |name: &str| reply.get(name).map_or(0, whole);
    let count = |name: &str| Bson::Int64(number(name));
    Ok(match answer {
        Answer::Field(field) => reply.remove(field).unwrap_or(Bson::Null),
        Answer::IndexNames(names, true) => names.first().cloned().map_or(Bson::Null, Bson::String),
        Answer::IndexNames(names, false) => names.iter().cloned().map(Bson::String).collect(),
        Answer::Inserted(ids, true) => {
            Bson::Document(doc! { "acknowledged": true, "insertedId": ids.first().cloned().unwrap_or(Bson::Null) })
        }
        Answer::Inserted(ids, false) => {
            let ids: Document = ids.iter().enumerate().map(|(at, id)| (at.to_string(), id.clone())).collect();
            Bson::Document(doc! { "acknowledged": true, "insertedIds": ids })
        }
        Answer::Updated => {
            let upserted = reply.get_array("upserted").ok().and_then(|upserted| upserted.first());
            let id = upserted.and_then(|upserted| upserted.as_document()?.get("_id").cloned());
            let upserts = i64::from(id.is_some());
            Bson::Document(doc! {
                "acknowledged": true,
                "insertedId": id.unwrap_or(Bson::Null),
                "matchedCount": number("n") - upserts,
                "modifiedCount": count("nModified"),
                "upsertedCount": upserts,
            })
        }
        Answer::Deleted => Bson::Document(doc! { "acknowledged": true, "deletedCount": count("n") }),
        Answer::Bulk => Bson::Document(doc! {
            "acknowledged": true,
            "insertedCount": count("nInserted"),
            "matchedCount": count("nMatched"),
            "modifiedCount": count("nModified"),
            "deletedCount": count("nDeleted"),
            "upsertedCount": count("nUpserted"),
        }),
        _ => Bson::Document(reply),
    })
}

/// A reply to writes tells of those that failed beside its `ok`.
fn check_writes(reply: &Document) -> Result<(), Failure> {
    let errors = reply.get_array("writeErrors").into_iter().flatten();
    // A bulk write lists the result of each operation, failed ones with their code.
    let results = reply.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).into_iter().flatten();
    let failed = |entry: &&Document| entry.get("code").is_some_and(|code| whole(code) != 0);
    let Some(first) = errors.chain(results).filter_map(Bson::as_document).find(failed) else { return Ok(()) };
    let code = i32::try_from(first.get("code").map_or(0, whole)).unwrap_or_default();
    let message = first.get_str("errmsg").unwrap_or("a write failed");
    Err(smongo::Error::new(smongo_vm::Code(code), message).into())
}

/// A number of any type as a whole one.
pub fn whole(value: &Bson) -> i64 {
    match value {
        Bson::Int32(number) => i64::from(*number),
        Bson::Int64(number) => *number,
        // Counts and sizes are far below where a double loses digits.
        Bson::Double(number) => *number as i64,
        _ => 0,
    }
}

impl Request {
    /// Whether the reply tells of single writes that failed.
    fn is_write(&self) -> bool {
        matches!(self.answer, Answer::Inserted(..) | Answer::Updated | Answer::Deleted | Answer::Bulk)
    }
}
