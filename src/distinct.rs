//! The distinct values at a path, in the order in which they first appear.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::ops::ControlFlow;
use std::sync::Arc;

use smongo_vm::collation::Collation;
use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::value::path::{FieldPath, match_path};
use smongo_vm::value::{ArrayWriter, OwnedValue, RawDoc, StringOrder, Value, equal_with, hash_with};

use crate::error::{Error, Result};

/// Collects values and writes each once.
pub(crate) struct DistinctValues {
    path: FieldPath,
    hasher: ahash::RandomState,
    /// Values by hash; equal numbers of different types are one value.
    seen: HashMap<u64, Vec<OwnedValue>>,
    collation: Option<Arc<Collation>>,
}

impl DistinctValues {
    /// Nothing yet, at a dotted path.
    pub fn new(key: &str, collation: Option<Arc<Collation>>) -> Result<Self> {
        if key.contains('\0') {
            return Err(Error::new(smongo_vm::Code(31032), "Key field cannot contain an embedded null byte"));
        }
        Ok(Self { path: FieldPath::new(key), hasher: ahash::RandomState::new(), seen: HashMap::new(), collation })
    }

    /// Writes the values of a document that are new. An array counts as its elements.
    pub fn add(&mut self, doc: &RawDoc, out: &mut ArrayWriter<'_, Vec<u8>>) -> Result<()> {
        let Self { path, hasher, seen, collation } = self;
        let strings = collation.as_deref().map(|collation| collation as &dyn StringOrder);
        let mut add = |value: Value<'_>| {
            if !value.is_nothing() && is_new(hasher, seen, value, strings) {
                out.value(value);
            }
        };
        let _ = match_path(doc, path.components(), false, &mut |value, _| {
            match value.as_array() {
                Some(array) => array.values().for_each(&mut add),
                None => add(value),
            }
            ControlFlow::Continue(())
        });
        if out.written() > MAX_USER_DOCUMENT_BYTES {
            return Err(Error::new(smongo_vm::Code(17217), "distinct too big, 16mb cap"));
        }
        Ok(())
    }
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
        let mut bytes = Vec::new();
        let mut out = ArrayWriter::new(&mut bytes);
        let mut distinct = DistinctValues::new("a", None).unwrap();
        for doc in &docs {
            distinct.add(doc, &mut out).unwrap();
        }
        out.finish();
        let shown = crate::shell_text::ShellText(Value::array(RawDoc::from_bytes(&bytes).unwrap())).to_string();
        assert_eq!(shown, "[ 1, 2, [ 3 ], null ]");
    }
}
