//! Documents with one field changed, as stages that add a field do it.

use smongo_vm::value::{Buf, Component, DocWriter, FieldPath, RawDoc, Value};

/// Writes `doc` with the field at `path` set to `value`, or without it when the value is missing. What stands on the
/// way and is no document becomes one; a field that was not there comes last.
pub(crate) fn write_with<B: Buf + ?Sized>(
    out: &mut DocWriter<'_, B>,
    doc: &RawDoc,
    path: &[Component],
    value: Value<'_>,
) {
    let Some((first, rest)) = path.split_first() else { return };
    let name = first.name().as_bytes();
    let mut placed = false;
    for element in doc {
        if element.name() != name {
            out.raw_element(element.raw());
        } else if !placed {
            placed = true;
            write_field(out, name, Some(element.value()), rest, value);
        }
    }
    if !placed {
        write_field(out, name, None, rest, value);
    }
}

fn write_field<B: Buf + ?Sized>(
    out: &mut DocWriter<'_, B>,
    name: &[u8],
    old: Option<Value<'_>>,
    rest: &[Component],
    value: Value<'_>,
) {
    if rest.is_empty() {
        out.value_named(name, value);
        return;
    }
    let inner = old.and_then(Value::as_doc);
    if inner.is_none() && value.is_nothing() {
        if let Some(old) = old {
            out.value_named(name, old);
        }
        return;
    }
    out.document_named(name, |out| write_with(out, inner.unwrap_or(RawDoc::EMPTY), rest, value));
}

/// [`write_with`] into a buffer, which is emptied first.
pub(crate) fn set_path(out: &mut Vec<u8>, doc: &RawDoc, path: &FieldPath, value: Value<'_>) {
    out.clear();
    let mut writer = DocWriter::new(out);
    write_with(&mut writer, doc, path.components(), value);
    writer.finish();
}

/// The value at a path that leads through documents only.
pub(crate) fn value_at<'d>(doc: &'d RawDoc, path: &FieldPath) -> Value<'d> {
    let mut value = Value::document(doc);
    for component in path.components() {
        match value.as_doc().and_then(|doc| doc.get(component.name())) {
            Some(inner) => value = inner,
            None => return Value::NOTHING,
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use smongo_vm::value::DocBuf;
    use smongo_vm::value::extjson::parse_doc;

    #[test]
    fn fields_keep_their_place_and_new_ones_come_last() {
        let rows = [
            ("{a: 1, b: 2}", "a", "{a: 9, b: 2}"),
            ("{a: 1}", "b", "{a: 1, b: 9}"),
            ("{a: 1, b: 2}", "a.c", "{a: {c: 9}, b: 2}"),
            ("{a: {c: 1, d: 2}}", "a.c", "{a: {c: 9, d: 2}}"),
            ("{a: [1]}", "a.c", "{a: {c: 9}}"),
        ];
        for (doc, path, expected) in rows {
            let (doc, expected) = (parse_doc(doc).unwrap(), parse_doc(expected).unwrap());
            let mut out = Vec::new();
            set_path(&mut out, &doc, &FieldPath::new(path), Value::int32(9));
            assert_eq!(DocBuf::from_vec(out).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn nothing_removes_the_field() {
        let doc = parse_doc("{a: {b: 1}, c: 2}").unwrap();
        let mut out = Vec::new();
        set_path(&mut out, &doc, &FieldPath::new("a.b"), Value::NOTHING);
        assert_eq!(DocBuf::from_vec(out).unwrap(), parse_doc("{a: {}, c: 2}").unwrap());
    }
}
