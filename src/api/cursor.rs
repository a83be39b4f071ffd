//! The results of a find or of a pipeline, batch by batch.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use smongo_vm::value::{ArrayWriter, DocBuf, RawDoc};

use super::action::options::Options;
use super::convert::from_doc;
use super::session::Within;
use crate::engine::Engine;
use crate::error::Result;
use crate::request::{AggregateRequest, Batched, FindRequest, GetMoreRequest, Namespace, OpContext};

/// An iterator over the documents that a find or a pipeline gives. They are read as they are asked for; dropping the cursor ends
/// the query.
#[derive(Debug)]
pub struct Cursor<T> {
    source: Source,
    kind: PhantomData<fn() -> T>,
}

#[derive(Debug)]
enum Source {
    Local(Batches),
    #[cfg(feature = "remote")]
    Remote(Box<mongodb::sync::Cursor<bson::RawDocumentBuf>>),
}

impl<T> Cursor<T> {
    pub(super) fn open(engine: &Arc<Engine>, options: &Options, request: &FindRequest<'_>) -> Result<Self> {
        let mut batches = Batches::new(engine, options, &request.ns, request.batch_size);
        batches.begin(options.op(), |engine, op, batch| engine.find(op, request, batch).map(Batched::from))?;
        Ok(Self { source: Source::Local(batches), kind: PhantomData })
    }

    pub(super) fn open_aggregate(
        engine: &Arc<Engine>,
        options: &Options,
        request: &AggregateRequest<'_>,
    ) -> Result<Self> {
        let batches = Batches::of_aggregate(engine, options, request)?;
        Ok(Self { source: Source::Local(batches), kind: PhantomData })
    }

    #[cfg(feature = "remote")]
    pub(super) fn over_remote(cursor: mongodb::sync::Cursor<bson::RawDocumentBuf>) -> Self {
        Self { source: Source::Remote(Box::new(cursor)), kind: PhantomData }
    }

    /// The documents as another type. [`bson::RawDocumentBuf`] leaves them as bytes.
    pub fn with_type<U>(self) -> Cursor<U> {
        Cursor { source: self.source, kind: PhantomData }
    }
}

impl<T: DeserializeOwned> Iterator for Cursor<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        match &mut self.source {
            Source::Local(batches) => batches.next_document().transpose().map(|doc| from_doc(doc?)),
            #[cfg(feature = "remote")]
            Source::Remote(cursor) => Some(match cursor.next()? {
                Ok(doc) => super::convert::from_raw(&doc),
                Err(error) => Err(error.into()),
            }),
        }
    }
}

/// The batches of a cursor of the engine.
#[derive(Debug)]
pub(super) struct Batches {
    engine: Arc<Engine>,
    ns: Namespace,
    /// 0 when the present batch is the last.
    id: i64,
    batch_size: Option<u64>,
    /// The session that the cursor belongs to.
    within: Within,
    batch: Vec<u8>,
    /// Where the documents of the batch stand, the next one last.
    documents: Vec<Range<usize>>,
    /// From where another change stream can go on behind the batch.
    resume_token: Option<DocBuf>,
}

impl Batches {
    fn new(engine: &Arc<Engine>, options: &Options, ns: &Namespace, batch_size: Option<u64>) -> Self {
        Self {
            engine: Arc::clone(engine),
            ns: ns.clone(),
            id: 0,
            batch_size,
            within: options.within().clone(),
            batch: Vec::new(),
            documents: Vec::new(),
            resume_token: None,
        }
    }

    /// The batches of a pipeline's results, with the first one.
    pub fn of_aggregate(engine: &Arc<Engine>, options: &Options, request: &AggregateRequest<'_>) -> Result<Self> {
        let mut batches = Self::new(engine, options, &request.ns, request.batch_size);
        batches.begin(options.op(), |engine, op, batch| engine.aggregate(op, request, batch))?;
        Ok(batches)
    }

    /// Asks for the first batch.
    fn begin(
        &mut self,
        op: OpContext,
        ask: impl FnOnce(&Engine, &OpContext, &mut ArrayWriter<'_, Vec<u8>>) -> Result<Batched>,
    ) -> Result<()> {
        let (within, engine, db) = (self.within.clone(), Arc::clone(&self.engine), self.ns.db().to_owned());
        self.fill(|batch| within.run(op, &engine, &db, |op| ask(&engine, op, batch)))
    }

    /// Asks for a further batch.
    fn get_more(&mut self, max_time: Option<Duration>) -> Result<()> {
        let (within, engine) = (self.within.clone(), Arc::clone(&self.engine));
        let (ns, cursor_id, batch_size) = (self.ns.clone(), self.id, self.batch_size);
        let request = GetMoreRequest { ns, cursor_id, batch_size, max_time };
        self.fill(|batch| within.go_on(OpContext::new(), |op| engine.get_more(op, &request, batch)))
    }

    /// Asks for a batch and takes note of where its documents stand.
    fn fill(&mut self, ask: impl FnOnce(&mut ArrayWriter<'_, Vec<u8>>) -> Result<Batched>) -> Result<()> {
        self.batch.clear();
        self.documents.clear();
        let mut batch = ArrayWriter::new(&mut self.batch);
        // Should asking fail, the cursor is of no more use, if it is still there.
        let id = std::mem::take(&mut self.id);
        let batched = ask(&mut batch).inspect_err(|_| {
            if id != 0 {
                self.engine.kill_cursors(&self.ns, &[id]);
            }
        })?;
        self.id = batched.id;
        self.resume_token = batched.resume_token;
        batch.finish();
        let mut elements = RawDoc::from_bytes(&self.batch).unwrap_or(RawDoc::EMPTY).iter();
        while elements.next().is_some() {
            let end = elements.offset();
            self.documents.push(end..end);
        }
        // An element ends with its document, whose length stands at its head.
        let array = RawDoc::from_bytes(&self.batch).unwrap_or(RawDoc::EMPTY);
        for (element, place) in array.iter().zip(&mut self.documents) {
            place.start = place.end - element.raw_payload().len();
        }
        self.documents.reverse();
        Ok(())
    }

    /// The next document's place in the batch; asks for more batches as long as there are any.
    fn advance(&mut self) -> Result<Option<Range<usize>>> {
        loop {
            if let Some(place) = self.documents.pop() {
                return Ok(Some(place));
            }
            if self.id == 0 {
                return Ok(None);
            }
            self.get_more(None)?;
        }
    }

    fn next_document(&mut self) -> Result<Option<&RawDoc>> {
        let Some(place) = self.advance()? else { return Ok(None) };
        Ok(Some(self.document(place)))
    }

    /// Waits for more, where all documents of the batch have been taken, for at most `max_time`.
    pub fn wait_for_more(&mut self, max_time: Duration) -> Result<()> {
        if self.is_empty() && self.id != 0 { self.get_more(Some(max_time)) } else { Ok(()) }
    }

    /// The next document of the batch.
    pub fn take(&mut self) -> Option<&RawDoc> {
        let place = self.documents.pop()?;
        Some(self.document(place))
    }

    fn document(&self, place: Range<usize>) -> &RawDoc {
        self.batch.get(place).and_then(RawDoc::from_bytes).unwrap_or(RawDoc::EMPTY)
    }

    /// Whether there may be more.
    pub fn is_alive(&self) -> bool {
        self.id != 0 || !self.documents.is_empty()
    }

    /// From where another change stream can go on behind the whole batch.
    pub fn resume_token(&self) -> Option<&RawDoc> {
        self.resume_token.as_deref()
    }

    /// Whether all documents of the batch have been taken.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Ends the cursor in the engine, if it has more.
    pub fn kill(&self) {
        if self.id != 0 {
            self.engine.kill_cursors(&self.ns, &[self.id]);
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.kill();
    }
}
