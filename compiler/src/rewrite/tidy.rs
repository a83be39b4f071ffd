//! Stages that say nothing, or the same as their neighbour, go: `{$match: {}}`, `{$skip: 0}`, the weaker of two limits, and
//! two skips become one.

use crate::ir::{Filter, Stage};

/// The pass.
pub(super) fn tidy(stages: &mut Vec<Stage>) -> bool {
    let before = stages.len();
    let mut kept: Vec<Stage> = Vec::with_capacity(before);
    for stage in stages.drain(..) {
        match (&stage, kept.last_mut()) {
            (Stage::Match { filter, .. }, _) if says_nothing(filter) => {}
            (Stage::Skip(0), _) => {}
            (Stage::Limit(limit), Some(Stage::Limit(before))) => *before = (*before).min(*limit),
            (Stage::Skip(skip), Some(Stage::Skip(before))) => match before.checked_add(*skip) {
                Some(sum) => *before = sum,
                None => kept.push(stage),
            },
            _ => kept.push(stage),
        }
    }
    *stages = kept;
    stages.len() < before
}

fn says_nothing(filter: &Filter) -> bool {
    match filter {
        Filter::Always(always) => *always,
        Filter::And(parts) => parts.is_empty(),
        _ => false,
    }
}
