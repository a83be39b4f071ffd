//! `planCacheClear` and the index filters: `planCacheSetFilter`, `planCacheListFilters`, `planCacheClearFilters`.
//!
//! As with mongod, arguments that nobody knows are passed over, and where there is no collection the rest is not looked at.

use smongo_vm::Code;
use smongo_vm::value::{OwnedValue, RawDoc, Value};

use super::Call;
use super::access::Needs;
use super::reply::Reply;
use super::table::{Command, Usage};
use crate::error::{Error, Result};
use crate::request::ShapeRequest;

pub(super) static PLAN_CACHE_CLEAR: Command =
    Command::new("planCacheClear", clear, "forgets the plans of a collection, or of one query shape")
        .uses_collection(Usage::Commands)
        .needs(Needs::OnCollection(&["planCacheWrite"]));

pub(super) static PLAN_CACHE_SET_FILTER: Command =
    Command::new("planCacheSetFilter", set_filter, "sets which indexes plans of a query shape may use")
        .uses_collection(Usage::Commands)
        .needs(Needs::OnCollection(&["planCacheIndexFilter"]));

pub(super) static PLAN_CACHE_LIST_FILTERS: Command =
    Command::new("planCacheListFilters", list_filters, "lists the index filters of a collection")
        .uses_collection(Usage::Commands)
        .needs(Needs::OnCollection(&["planCacheIndexFilter"]));

pub(super) static PLAN_CACHE_CLEAR_FILTERS: Command =
    Command::new("planCacheClearFilters", clear_filters, "removes index filters of a collection")
        .uses_collection(Usage::Commands)
        .needs(Needs::OnCollection(&["planCacheIndexFilter"]));

fn clear(call: &mut Call<'_, '_>, _: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let engine = &call.commands.engine;
    if !engine.has_collection(&ns) {
        return Ok(());
    }
    engine.clear_plans(&ns, one_or_all(call.request.body)?.as_ref())
}

fn set_filter(call: &mut Call<'_, '_>, _: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let engine = &call.commands.engine;
    if !engine.has_collection(&ns) {
        return Err(Error::new(Code::BAD_VALUE, "no such collection"));
    }
    let indexes = indexes(call.request.body)?;
    engine.set_index_filter(&ns, &shape(call.request.body)?, indexes)
}

fn list_filters(call: &mut Call<'_, '_>, reply: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let filters = call.commands.engine.index_filters(&ns);
    reply.array("filters", |shown| filters.iter().for_each(|filter| shown.value(Value::document(filter))));
    Ok(())
}

fn clear_filters(call: &mut Call<'_, '_>, _: &mut Reply<'_>) -> Result<()> {
    let ns = call.collection()?;
    let engine = &call.commands.engine;
    if !engine.has_collection(&ns) {
        return Ok(());
    }
    engine.clear_index_filters(&ns, one_or_all(call.request.body)?.as_ref())
}

/// An argument that is there; null counts as absent.
fn given<'d>(body: &'d RawDoc, name: &str) -> Option<Value<'d>> {
    body.get(name).filter(|value| !value.is_nullish())
}

/// The shape that the arguments describe, or `None` for all.
fn one_or_all(body: &RawDoc) -> Result<Option<ShapeRequest<'_>>> {
    if given(body, "query").is_some() {
        return shape(body).map(Some);
    }
    match ["sort", "projection", "collation"].iter().any(|name| given(body, name).is_some()) {
        true => Err(Error::new(Code::BAD_VALUE, "sort, projection, or collation provided without query")),
        false => Ok(None),
    }
}

fn shape(body: &RawDoc) -> Result<ShapeRequest<'_>> {
    let query = match given(body, "query").map(|query| query.as_container()) {
        None => return refuse("required field query missing"),
        Some(None) => return refuse("required field query must be an object"),
        Some(Some(query)) => query,
    };
    let optional = |name: &str| match given(body, name).map(|value| value.as_container()) {
        None => Ok(None),
        Some(None) => refuse(format!("optional field {name} must be an object")),
        Some(Some(doc)) => Ok(Some(doc).filter(|doc| !doc.is_empty())),
    };
    Ok(ShapeRequest {
        query,
        sort: optional("sort")?,
        projection: optional("projection")?,
        collation: optional("collation")?,
    })
}

/// The indexes that a filter allows: names and key patterns.
fn indexes(body: &RawDoc) -> Result<Vec<OwnedValue>> {
    let list = match body.get("indexes").map(|list| list.as_array()) {
        None => return refuse("required field indexes missing"),
        Some(None) => return refuse("required field indexes must be an array"),
        Some(Some(list)) => list,
    };
    if list.is_empty() {
        return refuse("required field indexes must contain at least one index");
    }
    let one = |index: Value<'_>| match (index.as_str(), index.as_doc()) {
        (None, None) => refuse("each item in indexes must be either an object or a string"),
        (None, Some(pattern)) if pattern.is_empty() => refuse("index specification cannot be empty"),
        _ => Ok(index.into()),
    };
    list.values().map(one).collect()
}

fn refuse<R>(message: impl Into<String>) -> Result<R> {
    Err(Error::new(Code::BAD_VALUE, message.into()))
}
