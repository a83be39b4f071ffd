//! Dotted field paths, and the three ways MongoDB follows one through a document.
//!
//! | walk | used by | arrays on the way | `0` as a component | nothing there |
//! |---|---|---|---|---|
//! | [`match_path`] | filters | each embedded document in it | position, and field name | visits `Nothing` |
//! | [`expr_path`] | `"$a.b"` | maps to an array of what was found | field name only | `Nothing` |
//! | [`index_keys`], [`key_values`] | sort keys, index keys | each element | position, or field name | `null` |
//!
//! An array inside an array is never entered implicitly by any of them; a position enters it.
//!
//! The rules in one example each, for `a.b`:
//!
//! | document | filter tests | expression gives | keys |
//! |---|---|---|---|
//! | `{a: {b: 1}}` | `1` | `1` | `1` |
//! | `{a: {b: [1, 2]}}` | `1`, `2`, `[1, 2]` | `[1, 2]` | `1`, `2` |
//! | `{a: [{b: 1}, {}, 5]}` | `1`, missing | `[1]` | `1`, `null`, `null` |
//! | `{a: []}` | nothing at all | `[]` | `null` |
//! | `{a: {b: []}}` | `[]` | `[]` | `undefined` |
//! | `{a: 5}`, `{}` | missing | missing | `null` |
//! | `{a: [[{b: 1}]]}` | nothing at all | `[]` | `null` |
//!
//! The recursion of every walk is bounded by the path's components (twice that for positions), never by the document.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use bumpalo::Bump;

use super::buf::{ArrayWriter, Buf};
use super::raw::RawDoc;
use super::repr::{Tag, Value};

mod keys;

pub use keys::{ArrayComponents, index_keys, index_keys_with_missing, key_values};

/// One component of a path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Component {
    name: Box<str>,
    index: Option<u32>,
}

impl Component {
    /// A component of this name, taken as it stands: dots in it mean nothing.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), index: array_index(name) }
    }

    /// The field name.
    #[inline]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The array position the component also denotes: `0` and `12` do, `01` and `+1` do not.
    #[inline]
    pub fn index(&self) -> Option<u32> {
        self.index
    }
}

/// The array position that `name` is the canonical text of.
pub fn array_index(name: &str) -> Option<u32> {
    let digits = name.as_bytes();
    let canonical = digits.iter().all(u8::is_ascii_digit) && (digits.len() == 1 || digits.first() != Some(&b'0'));
    if canonical { name.parse().ok() } else { None }
}

/// A dotted path, split once.
///
/// Any text makes a path, empty components included; which paths a command accepts, and how long they may be
/// ([`MAX_PATH_COMPONENTS`](crate::limits::MAX_PATH_COMPONENTS)), is the command's rule.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FieldPath {
    /// Shared, because programs, filters and plans of one shape all hold the same paths.
    components: Arc<[Component]>,
}

impl FieldPath {
    /// The path of a dotted text.
    pub fn new(dotted: &str) -> Self {
        Self { components: dotted.split('.').map(Component::new).collect() }
    }

    /// A path of components.
    pub fn from_components(components: impl IntoIterator<Item = Component>) -> Self {
        Self { components: components.into_iter().collect() }
    }

    /// The components, outermost first.
    #[inline]
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// How many components there are.
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether there are no components, which no dotted text gives.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// The path with `name` added as its last component.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self::from_components(self.components.iter().cloned().chain([Component::new(name)]))
    }

    /// Whether `self` is `other` or leads to it.
    pub fn is_prefix_of(&self, other: &FieldPath) -> bool {
        other.components.starts_with(&self.components)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, component) in self.components.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            f.write_str(component.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Filters

/// Visits every value that a filter on this path must test, until `visit` breaks.
///
/// With each value comes the position, in the outermost array that was traversed implicitly, of the element it was
/// found in: what the positional operator `$` stands for. `traverse_leaf_array` says whether an array at the path's
/// end is tested element by element before it is tested whole (most predicates) or only whole (`$size`, `$elemMatch`,
/// `$type: "array"` are such). A position at the path's end (`a.0`) gives that element whole.
pub fn match_path<'d, F>(
    doc: &'d RawDoc,
    path: &[Component],
    traverse_leaf_array: bool,
    visit: &mut F,
) -> ControlFlow<()>
where
    F: FnMut(Value<'d>, Option<u32>) -> ControlFlow<()>,
{
    match_in_doc(doc, path, traverse_leaf_array, None, visit)
}

fn match_in_doc<'d, F>(
    mut doc: &'d RawDoc,
    mut path: &[Component],
    traverse_leaf_array: bool,
    position: Option<u32>,
    visit: &mut F,
) -> ControlFlow<()>
where
    F: FnMut(Value<'d>, Option<u32>) -> ControlFlow<()>,
{
    while let Some((first, rest)) = path.split_first() {
        let Some(value) = doc.get(first.name()) else { break };
        if let Some(array) = value.as_array() {
            return match_in_array(array, value, rest, traverse_leaf_array, position, visit);
        }
        if rest.is_empty() {
            return visit(value, position);
        }
        let Some(inner) = value.as_doc() else { break };
        (doc, path) = (inner, rest);
    }
    visit(Value::NOTHING, position)
}

/// `path` is what is left below the array; `array` and `whole` are the same array.
fn match_in_array<'d, F>(
    array: &'d RawDoc,
    whole: Value<'d>,
    path: &[Component],
    traverse_leaf_array: bool,
    position: Option<u32>,
    visit: &mut F,
) -> ControlFlow<()>
where
    F: FnMut(Value<'d>, Option<u32>) -> ControlFlow<()>,
{
    let Some((first, rest)) = path.split_first() else {
        if traverse_leaf_array {
            for (i, value) in array.values().enumerate() {
                visit(value, position.or(Some(i as u32)))?;
            }
        }
        return visit(whole, position);
    };
    for (i, value) in array.values().enumerate() {
        let here = position.or(Some(i as u32));
        if let Some(doc) = value.as_doc() {
            match_in_doc(doc, path, traverse_leaf_array, here, visit)?;
        }
        if first.index() != Some(i as u32) {
            continue;
        }
        // A position named by the path is not implicit traversal, so what lies below it starts without one.
        if rest.is_empty() {
            visit(value, position)?;
        } else if let Some(doc) = value.as_doc() {
            match_in_doc(doc, rest, traverse_leaf_array, position, visit)?;
        } else if let Some(inner) = value.as_array() {
            match_in_array(inner, value, rest, traverse_leaf_array, position, visit)?;
        }
    }
    ControlFlow::Continue(())
}

// ---------------------------------------------------------------------------------------------------------------
// Expressions

/// The value of the expression path `components` below `root`, which is the document or array a variable holds.
///
/// An array on the way maps to the array of values found in its embedded documents; that array is built in `arena`.
pub fn expr_path<'d>(root: Value<'d>, components: &[Component], arena: &'d Bump) -> Value<'d> {
    let mut value = root;
    let mut rest = components;
    while let Some((first, after)) = rest.split_first() {
        match value.tag() {
            Tag::Document => match value.as_doc().and_then(|doc| doc.get(first.name())) {
                Some(found) => (value, rest) = (found, after),
                None => return Value::NOTHING,
            },
            Tag::Array => {
                let mut bytes = bumpalo::collections::Vec::with_capacity_in(64, arena);
                let mut out = ArrayWriter::new(&mut bytes);
                if let Some(array) = value.as_array() {
                    map_array(array, rest, &mut out);
                }
                out.finish();
                return RawDoc::from_bytes(bytes.into_bump_slice()).map_or(Value::NOTHING, Value::array);
            }
            _ => return Value::NOTHING,
        }
    }
    value
}

/// Appends what `path` gives in each embedded document of `array`.
fn map_array<B: Buf + ?Sized>(array: &RawDoc, path: &[Component], out: &mut ArrayWriter<'_, B>) {
    for element in array.values().filter_map(Value::as_doc) {
        let mut doc = element;
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            let Some(found) = doc.get(first.name()) else { break };
            if after.is_empty() {
                out.value(found);
                break;
            }
            if let Some(inner) = found.as_array() {
                out.array(|out| map_array(inner, after, out));
                break;
            }
            let Some(inner) = found.as_doc() else { break };
            (doc, rest) = (inner, after);
        }
    }
}

#[cfg(test)]
mod tests;
