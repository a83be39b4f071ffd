//! Views: making, changing and dropping them, and reading through them.
//!
//! What is read through a view is a pipeline over the collection below it; finds, counts and distincts become one.

use std::sync::Arc;

use smongo_compiler::{CompiledStage, ParseContext, compile_pipeline};
use smongo_vm::Code;
use smongo_vm::value::{ArrayWriter, DocBuf, RawDoc, Value};

use super::Engine;
use crate::catalog::{SYSTEM_VIEWS, View, is_a_view};
use crate::collation;
use crate::collection::stored_document;
use crate::error::{Error, Result};
use crate::exec::Executor;
use crate::request::{
    AggregateRequest, CountRequest, DeleteStatement, DistinctRequest, FindRequest, Namespace, OpContext,
    UpdateStatement,
};

/// Most bytes of a view's pipeline. MongoDB: 16,000,000.
const PIPELINE_MAX_BYTES: usize = 16_000_000;

impl Engine {
    /// Makes a view. One that is the same may exist already.
    pub(super) fn create_view(&self, op: &OpContext, ns: &Namespace, options: &RawDoc) -> Result<()> {
        ns.check_creatable()?;
        let view = definition_in(ns, options)?;
        if self.catalog.views().get(ns).is_some_and(|known| known.options() == view.options()) {
            return Ok(());
        }
        self.put_view(op, view, false)
    }

    /// Changes what a view reads.
    pub fn modify_view(
        &self,
        op: &OpContext,
        ns: &Namespace,
        view_on: Option<&str>,
        pipeline: Option<&RawDoc>,
    ) -> Result<()> {
        let views = self.catalog.views();
        let Some(known) = views.get(ns) else { return Err(is_a_view(ns)) };
        let view_on = view_on.unwrap_or(&known.view_on);
        let pipeline = pipeline.unwrap_or(&known.pipeline);
        self.put_view(op, define(ns, view_on, pipeline, known.collation.as_deref())?, true)
    }

    /// Writes a definition; `replaces` says whether there must be one of its name, or must not.
    fn put_view(&self, op: &OpContext, view: View, replaces: bool) -> Result<()> {
        let ns = view.ns.clone();
        let system = Namespace::trusted(ns.db(), SYSTEM_VIEWS);
        // What is wrong with the view must not leave a collection behind.
        self.catalog.views().check(&view)?;
        self.catalog.get_or_create(&system)?;
        self.catalog.change_views(|views| {
            if self.catalog.get(&ns).is_some() || (views.get(&ns).is_some() && !replaces) {
                let message = format!("namespace {ns} already exists, but with other options");
                return Err(Error::new(Code::NAMESPACE_EXISTS, message));
            }
            if replaces && views.get(&ns).is_none() || self.catalog.get(&system).is_none() {
                return Err(Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}")));
            }
            views.check(&view)?;
            let (filter, document) = (by_id(&ns), view.document());
            let statement =
                UpdateStatement { upsert: true, ..UpdateStatement::new(&filter, Value::document(&document)) };
            self.update_statement(op, &system, &statement, None)?;
            let others = views.in_database(ns.db()).into_iter().filter(|known| known.ns != ns);
            Ok(views.with_database(ns.db(), others.map(Arc::unwrap_or_clone).chain([view])))
        })
    }

    /// Drops a view; false when there was none.
    pub(super) fn drop_view(&self, op: &OpContext, ns: &Namespace) -> Result<bool> {
        let mut dropped = false;
        self.catalog.change_views(|views| {
            let filter = by_id(ns);
            let statement = DeleteStatement::new(&filter, false);
            self.delete_statement(op, &Namespace::trusted(ns.db(), SYSTEM_VIEWS), &statement, None)?;
            dropped = views.get(ns).is_some();
            let others = views.in_database(ns.db()).into_iter().filter(|known| known.ns != *ns);
            Ok(views.with_database(ns.db(), others.map(Arc::unwrap_or_clone)))
        })?;
        Ok(dropped)
    }

    /// Reads the definitions of a database again. Documents that define nothing are no views; the first of them is
    /// reported once the others are in place.
    pub(super) fn reload_views(&self, db: &str) -> Result<()> {
        let mut invalid = None;
        self.catalog.change_views(|known| {
            let mut views = Vec::new();
            if let Some(coll) = self.catalog.get(&Namespace::trusted(db, SYSTEM_VIEWS)) {
                let session = self.storage.session()?;
                let mut records = session.cursor(coll.records())?;
                while let Some(bytes) = records.next_value()? {
                    match definition_of(db, stored_document(bytes)) {
                        Ok(view) => views.push(view),
                        Err(error) => invalid = invalid.take().or(Some(error)),
                    }
                }
            }
            Ok(known.with_database(db, views))
        })?;
        invalid.map_or(Ok(()), Err)
    }

    /// Reads the definitions of all databases.
    pub(super) fn load_views(&self) -> Result<()> {
        for db in self.catalog.databases() {
            match self.reload_views(&db) {
                // A document that defines no view must not keep the data directory shut.
                Err(error) if error.code() == Code::INVALID_VIEW_DEFINITION.0 => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// A find through a view.
    pub(super) fn find_in_view(&self, request: &FindRequest<'_>) -> Result<Executor> {
        self.find_through_view(request, |aggregate| self.through_view(aggregate))
    }

    /// Gives `with` the pipeline that a find through a view is.
    pub(super) fn find_through_view<R>(
        &self,
        request: &FindRequest<'_>,
        with: impl FnOnce(&AggregateRequest<'_>) -> Result<R>,
    ) -> Result<R> {
        let unsupported = [
            ("returnKey", request.return_key),
            ("showRecordId", request.show_record_id),
            ("tailable", request.tailable),
            ("awaitData", request.await_data),
            ("noCursorTimeout", request.no_cursor_timeout),
            ("min", request.min.is_some()),
            ("max", request.max.is_some()),
        ];
        if let Some((name, _)) = unsupported.iter().find(|(_, given)| *given) {
            let message = format!("Option {name} not supported in aggregation.");
            return Err(Error::new(Code::INVALID_PIPELINE_OPERATOR, message));
        }
        let mut stages = Stages::matching(request.filter);
        stages.document("$sort", request.sort);
        stages.skip_and_limit(request.skip, request.limit);
        stages.document("$project", request.projection);
        with(&AggregateRequest {
            let_variables: request.let_variables,
            hint: request.hint,
            collation: request.collation,
            ..AggregateRequest::new(request.ns.clone(), &stages.finish())
        })
    }

    /// The documents that a count through a view counts.
    pub(super) fn count_in_view(&self, request: &CountRequest<'_>) -> Result<Executor> {
        self.count_through_view(request, |aggregate| self.through_view(aggregate))
    }

    /// Gives `with` the pipeline whose documents a count through a view counts.
    pub(super) fn count_through_view<R>(
        &self,
        request: &CountRequest<'_>,
        with: impl FnOnce(&AggregateRequest<'_>) -> Result<R>,
    ) -> Result<R> {
        let mut stages = Stages::matching(request.filter);
        stages.skip_and_limit(request.skip, request.limit);
        with(&AggregateRequest {
            hint: request.hint,
            collation: request.collation,
            ..AggregateRequest::new(request.ns.clone(), &stages.finish())
        })
    }

    /// The documents of a view whose distinct values are wanted.
    pub(super) fn distinct_in_view(&self, request: &DistinctRequest<'_>) -> Result<Executor> {
        self.distinct_through_view(request, |aggregate| self.through_view(aggregate))
    }

    /// Gives `with` the pipeline of the documents whose distinct values are wanted.
    pub(super) fn distinct_through_view<R>(
        &self,
        request: &DistinctRequest<'_>,
        with: impl FnOnce(&AggregateRequest<'_>) -> Result<R>,
    ) -> Result<R> {
        with(&AggregateRequest {
            hint: request.hint,
            collation: request.collation,
            ..AggregateRequest::new(request.ns.clone(), &Stages::matching(request.filter).finish())
        })
    }

    fn through_view(&self, request: &AggregateRequest<'_>) -> Result<Executor> {
        Ok(self.prepare(request)?.executor)
    }
}

/// A pipeline in the making.
struct Stages(Vec<DocBuf>);

impl Stages {
    fn matching(filter: &RawDoc) -> Self {
        let mut stages = Self(Vec::new());
        stages.document("$match", Some(filter));
        stages
    }

    fn document(&mut self, name: &str, argument: Option<&RawDoc>) {
        if let Some(argument) = argument.filter(|argument| !argument.is_empty()) {
            self.0.push(DocBuf::build(|stage| stage.value(name, Value::document(argument))));
        }
    }

    fn skip_and_limit(&mut self, skip: u64, limit: Option<u64>) {
        for (name, count) in [("$skip", Some(skip)), ("$limit", limit)] {
            if let Some(count) = count.filter(|count| *count > 0) {
                let count = Value::int64(i64::try_from(count).unwrap_or(i64::MAX));
                self.0.push(DocBuf::build(|stage| stage.value(name, count)));
            }
        }
    }

    fn finish(self) -> DocBuf {
        let mut bytes = Vec::new();
        let mut array = ArrayWriter::new(&mut bytes);
        self.0.iter().for_each(|stage| array.value(Value::document(stage)));
        array.finish();
        DocBuf::from_vec(bytes).unwrap_or_default()
    }
}

fn by_id(ns: &Namespace) -> DocBuf {
    DocBuf::build(|filter| filter.string("_id", ns.full()))
}

/// The view that the options of a `create` define.
fn definition_in(ns: &Namespace, options: &RawDoc) -> Result<View> {
    let refuse = |name: &str| {
        let message = format!("Option '{name}' is not supported on a view: {ns}");
        Err(Error::new(Code::INVALID_OPTIONS, message))
    };
    if options.get("clusteredIndex").is_some() {
        return Err(Error::new(Code(6_026_500), "The 'clusteredIndex' option is not supported with views"));
    }
    for option in options {
        match option.name_str() {
            "changeStreamPreAndPostImages" => {
                let enabled = option.value().as_doc().and_then(|images| images.get("enabled"));
                if enabled.and_then(Value::as_bool) == Some(true) {
                    return refuse(option.name_str());
                }
            }
            "viewOn" | "pipeline" | "collation" | "temp" | "storageEngine" => {}
            other => return refuse(other),
        }
    }
    if let Some(engines) = options.get("storageEngine").and_then(Value::as_doc) {
        crate::catalog::check_storage_engine(engines)?;
    }
    let view_on = options.get("viewOn").and_then(Value::as_str).unwrap_or_default();
    let pipeline = options.get("pipeline").and_then(Value::as_array).unwrap_or(RawDoc::EMPTY);
    let collation = options.get("collation").and_then(Value::as_doc);
    let collation = collation::complete(collation)?;
    define(ns, view_on, pipeline, collation.as_deref())
}

/// The view that a document of `system.views` defines.
fn definition_of(db: &str, doc: &RawDoc) -> Result<View> {
    let invalid = |why: &str| {
        let message = format!(
            "found invalid view definition {:?} while reading '{db}.{SYSTEM_VIEWS}': {why}",
            doc.get("_id").and_then(Value::as_str).unwrap_or_default()
        );
        Error::new(Code::INVALID_VIEW_DEFINITION, message)
    };
    let name = doc.get("_id").and_then(Value::as_str).and_then(|name| name.strip_prefix(db)?.strip_prefix('.'));
    let name = name.ok_or_else(|| invalid("its _id is no name in this database"))?;
    let view_on = doc.get("viewOn").and_then(Value::as_str).ok_or_else(|| invalid("it has no viewOn"))?;
    let pipeline = doc.get("pipeline").and_then(Value::as_array).ok_or_else(|| invalid("it has no pipeline"))?;
    let ns = Namespace::new(db, name).map_err(|error| invalid(error.message()))?;
    define(&ns, view_on, pipeline, doc.get("collation").and_then(Value::as_doc))
        .map_err(|error| invalid(error.message()))
}

/// A definition, checked as far as it can be by itself.
fn define(ns: &Namespace, view_on: &str, pipeline: &RawDoc, collation: Option<&RawDoc>) -> Result<View> {
    if view_on.is_empty() {
        return Err(Error::new(Code::BAD_VALUE, "'viewOn' cannot be empty"));
    }
    let source = Namespace::new(ns.db(), view_on)?;
    if view_on.starts_with('$') {
        return Err(Error::new(Code::INVALID_NAMESPACE, format!("Invalid name for 'viewOn': {view_on}")));
    }
    if pipeline.as_bytes().len() > PIPELINE_MAX_BYTES {
        let message = format!("View pipeline is too large. Maximum size is {PIPELINE_MAX_BYTES} bytes");
        return Err(Error::new(Code::VIEW_PIPELINE_MAX_SIZE_EXCEEDED, message));
    }
    let compiled = compile_pipeline(pipeline, ns.db(), true, &mut ParseContext::new())?;
    let writing = match compiled.stages.last() {
        Some(CompiledStage::Out(_)) => Some("$out"),
        Some(CompiledStage::Merge(_)) => Some("$merge"),
        _ => None,
    };
    if let Some(name) = writing {
        let message = format!("The aggregation stage {name} cannot be used in the view definition of {ns}");
        return Err(Error::new(Code::OPTION_NOT_SUPPORTED_ON_VIEW, message));
    }
    let others = compiled.collections.iter().map(|name| Namespace::trusted(&name.db, &name.coll));
    Ok(View {
        ns: ns.clone(),
        view_on: view_on.to_owned(),
        pipeline: pipeline.into(),
        collation: collation.map(DocBuf::from),
        reads: std::iter::once(source).chain(others).collect(),
    })
}
