//! `explain`: a request about another request.

use smongo_vm::value::RawDoc;

use super::{
    AggregateRequest, CountRequest, DeleteStatement, DistinctRequest, FindAndModifyRequest, FindRequest, Namespace,
    UpdateStatement,
};

/// How much an explanation says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verbosity {
    /// The plan, without running it.
    QueryPlanner,
    /// The plan, run, with counts.
    ExecutionStats,
    /// The same, with the trial runs of every candidate.
    AllPlansExecution,
}

impl Verbosity {
    /// The level with MongoDB's name for it.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "queryPlanner" => Self::QueryPlanner,
            "executionStats" => Self::ExecutionStats,
            "allPlansExecution" => Self::AllPlansExecution,
            _ => return None,
        })
    }
}

/// What is explained.
#[derive(Clone, Debug)]
pub enum Explained<'r> {
    /// A pipeline; one that writes is not carried out.
    Aggregate(AggregateRequest<'r>),
    /// A find.
    Find(FindRequest<'r>),
    /// A count.
    Count(CountRequest<'r>),
    /// A distinct.
    Distinct(DistinctRequest<'r>),
    /// One update statement, with the request's variables; it is not carried out.
    Update(Namespace, UpdateStatement<'r>, Option<&'r RawDoc>),
    /// One delete statement, with the request's variables; it is not carried out.
    Delete(Namespace, DeleteStatement<'r>, Option<&'r RawDoc>),
    /// A findAndModify, which is not carried out.
    FindAndModify(FindAndModifyRequest<'r>),
}

impl Explained<'_> {
    /// The collection that the request is about.
    pub fn namespace(&self) -> &Namespace {
        match self {
            Explained::Aggregate(aggregate) => &aggregate.ns,
            Explained::Find(find) => &find.ns,
            Explained::Count(count) => &count.ns,
            Explained::Distinct(distinct) => &distinct.ns,
            Explained::Update(ns, ..) | Explained::Delete(ns, ..) => ns,
            Explained::FindAndModify(request) => &request.ns,
        }
    }
}

/// `explain`.
#[derive(Clone, Debug)]
pub struct ExplainRequest<'r> {
    /// What is explained.
    pub explained: Explained<'r>,
    /// How much is said.
    pub verbosity: Verbosity,
}
