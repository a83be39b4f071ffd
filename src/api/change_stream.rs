//! Change streams: changes as they happen.

pub mod event;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document, doc};
use serde::de::DeserializeOwned;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc};

use self::event::ResumeToken;
use super::action::options::Options;
use super::convert::{from_doc, to_doc};
use super::cursor::Batches;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::request::{AggregateRequest, Namespace};

/// How long an iteration waits at a time. Between, nothing is held.
const WAIT: Duration = Duration::from_secs(1);

/// The options that say where a stream begins, in the order in which they are looked at.
const BEGINNINGS: [&str; 3] = ["startAfter", "resumeAfter", "startAtOperationTime"];

/// The options of a stream that are arguments of its stage; the others are the pipeline's.
const OF_STAGE: [&str; 6] = [
    "fullDocument",
    "fullDocumentBeforeChange",
    "resumeAfter",
    "showExpandedEvents",
    "startAfter",
    "startAtOperationTime",
];

/// What is watched.
#[derive(Clone, Debug)]
pub(crate) enum Watched {
    /// A collection, by the names of its database and its own.
    Collection(String, String),
    Database(String),
    Everything,
}

/// What a stream is opened with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub watched: Watched,
    pub pipeline: Vec<Document>,
    pub options: Options,
}

/// Changes as they happen. Iterating waits for the next one, until the stream ends.
///
/// ```
/// # fn main() -> smongo::Result<()> {
/// use smongo::bson::{Document, doc};
/// use smongo::change_stream::event::OperationType;
///
/// let client = smongo::Client::in_memory()?;
/// let films = client.database("cinema").collection::<Document>("films");
/// let mut changes = films.watch().run()?;
/// films.insert_one(doc! { "_id": 1, "title": "Metropolis" }).run()?;
/// if let Some(change) = changes.next().transpose()? {
///     assert_eq!(change.operation_type, OperationType::Insert);
///     assert_eq!(change.document_key, Some(doc! { "_id": 1 }));
/// }
/// // Another stream, later, goes on from here.
/// let token = changes.resume_token();
/// films.delete_one(doc! { "_id": 1 }).run()?;
/// let mut later = films.watch().resume_after(token).run()?;
/// assert_eq!(later.next().transpose()?.map(|change| change.operation_type), Some(OperationType::Delete));
/// # Ok(())
/// # }
/// ```
pub struct ChangeStream<T> {
    source: Source,
    kind: PhantomData<fn() -> T>,
}

enum Source {
    Local(Box<LocalStream>),
    #[cfg(feature = "remote")]
    Remote(Box<mongodb::sync::ChangeStream<bson::RawDocumentBuf>>),
}

impl<T> ChangeStream<T> {
    pub(super) fn open(engine: &Arc<Engine>, opening: Opening, max_await: Option<Duration>) -> Result<Self> {
        let stream = LocalStream::open(engine, opening, max_await.unwrap_or(WAIT))?;
        Ok(Self { source: Source::Local(Box::new(stream)), kind: PhantomData })
    }

    #[cfg(feature = "remote")]
    pub(super) fn over_remote(stream: mongodb::sync::ChangeStream<bson::RawDocumentBuf>) -> Self {
        Self { source: Source::Remote(Box::new(stream)), kind: PhantomData }
    }

    /// The events as another type, which a pipeline may have made of them.
    pub fn with_type<U>(self) -> ChangeStream<U> {
        ChangeStream { source: self.source, kind: PhantomData }
    }

    /// Where another stream can go on: behind the last event that was taken, or further where nothing else has happened.
    pub fn resume_token(&self) -> Option<ResumeToken> {
        match &self.source {
            Source::Local(stream) => stream.resume_token(),
            #[cfg(feature = "remote")]
            Source::Remote(stream) => {
                // A token of the driver is a document.
                stream.resume_token().and_then(|token| super::convert::to_document(&token).ok()).map(ResumeToken)
            }
        }
    }

    /// Whether there may be more.
    pub fn is_alive(&self) -> bool {
        match &self.source {
            Source::Local(stream) => stream.batches.is_alive(),
            #[cfg(feature = "remote")]
            Source::Remote(stream) => stream.is_alive(),
        }
    }
}

impl<T: DeserializeOwned> ChangeStream<T> {
    /// The next event, if there is one within the time that the stream waits for.
    pub fn next_if_any(&mut self) -> Result<Option<T>> {
        match &mut self.source {
            Source::Local(stream) => stream.next_if_any()?.map(from_doc).transpose(),
            #[cfg(feature = "remote")]
            Source::Remote(stream) => stream.next_if_any()?.map(|event| super::convert::from_raw(&event)).transpose(),
        }
    }
}

impl<T: DeserializeOwned> Iterator for ChangeStream<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_if_any() {
                Ok(None) if self.is_alive() => {}
                outcome => return outcome.transpose(),
            }
        }
    }
}

impl<T> fmt::Debug for ChangeStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeStream").field("is_alive", &self.is_alive()).finish_non_exhaustive()
    }
}

/// A stream of a store that is open here.
struct LocalStream {
    engine: Arc<Engine>,
    opening: Opening,
    batches: Batches,
    max_await: Duration,
    /// The token of the last event that was taken, or of the one that the stream began behind.
    taken: Option<DocBuf>,
}

impl LocalStream {
    fn open(engine: &Arc<Engine>, opening: Opening, max_await: Duration) -> Result<Self> {
        let batches = opening.open(engine)?;
        let options = opening.options.bytes()?;
        let taken = options.doc("startAfter").or_else(|| options.doc("resumeAfter")).map(DocBuf::from);
        Ok(Self { engine: Arc::clone(engine), opening, batches, max_await, taken })
    }

    fn next_if_any(&mut self) -> Result<Option<&RawDoc>> {
        match self.batches.wait_for_more(self.max_await) {
            // A cursor that nobody asks for long is ended.
            Err(error) if error.code() == Code::CURSOR_NOT_FOUND.0 => self.resume(error)?,
            outcome => outcome?,
        }
        let Some(event) = self.batches.take() else { return Ok(None) };
        self.taken = event.get("_id").and_then(|token| token.as_doc()).map(DocBuf::from);
        Ok(Some(event))
    }

    /// Opens the stream again where it was; fails as it did where it has no token.
    fn resume(&mut self, error: Error) -> Result<()> {
        let ResumeToken(token) = self.resume_token().ok_or(error)?;
        let options = &mut self.opening.options;
        let starts_after = options.document().contains_key("startAfter");
        BEGINNINGS.iter().for_each(|beginning| options.remove(beginning));
        // Of the two only this one goes on behind the end of another stream.
        options.set(if starts_after { "startAfter" } else { "resumeAfter" }, token);
        self.batches = self.opening.open(&self.engine)?;
        Ok(())
    }

    fn resume_token(&self) -> Option<ResumeToken> {
        let behind_batch = self.batches.resume_token().filter(|_| self.batches.is_empty());
        let token = behind_batch.or(self.taken.as_deref())?;
        from_doc(token).ok().map(ResumeToken)
    }
}

impl Opening {
    fn open(&self, engine: &Arc<Engine>) -> Result<Batches> {
        let of_stage =
            |(name, value): (&String, &Bson)| OF_STAGE.contains(&name.as_str()).then(|| (name.clone(), value.clone()));
        let mut spec: Document = self.options.document().iter().filter_map(of_stage).collect();
        if matches!(self.watched, Watched::Everything) {
            spec.insert("allChangesForCluster", true);
        }
        let mut stages = vec![doc! { "$changeStream": spec }];
        stages.extend_from_slice(&self.pipeline);
        let holder = to_doc(&doc! { "pipeline": stages })?;
        let pipeline = holder.get("pipeline").and_then(|value| value.as_array()).unwrap_or(RawDoc::EMPTY);
        let base = match &self.watched {
            Watched::Collection(db, coll) => AggregateRequest::new(Namespace::new(db, coll)?, pipeline),
            Watched::Database(db) => AggregateRequest::without_collection(db, pipeline)?,
            Watched::Everything => AggregateRequest::without_collection("admin", pipeline)?,
        };
        let options = self.options.bytes()?;
        let batch_size = Some(self.options.count("batchSize")).filter(|size| *size > 0);
        let request = AggregateRequest { batch_size, collation: options.doc("collation"), ..base };
        Batches::of_aggregate(engine, &self.options, &request)
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::event::{ChangeStreamEvent, OperationType};
    use super::*;
    use crate::Client;

    /// The drivers' change stream specification, "Resumable Error": `CursorNotFound` is one.
    #[test]
    fn a_stream_outlives_its_cursor() {
        let client = Client::in_memory().unwrap();
        let items = client.database("db").collection::<Document>("items");
        let mut stream = items.watch().batch_size(1).max_await_time(Duration::from_millis(1)).run().unwrap();
        let next = |stream: &mut ChangeStream<ChangeStreamEvent<Document>>| {
            stream.next_if_any().unwrap().and_then(|event| event.full_document)
        };
        let kill = |stream: &ChangeStream<ChangeStreamEvent<Document>>| match &stream.source {
            Source::Local(stream) => stream.batches.kill(),
            #[cfg(feature = "remote")]
            Source::Remote(_) => unreachable!("the store is open here"),
        };
        kill(&stream);
        items.insert_many([doc! { "_id": 1 }, doc! { "_id": 2 }]).run().unwrap();
        assert_eq!(next(&mut stream), Some(doc! { "_id": 1 }));
        kill(&stream);
        assert_eq!(next(&mut stream), Some(doc! { "_id": 2 }));
        kill(&stream);
        assert_eq!(next(&mut stream), None);
        items.drop().run().unwrap();
        let kinds: Vec<_> = stream.by_ref().map(|event| event.unwrap().operation_type).collect();
        assert_eq!(kinds, [OperationType::Drop, OperationType::Invalidate]);
        assert!(!stream.is_alive());
    }
}
