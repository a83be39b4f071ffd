//! The trie of an update's paths.
//!
//! Inner nodes are of two kinds: one goes into named fields (or, in an array, indexes), the other into those elements
//! of an array that `$[]` and `$[identifier]` select. Fields are kept in the order in which MongoDB applies them,
//! which is the order in which new fields appear: numeric names first, by number, then the others, bytewise.

use std::cmp::Ordering;

use crate::code::Code;
use crate::error::{Error, Result};
use crate::limits::MAX_PATH_COMPONENTS;

use super::operator::Operator;

/// A compiled update; see the [module](super).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpdateTree {
    root: FieldsNode,
    needs_match_position: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Node {
    Fields(FieldsNode),
    Elements(ElementsNode),
    Leaf(Operator),
}

/// Goes into fields.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct FieldsNode {
    /// Name and node, in order.
    pub(super) children: Vec<(Box<str>, Node)>,
    /// What `$` leads to.
    pub(super) positional: Option<Box<Node>>,
}

impl FieldsNode {
    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.children.iter().map(|(_, node)| node).chain(self.positional.as_deref())
    }
}

/// Goes into selected elements of an array.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct ElementsNode {
    /// Ordered by identifier; `$[]` is first.
    pub(super) children: Vec<ElementsChild>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct ElementsChild {
    /// What stands between the brackets.
    pub(super) identifier: Box<str>,
    /// The filter that an element has to match; none for `$[]`.
    pub(super) predicate: Option<u16>,
    pub(super) node: Node,
}

impl UpdateTree {
    /// Begins a tree.
    pub fn builder() -> TreeBuilder {
        TreeBuilder { tree: UpdateTree::default() }
    }

    pub(super) fn root(&self) -> &FieldsNode {
        &self.root
    }

    /// Whether some path has the positional operator `$`, so that a match has to say which element it found.
    pub fn needs_match_position(&self) -> bool {
        self.needs_match_position
    }

    /// Whether the update changes nothing, whatever the document.
    pub fn is_empty(&self) -> bool {
        self.root.children.is_empty() && self.root.positional.is_none()
    }

    /// The number of the filter behind `$[identifier]`, when a path has one.
    pub fn array_filter(&self, identifier: &str) -> Option<u16> {
        self.root.nodes().find_map(|node| find_filter(node, identifier))
    }

    /// Gives each path with its operator, in the order of application. Array selectors stand in a path as they were
    /// written: `a.$[].b`.
    pub fn for_each_path<'t>(&'t self, visit: &mut dyn FnMut(&str, &'t Operator)) {
        visit_fields(&self.root, &mut String::new(), visit);
    }
}

fn find_filter(node: &Node, identifier: &str) -> Option<u16> {
    match node {
        Node::Leaf(_) => None,
        Node::Fields(fields) => fields.nodes().find_map(|child| find_filter(child, identifier)),
        Node::Elements(elements) => elements.children.iter().find_map(|child| {
            let own = child.predicate.filter(|_| *child.identifier == *identifier);
            own.or_else(|| find_filter(&child.node, identifier))
        }),
    }
}

fn visit_fields<'t>(node: &'t FieldsNode, path: &mut String, visit: &mut dyn FnMut(&str, &'t Operator)) {
    for (name, child) in &node.children {
        visit_child(name, child, path, visit);
    }
    if let Some(child) = &node.positional {
        visit_child("$", child, path, visit);
    }
}

fn visit_child<'t>(name: &str, child: &'t Node, path: &mut String, visit: &mut dyn FnMut(&str, &'t Operator)) {
    let parent = path.len();
    if parent > 0 {
        path.push('.');
    }
    path.push_str(name);
    match child {
        Node::Leaf(operator) => visit(path, operator),
        Node::Fields(fields) => visit_fields(fields, path, visit),
        Node::Elements(elements) => {
            for child in &elements.children {
                visit_child(&format!("$[{}]", child.identifier), &child.node, path, visit);
            }
        }
    }
    path.truncate(parent);
}

/// The order of sibling fields: numeric names by number, then all others bytewise.
pub(super) fn compare_names(a: &str, b: &str) -> Ordering {
    let is_numeric = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    match (is_numeric(a), is_numeric(b)) {
        (true, true) => {
            let (short_a, short_b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            short_a.len().cmp(&short_b.len()).then_with(|| short_a.cmp(short_b)).then_with(|| a.cmp(b))
        }
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

/// The array position that a name stands for in an update. Leading zeros do not matter, unlike in a query.
pub(super) fn array_index(name: &str) -> Option<u32> {
    name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok())?
}

/// A component of an update's path.
#[derive(Clone, Copy)]
enum Component<'p> {
    Name(&'p str),
    /// `$`.
    Positional,
    /// `$[]` or `$[identifier]`.
    Elements(&'p str),
}

impl<'p> Component<'p> {
    fn new(text: &'p str) -> Self {
        if text == "$" {
            return Component::Positional;
        }
        match text.strip_prefix("$[").and_then(|rest| rest.strip_suffix(']')) {
            Some(identifier) => Component::Elements(identifier),
            None => Component::Name(text),
        }
    }
}

/// Whether a component of a path depends on the document it is applied to: `$`, `$[]` or `$[identifier]`.
fn is_dynamic(text: &str) -> bool {
    !matches!(Component::new(text), Component::Name(_))
}

/// A tree under construction.
#[derive(Debug)]
pub struct TreeBuilder {
    tree: UpdateTree,
}

impl TreeBuilder {
    /// Whether `path` has a component that depends on the document it is applied to.
    pub fn is_dynamic(path: &str) -> bool {
        path.split('.').any(is_dynamic)
    }

    /// Adds an operator at the end of a dotted path. `predicate` gives the number of the array filter of an
    /// identifier, where the request has one.
    pub fn add(
        &mut self,
        path: &str,
        operator: Operator,
        mut predicate: impl FnMut(&str) -> Option<u16>,
    ) -> Result<()> {
        let components = check(path)?;
        let mut node = Place::Fields(&mut self.tree.root);
        let (&last, inner) = components.split_last().ok_or_else(empty_path)?;
        for (depth, &component) in inner.iter().enumerate() {
            let filter = filter_of(component, path, &mut predicate)?;
            self.tree.needs_match_position |= matches!(component, Component::Positional);
            let child = node.child(component, filter, || Node::inner_for(components[depth + 1]));
            let next_is_elements = matches!(components[depth + 1], Component::Elements(_));
            node = match child {
                Some(Node::Fields(fields)) if !next_is_elements => Place::Fields(fields),
                Some(Node::Elements(elements)) if next_is_elements => Place::Elements(elements),
                _ => return Err(conflict(path, depth + 1)),
            };
        }
        let filter = filter_of(last, path, &mut predicate)?;
        self.tree.needs_match_position |= matches!(last, Component::Positional);
        let mut operator = Some(operator);
        let added = node.child(last, filter, || Node::Leaf(operator.take().unwrap_or(Operator::RenamedAway)));
        match (added, operator) {
            (Some(_), None) => Ok(()),
            _ => Err(conflict(path, components.len())),
        }
    }

    /// The complete tree.
    pub fn finish(self) -> UpdateTree {
        self.tree
    }
}

/// Where the next component of a path goes.
enum Place<'t> {
    Fields(&'t mut FieldsNode),
    Elements(&'t mut ElementsNode),
}

impl<'t> Place<'t> {
    /// The child at `component`, made by `make` when there is none; `None` when the node is of the wrong kind for it.
    fn child(self, component: Component<'_>, filter: Option<u16>, make: impl FnOnce() -> Node) -> Option<&'t mut Node> {
        match (self, component) {
            (Place::Fields(fields), Component::Name(name)) => {
                let at = match fields.children.binary_search_by(|(other, _)| compare_names(other, name)) {
                    Ok(at) => at,
                    Err(at) => {
                        fields.children.insert(at, (name.into(), make()));
                        at
                    }
                };
                Some(&mut fields.children[at].1)
            }
            (Place::Fields(fields), Component::Positional) => {
                Some(fields.positional.get_or_insert_with(|| Box::new(make())))
            }
            (Place::Elements(elements), Component::Elements(identifier)) => {
                let at = match elements.children.binary_search_by(|child| (*child.identifier).cmp(identifier)) {
                    Ok(at) => at,
                    Err(at) => {
                        let identifier = identifier.into();
                        elements.children.insert(at, ElementsChild { identifier, predicate: filter, node: make() });
                        at
                    }
                };
                Some(&mut elements.children[at].node)
            }
            _ => None,
        }
    }
}

impl Node {
    /// An empty inner node whose children are of the kind of `component`.
    fn inner_for(component: Component<'_>) -> Node {
        match component {
            Component::Elements(_) => Node::Elements(ElementsNode::default()),
            _ => Node::Fields(FieldsNode::default()),
        }
    }
}

fn filter_of(
    component: Component<'_>,
    path: &str,
    predicate: &mut impl FnMut(&str) -> Option<u16>,
) -> Result<Option<u16>> {
    match component {
        Component::Elements(identifier) if !identifier.is_empty() => match predicate(identifier) {
            Some(filter) => Ok(Some(filter)),
            None => {
                Err(Error::bad_value(format!("No array filter found for identifier '{identifier}' in path '{path}'")))
            }
        },
        _ => Ok(None),
    }
}

#[cold]
fn empty_path() -> Error {
    Error::new(Code::EMPTY_FIELD_NAME, "An empty update path is not valid.")
}

#[cold]
fn conflict(path: &str, components: usize) -> Error {
    let end = path.match_indices('.').nth(components - 1).map_or(path.len(), |(at, _)| at);
    Error::new(
        Code::CONFLICTING_UPDATE_OPERATORS,
        format!("Updating the path '{path}' would create a conflict at '{}'", &path[..end]),
    )
}

/// The components of a path that is fit for an update.
fn check(path: &str) -> Result<Vec<Component<'_>>> {
    if path.is_empty() {
        return Err(empty_path());
    }
    if path.bytes().filter(|&byte| byte == b'.').count() >= MAX_PATH_COMPONENTS {
        return Err(Error::new(
            Code::OVERFLOW,
            format!("The update path has more than {MAX_PATH_COMPONENTS} components"),
        ));
    }
    if path.split('.').any(str::is_empty) {
        return Err(Error::new(
            Code::EMPTY_FIELD_NAME,
            format!("The update path '{path}' contains an empty field name, which is not allowed."),
        ));
    }
    let components: Vec<_> = path.split('.').map(Component::new).collect();
    match components.first() {
        Some(Component::Positional) => {
            return Err(Error::bad_value(format!(
                "Cannot have positional (i.e. '$') element in the first position in path '{path}'"
            )));
        }
        Some(Component::Elements(_)) => {
            return Err(Error::bad_value(format!(
                "Cannot have array filter identifier (i.e. '$[<id>]') element in the first position in path '{path}'"
            )));
        }
        _ => {}
    }
    if components.iter().filter(|component| matches!(component, Component::Positional)).count() > 1 {
        return Err(Error::bad_value(format!("Too many positional (i.e. '$') elements found in path '{path}'")));
    }
    Ok(components)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(paths: &[&str]) -> Result<UpdateTree> {
        let mut builder = UpdateTree::builder();
        for path in paths {
            builder.add(path, Operator::Unset, |identifier| (identifier != "absent").then_some(0))?;
        }
        Ok(builder.finish())
    }

    /// The manual: fields with string names are processed in lexicographic order, numeric names in numeric order.
    #[test]
    fn paths_are_applied_in_order_of_their_names() {
        let tree = build(&["b", "a.10", "a.9", "B", "a.x", "a.010"]).unwrap();
        let mut order = Vec::new();
        tree.for_each_path(&mut |path, _| order.push(path.to_owned()));
        assert_eq!(order, ["B", "a.9", "a.010", "a.10", "a.x", "b"]);
    }

    #[test]
    fn paths_that_cannot_be_are_rejected() {
        for (paths, code, message) in [
            (&["a", "a"][..], 40, "Updating the path 'a' would create a conflict at 'a'"),
            (&["a", "a.b"], 40, "Updating the path 'a.b' would create a conflict at 'a'"),
            (&["a.b", "a"], 40, "Updating the path 'a' would create a conflict at 'a'"),
            (&["a.0", "a.$[]"], 40, "Updating the path 'a.$[]' would create a conflict at 'a'"),
            (&["a.$[].b", "a.b"], 40, "Updating the path 'a.b' would create a conflict at 'a'"),
            (&["a.b.c", "a.b.c"], 40, "Updating the path 'a.b.c' would create a conflict at 'a.b.c'"),
            (&[""], 56, "An empty update path is not valid."),
            (&["a."], 56, "The update path 'a.' contains an empty field name, which is not allowed."),
            (&["$"], 2, "Cannot have positional (i.e. '$') element in the first position in path '$'"),
            (
                &["$[].a"],
                2,
                "Cannot have array filter identifier (i.e. '$[<id>]') element in the first position in path '$[].a'",
            ),
            (&["a.$.b.$"], 2, "Too many positional (i.e. '$') elements found in path 'a.$.b.$'"),
            (&["a.$[absent]"], 2, "No array filter found for identifier 'absent' in path 'a.$[absent]'"),
        ] {
            let error = build(paths).unwrap_err();
            assert_eq!((error.code().0, error.message()), (code, message));
        }
    }

    #[test]
    fn a_position_is_needed_by_the_positional_operator_alone() {
        assert!(build(&["a.$.b"]).unwrap().needs_match_position());
        assert!(!build(&["a.$[].b", "c"]).unwrap().needs_match_position());
    }
}
