//! What statements of retryable writes came to, in the form in which sessions remember it.

use smongo_vm::value::{OwnedValue, RawDoc, Value};

use crate::request::FindAndModifyReply;
use crate::session::Outcome;
use crate::write::Tally;

/// An update or a delete of one document.
pub(super) fn of_update(n: i32, modified: i32, upserted: Option<Value<'_>>) -> Outcome {
    let outcome = smongo_vm::value::DocBuf::build(|outcome| {
        outcome.value("n", Value::int32(n));
        outcome.value("nModified", Value::int32(modified));
        if let Some(id) = upserted {
            outcome.value("upserted", id);
        }
    });
    Some(outcome)
}

/// The tally of such a statement, and the `_id` of what it inserted.
pub(super) fn updated(outcome: Option<&RawDoc>) -> (Tally, Option<OwnedValue>) {
    let upserted = outcome.and_then(|outcome| outcome.get("upserted")).map(OwnedValue::from);
    let matched = if upserted.is_some() { 0 } else { number(outcome, "n") };
    (Tally { matched, modified: number(outcome, "nModified") }, upserted)
}

/// A `findAndModify`.
pub(super) fn of_find_and_modify(
    value: Option<&RawDoc>,
    matched: i32,
    updated_existing: bool,
    upserted: Option<Value<'_>>,
) -> Outcome {
    let outcome = smongo_vm::value::DocBuf::build(|outcome| {
        outcome.value("matched", Value::int32(matched));
        outcome.value("updatedExisting", Value::bool(updated_existing));
        if let Some(id) = upserted {
            outcome.value("upserted", id);
        }
        if let Some(value) = value {
            outcome.value("value", Value::document(value));
        }
    });
    Some(outcome)
}

/// The reply of such a statement.
pub(super) fn found(outcome: Option<&RawDoc>) -> FindAndModifyReply {
    let field = |name| outcome.and_then(|outcome| outcome.get(name));
    FindAndModifyReply {
        value: field("value").and_then(Value::as_doc).map(Into::into),
        matched: number(outcome, "matched"),
        updated_existing: field("updatedExisting").and_then(Value::as_bool) == Some(true),
        upserted: field("upserted").map(OwnedValue::from),
    }
}

fn number(outcome: Option<&RawDoc>, name: &str) -> u64 {
    let number = outcome.and_then(|outcome| outcome.get(name)).and_then(Value::as_integer);
    number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}
