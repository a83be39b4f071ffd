//! Reply documents: their common end, error replies, write errors, cursors.

use smongo_vm::value::{ArrayWriter, DocWriter, Value};

use crate::error::{Error, Result, WriteError};
use crate::request::Batched;
use crate::session::Scope;

/// A reply document being written into the connection's output buffer.
pub(super) type Reply<'r> = DocWriter<'r, Vec<u8>>;

/// An array of a reply being written.
pub(super) type Batch<'r> = ArrayWriter<'r, Vec<u8>>;

/// Appends what an error reply says.
pub(super) fn error(reply: &mut Reply<'_>, error: &Error) {
    reply.value("ok", Value::double(0.0));
    reply.string("errmsg", error.message());
    reply.value("code", Value::int32(error.code()));
    reply.string("codeName", &error.code_name());
    if let Some(details) = error.details() {
        reply.elements_of(details);
    }
    if error.labels().len() > 0 {
        reply.array("errorLabels", |labels| {
            for label in error.labels() {
                labels.value(Value::string(label));
            }
        });
    }
}

/// Appends `writeErrors`, if there are any.
pub(super) fn write_errors(reply: &mut Reply<'_>, errors: &[WriteError]) {
    if errors.is_empty() {
        return;
    }
    reply.array("writeErrors", |array| {
        for error in errors {
            array.document(|entry| {
                entry.value("index", Value::integer(i64::from(error.index)));
                entry.value("code", Value::int32(error.code));
                entry.string("errmsg", &error.message);
                if let Some(details) = &error.details {
                    entry.elements_of(details);
                }
            });
        }
    });
}

/// Appends `cursor`: a batch under `batch_name` that `fill` writes, giving the cursor's id, and the namespace.
pub(super) fn cursor<B: Into<Batched>>(
    reply: &mut Reply<'_>,
    batch_name: &str,
    namespace: &str,
    fill: impl FnOnce(&mut Batch<'_>) -> Result<B>,
) -> Result<i64> {
    cursor_at(reply, batch_name, namespace, &Scope::Alone, fill)
}

/// [`cursor`], with the time of the moment that `scope` says is read.
pub(super) fn cursor_at<B: Into<Batched>>(
    reply: &mut Reply<'_>,
    batch_name: &str,
    namespace: &str,
    scope: &Scope,
    fill: impl FnOnce(&mut Batch<'_>) -> Result<B>,
) -> Result<i64> {
    reply.document("cursor", |cursor| {
        let Batched { id, resume_token } = cursor.array(batch_name, fill)?.into();
        if let Some(token) = &resume_token {
            cursor.value("postBatchResumeToken", Value::document(token));
        }
        if let Scope::Snapshot(snapshot) = scope {
            cursor.value("atClusterTime", Value::timestamp(snapshot.time()));
        }
        cursor.value("id", Value::int64(id));
        cursor.string("ns", namespace);
        Ok(id)
    })
}

/// A count as the integer type that mongod gives for it: int32 where it fits.
pub(super) fn count(n: u64) -> Value<'static> {
    Value::integer(signed(n))
}

/// A count as an int64.
pub(super) fn long(n: u64) -> Value<'static> {
    Value::int64(signed(n))
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
