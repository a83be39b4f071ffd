//! The walk: old document and tree in, new document out.
//!
//! Several nodes of the tree may apply to one element: `$` and an index, or several array filters that all match. The
//! walk therefore carries a group of nodes; a group with an operator in it and anything else is a conflict.

use smallvec::SmallVec;

use crate::code::Code;
use crate::error::{Error, Result};
use crate::limits::{MAX_ARRAY_PADDING, MAX_INTERNAL_DOCUMENT_BYTES, MAX_UPDATED_DEPTH, MAX_USER_DOCUMENT_BYTES};

use crate::value::{DocBuf, DocWriter, Element, OwnedValue, RawDoc, Tag, Value};

use super::context::{Outcome, UpdateContext};
use super::element::{IndexName, Slot, Writer, begin};
use super::operator::{Change, Operator};
use super::place::{Place, Step, dotted, immutable_id};
use super::text::describe_field;
use super::tree::{ElementsNode, FieldsNode, Node, UpdateTree, array_index, compare_names};

/// Writes `doc`, changed by the update, to the end of `out`. After an error, what `out` gained is meaningless.
pub fn apply(
    tree: &UpdateTree,
    args: &[OwnedValue],
    doc: &RawDoc,
    context: &mut UpdateContext<'_>,
    out: &mut Vec<u8>,
) -> Result<Outcome> {
    let start = out.len();
    out.reserve(doc.as_bytes().len() + 64);
    let position = context.matched_position.map(|index| index.to_string());
    let is_insert = context.is_insert;
    let mut walk = Walk {
        args,
        root: doc,
        context,
        position: position.as_deref(),
        limit: start + MAX_INTERNAL_DOCUMENT_BYTES,
        steps: SmallVec::new(),
        wrapped: Vec::new(),
    };
    let mut writer = DocWriter::new(out);
    let modified = walk.fields(&[tree.root()], doc, false, &mut writer)?;
    writer.finish();
    if modified {
        check_size(out.len() - start)?;
        if is_insert {
            put_id_first(out, start);
        }
    }
    Ok(Outcome { modified })
}

/// Fails when a stored document would be larger than a user's may be.
pub(super) fn check_size(bytes: usize) -> Result<()> {
    if bytes <= MAX_USER_DOCUMENT_BYTES {
        return Ok(());
    }
    if bytes > MAX_INTERNAL_DOCUMENT_BYTES {
        return Err(too_large(bytes));
    }
    Err(Error::location(17419, format!("Resulting document after update is larger than {MAX_USER_DOCUMENT_BYTES}")))
}

#[cold]
fn too_large(bytes: usize) -> Error {
    Error::new(
        Code::BSON_OBJECT_TOO_LARGE,
        format!(
            "BSONObj size: {bytes} (0x{bytes:X}) is invalid. Size must be between 0 and \
             {MAX_INTERNAL_DOCUMENT_BYTES}({}MB)",
            MAX_INTERNAL_DOCUMENT_BYTES / (1024 * 1024)
        ),
    )
}

/// Moves `_id` to the front of the document that `out` ends with.
pub(super) fn put_id_first(out: &mut Vec<u8>, start: usize) {
    let Some(doc) = RawDoc::from_bytes(&out[start..]) else {
        return;
    };
    let Some(place) = doc.iter().position(|element| element.name() == b"_id").filter(|&place| place > 0) else {
        return;
    };
    let moved = DocBuf::build(|writer| {
        for element in doc.iter().skip(place).take(1).chain(doc.iter().take(place)).chain(doc.iter().skip(place + 1)) {
            writer.raw_element(element.raw());
        }
    });
    out.truncate(start);
    out.extend_from_slice(moved.as_bytes());
}

/// Fails for the types that an `_id` may not have.
pub(super) fn check_id(id: Value<'_>) -> Result<()> {
    match id.tag() {
        Tag::Array | Tag::Regex | Tag::Undefined => {
            Err(Error::new(Code::INVALID_ID_FIELD, format!("The '_id' value cannot be of type {}", id.tag().name())))
        }
        _ => Ok(()),
    }
}

/// How many levels of elements a value holds.
pub(super) fn levels_below(value: Value<'_>) -> usize {
    let Some(container) = value.as_container() else {
        return 0;
    };
    let mut deepest = 0;
    let mut open: SmallVec<[_; 8]> = SmallVec::new();
    open.push(container.iter());
    while let Some(innermost) = open.last_mut() {
        match innermost.next() {
            Some(element) => {
                deepest = deepest.max(open.len());
                if let Some(container) = element.value().as_container() {
                    open.push(container.iter());
                }
            }
            None => {
                open.pop();
            }
        }
    }
    deepest
}

/// Fails for a document nested deeper than an update may leave it.
#[cold]
pub(super) fn too_deep() -> Error {
    Error::new(Code::OVERFLOW, format!("Document exceeds maximum nesting depth of {MAX_UPDATED_DEPTH}"))
}

#[cold]
pub(super) fn dollar_prefixed(name: &str) -> Error {
    Error::new(
        Code::DOLLAR_PREFIXED_FIELD_NAME,
        format!(
            "The dollar ($) prefixed field '{name}' in '{name}' is not allowed in the context of an update's \
             replacement document. Consider using an aggregation pipeline with $replaceWith."
        ),
    )
}

struct Walk<'w, 'c, 'x> {
    args: &'w [OwnedValue],
    root: &'w RawDoc,
    context: &'x mut UpdateContext<'c>,
    /// The matched position as a field name.
    position: Option<&'w str>,
    /// How long the buffer may grow.
    limit: usize,
    /// From the root to the element at hand.
    steps: SmallVec<[Step<'w>; 8]>,
    /// Scratch: the document that an array filter sees.
    wrapped: Vec<u8>,
}

impl<'w> Walk<'w, '_, '_> {
    /// Writes the elements of `container`, which the nodes go into. Gives whether anything changed.
    fn fields(
        &mut self,
        nodes: &[&'w FieldsNode],
        container: &'w RawDoc,
        is_array: bool,
        writer: &mut Writer<'_>,
    ) -> Result<bool> {
        let mut items = self.items(nodes)?;
        let bytes = container.as_bytes();
        let mut unmet = items.len();
        let mut modified = false;
        let mut copied = 4;
        let mut count = 0;
        let mut elements = container.iter();
        while unmet > 0 {
            let at = elements.offset();
            let Some(element) = elements.next() else { break };
            let met = items.iter_mut().find(|item| !item.is_met && item.is_at(element.name(), count, is_array));
            if let Some(item) = met {
                item.is_met = true;
                unmet -= 1;
                writer.raw_element(&bytes[copied..at]);
                copied = elements.offset();
                self.steps.push(Step { name: element.name(), in_array: is_array });
                modified |= self.element(&item.group, element, writer)?;
                self.steps.pop();
            }
            count += 1;
        }
        writer.raw_element(&bytes[copied..bytes.len() - 1]);
        for item in items.iter().filter(|item| !item.is_met) {
            self.steps.push(Step { name: item.name.as_bytes(), in_array: is_array });
            modified |= if is_array {
                self.append(item, container, &mut count, writer)?
            } else {
                self.missing(&item.group, item.name.as_bytes(), writer)?
            };
            self.steps.pop();
        }
        Ok(modified)
    }

    /// The fields below a group of nodes, in order, each with the nodes below that field.
    fn items(&self, nodes: &[&'w FieldsNode]) -> Result<SmallVec<[Item<'w>; 4]>> {
        let mut items: SmallVec<[Item<'w>; 4]> = SmallVec::new();
        for (nth, node) in nodes.iter().enumerate() {
            for (name, child) in &node.children {
                if nth == 0 {
                    items.push(Item::new(name, child));
                } else {
                    merge_item(&mut items, name, child);
                }
            }
        }
        for child in nodes.iter().filter_map(|node| node.positional.as_deref()) {
            merge_item(&mut items, self.matched_position()?, child);
        }
        Ok(items)
    }

    fn matched_position(&self) -> Result<&'w str> {
        self.position
            .ok_or_else(|| Error::bad_value("The positional operator did not find the match needed from the query."))
    }

    /// Writes an element that is there, changed by the nodes. Gives whether it changed.
    fn element(&mut self, group: &[&'w Node], element: Element<'w>, writer: &mut Writer<'_>) -> Result<bool> {
        let start = writer.buffer().len();
        let change = match *group {
            [Node::Leaf(operator)] => self.leaf(operator, element, writer)?,
            _ => self.container(group, element, writer)?,
        };
        if change == Change::Kept {
            writer.buffer().truncate(start);
            writer.raw_element(element.raw());
        }
        self.check_growth(writer)?;
        Ok(change != Change::Kept)
    }

    /// Applies an operator to an element that is there.
    fn leaf(&mut self, operator: &'w Operator, element: Element<'w>, writer: &mut Writer<'_>) -> Result<Change> {
        if !operator.is_active(self.context) {
            return Ok(Change::Kept);
        }
        let start = writer.buffer().len();
        let place = Place { root: self.root, steps: &self.steps };
        let slot = Slot::new(writer, element.name());
        let change = operator.change(element.value(), self.args, &place, self.context, slot)?;
        let is_same = match change {
            Change::Kept => true,
            Change::Removed => false,
            Change::Written => writer.buffer()[start..] == *element.raw(),
        };
        if is_same {
            return Ok(Change::Kept);
        }
        if self.steps[0].name == b"_id" {
            return Err(immutable_id(&self.steps));
        }
        if change == Change::Written {
            self.check_written(writer, start)?;
        }
        Ok(change)
    }

    /// Writes an element that all nodes of the group go into.
    fn container(&mut self, group: &[&'w Node], element: Element<'w>, writer: &mut Writer<'_>) -> Result<Change> {
        let mut fields: SmallVec<[&'w FieldsNode; 2]> = SmallVec::new();
        let mut elements: SmallVec<[&'w ElementsNode; 2]> = SmallVec::new();
        for node in group {
            match node {
                Node::Fields(node) => fields.push(node),
                Node::Elements(node) => elements.push(node),
                Node::Leaf(_) => return Err(self.conflict()),
            }
        }
        let value = element.value();
        let container = match (elements.is_empty(), fields.is_empty()) {
            (false, false) => return Err(self.conflict()),
            (false, true) => value.as_array().ok_or_else(|| not_an_array(element))?,
            (true, _) => match value.as_container() {
                Some(container) => container,
                None => {
                    for node in group {
                        self.blocked(node, &self.steps, value, &mut Vec::new())?;
                    }
                    return Ok(Change::Kept);
                }
            },
        };
        begin(writer, value.tag(), element.name());
        let mut inner = DocWriter::new(writer.buffer());
        let modified = if elements.is_empty() {
            self.fields(&fields, container, value.tag() == Tag::Array, &mut inner)?
        } else {
            self.elements(&elements, container, &mut inner)?
        };
        inner.finish();
        Ok(if modified { Change::Written } else { Change::Kept })
    }

    /// Writes the elements of an array, those changed that the nodes select.
    fn elements(&mut self, nodes: &[&'w ElementsNode], array: &'w RawDoc, writer: &mut Writer<'_>) -> Result<bool> {
        let mut modified = false;
        for element in array {
            let mut group = Group::new();
            for child in nodes.iter().flat_map(|node| &node.children) {
                let is_selected = match child.predicate {
                    None => true,
                    Some(predicate) => self.matches(predicate, &child.identifier, element.value())?,
                };
                if is_selected {
                    group.push(&child.node);
                }
            }
            if group.is_empty() {
                writer.raw_element(element.raw());
                continue;
            }
            self.steps.push(Step { name: element.name(), in_array: true });
            modified |= self.element(&group, element, writer)?;
            self.steps.pop();
        }
        Ok(modified)
    }

    fn matches(&mut self, predicate: u16, identifier: &str, element: Value<'_>) -> Result<bool> {
        self.wrapped.clear();
        let mut wrapper = DocWriter::new(&mut self.wrapped);
        wrapper.value(identifier, element);
        wrapper.finish();
        match RawDoc::from_bytes(&self.wrapped) {
            Some(document) => self.context.predicates.test(predicate, document),
            None => Ok(false),
        }
    }

    /// Writes the field that the nodes make where there is none. Gives whether there is one now.
    fn missing(&mut self, group: &[&'w Node], name: &[u8], writer: &mut Writer<'_>) -> Result<bool> {
        let start = writer.buffer().len();
        if !self.create(group, name, writer)? {
            writer.buffer().truncate(start);
            return Ok(false);
        }
        match self.steps[..] {
            [Step { name: b"_id", .. }] => written_value(&writer.buffer()[start..]).map_or(Ok(()), check_id)?,
            [Step { name: b"_id", .. }, ..] => return Err(self.grown_id()),
            [_] => self.check_written(writer, start)?,
            _ => {}
        }
        Ok(true)
    }

    /// The error for adding something to an `_id` that is there.
    #[cold]
    fn grown_id(&self) -> Error {
        let parent = self.steps.split_last().map_or(&[][..], |(_, parent)| parent);
        let id = self.root.get("_id").map_or_else(String::new, |id| describe_field("_id", id));
        Error::new(
            Code::IMMUTABLE_FIELD,
            format!("Updating the path '{}' to {id} would modify the immutable field '_id'", dotted(parent)),
        )
    }

    /// Writes what the nodes make of nothing, if they make anything. Otherwise what was written is to be dropped.
    fn create(&mut self, group: &[&'w Node], name: &[u8], writer: &mut Writer<'_>) -> Result<bool> {
        let mut fields: SmallVec<[&'w FieldsNode; 2]> = SmallVec::new();
        for node in group {
            match node {
                Node::Leaf(_) if group.len() > 1 => return Err(self.conflict()),
                Node::Leaf(operator) => return self.create_value(operator, name, writer),
                Node::Fields(node) => fields.push(node),
                Node::Elements(_) => return Err(no_array(&dotted(&self.steps))),
            }
        }
        begin(writer, Tag::Document, name);
        let mut inner = DocWriter::new(writer.buffer());
        let mut created = false;
        for item in self.items(&fields)? {
            self.steps.push(Step { name: item.name.as_bytes(), in_array: false });
            let start = inner.buffer().len();
            if self.create(&item.group, item.name.as_bytes(), &mut inner)? {
                created = true;
            } else {
                inner.buffer().truncate(start);
            }
            self.steps.pop();
        }
        inner.finish();
        Ok(created)
    }

    fn create_value(&mut self, operator: &'w Operator, name: &[u8], writer: &mut Writer<'_>) -> Result<bool> {
        if !operator.creates() || !operator.is_active(self.context) {
            return Ok(false);
        }
        let start = writer.buffer().len();
        let place = Place { root: self.root, steps: &self.steps };
        let change = operator.create(self.args, &place, self.context, Slot::new(writer, name))?;
        if change != Change::Written {
            return Ok(false);
        }
        self.check_growth(writer)?;
        self.check_depth(writer, start)?;
        Ok(true)
    }

    /// Writes an element behind the end of an array, after as many nulls as it takes to get there.
    fn append(
        &mut self,
        item: &Item<'w>,
        array: &'w RawDoc,
        count: &mut usize,
        writer: &mut Writer<'_>,
    ) -> Result<bool> {
        let Some(index) = array_index(item.name) else {
            let owner = &self.steps[..self.steps.len() - 1];
            for node in &item.group {
                self.blocked(node, owner, Value::array(array), &mut vec![item.name])?;
            }
            return Ok(false);
        };
        let index = index as usize;
        if index < *count {
            // Two spellings of one index, "1" and "01": the element has been met under the other one.
            return Err(self.conflict());
        }
        let start = writer.buffer().len();
        let padding = index - *count;
        if padding <= MAX_ARRAY_PADDING {
            for at in *count..index {
                writer.value_named(IndexName::new(at).as_bytes(), Value::NULL);
            }
        }
        if !self.missing(&item.group, IndexName::new(index).as_bytes(), writer)? {
            writer.buffer().truncate(start);
            return Ok(false);
        }
        if padding > MAX_ARRAY_PADDING {
            return Err(Error::new(
                Code::CANNOT_BACKFILL_ARRAY,
                format!("can't backfill more than {MAX_ARRAY_PADDING} elements"),
            ));
        }
        *count = index + 1;
        Ok(true)
    }

    /// Fails if an operator below `node` minds that the path to it cannot exist. `owner` is the place of the value in
    /// the way, `names` lead from there to the node.
    fn blocked(&self, node: &'w Node, owner: &[Step<'_>], value: Value<'_>, names: &mut Vec<&'w str>) -> Result<()> {
        match node {
            Node::Fields(fields) => {
                for (name, child) in &fields.children {
                    names.push(name);
                    self.blocked(child, owner, value, names)?;
                    names.pop();
                }
                if let Some(child) = &fields.positional {
                    names.push(self.matched_position()?);
                    self.blocked(child, owner, value, names)?;
                    names.pop();
                }
                Ok(())
            }
            Node::Elements(_) => Err(no_array(&format!("{}.{}", dotted(owner), names.join(".")))),
            Node::Leaf(operator) => {
                let place = Place { root: self.root, steps: &self.steps };
                if !operator.is_active(self.context) || operator.accepts_blocked_path(&place)? {
                    return Ok(());
                }
                let owner_name = owner.last().map(|step| String::from_utf8_lossy(step.name)).unwrap_or_default();
                let in_the_way = describe_field(&owner_name, value);
                let next = names.first().copied().unwrap_or_default();
                let message = if operator.creates() {
                    format!("Cannot create field '{next}' in element {{{in_the_way}}}")
                } else {
                    let path = format!("{}.{}", dotted(owner), names.join("."));
                    format!("Cannot use the part ({next}) of ({path}) to traverse the element ({{{in_the_way}}})")
                };
                Err(Error::new(Code::PATH_NOT_VIABLE, message))
            }
        }
    }

    #[cold]
    fn conflict(&self) -> Error {
        Error::new(
            Code::CONFLICTING_UPDATE_OPERATORS,
            format!("Update created a conflict at '{}'", dotted(&self.steps)),
        )
    }

    fn check_growth(&self, writer: &mut Writer<'_>) -> Result<()> {
        let excess = writer.buffer().len().saturating_sub(self.limit);
        if excess == 0 { Ok(()) } else { Err(too_large(MAX_INTERNAL_DOCUMENT_BYTES + excess)) }
    }

    /// Checks what was written for the element at hand.
    fn check_written(&self, writer: &mut Writer<'_>, start: usize) -> Result<()> {
        if let [step] = self.steps[..]
            && step.name.first() == Some(&b'$')
            && !self.context.is_insert
        {
            return Err(dollar_prefixed(&String::from_utf8_lossy(step.name)));
        }
        self.check_depth(writer, start)
    }

    fn check_depth(&self, writer: &mut Writer<'_>, start: usize) -> Result<()> {
        let below = written_value(&writer.buffer()[start..]).map_or(0, levels_below);
        if self.steps.len() + below > MAX_UPDATED_DEPTH { Err(too_deep()) } else { Ok(()) }
    }
}

/// The nodes that apply to one element.
type Group<'w> = SmallVec<[&'w Node; 2]>;

/// A field that nodes apply to.
struct Item<'w> {
    name: &'w str,
    group: Group<'w>,
    /// Whether the walk of the old container has met it.
    is_met: bool,
}

impl<'w> Item<'w> {
    fn new(name: &'w str, node: &'w Node) -> Self {
        Item { name, group: smallvec::smallvec![node], is_met: false }
    }

    /// Whether the item is about this element, the `nth` of its container.
    #[inline]
    fn is_at(&self, element: &[u8], nth: usize, is_array: bool) -> bool {
        if is_array {
            array_index(self.name).is_some_and(|index| index as usize == nth)
        } else {
            self.name.as_bytes() == element
        }
    }
}

/// Adds a node to the item of this name, or an item for it where its name belongs.
fn merge_item<'w>(items: &mut SmallVec<[Item<'w>; 4]>, name: &'w str, node: &'w Node) {
    match items.binary_search_by(|item| compare_names(item.name, name)) {
        Ok(at) => items[at].group.push(node),
        Err(at) => items.insert(at, Item::new(name, node)),
    }
}

/// The value of an element whose bytes these are.
fn written_value(element: &[u8]) -> Option<Value<'_>> {
    let (&tag, rest) = element.split_first()?;
    let name = rest.iter().position(|&byte| byte == 0)?;
    Value::decode(tag, &rest[name + 1..]).map(|(value, _)| value)
}

#[cold]
fn not_an_array(element: Element<'_>) -> Error {
    let element = describe_field(element.name_str(), element.value());
    Error::bad_value(format!("Cannot apply array updates to non-array element {element}"))
}

#[cold]
fn no_array(path: &str) -> Error {
    Error::bad_value(format!("The path '{path}' must exist in the document in order to apply array updates."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::update::{Arg, NoPredicates};
    use crate::value::extjson::{parse_doc, parse_value, to_string_relaxed};

    /// Applies `{$set: {path: value}}`, or another operator on an argument of the same kind.
    fn run(doc: &str, path: &str, operator: Operator, value: &str) -> Result<String> {
        let mut tree = UpdateTree::builder();
        tree.add(path, operator, |_| None)?;
        let args = [parse_value(value)?];
        let mut out = Vec::new();
        let mut predicates = NoPredicates;
        apply(&tree.finish(), &args, &parse_doc(doc)?, &mut UpdateContext::new(&mut predicates), &mut out)?;
        Ok(RawDoc::from_bytes(&out).map(|doc| to_string_relaxed(Value::document(doc))).unwrap_or_default())
    }

    const SET: Operator = Operator::Set { value: Arg(0) };
    const INC: Operator = Operator::Inc { by: Arg(0) };

    /// Wording: the messages that mongod gives, as its users quote them.
    #[test]
    fn errors_name_path_and_value() {
        let pop = Operator::Pop(crate::update::End::Last);
        let pull = Operator::PullAll { values: Arg(0) };
        let rename = |from: &str| Operator::Rename { from: from.split('.').map(Box::from).collect() };
        for (doc, path, operator, code, message) in [
            ("{a: 1}", "a.b", SET, 28, "Cannot create field 'b' in element {a: 1}"),
            ("{a: [1]}", "a.b.c", SET, 28, "Cannot create field 'b' in element {a: [ 1 ]}"),
            (
                "{a: 'x'}",
                "a.b",
                pop.clone(),
                28,
                "Cannot use the part (b) of (a.b) to traverse the element ({a: \"x\"})",
            ),
            ("{a: 1}", "a", pop, 14, "Path 'a' contains an element of non-array type 'int'"),
            ("{a: 1}", "a", pull, 2, "Cannot apply $pull to a non-array value"),
            (
                "{_id: 1, a: 'x'}",
                "a",
                INC,
                14,
                "Cannot apply $inc to a value of non-numeric type. {_id: 1} has the field 'a' of non-numeric type string",
            ),
            (
                "{_id: 1, a: NumberLong('9223372036854775807')}",
                "a",
                INC,
                2,
                "Failed to apply $inc operations to current value ((NumberLong)9223372036854775807) for document \
                 {_id: 1}",
            ),
            ("{a: 1}", "a.$[]", SET, 2, "Cannot apply array updates to non-array element a: 1"),
            ("{}", "a.b.$[]", SET, 2, "The path 'a.b' must exist in the document in order to apply array updates."),
            ("{}", "a.$", SET, 2, "The positional operator did not find the match needed from the query."),
            (
                "{_id: 2}",
                "_id",
                SET,
                66,
                "Performing an update on the path '_id' would modify the immutable field '_id'",
            ),
            ("{a: []}", "a.1500001", SET, 34, "can't backfill more than 1500000 elements"),
            (
                "{_id: 1, b: [1]}",
                "c",
                rename("b.0"),
                2,
                "The source field cannot be an array element, 'b.0' in doc with _id: 1 has an array field called 'b'",
            ),
            (
                "{_id: 1, a: [1], b: 2}",
                "a.0",
                rename("b"),
                2,
                "The destination field cannot be an array element, 'a.0' in doc with _id: 1 has an array field called \
                 'a'",
            ),
        ] {
            let error = run(doc, path, operator, "1").unwrap_err();
            assert_eq!((error.code().0, error.message()), (code, message));
        }
    }

    #[test]
    fn the_longest_padding_is_allowed() {
        assert!(run("{a: []}", "a.1000", SET, "1").is_ok_and(|doc| doc.matches("null").count() == 1000));
    }

    fn nested(levels: usize) -> String {
        format!("{}1{}", "{a: ".repeat(levels), "}".repeat(levels))
    }

    #[test]
    fn depth_and_size_are_bounded() {
        assert!(run("{}", "a", SET, &nested(179)).is_ok());
        assert_eq!(run("{}", "a", SET, &nested(180)).unwrap_err().code(), Code::OVERFLOW);
        assert!(run("{}", &["a"; 180].join("."), SET, "1").is_ok());
        assert_eq!(run("{}", &["a"; 181].join("."), SET, "1").unwrap_err().code(), Code::OVERFLOW);
        let text = |bytes: usize| format!("'{}'", "x".repeat(bytes));
        // Around the text: frame, type, name, length and terminators.
        let around = 5 + 1 + 2 + 4 + 1;
        assert!(run("{}", "a", SET, &text(MAX_USER_DOCUMENT_BYTES - around)).is_ok());
        assert_eq!(run("{}", "a", SET, &text(MAX_USER_DOCUMENT_BYTES - around + 1)).unwrap_err().code().0, 17419);
        let error = run("{}", "a", SET, &text(MAX_INTERNAL_DOCUMENT_BYTES)).unwrap_err();
        assert_eq!(error.code(), Code::BSON_OBJECT_TOO_LARGE);
    }

    #[test]
    fn two_spellings_of_one_position_conflict() {
        let mut tree = UpdateTree::builder();
        tree.add("a.1", SET, |_| None).unwrap();
        tree.add("a.01", SET, |_| None).unwrap();
        let (args, tree) = ([parse_value("5").unwrap()], tree.finish());
        for doc in ["{a: []}", "{a: [1, 2]}"] {
            let mut predicates = NoPredicates;
            let mut context = UpdateContext::new(&mut predicates);
            let result = apply(&tree, &args, &parse_doc(doc).unwrap(), &mut context, &mut Vec::new());
            assert_eq!(result.unwrap_err().code(), Code::CONFLICTING_UPDATE_OPERATORS);
        }
    }

    #[test]
    fn garbage_between_frame_and_end_is_carried_along() {
        let doc = RawDoc::from_bytes(&[9, 0, 0, 0, 99, 1, 2, 3, 0]).unwrap();
        let mut tree = UpdateTree::builder();
        tree.add("a", SET, |_| None).unwrap();
        let mut predicates = NoPredicates;
        let args = [parse_value("5").unwrap()];
        let mut out = Vec::new();
        apply(&tree.finish(), &args, doc, &mut UpdateContext::new(&mut predicates), &mut out).unwrap();
        assert!(RawDoc::from_bytes(&out).is_some());
    }
}
