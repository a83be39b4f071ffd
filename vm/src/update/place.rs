//! Where in a document an operator is at work: what error messages name, and what `$rename` and `$unset` ask.

use crate::code::Code;
use crate::error::Error;
use crate::value::RawDoc;

use super::text;

/// One step from the root towards the value being changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'w> {
    /// The field name, or the index of an array element as text.
    pub(super) name: &'w [u8],
    /// Whether the step goes into an array.
    pub(super) in_array: bool,
}

/// The place of the value being changed.
pub(super) struct Place<'w> {
    /// The whole old document.
    pub(super) root: &'w RawDoc,
    /// The steps from the root to the value; never empty.
    pub(super) steps: &'w [Step<'w>],
}

impl Place<'_> {
    /// The dotted path.
    pub(super) fn path(&self) -> String {
        dotted(self.steps)
    }

    /// The name of the last step.
    pub(super) fn name(&self) -> String {
        self.steps.last().map(|step| String::from_utf8_lossy(step.name).into_owned()).unwrap_or_default()
    }

    /// Whether the value is an array's element.
    pub(super) fn is_array_element(&self) -> bool {
        self.steps.last().is_some_and(|step| step.in_array)
    }

    /// The name of the innermost array that the path goes through.
    pub(super) fn enclosing_array(&self) -> Option<String> {
        let inside = self.steps.iter().rposition(|step| step.in_array)?;
        Some(String::from_utf8_lossy(self.steps.get(inside.wrapping_sub(1))?.name).into_owned())
    }

    /// The document's `_id` as messages show it: `_id: 1`.
    pub(super) fn id(&self) -> String {
        match self.root.get("_id") {
            Some(id) => text::describe_field("_id", id),
            None => "no id".to_owned(),
        }
    }
}

/// The dotted path of `steps`.
pub(super) fn dotted(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for (at, step) in steps.iter().enumerate() {
        if at > 0 {
            path.push('.');
        }
        path.push_str(&String::from_utf8_lossy(step.name));
    }
    path
}

/// The error for changing `_id`, or something inside it, by an operator at this path.
#[cold]
pub(super) fn immutable_id(steps: &[Step<'_>]) -> Error {
    let path = dotted(steps);
    Error::new(
        Code::IMMUTABLE_FIELD,
        format!("Performing an update on the path '{path}' would modify the immutable field '_id'"),
    )
}
