//! What a document must be before it is stored: `_id` first, of an allowed type, and no larger than allowed.

use std::borrow::Cow;

use smongo_vm::Code;
use smongo_vm::limits::MAX_USER_DOCUMENT_BYTES;
use smongo_vm::value::{DocBuf, RawDoc, Tag, Value};

use crate::error::{Error, Result};
use crate::object_id;

/// The document as it is stored: with an `_id` in front, made here when there is none.
///
/// Timestamps that are zero become `timestamp`, as MongoDB fills them in at the top level of inserted documents.
pub(crate) fn prepare<'d>(doc: &'d RawDoc, timestamp: u64) -> Result<Cow<'d, [u8]>> {
    let mut id = Value::NOTHING;
    let mut id_in_front = false;
    let mut has_zero_timestamp = false;
    for (at, element) in doc.iter().enumerate() {
        if element.name() == b"_id" && id.is_nothing() {
            id = element.value();
            id_in_front = at == 0;
        } else {
            has_zero_timestamp |= is_zero_timestamp(element.value());
        }
    }
    check_id(id)?;
    let stored = if id_in_front && !has_zero_timestamp {
        Cow::Borrowed(doc.as_bytes())
    } else {
        Cow::Owned(rewrite(doc, id, timestamp).into_vec())
    };
    if stored.len() > MAX_USER_DOCUMENT_BYTES {
        return Err(Error::new(
            Code::BSON_OBJECT_TOO_LARGE,
            format!("object to insert too large. size in bytes: {}, max size: {MAX_USER_DOCUMENT_BYTES}", stored.len()),
        ));
    }
    Ok(stored)
}

fn rewrite(doc: &RawDoc, id: Value<'_>, timestamp: u64) -> DocBuf {
    let generated = object_id::generate();
    DocBuf::build(|out| {
        out.value("_id", if id.is_nothing() { Value::object_id(&generated) } else { id });
        let mut seen_id = false;
        for element in doc {
            if element.name() == b"_id" && !seen_id {
                seen_id = true;
            } else if is_zero_timestamp(element.value()) {
                out.value_named(element.name(), Value::timestamp(timestamp));
            } else {
                out.raw_element(element.raw());
            }
        }
    })
}

fn is_zero_timestamp(value: Value<'_>) -> bool {
    value.tag() == Tag::Timestamp && matches!(value.view(), smongo_vm::value::View::Timestamp(0))
}

/// Fails unless a document may have this `_id`. Missing is fine: one will be made.
fn check_id(id: Value<'_>) -> Result<()> {
    let forbidden = match id.tag() {
        Tag::Array => "array",
        Tag::Regex => "regex",
        Tag::Undefined => "undefined",
        Tag::Document => return check_id_fields(id),
        _ => return Ok(()),
    };
    Err(Error::new(Code::INVALID_ID_FIELD, format!("The '_id' value cannot be of type {forbidden}")))
}

/// An `_id` that is a document must not have field names that look like operators.
fn check_id_fields(id: Value<'_>) -> Result<()> {
    let named = id.as_doc().into_iter().flatten().find(|field| field.name().first() == Some(&b'$'));
    named.map_or(Ok(()), |field| {
        Err(Error::new(
            Code::DOLLAR_PREFIXED_FIELD_NAME,
            format!("_id fields may not contain '$'-prefixed fields: {} is not valid for storage.", field.name_str()),
        ))
    })
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::View;

    use super::*;

    fn names(bytes: &[u8]) -> Vec<String> {
        RawDoc::from_bytes(bytes).unwrap().iter().map(|element| element.name_str().to_owned()).collect()
    }

    #[test]
    fn the_id_is_made_and_comes_first() {
        let doc = DocBuf::build(|doc| doc.value("a", Value::int32(1)));
        let stored = prepare(&doc, 7).unwrap();
        assert_eq!(names(&stored), ["_id", "a"]);
        assert_eq!(RawDoc::from_bytes(&stored).unwrap().get("_id").unwrap().tag(), Tag::ObjectId);

        let doc = DocBuf::build(|doc| {
            doc.value("a", Value::int32(1));
            doc.value("_id", Value::int32(2));
        });
        assert_eq!(names(&prepare(&doc, 7).unwrap()), ["_id", "a"]);

        let doc = DocBuf::build(|doc| doc.value("_id", Value::NULL));
        assert!(matches!(prepare(&doc, 7), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn zero_timestamps_are_filled_in_at_the_top_level() {
        let doc = DocBuf::build(|doc| {
            doc.value("_id", Value::timestamp(0));
            doc.value("t", Value::timestamp(0));
            doc.document("d", |doc| doc.value("t", Value::timestamp(0)));
        });
        let stored = prepare(&doc, 7).unwrap();
        let stored = RawDoc::from_bytes(&stored).unwrap();
        assert!(matches!(stored.get("t").unwrap().view(), View::Timestamp(7)));
        assert!(matches!(stored.get("_id").unwrap().view(), View::Timestamp(0)));
        let inner = stored.get("d").unwrap().as_doc().unwrap();
        assert!(matches!(inner.get("t").unwrap().view(), View::Timestamp(0)));
    }

    #[test]
    fn some_ids_are_refused() {
        for (id, code) in [
            (Value::array(RawDoc::EMPTY), Some(53)),
            (Value::UNDEFINED, Some(53)),
            (Value::NULL, None),
            (Value::MIN_KEY, None),
        ] {
            let doc = DocBuf::build(|doc| doc.value("_id", id));
            assert_eq!(prepare(&doc, 7).err().map(|error| error.code()), code, "{id:?}");
        }
        let doc = DocBuf::build(|doc| doc.document("_id", |id| id.value("$a", Value::NULL)));
        assert_eq!(prepare(&doc, 7).unwrap_err().code(), 52);
    }
}
