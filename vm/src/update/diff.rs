//! The difference of two versions of a document, in the form in which the oplog records updates.
//!
//! A difference is a document. `d: {f: false}` names fields that go, `u: {f: v}` fields that get another value where
//! they stand, `i: {f: v}` fields that are appended, and `s<f>: {…}` the difference inside an embedded document or
//! array. The difference of an array has `a: true` first, then `l: <new length>` when elements are cut from its end,
//! then `u<index>: v` and `s<index>: {…}` in the order of the indexes.

use ahash::{AHashMap, AHashSet};

use crate::error::{Error, Result};
use crate::limits::{MAX_ARRAY_PADDING, MAX_DOCUMENT_DEPTH};
use crate::value::{DocBuf, DocWriter, Element, RawDoc, Tag, Value};

use super::element::{IndexName, Writer, begin};

/// What makes `new` of `old`; the empty document when their bytes are the same.
pub fn diff(old: &RawDoc, new: &RawDoc) -> DocBuf {
    if old == new { DocBuf::new() } else { document_diff(old, new, None, 0) }
}

/// The paths that the operators of an update name.
#[derive(Clone, Default, Debug)]
pub struct Touched(Vec<Vec<Box<str>>>);

impl Touched {
    /// Adds a dotted path. Array selectors stand for any element.
    pub fn add(&mut self, dotted: &str) {
        self.0.push(dotted.split('.').map(Box::from).collect());
    }
}

/// What makes `new` of `old`, said the way an update did it: at the paths that it names, and element by element where it
/// appended to an array.
pub fn diff_along(old: &RawDoc, new: &RawDoc, touched: &Touched) -> DocBuf {
    if old == new {
        return DocBuf::new();
    }
    let paths: Vec<&[Box<str>]> = touched.0.iter().map(Vec::as_slice).collect();
    document_diff(old, new, Some(&paths), 0)
}

/// What is left of the paths below a document or an array; `None` where the shortest difference is wanted.
type Along<'p> = Option<&'p [&'p [Box<str>]]>;

fn document_diff(old: &RawDoc, new: &RawDoc, along: Along<'_>, depth: usize) -> DocBuf {
    // Fields of `new` keep their place as long as `old` has them in the same order; the rest is appended.
    let mut rest = old.iter();
    let mut passed_over = false;
    let (mut updated, mut inner, mut appended) = (Vec::new(), Vec::new(), Vec::new());
    for element in new {
        if appended.is_empty() {
            let mut ahead = rest.clone();
            let mut distance = 0;
            let counterpart = ahead.find(|other| {
                distance += 1;
                other.name() == element.name()
            });
            if let Some(counterpart) = counterpart {
                rest = ahead;
                passed_over |= distance > 1;
                match change_between(counterpart, element, along, depth) {
                    None => {}
                    Some(Difference::Whole) => updated.push(element),
                    Some(Difference::Inner(diff)) => inner.push((element.name(), diff)),
                }
                continue;
            }
        }
        appended.push(element);
    }
    // Where no field has been passed over none can have gone, and there are no names to look at.
    let gone: Vec<&[u8]> = if passed_over || rest.next().is_some() {
        let surviving: AHashSet<&[u8]> = new.iter().map(|element| element.name()).collect();
        old.iter().map(|element| element.name()).filter(|name| !surviving.contains(name)).collect()
    } else {
        Vec::new()
    };
    DocBuf::build(|writer| {
        if !gone.is_empty() {
            writer.document("d", |section| gone.iter().for_each(|name| section.value_named(name, Value::FALSE)));
        }
        for (name, elements) in [("u", updated), ("i", appended)] {
            if !elements.is_empty() {
                writer.document(name, |section| elements.iter().for_each(|element| section.raw_element(element.raw())));
            }
        }
        for (name, diff) in inner {
            writer.value_named(&prefixed(b's', name), Value::document(&diff));
        }
    })
}

/// How an element changed that stands in both versions.
enum Difference {
    Whole,
    Inner(DocBuf),
}

/// How `new` differs from `old`, nothing when it does not: along the paths that lead there, the shortest way otherwise.
fn change_between(old: Element<'_>, new: Element<'_>, along: Along<'_>, depth: usize) -> Option<Difference> {
    if old.value().tag() == new.value().tag() && old.raw_payload() == new.raw_payload() {
        return None;
    }
    let leads_here =
        |path: &&&[Box<str>]| path.first().is_some_and(|name| name.starts_with('$') || name.as_bytes() == new.name());
    let here: Vec<&[Box<str>]> = along.unwrap_or_default().iter().filter(leads_here).map(|path| &path[1..]).collect();
    let deeper: Vec<&[Box<str>]> = here.iter().copied().filter(|path| !path.is_empty()).collect();
    let along: Along<'_> = match (here.is_empty(), deeper.is_empty()) {
        (true, _) => None,
        (false, false) => Some(deeper.as_slice()),
        (false, true) if appends(old, new) => Some(&[]),
        (false, true) => return Some(Difference::Whole),
    };
    let inner = match (old.value().tag(), new.value().tag(), old.value().as_container(), new.value().as_container()) {
        _ if depth >= MAX_DOCUMENT_DEPTH => None,
        (Tag::Document, Tag::Document, Some(old), Some(new)) => Some(document_diff(old, new, along, depth + 1)),
        (Tag::Array, Tag::Array, Some(old), Some(new)) => Some(array_diff(old, new, along, depth + 1)),
        _ => None,
    };
    match inner {
        Some(inner) if along.is_some() || inner.as_bytes().len() < new.raw_payload().len() => {
            Some(Difference::Inner(inner))
        }
        _ => Some(Difference::Whole),
    }
}

/// Whether `new` is an array that begins with all elements of the array `old`.
fn appends(old: Element<'_>, new: Element<'_>) -> bool {
    matches!((elements_of(old), elements_of(new)), (Some(old), Some(new)) if new.starts_with(old))
}

/// The bytes of an array's elements, between its length and its end.
fn elements_of(array: Element<'_>) -> Option<&[u8]> {
    let payload = array.raw_payload();
    if array.value().tag() == Tag::Array { payload.get(4..payload.len().checked_sub(1)?) } else { None }
}

fn array_diff(old: &RawDoc, new: &RawDoc, along: Along<'_>, depth: usize) -> DocBuf {
    DocBuf::build(|writer| {
        writer.value("a", Value::TRUE);
        let (old_len, new_len) = (old.iter().count(), new.iter().count());
        if new_len < old_len {
            writer.value("l", Value::int32(i32::try_from(new_len).unwrap_or(i32::MAX)));
        }
        let mut counterparts = old.iter();
        for (index, element) in new.iter().enumerate() {
            let name = IndexName::new(index);
            match counterparts.next().map(|old| change_between(old, element, along, depth)) {
                Some(None) => {}
                Some(Some(Difference::Inner(diff))) => {
                    writer.value_named(&prefixed(b's', name.as_bytes()), Value::document(&diff));
                }
                Some(Some(Difference::Whole)) | None => {
                    writer.value_named(&prefixed(b'u', name.as_bytes()), element.value());
                }
            }
        }
    })
}

fn prefixed(prefix: u8, name: &[u8]) -> Vec<u8> {
    let mut prefixed = Vec::with_capacity(name.len() + 1);
    prefixed.push(prefix);
    prefixed.extend_from_slice(name);
    prefixed
}

/// Writes `doc`, changed as `diff` says, to the end of `out`.
pub fn apply_diff(doc: &RawDoc, diff: &RawDoc, out: &mut Vec<u8>) -> Result<()> {
    let mut writer = DocWriter::new(out);
    apply_to_document(doc, diff, &mut writer, 0)?;
    writer.finish();
    Ok(())
}

/// What a difference says about one element.
#[derive(Clone, Copy)]
enum Action<'d> {
    Delete,
    Update(Element<'d>),
    Insert,
    Inner(&'d RawDoc),
}

fn apply_to_document(doc: &RawDoc, diff: &RawDoc, writer: &mut Writer<'_>, depth: usize) -> Result<()> {
    let mut actions: AHashMap<&[u8], Action<'_>> = AHashMap::new();
    let mut inserted = RawDoc::EMPTY;
    for section in diff {
        let fields = section.value().as_doc().ok_or_else(malformed)?;
        match section.name() {
            b"d" => actions.extend(fields.iter().map(|field| (field.name(), Action::Delete))),
            b"u" => actions.extend(fields.iter().map(|field| (field.name(), Action::Update(field)))),
            b"i" => {
                actions.extend(fields.iter().map(|field| (field.name(), Action::Insert)));
                inserted = fields;
            }
            [b's', name @ ..] => {
                actions.insert(name, Action::Inner(fields));
            }
            _ => return Err(malformed()),
        }
    }
    for element in doc {
        match actions.remove(element.name()) {
            None => writer.raw_element(element.raw()),
            Some(Action::Delete | Action::Insert) => {}
            Some(Action::Update(field)) => writer.raw_element(field.raw()),
            Some(Action::Inner(diff)) => apply_to_element(element, element.name(), diff, writer, depth)?,
        }
    }
    // An update of a field that is not there (the entry is applied to a later version) adds it.
    for section in diff.iter().filter(|section| section.name() == b"u") {
        for field in section.value().as_doc().into_iter().flat_map(RawDoc::iter) {
            if matches!(actions.get(field.name()), Some(Action::Update(_))) {
                writer.raw_element(field.raw());
            }
        }
    }
    writer.elements_of(inserted);
    Ok(())
}

/// Writes the element with its own content changed; an element without content stays as it is.
fn apply_to_element(
    element: Element<'_>,
    name: &[u8],
    diff: &RawDoc,
    writer: &mut Writer<'_>,
    depth: usize,
) -> Result<()> {
    if depth >= MAX_DOCUMENT_DEPTH {
        return Err(malformed());
    }
    let tag = element.value().tag();
    let is_for_array = diff.get("a").is_some_and(|flag| flag.as_bool() == Some(true));
    match element.value().as_container() {
        Some(container) if is_for_array == (tag == Tag::Array) => {
            begin(writer, tag, name);
            let mut inner = DocWriter::new(writer.buffer());
            if is_for_array {
                apply_to_array(container, diff, &mut inner, depth + 1)?;
            } else {
                apply_to_document(container, diff, &mut inner, depth + 1)?;
            }
            inner.finish();
        }
        _ => writer.value_named(name, element.value()),
    }
    Ok(())
}

fn apply_to_array(array: &RawDoc, diff: &RawDoc, writer: &mut Writer<'_>, depth: usize) -> Result<()> {
    let mut limit = usize::MAX;
    let mut changes = Vec::new();
    for entry in diff.iter().skip(1) {
        match entry.name() {
            b"l" => {
                let length = entry.value().as_integer().and_then(|length| usize::try_from(length).ok());
                limit = length.ok_or_else(malformed)?;
            }
            [kind @ (b'u' | b's'), index @ ..] => {
                let index = std::str::from_utf8(index).ok().and_then(|index| index.parse::<usize>().ok());
                changes.push((index.ok_or_else(malformed)?, *kind, entry.value()));
            }
            _ => return Err(malformed()),
        }
    }
    let mut changes = changes.into_iter().peekable();
    let mut count = 0;
    for element in array.iter().take(limit) {
        let name = IndexName::new(count);
        match changes.next_if(|(index, ..)| *index == count) {
            None => writer.value_named(name.as_bytes(), element.value()),
            Some((_, b'u', value)) => writer.value_named(name.as_bytes(), value),
            Some((.., value)) => {
                let inner = value.as_doc().ok_or_else(malformed)?;
                apply_to_element(element, name.as_bytes(), inner, writer, depth)?;
            }
        }
        count += 1;
    }
    for (index, kind, value) in changes {
        if kind != b'u' {
            continue;
        }
        if index < count || index - count > MAX_ARRAY_PADDING {
            return Err(malformed());
        }
        for at in count..index {
            writer.value_named(IndexName::new(at).as_bytes(), Value::NULL);
        }
        writer.value_named(IndexName::new(index).as_bytes(), value);
        count = index + 1;
    }
    Ok(())
}

#[cold]
fn malformed() -> Error {
    Error::failed_to_parse("the difference of a document is malformed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::extjson::{parse_doc, to_string_relaxed};

    /// Paths of an update beside old and new. Source: MongoDB's manual, "update Event", and the entries that mongod logs
    /// for `$set` on paths, `$push` and `$pull`.
    #[test]
    fn differences_are_said_as_an_update_made_them() {
        for (paths, old, new, expected) in [
            (&["b.x"][..], "{b: {x: 1}}", "{b: {x: 5}}", r#"{"sb":{"u":{"x":5}}}"#),
            (&["b"], "{b: {x: 1, y: 1}}", "{b: {x: 5, y: 1}}", r#"{"u":{"b":{"x":5,"y":1}}}"#),
            (&["l"], "{l: [1]}", "{l: [1, 2]}", r#"{"sl":{"a":true,"u1":2}}"#),
            (&["l"], "{l: [1, 2]}", "{l: [2]}", r#"{"u":{"l":[2]}}"#),
            (&["l.$[].n"], "{l: [{n: 1}, {n: 2}]}", "{l: [{n: 1}, {n: 3}]}", r#"{"sl":{"a":true,"s1":{"u":{"n":3}}}}"#),
            (&["l.0"], "{l: [1, 2]}", "{l: [7, 2]}", r#"{"sl":{"a":true,"u0":7}}"#),
            (&["a", "b.c"], "{a: 1, b: {}}", "{a: 2, b: {c: 1}}", r#"{"u":{"a":2},"sb":{"i":{"c":1}}}"#),
        ] {
            let mut touched = Touched::default();
            paths.iter().for_each(|path| touched.add(path));
            let (old, new) = (parse_doc(old).unwrap(), parse_doc(new).unwrap());
            let difference = diff_along(&old, &new, &touched);
            assert_eq!(to_string_relaxed(Value::document(&difference)), expected, "{paths:?}");
            let mut changed = Vec::new();
            apply_diff(&old, &difference, &mut changed).unwrap();
            assert_eq!(changed, RawDoc::as_bytes(&new), "{paths:?}");
        }
    }

    /// Old, new, and the difference in the form described in MongoDB's oplog entries (`$v: 2`).
    #[test]
    fn differences_lead_from_old_to_new() {
        for (old, new, expected) in [
            ("{a: 1}", "{a: 1}", "{}"),
            ("{a: 1}", "{a: 2}", r#"{"u":{"a":2}}"#),
            ("{a: 1}", "{a: 1, b: 2}", r#"{"i":{"b":2}}"#),
            ("{a: 1, b: 2}", "{b: 2}", r#"{"d":{"a":false}}"#),
            ("{a: 1, b: 2}", "{b: 2, a: 1}", r#"{"i":{"a":1}}"#),
            ("{a: 1, b: 2, c: 3}", "{a: 5, c: 3, d: 4}", r#"{"d":{"b":false},"u":{"a":5},"i":{"d":4}}"#),
            (
                "{a: {b: 1, c: 'unchanged and rather long'}}",
                "{a: {b: 2, c: 'unchanged and rather long'}}",
                r#"{"sa":{"u":{"b":2}}}"#,
            ),
            (
                "{a: [1, 2, 'unchanged and rather long', 4]}",
                "{a: [1, 3, 'unchanged and rather long']}",
                r#"{"sa":{"a":true,"l":3,"u1":3}}"#,
            ),
            (
                "{a: ['unchanged and rather long']}",
                "{a: ['unchanged and rather long', 7]}",
                r#"{"sa":{"a":true,"u1":7}}"#,
            ),
            ("{a: [1]}", "{a: {b: 1}}", r#"{"u":{"a":{"b":1}}}"#),
        ] {
            let (old, new) = (parse_doc(old).unwrap(), parse_doc(new).unwrap());
            let difference = diff(&old, &new);
            assert_eq!(to_string_relaxed(Value::document(&difference)), expected);
            let mut out = Vec::new();
            apply_diff(&old, &difference, &mut out).unwrap();
            assert_eq!(out, new.as_bytes());
        }
    }

    #[test]
    fn malformed_differences_are_errors() {
        let doc = parse_doc("{a: [1], b: 1}").unwrap();
        for text in
            ["{x: {}}", "{u: 1}", "{sa: {a: true, l: 'x'}}", "{sa: {a: true, ux: 1}}", "{sa: {a: true, u9999999: 1}}"]
        {
            let difference = parse_doc(text).unwrap();
            assert!(apply_diff(&doc, &difference, &mut Vec::new()).is_err(), "{text}");
        }
    }
}
