//! The table of stages.

use smongo_vm::Result;
use smongo_vm::value::Value;

use super::{
    Scope, bucket, bucket_auto, change_stream, coll_stats, count, current_op, densify, document, documents, facet,
    fill, graph_lookup, group, index_stats, inhibit_optimization, limit, list_catalog, list_mql_entities,
    list_sessions, list_users, lookup, matching, merge, out, plan_cache_stats, query_settings, query_stats,
    rank_fusion, redact, replace_root, sample, sampled_queries, search, set_window_fields, sharded_data, skip,
    sort_by_count, sorting, union_with, unwind,
};
use crate::ir::Stage;

/// Where in a pipeline a stage may stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Position {
    Anywhere,
    First,
    /// First, in a pipeline that may but need not run on a collection.
    FirstOfAny,
    /// First, in a pipeline that runs on no collection.
    FirstWithoutCollection,
    /// First, in a pipeline that runs on no collection of the database `admin`.
    FirstOnAdmin,
    /// First, in a pipeline over a collection or over none of the database `admin`.
    FirstOnEither,
    Last,
}

/// One stage: its name, its parser, and where it may stand. A parser may give several stages, or none.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) parse: fn(Value<'_>, &mut Scope<'_>) -> Result<Vec<Stage>>,
    pub(super) position: Position,
    pub(super) in_facet: bool,
    /// Whether it may stand behind `$changeStream`.
    pub(super) in_change_stream: bool,
    pub(super) in_stable_api: bool,
    pub(super) in_transactions: bool,
}

impl Row {
    const fn new(name: &'static str, parse: fn(Value<'_>, &mut Scope<'_>) -> Result<Vec<Stage>>) -> Self {
        Self {
            name,
            parse,
            position: Position::Anywhere,
            in_facet: true,
            in_change_stream: false,
            in_stable_api: true,
            in_transactions: true,
        }
    }

    const fn at(mut self, position: Position) -> Self {
        self.position = position;
        self.in_facet = false;
        self
    }

    const fn in_change_streams(mut self) -> Self {
        self.in_change_stream = true;
        self
    }

    const fn not_in_facet(mut self) -> Self {
        self.in_facet = false;
        self
    }

    /// What tells about the server: no part of the Stable API, and no part of transactions.
    const fn of_the_server(mut self) -> Self {
        self.in_stable_api = false;
        self.in_transactions = false;
        self
    }

    const fn not_in_transactions(mut self) -> Self {
        self.in_transactions = false;
        self
    }

    const fn not_in_stable_api(mut self) -> Self {
        self.in_stable_api = false;
        self
    }
}

/// Every stage.
static ROWS: &[Row] = &[
    Row::new("$_internalInhibitOptimization", inhibit_optimization::parse),
    Row::new("$addFields", |spec, scope| document::add_fields(spec, "$addFields", scope.ctx).map(one))
        .in_change_streams(),
    Row::new("$bucket", bucket::parse),
    Row::new("$bucketAuto", bucket_auto::parse),
    Row::new(change_stream::NAME, change_stream::parse).at(Position::FirstOfAny).not_in_transactions(),
    Row::new(change_stream::SPLIT, change_stream::parse_split).at(Position::Last).in_change_streams(),
    Row::new("$collStats", coll_stats::parse).at(Position::First).not_in_transactions(),
    Row::new("$count", count::parse),
    Row::new("$currentOp", current_op::parse).at(Position::FirstOnAdmin).of_the_server(),
    Row::new("$densify", densify::parse),
    Row::new("$documents", documents::parse).at(Position::FirstWithoutCollection),
    Row::new("$facet", facet::parse).not_in_facet(),
    Row::new("$fill", fill::parse),
    Row::new("$graphLookup", graph_lookup::parse),
    Row::new("$group", group::parse),
    Row::new("$indexStats", index_stats::parse).at(Position::First).of_the_server(),
    Row::new("$limit", limit::parse),
    Row::new("$listCachedAndActiveUsers", list_users::parse).at(Position::FirstWithoutCollection).of_the_server(),
    Row::new("$listCatalog", list_catalog::parse).at(Position::FirstOnEither).of_the_server(),
    Row::new("$listClusterCatalog", list_catalog::parse_cluster).at(Position::FirstWithoutCollection).of_the_server(),
    Row::new("$listLocalSessions", list_sessions::parse_local).at(Position::FirstWithoutCollection).of_the_server(),
    Row::new("$listMqlEntities", list_mql_entities::parse).at(Position::FirstOnAdmin).of_the_server(),
    Row::new("$listSampledQueries", sampled_queries::parse).at(Position::FirstOnAdmin).of_the_server(),
    Row::new("$listSearchIndexes", search::refuse_indexes).at(Position::First).of_the_server(),
    Row::new("$listSessions", list_sessions::parse).at(Position::First).of_the_server(),
    Row::new("$lookup", lookup::parse),
    Row::new("$match", matching::parse).in_change_streams(),
    Row::new("$merge", merge::parse).at(Position::Last).not_in_transactions(),
    Row::new("$out", out::parse).at(Position::Last).not_in_transactions(),
    Row::new("$planCacheStats", plan_cache_stats::parse).at(Position::First).of_the_server(),
    Row::new("$project", |spec, scope| document::project(spec, scope.ctx).map(one)).in_change_streams(),
    Row::new("$querySettings", query_settings::parse).at(Position::FirstOnAdmin).of_the_server(),
    Row::new("$queryStats", query_stats::parse).at(Position::FirstOnAdmin).of_the_server(),
    Row::new(rank_fusion::NAME, rank_fusion::parse).at(Position::First).not_in_stable_api(),
    Row::new("$redact", redact::parse).in_change_streams(),
    Row::new("$replaceRoot", replace_root::parse).in_change_streams(),
    Row::new("$replaceWith", |spec, scope| document::replace_with(spec, scope.ctx).map(one)).in_change_streams(),
    Row::new("$sample", sample::parse),
    Row::new("$search", search::refuse).at(Position::First).not_in_stable_api(),
    Row::new("$searchBeta", search::refuse).at(Position::First).not_in_stable_api(),
    Row::new("$searchMeta", search::refuse).at(Position::First).not_in_stable_api(),
    Row::new("$set", |spec, scope| document::add_fields(spec, "$set", scope.ctx).map(one)).in_change_streams(),
    Row::new("$setWindowFields", set_window_fields::parse),
    Row::new("$shardedDataDistribution", sharded_data::parse).at(Position::FirstOnAdmin).of_the_server(),
    Row::new("$skip", skip::parse),
    Row::new("$sort", sorting::parse),
    Row::new("$sortByCount", sort_by_count::parse),
    Row::new("$unionWith", union_with::parse),
    Row::new("$unset", |spec, _| document::unset(spec).map(one)).in_change_streams(),
    Row::new("$unwind", unwind::parse),
    Row::new("$vectorSearch", search::refuse).at(Position::First).not_in_stable_api(),
];

/// A stage of its own.
pub(super) fn one(stage: crate::ir::DocumentStage) -> Vec<Stage> {
    vec![Stage::Document(stage)]
}

/// The stage of this name, dollar sign included.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// The names of all stages.
pub(super) fn names() -> Vec<&'static str> {
    ROWS.iter().map(|row| row.name).filter(|name| !name.starts_with("$_")).collect()
}

/// Where a stage may be asked for.
#[derive(Clone, Copy, Debug)]
pub struct StageTraits {
    /// Whether the Stable API has it.
    pub in_stable_api: bool,
    /// Whether it may stand in a transaction of several statements.
    pub in_transactions: bool,
}

/// Where the stage of this name may be asked for, dollar sign included; `None` when there is no such stage.
pub fn stage_traits(name: &str) -> Option<StageTraits> {
    let Row { in_stable_api, in_transactions, .. } = *find(name)?;
    Some(StageTraits { in_stable_api, in_transactions })
}
