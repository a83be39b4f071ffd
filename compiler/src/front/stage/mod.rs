//! Aggregation pipelines: from an array of stages to [`Pipeline`].
//!
//! [`table`] lists the stages; a stage's file holds its parser. A parser sees the stage's argument and the
//! [`Scope`] it stands in; what may stand where is checked here, by what the table says of each stage. How stages run
//! is not known here.

mod bucket;
mod bucket_auto;
mod change_stream;
mod coll_stats;
mod count;
mod current_op;
mod densify;
pub mod document;
mod documents;
mod facet;
mod fill;
mod graph_lookup;
mod group;
mod index_stats;
mod inhibit_optimization;
mod limit;
mod list_catalog;
mod list_mql_entities;
mod list_sessions;
mod list_users;
mod lookup;
mod matching;
mod merge;
mod metadata;
mod options;
mod out;
mod plan_cache_stats;
mod query_settings;
mod query_stats;
mod rank_fusion;
mod redact;
mod replace_root;
mod sample;
mod sampled_queries;
mod search;
mod set_window_fields;
mod sharded_data;
mod skip;
mod sort_by_count;
mod sorting;
mod table;
mod union_with;
mod unwind;

use smongo_vm::code::Code;
use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::collation;
use super::context::ParseContext;
use crate::ir::pipeline::{CollectionId, CollectionName, Pipeline, Stage, SubPipeline};
pub use document::{add_fields, project, replace_with, unset};
use table::{Position, Row};
pub use table::{StageTraits, stage_traits};

/// Most stages of one pipeline. MongoDB: 1000.
const MAX_STAGES: usize = 1000;

/// Deepest nesting of pipelines in stages. MongoDB: 20.
const MAX_SUB_PIPELINE_DEPTH: usize = 20;

/// Where a pipeline stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// It is a request's own.
    Request,
    Lookup,
    UnionWith,
    Facet,
}

/// What a stage's parser knows of its surroundings.
pub struct Scope<'c> {
    /// Variables, for expressions and filters.
    pub ctx: &'c mut ParseContext,
    /// The database that the request runs on.
    pub db: &'c str,
    collections: &'c mut Vec<CollectionName>,
    /// Whether the pipeline runs on a collection.
    has_collection: bool,
    /// Which one.
    coll: CollectionId,
    place: Place,
    /// Pipelines around this one.
    depth: usize,
}

/// What a stage reads besides its input.
struct Source {
    coll: CollectionId,
    /// The view by whose documents the collection is seen.
    view: Option<Box<SubPipeline>>,
}

impl Scope<'_> {
    /// What a stage reads by this name: a collection, perhaps by way of a view.
    fn source(&mut self, db: &str, coll: &str) -> Result<Source> {
        let Some(resolved) = self.ctx.view(db, coll) else {
            return Ok(Source { coll: self.collection(db, coll), view: None });
        };
        let own = resolved.collation.as_deref().map(collation::parse).transpose()?.flatten();
        if own.as_ref() != self.ctx.collation() {
            let message = format!("Cannot override default collation of view {db}.{coll}");
            return Err(Error::new(Code::OPTION_NOT_SUPPORTED_ON_VIEW, message));
        }
        let coll = self.collection(db, &resolved.coll);
        // A view sees nothing of the request that reads it.
        let mut ctx = self.ctx.of_view();
        let source = Some(Source { coll, view: None });
        let (db, place) = (self.db, self.place);
        let collections = &mut *self.collections;
        let mut inner = Scope { ctx: &mut ctx, db, collections, has_collection: true, coll, place, depth: self.depth };
        let view = inner.sub_pipeline_here(source, &resolved.pipeline)?;
        Ok(Source { coll, view: Some(Box::new(view)) })
    }

    /// The number of a collection that the pipeline reads besides its own.
    fn collection(&mut self, db: &str, coll: &str) -> CollectionId {
        let name = CollectionName { db: db.to_owned(), coll: coll.to_owned() };
        let known = self.collections.iter().position(|known| *known == name);
        let at = known.unwrap_or_else(|| {
            self.collections.push(name);
            self.collections.len() - 1
        });
        CollectionId(at + 1)
    }

    /// Parses a pipeline that stands in a stage; `ctx` knows its variables. Without a collection it must begin with a
    /// stage that needs none.
    fn sub_pipeline(
        &mut self,
        place: Place,
        source: Option<Source>,
        stages: &RawDoc,
        ctx: &mut ParseContext,
    ) -> Result<SubPipeline> {
        let has_collection = source.is_some() || (place == Place::Facet && self.has_collection);
        let collections = &mut *self.collections;
        let mut inner =
            Scope { ctx, db: self.db, collections, has_collection, coll: self.coll, place, depth: self.depth };
        // What accompanies the documents outside is not known inside.
        inner.ctx.end_metadata();
        inner.sub_pipeline_here(source, stages)
    }

    fn sub_pipeline_here(&mut self, source: Option<Source>, stages: &RawDoc) -> Result<SubPipeline> {
        if self.depth >= MAX_SUB_PIPELINE_DEPTH {
            return Err(Error::new(
                Code::MAX_SUB_PIPELINE_DEPTH_EXCEEDED,
                format!("Maximum number of nested sub-pipelines exceeded. Limit is {MAX_SUB_PIPELINE_DEPTH}"),
            ));
        }
        if source.is_some() && needs_no_collection(stages) {
            let message = "a stage that needs no collection cannot begin a pipeline that has one";
            return Err(Error::new(Code::INVALID_NAMESPACE, message));
        }
        let outer = self.coll;
        self.coll = source.as_ref().map_or(outer, |source| source.coll);
        self.depth += 1;
        let stages = self.stages(stages);
        self.depth -= 1;
        self.coll = outer;
        let (coll, view) = source.map_or((None, None), |source| (Some(source.coll), source.view));
        Ok(SubPipeline { coll, view, stages: stages? })
    }

    fn stages(&mut self, pipeline: &RawDoc) -> Result<Vec<Stage>> {
        let count = pipeline.iter().count();
        if count > MAX_STAGES {
            let message = format!("Pipeline length must be no longer than {MAX_STAGES} stages.");
            return Err(Error::location(7_749_501, message));
        }
        let mut parsed = Vec::new();
        let mut misplaced = None;
        for (at, element) in pipeline.values().enumerate() {
            let (row, spec) = stage_of(element)?;
            self.check_namespace(row)?;
            self.check_place(row)?;
            if !metadata::passes(row.name) {
                parsed.extend(metadata::leave_out(self.ctx));
            }
            let mut stages = (row.parse)(spec, self)?;
            let goes_on = self.ctx.metadata().is_some() && at < metadata::last_reader(pipeline);
            if goes_on {
                metadata::keep(&mut stages);
            }
            parsed.extend(stages);
            if !goes_on {
                parsed.extend(metadata::leave_out(self.ctx));
            }
            misplaced = misplaced.or_else(|| check_position(row, at == 0, at + 1 == count).err());
        }
        match misplaced {
            Some(error) => Err(error),
            None => Ok(parsed),
        }
    }

    /// Fails unless the pipeline runs on what the stage tells about.
    fn check_namespace(&self, row: &Row) -> Result<()> {
        let name = row.name;
        let message = match (row.position, self.has_collection) {
            (Position::FirstOnAdmin, has_collection) if has_collection || self.db != "admin" => {
                format!("{name} must be run against the 'admin' database with {{aggregate: 1}}")
            }
            (Position::FirstOnEither, false) if self.db != "admin" => {
                format!("Collectionless {name} must be run against the 'admin' database with {{aggregate: 1}}")
            }
            // What a request quotes is checked where the whole pipeline is known.
            (Position::FirstWithoutCollection, true) if name != "$documents" => {
                format!("{name} must be run against the database with {{aggregate: 1}}, not a collection")
            }
            _ => return Ok(()),
        };
        Err(Error::new(Code::INVALID_NAMESPACE, message))
    }

    fn check_place(&self, row: &Row) -> Result<()> {
        let name = row.name;
        match self.place {
            Place::Facet if !row.in_facet => {
                Err(Error::location(40600, format!("{name} is not allowed to be used within a $facet stage")))
            }
            Place::Lookup if row.position == Position::Last => {
                Err(Error::location(51047, format!("{name} is not allowed within a $lookup's sub-pipeline")))
            }
            Place::UnionWith if row.position == Position::Last => {
                Err(Error::location(31441, format!("{name} is not allowed within a $unionWith's sub-pipeline")))
            }
            _ => Ok(()),
        }
    }
}

/// The stage in an element of a pipeline, with its argument.
fn stage_of(element: Value<'_>) -> Result<(&'static Row, Value<'_>)> {
    let Some(stage) = element.as_doc() else {
        return Err(Error::type_mismatch("Each element of the 'pipeline' array must be an object"));
    };
    let mut fields = stage.iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return Err(Error::location(40323, "A pipeline stage specification object must contain exactly one field."));
    };
    let name = field.name_str();
    let Some(row) = table::find(name) else {
        return Err(Error::location(40324, format!("Unrecognized pipeline stage name: '{name}'")));
    };
    Ok((row, field.value()))
}

fn check_position(row: &Row, is_first: bool, is_last: bool) -> Result<()> {
    match row.position {
        Position::First if !is_first && row.name == rank_fusion::NAME => {
            Err(Error::location(10_170_100, format!("{} is only valid as the first stage in a pipeline.", row.name)))
        }
        Position::First
        | Position::FirstOfAny
        | Position::FirstWithoutCollection
        | Position::FirstOnAdmin
        | Position::FirstOnEither
            if !is_first =>
        {
            Err(Error::location(40602, format!("{} is only valid as the first stage in a pipeline.", row.name)))
        }
        Position::Last if !is_last => {
            Err(Error::location(40601, format!("{} can only be the final stage in the pipeline", row.name)))
        }
        _ => Ok(()),
    }
}

/// Parses the pipeline of a request on database `db`; `has_collection` tells `aggregate: "name"` from `aggregate: 1`.
pub fn parse(pipeline: &RawDoc, db: &str, has_collection: bool, ctx: &mut ParseContext) -> Result<Pipeline> {
    let mut collections = Vec::new();
    let mut scope = Scope {
        ctx,
        db,
        collections: &mut collections,
        has_collection,
        coll: CollectionId::MAIN,
        place: Place::Request,
        depth: 0,
    };
    let stages = scope.stages(pipeline)?;
    check_source(pipeline, has_collection)?;
    change_stream::check_pipeline(pipeline)?;
    Ok(Pipeline { stages, collections })
}

/// Fails unless the first stage fits what the request runs on.
fn check_source(pipeline: &RawDoc, has_collection: bool) -> Result<()> {
    let Some(first) = pipeline.values().next() else {
        if has_collection {
            return Ok(());
        }
        return Err(Error::new(Code::INVALID_NAMESPACE, "{aggregate: 1} is not valid for an empty pipeline."));
    };
    let (row, _) = stage_of(first)?;
    let name = row.name;
    match (row.position, has_collection) {
        (Position::FirstWithoutCollection, true) => {
            Err(Error::new(Code::INVALID_NAMESPACE, format!("{name} can only be run with {{aggregate: 1}}")))
        }
        (Position::Anywhere | Position::First | Position::Last, false) => Err(Error::new(
            Code::INVALID_NAMESPACE,
            format!("{{aggregate: 1}} is not valid for '{name}'; a collection is required."),
        )),
        _ => Ok(()),
    }
}

/// Whether a sub-pipeline begins with a stage that needs no collection.
fn needs_no_collection(pipeline: &RawDoc) -> bool {
    let first = pipeline.values().next().and_then(|first| stage_of(first).ok());
    first.is_some_and(|(row, _)| matches!(row.position, Position::FirstWithoutCollection | Position::FirstOnAdmin))
}
