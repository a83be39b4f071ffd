//! `listDatabases`, `listCollections`, `listIndexes`.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Call;
use super::access::{Needs, Requirement, Target};
use super::args::{self, Flag, Number, arguments};
use super::reply::{self, Reply};
use super::table::{Command, Usage};
use crate::auth::Resource;
use crate::error::{Error, Result};
use crate::request::{IndexListing, ListCollectionsRequest, Namespace};

/// Bytes of a mebibyte, the unit of `totalSizeMb`.
const MEBIBYTE: u64 = 1024 * 1024;

pub(super) static LIST_DATABASES: Command =
    Command::new("listDatabases", list_databases, "lists the databases").admin_only().api_v1().needs(Needs::Login);

arguments! {
    /// Arguments of `listDatabases`.
    struct ListDatabasesArgs in "listDatabases" strict {
        "filter" => filter: &'d RawDoc,
        "nameOnly" => name_only: Flag,
        "authorizedDatabases" => authorized_databases: bool,
    }
}

fn list_databases(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: ListDatabasesArgs<'_> = args::of_command(&call.request)?;
    let name_only = args.name_only.is_some_and(|Flag(on)| on);
    let visible = visible_databases(call, args.authorized_databases)?;
    let both = visible.map(|visible| {
        DocBuf::build(|doc| {
            doc.array("$and", |array| {
                array.value(Value::document(&visible));
                array.value(Value::document(args.filter.unwrap_or(RawDoc::EMPTY)));
            });
        })
    });
    let filter = both.as_deref().or(args.filter).unwrap_or(RawDoc::EMPTY);
    let op = call.op();
    let engine = &call.commands.engine;
    let total = reply.array("databases", |array| engine.list_databases(&op, filter, name_only, array))?;
    if !name_only {
        reply.value("totalSize", reply::long(total));
        reply.value("totalSizeMb", reply::long(total / MEBIBYTE));
    }
    Ok(())
}

/// The filter for the databases that a user may know of; `None` for all.
fn visible_databases(call: &Call<'_, '_>, authorized_only: Option<bool>) -> Result<Option<DocBuf>> {
    let (true, Some(user)) = (call.commands.access.enabled, &call.session.login.user) else { return Ok(None) };
    let may_list = user.privileges.allow(&Resource::Cluster, "listDatabases");
    match authorized_only {
        Some(false) if !may_list => {
            let message = "Insufficient permissions to list all databases";
            return Err(Error::new(Code::UNAUTHORIZED, message));
        }
        None | Some(false) if may_list => return Ok(None),
        _ => {}
    }
    let databases = call.commands.engine.databases();
    Ok(Some(DocBuf::build(|doc| {
        doc.document("name", |doc| {
            doc.array("$in", |array| {
                let allowed = databases.iter().filter(|db| user.privileges.touch_database(db));
                allowed.for_each(|db| array.value(Value::string(db)));
            });
        });
    })))
}

arguments! {
    /// The `cursor` argument.
    struct CursorArgs in "cursor" strict {
        "batchSize" => batch_size: Number,
    }
}

fn batch_size(cursor: Option<&RawDoc>) -> Result<Option<u64>> {
    let Some(doc) = cursor else { return Ok(None) };
    let args: CursorArgs<'_> = args::of_document(doc)?;
    args::not_negative(args.batch_size, "batchSize")
}

pub(super) static LIST_COLLECTIONS: Command =
    Command::new("listCollections", list_collections, "lists the collections and views of a database")
        .api_v1()
        .needs(Needs::Computed(list_collections_requirements));

/// Everyone may ask for the names of those collections that they may use.
fn list_collections_requirements(target: &Target<'_>) -> Vec<Requirement> {
    let set = |name: &str| target.body.get(name).is_some_and(args::is_truthy);
    let own = set("nameOnly") && set("authorizedCollections");
    if own { Vec::new() } else { vec![(Resource::database(target.db), "listCollections")] }
}

arguments! {
    /// Arguments of `listCollections`.
    struct ListCollectionsArgs in "listCollections" strict {
        "filter" => filter: &'d RawDoc,
        "nameOnly" => name_only: Flag,
        "authorizedCollections" => authorized_collections: Flag,
        "cursor" => cursor: &'d RawDoc,
        "includePendingDrops" => include_pending_drops: Flag,
    }
}

fn list_collections(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: ListCollectionsArgs<'_> = args::of_command(&call.request)?;
    let ns = Namespace::new(call.db, "$cmd.listCollections")?;
    let request = ListCollectionsRequest {
        db: call.db,
        filter: args.filter.unwrap_or(RawDoc::EMPTY),
        name_only: args.name_only.is_some_and(|Flag(on)| on),
        batch_size: batch_size(args.cursor)?,
    };
    let op = call.op();
    let engine = &call.commands.engine;
    let fill = |batch: &mut reply::Batch<'_>| engine.list_collections(&op, &request, batch);
    let id = reply::cursor(reply, "firstBatch", ns.full(), fill)?;
    call.commands.sessions.cursor_open(id, call.session_id(), &ns);
    Ok(())
}

pub(super) static LIST_INDEXES: Command =
    Command::new("listIndexes", list_indexes, "lists the indexes of a collection")
        .api_v1()
        .uses_collection(Usage::Commands)
        .needs(Needs::OnCollection(&["listIndexes"]));

arguments! {
    /// Arguments of `listIndexes`.
    struct ListIndexesArgs in "listIndexes" strict {
        "cursor" => cursor: &'d RawDoc,
        "includeIndexBuildInfo" => include_build_info: bool,
        "includeBuildUUIDs" => include_build_uuids: Flag,
        "isTimeseriesNamespace" => is_timeseries: bool,
        "collectionUUID" => collection_uuid: args::Uuid,
    }
}

fn list_indexes(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: ListIndexesArgs<'_> = args::of_command(&call.request)?;
    call.check_uuid(&ns, args.collection_uuid)?;
    let form = if args.include_build_info == Some(true) { IndexListing::WithBuilds } else { IndexListing::Plain };
    let batch_size = batch_size(args.cursor)?;
    let op = call.op();
    let engine = &call.commands.engine;
    let fill = |batch: &mut reply::Batch<'_>| engine.list_indexes(&op, &ns, form, batch_size, batch);
    let id = reply::cursor(reply, "firstBatch", ns.full(), fill)?;
    call.commands.sessions.cursor_open(id, call.session_id(), &ns);
    Ok(())
}
