//! `aggregate`.

use std::marker::PhantomData;
use std::sync::Arc;

use bson::{Bson, Document};
use smongo_vm::value::{DocBuf, DocWriter, RawDoc};

use crate::api::Cursor;
use crate::api::convert::{from_doc, to_doc, to_optional_doc};
use crate::engine::Engine;
use crate::error::Result;
use crate::request::{AggregateRequest, ExplainRequest, Explained, Namespace, OpContext, Verbosity};

/// What a pipeline runs on.
#[derive(Clone, Debug)]
enum Source {
    Collection(Namespace),
    Database(String),
}

/// Runs a pipeline. Its results are of type `T`.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Aggregate<T> {
    engine: Arc<Engine>,
    /// The source, or why it cannot be one.
    source: Result<Source>,
    pipeline: Vec<Document>,
    hint: Option<Bson>,
    let_variables: Option<Document>,
    collation: Option<Document>,
    batch_size: Option<u64>,
    allow_disk_use: Option<bool>,
    bypass_document_validation: bool,
    max_time_ms: u64,
    kind: PhantomData<fn() -> T>,
}

impl Aggregate<Document> {
    pub(crate) fn over_collection(engine: &Arc<Engine>, ns: Result<Namespace>, pipeline: Vec<Document>) -> Self {
        Self::new(engine, ns.map(Source::Collection), pipeline)
    }

    pub(crate) fn over_database(engine: &Arc<Engine>, db: &str, pipeline: Vec<Document>) -> Self {
        Self::new(engine, Ok(Source::Database(db.to_owned())), pipeline)
    }

    fn new(engine: &Arc<Engine>, source: Result<Source>, pipeline: Vec<Document>) -> Self {
        Self {
            engine: Arc::clone(engine),
            source,
            pipeline,
            hint: None,
            let_variables: None,
            collation: None,
            batch_size: None,
            allow_disk_use: None,
            bypass_document_validation: false,
            max_time_ms: 0,
            kind: PhantomData,
        }
    }
}

impl<T> Aggregate<T> {
    /// The type of the results.
    pub fn with_type<U>(self) -> Aggregate<U> {
        Aggregate {
            engine: self.engine,
            source: self.source,
            pipeline: self.pipeline,
            hint: self.hint,
            let_variables: self.let_variables,
            collation: self.collation,
            batch_size: self.batch_size,
            allow_disk_use: self.allow_disk_use,
            bypass_document_validation: self.bypass_document_validation,
            max_time_ms: self.max_time_ms,
            kind: PhantomData,
        }
    }

    /// An index by name or key pattern, or `{$natural: ±1}`.
    pub fn hint(mut self, hint: impl Into<Bson>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Variables for the pipeline's expressions.
    pub fn let_vars(mut self, variables: Document) -> Self {
        self.let_variables = Some(variables);
        self
    }

    /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
    pub fn collation(mut self, collation: Document) -> Self {
        self.collation = Some(collation);
        self
    }

    /// How many documents are read at a time.
    pub fn batch_size(mut self, documents: u32) -> Self {
        self.batch_size = Some(u64::from(documents));
        self
    }

    /// Whether stages may put aside on disk what does not fit in memory.
    pub fn allow_disk_use(mut self, allow: bool) -> Self {
        self.allow_disk_use = Some(allow);
        self
    }

    /// Whether `$out` and `$merge` leave out the target's validator.
    pub fn bypass_document_validation(mut self, bypass: bool) -> Self {
        self.bypass_document_validation = bypass;
        self
    }

    /// The longest the first batch may take; 0 is forever.
    pub fn max_time_ms(mut self, millis: u64) -> Self {
        self.max_time_ms = millis;
        self
    }

    /// Starts the pipeline. One that ends in `$out` or `$merge` runs to its end and gives nothing.
    pub fn run(self) -> Result<Cursor<T>> {
        let op = OpContext::new().max_time_ms(self.max_time_ms);
        self.with_request(|request| Cursor::open_aggregate(&self.engine, &op, &request))
    }

    /// The plan of the pipeline with its programs, and from [`Verbosity::ExecutionStats`] on what came of running it.
    pub fn explain(self, verbosity: Verbosity) -> Result<Document> {
        let mut bytes = Vec::new();
        let mut doc = DocWriter::new(&mut bytes);
        self.with_request(|request| {
            let request = ExplainRequest { explained: Explained::Aggregate(request), verbosity };
            self.engine.explain(&OpContext::new(), &request, &mut doc)
        })?;
        doc.finish();
        from_doc(RawDoc::from_bytes(&bytes).unwrap_or(RawDoc::EMPTY))
    }

    fn with_request<R>(&self, with: impl FnOnce(AggregateRequest<'_>) -> Result<R>) -> Result<R> {
        let holder = to_doc(&bson::doc! { "pipeline": &self.pipeline })?;
        let pipeline = holder.get("pipeline").and_then(|value| value.as_array()).unwrap_or(RawDoc::EMPTY);
        let let_variables = to_optional_doc(self.let_variables.as_ref())?;
        let collation = to_optional_doc(self.collation.as_ref())?;
        let hint = self.hint.as_ref().map(|hint| to_doc(&bson::doc! { "hint": hint })).transpose()?;
        let base = match self.source.clone()? {
            Source::Collection(ns) => AggregateRequest::new(ns, pipeline),
            Source::Database(db) => AggregateRequest::without_collection(&db, pipeline)?,
        };
        with(AggregateRequest {
            hint: hint.as_ref().and_then(|holder| holder.get("hint")),
            let_variables: let_variables.as_ref().map(DocBuf::as_doc),
            collation: collation.as_ref().map(DocBuf::as_doc),
            batch_size: self.batch_size.filter(|size| *size > 0),
            allow_disk_use: self.allow_disk_use,
            bypass_document_validation: self.bypass_document_validation,
            ..base
        })
    }
}
