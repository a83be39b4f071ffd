//! Projections as data: a tree of field names with what happens to each.

use ahash::AHashMap;

use crate::op::{Src, SubId};

/// What happens to the fields that a projection does not name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProjectionKind {
    /// Only named fields stay; computed fields are appended in the order of the request.
    Inclusion,
    /// Named fields go.
    Exclusion,
    /// Everything stays; computed fields replace in place or are appended (`$set`, `$addFields`).
    AddFields,
}

/// What happens to a named field.
#[derive(Clone, Debug)]
pub enum Action {
    /// It stays as it is.
    Keep,
    /// It goes.
    Drop,
    /// It becomes the value of a register. A missing value removes the field.
    Compute(Src),
    /// It becomes what a program computes of the whole document, once for each place where it is written: below an array
    /// that may be many, or none.
    ComputeEach(SubId),
    /// Its value is projected in turn; arrays element by element.
    Nested(ProjectionNode),
    /// `$slice`: of an array, `limit` elements from `skip` on; a negative `skip` counts from the end.
    Slice {
        /// Elements left out in front; from the end when negative.
        skip: i64,
        /// Elements kept at most.
        limit: i64,
    },
    /// `$elemMatch`: the first element that the sub-program accepts, as an array of one.
    ElemMatch {
        /// The predicate over one element.
        program: SubId,
        /// Whether the predicate is on the element's fields (`true`) or on the element itself.
        on_fields: bool,
    },
    /// `"a.$"`: the array element at the position that the filter matched.
    Positional,
}

/// The fields of one level.
#[derive(Clone, Debug, Default)]
pub struct ProjectionNode {
    children: Vec<(Box<str>, Action)>,
    by_name: AHashMap<Box<str>, usize>,
    has_computed: bool,
}

impl ProjectionNode {
    /// Adds a field; the caller has ruled out duplicates.
    pub fn push(&mut self, name: &str, action: Action) {
        self.has_computed |= match &action {
            Action::Compute(_) | Action::ComputeEach(_) => true,
            Action::Nested(node) => node.has_computed,
            _ => false,
        };
        self.by_name.insert(name.into(), self.children.len());
        self.children.push((name.into(), action));
    }

    /// The fields in the order of the request.
    pub fn children(&self) -> &[(Box<str>, Action)] {
        &self.children
    }

    /// The position of a field among [`ProjectionNode::children`].
    #[inline]
    pub fn position(&self, name: &[u8]) -> Option<usize> {
        const LINEAR_BELOW: usize = 8;
        if self.children.len() < LINEAR_BELOW {
            return self.children.iter().position(|(child, _)| child.as_bytes() == name);
        }
        std::str::from_utf8(name).ok().and_then(|name| self.by_name.get(name).copied())
    }

    /// Whether a computed field stands here or below, so that the level is written even where the input lacks it.
    pub fn has_computed(&self) -> bool {
        self.has_computed
    }
}

/// A projection.
#[derive(Clone, Debug)]
pub struct Projection {
    /// What happens to unnamed fields.
    pub kind: ProjectionKind,
    /// The top level.
    pub root: ProjectionNode,
}
