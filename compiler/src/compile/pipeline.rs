//! Pipelines from request to programs.
//!
//! What a pipeline begins with, as far as a find could say it too, becomes its [`Lead`] and is planned like a find.
//! Neighbouring stages that see one document at a time are fused into one program; a sort learns how many documents
//! will be asked for.

use std::iter::Peekable;
use std::sync::Arc;

use smongo_vm::Result;
use smongo_vm::collation::Collation;
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, FieldPath, OwnedValue, RawDoc, Value};

use super::CompiledFilter;
use super::group::{self, CompiledBucketAuto, CompiledGroup, CompiledWindow};
use crate::codegen::{self, RowStep, Strings};
use crate::explain;
use crate::front::context::ParseContext;
use crate::front::{filter, stage};
use crate::ir::pipeline::{
    ChangeStream, CollectionId, CollectionName, Densify, Facts, GraphLookup, Lookup, Merge, Redact, Stage, SubPipeline,
    Unwind, WhenMatched, WhenNotMatched,
};
use crate::ir::{Expr, Filter};
use crate::rewrite;

/// Most stages that go into one program: a limit of the instruction encoding must not become one of pipelines.
const FUSED_STAGES_MAX: usize = 32;

/// What a pipeline asks of its collection first, in a find's terms.
#[derive(Clone, Default, Debug)]
pub struct Lead {
    /// The filter; `{}` when there is none.
    pub filter: DocBuf,
    /// The order.
    pub sort: Option<DocBuf>,
    /// How many documents are left out.
    pub skip: u64,
    /// How many documents are wanted then.
    pub limit: Option<u64>,
}

/// A pipeline, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledPipeline {
    /// What is asked of the collection.
    pub lead: Lead,
    /// The stages after that.
    pub stages: Vec<CompiledStage>,
    /// What [`CollectionId`]s stand for, but for number 0: the first entry is number 1.
    pub collections: Vec<CollectionName>,
    /// What the rewrites did.
    pub rewrites: Vec<rewrite::Applied>,
}

/// A pipeline inside a stage, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledSubPipeline {
    /// What it reads; `None` when its first stage makes documents of nothing.
    pub coll: Option<CollectionId>,
    /// The view whose documents it reads, where it does not read the collection's own.
    pub view: Option<Box<CompiledSubPipeline>>,
    /// Which documents it reads, with the request's words for the filter.
    pub filter: Option<(CompiledFilter, DocBuf)>,
    /// The stages after that.
    pub stages: Vec<CompiledStage>,
}

/// A stage, ready to run. Cheap to clone.
#[derive(Clone, Debug)]
pub enum CompiledStage {
    /// Documents that do not match are dropped.
    Match {
        /// The filter's program.
        program: Arc<Program>,
        /// The request's words for it.
        source: DocBuf,
    },
    /// Each document becomes what the program gives; nothing drops it.
    Transform(Arc<Program>),
    /// `$redact`.
    Redact {
        /// Decides about one level of a document.
        program: Arc<Program>,
        /// The variable that holds the whole document.
        root_variable: usize,
    },
    /// `$limit`.
    Limit(u64),
    /// `$skip`.
    Skip(u64),
    /// `$sort`.
    Sort {
        /// Makes sort keys.
        program: Arc<Program>,
        /// The request's words for the order.
        source: DocBuf,
        /// How many documents will be asked for.
        limit: Option<u64>,
    },
    /// `$count`.
    Count(String),
    /// `$group`.
    Group(Arc<CompiledGroup>),
    /// `$bucketAuto`.
    BucketAuto(Arc<CompiledBucketAuto>),
    /// `$setWindowFields`.
    Window(Arc<CompiledWindow>),
    /// `$unwind`.
    Unwind(Arc<Unwind>),
    /// `$sample`.
    Sample(u64),
    /// `$documents`.
    Documents(Arc<Program>),
    /// `$unionWith`.
    UnionWith(Arc<CompiledSubPipeline>),
    /// `$lookup`.
    Lookup(Arc<CompiledLookup>),
    /// `$graphLookup`.
    GraphLookup(Arc<CompiledGraphLookup>),
    /// `$densify`.
    Densify(Arc<CompiledDensify>),
    /// `$facet`.
    Facet(Arc<Vec<(String, Vec<CompiledStage>)>>),
    /// `$out`.
    Out(CollectionName),
    /// `$merge`.
    Merge(Arc<CompiledMerge>),
    /// `$changeStream`.
    ChangeStream(Arc<ChangeStream>),
    /// `$changeStreamSplitLargeEvent`.
    SplitLargeEvent,
    /// Documents that the engine makes up.
    Facts(Facts),
}

/// `$lookup`, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledLookup {
    /// What is joined.
    pub from: CompiledSubPipeline,
    /// Where the joined documents go.
    pub target: FieldPath,
    /// The local and the foreign field.
    pub equality: Option<(FieldPath, FieldPath)>,
    /// The values of the sub-pipeline's variables.
    pub bindings: Vec<Arc<Program>>,
    /// The first of the variables that hold them.
    pub first_variable: usize,
    /// The collation under which strings are equal; bytewise without one.
    pub collation: Option<Arc<Collation>>,
}

/// `$graphLookup`, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledGraphLookup {
    /// What is searched.
    pub from: CompiledSubPipeline,
    /// Where to begin.
    pub start_with: Arc<Program>,
    /// The rest.
    pub ir: GraphLookup,
}

/// `$densify`, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledDensify {
    /// Gives the value after the one in field `v`.
    pub next: Arc<Program>,
    /// The rest.
    pub ir: Densify,
}

/// `$merge`, ready to run.
#[derive(Clone, Debug)]
pub struct CompiledMerge {
    /// Where the documents go.
    pub into: CollectionName,
    /// The paths that tell whether a document is there already; `None` is `_id`.
    pub on: Option<Vec<String>>,
    /// What happens when it is.
    pub when_matched: CompiledWhenMatched,
    /// What happens when it is not.
    pub when_not_matched: WhenNotMatched,
    /// The collation under which a document is there already; bytewise without one.
    pub collation: Option<Arc<Collation>>,
}

/// What `$merge` does about a document that is there already.
#[derive(Clone, Debug)]
pub enum CompiledWhenMatched {
    /// The new document takes the old one's place.
    Replace,
    /// The old document stays.
    KeepExisting,
    /// The new document's fields are set in the old one.
    Merge,
    /// The request fails.
    Fail,
    /// The old document is changed by an update pipeline.
    Pipeline {
        /// The update pipeline, as an array.
        stages: OwnedValue,
        /// Its variables, with the programs of their values over the new document.
        bindings: Vec<(String, Arc<Program>)>,
    },
}

/// Parses and compiles the pipeline of a request on database `db`; `has_collection` tells `aggregate: "name"` from
/// `aggregate: 1`.
pub fn compile_pipeline(
    pipeline: &RawDoc,
    db: &str,
    has_collection: bool,
    ctx: &mut ParseContext,
) -> Result<CompiledPipeline> {
    let (compiled, stages) = rewritten(pipeline, db, has_collection, ctx)?;
    Ok(CompiledPipeline { stages: compile_stages(&stages, ctx.collation())?, ..compiled })
}

/// What `explain` says of a compiled stage.
#[derive(Clone, Debug)]
pub struct ShownStage {
    /// mongod's stages that it stands for.
    pub documents: Vec<DocBuf>,
    /// For each of them, whether it lets fewer documents through than reach it, or more.
    pub changes_number: Vec<bool>,
}

/// [`compile_pipeline`], with what is to be shown of each compiled stage. `main` is the collection that the pipeline
/// runs on, if it runs on one.
pub fn explain_pipeline(
    pipeline: &RawDoc,
    db: &str,
    main: Option<&str>,
    ctx: &mut ParseContext,
) -> Result<(CompiledPipeline, Vec<ShownStage>)> {
    let (compiled, stages) = rewritten(pipeline, db, main.is_some(), ctx)?;
    let names = explain::Names { main: main.unwrap_or_default(), others: &compiled.collections };
    let shown = programs_of(&stages).map(|(fused, _)| {
        let mut shown = ShownStage { documents: Vec::new(), changes_number: Vec::new() };
        for stage in fused {
            let documents = explain::stage_documents(stage, names);
            shown.changes_number.extend(documents.iter().map(|_| !matches!(stage, Stage::Document(_))));
            shown.documents.extend(documents);
        }
        shown
    });
    let shown = shown.collect();
    Ok((CompiledPipeline { stages: compile_stages(&stages, ctx.collation())?, ..compiled }, shown))
}

/// A pipeline after all rewrites: what can be said of it as a whole, and the stages behind its lead.
fn rewritten(
    pipeline: &RawDoc,
    db: &str,
    has_collection: bool,
    ctx: &mut ParseContext,
) -> Result<(CompiledPipeline, Vec<Stage>)> {
    let parsed = stage::parse(pipeline, db, has_collection, ctx)?;
    let (stages, rewrites) = rewrite::pipeline(parsed.stages, &mut |source| filter::parse(source, ctx))?;
    let mut stages = stages.into_iter().peekable();
    let lead = if has_collection { lead(&mut stages) } else { Lead::default() };
    let compiled = CompiledPipeline { lead, stages: Vec::new(), collections: parsed.collections, rewrites };
    Ok((compiled, stages.collect()))
}

type Stages = Peekable<std::vec::IntoIter<Stage>>;

/// Takes from the stages what a find could say.
fn lead(stages: &mut Stages) -> Lead {
    let mut filters = Vec::new();
    while let Some(stage) = stages.next_if(|stage| matches!(stage, Stage::Match { .. })) {
        if let Stage::Match { source, .. } = stage {
            filters.push(source);
        }
    }
    let mut lead = Lead { filter: conjunction(filters), ..Lead::default() };
    if let Some(Stage::Sort { source, .. }) = stages.next_if(|stage| matches!(stage, Stage::Sort { .. })) {
        lead.sort = Some(source);
    }
    if let Some(Stage::Skip(skip)) = stages.next_if(|stage| matches!(stage, Stage::Skip(_))) {
        lead.skip = skip;
    }
    if let Some(Stage::Limit(limit)) = stages.next_if(|stage| matches!(stage, Stage::Limit(_))) {
        lead.limit = Some(limit);
    }
    lead
}

/// The filter that means all of `filters`.
fn conjunction(mut filters: Vec<DocBuf>) -> DocBuf {
    if filters.len() < 2 {
        return filters.pop().unwrap_or_default();
    }
    DocBuf::build(|doc| {
        doc.array("$and", |parts| filters.iter().for_each(|filter| parts.value(Value::document(filter))));
    })
}

fn compile_stages(stages: &[Stage], strings: Strings<'_>) -> Result<Vec<CompiledStage>> {
    let compiled = programs_of(stages).map(|(fused, after)| {
        let steps: Vec<RowStep<'_>> = fused.iter().filter_map(row_step).collect();
        match fused {
            [stage] if steps.is_empty() => compile_stage(stage, after, strings),
            _ => fuse(fused, &steps, strings),
        }
    });
    compiled.collect()
}

/// The stages that one operator stands for, each time with those that follow them.
fn programs_of(stages: &[Stage]) -> impl Iterator<Item = (&[Stage], &[Stage])> {
    let mut rest = stages;
    std::iter::from_fn(move || {
        while let [Stage::Inhibit, after @ ..] = rest {
            rest = after;
        }
        let steps = rest.iter().take(FUSED_STAGES_MAX).take_while(|stage| row_step(stage).is_some()).count();
        let (fused, after) = rest.split_at_checked(steps.max(1))?;
        rest = after;
        Some((fused, after))
    })
}

fn row_step(stage: &Stage) -> Option<RowStep<'_>> {
    match stage {
        Stage::Match { filter, .. } => Some(RowStep::Match(filter)),
        Stage::Document(stage) => Some(RowStep::Document(stage)),
        _ => None,
    }
}

/// One program for neighbouring stages. When they only match, documents pass as they are.
fn fuse(stages: &[Stage], steps: &[RowStep<'_>], strings: Strings<'_>) -> Result<CompiledStage> {
    let mut filters = Vec::new();
    let mut sources = Vec::new();
    for stage in stages {
        let Stage::Match { filter, source } = stage else {
            return codegen::compile_row_steps(steps, strings)
                .map(|program| CompiledStage::Transform(Arc::new(program)));
        };
        filters.push(filter.clone());
        sources.push(source.clone());
    }
    let program = Arc::new(codegen::compile_filter(&Filter::And(filters), strings)?);
    Ok(CompiledStage::Match { program, source: conjunction(sources) })
}

/// A stage that is not fused with others; `after` are the stages that follow.
fn compile_stage(stage: &Stage, after: &[Stage], strings: Strings<'_>) -> Result<CompiledStage> {
    Ok(match stage {
        Stage::Match { .. } | Stage::Document(_) => {
            let steps: Vec<RowStep<'_>> = row_step(stage).into_iter().collect();
            fuse(std::slice::from_ref(stage), &steps, strings)?
        }
        Stage::Redact(Redact { decision, root_variable }) => {
            CompiledStage::Redact { program: program(decision, strings)?, root_variable: *root_variable }
        }
        Stage::Limit(limit) => CompiledStage::Limit(*limit),
        Stage::Skip(skip) => CompiledStage::Skip(*skip),
        Stage::Sort { sort, source } => CompiledStage::Sort {
            program: Arc::new(codegen::compile_sort(sort, strings)?),
            source: source.clone(),
            limit: wanted_of(after),
        },
        Stage::Count(name) => CompiledStage::Count(name.clone()),
        Stage::Group(spec) => CompiledStage::Group(Arc::new(group::group(spec, strings)?)),
        Stage::BucketAuto(spec) => CompiledStage::BucketAuto(Arc::new(group::bucket_auto(spec, strings)?)),
        Stage::Window(spec) => CompiledStage::Window(Arc::new(group::window(spec, strings)?)),
        Stage::Unwind(unwind) => CompiledStage::Unwind(Arc::new(unwind.clone())),
        Stage::Sample(size) => CompiledStage::Sample(*size),
        Stage::Documents(documents) => CompiledStage::Documents(program(documents, strings)?),
        Stage::UnionWith(from) => CompiledStage::UnionWith(Arc::new(compile_sub_pipeline(from, strings)?)),
        Stage::Lookup(lookup) => CompiledStage::Lookup(Arc::new(compile_lookup(lookup, strings)?)),
        Stage::GraphLookup(search) => {
            let start_with = program(&search.start_with, strings)?;
            let filter = match &search.restriction {
                None => None,
                Some((filter, source)) => {
                    let program = Arc::new(codegen::compile_filter(filter, strings)?);
                    Some((CompiledFilter { program, ir: Arc::new(filter.clone()) }, source.clone()))
                }
            };
            let view = compile_view(search.view.as_deref(), strings)?;
            let from = CompiledSubPipeline { coll: Some(search.from), view, filter, stages: Vec::new() };
            CompiledStage::GraphLookup(Arc::new(CompiledGraphLookup { from, start_with, ir: (**search).clone() }))
        }
        Stage::Densify(densify) => {
            let next = program(&densify.next, strings)?;
            CompiledStage::Densify(Arc::new(CompiledDensify { next, ir: (**densify).clone() }))
        }
        Stage::Facet(facets) => {
            let compile = |(name, stages): &(String, Vec<Stage>)| Ok((name.clone(), compile_stages(stages, strings)?));
            CompiledStage::Facet(Arc::new(facets.iter().map(compile).collect::<Result<_>>()?))
        }
        Stage::Out(target) => CompiledStage::Out(target.clone()),
        Stage::Merge(merge) => CompiledStage::Merge(Arc::new(compile_merge(merge, strings)?)),
        // It stands for nothing that runs; see `compile_stages`.
        Stage::Inhibit => CompiledStage::Skip(0),
        Stage::ChangeStream(stream) => CompiledStage::ChangeStream(Arc::new((**stream).clone())),
        Stage::SplitLargeEvent => CompiledStage::SplitLargeEvent,
        Stage::Facts(facts) => CompiledStage::Facts(facts.clone()),
    })
}

/// How many documents the stages after a sort ask it for, when that is known.
fn wanted_of(after: &[Stage]) -> Option<u64> {
    let mut skipped = 0u64;
    for stage in after {
        match stage {
            Stage::Skip(skip) => skipped = skipped.saturating_add(*skip),
            Stage::Limit(limit) => return Some(limit.saturating_add(skipped)),
            _ => return None,
        }
    }
    None
}

fn program(expr: &Expr, strings: Strings<'_>) -> Result<Arc<Program>> {
    codegen::compile_expr(expr, strings).map(Arc::new)
}

fn compile_sub_pipeline(from: &SubPipeline, strings: Strings<'_>) -> Result<CompiledSubPipeline> {
    let mut stages = from.stages.clone();
    let filter = match stages.first() {
        Some(Stage::Match { filter, source }) if from.coll.is_some() => {
            let program = Arc::new(codegen::compile_filter(filter, strings)?);
            Some((CompiledFilter { program, ir: Arc::new(filter.clone()) }, source.clone()))
        }
        _ => None,
    };
    if filter.is_some() {
        stages.remove(0);
    }
    let view = compile_view(from.view.as_deref(), strings)?;
    Ok(CompiledSubPipeline { coll: from.coll, view, filter, stages: compile_stages(&stages, strings)? })
}

fn compile_view(view: Option<&SubPipeline>, strings: Strings<'_>) -> Result<Option<Box<CompiledSubPipeline>>> {
    view.map(|view| compile_sub_pipeline(view, strings).map(Box::new)).transpose()
}

fn compile_lookup(lookup: &Lookup, strings: Strings<'_>) -> Result<CompiledLookup> {
    Ok(CompiledLookup {
        from: compile_sub_pipeline(&lookup.from, strings)?,
        target: lookup.target.clone(),
        equality: lookup.equality.clone(),
        bindings: lookup.bindings.iter().map(|value| program(value, strings)).collect::<Result<_>>()?,
        first_variable: lookup.first_variable,
        collation: strings.cloned(),
    })
}

fn compile_merge(merge: &Merge, strings: Strings<'_>) -> Result<CompiledMerge> {
    let when_matched = match &merge.when_matched {
        WhenMatched::Replace => CompiledWhenMatched::Replace,
        WhenMatched::KeepExisting => CompiledWhenMatched::KeepExisting,
        WhenMatched::Merge => CompiledWhenMatched::Merge,
        WhenMatched::Fail => CompiledWhenMatched::Fail,
        WhenMatched::Pipeline { stages, bindings } => {
            let bindings = bindings.iter().map(|(name, value)| Ok((name.clone(), program(value, strings)?)));
            CompiledWhenMatched::Pipeline { stages: stages.clone(), bindings: bindings.collect::<Result<_>>()? }
        }
    };
    let (into, on) = (merge.into.clone(), merge.on.clone());
    Ok(CompiledMerge { into, on, when_matched, when_not_matched: merge.when_not_matched, collation: strings.cloned() })
}
