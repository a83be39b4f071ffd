//! `setQuerySettings` and `removeQuerySettings`.
//!
//! Settings are given for a query, as the command that it is with its database, or for the hash of its shape. What a
//! later command says is laid over what is set already.

use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use super::Call;
use super::access::Needs;
use super::args::{self, Any, arguments, missing_field, wrong_type};
use super::explain;
use super::reply::Reply;
use super::table::Command;
use crate::engine::QueryShape;
use crate::error::{Error, Result};
use crate::query_settings::QuerySetting;
use crate::request::Namespace;

pub(super) static SET_QUERY_SETTINGS: Command =
    Command::new("setQuerySettings", set, "decides about queries of a shape: their indexes, whether they run")
        .admin_only()
        .needs(Needs::OnCluster(&["querySettings"]));

pub(super) static REMOVE_QUERY_SETTINGS: Command =
    Command::new("removeQuerySettings", remove, "removes the settings of a query shape")
        .admin_only()
        .needs(Needs::OnCluster(&["querySettings"]));

/// Hexadecimal digits of a hash.
const HASH_DIGITS: usize = 64;

arguments! {
    /// Arguments of `setQuerySettings`.
    struct SetArgs in "setQuerySettings" strict {
        "settings" => settings: &'d RawDoc,
    }
}

arguments! {
    /// What may be set.
    struct SettingsArgs in "setQuerySettings.settings" strict {
        "indexHints" => index_hints: Any<'d>,
        "queryFramework" => query_framework: &'d str,
        "reject" => reject: bool,
        "comment" => comment: Any<'d>,
    }
}

arguments! {
    /// One of the index hints.
    struct HintArgs in "setQuerySettings.settings.indexHints" strict {
        "ns" => ns: &'d RawDoc,
        "allowedIndexes" => allowed_indexes: Any<'d>,
    }
}

arguments! {
    /// The collection of an index hint.
    struct NamespaceArgs in "setQuerySettings.settings.indexHints.ns" strict {
        "db" => db: &'d str,
        "coll" => coll: &'d str,
    }
}

fn set(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let args: SetArgs<'_> = args::of_command(&call.request)?;
    let settings = args::require(args.settings, "setQuerySettings", "settings")?;
    check_settings(settings)?;
    let target = target(call, "setQuerySettings")?;
    if let Target::Query { ns, shape, .. } = &target {
        check_query(ns, shape)?;
    }
    let engine = &call.commands.engine;
    let known = engine.query_setting(target.hash());
    let settings = effective(known.as_ref().map_or(RawDoc::EMPTY, |known| &known.settings), settings)?;
    let setting = match &target {
        Target::Query { query, shape, .. } => {
            QuerySetting::new(&shape.hash, &settings, Some(DocBuf::from(*query)), Some(shape.debug.clone()))
        }
        Target::Hash(hash) => {
            let representative = known.as_ref().and_then(|known| known.representative.clone());
            let debug_shape = known.as_ref().and_then(|known| known.debug_shape.clone());
            QuerySetting::new(hash, &settings, representative, debug_shape)
        }
    };
    reply.string("queryShapeHash", &setting.hash);
    if let Some(representative) = &setting.representative {
        reply.value("representativeQuery", Value::document(representative));
    }
    reply.value("settings", Value::document(&setting.settings));
    engine.set_query_setting(setting)
}

fn remove(call: &mut Call<'_, '_>, _: &mut Reply<'_>) -> Result<()> {
    args::none(&call.request, "removeQuerySettings")?;
    let target = target(call, "removeQuerySettings")?;
    call.commands.engine.remove_query_setting(target.hash())
}

/// What settings are for.
enum Target<'d> {
    Query { query: &'d RawDoc, ns: Namespace, shape: QueryShape },
    Hash(String),
}

impl Target<'_> {
    fn hash(&self) -> &str {
        match self {
            Target::Query { shape, .. } => &shape.hash,
            Target::Hash(hash) => hash,
        }
    }
}

fn target<'d>(call: &mut Call<'_, 'd>, command: &'static str) -> Result<Target<'d>> {
    match (call.first.as_str(), call.first.as_doc()) {
        (Some(hash), _) => {
            check_hash(hash)?;
            Ok(Target::Hash(hash.to_ascii_uppercase()))
        }
        (None, Some(query)) => of_query(call, query, command),
        (None, None) => Err(wrong_type(command, command, call.first.tag(), &["string", "object"])),
    }
}

fn check_hash(hash: &str) -> Result<()> {
    if !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) || !hash.len().is_multiple_of(2) {
        let message = format!("The input string is not a valid hexadecimal number: {hash}");
        return Err(Error::new(Code::BAD_VALUE, message));
    }
    if hash.len() != HASH_DIGITS {
        let message = format!("Invalid hash length: {} instead of {HASH_DIGITS} hexadecimal digits", hash.len());
        return Err(Error::new(Code::INVALID_LENGTH, message));
    }
    Ok(())
}

fn of_query<'d>(call: &mut Call<'_, 'd>, query: &'d RawDoc, command: &'static str) -> Result<Target<'d>> {
    let db = query.get("$db").ok_or_else(|| missing_field(command, "$db"))?;
    let db = db.as_str().ok_or_else(|| wrong_type(command, "$db", db.tag(), &["string"]))?;
    Namespace::check_db_name(db)?;
    let first = query.iter().next();
    let name = first.map(|first| first.name_str()).unwrap_or_default();
    if !matches!(name, "find" | "distinct" | "aggregate") {
        return Err(Error::new(Code(7_746_402), format!("QueryShape can not be computed for command: {name}")));
    }
    let explained = explain::parsed(call, query, db)?;
    let ns = explained.namespace().clone();
    let shape = call.commands.engine.query_shape(&explained)?;
    let shape = shape.ok_or_else(|| Error::new(Code::INTERNAL_ERROR, "a query has no shape"))?;
    Ok(Target::Query { query, ns, shape })
}

/// Refuses settings for queries about which nobody but the server decides.
fn check_query(ns: &Namespace, shape: &QueryShape) -> Result<()> {
    if matches!(ns.db(), "admin" | "config" | "local") {
        return Err(Error::new(Code(8_584_900), "setQuerySettings cannot be used on internal databases"));
    }
    if ns.coll().starts_with("system.") {
        return Err(Error::new(Code(8_584_901), "setQuerySettings cannot be used on system collections"));
    }
    if shape.is_id_lookup {
        let message = "setQuerySettings cannot be used on queries that are lookups by _id (IDHACK)";
        return Err(Error::new(Code(7_746_606), message));
    }
    Ok(())
}

fn check_settings(settings: &RawDoc) -> Result<()> {
    let args: SettingsArgs<'_> = args::of_document(settings)?;
    if let Some(framework) = args.query_framework.filter(|name| !matches!(*name, "classic" | "sbe")) {
        let message = format!(
            "Enumeration value '{framework}' for field 'setQuerySettings.settings.queryFramework' is not a valid value."
        );
        return Err(Error::new(Code::BAD_VALUE, message));
    }
    let mut seen = Vec::new();
    for hint in hints_in(args.index_hints.map(|Any(hints)| hints))? {
        let HintArgs { ns, allowed_indexes, .. } = args::of_document(hint)?;
        let context = "setQuerySettings.settings.indexHints";
        let NamespaceArgs { db, coll, .. } = args::of_document(args::require(ns, context, "ns")?)?;
        let missing = |code, what| Error::new(Code(code), format!("In settings.indexHints, ns.{what} is required"));
        let db = db.ok_or_else(|| missing(8_727_500, "db"))?;
        let coll = coll.ok_or_else(|| missing(8_727_501, "coll"))?;
        let ns = Namespace::new(db, coll)?;
        if seen.contains(&ns) {
            let message = format!("Collection '{ns}' has already index hints specified");
            return Err(Error::new(Code(7_746_608), message));
        }
        seen.push(ns);
        let Any(allowed) = args::require(allowed_indexes, context, "allowedIndexes")?;
        let wrong = |found, types: &[&str]| wrong_type(context, "allowedIndexes", found, types);
        for index in allowed.as_array().ok_or_else(|| wrong(allowed.tag(), &["array"]))?.values() {
            if index.as_str().is_none() && index.as_doc().is_none() {
                return Err(wrong(index.tag(), &["string", "object"]));
            }
        }
    }
    Ok(())
}

/// The index hints: an array of them, or the only one.
fn hints_in<'d>(hints: Option<Value<'d>>) -> Result<Vec<&'d RawDoc>> {
    let Some(hints) = hints else { return Ok(Vec::new()) };
    let wrong = |found| wrong_type("setQuerySettings.settings", "indexHints", found, &["object", "array"]);
    match (hints.as_doc(), hints.as_array()) {
        (Some(one), _) => Ok(vec![one]),
        (None, Some(list)) => {
            list.values().map(|hint| hint.as_doc().ok_or_else(|| wrong(hint.tag()))).collect::<Result<_>>()
        }
        (None, None) => Err(wrong(hints.tag())),
    }
}

/// What settings come to when `new` ones are laid over those that are `known`; what has no effect is left out.
fn effective(known: &RawDoc, new: &RawDoc) -> Result<DocBuf> {
    if new.is_empty() {
        let message = "settings field in setQuerySettings command cannot be empty";
        return Err(Error::new(Code(8_727_502), message));
    }
    let given = |doc: &'_ RawDoc, name: &str| doc.get(name).is_some_and(|value| !value.is_nullish());
    let mut decides = false;
    let settings = DocBuf::build(|doc| {
        for name in ["indexHints", "queryFramework", "reject", "comment"] {
            let from = if given(new, name) { new } else { known };
            let Some(value) = from.get(name).filter(|value| !value.is_nullish()) else { continue };
            match name {
                "indexHints" => {
                    let hints: Vec<&RawDoc> = hints_in(Some(value)).into_iter().flatten().collect();
                    let allows = |hint: &&&RawDoc| {
                        let allowed = hint.get("allowedIndexes").and_then(Value::as_array);
                        allowed.is_some_and(|allowed| !allowed.is_empty())
                    };
                    if hints.iter().any(|hint| allows(&hint)) {
                        decides = true;
                        doc.array(name, |list| {
                            hints.iter().filter(allows).for_each(|hint| list.value(Value::document(hint)));
                        });
                    }
                }
                "reject" if value.as_bool() == Some(false) => {}
                "comment" => doc.value(name, value),
                _ => {
                    decides = true;
                    doc.value(name, value);
                }
            }
        }
    });
    if decides {
        return Ok(settings);
    }
    let message = "the resulting settings cannot be empty or contain only default values";
    Err(Error::new(Code(7_746_604), message))
}
