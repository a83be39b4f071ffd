//! Laws of the value model: validation, order, equality, hashing, text and paths.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hasher};
use std::ops::ControlFlow;

use arbitrary::{Arbitrary, Unstructured};
use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::value::extjson::{self, Notation};
use smongo_vm::value::path::{FieldPath, expr_path, key_values, match_path};
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Tag, Value, View, canonical_type, compare, equal, hash, validate};

/// Any bytes: validation never panics, what it accepts reads completely and copies to the same bytes, and what it
/// refuses can be walked all the same.
pub fn validation(bytes: &[u8]) {
    match validate(bytes, MAX_USER_DOCUMENT_BYTES) {
        Ok(doc) => {
            assert_eq!(copy(doc).as_bytes(), bytes, "{doc:?}");
        }
        Err(error) => {
            assert!(!error.message().is_empty());
            if let Some(doc) = RawDoc::from_bytes(bytes) {
                // Only that reading ends is promised.
                walk(doc, 0);
                let _ = compare(Value::document(doc), Value::document(doc));
                hash(Value::document(doc), &mut DefaultHasher::new());
                let _ = extjson::to_string_relaxed(Value::document(doc));
                let _ = doc.get("a");
            }
        }
    }
}

/// A copy of a valid document, element by element.
fn copy(doc: &RawDoc) -> DocBuf {
    let mut elements = doc.iter();
    let copied = DocBuf::build(|out| {
        for element in elements.by_ref() {
            assert!(doc.get(element.name_str()).is_some());
            match element.value().view() {
                View::Document(inner) => out.value(element.name_str(), Value::document(&copy(inner))),
                // The names of an array's elements need not be "0", "1", …, so it is copied as a document.
                View::Array(inner) => out.value(element.name_str(), Value::array(&copy(inner))),
                _ => out.value(element.name_str(), element.value()),
            }
        }
    });
    assert!(elements.is_complete(), "{doc:?}");
    copied
}

fn walk(doc: &RawDoc, depth: usize) {
    for element in doc {
        match element.value().view() {
            View::Document(inner) | View::Array(inner) | View::JavaScriptWithScope { scope: inner, .. }
                if depth < 100 =>
            {
                walk(inner, depth + 1);
            }
            _ => {}
        }
    }
}

/// Three values, the second and third at times other representations or small changes of the first.
#[derive(Debug)]
pub struct Triple([OwnedValue; 3]);

impl<'a> Arbitrary<'a> for Triple {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Triple([u.arbitrary()?, u.arbitrary()?, u.arbitrary()?]))
    }
}

/// The laws of a total order, and the agreement of equality and hash with it.
pub fn order(Triple(values): &Triple) {
    let [a, b, c] = values.each_ref().map(OwnedValue::get);
    for x in [a, b, c] {
        assert_eq!(compare(x, x), Ordering::Equal, "reflexive: {x:?}");
        for y in [a, b, c] {
            let order = compare(x, y);
            assert_eq!(order, compare(y, x).reverse(), "antisymmetric: {x:?} {y:?}");
            assert_eq!(order.is_eq(), equal(x, y), "equality: {x:?} {y:?}");
            if order.is_eq() {
                assert_eq!(hash_of(x), hash_of(y), "hash: {x:?} {y:?}");
            }
            let class = canonical_type(x.tag()).cmp(&canonical_type(y.tag()));
            assert!(class.is_eq() || class == order, "class: {x:?} {y:?}");
            for z in [a, b, c] {
                if order.is_le() && compare(y, z).is_le() {
                    assert!(compare(x, z).is_le(), "transitive: {x:?} {y:?} {z:?}");
                    if order.is_lt() || compare(y, z).is_lt() {
                        assert!(compare(x, z).is_lt(), "strictly transitive: {x:?} {y:?} {z:?}");
                    }
                }
            }
        }
    }
}

fn hash_of(value: Value<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash(value, &mut hasher);
    hasher.finish()
}

/// Any text: the parser never panics, and what it reads is valid BSON that is written and read back as it was.
pub fn text(input: &str) {
    if let Ok(value) = extjson::parse_value(input) {
        let doc = DocBuf::build(|doc| doc.value("v", value.get()));
        validate(doc.as_bytes(), MAX_USER_DOCUMENT_BYTES).expect("what the parser makes is valid");
    }
}

/// A document comes back from its canonical text and from the shell's notation byte for byte, but for what text has
/// no words for.
pub fn text_round_trip(doc: &DocBuf) {
    if !has_words(doc) {
        return;
    }
    for notation in [Notation::Canonical, Notation::Shell] {
        let text = extjson::to_string(Value::document(doc), notation);
        match extjson::parse_doc(&text) {
            Ok(back) => assert_eq!(back.as_bytes(), doc.as_bytes(), "{text}"),
            Err(error) => panic!("{text}: {error}"),
        }
    }
    let relaxed = extjson::to_string_relaxed(Value::document(doc));
    assert!(extjson::parse_doc(&relaxed).is_ok(), "{relaxed}");
}

/// Whether text can tell the document apart from every other: NaN payloads and decimal forms that are not canonical
/// have no text of their own.
fn has_words(doc: &RawDoc) -> bool {
    doc.values().all(|value| match value.view() {
        View::Double(double) => !double.is_nan() || double.to_bits() == f64::NAN.to_bits(),
        View::Decimal128(decimal) => smongo_vm::value::Decimal128::parse(&decimal.to_string()) == Some(decimal),
        View::Document(inner) | View::Array(inner) | View::JavaScriptWithScope { scope: inner, .. } => has_words(inner),
        _ => true,
    })
}

/// A document and a path that may lead somewhere in it.
#[derive(Debug)]
pub struct Located {
    /// The document.
    pub doc: DocBuf,
    /// The path.
    pub path: FieldPath,
}

impl<'a> Arbitrary<'a> for Located {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let names = (0..u.int_in_range(1..=4)?)
            .map(|_| u.choose(&smongo_vm::value::arbitrary::NAMES).copied())
            .collect::<arbitrary::Result<Vec<_>>>()?;
        Ok(Located { path: FieldPath::new(&names.join(".")), doc: u.arbitrary()? })
    }
}

/// The three walks agree where no array is on the way, and each gives valid values.
pub fn paths(Located { doc, path }: &Located) {
    let arena = bumpalo::Bump::new();
    let mut tested = Vec::new();
    let flow = match_path(doc, path.components(), true, &mut |value, _| {
        tested.push(value);
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    let mut keys = Vec::new();
    let arrays = key_values(doc, path.components(), &mut |value| keys.push(value));
    let found = expr_path(Value::document(doc), path.components(), &arena);
    if !found.is_nothing() {
        let holder = DocBuf::build(|doc| doc.value("v", found));
        validate(holder.as_bytes(), MAX_USER_DOCUMENT_BYTES).expect("what a path gives is valid");
    }
    let Ok(arrays) = arrays else { return };
    assert!(!keys.is_empty());
    if arrays.is_empty() {
        assert_eq!(tested.len(), 1, "{tested:?}");
        assert!(equal(tested[0], found), "{tested:?} {found:?}");
        let key = if found.is_nothing() { Value::NULL } else { found };
        assert!(keys.len() == 1 && equal(keys[0], key), "{keys:?} {found:?}");
    } else {
        assert!(found.tag() == Tag::Array || path.components().iter().any(|component| component.index().is_some()));
    }
}
