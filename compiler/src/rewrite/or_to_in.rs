//! `$or` of equalities on one path becomes `$in`: one probe of a set instead of one test an alternative.
//!
//! It also gives such an `$or` a position for `$`, as MongoDB's own rewrite does.

use smongo_vm::value::OwnedValue;

use crate::ir::{Filter, FilterPath, LeafTest};

/// Applies the rewrite everywhere in a filter.
pub fn rewrite(filter: Filter) -> Filter {
    match filter {
        Filter::And(parts) => Filter::And(parts.into_iter().map(rewrite).collect()),
        Filter::Nor(parts) => Filter::Nor(parts.into_iter().map(rewrite).collect()),
        Filter::Not(part) => Filter::Not(Box::new(rewrite(*part))),
        Filter::Or(parts) => merge(parts.into_iter().map(rewrite).collect()),
        other => other,
    }
}

fn merge(parts: Vec<Filter>) -> Filter {
    match equalities(&parts) {
        Some((path, values)) if values.len() > 1 => {
            Filter::Leaf { path: path.clone(), test: LeafTest::In { values, patterns: Vec::new() } }
        }
        _ => Filter::Or(parts),
    }
}

/// The path and values, when every part is an equality on the same path.
fn equalities(parts: &[Filter]) -> Option<(&FilterPath, Vec<OwnedValue>)> {
    let mut common = None;
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        let Filter::Leaf { path, test: LeafTest::Eq(value) } = part else { return None };
        if *common.get_or_insert(path) != path {
            return None;
        }
        values.push(value.clone());
    }
    common.map(|path| (path, values))
}
