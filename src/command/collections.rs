//! `create`, `drop`, `dropDatabase`, `renameCollection`.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Tag, Value};

use super::Call;
use super::access::{Needs, Requirement, Target};
use super::args::{self, Any, Argument, Array, Flag, Number, arguments};
use super::generic;
use super::reply::Reply;
use super::table::{Command, Usage};
use crate::auth::Resource;
use crate::error::{Error, Result};
use crate::request::{CreateRequest, Namespace};

pub(super) static CREATE: Command = Command::new("create", create, "creates a collection or a view")
    .api_v1()
    .writes()
    .uses_collection(Usage::Commands)
    .needs(Needs::OnCollection(&["createCollection"]));

arguments! {
    /// Arguments of `create`. Their types are checked here; what they ask for is the engine's to judge.
    struct CreateArgs in "create" strict {
        "capped" => capped: Flag,
        "size" => size: Number,
        "max" => max: Number,
        "autoIndexId" => auto_index_id: Flag,
        "idIndex" => id_index: &'d RawDoc,
        "storageEngine" => storage_engine: &'d RawDoc,
        "indexOptionDefaults" => index_option_defaults: &'d RawDoc,
        "validator" => validator: &'d RawDoc,
        "validationLevel" => validation_level: &'d str,
        "validationAction" => validation_action: &'d str,
        "viewOn" => view_on: &'d str,
        "pipeline" => pipeline: Array<'d>,
        "collation" => collation: &'d RawDoc,
        "timeseries" => timeseries: &'d RawDoc,
        "expireAfterSeconds" => expire_after_seconds: Any<'d>,
        "clusteredIndex" => clustered_index: Any<'d>,
        "changeStreamPreAndPostImages" => images: &'d RawDoc,
        "encryptedFields" => encrypted_fields: &'d RawDoc,
        "recordIdsReplicated" => record_ids_replicated: bool,
        "temp" => temp: Flag,
        "flags" => flags: Number,
    }
}

fn create(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: CreateArgs<'_> = args::of_command(&call.request)?;
    let size = args.size.map(|Number(size)| check_capped_size(size, "create.size")).transpose()?;
    let max = args.max.map(|Number(max)| check_capped_max(max)).transpose()?;
    check_validation("create", args.validation_level, args.validation_action)?;
    args.images.map(images).transpose()?;
    let capped = args.capped.is_some_and(|Flag(capped)| capped);
    if capped && size.is_none() {
        return Err(Error::new(Code::INVALID_OPTIONS, "the 'size' field is required when 'capped' is true"));
    }
    let is_clustered = call.request.body.get("clusteredIndex").is_some();
    if !capped && !is_clustered && (size.is_some() || max.is_some()) {
        let message = "the 'capped' field needs to be true when either the 'size' or 'max' fields are present";
        return Err(Error::new(Code::INVALID_OPTIONS, message));
    }
    let options = DocBuf::build(|doc| {
        for element in call.request.body.iter().skip(1) {
            let absent = matches!(element.value().tag(), Tag::Null | Tag::Undefined);
            // Where `null` is not the same as nothing, the engine says so.
            let counts = !absent || element.name() == b"clusteredIndex";
            if !counts || generic::is_generic(element.name()) {
                continue;
            }
            match element.name() {
                b"capped" => doc.value("capped", Value::bool(capped)),
                b"size" => doc.value("size", Value::int64(size.unwrap_or(0))),
                b"max" => doc.value("max", Value::int64(max.unwrap_or(0))),
                _ => doc.raw_element(element.raw()),
            }
        }
    });
    call.commands.engine.create_collection(&call.op(), &CreateRequest { ns, options: &options })
}

/// The most bytes of a capped collection. MongoDB: 1 PiB.
const CAPPED_BYTES_MAX: i64 = 1 << 50;

/// Fails unless a capped collection may have this size, in bytes.
pub(super) fn check_capped_size(size: i64, name: &str) -> Result<i64> {
    args::at_least(Some(Number(size)), 1, name)?;
    if size > CAPPED_BYTES_MAX {
        let message = format!("BSON field '{name}' value must be <= {CAPPED_BYTES_MAX}, actual value '{size}'");
        return Err(Error::new(Code::BAD_VALUE, message));
    }
    Ok(size)
}

/// Fails unless a capped collection may be limited to so many documents; what is not positive is no limit.
pub(super) fn check_capped_max(max: i64) -> Result<i64> {
    if max > i64::from(i32::MAX) && max != i64::MAX {
        let message = "max in a capped collection has to be < 2^31 or not set";
        return Err(Error::new(Code::BAD_VALUE, message));
    }
    Ok(if max == i64::MAX { 0 } else { max.max(0) })
}

/// Fails unless the level and the action of a validator exist.
pub(super) fn check_validation(command: &str, level: Option<&str>, action: Option<&str>) -> Result<()> {
    for (name, value, allowed) in [
        ("validationLevel", level, ["off", "strict", "moderate"]),
        ("validationAction", action, ["error", "warn", "errorAndLog"]),
    ] {
        if let Some(value) = value.filter(|value| !allowed.contains(value)) {
            let message = format!("Enumeration value '{value}' for field '{command}.{name}' is not a valid value.");
            return Err(Error::new(Code::BAD_VALUE, message));
        }
    }
    Ok(())
}

arguments! {
    /// The `changeStreamPreAndPostImages` argument.
    struct ImagesArgs in "changeStreamPreAndPostImages" strict {
        "enabled" => enabled: bool,
    }
}

/// Whether `changeStreamPreAndPostImages` asks that documents are kept as they were before a change.
pub(super) fn images(doc: &RawDoc) -> Result<bool> {
    let args: ImagesArgs<'_> = args::of_document(doc)?;
    args::require(args.enabled, "changeStreamPreAndPostImages", "enabled")
}

pub(super) static DROP: Command = Command::new("drop", drop, "drops a collection")
    .api_v1()
    .writes()
    .uses_collection(Usage::Commands)
    .needs(Needs::OnCollection(&["dropCollection"]));

arguments! {
    /// Arguments of `drop`.
    struct DropArgs in "drop" strict {
        "collectionUUID" => collection_uuid: args::Uuid,
    }
}

fn drop(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: DropArgs<'_> = args::of_command(&call.request)?;
    call.check_uuid(&ns, args.collection_uuid)?;
    if let Some(dropped) = call.commands.engine.drop_collection(&call.op(), &ns)? {
        if let Some(count) = dropped.index_count {
            reply.value("nIndexesWas", Value::integer(i64::from(count)));
        }
        reply.string("ns", ns.full());
    }
    call.commands.metrics.top.forget(|name| name == ns.full());
    Ok(())
}

pub(super) static DROP_DATABASE: Command = Command::new("dropDatabase", drop_database, "drops a database")
    .api_v1()
    .writes()
    .needs(Needs::OnDatabase(&["dropDatabase"]));

fn drop_database(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "dropDatabase")?;
    if !matches!(Number::from_value(call.first), Some(Number(1))) {
        return Err(Error::new(Code(5_255_500), "have to pass 1 as db parameter"));
    }
    if matches!(call.db, "admin" | "config" | "local") {
        let message = format!("Dropping the '{}' database is prohibited.", call.db);
        return Err(Error::new(Code::ILLEGAL_OPERATION, message));
    }
    call.commands.engine.drop_database(&call.op(), call.db)?;
    let prefix = format!("{}.", call.db);
    call.commands.metrics.top.forget(|name| name.starts_with(&prefix));
    Ok(())
}

pub(super) static RENAME_COLLECTION: Command =
    Command::new("renameCollection", rename_collection, "renames a collection")
        .admin_only()
        .writes()
        .needs(Needs::Computed(rename_requirements));

/// Within a database renaming is one right; across databases it is a copy and a removal.
fn rename_requirements(target: &Target<'_>) -> Vec<Requirement> {
    let split = |full: Option<&str>| {
        let (db, coll) = full.unwrap_or_default().split_once('.').unwrap_or_default();
        (db.to_owned(), coll.to_owned())
    };
    let (from_db, from) = split(target.first.as_str());
    let (to_db, to) = split(target.body.get("to").and_then(|to| to.as_str()));
    let drops = target.body.get("dropTarget").is_some_and(args::is_truthy);
    let (from, to) = (Resource::collection(&from_db, &from), Resource::collection(&to_db, &to));
    let mut required = if from_db == to_db {
        vec![(Resource::database(&from_db), "renameCollectionSameDB")]
    } else {
        let target = ["createCollection", "insert", "createIndex"].map(|action| (to.clone(), action));
        [vec![(from.clone(), "find"), (from, "dropCollection")], target.to_vec()].concat()
    };
    if drops {
        required.push((to, "dropCollection"));
    }
    required
}

arguments! {
    /// Arguments of `renameCollection`.
    struct RenameArgs in "renameCollection" strict {
        "to" => to: &'d str,
        "dropTarget" => drop_target: DropTarget,
        "stayTemp" => stay_temp: Flag,
        "collectionUUID" => collection_uuid: args::Uuid,
    }
}

/// Whether the collection that has the new name goes: always, never, or only the one with an identity.
#[derive(Clone, Copy)]
enum DropTarget {
    Yes,
    No,
    Only(args::Uuid),
}

impl<'d> Argument<'d> for DropTarget {
    const TYPES: &'static [&'static str] = &["bool", "binData"];

    fn from_value(value: Value<'d>) -> Option<Self> {
        match value.as_bool() {
            Some(true) => Some(Self::Yes),
            Some(false) => Some(Self::No),
            None => args::Uuid::from_value(value).map(Self::Only),
        }
    }
}

fn rename_collection(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let from = full_namespace(call.first, "renameCollection")?;
    let args: RenameArgs<'_> = args::of_command(&call.request)?;
    let to = args::require(args.to, "renameCollection", "to")?;
    let to = full_namespace(Value::string(to), "to")?;
    if call.request.body.get("dropTarget").is_some_and(|value| value.tag() == Tag::Null) {
        return Err(args::wrong_type("renameCollection", "dropTarget", Tag::Null, DropTarget::TYPES));
    }
    let drop_target = match args.drop_target {
        None | Some(DropTarget::No) => false,
        Some(DropTarget::Yes) => true,
        Some(DropTarget::Only(_)) if from.db() != to.db() => {
            let message = "The dropTarget parameter cannot be a UUID for renames across databases";
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
        Some(DropTarget::Only(uuid)) => {
            call.check_uuid(&to, Some(uuid))?;
            true
        }
    };
    for ns in [&from, &to] {
        if ns.coll().starts_with("system.") {
            let message = format!("renaming system collections is not allowed: {ns}");
            return Err(Error::new(Code::ILLEGAL_OPERATION, message));
        }
    }
    call.check_uuid(&from, args.collection_uuid)?;
    call.commands.engine.rename_collection(&call.op(), &from, &to, drop_target)
}

/// A namespace given in full, database included.
fn full_namespace(value: Value<'_>, argument: &str) -> Result<Namespace> {
    let Some(text) = value.as_str() else {
        return Err(args::wrong_type("renameCollection", argument, value.tag(), &["string"]));
    };
    match text.split_once('.') {
        Some((db, coll)) => Namespace::new(db, coll),
        None => Err(Error::new(Code::INVALID_NAMESPACE, format!("Invalid namespace specified '{text}'"))),
    }
}
