//! `collMod`: what can change about a collection's options and indexes.

use smongo_vm::Code;
use smongo_vm::value::{RawDoc, Value};

use super::Call;
use super::access::Needs;
use super::args::{self, Any, Flag, arguments};
use super::collections::{check_capped_max, check_capped_size, check_validation, images};
use super::reply::Reply;
use super::table::{Command, Usage};
use crate::error::{Error, Result};
use crate::request::{IndexSelection, ModifyCollectionRequest, ModifyIndexRequest, Namespace};

pub(super) static COLL_MOD: Command = Command::new("collMod", coll_mod, "changes a collection's options and indexes")
    .api_v1()
    .writes()
    .uses_collection(Usage::Commands)
    .needs(Needs::OnCollection(&["collMod"]));

arguments! {
    /// Arguments of `collMod`.
    struct CollModArgs in "collMod" strict {
        "index" => index: &'d RawDoc,
        "validator" => validator: &'d RawDoc,
        "validationLevel" => validation_level: &'d str,
        "validationAction" => validation_action: &'d str,
        "viewOn" => view_on: &'d str,
        "pipeline" => pipeline: args::Array<'d>,
        "expireAfterSeconds" => expire_after_seconds: Any<'d>,
        "timeseries" => timeseries: &'d RawDoc,
        "changeStreamPreAndPostImages" => images: &'d RawDoc,
        "cappedSize" => capped_size: args::Number,
        "cappedMax" => capped_max: args::Number,
        "dryRun" => dry_run: bool,
    }
}

arguments! {
    /// The `index` argument.
    struct IndexArgs in "collMod.index" strict {
        "name" => name: &'d str,
        "keyPattern" => key_pattern: &'d RawDoc,
        "expireAfterSeconds" => expire_after_seconds: Any<'d>,
        "hidden" => hidden: Flag,
        "unique" => unique: Flag,
        "prepareUnique" => prepare_unique: Flag,
    }
}

fn coll_mod(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let args: CollModArgs<'_> = args::of_command(&call.request)?;
    check_validation("collMod", args.validation_level, args.validation_action)?;
    let request = ModifyCollectionRequest {
        validator: args.validator,
        validation_level: args.validation_level,
        validation_action: args.validation_action,
        images: args.images.map(images).transpose()?,
        capped_size: args
            .capped_size
            .map(|args::Number(size)| check_capped_size(size, "collMod.cappedSize"))
            .transpose()?,
        capped_max: args.capped_max.map(|args::Number(max)| check_capped_max(max)).transpose()?,
        ..ModifyCollectionRequest::new(ns.clone())
    };
    if args.timeseries.is_some() {
        let message = "smongo does not support collMod of 'timeseries' yet";
        return Err(Error::new(Code::NOT_IMPLEMENTED, message));
    }
    let engine = &call.commands.engine;
    let pipeline = args.pipeline.map(|args::Array(stages)| stages);
    if engine.is_view(&ns) {
        check_view_options(&args)?;
        if args.view_on.is_none() && pipeline.is_none() {
            return Ok(());
        }
        return engine.modify_view(&call.op(), &ns, args.view_on, pipeline);
    }
    if args.view_on.is_some() || pipeline.is_some() {
        if !engine.has_collection(&ns) {
            return Err(Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}")));
        }
        let name = if args.view_on.is_some() { "viewOn" } else { "pipeline" };
        let message = format!("option only supported on a view: {name}");
        return Err(Error::new(Code::INVALID_OPTIONS, message));
    }
    if !request.is_empty() {
        engine.modify_collection(&call.op(), &request)?;
    }
    if let Some(Any(seconds)) = args.expire_after_seconds {
        let expiry = match seconds.as_str() {
            Some("off") => None,
            Some(_) => {
                let message = "Invalid value for the 'expireAfterSeconds' option: it must be a number or 'off'";
                return Err(Error::new(Code::INVALID_OPTIONS, message));
            }
            None => Some(seconds),
        };
        call.commands.engine.set_expiry(&call.op(), &ns, expiry)?;
    }
    match args.index {
        Some(index) => modify_index(call, reply, ns, index, args.dry_run == Some(true)),
        None if call.commands.engine.has_collection(&ns) => Ok(()),
        None => Err(Error::new(Code::NAMESPACE_NOT_FOUND, format!("ns does not exist: {ns}"))),
    }
}

/// Refuses what cannot be asked of a view.
fn check_view_options(args: &CollModArgs<'_>) -> Result<()> {
    let asked = [
        ("index", args.index.is_some()),
        ("validator", args.validator.is_some()),
        ("validationLevel", args.validation_level.is_some()),
        ("validationAction", args.validation_action.is_some()),
        ("changeStreamPreAndPostImages", args.images.is_some()),
        ("cappedSize", args.capped_size.is_some()),
        ("cappedMax", args.capped_max.is_some()),
    ];
    match asked.iter().find(|(_, is_asked)| *is_asked) {
        Some((name, _)) => Err(Error::new(Code::INVALID_OPTIONS, format!("option not supported on a view: {name}"))),
        None => Ok(()),
    }
}

/// The `index` argument at work.
fn modify_index(
    call: &mut Call<'_, '_>,
    reply: &mut Reply<'_>,
    ns: Namespace,
    index: &RawDoc,
    is_dry_run: bool,
) -> Result<()> {
    let args: IndexArgs<'_> = args::of_document(index)?;
    let invalid = |message| Err(Error::new(Code::INVALID_OPTIONS, message));
    let index = match (args.name, args.key_pattern) {
        (Some(_), Some(_)) => return invalid("Cannot specify both key pattern and name."),
        (Some(name), None) => IndexSelection::Names(vec![name]),
        (None, Some(pattern)) => IndexSelection::Pattern(pattern),
        (None, None) => return invalid("Must specify either index name or key pattern."),
    };
    let hidden = args.hidden.map(|Flag(hidden)| hidden);
    let expire_after_seconds = args.expire_after_seconds.map(|Any(seconds)| seconds);
    let unique = args.unique.map(|Flag(unique)| unique);
    let prepare_unique = args.prepare_unique.map(|Flag(prepare)| prepare);
    if unique == Some(false) {
        return Err(Error::new(Code::BAD_VALUE, "collMod does not support converting an index to 'unique: false'"));
    }
    if is_dry_run && unique.is_none() {
        return invalid("dry-run mode can only be used with index conversion to unique");
    }
    if is_dry_run && (hidden.is_some() || expire_after_seconds.is_some() || prepare_unique.is_some()) {
        return invalid("dry-run mode can only be used with index conversion to unique alone");
    }
    if hidden.is_none() && expire_after_seconds.is_none() && unique.is_none() && prepare_unique.is_none() {
        return invalid("no expireAfterSeconds, hidden, unique, or prepareUnique field");
    }
    let request = ModifyIndexRequest {
        ns,
        index,
        hidden,
        expire_after_seconds,
        prepare_unique,
        make_unique: unique == Some(true),
        is_dry_run,
    };
    let modified = call.commands.engine.modify_index(&call.op(), &request)?;
    if let Some((old, new)) = modified.expire_after_seconds {
        if let Some(old) = old {
            reply.value("expireAfterSeconds_old", Value::int64(old));
        }
        reply.value("expireAfterSeconds_new", Value::int64(new));
    }
    if let Some((old, new)) = modified.hidden {
        reply.value("hidden_old", Value::bool(old));
        reply.value("hidden_new", Value::bool(new));
    }
    if modified.made_unique {
        reply.value("unique_new", Value::TRUE);
    }
    if let Some((old, new)) = modified.prepare_unique {
        reply.value("prepareUnique_old", Value::bool(old));
        reply.value("prepareUnique_new", Value::bool(new));
    }
    Ok(())
}
