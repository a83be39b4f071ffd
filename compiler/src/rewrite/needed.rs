//! Which fields later stages read: an `$unwind` writes a row for each element, and leaves out what nobody asks for.

use super::fields::Fields;
use crate::ir::Stage;

/// The pass.
pub(super) fn needed(stages: &mut [Stage]) -> bool {
    let mut changed = false;
    let mut fields = Fields::All;
    for stage in stages.iter_mut().rev() {
        if let Stage::Unwind(unwind) = stage
            && let Fields::Named(names) = fields.clone().before(&Stage::Unwind(unwind.clone()))
        {
            unwind.only = Some(names.into_iter().collect());
            changed = true;
        }
        fields = fields.before(stage);
    }
    changed
}
