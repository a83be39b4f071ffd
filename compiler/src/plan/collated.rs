//! What a condition is to an index that orders strings in its own way.

use std::borrow::Cow;

use smongo_vm::collation::Collation;
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Tag, Value, View};

use crate::ir::LeafTest;

/// How the strings of a request lie to those of an index.
#[derive(Clone, Copy, Debug)]
pub(super) enum Strings<'c> {
    /// Both compare bytes.
    Bytes,
    /// Both compare by this collation, so that the index has the sort keys of what the request compares with.
    Keys(&'c Collation),
    /// They compare differently; patterns can still be read off an index that has the strings themselves.
    Apart {
        /// Whether the index has the strings themselves.
        has_bytes: bool,
    },
}

impl<'c> Strings<'c> {
    /// Between a request and an index.
    pub fn between(request: Option<&'c Collation>, index: Option<&Collation>) -> Self {
        match (request, index) {
            (None, None) => Strings::Bytes,
            (Some(request), Some(index)) if request == index => Strings::Keys(request),
            (_, index) => Strings::Apart { has_bytes: index.is_none() },
        }
    }

    /// The test as the index sees it; `None` when the index says nothing of it.
    pub fn of_index<'t>(self, test: &'t LeafTest) -> Option<Cow<'t, LeafTest>> {
        match self {
            Strings::Bytes => Some(Cow::Borrowed(test)),
            Strings::Keys(collation) => by_keys(test, collation),
            Strings::Apart { has_bytes } => {
                let is_apart = match test {
                    LeafTest::Eq(value)
                    | LeafTest::Lt(value)
                    | LeafTest::Lte(value)
                    | LeafTest::Gt(value)
                    | LeafTest::Gte(value) => compares_strings(value.get()),
                    LeafTest::In { values, patterns } => {
                        values.iter().any(|value| compares_strings(value.get())) || !(has_bytes || patterns.is_empty())
                    }
                    LeafTest::Regex { .. } => !has_bytes,
                    _ => false,
                };
                (!is_apart).then_some(Cow::Borrowed(test))
            }
        }
    }

    /// Whether the order of strings is the same for both.
    pub fn is_alike(self) -> bool {
        !matches!(self, Strings::Apart { .. })
    }
}

/// Whether comparing with a value is a matter of collation.
pub fn compares_strings(value: Value<'_>) -> bool {
    match value.view() {
        View::String(_) | View::Symbol(_) => true,
        View::Document(doc) | View::Array(doc) => doc.values().any(compares_strings),
        _ => false,
    }
}

fn by_keys<'t>(test: &'t LeafTest, collation: &Collation) -> Option<Cow<'t, LeafTest>> {
    let key = |value: &OwnedValue| key_of(value.get(), collation);
    Some(Cow::Owned(match test {
        LeafTest::Eq(value) => LeafTest::Eq(key(value)),
        LeafTest::Lt(value) => LeafTest::Lt(key(value)),
        LeafTest::Lte(value) => LeafTest::Lte(key(value)),
        LeafTest::Gt(value) => LeafTest::Gt(key(value)),
        LeafTest::Gte(value) => LeafTest::Gte(key(value)),
        LeafTest::In { values, patterns } if patterns.is_empty() => {
            LeafTest::In { values: values.iter().map(key).collect(), patterns: Vec::new() }
        }
        // A pattern is about the strings themselves.
        LeafTest::In { .. } | LeafTest::Regex { .. } => return None,
        _ => return Some(Cow::Borrowed(test)),
    }))
}

/// The value with all its strings replaced by their sort keys.
fn key_of(value: Value<'_>, collation: &Collation) -> OwnedValue {
    match value.view() {
        View::String(text) | View::Symbol(text) => OwnedValue::new(Value::string_bytes(&collation.sort_key(text))),
        View::Document(doc) if compares_strings(value) => OwnedValue::new(Value::document(&keys_in(doc, collation))),
        View::Array(array) if compares_strings(value) => OwnedValue::new(Value::array(&keys_in(array, collation))),
        _ => OwnedValue::new(value),
    }
}

fn keys_in(doc: &RawDoc, collation: &Collation) -> DocBuf {
    DocBuf::build(|out| {
        for field in doc {
            match field.value().tag() {
                // In the scope of code a collation does not apply.
                Tag::JavaScriptWithScope => out.value_named(field.name(), field.value()),
                _ => out.value_named(field.name(), key_of(field.value(), collation).get()),
            }
        }
    })
}
