//! `$skip` and `$limit` move before stages that make one document of one, so that what is left out is never computed, and so
//! that a sort in front of such stages learns how many documents are wanted.

use crate::ir::Stage;

/// The pass.
pub(super) fn limit_first(stages: &mut [Stage]) -> bool {
    let mut changed = false;
    for at in 1..stages.len() {
        let mut place = at;
        while place > 0
            && matches!(stages[place], Stage::Limit(_) | Stage::Skip(_))
            && matches!(stages[place - 1], Stage::Document(_))
        {
            stages.swap(place, place - 1);
            place -= 1;
            changed = true;
        }
    }
    changed
}
