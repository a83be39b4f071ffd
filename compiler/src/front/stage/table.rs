//! The table of stages.

use smongo_vm::Result;
use smongo_vm::value::Value;

use super::{
    Scope, bucket, bucket_auto, change_stream, coll_stats, count, densify, document, documents, facet, fill,
    graph_lookup, group, index_stats, inhibit_optimization, limit, lookup, matching, merge, out, plan_cache_stats,
    redact, replace_root, sample, set_window_fields, skip, sort_by_count, sorting, union_with, unwind,
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
}

impl Row {
    const fn new(name: &'static str, parse: fn(Value<'_>, &mut Scope<'_>) -> Result<Vec<Stage>>) -> Self {
        Self { name, parse, position: Position::Anywhere, in_facet: true, in_change_stream: false }
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
}

/// Every stage.
static ROWS: &[Row] = &[
    Row::new("$_internalInhibitOptimization", inhibit_optimization::parse),
    Row::new("$addFields", |spec, scope| document::add_fields(spec, "$addFields", scope.ctx).map(one))
        .in_change_streams(),
    Row::new("$bucket", bucket::parse),
    Row::new("$bucketAuto", bucket_auto::parse),
    Row::new(change_stream::NAME, change_stream::parse).at(Position::FirstOfAny),
    Row::new(change_stream::SPLIT, change_stream::parse_split).at(Position::Last).in_change_streams(),
    Row::new("$collStats", coll_stats::parse).at(Position::First),
    Row::new("$count", count::parse),
    Row::new("$densify", densify::parse),
    Row::new("$documents", documents::parse).at(Position::FirstWithoutCollection),
    Row::new("$facet", facet::parse).not_in_facet(),
    Row::new("$fill", fill::parse),
    Row::new("$graphLookup", graph_lookup::parse),
    Row::new("$group", group::parse),
    Row::new("$indexStats", index_stats::parse).at(Position::First),
    Row::new("$limit", limit::parse),
    Row::new("$lookup", lookup::parse),
    Row::new("$match", matching::parse).in_change_streams(),
    Row::new("$merge", merge::parse).at(Position::Last),
    Row::new("$out", out::parse).at(Position::Last),
    Row::new("$planCacheStats", plan_cache_stats::parse).at(Position::First),
    Row::new("$project", |spec, scope| document::project(spec, scope.ctx).map(one)).in_change_streams(),
    Row::new("$redact", redact::parse).in_change_streams(),
    Row::new("$replaceRoot", replace_root::parse).in_change_streams(),
    Row::new("$replaceWith", |spec, scope| document::replace_with(spec, scope.ctx).map(one)).in_change_streams(),
    Row::new("$sample", sample::parse),
    Row::new("$set", |spec, scope| document::add_fields(spec, "$set", scope.ctx).map(one)).in_change_streams(),
    Row::new("$setWindowFields", set_window_fields::parse),
    Row::new("$skip", skip::parse),
    Row::new("$sort", sorting::parse),
    Row::new("$sortByCount", sort_by_count::parse),
    Row::new("$unionWith", union_with::parse),
    Row::new("$unset", |spec, _| document::unset(spec).map(one)).in_change_streams(),
    Row::new("$unwind", unwind::parse),
];

/// A stage of its own.
pub(super) fn one(stage: crate::ir::DocumentStage) -> Vec<Stage> {
    vec![Stage::Document(stage)]
}

/// The stage of this name, dollar sign included.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}
