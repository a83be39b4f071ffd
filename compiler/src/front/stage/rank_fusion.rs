//! `$rankFusion`: the documents of several pipelines, by the sum of what their ranks there are worth.
//!
//! As MongoDB's manual describes it, the stage stands for others: each pipeline's documents get their rank, a union
//! brings them together, and a group by `_id` adds up. The score accompanies the documents ([`super::metadata`]).

use smongo_vm::acc;
use smongo_vm::program::Direction;
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, FieldPath, OwnedValue, RawDoc, Value, View};
use smongo_vm::{Error, Result};

use super::facet::check_name;
use super::options::{missing, unknown, wrong_type};
use super::{Place, Scope, Source};
use crate::front::context::Metadata;
use crate::front::expr::call_named;
use crate::ir::group::{AccumulatorCall, Argument};
use crate::ir::pipeline::{CollectionId, Stage, SubPipeline};
use crate::ir::window::{Bounds, Window, WindowFunction, WindowOutput};
use crate::ir::{Expr, Sort};

pub(super) const NAME: &str = "$rankFusion";

/// A rank is worth the reciprocal of the rank and this, after the published algorithm.
const RANK_CONSTANT: f64 = 60.0;

/// Stages that choose documents and put them in order, and change none.
const SELECTION: &[&str] = &["$match", "$sort", "$skip", "$limit", "$sample", "$search", "$vectorSearch", "$geoNear"];

/// Stages that come with a rank of their own.
const RANKED: &[&str] = &["$search", "$vectorSearch", "$geoNear"];

/// One of the pipelines.
struct Input<'d> {
    name: &'d str,
    stages: &'d RawDoc,
    weight: Value<'d>,
}

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(spec) = spec.as_doc() else {
        let found = spec.tag().name();
        let message = format!("The {NAME} stage specification must be an object, found {found}");
        return Err(Error::failed_to_parse(message));
    };
    let (mut inputs, mut weights, mut details) = (None, None, false);
    for option in spec {
        let (name, value) = (option.name_str(), option.value());
        if !matches!(name, "input" | "combination" | "scoreDetails") {
            return Err(unknown(NAME, name));
        }
        if value.is_nullish() {
            continue;
        }
        let path = format!("{NAME}.{name}");
        match name {
            "input" => inputs = Some(only(value, &path, "pipelines")?),
            "combination" => weights = Some(only(value, &path, "weights")?),
            _ => details = value.as_bool().ok_or_else(|| wrong_type(&path, value.tag(), "bool"))?,
        }
    }
    let inputs = inputs.ok_or_else(|| missing(NAME, "input"))?;
    let inputs = read_inputs(inputs, weights)?;
    let stages = fuse(&inputs, details, scope)?;
    let hidden = |field: &str, root: Expr| {
        call_named("$setField", vec![Expr::Const(Value::string(field).into()), root, Expr::Const(OwnedValue::NOTHING)])
    };
    let root = hidden(Metadata::SCORE_DETAILS, hidden(Metadata::SCORE, Expr::Root)?)?;
    scope.ctx.begin_metadata(details, root);
    Ok(stages)
}

/// The document in the one field of a document.
fn only<'d>(value: Value<'d>, path: &str, field: &str) -> Result<&'d RawDoc> {
    let doc = value.as_doc().ok_or_else(|| wrong_type(path, value.tag(), "object"))?;
    if let Some(other) = doc.iter().find(|other| other.name() != field.as_bytes()) {
        return Err(unknown(path, other.name_str()));
    }
    let inner = doc.get(field).filter(|inner| !inner.is_nullish()).ok_or_else(|| missing(path, field))?;
    inner.as_doc().ok_or_else(|| wrong_type(&format!("{path}.{field}"), inner.tag(), "object"))
}

fn read_inputs<'d>(pipelines: &'d RawDoc, weights: Option<&'d RawDoc>) -> Result<Vec<Input<'d>>> {
    let mut inputs = Vec::new();
    for pipeline in pipelines {
        let name = pipeline.name_str();
        let value = pipeline.value();
        let path = format!("{NAME}.input.pipelines.{name}");
        let stages = value.as_array().ok_or_else(|| wrong_type(&path, value.tag(), "array"))?;
        check_name(name)?;
        check_pipeline(name, stages)?;
        inputs.push(Input { name, stages, weight: Value::int32(1) });
    }
    if inputs.is_empty() {
        return Err(Error::bad_value(format!("{NAME} requires at least one pipeline")));
    }
    let weights = weights.unwrap_or(RawDoc::EMPTY);
    if weights.iter().count() > inputs.len() {
        let message = format!("{NAME} got more weights than pipelines");
        return Err(Error::location(9_460_301, message));
    }
    for weight in weights {
        let name = weight.name_str();
        let Some(input) = inputs.iter_mut().find(|input| input.name == name) else {
            let message = format!("{NAME} got a weight for '{name}', which is the name of no pipeline");
            return Err(Error::location(9_967_500, message));
        };
        check_weight(name, weight.value())?;
        input.weight = weight.value();
    }
    Ok(inputs)
}

fn check_weight(name: &str, weight: Value<'_>) -> Result<()> {
    if !weight.is_number() {
        let found = weight.tag().name();
        return Err(Error::location(
            13118,
            format!("{NAME}'s weight for '{name}' must be numeric, but is of type {found}"),
        ));
    }
    // NaN is no weight either.
    if number(weight) >= 0.0 {
        return Ok(());
    }
    Err(Error::location(9_460_300, format!("{NAME}'s weight for '{name}' must not be negative")))
}

fn number(value: Value<'_>) -> f64 {
    match value.view() {
        View::Double(double) => double,
        View::Decimal128(decimal) => decimal.to_f64(),
        _ => value.as_integer().map_or(f64::NAN, |integer| integer as f64),
    }
}

/// Fails unless a pipeline ranks documents and leaves them as they are.
fn check_pipeline(name: &str, stages: &RawDoc) -> Result<()> {
    let names = || stages.values().filter_map(Value::as_doc).filter_map(|stage| stage.iter().next());
    if stages.is_empty() {
        return Err(Error::location(9_834_300, format!("{NAME}'s pipeline '{name}' must not be empty")));
    }
    if let Some(nested) = names().find(|stage| matches!(stage.name_str(), NAME | "$scoreFusion")) {
        let message = format!("{NAME}'s pipeline '{name}' must not have a {} of its own", nested.name_str());
        return Err(Error::location(10_473_002, message));
    }
    let is_ranked = names().next().is_some_and(|first| RANKED.contains(&first.name_str()))
        || names().any(|stage| stage.name() == b"$sort");
    if !is_ranked {
        let message = format!("{NAME}'s pipeline '{name}' must begin with a ranked stage or have a $sort");
        return Err(Error::location(9_191_100, message));
    }
    if let Some(other) = names().find(|stage| !SELECTION.contains(&stage.name_str())) {
        let message = format!(
            "{NAME}'s pipeline '{name}' must select documents only, and must not change them; {} may not be used",
            other.name_str()
        );
        return Err(Error::location(9_191_103, message));
    }
    Ok(())
}

/// The stages that give the documents of all inputs in the order of their scores.
fn fuse(inputs: &[Input<'_>], details: bool, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let mut stages = Vec::new();
    for (at, input) in inputs.iter().enumerate() {
        let coll = scope.coll;
        let mut ctx = scope.ctx.clone();
        let source = Some(Source { coll, view: None });
        let mut ranked = scope.sub_pipeline(Place::UnionWith, source, input.stages, &mut ctx)?.stages;
        let rank = rank(at, input, &ranked, scope)?;
        ranked.extend(rank);
        if at == 0 {
            stages = ranked;
        } else {
            stages.push(union(coll, ranked));
        }
    }
    stages.extend(scope.stages(&array(|tail| add_up(tail, inputs, details)))?);
    Ok(stages)
}

fn union(coll: CollectionId, stages: Vec<Stage>) -> Stage {
    Stage::UnionWith(SubPipeline { coll: Some(coll), view: None, stages })
}

/// The stages that follow those of an input: the document moves to the field `d`, its rank and what that is worth are
/// beside it.
fn rank(at: usize, input: &Input<'_>, stages: &[Stage], scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let order = stages.iter().rev().find_map(|stage| match stage {
        Stage::Sort { sort, .. } => Some(sort.clone()),
        _ => None,
    });
    let below = |(path, direction): (FieldPath, Direction)| (FieldPath::new(&format!("d.{path}")), direction);
    let sort = Sort { parts: order.map(|sort| sort.parts).unwrap_or_default().into_iter().map(below).collect() };
    let Some(definition) = acc::find("$rank") else {
        return Err(Error::failed_to_parse("there is no $rank"));
    };
    let call = AccumulatorCall { definition, args: vec![Argument::SortKey(sort.clone())], settings: Vec::new() };
    let function = WindowFunction::Accumulate { call, bounds: Bounds::SO_FAR };
    let outputs = vec![WindowOutput { path: FieldPath::new(&format!("r{at}")), function }];
    let window = Window { partition: None, sort: Some(sort), outputs };
    let mut ranked = scope.stages(&array(|stages| {
        stages.document(|stage| stage.document("$replaceWith", |doc| doc.string("d", "$$ROOT")));
    }))?;
    ranked.push(Stage::Window(Box::new(window)));
    let weight = number(input.weight);
    ranked.extend(scope.stages(&array(|stages| {
        stages.document(|stage| {
            stage.document("$set", |set| {
                set.document(&format!("s{at}"), |worth| {
                    worth.array("$divide", |args| {
                        args.value(Value::double(weight));
                        args.document(|sum| {
                            sum.array("$add", |args| {
                                args.value(Value::double(RANK_CONSTANT));
                                args.value(Value::string(&format!("$r{at}")));
                            })
                        });
                    });
                })
            })
        });
    }))?);
    Ok(ranked)
}

/// Writes the stages that bring the ranks of a document together.
fn add_up(stages: &mut ArrayWriter<'_, Vec<u8>>, inputs: &[Input<'_>], details: bool) {
    let positions = 0..inputs.len();
    stages.document(|stage| {
        stage.document("$group", |group| {
            group.string("_id", "$d._id");
            group.document("d", |first| first.string("$first", "$d"));
            for name in positions.clone().flat_map(|at| [format!("r{at}"), format!("s{at}")]) {
                group.document(&name, |max| max.string("$max", &format!("${name}")));
            }
        })
    });
    stages.document(|stage| {
        stage.document("$set", |set| {
            set.document("score", |sum| {
                sum.array("$add", |args| {
                    for at in positions.clone() {
                        args.document(|worth| {
                            worth.array("$ifNull", |args| {
                                args.value(Value::string(&format!("$s{at}")));
                                args.value(Value::double(0.0));
                            })
                        });
                    }
                })
            })
        })
    });
    stages.document(|stage| {
        stage.document("$sort", |sort| {
            sort.value("score", Value::int32(-1));
            sort.value("_id", Value::int32(1));
        })
    });
    stages.document(|stage| {
        stage.document("$replaceWith", |root| {
            root.array("$mergeObjects", |parts| {
                parts.value(Value::string("$d"));
                parts.document(|hidden| {
                    hidden.string(Metadata::SCORE, "$score");
                    if details {
                        hidden.document(Metadata::SCORE_DETAILS, |doc| write_details(doc, inputs));
                    }
                });
            })
        })
    });
}

/// Writes the expression that accounts for a score.
fn write_details(doc: &mut DocWriter<'_, Vec<u8>>, inputs: &[Input<'_>]) {
    doc.string("value", "$score");
    doc.string(
        "description",
        "value output by reciprocal rank fusion algorithm, computed as sum of (weight * (1 / (60 + rank))) across input \
         pipelines from which this document is output, from:",
    );
    doc.array("details", |details| {
        for (at, input) in inputs.iter().enumerate() {
            details.document(|detail| {
                detail.document("inputPipelineName", |name| name.string("$literal", input.name));
                detail.document("rank", |rank| {
                    rank.array("$ifNull", |args| {
                        args.value(Value::string(&format!("$r{at}")));
                        args.value(Value::string("NA"));
                    })
                });
                detail.value("weight", input.weight);
                detail.array("details", |_| ());
            });
        }
    });
}

/// An array of stages.
fn array(write: impl FnOnce(&mut ArrayWriter<'_, Vec<u8>>)) -> DocBuf {
    let mut bytes = Vec::new();
    let mut array = ArrayWriter::new(&mut bytes);
    write(&mut array);
    array.finish();
    DocBuf::from_vec(bytes).unwrap_or_default()
}
