//! `aggregate`.

use smongo_compiler::front::stage::stage_traits;
use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Tag, Value};

use super::Call;
use super::access::{Needs, Requirement, Target};
use super::args::{self, Any, Flag, Number, arguments};
use super::concern::ReadLevel;
use super::reply::{self, Reply};
use super::server_facts::Facts;
use super::table::{Command, Counter, Usage};
use crate::auth::Resource;
use crate::error::{Error, Result};
use crate::request::{AggregateRequest, ExplainRequest, Explained, Verbosity};

pub(super) static AGGREGATE: Command =
    Command::new("aggregate", aggregate, "runs a pipeline and opens a cursor over its results")
        .api_v1()
        .writes()
        .reads_at_any_level()
        .counted_as(Counter::Command)
        .uses_collection(Usage::Queries)
        .needs(Needs::Computed(requirements));

/// What a pipeline needs: to read its collections, and to write those that it ends in.
fn requirements(target: &Target<'_>) -> Vec<Requirement> {
    let mut required = Vec::new();
    let pipeline = target.body.get("pipeline").and_then(|pipeline| pipeline.as_array()).unwrap_or(RawDoc::EMPTY);
    let first = pipeline.values().next().and_then(|stage| stage.as_doc()).and_then(|stage| stage.iter().next());
    let on_cluster = |action| vec![(Resource::Cluster, action)];
    let head = match first.map(|stage| stage.name_str()) {
        Some("$currentOp") => {
            let own = first.and_then(|stage| stage.value().as_doc()).and_then(|how| how.get("allUsers"));
            if own.is_some_and(args::is_truthy) { on_cluster("inprog") } else { Vec::new() }
        }
        Some("$listLocalSessions") => {
            let how = first.and_then(|stage| stage.value().as_doc());
            let others =
                how.is_some_and(|how| how.get("allUsers").is_some_and(args::is_truthy) || how.get("users").is_some());
            if others { on_cluster("listSessions") } else { Vec::new() }
        }
        Some("$documents" | "$querySettings" | "$listMqlEntities" | "$listCachedAndActiveUsers") => Vec::new(),
        Some("$listSessions") => on_cluster("listSessions"),
        Some("$listSampledQueries") => on_cluster("listSampledQueries"),
        Some("$queryStats") => on_cluster("queryStatsRead"),
        Some("$listCatalog" | "$listClusterCatalog") => on_cluster("listDatabases"),
        Some("$collStats") => vec![(target.collection(), "collStats")],
        Some("$indexStats") => vec![(target.collection(), "indexStats")],
        Some("$planCacheStats") => vec![(target.collection(), "planCacheRead")],
        Some("$changeStream") => vec![(target.collection(), "changeStream"), (target.collection(), "find")],
        _ => vec![(target.collection(), "find")],
    };
    required.extend(head);
    stages(pipeline, target.db, &mut required);
    required
}

/// What the stages of a pipeline need beyond the collection that it reads.
fn stages(pipeline: &RawDoc, db: &str, required: &mut Vec<Requirement>) {
    let elements = pipeline.values().filter_map(|stage| stage.as_doc()).filter_map(|stage| stage.iter().next());
    for stage in elements {
        let value = stage.value();
        let field = |name: &str| value.as_doc().and_then(|spec| spec.get(name));
        // A namespace is a collection's name, or `{db, coll}`.
        let namespace = |value: Option<Value<'_>>| -> Option<Resource> {
            let value = value?;
            match (value.as_str(), value.as_doc()) {
                (Some(coll), _) => Some(Resource::collection(db, coll)),
                (None, Some(doc)) => {
                    let text = |name: &str| doc.get(name).and_then(|text| text.as_str());
                    Some(Resource::collection(text("db").unwrap_or(db), text("coll")?))
                }
                (None, None) => None,
            }
        };
        let mut on = |resource: Option<Resource>, actions: &[&'static str]| {
            required.extend(resource.iter().flat_map(|on| actions.iter().map(|action| (on.clone(), *action))));
        };
        match stage.name_str() {
            "$lookup" | "$graphLookup" => on(namespace(field("from")), &["find"]),
            "$unionWith" => on(namespace(field("coll").or(Some(value))), &["find"]),
            "$out" => on(namespace(Some(value)), &["insert", "remove"]),
            "$merge" => on(namespace(field("into").or(Some(value))), &["insert", "update"]),
            _ => {}
        }
        if let Some(inner) = field("pipeline").and_then(|inner| inner.as_array()) {
            stages(inner, db, required);
        }
        if stage.name_str() == "$facet" {
            let inner = value.as_doc().into_iter().flat_map(|facets| facets.values());
            inner.filter_map(|inner| inner.as_array()).for_each(|inner| stages(inner, db, required));
        }
    }
}

arguments! {
    /// Arguments of `aggregate`.
    struct AggregateArgs in "aggregate" strict {
        "pipeline" => pipeline: Any<'d>,
        "cursor" => cursor: Any<'d>,
        "explain" => explain: bool,
        "allowDiskUse" => allow_disk_use: bool,
        "hint" => hint: Any<'d>,
        "let" => let_variables: &'d RawDoc,
        "collation" => collation: &'d RawDoc,
        "bypassDocumentValidation" => bypass_document_validation: Flag,
        "fromMongos" => from_mongos: bool,
        "needsMerge" => needs_merge: bool,
        "isMapReduceCommand" => is_map_reduce: bool,
        "passthroughToShard" => passthrough: &'d RawDoc,
        "encryptionInformation" => encryption: &'d RawDoc,
        "querySettings" => query_settings: &'d RawDoc,
        "includeQueryStatsMetrics" => include_query_stats: bool,
    }
}

arguments! {
    /// What `cursor` may say.
    struct CursorArgs in "aggregate.cursor" strict {
        "batchSize" => batch_size: Number,
    }
}

fn aggregate(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let (request, explain) = parse(call, false)?;
    if let Some(stage) = request.pipeline.values().next().and_then(Value::as_doc)
        && stage.get("$changeStream").is_some()
    {
        check_stream(call)?;
    }
    check_stages(call, request.pipeline)?;
    if explain {
        if call.generic.api_strict == Some(true) {
            return Err(Error::new(Code::API_STRICT_ERROR, "BSON field 'explain' is not allowed with apiStrict:true."));
        }
        let verbosity = Verbosity::QueryPlanner;
        let request = ExplainRequest { explained: Explained::Aggregate(request), verbosity };
        return super::explain::write(call, &request, call.request.body, reply);
    }
    let ns = request.ns.clone();
    let op = call.op();
    let facts = Facts::of(call);
    let request = AggregateRequest { server: Some(&facts), ..request };
    let engine = &call.commands.engine;
    let id =
        reply::cursor_at(reply, "firstBatch", ns.full(), &call.scope, |batch| engine.aggregate(&op, &request, batch))?;
    call.commands.sessions.cursor_open(id, call.session_id(), &ns);
    Ok(())
}

/// Fails unless a change stream can be had, and be read as the request asks.
fn check_stream(call: &Call<'_, '_>) -> Result<()> {
    if call.commands.options.set_name.is_none() {
        return Err(Error::new(Code(40573), "The $changeStream stage is only supported on replica sets"));
    }
    match call.generic.read_concern.and_then(|concern| concern.level) {
        None | Some(ReadLevel::Majority) => Ok(()),
        Some(level) => {
            let message = format!(
                "Aggregation stage $changeStream cannot run with a readConcern other than 'majority'. Current \
                 readConcern: {}",
                level.name()
            );
            Err(Error::new(Code::INVALID_OPTIONS, message))
        }
    }
}

/// Some arguments may be left out, but not be null.
fn check_nulls(body: &RawDoc) -> Result<()> {
    for element in body.iter().filter(|element| element.value().tag() == Tag::Null) {
        match element.name() {
            b"pipeline" => {
                return Err(Error::new(Code::TYPE_MISMATCH, "'pipeline' option must be specified as an array"));
            }
            b"allowDiskUse" => return Err(args::wrong_type("aggregate", "allowDiskUse", Tag::Null, &["bool"])),
            b"hint" => return Err(Error::new(Code::FAILED_TO_PARSE, "Hint must be a string or an object")),
            _ => {}
        }
    }
    Ok(())
}

/// Fails when a stage may not stand where the request is: in a transaction, or in the Stable API alone.
fn check_stages(call: &Call<'_, '_>, pipeline: &RawDoc) -> Result<()> {
    let strict = call.generic.api_strict == Some(true);
    let in_transaction = call.scope.transaction().is_some();
    let level = call.generic.read_concern.and_then(|concern| concern.level).unwrap_or(ReadLevel::Local);
    if !strict && !in_transaction && level == ReadLevel::Local {
        return Ok(());
    }
    let stages = pipeline.values().filter_map(|stage| stage.as_doc()).filter_map(|stage| stage.iter().next());
    for stage in stages {
        let name = stage.name_str();
        let Some(traits) = stage_traits(name) else { return Ok(()) };
        // Of `$collStats` the Stable API has the count.
        let beyond_count =
            || stage.value().as_doc().is_some_and(|spec| spec.iter().any(|field| field.name() != b"count"));
        if strict && (!traits.in_stable_api || name == "$collStats" && beyond_count()) {
            let message = format!("stage {name} is not allowed with 'apiStrict: true' in API Version 1");
            return Err(Error::new(Code::API_STRICT_ERROR, message));
        }
        let refused = match name {
            "$planCacheStats" | "$currentOp" | "$queryStats" => level != ReadLevel::Local,
            "$out" | "$merge" => level == ReadLevel::Linearizable,
            _ => false,
        };
        if refused {
            let message = format!("Aggregation stage {name} cannot run with a readConcern of level '{}'", level.name());
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
        if in_transaction && !traits.in_transactions {
            let message = format!("Stage not supported inside of a multi-document transaction: {name}");
            return Err(Error::new(Code::OPERATION_NOT_SUPPORTED_IN_TRANSACTION, message));
        }
    }
    Ok(())
}

/// The request in an `aggregate` command, and whether it asks to be explained only; `is_explained` says that it stands
/// in an `explain`.
pub(super) fn parse<'d>(call: &Call<'_, 'd>, is_explained: bool) -> Result<(AggregateRequest<'d>, bool)> {
    check_nulls(call.request.body)?;
    let args: AggregateArgs<'d> = args::of_command(&call.request)?;
    let Any(pipeline) = args::require(args.pipeline, "aggregate", "pipeline")?;
    let Some(pipeline) = pipeline.as_array() else {
        return Err(Error::new(Code::TYPE_MISMATCH, "'pipeline' option must be specified as an array"));
    };
    let explain = args.explain.unwrap_or(false);
    let batch_size = batch_size(args.cursor, explain || is_explained)?;
    let base = if call.first.tag() == Tag::String {
        AggregateRequest::new(call.collection()?, pipeline)
    } else if call.first.as_integer() == Some(1) || call.first.as_double() == Some(1.0) {
        AggregateRequest::without_collection(call.db, pipeline)?
    } else {
        return Err(Error::new(
            Code::FAILED_TO_PARSE,
            "Invalid command format: the 'aggregate' field must specify a collection name or 1",
        ));
    };
    let request = AggregateRequest {
        batch_size,
        let_variables: args.let_variables,
        hint: args::hint(args.hint)?,
        collation: args.collation.filter(|collation| !collation.is_empty()),
        allow_disk_use: args.allow_disk_use,
        bypass_document_validation: args.bypass_document_validation.is_some_and(|Flag(on)| on),
        host: call.session.peer.local.to_string(),
        journal: call.journal(),
        ..base
    };
    Ok((request, explain))
}

fn batch_size(cursor: Option<Any<'_>>, explain: bool) -> Result<Option<u64>> {
    let Some(Any(cursor)) = cursor else {
        if explain {
            return Ok(None);
        }
        return Err(Error::new(
            Code::FAILED_TO_PARSE,
            "The 'cursor' option is required, except for aggregate with the explain argument",
        ));
    };
    let Some(options) = Value::as_doc(cursor) else {
        return Err(Error::new(Code::TYPE_MISMATCH, "cursor field must be missing or an object"));
    };
    let options: CursorArgs<'_> = args::of_document(options)?;
    args::not_negative(options.batch_size, "batchSize")
}
