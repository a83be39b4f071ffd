//! `createIndexes`, `dropIndexes`, `reIndex`.

use smongo_vm::Code;
use smongo_vm::value::{Value, View};

use super::Call;
use super::access::Needs;
use super::args::{self, Any, Array, Flag, arguments, wrong_type};
use super::reply::{self, Reply};
use super::table::{Command, Usage};
use crate::error::{Error, Result};
use crate::request::{CreateIndexesRequest, IndexSelection};

pub(super) static CREATE_INDEXES: Command = Command::new("createIndexes", create_indexes, "builds indexes")
    .api_v1()
    .writes()
    .uses_collection(Usage::Commands)
    .needs(Needs::OnCollection(&["createIndex"]));

arguments! {
    /// Arguments of `createIndexes`.
    struct CreateIndexesArgs in "createIndexes" strict {
        "indexes" => indexes: Array<'d>,
        "ignoreUnknownIndexOptions" => ignore_unknown: bool,
        "commitQuorum" => commit_quorum: Any<'d>,
        "isTimeseriesNamespace" => is_timeseries: bool,
        "collectionUUID" => collection_uuid: args::Uuid,
        "v" => version: Any<'d>,
    }
}

fn create_indexes(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: CreateIndexesArgs<'_> = args::of_command(&call.request)?;
    call.check_uuid(&ns, args.collection_uuid)?;
    let Array(indexes) = args::require(args.indexes, "createIndexes", "indexes")?;
    let specs = args::documents_of(indexes, "createIndexes", "indexes")?;
    if specs.is_empty() {
        return Err(Error::new(Code::BAD_VALUE, "Must specify at least one index to create"));
    }
    let ignore_unknown_options = args.ignore_unknown.unwrap_or(false);
    let request = CreateIndexesRequest { ns, specs: &specs, ignore_unknown_options };
    let created = call.commands.engine.create_indexes(&call.op(), &request)?;
    reply.value("numIndexesBefore", Value::integer(i64::from(created.before)));
    reply.value("numIndexesAfter", Value::integer(i64::from(created.after)));
    reply.value("createdCollectionAutomatically", Value::bool(created.created_collection));
    if created.before == created.after {
        reply.string("note", "all indexes already exist");
    } else {
        reply.string("commitQuorum", "votingMembers");
    }
    Ok(())
}

pub(super) static DROP_INDEXES: Command = Command::new("dropIndexes", drop_indexes, "drops indexes")
    .aliases(&["deleteIndexes"])
    .api_v1()
    .writes()
    .uses_collection(Usage::Commands)
    .needs(Needs::OnCollection(&["dropIndex"]));

arguments! {
    /// Arguments of `dropIndexes`.
    struct DropIndexesArgs in "dropIndexes" strict {
        "index" => index: Any<'d>,
        "isTimeseriesNamespace" => is_timeseries: Flag,
        "collectionUUID" => collection_uuid: args::Uuid,
    }
}

fn drop_indexes(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: DropIndexesArgs<'_> = args::of_command(&call.request)?;
    call.check_uuid(&ns, args.collection_uuid)?;
    let Any(index) = args::require(args.index, "dropIndexes", "index")?;
    let which = selection(index)?;
    let before = call.commands.engine.drop_indexes(&call.op(), &ns, &which)?;
    reply.value("nIndexesWas", Value::integer(i64::from(before)));
    if let IndexSelection::All = which {
        reply.string("msg", "non-_id indexes dropped for collection");
    }
    Ok(())
}

/// Which indexes the argument names.
fn selection(index: Value<'_>) -> Result<IndexSelection<'_>> {
    if let Some(name) = index.as_str() {
        return Ok(if name == "*" { IndexSelection::All } else { IndexSelection::Names(vec![name]) });
    }
    match index.view() {
        View::Document(pattern) => Ok(IndexSelection::Pattern(pattern)),
        View::Array(array) => {
            let names = array.iter().map(|element| {
                let path = format!("index.{}", element.name_str());
                let tag = element.value().tag();
                element.value().as_str().ok_or_else(|| wrong_type("dropIndexes", &path, tag, &["string"]))
            });
            Ok(IndexSelection::Names(names.collect::<Result<_>>()?))
        }
        _ => Err(wrong_type("dropIndexes", "index", index.tag(), &["string", "array", "object"])),
    }
}

pub(super) static RE_INDEX: Command = Command::new("reIndex", re_index, "makes all indexes of a collection anew")
    .writes()
    .uses_collection(Usage::Commands)
    .needs(Needs::OnCollection(&["reIndex"]));

fn re_index(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    args::none(&call.request, "reIndex")?;
    let specs = call.commands.engine.rebuild_indexes(&call.op(), &ns)?;
    reply.value("nIndexesWas", reply::count(specs.len() as u64));
    reply.value("nIndexes", reply::count(specs.len() as u64));
    reply.array("indexes", |indexes| specs.iter().for_each(|spec| indexes.value(Value::document(spec))));
    Ok(())
}
