//! Running pipelines.

mod facts;
mod sink;

use std::sync::Arc;

use smongo_compiler::ir::Filter;
use smongo_compiler::{
    CompiledPipeline, CompiledStage, Lead, ParseContext, RewritePass, ShownStage, compile_pipeline, explain_pipeline,
};
use smongo_vm::Code;
use smongo_vm::value::{ArrayWriter, DocBuf, OwnedValue, RawDoc, Value};

use super::{Engine, streams};
use crate::catalog::{ViewTable, joined};
use crate::collation;
use crate::collection::Collection;
use crate::cursor::OpenCursor;
use crate::error::{Error, Result};
use crate::exec::op::{Documents, Eof, Limit};
use crate::exec::{
    Assembly, Executor, Matching, Plan, PlanAbout, PlanOptions, Tried, attach, declare_variables, plan_matching,
};
use crate::request::{AggregateRequest, Batched, Explained, Namespace, OpContext};
use crate::stream::Progress;

/// A pipeline about to run.
pub(super) struct Prepared {
    /// The collection that it runs on, or what stands for it.
    pub ns: Namespace,
    pub executor: Executor,
    /// What it asks of its collection, as planned.
    pub lead: Option<PlannedLead>,
    /// The writing stage at its end.
    sink: Option<CompiledStage>,
    /// How far the stream has come that it begins with.
    progress: Option<Arc<Progress>>,
    /// What the rewrites did.
    pub rewrites: Vec<RewritePass>,
    /// What is shown of its stages, when it is only explained.
    pub shown: Shown,
}

/// What is shown of a pipeline's stages.
#[derive(Default)]
pub(super) struct Shown {
    /// The stages above what a find could say, from the first on; each is one operator.
    pub stages: Vec<ShownStage>,
    /// The writing stage at the end.
    pub sink: Option<ShownStage>,
}

/// What a pipeline asks of its collection, as planned.
pub(super) struct PlannedLead {
    pub lead: Lead,
    pub filter: Arc<Filter>,
    pub about: PlanAbout,
    /// The ways that were tried, and which of them won.
    pub tried: (Vec<Tried>, usize),
}

impl Engine {
    /// Runs a pipeline: fills the first batch and gives the id of the cursor that has the rest, 0 when there is none.
    /// One that writes runs to its end and gives nothing.
    pub fn aggregate(
        &self,
        op: &OpContext,
        request: &AggregateRequest<'_>,
        batch: &mut ArrayWriter<'_, Vec<u8>>,
    ) -> Result<Batched> {
        let settings = self.settings_to_run(|| Explained::Aggregate(request.clone()))?;
        let options = self.options_of(settings.as_deref(), &request.ns);
        let Prepared { mut executor, sink, progress, .. } = self.prepare_for(request, options)?;
        if let Some(sink) = sink {
            self.write_results(op, request, &mut executor, &sink)?;
            return Ok(Batched::default());
        }
        if progress.is_some() {
            streams::check_scope(op)?;
        }
        let cursor = OpenCursor {
            awaits: progress.as_ref().map(|_| self.oplog.arrivals()),
            progress: progress.clone(),
            ..OpenCursor::new(executor, request.ns.clone(), op)
        };
        let id = self.first_batch(op, cursor, request.batch_size, false, batch)?;
        Ok(Batched { id, resume_token: progress.map(|progress| progress.resume_token()) })
    }

    /// Compiles a pipeline and puts its operators together.
    pub(super) fn prepare(&self, request: &AggregateRequest<'_>) -> Result<Prepared> {
        self.prepare_for(request, PlanOptions::default())
    }

    /// The same, with a say in how it is planned.
    pub(super) fn prepare_for(&self, request: &AggregateRequest<'_>, options: PlanOptions<'_>) -> Result<Prepared> {
        let views = self.catalog.views();
        let resolved = match request.has_collection && !tells_about_the_view(request.pipeline) {
            true => views.resolve(&request.ns),
            false => None,
        };
        let Some(view) = resolved else { return self.prepare_over(request, views, options) };
        if starts_with(request.pipeline, "$changeStream") {
            let message = format!("Namespace {} is a view, not a collection", request.ns);
            return Err(Error::new(Code::COMMAND_NOT_SUPPORTED_ON_VIEW, message));
        }
        let pipeline = joined(&view.pipeline, request.pipeline);
        let collation = views.collation_of(&request.ns, request.collation)?;
        let ns = Namespace::trusted(request.ns.db(), &view.coll);
        let over = AggregateRequest { ns, pipeline: &pipeline, collation: Some(&collation), ..request.clone() };
        self.prepare_over(&over, views, options)
    }

    /// [`Engine::prepare`] over a collection.
    fn prepare_over(
        &self,
        request: &AggregateRequest<'_>,
        views: Arc<ViewTable>,
        options: PlanOptions<'_>,
    ) -> Result<Prepared> {
        let collection = if request.has_collection { self.catalog.readable(&request.ns) } else { None };
        let default = collection.as_ref().and_then(|coll| coll.collation());
        // Events are not the collection's documents.
        let default = default.filter(|_| !starts_with(request.pipeline, "$changeStream"));
        let collation = collation::of_request(request.collation, default)?;
        let mut context = ParseContext::new().with_views(views).with_collation(collation);
        let variables = match request.let_variables {
            Some(variables) => declare_variables(variables, &mut context)?,
            None => Vec::new(),
        };
        let db = request.ns.db();
        let mut shown = Shown::default();
        let mut compiled = match options.is_explained {
            false => compile_pipeline(request.pipeline, db, request.has_collection, &mut context)?,
            true => {
                let main = request.has_collection.then(|| request.ns.coll());
                let (compiled, stages) = explain_pipeline(request.pipeline, db, main, &mut context)?;
                shown.stages = stages;
                compiled
            }
        };
        let writes = |stage: &CompiledStage| matches!(stage, CompiledStage::Out(_) | CompiledStage::Merge(_));
        let sink = compiled.stages.pop_if(|stage| writes(stage));
        shown.sink = if sink.is_some() { shown.stages.pop() } else { None };
        let others = self.others(&compiled)?;
        let (ns, rewrites) = (request.ns.clone(), std::mem::take(&mut compiled.rewrites));
        if let Some(CompiledStage::ChangeStream(spec)) = compiled.stages.first() {
            let (spec, stages) = (Arc::clone(spec), compiled.stages.split_off(1));
            let (executor, progress) = self.open_stream(request, &spec, stages, variables)?;
            let progress = Some(progress);
            return Ok(Prepared { ns, executor, lead: None, sink: None, progress, rewrites, shown });
        }
        let (executor, lead) = self.assemble(request, compiled, variables, options)?;
        let executor = executor.reading(others).within(self.workspace.for_request(request.allow_disk_use));
        Ok(Prepared { ns, executor, lead, sink, progress: None, rewrites, shown })
    }

    /// The collections that a pipeline reads besides its own; those that do not exist are empty.
    fn others(&self, compiled: &CompiledPipeline) -> Result<Vec<Option<Arc<Collection>>>> {
        let named = |name: &smongo_compiler::ir::CollectionName| Namespace::new(&name.db, &name.coll);
        compiled.collections.iter().map(|name| Ok(self.catalog.readable(&named(name)?))).collect()
    }

    /// The operators of a pipeline, over what its first stage reads.
    fn assemble(
        &self,
        request: &AggregateRequest<'_>,
        compiled: CompiledPipeline,
        variables: Vec<OwnedValue>,
        options: PlanOptions<'_>,
    ) -> Result<(Executor, Option<PlannedLead>)> {
        let CompiledPipeline { lead, mut stages, .. } = compiled;
        if let Some(CompiledStage::Facts(facts)) = stages.first() {
            let documents = self.facts(request, facts)?;
            let root = Box::new(Documents::new(documents, None));
            stages.remove(0);
            let root = attach(root, &stages, &mut Assembly::default())?;
            return Ok((Executor::new(root, None, variables), None));
        }
        if !request.has_collection {
            let root = attach(Box::new(Eof::default()), &stages, &mut Assembly::default())?;
            return Ok((Executor::new(root, None, variables), None));
        }
        let (plan, coll) = self.plan_over(&request.ns, |shared| {
            let matching = Matching { options, ..matching(&lead, request) };
            let mut plan = plan_matching(shared, &matching)?;
            if let Some(limit) = lead.limit {
                plan.root = Box::new(Limit::new(plan.root, limit));
            }
            plan.root = attach(plan.root, &stages, &mut Assembly::default())?;
            Ok(plan)
        })?;
        let about = plan.about();
        let Plan { root, variables, filter, tried, winner, .. } = plan;
        Ok((
            Executor::new(root, coll, variables),
            Some(PlannedLead { lead, filter: filter.ir, about, tried: (tried, winner) }),
        ))
    }
}

/// Whether a pipeline begins with a stage of this name.
fn starts_with(pipeline: &RawDoc, name: &str) -> bool {
    let first = pipeline.values().next().and_then(Value::as_doc);
    first.is_some_and(|stage| stage.get(name).is_some())
}

/// Whether a pipeline begins with the stage that tells about a view itself.
fn tells_about_the_view(pipeline: &RawDoc) -> bool {
    let first = pipeline.values().next().and_then(Value::as_doc).and_then(|stage| stage.iter().next());
    first.is_some_and(|stage| matches!(stage.name_str(), "$collStats" | "$listCatalog"))
}

/// What a pipeline asks of its collection, for the planner.
fn matching<'m>(lead: &'m Lead, request: &AggregateRequest<'m>) -> Matching<'m> {
    Matching {
        sort: lead.sort.as_ref().map(DocBuf::as_doc),
        hint: request.hint,
        collation: request.collation,
        let_variables: request.let_variables,
        skip: lead.skip,
        limit: lead.limit,
        ..Matching::new(&lead.filter)
    }
}

/// The error for a collection that a stage cannot do without.
#[cold]
fn no_collection(ns: &Namespace) -> Error {
    Error::new(Code::NAMESPACE_NOT_FOUND, format!("Collection [{ns}] not found."))
}
