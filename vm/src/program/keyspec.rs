//! Sort and index keys as data: which paths, in which direction.

use crate::key::Direction;
use crate::op::Src;
use crate::value::FieldPath;

/// One part of a sort key.
#[derive(Clone, Debug)]
pub enum KeyPart {
    /// A path; an array on it contributes its smallest (ascending) or largest (descending) element.
    Path(FieldPath, Direction),
    /// A value computed into a register beforehand (`{$meta: …}`).
    Register(Src, Direction),
}

/// A sort key: parts in order of significance.
#[derive(Clone, Debug)]
pub struct KeySpec {
    /// The parts.
    pub parts: Vec<KeyPart>,
}
