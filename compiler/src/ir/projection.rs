//! Projections: which fields of a document stay, go, or are computed.

use smongo_vm::program::ProjectionKind;

use super::{Expr, Filter};

/// What happens to a named field.
#[derive(Clone, Debug)]
pub enum FieldAction {
    /// It stays as it is.
    Keep,
    /// It goes.
    Drop,
    /// It becomes the value of an expression over the whole document.
    Compute(Expr),
    /// Its value is projected in turn; arrays element by element.
    Nested(FieldTree),
    /// `$slice` of find: `limit` elements of an array from `skip` on; a negative `skip` counts from the end.
    Slice {
        /// Elements left out in front.
        skip: i64,
        /// Elements kept at most.
        limit: i64,
    },
    /// `$elemMatch` of find: the first element that matches, as an array of one.
    ElemMatch {
        /// The predicate over one element.
        filter: Box<Filter>,
        /// Whether the predicate is on the element's fields or on the element itself.
        on_fields: bool,
    },
    /// `"a.$"`: the element at the position that the query matched.
    Positional,
}

/// The fields of one level, in the order of the request.
#[derive(Clone, Debug, Default)]
pub struct FieldTree {
    /// Names, without dots, with what happens to each.
    pub fields: Vec<(String, FieldAction)>,
}

impl FieldTree {
    /// The action of a name on this level.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut FieldAction> {
        self.fields.iter_mut().find(|(field, _)| field == name).map(|(_, action)| action)
    }

    /// Whether some action, here or below, satisfies a predicate.
    pub fn any(&self, holds: &impl Fn(&FieldAction) -> bool) -> bool {
        self.fields.iter().any(|(_, action)| match action {
            FieldAction::Nested(inner) => inner.any(holds),
            other => holds(other),
        })
    }
}

/// A projection.
#[derive(Clone, Debug)]
pub struct Projection {
    /// What happens to the fields it does not name.
    pub kind: ProjectionKind,
    /// The top level. An inclusion names `_id` here when it is kept.
    pub tree: FieldTree,
}

/// A pipeline stage that makes one document of one document.
#[derive(Clone, Debug)]
pub enum DocumentStage {
    /// `$project`, `$unset`, `$set`, `$addFields`.
    Project(Projection),
    /// `$replaceRoot`, `$replaceWith`.
    ReplaceRoot(Expr),
}
