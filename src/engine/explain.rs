//! Explaining requests.

use std::time::Instant;

use smongo_compiler::explain::filter_document;
use smongo_compiler::ir::Filter;
use smongo_vm::value::{DocBuf, DocWriter, FieldPath, RawDoc};

use super::Engine;
use super::aggregate::{PlannedLead, Prepared};
use crate::catalog::is_a_view;
use crate::collection::Shared;
use crate::error::Result;
use crate::exec::{
    Executor, Flow, Matching, Plan, PlanAbout, ShapeFacts, plan_count, plan_distinct, plan_find, plan_matching,
    write_execution_stats, write_query_planner, write_smongo,
};
use crate::plan_cache::hashes;
use crate::request::{ExplainRequest, Explained, Namespace, OpContext, Verbosity};

/// Plans over a collection, if there is one.
type Planner<'p> = dyn Fn(Option<&Shared<'_>>) -> Result<Plan> + 'p;

impl Engine {
    /// Writes the plan of a request, and from [`Verbosity::ExecutionStats`] on what came of running it. Writes are
    /// not carried out: the documents that they would change are looked for.
    pub fn explain(
        &self,
        op: &OpContext,
        request: &ExplainRequest<'_>,
        out: &mut DocWriter<'_, Vec<u8>>,
    ) -> Result<()> {
        let (ns, filter) = subject(&request.explained);
        let mut rows_max = u64::MAX;
        let (mut executor, shape) = self.explained(ns, filter, &request.explained, &mut rows_max)?;
        out.string("explainVersion", "1");
        write_query_planner(out, ns, &shape, executor.root());
        if request.verbosity >= Verbosity::ExecutionStats {
            let began = Instant::now();
            let mut returned = 0;
            executor.run(&self.storage, op, &mut |_| {
                returned += 1;
                Ok(if returned < rows_max { Flow::Continue } else { Flow::Stop })
            })?;
            let all_plans = request.verbosity == Verbosity::AllPlansExecution;
            write_execution_stats(out, executor.root(), returned, began.elapsed(), all_plans);
        }
        if !shape.query_shape_hash.is_empty() {
            out.string("queryShapeHash", &shape.query_shape_hash);
        }
        write_smongo(out, &shape, executor.root());
        Ok(())
    }

    /// The query of a request with what its shape is called, and the most rows that it needs.
    fn explained(
        &self,
        ns: &Namespace,
        filter: &RawDoc,
        explained: &Explained<'_>,
        rows_max: &mut u64,
    ) -> Result<(Executor, ShapeFacts)> {
        let plain = Matching::new(filter);
        let executor =
            |plan: Plan, coll| Executor::new(plan.root, coll, plan.variables).within(self.workspace.for_request(None));
        let planned = |command: &str, key: &str, matching: &Matching<'_>, plan: &Planner<'_>| {
            let (plan, coll) = self.plan_over(ns, plan)?;
            let names = self.index_names(ns)?;
            let facts = facts((command, ns, key), &plan.filter.ir, plan.about(), &rest(matching), &names);
            Ok((executor(plan, coll), facts))
        };
        let written = |command: &str, matching: Matching<'_>| {
            planned(command, "", &matching, &|shared| plan_matching(shared, &matching))
        };
        match explained {
            Explained::Find(find) if self.catalog.is_view(ns) => Ok((self.find_executor(find)?, ShapeFacts::default())),
            Explained::Count(count) if self.catalog.is_view(ns) => {
                Ok((self.count_in_view(count)?, ShapeFacts::default()))
            }
            Explained::Distinct(distinct) if self.catalog.is_view(ns) => {
                Ok((self.distinct_executor(distinct)?, ShapeFacts::default()))
            }
            Explained::Update(..) | Explained::Delete(..) if self.catalog.is_view(ns) => Err(is_a_view(ns)),
            Explained::Aggregate(aggregate) => {
                let Prepared { executor, lead, .. } = self.prepare(aggregate)?;
                let Some(PlannedLead { lead, filter, about }) = lead else {
                    return Ok((executor, ShapeFacts::default()));
                };
                let rest = hashes::Rest {
                    sort: lead.sort.as_ref().map(DocBuf::as_doc),
                    collation: aggregate.collation,
                    ..hashes::Rest::default()
                };
                let pipeline = aggregate.pipeline.values().skip(1).map(|stage| format!("{stage:?}"));
                let key: String = pipeline.collect();
                let facts = facts(("aggregate", ns, &key), &filter, about, &rest, &self.index_names(ns)?);
                Ok((executor, facts))
            }
            Explained::Find(find) => {
                let (plan, coll) = self.plan_over(ns, |shared| plan_find(shared, find))?;
                let rest = hashes::Rest { sort: find.sort, projection: find.projection, collation: find.collation };
                let facts = facts(("find", ns, ""), &plan.filter.ir, plan.about(), &rest, &self.index_names(ns)?);
                Ok((executor(plan, coll), facts))
            }
            Explained::Count(count) => {
                *rows_max = count.limit.map_or(u64::MAX, |limit| limit.saturating_add(count.skip));
                let matching = Matching { hint: count.hint, collation: count.collation, ..plain };
                planned("count", "", &matching, &|shared| plan_count(shared, &matching))
            }
            Explained::Distinct(distinct) => {
                let matching = Matching { hint: distinct.hint, collation: distinct.collation, ..plain };
                let path = FieldPath::new(distinct.key);
                planned("distinct", distinct.key, &matching, &|shared| plan_distinct(shared, &matching, &path))
            }
            Explained::Update(_, update) => {
                *rows_max = if update.multi { u64::MAX } else { 1 };
                written("update", Matching { hint: update.hint, sort: update.sort, ..plain })
            }
            Explained::Delete(_, delete) => {
                *rows_max = if delete.multi { u64::MAX } else { 1 };
                written("delete", Matching { hint: delete.hint, ..plain })
            }
        }
    }

    fn index_names(&self, ns: &Namespace) -> Result<Vec<String>> {
        let Some(coll) = self.catalog.readable(ns) else { return Ok(Vec::new()) };
        let shared = coll.share()?;
        Ok(shared.indexes().iter().map(|index| index.name().to_owned()).collect())
    }
}

fn rest<'m>(matching: &Matching<'m>) -> hashes::Rest<'m> {
    hashes::Rest { sort: matching.sort, projection: matching.projection, collation: matching.collation }
}

/// What the shape of a command's query is called.
fn facts(
    (command, ns, key): (&str, &Namespace, &str),
    filter: &Filter,
    about: PlanAbout,
    rest: &hashes::Rest<'_>,
    indexes: &[String],
) -> ShapeFacts {
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
    }
}

/// The collection and the filter that a request is about.
fn subject<'a>(explained: &'a Explained<'_>) -> (&'a Namespace, &'a RawDoc) {
    match explained {
        Explained::Aggregate(aggregate) => (&aggregate.ns, RawDoc::EMPTY),
        Explained::Find(find) => (&find.ns, find.filter),
        Explained::Count(count) => (&count.ns, count.filter),
        Explained::Distinct(distinct) => (&distinct.ns, distinct.filter),
        Explained::Update(ns, update) => (ns, update.filter),
        Explained::Delete(ns, delete) => (ns, delete.filter),
    }
}
