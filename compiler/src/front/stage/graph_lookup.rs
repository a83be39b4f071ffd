//! `$graphLookup`: to each document, the documents that can be reached from it.

use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::options::{path, target};
use super::{Scope, Source};
use crate::front::expr;
use crate::front::filter;
use crate::front::filter::integer::to_exact_i64;
use crate::ir::Stage;
use crate::ir::pipeline::GraphLookup;

pub(super) fn parse(spec: Value<'_>, scope: &mut Scope<'_>) -> Result<Vec<Stage>> {
    let Some(options) = spec.as_doc() else {
        return Err(Error::failed_to_parse(format!(
            "the $graphLookup stage specification must be an object, but found {}",
            spec.tag().name()
        )));
    };
    let (mut from, mut start_with, mut max_depth, mut restriction) = (None, None, None, None);
    let (mut connect_from, mut connect_to, mut target_field, mut depth_field) = (None, None, None, None);
    for option in options {
        let (name, value) = (option.name_str(), option.value());
        match name {
            "startWith" => start_with = Some(expr::parse_folded(value, scope.ctx)?),
            "maxDepth" => max_depth = Some(depth(value)?),
            "restrictSearchWithMatch" => {
                let filter: &RawDoc = value.as_doc().ok_or_else(|| {
                    Error::location(
                        40185,
                        format!("restrictSearchWithMatch must be an object, found {}", value.tag().name()),
                    )
                })?;
                restriction = Some((filter::parse(filter, scope.ctx)?, filter.into()));
            }
            "from" if value.as_doc().is_some() => {
                let db = scope.db;
                from = Some(target(value, "$graphLookup.from", db)?);
            }
            "from" | "as" | "connectFromField" | "connectToField" | "depthField" => {
                let text = value.as_str().ok_or_else(|| {
                    Error::location(
                        40103,
                        format!("expected string as argument for {name}, found: {}", super::document::shown(value)),
                    )
                })?;
                match name {
                    "from" => from = Some((scope.db.to_owned(), text.to_owned())),
                    "as" => target_field = Some(path(text)?),
                    "connectFromField" => connect_from = Some(path(text)?),
                    "connectToField" => connect_to = Some(path(text)?),
                    _ => depth_field = Some(path(text)?),
                }
            }
            other => return Err(Error::location(40104, format!("Unknown argument to $graphLookup: {other}"))),
        }
    }
    let (Some(target), Some(from), Some(start_with), Some(connect_from), Some(connect_to)) =
        (target_field, from, start_with, connect_from, connect_to)
    else {
        return Err(Error::location(
            40105,
            "$graphLookup requires 'from', 'as', 'startWith', 'connectFromField', and 'connectToField' to be \
             specified.",
        ));
    };
    let Source { coll: from, view } = scope.source(&from.0, &from.1)?;
    Ok(vec![Stage::GraphLookup(Box::new(GraphLookup {
        from,
        view,
        start_with,
        connect_from,
        connect_to,
        target,
        max_depth,
        depth_field,
        restriction,
    }))])
}

fn depth(value: Value<'_>) -> Result<u64> {
    if !value.is_number() {
        return Err(Error::location(40100, format!("maxDepth must be numeric, found type: {}", value.tag().name())));
    }
    let Some(depth) = to_exact_i64(value) else {
        let message = format!("maxDepth must be representable as a long long: {}", super::document::shown(value));
        return Err(Error::location(40102, message));
    };
    u64::try_from(depth)
        .map_err(|_| Error::location(40101, format!("maxDepth requires a nonnegative argument, found: {depth}")))
}
