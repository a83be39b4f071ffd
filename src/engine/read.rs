//! Reading: find, getMore, killCursors, count, distinct.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smongo_vm::Code;
use smongo_vm::collation::Collation;
use smongo_vm::limits::MAX_INTERNAL_DOCUMENT_BYTES;
use smongo_vm::value::{ArrayWriter, DocBuf, FieldPath, RawDoc, Tag, Value};

use super::Engine;
use crate::collation;
use crate::collection::{Collection, Shared, checked_document};
use crate::cursor::{OpenCursor, Signal};
use crate::distinct::DistinctValues;
use crate::error::{Error, Result};
use crate::exec::op::{CountRows, Documents, FilterProgram};
use crate::exec::{Batch, Executor, Flow, Matching, Operator, Plan, PlanOptions, plan_count, plan_distinct, plan_find};
use crate::index::{append_id_key, record_id_of};
use crate::query_settings::QuerySetting;
use crate::request::{
    Batched, CountRequest, DistinctRequest, Explained, FindRequest, GetMoreRequest, KilledCursors, Namespace, OpContext,
};
use crate::session::Scope;

/// How long a cursor waits for documents when the request does not say. MongoDB: 1 s.
const AWAIT_DEFAULT: Duration = Duration::from_secs(1);

/// Documents in a first batch when the request does not say. MongoDB: 101.
const FIRST_BATCH_DOCUMENTS: u64 = 101;

impl Engine {
    /// Starts a find: fills the first batch and gives the id of the cursor that has the rest, 0 when there is none.
    pub fn find(&self, op: &OpContext, request: &FindRequest<'_>, batch: &mut ArrayWriter<'_, Vec<u8>>) -> Result<i64> {
        if let Some(id) = only_id(request)
            && matches!(op.scope(), Scope::Alone)
            && self.find_by_id(op, &request.ns, id, batch)?
        {
            return Ok(0);
        }
        let settings = self.settings_to_run(|| Explained::Find(request.clone()))?;
        let executor = self.find_executor(request, settings.as_deref())?;
        let executor = executor.within(self.workspace.for_request(request.allow_disk_use));
        let executor = executor.tailing(request.tailable);
        let no_timeout = request.no_cursor_timeout;
        let awaits = (request.tailable && request.await_data).then(|| self.arrivals(&request.ns)).flatten();
        let cursor = OpenCursor::new(executor, request.ns.clone(), op);
        let cursor = OpenCursor { no_timeout, awaits, ..cursor };
        self.first_batch(op, cursor, request.batch_size, request.single_batch, batch)
    }

    /// A find in progress.
    fn find_executor(&self, request: &FindRequest<'_>, settings: Option<&QuerySetting>) -> Result<Executor> {
        if self.catalog.is_view(&request.ns) {
            return self.find_in_view(request);
        }
        let options = self.options_of(settings, &request.ns);
        self.plan(&request.ns, |shared| plan_find(shared, request, options))
    }

    /// Adds the document of an `_id` to a batch, if there is one. Gives false where it takes a plan to know.
    ///
    /// The two searches need no snapshot between them: what an entry leads to is its document, or gone.
    fn find_by_id(
        &self,
        op: &OpContext,
        ns: &Namespace,
        id: Value<'_>,
        batch: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<bool> {
        op.check()?;
        let Some(coll) = self.catalog.readable(ns) else { return Ok(false) };
        let shared = coll.share()?;
        let Some(index) = shared.indexes().first().filter(|index| index.is_id()) else { return Ok(false) };
        let mut key = Vec::with_capacity(32);
        append_id_key(id, None, &mut key);
        let session = self.storage.session()?;
        let mut entries = session.cursor(index.table())?;
        let record_id = if entries.search(key.as_slice())? { record_id_of(entries.value()) } else { None };
        let Some(record_id) = record_id else { return Ok(true) };
        let mut records = session.cursor(shared.records())?;
        if records.search(record_id)? {
            let doc = checked_document(records.value())?;
            check_size(doc)?;
            batch.value(Value::document(doc));
        }
        Ok(true)
    }

    /// Continues a cursor.
    pub fn get_more(
        &self,
        op: &OpContext,
        request: &GetMoreRequest,
        batch: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<Batched> {
        if let Some(scope) = self.cursors.scope_of(request.cursor_id) {
            check_transaction(request.cursor_id, &scope, op.scope())?;
        }
        let mut cursor = self.cursors.take(request.cursor_id, &request.ns)?;
        let op = &match &cursor.scope {
            scope @ Scope::Snapshot(_) => op.clone().within(scope.clone()),
            _ => op.clone(),
        }
        .of_moment(cursor.moment);
        if request.max_time.is_some() && cursor.awaits.is_none() {
            self.cursors.put_back(request.cursor_id, cursor);
            let message = "cannot set maxTimeMS on getMore command for a non-awaitData cursor";
            return Err(Error::new(Code::BAD_VALUE, message));
        }
        let filled = self.fill_or_wait(op, request, &mut cursor, batch);
        let resume_token = cursor.progress.as_ref().map(|progress| progress.resume_token());
        if filled.is_err() || cursor.executor.is_eof() {
            self.cursors.finish(request.cursor_id);
            return filled.map(|()| Batched { id: 0, resume_token });
        }
        let id = if self.cursors.put_back(request.cursor_id, cursor) { request.cursor_id } else { 0 };
        Ok(Batched { id, resume_token })
    }

    /// What tells about new documents of a collection that can be read beyond its end.
    fn arrivals(&self, ns: &Namespace) -> Option<Arc<Signal>> {
        if ns.is_log() { Some(self.oplog.arrivals()) } else { self.catalog.get(ns).map(|coll| coll.arrivals()) }
    }

    /// Fills a batch. A cursor that waits for documents and has none waits for a commit that brings some.
    fn fill_or_wait(
        &self,
        op: &OpContext,
        request: &GetMoreRequest,
        cursor: &mut OpenCursor,
        batch: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<()> {
        let documents = request.batch_size.filter(|size| *size > 0).unwrap_or(u64::MAX);
        let Some(signal) = cursor.awaits.clone() else { return self.fill(op, cursor, documents, batch) };
        let deadline = Instant::now() + request.max_time.unwrap_or(AWAIT_DEFAULT);
        let go_on = || op.check_waiting().and_then(|()| self.cursors.check_alive(request.cursor_id));
        loop {
            // Looked at before the documents are, so that nothing that comes in between is missed.
            let seen = signal.count();
            self.fill(op, cursor, documents, batch)?;
            if batch.count() > 0 || cursor.executor.is_eof() || !signal.wait(seen, deadline, &go_on)? {
                return Ok(());
            }
        }
    }

    /// Ends cursors of a namespace.
    pub fn kill_cursors(&self, ns: &Namespace, cursor_ids: &[i64]) -> KilledCursors {
        self.cursors.kill(ns, cursor_ids)
    }

    /// How many documents match.
    pub fn count(&self, op: &OpContext, request: &CountRequest<'_>) -> Result<u64> {
        if self.catalog.is_view(&request.ns) {
            let mut executor = self.count_in_view(request)?;
            let mut matches = 0;
            executor.run(&self.storage, op, &mut |_| {
                matches += 1;
                Ok(Flow::Continue)
            })?;
            return Ok(matches);
        }
        // What a collection knows is what has been committed.
        if !op.in_transaction()
            && let Some(known) = self.known_count(request)?
        {
            return Ok(known.counted().unwrap_or(0));
        }
        let options = self.options_of(None, &request.ns);
        let (hint, collation) = (request.hint, request.collation);
        let matching = Matching { hint, collation, options, ..Matching::new(request.filter) };
        let mut executor = self.plan(&request.ns, |shared| {
            let plan = plan_count(shared, &matching)?;
            Ok(plan.map_root(|root| Box::new(CountRows::new(root, request.skip, request.limit))))
        })?;
        executor.run(&self.storage, op, &mut |_| Ok(Flow::Continue))?;
        Ok(executor.root().counted().unwrap_or(0))
    }

    /// The count of a request that asks for all documents, which a collection knows.
    pub(super) fn known_count(&self, request: &CountRequest<'_>) -> Result<Option<CountRows>> {
        let coll = self.catalog.readable(&request.ns);
        let Some(coll) = coll.filter(|_| request.filter.is_empty() && request.hint.is_none()) else { return Ok(None) };
        let documents = u64::try_from(coll.sizes(&self.storage)?.documents).unwrap_or(0);
        Ok(Some(CountRows::of_known(documents, request.skip, request.limit)))
    }

    /// Writes the distinct values at a path.
    pub fn distinct(
        &self,
        op: &OpContext,
        request: &DistinctRequest<'_>,
        values: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<()> {
        let collation = self.collation_of(&request.ns, request.collation)?;
        let mut distinct = DistinctValues::new(request.key, collation)?;
        let settings = self.settings_to_run(|| Explained::Distinct(request.clone()))?;
        let mut executor = self.distinct_executor(request, settings.as_deref())?;
        executor.run(&self.storage, op, &mut |doc| distinct.add(doc).map(|()| Flow::Continue))?;
        distinct.write(values)
    }

    /// The collation of a request on a collection or a view.
    fn collation_of(&self, ns: &Namespace, requested: Option<&RawDoc>) -> Result<Option<Arc<Collation>>> {
        if self.catalog.is_view(ns) {
            let own = self.catalog.views().collation_of(ns, requested)?;
            return collation::of_request(Some(&own), None);
        }
        let collection = self.catalog.readable(ns);
        collation::of_request(requested, collection.as_ref().and_then(|coll| coll.collation()))
    }

    /// The documents whose distinct values are wanted.
    fn distinct_executor(&self, request: &DistinctRequest<'_>, settings: Option<&QuerySetting>) -> Result<Executor> {
        if self.catalog.is_view(&request.ns) {
            return self.distinct_in_view(request);
        }
        let options = self.options_of(settings, &request.ns);
        let (hint, collation) = (request.hint, request.collation);
        let matching = Matching { hint, collation, options, ..Matching::new(request.filter) };
        let path = FieldPath::new(request.key);
        self.plan(&request.ns, |shared| plan_distinct(shared, &matching, &path))
    }

    /// How plans of a query are made that has these settings.
    pub(super) fn options_of<'s>(&'s self, settings: Option<&'s QuerySetting>, ns: &Namespace) -> PlanOptions<'s> {
        let allowed = settings.and_then(|settings| settings.allowed(ns));
        PlanOptions { is_explained: false, allowed, storage: Some(&self.storage) }
    }

    /// Plans over a collection, or over nothing when it does not exist.
    pub(super) fn plan(&self, ns: &Namespace, plan: impl Fn(Option<&Shared<'_>>) -> Result<Plan>) -> Result<Executor> {
        let (plan, coll) = self.plan_over(ns, plan)?;
        Ok(Executor::new(plan.root, coll, plan.variables).within(self.workspace.for_request(None)))
    }

    /// [`Engine::plan`], with the parts still apart.
    pub(super) fn plan_over(
        &self,
        ns: &Namespace,
        plan: impl Fn(Option<&Shared<'_>>) -> Result<Plan>,
    ) -> Result<(Plan, Option<Arc<Collection>>)> {
        if let Some(coll) = self.catalog.readable(ns) {
            let planned = match coll.share() {
                Ok(shared) => Some(plan(Some(&shared))?),
                // A collection that was dropped since counts as missing.
                Err(error) if error.code() == Code::QUERY_PLAN_KILLED.0 => None,
                Err(error) => return Err(error),
            };
            if let Some(plan) = planned {
                return Ok((plan, Some(coll)));
            }
        }
        Ok((plan(None)?, None))
    }

    /// A cursor over computed documents.
    pub(super) fn find_in_documents(
        &self,
        op: &OpContext,
        ns: Namespace,
        documents: Vec<DocBuf>,
        filter: &RawDoc,
        batch_size: Option<u64>,
        batch: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<i64> {
        let mut context = smongo_compiler::ParseContext::new();
        let compiled = smongo_compiler::compile_filter(filter, &mut context)?;
        let filter = (!compiled.is_trivial()).then(|| FilterProgram::from(&compiled));
        let executor = Executor::new(Box::new(Documents::new(documents, filter)), None, Vec::new());
        let cursor = OpenCursor::new(executor, ns, op);
        self.first_batch(op, cursor, batch_size, false, batch)
    }

    pub(super) fn first_batch(
        &self,
        op: &OpContext,
        mut cursor: OpenCursor,
        batch_size: Option<u64>,
        single_batch: bool,
        batch: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<i64> {
        let documents = batch_size.unwrap_or(FIRST_BATCH_DOCUMENTS);
        if documents > 0 {
            self.fill(op, &mut cursor, documents, batch)?;
        }
        if single_batch || cursor.executor.is_eof() {
            return Ok(0);
        }
        Ok(self.cursors.register(cursor))
    }

    fn fill(
        &self,
        op: &OpContext,
        cursor: &mut OpenCursor,
        documents: u64,
        batch: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<()> {
        let mut batch = Batch::new(batch, documents);
        cursor.executor.run(&self.storage, op, &mut |doc| {
            check_size(doc)?;
            Ok(batch.add(doc))
        })?;
        if let Some(progress) = &cursor.progress {
            progress.end_batch(cursor.executor.has_refused());
        }
        Ok(())
    }
}

/// The `_id` that a find asks for, when it asks for nothing else. Strings, and what may hold them, are left to plans,
/// which know how the collection compares them.
fn only_id<'r>(request: &FindRequest<'r>) -> Option<Value<'r>> {
    let mut fields = request.filter.iter();
    let (field, None) = (fields.next()?, fields.next()) else { return None };
    let id = field.value();
    let decides = id.is_number() && id.tag() != Tag::Double
        || matches!(id.tag(), Tag::ObjectId | Tag::Binary | Tag::Bool | Tag::DateTime | Tag::Timestamp);
    let given = |doc: Option<&RawDoc>| doc.is_some_and(|doc| !doc.is_empty());
    let plain = !(given(request.projection) || given(request.sort) || given(request.collation))
        && request.hint.is_none()
        && request.let_variables.is_none()
        && request.min.is_none()
        && request.max.is_none()
        && request.skip == 0
        && request.batch_size != Some(0)
        && !(request.tailable || request.return_key || request.show_record_id);
    (field.name() == b"_id" && decides && plain).then_some(id)
}

/// Fails unless a cursor is asked for more in the transaction that it was opened in, or outside any as it was opened.
fn check_transaction(cursor_id: i64, opened: &Scope, asked: &Scope) -> Result<()> {
    let refuse = |code, created: &str, asked: &str| {
        let message = format!("Cannot run getMore on cursor {cursor_id}, which was {created}, {asked}");
        Err(Error::new(Code(code), message))
    };
    match (opened.transaction(), asked.transaction()) {
        (None, Some(_)) => refuse(50739, "not created in a transaction", "in a transaction"),
        (Some(_), None) => refuse(50740, "created in a transaction", "without a txnNumber"),
        (Some(a), Some(b)) if a.key() != b.key() => {
            refuse(50741, "created in another transaction", "in this transaction")
        }
        _ => Ok(()),
    }
}

/// Fails when a document is too large for a client.
fn check_size(doc: &RawDoc) -> Result<()> {
    let size = doc.as_bytes().len();
    if size <= MAX_INTERNAL_DOCUMENT_BYTES {
        return Ok(());
    }
    Err(Error::new(
        Code::BSON_OBJECT_TOO_LARGE,
        format!(
            "BSONObj size: {size} (0x{size:X}) is invalid. Size must be between 0 and \
             {MAX_INTERNAL_DOCUMENT_BYTES}(16MB)"
        ),
    ))
}
