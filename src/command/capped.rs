//! `convertToCapped` and `cloneCollectionAsCapped`.

use smongo_vm::Code;
use smongo_vm::value::Value;

use super::Call;
use super::access::{Needs, Requirement, Target};
use super::args::{self, Any, Argument, Number, arguments};
use super::collections::check_capped_size;
use super::reply::Reply;
use super::table::{Command, Usage};
use crate::auth::Resource;
use crate::error::{Error, Result};
use crate::request::Namespace;

pub(super) static CONVERT_TO_CAPPED: Command =
    Command::new("convertToCapped", convert_to_capped, "makes a collection capped")
        .writes()
        .uses_collection(Usage::Commands)
        .needs(Needs::OnCollection(&["convertToCapped"]));

arguments! {
    /// Arguments of `convertToCapped`. Unknown ones are ignored, as mongod does.
    struct ConvertArgs in "convertToCapped" lenient {
        "size" => size: Any<'d>,
    }
}

fn convert_to_capped(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let ns = source(call, call.first)?;
    let args: ConvertArgs<'_> = args::of_command(&call.request)?;
    if ns.coll() == "system.views" {
        return Err(Error::new(Code::BAD_VALUE, format!("cannot convert {ns} to a capped collection")));
    }
    if ns.coll().starts_with("system.buckets.") {
        let message = "convertToCapped is not supported on a time-series collection";
        return Err(Error::new(Code::ILLEGAL_OPERATION, message));
    }
    let size = size(args.size)?;
    call.commands.engine.convert_to_capped(&call.op(), &ns, size)
}

pub(super) static CLONE_COLLECTION_AS_CAPPED: Command =
    Command::new("cloneCollectionAsCapped", clone_collection_as_capped, "copies a collection into a capped one")
        .writes()
        .uses_collection(Usage::Commands)
        .needs(Needs::Computed(clone_requirements));

/// Reading the one collection and making the other.
fn clone_requirements(target: &Target<'_>) -> Vec<Requirement> {
    let name = |value: Option<Value<'_>>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let from = Resource::collection(target.db, &name(Some(target.first)));
    let to = Resource::collection(target.db, &name(target.body.get("toCollection")));
    let making = ["insert", "createIndex", "convertToCapped"].map(|action| (to.clone(), action));
    [vec![(from, "find")], making.to_vec()].concat()
}

arguments! {
    /// Arguments of `cloneCollectionAsCapped`. Unknown ones are ignored, as mongod does.
    struct CloneArgs in "cloneCollectionAsCapped" lenient {
        "toCollection" => to: Any<'d>,
        "size" => size: Any<'d>,
    }
}

fn clone_collection_as_capped(call: &mut Call<'_, '_>, _reply: &mut Reply<'_>) -> Result<()> {
    let from = source(call, call.first)?;
    let args: CloneArgs<'_> = args::of_command(&call.request)?;
    let Some(to) = args.to.and_then(|Any(to)| to.as_str()) else {
        return Err(Error::new(Code::TYPE_MISMATCH, "'toCollection' must be of type String"));
    };
    let to = Namespace::new(call.db, to)?;
    let size = size(args.size)?;
    call.commands.engine.clone_as_capped(&call.op(), &from, &to, size)
}

/// The collection that a command names; what is no name is no collection's.
fn source(call: &Call<'_, '_>, name: Value<'_>) -> Result<Namespace> {
    match name.as_str() {
        Some(name) => Namespace::new(call.db, name),
        None => {
            let message = format!("collection name has invalid type {}", name.tag().name());
            Err(Error::new(Code::INVALID_NAMESPACE, message))
        }
    }
}

/// The size of a capped collection, in bytes.
fn size(given: Option<Any<'_>>) -> Result<i64> {
    match given.and_then(|Any(size)| Number::from_value(size)) {
        Some(Number(size)) if size > 0 => check_capped_size(size, "size"),
        _ => Err(Error::new(Code::INVALID_OPTIONS, "Capped collection size must be greater than zero")),
    }
}
