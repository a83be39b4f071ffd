//! `watch`: change streams.

use std::marker::PhantomData;
use std::time::Duration;

use bson::{Bson, Document, Timestamp};

use super::options::{Options, count_setters, setters};
use crate::api::backend::Backend;
use crate::api::change_stream::event::{ChangeStreamEvent, ResumeToken};
use crate::api::change_stream::{ChangeStream, Opening, Watched};
use crate::api::options::{FullDocumentBeforeChangeType, FullDocumentType};
use crate::error::Result;

/// Watches changes. Documents in events are of type `T`.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Watch<'a, T = Document> {
    backend: &'a Backend,
    watched: Watched,
    pipeline: Vec<Document>,
    options: Options,
    max_await: Option<Duration>,
    kind: PhantomData<fn() -> T>,
}

impl<'a, T> Watch<'a, T> {
    pub(crate) fn new(backend: &'a Backend, watched: Watched) -> Self {
        let (pipeline, options) = (Vec::new(), Options::default());
        Self { backend, watched, pipeline, options, max_await: None, kind: PhantomData }
    }

    /// Stages that run on the events.
    pub fn pipeline(mut self, pipeline: impl IntoIterator<Item = Document>) -> Self {
        self.pipeline = pipeline.into_iter().collect();
        self
    }

    /// Which documents updates come with.
    pub fn full_document(mut self, which: FullDocumentType) -> Self {
        self.options.set("fullDocument", which.as_str());
        self
    }

    /// Whether events come with the document as it was.
    pub fn full_document_before_change(mut self, which: FullDocumentBeforeChangeType) -> Self {
        self.options.set("fullDocumentBeforeChange", which.as_str());
        self
    }

    /// Begins behind an event.
    pub fn resume_after(mut self, token: impl Into<Option<ResumeToken>>) -> Self {
        if let Some(token) = token.into() {
            self.options.set("resumeAfter", token.0);
        }
        self
    }

    /// Begins behind an event, which may have ended its stream.
    pub fn start_after(mut self, token: ResumeToken) -> Self {
        self.options.set("startAfter", token.0);
        self
    }

    setters! {
        /// Begins with what happened at a cluster time.
        start_at_operation_time(Timestamp) => "startAtOperationTime";
        /// Whether changes of collections and indexes are told too.
        show_expanded_events(bool) => "showExpandedEvents";
        /// How strings compare in the pipeline.
        collation(Document) => "collation";
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
    }

    count_setters! {
        /// How many events are read at a time.
        batch_size(u32) => "batchSize";
    }

    /// How long [`ChangeStream::next_if_any`] waits; 1 s otherwise.
    pub fn max_await_time(mut self, time: Duration) -> Self {
        self.max_await = Some(time);
        self
    }

    /// Opens the stream. What happens from here on is told, also before it is iterated.
    ///
    /// # Errors
    ///
    /// What is wrong with the pipeline or a token; `ChangeStreamHistoryLost` where the log does not reach back.
    pub fn run(self) -> Result<ChangeStream<ChangeStreamEvent<T>>> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.backend.remote() {
            let mut options = self.options.for_driver::<mongodb::options::ChangeStreamOptions>()?;
            options.max_await_time = self.max_await;
            let client = remote.client();
            // The driver's builders borrow what they watch.
            let stream = match &self.watched {
                Watched::Collection(db, coll) => {
                    let coll = client.database(db).collection::<bson::RawDocumentBuf>(coll);
                    coll.watch().pipeline(self.pipeline).with_options(options).run()?.with_type()
                }
                Watched::Database(db) => {
                    client.database(db).watch().pipeline(self.pipeline).with_options(options).run()?.with_type()
                }
                Watched::Everything => client.watch().pipeline(self.pipeline).with_options(options).run()?.with_type(),
            };
            return Ok(ChangeStream::over_remote(stream));
        }
        let opening = Opening { watched: self.watched, pipeline: self.pipeline, options: self.options };
        ChangeStream::open(self.backend.engine()?, opening, self.max_await)
    }
}
