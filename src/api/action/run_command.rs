//! `run_command` and `run_cursor_command`: what is said to a server, said as a document.

use std::marker::PhantomData;

use bson::{Document, RawDocumentBuf};
use serde::de::DeserializeOwned;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::api::backend::{Backend, Series};
use crate::api::convert::from_doc;
use crate::error::{Error, Result};

/// Runs a command document.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct RunCommand<'a> {
    backend: &'a Backend,
    db: &'a str,
    command: Result<DocBuf>,
}

impl<'a> RunCommand<'a> {
    pub(crate) fn new(backend: &'a Backend, db: &'a str, command: Result<DocBuf>) -> Self {
        Self { backend, db, command }
    }

    /// Runs the command and gives its reply; a reply that is an error is one here. Writes that failed in part stand in
    /// the reply.
    pub fn run(self) -> Result<Document> {
        from_doc(&self.backend.run_command(self.db, &self.command?)?)
    }

    /// [`run`](Self::run), with the reply in bytes.
    pub fn run_raw(self) -> Result<RawDocumentBuf> {
        to_raw(&self.backend.run_command(self.db, &self.command?)?)
    }
}

/// Runs a command that gives a cursor.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct RunCursorCommand<'a> {
    backend: &'a Backend,
    db: &'a str,
    command: Result<DocBuf>,
    batch_size: Option<u32>,
}

impl<'a> RunCursorCommand<'a> {
    pub(crate) fn new(backend: &'a Backend, db: &'a str, command: Result<DocBuf>) -> Self {
        Self { backend, db, command, batch_size: None }
    }

    /// How many documents further batches have.
    pub fn batch_size(mut self, documents: u32) -> Self {
        self.batch_size = Some(documents);
        self
    }

    /// Runs the command.
    pub fn run(self) -> Result<CommandCursor<Document>> {
        CommandCursor::open(self.backend, self.db, &self.command?, self.batch_size)
    }
}

/// An iterator over what a command's cursor gives. Dropping it ends the cursor.
#[derive(Debug)]
pub struct CommandCursor<T> {
    batches: Batches,
    kind: PhantomData<fn() -> T>,
}

impl<T> CommandCursor<T> {
    /// Runs a command that gives a cursor.
    pub(super) fn open(backend: &Backend, db: &str, command: &RawDoc, batch_size: Option<u32>) -> Result<Self> {
        Ok(Self::open_with_reply(backend, db, command, batch_size)?.1)
    }

    /// [`open`](Self::open), with the reply, for commands that tell more than a cursor.
    pub(super) fn open_with_reply(
        backend: &Backend,
        db: &str,
        command: &RawDoc,
        batch_size: Option<u32>,
    ) -> Result<(DocBuf, Self)> {
        let mut commands = Series::new(backend)?;
        let reply = commands.run(db, command)?;
        let mut batches = Batches {
            commands,
            db: db.to_owned(),
            coll: String::new(),
            id: 0,
            batch_size,
            batch: Vec::new().into_iter(),
        };
        batches.fill(&reply)?;
        Ok((reply, Self { batches, kind: PhantomData }))
    }

    /// The same documents as another type; [`RawDocumentBuf`] leaves them as bytes.
    pub fn with_type<U>(self) -> CommandCursor<U> {
        CommandCursor { batches: self.batches, kind: PhantomData }
    }

    /// Whether there are documents that have been read already, so that asking for the next one does not wait.
    pub fn has_buffered(&self) -> bool {
        self.batches.batch.len() > 0
    }

    /// Whether there may be more batches.
    pub fn is_open(&self) -> bool {
        self.batches.id != 0
    }
}

impl<T: DeserializeOwned> Iterator for CommandCursor<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        self.batches.advance().transpose().map(|doc| from_doc(&doc?))
    }
}

/// The batches of a command's cursor.
#[derive(Debug)]
struct Batches {
    commands: Series,
    db: String,
    /// The collection that the cursor belongs to, for `getMore`.
    coll: String,
    /// 0 when the present batch is the last.
    id: i64,
    batch_size: Option<u32>,
    batch: std::vec::IntoIter<DocBuf>,
}

impl Batches {
    /// Takes a batch from a reply.
    fn fill(&mut self, reply: &RawDoc) -> Result<()> {
        let no_cursor = || Error::new(Code::BAD_VALUE, "the command's reply has no cursor");
        let cursor = reply.get("cursor").and_then(|cursor| cursor.as_doc()).ok_or_else(no_cursor)?;
        let batch = cursor.get("firstBatch").or_else(|| cursor.get("nextBatch"));
        let batch = batch.and_then(|batch| batch.as_array()).ok_or_else(no_cursor)?;
        self.id = cursor.get("id").and_then(|id| id.as_integer()).ok_or_else(no_cursor)?;
        let ns = cursor.get("ns").and_then(|ns| ns.as_str()).unwrap_or_default();
        self.coll = ns.split_once('.').map_or_else(String::new, |(_, coll)| coll.to_owned());
        let documents: Vec<DocBuf> = batch.values().filter_map(|value| Some(value.as_doc()?.into())).collect();
        self.batch = documents.into_iter();
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<DocBuf>> {
        loop {
            if let Some(doc) = self.batch.next() {
                return Ok(Some(doc));
            }
            // Should asking fail, the cursor is gone.
            let id = std::mem::take(&mut self.id);
            if id == 0 {
                return Ok(None);
            }
            let command = DocBuf::build(|doc| {
                doc.value("getMore", Value::int64(id));
                doc.string("collection", &self.coll);
                if let Some(size) = self.batch_size {
                    doc.value("batchSize", Value::int64(size.into()));
                }
            });
            let reply = self.commands.run(&self.db, &command)?;
            self.fill(&reply)?;
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        if self.id == 0 {
            return;
        }
        let command = DocBuf::build(|doc| {
            doc.string("killCursors", &self.coll);
            doc.array("cursors", |cursors| cursors.value(Value::int64(self.id)));
        });
        // A cursor that cannot be ended now times out.
        let _ = self.commands.run(&self.db, &command);
    }
}

fn to_raw(doc: &RawDoc) -> Result<RawDocumentBuf> {
    RawDocumentBuf::from_bytes(doc.as_bytes().to_vec())
        .map_err(|error| Error::new(Code::INVALID_BSON, error.to_string()))
}
