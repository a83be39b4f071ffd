//! Updates: what a request does to a document.

use smongo_vm::update::UpdateTree;
use smongo_vm::value::{DocBuf, OwnedValue};

use super::Filter;

/// An update, in one of the three forms in which a request may give it.
#[derive(Clone, Debug)]
pub enum Update {
    /// The whole new document, but for its `_id`.
    Replacement(DocBuf),
    /// Operators on paths.
    Operators(OperatorUpdate),
    /// Pipeline stages that compute the new document from the old.
    Pipeline(Vec<UpdateStage>),
}

/// Operators on paths. The tree refers to arguments and predicates by number.
#[derive(Clone, Debug)]
pub struct OperatorUpdate {
    /// The operators by path.
    pub tree: UpdateTree,
    /// The operators' arguments.
    pub args: Vec<OwnedValue>,
    /// The filters of `arrayFilters` and the conditions of `$pull`; see
    /// [`Predicates`](smongo_vm::update::Predicates) for the document that each of them sees.
    pub predicates: Vec<Filter>,
}

/// A stage of an update pipeline, not yet parsed any further.
#[derive(Clone, Debug)]
pub struct UpdateStage {
    /// Which stage.
    pub kind: UpdateStageKind,
    /// What stands behind its name.
    pub spec: OwnedValue,
}

/// The stages that an update pipeline may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpdateStageKind {
    /// `$set` and `$addFields`.
    Set,
    /// `$unset`.
    Unset,
    /// `$project`.
    Project,
    /// `$replaceWith`, and `$replaceRoot`, whose specification is then its `newRoot`.
    ReplaceWith,
}
