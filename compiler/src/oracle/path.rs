//! Following dotted paths.

use smongo_vm::value::{Component, DocBuf, OwnedValue, RawDoc, Tag, Value};

use crate::ir::{ArrayRule, FilterPath};

/// Every value that a filter's test on this path is applied to.
pub(super) fn tested<'d>(root: Value<'d>, path: &FilterPath) -> Vec<Value<'d>> {
    match &path.path {
        None => at_leaf(root, path.arrays),
        Some(dotted) => match root.as_container() {
            None => vec![Value::NOTHING],
            Some(doc) if path.arrays == ArrayRule::None => vec![without_arrays(doc, dotted.components())],
            Some(doc) => below_document(doc, dotted.components(), path.arrays),
        },
    }
}

/// A value at the end of a path, and its elements where they count too.
fn at_leaf(value: Value<'_>, arrays: ArrayRule) -> Vec<Value<'_>> {
    let mut values = Vec::new();
    if let (Some(array), ArrayRule::AnyElement) = (value.as_array(), arrays) {
        values.extend(array.values());
    }
    values.push(value);
    values
}

fn below_document<'d>(doc: &'d RawDoc, path: &[Component], arrays: ArrayRule) -> Vec<Value<'d>> {
    let [name, rest @ ..] = path else { return at_leaf(Value::document(doc), arrays) };
    let Some(value) = doc.get(name.name()) else { return vec![Value::NOTHING] };
    match value.tag() {
        _ if rest.is_empty() => at_leaf(value, arrays),
        Tag::Document | Tag::Array => below(value, rest, arrays),
        _ => vec![Value::NOTHING],
    }
}

fn below<'d>(value: Value<'d>, path: &[Component], arrays: ArrayRule) -> Vec<Value<'d>> {
    match (value.as_doc(), value.as_array()) {
        (Some(doc), _) => below_document(doc, path, arrays),
        (_, Some(array)) => below_array(array, path, arrays),
        _ => Vec::new(),
    }
}

/// An array with path left: the path goes on in each document of the array, and in the element whose position the
/// next component names.
fn below_array<'d>(array: &'d RawDoc, path: &[Component], arrays: ArrayRule) -> Vec<Value<'d>> {
    let [name, rest @ ..] = path else { return Vec::new() };
    let mut values = Vec::new();
    for (position, element) in array.values().enumerate() {
        if let Some(doc) = element.as_doc() {
            values.extend(below_document(doc, path, arrays));
        }
        if name.name() == position.to_string() {
            values.extend(if rest.is_empty() { vec![element] } else { below(element, rest, arrays) });
        }
    }
    values
}

fn without_arrays<'d>(doc: &'d RawDoc, path: &[Component]) -> Value<'d> {
    let [name, rest @ ..] = path else { return Value::document(doc) };
    match doc.get(name.name()) {
        Some(value) if rest.is_empty() => value,
        Some(value) => value.as_doc().map_or(Value::NOTHING, |doc| without_arrays(doc, rest)),
        None => Value::NOTHING,
    }
}

/// The value of an expression's path: arrays on the way give the array of what is found in their elements.
pub(super) fn walked(value: Value<'_>, path: &[Component]) -> OwnedValue {
    let [name, rest @ ..] = path else { return OwnedValue::new(value) };
    if let Some(doc) = value.as_doc() {
        return doc.get(name.name()).map_or(OwnedValue::NOTHING, |value| walked(value, rest));
    }
    let Some(array) = value.as_array() else { return OwnedValue::NOTHING };
    // An array directly inside an array is not entered.
    let found: Vec<OwnedValue> = array
        .values()
        .filter(|element| element.tag() == Tag::Document)
        .map(|element| walked(element, path))
        .filter(|value| !value.get().is_nothing())
        .collect();
    array_of(&found)
}

/// An array of values; missing ones become null.
pub(super) fn array_of(values: &[OwnedValue]) -> OwnedValue {
    let wrapper = DocBuf::build(|doc| doc.array("", |array| values.iter().for_each(|value| array.value(value.get()))));
    OwnedValue::new(wrapper.get_index(0).unwrap_or(Value::NOTHING))
}
