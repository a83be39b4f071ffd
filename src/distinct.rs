//! The distinct values at a path, in their order.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;

use smongo_vm::collation::Collation;
use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::value::path::{FieldPath, match_path};
use smongo_vm::value::{ArrayWriter, OwnedValue, RawDoc, StringOrder, Value, compare, equal_with, hash_with};

use crate::error::{Error, Result};

/// What an element of an array takes besides its value, at the least: a type and a name.
const ELEMENT_BYTES: usize = 3;

/// Collects values, each once, and writes them in their order.
pub(crate) struct DistinctValues {
    path: FieldPath,
    hasher: ahash::RandomState,
    /// Values by hash; equal numbers of different types are one value.
    seen: HashMap<u64, Vec<OwnedValue>>,
    /// The bytes of all values, about.
    bytes: usize,
    collation: Option<Arc<Collation>>,
}

impl DistinctValues {
    /// Nothing yet, at a dotted path.
    pub fn new(key: &str, collation: Option<Arc<Collation>>) -> Result<Self> {
        if key.contains('\0') {
            return Err(Error::new(smongo_vm::Code(31032), "Key field cannot contain an embedded null byte"));
        }
        Ok(Self {
            path: FieldPath::new(key),
            hasher: ahash::RandomState::new(),
            seen: HashMap::new(),
            bytes: 0,
            collation,
        })
    }

    /// Takes in the values of a document. An array counts as its elements.
    pub fn add(&mut self, doc: &RawDoc) -> Result<()> {
        let Self { path, hasher, seen, bytes, collation } = self;
        let strings = collation.as_deref().map(|collation| collation as &dyn StringOrder);
        let mut add = |value: Value<'_>| {
            if !value.is_nothing() && is_new(hasher, seen, value, strings) {
                *bytes += size(value);
            }
        };
        let _ = match_path(doc, path.components(), false, &mut |value, _| {
            match value.as_array() {
                Some(array) => array.values().for_each(&mut add),
                None => add(value),
            }
            ControlFlow::Continue(())
        });
        check_size(*bytes)
    }

    /// Writes the values.
    pub fn write(&self, out: &mut ArrayWriter<'_, Vec<u8>>) -> Result<()> {
        let mut values: Vec<Value<'_>> = self.seen.values().flatten().map(OwnedValue::get).collect();
        values.sort_by(|a, b| compare(*a, *b));
        values.into_iter().for_each(|value| out.value(value));
        check_size(out.written())
    }
}

/// The bytes of a value in a reply, at the least.
fn size(value: Value<'_>) -> usize {
    let text = value.as_str_bytes().map(<[u8]>::len);
    let inside = || value.as_doc().or(value.as_array()).map(|doc| doc.as_bytes().len());
    ELEMENT_BYTES + text.or_else(inside).unwrap_or_default()
}

fn check_size(bytes: usize) -> Result<()> {
    if bytes > MAX_USER_DOCUMENT_BYTES {
        return Err(Error::new(smongo_vm::Code(17217), "distinct too big, 16mb cap"));
    }
    Ok(())
}

fn is_new(
    hasher: &ahash::RandomState,
    seen: &mut HashMap<u64, Vec<OwnedValue>>,
    value: Value<'_>,
    strings: Option<&dyn StringOrder>,
) -> bool {
    let mut state = hasher.build_hasher();
    hash_with(value, &mut state, strings);
    let same_hash = seen.entry(state.finish()).or_default();
    let new = !same_hash.iter().any(|other| equal_with(other.get(), value, strings));
    if new {
        same_hash.push(value.into());
    }
    new
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::DocBuf;

    use super::*;

    #[test]
    fn unrolls_arrays_and_keeps_each_value_once() {
        let docs = [
            DocBuf::build(|doc| doc.value("a", Value::int32(1))),
            DocBuf::build(|doc| doc.value("a", Value::double(1.0))),
            DocBuf::build(|doc| {
                doc.array("a", |list| {
                    list.value(Value::int32(2));
                    list.value(Value::int32(1));
                    list.array(|inner| inner.value(Value::int32(3)));
                });
            }),
            DocBuf::build(|doc| doc.value("b", Value::int32(9))),
            DocBuf::build(|doc| doc.value("a", Value::NULL)),
        ];
        let mut distinct = DistinctValues::new("a", None).unwrap();
        for doc in &docs {
            distinct.add(doc).unwrap();
        }
        let mut bytes = Vec::new();
        let mut out = ArrayWriter::new(&mut bytes);
        distinct.write(&mut out).unwrap();
        out.finish();
        let shown = crate::shell_text::ShellText(Value::array(RawDoc::from_bytes(&bytes).unwrap())).to_string();
        assert_eq!(shown, "[ null, 1, 2, [ 3 ] ]");
    }
}
