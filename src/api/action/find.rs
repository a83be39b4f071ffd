//! `find`.

use bson::{Bson, Document};
use smongo_vm::value::{DocWriter, RawDoc};

use super::options::{Options, count_setters, in_session, setters, time_limit};
use crate::api::convert::{from_doc, to_doc};
use crate::api::{Collection, Cursor};
use crate::error::Result;
use crate::request::{ExplainRequest, Explained, FindRequest, OpContext, Verbosity};

/// Finds documents.
#[must_use = "nothing happens before `run`"]
#[derive(Debug)]
pub struct Find<'a, T: Send + Sync> {
    coll: &'a Collection<T>,
    filter: Document,
    options: Options,
    /// Whether one document is wanted.
    single: bool,
}

impl<'a, T: Send + Sync> Find<'a, T> {
    pub(crate) fn new(coll: &'a Collection<T>, filter: Document) -> Self {
        Self { coll, filter, options: Options::default(), single: false }
    }

    /// At most one document.
    pub(super) fn single(mut self) -> Self {
        self.single = true;
        self
    }

    setters! {
        /// Which fields are given.
        projection(Document) => "projection";
        /// The order.
        sort(Document) => "sort";
        /// An index by name or key pattern, or `{$natural: ±1}`.
        hint(Bson) => "hint";
        /// Variables for `$expr`.
        let_vars(Document) => "let";
        /// How strings compare: `{locale: "en", strength: 2}`. The collection's collation otherwise.
        collation(Document) => "collation";
        /// What the operation is known by in the profiler and among running operations.
        comment(Bson) => "comment";
        /// The least keys of the hinted index, which are found.
        min(Document) => "min";
        /// The keys of the hinted index up to which is found.
        max(Document) => "max";
        /// Gives the keys of the index instead of the documents.
        return_key(bool) => "returnKey";
        /// Adds `$recordId` to each document.
        show_record_id(bool) => "showRecordId";
        /// Whether a cursor that nobody asks for more lives on. Cursors of a store that is open here always do.
        no_cursor_timeout(bool) => "noCursorTimeout";
        /// Whether a sort may use temporary files beyond its memory limit. The engine's default otherwise, which is to do so.
        allow_disk_use(bool) => "allowDiskUse";
    }

    count_setters! {
        /// How many matches are left out.
        skip(u64) => "skip";
        /// How many documents are read at a time.
        batch_size(u32) => "batchSize";
    }

    time_limit!();

    in_session!();

    /// At most how many documents are given; 0 is all. The sign does not matter.
    pub fn limit(mut self, limit: i64) -> Self {
        self.options.set("limit", limit);
        self
    }

    /// Starts the find.
    ///
    /// # Errors
    ///
    /// What is wrong with the filter or the options; `MaxTimeMSExpired`. Errors that only documents bring up come from
    /// the cursor.
    pub fn run(self) -> Result<Cursor<T>> {
        #[cfg(feature = "remote")]
        if let Some(remote) = self.coll.remote() {
            let mut options = self.options.for_driver::<mongodb::options::FindOptions>()?;
            if self.single {
                options.limit = Some(-1);
            }
            let find = remote.find(self.filter).with_options(options);
            return Ok(Cursor::over_remote(find.run()?));
        }
        self.with_request(|request| Cursor::open(self.coll.engine()?, &self.options, &request))
    }

    /// The plan of the find with its programs, and from [`Verbosity::ExecutionStats`] on what came of running it.
    pub fn explain(self, verbosity: Verbosity) -> Result<Document> {
        let mut bytes = Vec::new();
        let mut doc = DocWriter::new(&mut bytes);
        self.with_request(|request| {
            let request = ExplainRequest { explained: Explained::Find(request), verbosity };
            self.coll.engine()?.explain(&OpContext::new(), &request, &mut doc)
        })?;
        doc.finish();
        from_doc(RawDoc::from_bytes(&bytes).unwrap_or(RawDoc::EMPTY))
    }

    fn with_request<R>(&self, with: impl FnOnce(FindRequest<'_>) -> Result<R>) -> Result<R> {
        let filter = to_doc(&self.filter)?;
        let options = self.options.bytes()?;
        let count = |name| Some(self.options.count(name)).filter(|count| *count > 0);
        let ns = self.coll.checked_namespace()?;
        // Only a cursor over a collection can be told to wait for ever.
        let is_view = self.coll.engine()?.is_view(&ns);
        with(FindRequest {
            filter: &filter,
            projection: options.doc("projection"),
            sort: options.doc("sort"),
            hint: options.value("hint"),
            let_variables: options.doc("let"),
            collation: options.doc("collation"),
            min: options.doc("min"),
            max: options.doc("max"),
            skip: self.options.count("skip"),
            limit: if self.single { Some(1) } else { count("limit") },
            batch_size: count("batchSize"),
            return_key: self.options.flag("returnKey"),
            show_record_id: self.options.flag("showRecordId"),
            allow_disk_use: options.value("allowDiskUse").and_then(|allow| allow.as_bool()),
            no_cursor_timeout: !is_view,
            ..FindRequest::new(ns)
        })
    }
}
