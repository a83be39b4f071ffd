//! Explaining requests.

use std::time::Instant;

use smongo_vm::value::{DocWriter, RawDoc};

use super::Engine;
use crate::catalog::is_a_view;
use crate::error::Result;
use crate::exec::{Executor, Flow, Matching, plan_matching, write_execution_stats, write_query_planner, write_smongo};
use crate::request::{ExplainRequest, Explained, Namespace, OpContext, Verbosity};

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
        let mut executor = self.explained(ns, filter, &request.explained, &mut rows_max)?;
        out.string("explainVersion", "1");
        write_query_planner(out, ns, filter, executor.root());
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
        write_smongo(out, executor.root());
        Ok(())
    }

    /// The query of a request, and the most rows that it needs.
    fn explained(
        &self,
        ns: &Namespace,
        filter: &RawDoc,
        explained: &Explained<'_>,
        rows_max: &mut u64,
    ) -> Result<Executor> {
        let plain = Matching::new(filter);
        let matching = |matching: Matching<'_>| self.plan(ns, |shared| plan_matching(shared, &matching));
        match explained {
            Explained::Aggregate(aggregate) => Ok(self.prepare(aggregate)?.executor),
            Explained::Find(find) => self.find_executor(find),
            Explained::Count(count) if self.catalog.is_view(ns) => self.count_in_view(count),
            Explained::Count(count) => {
                *rows_max = count.limit.map_or(u64::MAX, |limit| limit.saturating_add(count.skip));
                matching(Matching { hint: count.hint, ..plain })
            }
            Explained::Distinct(distinct) => self.distinct_executor(distinct),
            Explained::Update(..) | Explained::Delete(..) if self.catalog.is_view(ns) => Err(is_a_view(ns)),
            Explained::Update(_, update) => {
                *rows_max = if update.multi { u64::MAX } else { 1 };
                matching(Matching { hint: update.hint, sort: update.sort, ..plain })
            }
            Explained::Delete(_, delete) => {
                *rows_max = if delete.multi { u64::MAX } else { 1 };
                matching(Matching { hint: delete.hint, ..plain })
            }
        }
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
