//! Sort orders.

use smongo_vm::program::Direction;
use smongo_vm::value::FieldPath;

/// A sort order: paths in order of significance.
#[derive(Clone, Debug)]
pub struct Sort {
    /// The paths with their directions.
    pub parts: Vec<(FieldPath, Direction)>,
}
