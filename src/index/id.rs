//! The index on `_id`, which every collection has: unique, ascending, one key a document.

use smongo_vm::key::{Bound, Direction, KeyEncoder};
use smongo_vm::value::{DocBuf, RawDoc, StringOrder, Value};

use super::{KeyGenerator, KeySet};
use crate::collection::id_of;
use crate::error::Result;

/// Makes the one key of a document.
#[derive(Debug)]
pub(super) struct IdKeys;

impl KeyGenerator for IdKeys {
    fn keys(&self, doc: &RawDoc, keys: &mut KeySet) -> Result<()> {
        keys.push(|encoder| encode(id_of(doc), encoder));
        Ok(())
    }
}

/// Appends the key under which the index has the document with this `_id`.
pub(crate) fn append_id_key(id: Value<'_>, strings: Option<&dyn StringOrder>, key: &mut Vec<u8>) {
    encode(id, KeyEncoder::with_strings(key, &mut Vec::new(), strings));
}

fn encode(id: Value<'_>, mut encoder: KeyEncoder<'_>) {
    encoder.field(id, Direction::Ascending);
    encoder.finish(Bound::Equal);
}

/// The description of the index of a collection with these options, as `listIndexes` gives it.
pub(crate) fn id_spec(options: &RawDoc) -> DocBuf {
    DocBuf::build(|spec| {
        spec.value("v", Value::int32(2));
        spec.document("key", |key| key.value("_id", Value::int32(1)));
        spec.string("name", "_id_");
        if let Some(collation) = options.get("collation") {
            spec.value("collation", collation);
        }
    })
}

/// Whether a key pattern is `{_id: 1}`.
pub(crate) fn is_id_pattern(pattern: &RawDoc) -> bool {
    let mut fields = pattern.iter();
    let first = fields.next().filter(|field| field.name() == b"_id");
    let ascending = first.is_some_and(|field| {
        let value = field.value();
        value.as_integer() == Some(1) || value.as_double() == Some(1.0)
    });
    ascending && fields.next().is_none()
}
