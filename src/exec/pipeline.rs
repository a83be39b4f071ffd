//! From compiled stages to operators.

use std::sync::Arc;

use smongo_compiler::{CompiledFilter, CompiledStage, CompiledSubPipeline};
use smongo_vm::Code;
use smongo_vm::value::DocBuf;

use super::Operator;
use super::op::{
    BucketAuto, Count, Densify, Direction, Eof, Facet, Filter, GraphLookup, Group, Limit, Lookup, QuotedDocuments,
    Redact, Sample, Scan, Skip, Sort, Transform, UnionWith, Unwind, Window,
};
use super::plan::reach;
use crate::collection::Shared;
use crate::error::{Error, Result};

/// What is known while the operators of one query are put together.
#[derive(Default, Debug)]
pub(crate) struct Assembly {
    children: usize,
}

impl Assembly {
    /// A number that no other operator of the query has.
    fn next_child(&mut self) -> usize {
        self.children += 1;
        self.children
    }
}

/// The operators of `stages`, over `input`.
pub(crate) fn attach(
    mut input: Box<dyn Operator>,
    stages: &[CompiledStage],
    assembly: &mut Assembly,
) -> Result<Box<dyn Operator>> {
    for stage in stages {
        input = attach_one(input, stage, assembly)?;
    }
    Ok(input)
}

fn attach_one(input: Box<dyn Operator>, stage: &CompiledStage, assembly: &mut Assembly) -> Result<Box<dyn Operator>> {
    Ok(match stage {
        CompiledStage::Match { program, source } => Box::new(Filter::new(input, Arc::clone(program), source)),
        CompiledStage::Transform(program) => Box::new(Transform::new(input, Arc::clone(program))),
        CompiledStage::Redact { program, root_variable } => {
            Box::new(Redact::new(input, Arc::clone(program), *root_variable))
        }
        CompiledStage::Limit(limit) => Box::new(Limit::new(input, *limit)),
        CompiledStage::Skip(skip) => Box::new(Skip::new(input, *skip)),
        CompiledStage::Sort { program, source, limit } => {
            Box::new(Sort::new(input, Arc::clone(program), source, *limit))
        }
        CompiledStage::Count(name) => Box::new(Count::new(input, name)),
        CompiledStage::Group(spec) => Box::new(Group::new(input, Arc::clone(spec))),
        CompiledStage::BucketAuto(spec) => Box::new(BucketAuto::new(input, Arc::clone(spec))),
        CompiledStage::Window(spec) => Box::new(Window::new(input, Arc::clone(spec))),
        CompiledStage::Unwind(unwind) => Box::new(Unwind::new(input, Arc::clone(unwind))),
        CompiledStage::Sample(size) => Box::new(Sample::new(input, *size)),
        // The documents do not depend on what comes before, which is nothing.
        CompiledStage::Documents(program) => Box::new(QuotedDocuments::new(Arc::clone(program))),
        CompiledStage::UnionWith(from) => Box::new(UnionWith::new(input, Arc::clone(from), assembly.next_child())),
        CompiledStage::Lookup(lookup) => Box::new(Lookup::new(input, Arc::clone(lookup))),
        CompiledStage::GraphLookup(search) => Box::new(GraphLookup::new(input, Arc::clone(search))),
        CompiledStage::Densify(densify) => Box::new(Densify::new(input, Arc::clone(densify))),
        CompiledStage::Facet(facets) => Box::new(Facet::new(input, facets, assembly)?),
        // The engine takes these away from the ends of a request's pipeline, and they stand nowhere else.
        CompiledStage::Out(_) | CompiledStage::Merge(_) => return Err(misplaced("a writing stage")),
        // They stand in a request's own pipeline only, where the engine takes them away.
        CompiledStage::ChangeStream(_) | CompiledStage::SplitLargeEvent => return Err(misplaced("$changeStream")),
        CompiledStage::Facts(_) => {
            let message = "smongo does not support $collStats and $indexStats in sub-pipelines yet";
            return Err(Error::new(Code::NOT_IMPLEMENTED, message));
        }
    })
}

#[cold]
fn misplaced(what: &str) -> Error {
    Error::new(Code::INTERNAL_ERROR, format!("{what} stands inside a pipeline"))
}

/// The operators of a pipeline inside a stage over the collection `shared`. `join` is what its documents must satisfy
/// besides.
pub(crate) fn source(
    from: &CompiledSubPipeline,
    join: Option<&(CompiledFilter, DocBuf)>,
    shared: Option<&Shared<'_>>,
) -> Result<Box<dyn Operator>> {
    source_in(from, join, shared, &mut Assembly::default())
}

fn source_in(
    from: &CompiledSubPipeline,
    join: Option<&(CompiledFilter, DocBuf)>,
    shared: Option<&Shared<'_>>,
    assembly: &mut Assembly,
) -> Result<Box<dyn Operator>> {
    if let Some(view) = &from.view {
        let mut root = source_in(view, None, shared, assembly)?;
        for (filter, source) in join.into_iter().chain(&from.filter) {
            root = Box::new(Filter::new(root, Arc::clone(&filter.program), source));
        }
        return attach(root, &from.stages, assembly);
    }
    let root: Box<dyn Operator> = match (from.coll, join.or(from.filter.as_ref())) {
        (None, _) => Box::new(Eof::default()),
        (Some(_), Some((filter, _))) => reach(shared, filter)?,
        (Some(_), None) => Box::new(Scan::new(0, Direction::Forward, None)),
    };
    let root = match (join, &from.filter) {
        (Some(_), Some((filter, source))) => {
            Box::new(Filter::new(root, Arc::clone(&filter.program), source)) as Box<dyn Operator>
        }
        _ => root,
    };
    attach(root, &from.stages, assembly)
}
