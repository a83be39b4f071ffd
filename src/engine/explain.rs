//! Explaining requests.

use std::time::Instant;

use smongo_compiler::explain::filter_document;
use smongo_compiler::ir::Filter;
use smongo_compiler::{RewritePass, ShownStage};
use smongo_vm::value::{DocBuf, DocWriter, FieldPath};

use super::Engine;
use super::aggregate::{PlannedLead, Prepared};
use super::write::{check_statement, delete_matching, find_and_modify_matching, merged, update_matching};
use crate::catalog::is_a_view;
use crate::collection::Shared;
use crate::error::Result;
use crate::exec::op::{CountRows, FilterProgram, Subplan};
use crate::exec::{
    Executor, Explanation, Flow, Matching, Plan, PlanAbout, PlanOptions, Run, ShapeFacts, Tried, plan_count,
    plan_distinct, plan_find, plan_matching, write_plan, write_smongo,
};
use crate::plan_cache::hashes;
use crate::request::{
    AggregateRequest, ExplainRequest, Explained, FindAndModifyRequest, Modification, Namespace, OpContext, Verbosity,
};
use crate::write::{Updater, WouldWrite};

/// What is explained, ready to run.
struct Subject {
    ns: Namespace,
    executor: Executor,
    shape: ShapeFacts,
    /// The stages of a pipeline above what a find could say.
    stages: Vec<ShownStage>,
    sink: Option<ShownStage>,
    rewrites: Vec<RewritePass>,
    /// The ways to the documents that were tried, and which of them won.
    tried: (Vec<Tried>, usize),
}

impl Subject {
    fn new(ns: &Namespace, executor: Executor, shape: ShapeFacts) -> Self {
        Self {
            ns: ns.clone(),
            executor,
            shape,
            stages: Vec::new(),
            sink: None,
            rewrites: Vec::new(),
            tried: (Vec::new(), 0),
        }
    }
}

/// The command that a shape's name says, with what distinguishes its queries besides filter, order and projection.
#[derive(Clone, Copy)]
struct Named<'n> {
    command: &'n str,
    ns: &'n Namespace,
    key: &'n str,
}

impl Engine {
    /// Writes the plan of a request, and from [`Verbosity::ExecutionStats`] on what came of running it. Writes are
    /// not carried out: what they would do to the documents is worked out and counted.
    pub fn explain(
        &self,
        op: &OpContext,
        request: &ExplainRequest<'_>,
        out: &mut DocWriter<'_, Vec<u8>>,
    ) -> Result<()> {
        let mut subject = self.subject(&request.explained)?;
        let mut run = None;
        if request.verbosity >= Verbosity::ExecutionStats {
            subject.executor = subject.executor.counting();
            let began = Instant::now();
            let mut returned = 0;
            subject.executor.run(&self.storage, op, &mut |_| {
                returned += 1;
                Ok(Flow::Continue)
            })?;
            let all_plans = request.verbosity == Verbosity::AllPlansExecution;
            let counts = subject.executor.counts();
            run = Some(Run { returned, took: began.elapsed(), counts, all_plans });
        }
        let explanation = Explanation {
            ns: &subject.ns,
            shape: &subject.shape,
            root: subject.executor.root(),
            stages: &subject.stages,
            sink: subject.sink.as_ref(),
            rewrites: &subject.rewrites,
            tried: &subject.tried.0,
            winner: subject.tried.1,
            run,
        };
        out.string("explainVersion", "1");
        write_plan(out, &explanation);
        if !subject.shape.query_shape_hash.is_empty() {
            out.string("queryShapeHash", &subject.shape.query_shape_hash);
        }
        write_smongo(out, &explanation);
        Ok(())
    }

    fn subject(&self, explained: &Explained<'_>) -> Result<Subject> {
        let settings = self.settings_of(explained)?;
        let options = PlanOptions { is_explained: true, ..self.options_of(settings.as_deref(), explained.namespace()) };
        let mut subject = self.planned_subject(explained, options)?;
        subject.shape.query_settings = settings.map(|settings| settings.settings.clone());
        Ok(subject)
    }

    fn planned_subject(&self, explained: &Explained<'_>, options: PlanOptions<'_>) -> Result<Subject> {
        match explained {
            Explained::Aggregate(aggregate) => self.pipeline(aggregate, options),
            Explained::Find(find) if self.catalog.is_view(&find.ns) => {
                self.find_through_view(find, |aggregate| self.pipeline(aggregate, options))
            }
            Explained::Count(count) if self.catalog.is_view(&count.ns) => {
                self.count_through_view(count, |aggregate| self.pipeline(aggregate, options))
            }
            Explained::Distinct(distinct) if self.catalog.is_view(&distinct.ns) => {
                self.distinct_through_view(distinct, |aggregate| self.pipeline(aggregate, options))
            }
            Explained::Update(ns, ..) | Explained::Delete(ns, ..) if self.catalog.is_view(ns) => Err(is_a_view(ns)),
            Explained::FindAndModify(request) if self.catalog.is_view(&request.ns) => Err(is_a_view(&request.ns)),
            Explained::Find(find) => {
                let named = Named { command: "find", ns: &find.ns, key: "" };
                let rest = hashes::Rest { sort: find.sort, projection: find.projection, collation: find.collation };
                self.planned(named, &rest, |shared| {
                    Ok(subplanned(plan_find(shared, find, options)?, find.hint.is_some()))
                })
            }
            Explained::Count(count) => {
                let named = Named { command: "count", ns: &count.ns, key: "" };
                let matching =
                    Matching { hint: count.hint, collation: count.collation, options, ..Matching::new(count.filter) };
                let mut known = self.known_count(count)?;
                let mut subject = self.planned(named, &rest(&matching), |shared| {
                    let plan = subplanned(plan_count(shared, &matching)?, count.hint.is_some());
                    Ok(plan.map_root(|root| Box::new(CountRows::new(root, count.skip, count.limit))))
                })?;
                if let Some(known) = known.take() {
                    subject.executor = Executor::new(Box::new(known), None, Vec::new());
                }
                Ok(subject)
            }
            Explained::Distinct(distinct) => {
                let named = Named { command: "distinct", ns: &distinct.ns, key: distinct.key };
                let matching = Matching {
                    hint: distinct.hint,
                    collation: distinct.collation,
                    options,
                    ..Matching::new(distinct.filter)
                };
                let path = FieldPath::new(distinct.key);
                self.planned(named, &rest(&matching), |shared| plan_distinct(shared, &matching, &path))
            }
            Explained::Update(ns, update, let_variables) => {
                let named = Named { command: "update", ns, key: "" };
                let variables = update.constants.map(|constants| merged(*let_variables, constants));
                let matching = update_matching(update, variables.as_deref().or(*let_variables));
                let matching = Matching { options, ..matching };
                self.planned(named, &rest(&matching), |shared| {
                    let mut plan = subplanned(plan_matching(shared, &matching)?, update.hint.is_some());
                    let updater = Updater::new(update.update, update.array_filters, &mut plan.context)?;
                    check_statement(update, &updater)?;
                    Ok(would_update(plan, updater, update.multi, update.upsert))
                })
            }
            Explained::Delete(ns, delete, let_variables) => {
                let named = Named { command: "delete", ns, key: "" };
                let matching = Matching { options, ..delete_matching(delete, *let_variables) };
                self.planned(named, &rest(&matching), |shared| {
                    let plan = subplanned(plan_matching(shared, &matching)?, delete.hint.is_some());
                    Ok(plan.map_root(|root| Box::new(WouldWrite::delete(root, delete.multi))))
                })
            }
            Explained::FindAndModify(request) => self.find_and_modify_subject(request, options),
        }
    }

    fn find_and_modify_subject(&self, request: &FindAndModifyRequest<'_>, options: PlanOptions<'_>) -> Result<Subject> {
        let named = Named { command: "findAndModify", ns: &request.ns, key: "" };
        let matching = Matching { options, ..find_and_modify_matching(request) };
        self.planned(named, &rest(&matching), |shared| {
            let mut plan = subplanned(plan_matching(shared, &matching)?, request.hint.is_some());
            Ok(match request.action {
                Modification::Remove => plan.map_root(|root| Box::new(WouldWrite::delete(root, false))),
                Modification::Update { update, upsert, array_filters, .. } => {
                    let updater = Updater::new(update, array_filters, &mut plan.context)?;
                    would_update(plan, updater, false, upsert)
                }
            })
        })
    }

    /// A plan over a collection.
    fn planned(
        &self,
        named: Named<'_>,
        rest: &hashes::Rest<'_>,
        plan: impl Fn(Option<&Shared<'_>>) -> Result<Plan>,
    ) -> Result<Subject> {
        let (plan, coll) = self.plan_over(named.ns, plan)?;
        let shape = facts(named, &plan.filter.ir, plan.about(), rest, &self.index_names(named.ns)?);
        let executor = Executor::new(plan.root, coll, plan.variables).within(self.workspace.for_request(None));
        Ok(Subject { tried: (plan.tried, plan.winner), ..Subject::new(named.ns, executor, shape) })
    }

    fn pipeline(&self, request: &AggregateRequest<'_>, options: PlanOptions<'_>) -> Result<Subject> {
        let Prepared { ns, executor, lead, shown, rewrites, .. } = self.prepare_for(request, options)?;
        let mut was_tried = (Vec::new(), 0);
        let shape = match lead {
            None => ShapeFacts::default(),
            Some(PlannedLead { lead, filter, about, tried }) => {
                was_tried = tried;
                let rest = hashes::Rest {
                    sort: lead.sort.as_ref().map(DocBuf::as_doc),
                    collation: request.collation,
                    ..hashes::Rest::default()
                };
                let stages = request.pipeline.values().skip(1).map(|stage| format!("{stage:?}"));
                let key: String = stages.collect();
                let named = Named { command: "aggregate", ns: &ns, key: &key };
                facts(named, &filter, about, &rest, &self.index_names(&ns)?)
            }
        };
        Ok(Subject {
            stages: shown.stages,
            sink: shown.sink,
            rewrites,
            tried: was_tried,
            ..Subject::new(&ns, executor, shape)
        })
    }

    fn index_names(&self, ns: &Namespace) -> Result<Vec<String>> {
        let Some(coll) = self.catalog.readable(ns) else { return Ok(Vec::new()) };
        let shared = coll.share()?;
        Ok(shared.indexes().iter().map(|index| index.name().to_owned()).collect())
    }
}

/// A plan whose filter is an `$or` as a whole shows that its branches were planned each for itself.
fn subplanned(plan: Plan, is_hinted: bool) -> Plan {
    let is_rooted_or = matches!(&*plan.filter.ir, Filter::Or(branches) if !branches.is_empty());
    let is_subplanned = is_rooted_or && !is_hinted && plan.root.stage() != "EOF";
    if is_subplanned { plan.map_root(|root| Box::new(Subplan::new(root))) } else { plan }
}

/// A plan below the update of its matches.
fn would_update(plan: Plan, updater: Updater, multi: bool, upsert: bool) -> Plan {
    let again = (plan.is_sorted || plan.skips_arrays).then(|| FilterProgram::from(&plan.filter));
    plan.map_root(|root| Box::new(WouldWrite::update(root, (updater, again), multi, upsert)))
}

fn rest<'m>(matching: &Matching<'m>) -> hashes::Rest<'m> {
    hashes::Rest { sort: matching.sort, projection: matching.projection, collation: matching.collation }
}

/// What the shape of a command's query is called.
fn facts(
    named: Named<'_>,
    filter: &Filter,
    about: PlanAbout,
    rest: &hashes::Rest<'_>,
    indexes: &[String],
) -> ShapeFacts {
    let Named { command, ns, key } = named;
    let shape = hashes::plan_shape(filter, rest);
    let has_query_shape = matches!(command, "find" | "distinct" | "aggregate");
    ShapeFacts {
        plan_shape_hash: hashes::plan_shape_hash(&shape),
        plan_key: hashes::plan_key(&shape, indexes.iter().map(String::as_str)),
        query_shape_hash: match has_query_shape {
            true => hashes::query_shape_hash(command, ns.full(), key, filter, rest),
            false => String::new(),
        },
        has_index_filter: about.has_index_filter,
        parsed_query: filter_document(filter),
        was_cached: about.was_cached,
        query_settings: None,
    }
}
