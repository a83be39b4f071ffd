//! `aggregate`.

use std::marker::PhantomData;

use bson::{Bson, Document};
use smongo_vm::value::{DocWriter, RawDoc};

use super::options::{Options, count_setters, in_session, setters, time_limit};
use crate::api::Cursor;
use crate::api::backend::Backend;
use crate::api::convert::{from_doc, to_doc};
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
    backend: Backend,
    /// The source, or why it cannot be one.
    source: Result<Source>,
    pipeline: Vec<Document>,
    options: Options,
    kind: PhantomData<fn() -> T>,
}

impl Aggregate<Document> {
    pub(crate) fn over_collection(backend: &Backend, ns: Result<Namespace>, pipeline: Vec<Document>) -> Self {
        Self::new(backend, ns.map(Source::Collection), pipeline)
    }

    pub(crate) fn over_database(backend: &Backend, db: &str, pipeline: Vec<Document>) -> Self {
        Self::new(backend, Ok(Source::Database(db.to_owned())), pipeline)
    }

    fn new(backend: &Backend, source: Result<Source>, pipeline: Vec<Document>) -> Self {
        Self { backend: backend.clone(), source, pipeline, options: Options::default(), kind: PhantomData }
    }
}

impl<T> Aggregate<T> {
    /// The type of the results.
    pub fn with_type<U>(self) -> Aggregate<U> {
        Aggregate {
            backend: self.backend,
            source: self.source,
            pipeline: self.pipeline,
            options: self.options,
            kind: PhantomData,
        }
    }

    setters! {
        /// An index by name or key pattern, or `{$natural: ±1}`.
        hint(Bson) => "hint";
        /// Variables for the pipeline's expressions.
        let_vars(Document) => "let";
        /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
        collation(Document) => "collation";
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
        /// Whether stages may put aside on disk what does not fit in memory.
        allow_disk_use(bool) => "allowDiskUse";
        /// Whether `$out` and `$merge` leave out the target's validator.
        bypass_document_validation(bool) => "bypassDocumentValidation";
    }

    count_setters! {
        /// How many documents are read at a time.
        batch_size(u32) => "batchSize";
    }

    time_limit!();

    in_session!();

    /// Starts the pipeline. One that ends in `$out` or `$merge` runs to its end and gives nothing.
    pub fn run(self) -> Result<Cursor<T>> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.backend.remote() {
            let options = self.options.for_driver::<mongodb::options::AggregateOptions>()?;
            let cursor = match self.source? {
                Source::Collection(ns) => {
                    let coll = remote.database(ns.db()).collection::<bson::RawDocumentBuf>(ns.coll());
                    coll.aggregate(self.pipeline).with_options(options).with_type::<bson::RawDocumentBuf>().run()?
                }
                Source::Database(db) => {
                    let db = remote.database(&db);
                    db.aggregate(self.pipeline).with_options(options).with_type::<bson::RawDocumentBuf>().run()?
                }
            };
            return Ok(Cursor::over_remote(cursor));
        }
        self.with_request(|request| Cursor::open_aggregate(self.backend.engine()?, &self.options, &request))
    }

    /// The plan of the pipeline with its programs, and from [`Verbosity::ExecutionStats`] on what came of running it.
    pub fn explain(self, verbosity: Verbosity) -> Result<Document> {
        let mut bytes = Vec::new();
        let mut doc = DocWriter::new(&mut bytes);
        self.with_request(|request| {
            let request = ExplainRequest { explained: Explained::Aggregate(request), verbosity };
            self.backend.engine()?.explain(&OpContext::new(), &request, &mut doc)
        })?;
        doc.finish();
        from_doc(RawDoc::from_bytes(&bytes).unwrap_or(RawDoc::EMPTY))
    }

    fn with_request<R>(&self, with: impl FnOnce(AggregateRequest<'_>) -> Result<R>) -> Result<R> {
        let holder = to_doc(&bson::doc! { "pipeline": &self.pipeline })?;
        let pipeline = holder.get("pipeline").and_then(|value| value.as_array()).unwrap_or(RawDoc::EMPTY);
        let options = self.options.bytes()?;
        let base = match self.source.clone()? {
            Source::Collection(ns) => AggregateRequest::new(ns, pipeline),
            Source::Database(db) => AggregateRequest::without_collection(&db, pipeline)?,
        };
        with(AggregateRequest {
            hint: options.value("hint"),
            let_variables: options.doc("let"),
            collation: options.doc("collation"),
            batch_size: Some(self.options.count("batchSize")).filter(|size| *size > 0),
            allow_disk_use: options.value("allowDiskUse").and_then(|allow| allow.as_bool()),
            bypass_document_validation: self.options.flag("bypassDocumentValidation"),
            ..base
        })
    }
}
