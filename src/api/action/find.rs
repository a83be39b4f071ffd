//! `find`.

use bson::{Bson, Document};
use smongo_vm::value::{DocBuf, DocWriter, RawDoc};

use crate::api::convert::{from_doc, to_doc, to_optional_doc};
use crate::api::{Collection, Cursor};
use crate::error::Result;
use crate::request::{ExplainRequest, Explained, FindRequest, OpContext, Verbosity};

/// Finds documents.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Find<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    projection: Option<Document>,
    sort: Option<Document>,
    hint: Option<Bson>,
    let_variables: Option<Document>,
    collation: Option<Document>,
    skip: u64,
    limit: u64,
    batch_size: Option<u64>,
    show_record_id: bool,
    allow_disk_use: Option<bool>,
    max_time_ms: u64,
}

impl<'a, T: Send + Sync> Find<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self {
            coll,
            filter,
            projection: None,
            sort: None,
            hint: None,
            let_variables: None,
            collation: None,
            skip: 0,
            limit: 0,
            batch_size: None,
            show_record_id: false,
            allow_disk_use: None,
            max_time_ms: 0,
        }
    }

    /// Which fields are given.
    pub fn projection(mut self, projection: Document) -> Self {
        self.projection = Some(projection);
        self
    }

    /// The order.
    pub fn sort(mut self, sort: Document) -> Self {
        self.sort = Some(sort);
        self
    }

    /// An index by name or key pattern, or `{$natural: ±1}`.
    pub fn hint(mut self, hint: impl Into<Bson>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Variables for `$expr`.
    pub fn let_vars(mut self, variables: Document) -> Self {
        self.let_variables = Some(variables);
        self
    }

    /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
    pub fn collation(mut self, collation: Document) -> Self {
        self.collation = Some(collation);
        self
    }

    /// Whether a sort may use temporary files beyond its memory limit. The engine's default otherwise, which is to do so.
    pub fn allow_disk_use(mut self, allow: bool) -> Self {
        self.allow_disk_use = Some(allow);
        self
    }

    /// How many matches are left out.
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// At most how many documents are given; 0 is all.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// How many documents are read at a time.
    pub fn batch_size(mut self, documents: u32) -> Self {
        self.batch_size = Some(u64::from(documents));
        self
    }

    /// Adds `$recordId` to each document.
    pub fn show_record_id(mut self, show: bool) -> Self {
        self.show_record_id = show;
        self
    }

    /// The longest the first batch may take; 0 is forever.
    pub fn max_time_ms(mut self, millis: u64) -> Self {
        self.max_time_ms = millis;
        self
    }

    /// Starts the find.
    pub fn run(self) -> Result<Cursor<T>> {
        let op = OpContext::new().max_time_ms(self.max_time_ms);
        self.with_request(|request| Cursor::open(self.coll.engine(), &op, &request))
    }

    /// The plan of the find with its programs, and from [`Verbosity::ExecutionStats`] on what came of running it.
    pub fn explain(self, verbosity: Verbosity) -> Result<Document> {
        let mut bytes = Vec::new();
        let mut doc = DocWriter::new(&mut bytes);
        self.with_request(|request| {
            let request = ExplainRequest { explained: Explained::Find(request), verbosity };
            self.coll.engine().explain(&OpContext::new(), &request, &mut doc)
        })?;
        doc.finish();
        from_doc(RawDoc::from_bytes(&bytes).unwrap_or(RawDoc::EMPTY))
    }

    fn with_request<R>(&self, with: impl FnOnce(FindRequest<'_>) -> Result<R>) -> Result<R> {
        let filter = to_doc(&self.filter)?;
        let projection = to_optional_doc(self.projection.as_ref())?;
        let sort = to_optional_doc(self.sort.as_ref())?;
        let let_variables = to_optional_doc(self.let_variables.as_ref())?;
        let collation = to_optional_doc(self.collation.as_ref())?;
        let hint = self.hint.as_ref().map(|hint| to_doc(&bson::doc! { "hint": hint })).transpose()?;
        with(FindRequest {
            filter: &filter,
            projection: projection.as_ref().map(DocBuf::as_doc),
            sort: sort.as_ref().map(DocBuf::as_doc),
            hint: hint.as_ref().and_then(|holder| holder.get("hint")),
            let_variables: let_variables.as_ref().map(DocBuf::as_doc),
            collation: collation.as_ref().map(DocBuf::as_doc),
            skip: self.skip,
            limit: (self.limit > 0).then_some(self.limit),
            batch_size: self.batch_size.filter(|size| *size > 0),
            show_record_id: self.show_record_id,
            allow_disk_use: self.allow_disk_use,
            no_cursor_timeout: true,
            ..FindRequest::new(self.coll.namespace()?)
        })
    }
}
