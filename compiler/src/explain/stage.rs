//! Stages of a pipeline as documents, as `explain` lists them: what the rewrites made of the request, constants under
//! `$const`, one document for each of mongod's stages.
//!
//! Variables have numbers in place of the names that the request gave them.

use smongo_vm::acc::Form;
use smongo_vm::program::{Direction, ProjectionKind};
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, FieldPath, Value};

use super::{expr, filter};
use crate::ir::group::{AccumulatorCall, Argument, GroupField, Setting};
use crate::ir::pipeline::{
    ChangeStream, CollectionId, Densify, DensifyBounds, Facts, GraphLookup, Lookup, Merge, PostImage, PreImage,
    SubPipeline, Unwind, WhenMatched, WhenNotMatched,
};
use crate::ir::window::{Bound, Bounds, Window, WindowFunction};
use crate::ir::{CollectionName, DocumentStage, FieldAction, FieldTree, Projection, Sort, Stage};

type Doc<'w> = DocWriter<'w, Vec<u8>>;
type List<'w> = ArrayWriter<'w, Vec<u8>>;

/// What a pipeline's stages refer to.
#[derive(Clone, Copy)]
pub struct Names<'n> {
    /// The collection that the pipeline runs on.
    pub main: &'n str,
    /// The other collections, by number, less one.
    pub others: &'n [CollectionName],
}

impl Names<'_> {
    fn of(&self, id: CollectionId) -> &str {
        match id.0.checked_sub(1) {
            None => self.main,
            Some(at) => self.others.get(at).map_or("", |name| &name.coll),
        }
    }
}

/// The documents that show a stage.
pub fn stage_documents(stage: &Stage, names: Names<'_>) -> Vec<DocBuf> {
    let one = |name: &str, value: &dyn Fn(&mut Doc<'_>)| vec![document(name, value)];
    let whole = |name: &str, value: Value<'_>| vec![DocBuf::build(|doc| doc.value(name, value))];
    match stage {
        Stage::Match { filter, .. } => whole("$match", Value::document(&filter::filter_document(filter))),
        Stage::Document(DocumentStage::Project(projection)) => vec![project(projection)],
        Stage::Document(DocumentStage::ReplaceRoot(root)) => {
            one("$replaceRoot", &|doc| expr::write(root, "newRoot", doc))
        }
        Stage::Redact(redact) => {
            vec![DocBuf::build(|doc| expr::write(&redact.decision, "$redact", doc))]
        }
        Stage::Limit(limit) => whole("$limit", long(*limit)),
        Stage::Skip(skip) => whole("$skip", long(*skip)),
        Stage::Sort { sort, .. } => one("$sort", &|doc| doc.document("sortKey", |key| order(sort, key))),
        Stage::Count(name) => vec![
            document("$group", &|doc| {
                doc.document("_id", |id| id.value("$const", Value::NULL));
                doc.document(name, |sum| sum.document("$sum", |one| one.value("$const", Value::int32(1))));
            }),
            document("$project", &|doc| {
                doc.value(name, Value::TRUE);
                doc.value("_id", Value::FALSE);
            }),
        ],
        Stage::Group(group) => one("$group", &|doc| {
            expr::write(&group.key, "_id", doc);
            fields(&group.fields, doc);
        }),
        Stage::BucketAuto(spec) => whole("$bucketAuto", Value::document(&spec.source)),
        Stage::Window(spec) => one("$_internalSetWindowFields", &|doc| window(spec, doc)),
        Stage::Unwind(spec) => one("$unwind", &|doc| unwind(spec, doc)),
        Stage::Sample(size) => one("$sample", &|doc| doc.value("size", long(*size))),
        Stage::Documents(list) => vec![DocBuf::build(|doc| expr::write(list, "$documents", doc))],
        Stage::UnionWith(from) => one("$unionWith", &|doc| {
            if let Some(coll) = from.coll {
                doc.string("coll", names.of(coll));
            }
            doc.array("pipeline", |list| stages(&from.stages, names, list));
        }),
        Stage::Lookup(spec) => one("$lookup", &|doc| lookup(spec, names, doc)),
        Stage::GraphLookup(spec) => one("$graphLookup", &|doc| graph_lookup(spec, names, doc)),
        Stage::Densify(spec) => one("$_internalDensify", &|doc| densify(spec, doc)),
        Stage::Facet(facets) => one("$facet", &|doc| {
            for (name, inner) in facets {
                doc.array(name, |list| {
                    list.document(|first| first.document("$internalFacetTeeConsumer", |_| ()));
                    stages(inner, names, list);
                });
            }
        }),
        Stage::Out(target) => one("$out", &|doc| {
            doc.string("coll", &target.coll);
            doc.string("db", &target.db);
        }),
        Stage::Merge(spec) => one("$merge", &|doc| merge(spec, doc)),
        Stage::ChangeStream(spec) => one("$changeStream", &|doc| change_stream(spec, doc)),
        Stage::SplitLargeEvent => one("$changeStreamSplitLargeEvent", &|_| ()),
        Stage::Inhibit => one("$_internalInhibitOptimization", &|_| ()),
        Stage::Facts(facts) => one(name_of_facts(facts), &|_| ()),
    }
}

fn stages(inner: &[Stage], names: Names<'_>, list: &mut List<'_>) {
    let documents = inner.iter().flat_map(|stage| stage_documents(stage, names));
    documents.for_each(|document| list.value(Value::document(&document)));
}

fn document(name: &str, write: &dyn Fn(&mut Doc<'_>)) -> DocBuf {
    DocBuf::build(|doc| doc.document(name, |inner| write(inner)))
}

fn long(n: u64) -> Value<'static> {
    Value::int64(i64::try_from(n).unwrap_or(i64::MAX))
}

fn order(sort: &Sort, doc: &mut Doc<'_>) {
    for (path, direction) in &sort.parts {
        doc.value(&path.to_string(), Value::int32(if *direction == Direction::Ascending { 1 } else { -1 }));
    }
}

fn name_of_facts(facts: &Facts) -> &'static str {
    match facts {
        Facts::CollStats { .. } => "$collStats",
        Facts::IndexStats => "$indexStats",
        Facts::PlanCacheStats => "$planCacheStats",
        Facts::QuerySettings { .. } => "$querySettings",
        Facts::Operations { .. } => "$currentOp",
        Facts::LocalSessions(_) => "$listLocalSessions",
        Facts::Sessions(_) => "$listSessions",
        Facts::Users => "$listCachedAndActiveUsers",
        Facts::Catalog => "$listCatalog",
        Facts::ClusterCatalog => "$listClusterCatalog",
        Facts::Names(_) => "$listMqlEntities",
        Facts::Nothing => "$queryStats",
    }
}

fn project(projection: &Projection) -> DocBuf {
    let name = if projection.kind == ProjectionKind::AddFields { "$addFields" } else { "$project" };
    document(name, &|doc| {
        tree(&projection.tree, doc);
        let names_id = projection.tree.fields.iter().any(|(name, _)| name == "_id");
        match projection.kind {
            ProjectionKind::Inclusion if !names_id => doc.value("_id", Value::FALSE),
            ProjectionKind::Exclusion if !names_id => doc.value("_id", Value::TRUE),
            _ => {}
        }
    })
}

fn tree(fields: &FieldTree, doc: &mut Doc<'_>) {
    for (name, action) in &fields.fields {
        match action {
            FieldAction::Keep => doc.value(name, Value::TRUE),
            FieldAction::Drop => doc.value(name, Value::FALSE),
            FieldAction::Compute(value) => expr::write(value, name, doc),
            FieldAction::Nested(inner) => doc.document(name, |doc| tree(inner, doc)),
            FieldAction::Slice { skip, limit } => doc.document(name, |doc| {
                doc.array("$slice", |list| {
                    list.value(Value::integer(*skip));
                    list.value(Value::integer(*limit));
                });
            }),
            FieldAction::ElemMatch { filter, .. } => doc.document(name, |doc| {
                doc.value("$elemMatch", Value::document(&filter::filter_document(filter)));
            }),
            FieldAction::Positional => doc.value(&format!("{name}.$"), Value::TRUE),
        }
    }
}

fn fields(fields: &[GroupField], doc: &mut Doc<'_>) {
    for field in fields {
        doc.document(&field.name, |doc| call(&field.call, doc));
    }
}

fn argument(arg: &Argument, name: &str, doc: &mut Doc<'_>) {
    match arg {
        Argument::Value(value) => expr::write(value, name, doc),
        Argument::SortKey(sort) => doc.document("sortBy", |key| order(sort, key)),
    }
}

/// Writes an accumulator with what it is given, in the form in which requests write it.
fn call(call: &AccumulatorCall, doc: &mut Doc<'_>) {
    let name = call.definition.name;
    let setting = match call.definition.form {
        Form::Percentile { .. } => "p",
        Form::Smoothing => "N",
        Form::OverTime => "unit",
        _ => "n",
    };
    match (call.definition.form, call.args.as_slice()) {
        (Form::One | Form::SoFar, [arg]) => argument(arg, name, doc),
        (form, args) => doc.document(name, |doc| {
            for value in &call.settings {
                match value {
                    Setting::Constant(value) => doc.value(setting, value.get()),
                    Setting::OfKey(value) => expr::write(value, setting, doc),
                }
            }
            let input = if matches!(form, Form::Ordered { .. }) { "output" } else { "input" };
            args.iter().for_each(|arg| argument(arg, input, doc));
            if matches!(form, Form::Percentile { .. }) {
                doc.string("method", "approximate");
            }
        }),
    }
}

fn unwind(spec: &Unwind, doc: &mut Doc<'_>) {
    doc.string("path", &format!("${}", spec.path));
    if spec.keep_empty {
        doc.value("preserveNullAndEmptyArrays", Value::TRUE);
    }
    if let Some(index) = &spec.index {
        doc.string("includeArrayIndex", &index.to_string());
    }
}

fn lookup(spec: &Lookup, names: Names<'_>, doc: &mut Doc<'_>) {
    let SubPipeline { coll, stages: inner, .. } = &spec.from;
    if let Some(coll) = coll {
        doc.string("from", names.of(*coll));
    }
    doc.string("as", &spec.target.to_string());
    if let Some((local, foreign)) = &spec.equality {
        doc.string("localField", &local.to_string());
        doc.string("foreignField", &foreign.to_string());
    }
    if spec.equality.is_none() || !inner.is_empty() || !spec.bindings.is_empty() {
        doc.document("let", |variables| {
            for (at, value) in spec.bindings.iter().enumerate() {
                expr::write(value, &format!("let{}", spec.first_variable + at), variables);
            }
        });
        doc.array("pipeline", |list| stages(inner, names, list));
    }
}

fn graph_lookup(spec: &GraphLookup, names: Names<'_>, doc: &mut Doc<'_>) {
    doc.string("from", names.of(spec.from));
    doc.string("as", &spec.target.to_string());
    doc.string("connectToField", &spec.connect_to.to_string());
    doc.string("connectFromField", &spec.connect_from.to_string());
    expr::write(&spec.start_with, "startWith", doc);
    if let Some(depth) = &spec.depth_field {
        doc.string("depthField", &depth.to_string());
    }
    if let Some(depth) = spec.max_depth {
        doc.value("maxDepth", long(depth));
    }
    if let Some((restriction, _)) = &spec.restriction {
        doc.value("restrictSearchWithMatch", Value::document(&filter::filter_document(restriction)));
    }
}

fn densify(spec: &Densify, doc: &mut Doc<'_>) {
    doc.string("field", &spec.field.to_string());
    doc.array("partitionByFields", |list| {
        spec.partition.iter().for_each(|path: &FieldPath| list.value(Value::string(&path.to_string())));
    });
    doc.document("range", |range| match &spec.bounds {
        DensifyBounds::Full => range.string("bounds", "full"),
        DensifyBounds::Partition => range.string("bounds", "partition"),
        DensifyBounds::Range(from, to) => range.array("bounds", |list| {
            list.value(from.get());
            list.value(to.get());
        }),
    });
}

fn change_stream(spec: &ChangeStream, doc: &mut Doc<'_>) {
    if spec.whole_cluster {
        doc.value("allChangesForCluster", Value::TRUE);
    }
    doc.string(
        "fullDocument",
        match spec.post_image {
            PostImage::Default => "default",
            PostImage::UpdateLookup => "updateLookup",
            PostImage::WhenAvailable => "whenAvailable",
            PostImage::Required => "required",
        },
    );
    doc.string(
        "fullDocumentBeforeChange",
        match spec.pre_image {
            PreImage::Off => "off",
            PreImage::WhenAvailable => "whenAvailable",
            PreImage::Required => "required",
        },
    );
    if spec.expanded {
        doc.value("showExpandedEvents", Value::TRUE);
    }
}

fn merge(spec: &Merge, doc: &mut Doc<'_>) {
    doc.document("into", |into| {
        into.string("db", &spec.into.db);
        into.string("coll", &spec.into.coll);
    });
    doc.array("on", |list| match &spec.on {
        None => list.value(Value::string("_id")),
        Some(paths) => paths.iter().for_each(|path| list.value(Value::string(path))),
    });
    match &spec.when_matched {
        WhenMatched::Replace => doc.string("whenMatched", "replace"),
        WhenMatched::KeepExisting => doc.string("whenMatched", "keepExisting"),
        WhenMatched::Merge => doc.string("whenMatched", "merge"),
        WhenMatched::Fail => doc.string("whenMatched", "fail"),
        WhenMatched::Pipeline { stages, .. } => doc.value("whenMatched", stages.get()),
    }
    doc.string(
        "whenNotMatched",
        match spec.when_not_matched {
            WhenNotMatched::Insert => "insert",
            WhenNotMatched::Discard => "discard",
            WhenNotMatched::Fail => "fail",
        },
    );
}

fn window(spec: &Window, doc: &mut Doc<'_>) {
    if let Some(partition) = &spec.partition {
        expr::write(partition, "partitionBy", doc);
    }
    if let Some(sort) = &spec.sort {
        doc.document("sortBy", |key| order(sort, key));
    }
    doc.document("output", |output| {
        for field in &spec.outputs {
            output.document(&field.path.to_string(), |doc| function(&field.function, doc));
        }
    });
}

fn function(function: &WindowFunction, doc: &mut Doc<'_>) {
    match function {
        WindowFunction::Accumulate { call: accumulator, bounds } => {
            call(accumulator, doc);
            doc.document("window", |doc| window_bounds(*bounds, doc));
        }
        WindowFunction::Shift { output, by, default } => doc.document("$shift", |doc| {
            doc.value("by", Value::integer(*by));
            expr::write(output, "output", doc);
            doc.value("default", default.get());
        }),
        WindowFunction::LinearFill(input) => expr::write(input, "$linearFill", doc),
    }
}

fn window_bounds(bounds: Bounds, doc: &mut Doc<'_>) {
    match bounds {
        Bounds::Documents(from, to) => doc.array("documents", |list| {
            [from, to].into_iter().for_each(|end| bound(end, Value::integer, list));
        }),
        Bounds::Range(from, to) => doc.array("range", |list| {
            [from, to].into_iter().for_each(|end| bound(end, Value::double, list));
        }),
        Bounds::Time { lower, upper, unit } => {
            doc.array("range", |list| {
                [lower, upper].into_iter().for_each(|end| bound(end, Value::integer, list));
            });
            doc.string("unit", unit.name());
        }
    }
}

fn bound<T>(bound: Bound<T>, offset: impl Fn(T) -> Value<'static>, list: &mut List<'_>) {
    match bound {
        Bound::Unbounded => list.value(Value::string("unbounded")),
        Bound::Current => list.value(Value::string("current")),
        Bound::Offset(by) => list.value(offset(by)),
    }
}
