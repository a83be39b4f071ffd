//! The results of a find or of a pipeline, batch by batch.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use smongo_vm::value::{ArrayWriter, RawDoc};

use super::convert::from_doc;
use crate::engine::Engine;
use crate::error::Result;
use crate::request::{AggregateRequest, FindRequest, GetMoreRequest, Namespace, OpContext};

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
    pub(super) fn open(engine: &Arc<Engine>, op: &OpContext, request: &FindRequest<'_>) -> Result<Self> {
        let mut batches = Batches::new(engine, &request.ns, request.batch_size);
        batches.fill(|engine, batch| engine.find(op, request, batch))?;
        Ok(Self { source: Source::Local(batches), kind: PhantomData })
    }

    pub(super) fn open_aggregate(engine: &Arc<Engine>, op: &OpContext, request: &AggregateRequest<'_>) -> Result<Self> {
        let mut batches = Batches::new(engine, &request.ns, request.batch_size);
        batches.fill(|engine, batch| engine.aggregate(op, request, batch).map(|batched| batched.id))?;
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
struct Batches {
    engine: Arc<Engine>,
    ns: Namespace,
    /// 0 when the present batch is the last.
    id: i64,
    batch_size: Option<u64>,
    batch: Vec<u8>,
    /// Where the documents of the batch stand, the next one last.
    documents: Vec<Range<usize>>,
}

impl Batches {
    fn new(engine: &Arc<Engine>, ns: &Namespace, batch_size: Option<u64>) -> Self {
        Self { engine: Arc::clone(engine), ns: ns.clone(), id: 0, batch_size, batch: Vec::new(), documents: Vec::new() }
    }

    /// Asks for a batch and takes note of where its documents stand.
    fn fill(&mut self, ask: impl FnOnce(&Engine, &mut ArrayWriter<'_, Vec<u8>>) -> Result<i64>) -> Result<()> {
        self.batch.clear();
        let mut batch = ArrayWriter::new(&mut self.batch);
        // Should asking fail, the cursor is gone.
        self.id = 0;
        self.id = ask(&self.engine, &mut batch)?;
        batch.finish();
        let mut elements = RawDoc::from_bytes(&self.batch).unwrap_or(RawDoc::EMPTY).iter();
        self.documents.clear();
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
            let (ns, cursor_id, batch_size) = (self.ns.clone(), self.id, self.batch_size);
            let request = GetMoreRequest { ns, cursor_id, batch_size, max_time: None };
            self.fill(|engine, batch| engine.get_more(&OpContext::new(), &request, batch).map(|batched| batched.id))?;
        }
    }

    fn next_document(&mut self) -> Result<Option<&RawDoc>> {
        let Some(place) = self.advance()? else { return Ok(None) };
        Ok(Some(self.batch.get(place).and_then(RawDoc::from_bytes).unwrap_or(RawDoc::EMPTY)))
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        if self.id != 0 {
            self.engine.kill_cursors(&self.ns, &[self.id]);
        }
    }
}
