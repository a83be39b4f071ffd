//! What a key says of its document: the values of the index's fields, as a document.
//!
//! Only the fields that somebody will look at are in it: an index may have a field and another inside it, and no
//! document can be made of both.

use smongo_compiler::plan::{FieldOrder, IndexDescription};
use smongo_vm::key::{Direction, KeyDecoder};
use smongo_vm::value::{Component, DocWriter, FieldPath, OwnedValue, Tag};

use crate::error::Result;

/// Makes documents of the keys of one index.
#[derive(Debug)]
pub(crate) struct KeyDocuments {
    fields: Vec<Field>,
    /// Whether no field is inside another.
    is_flat: bool,
    values: Vec<OwnedValue>,
    document: Vec<u8>,
    is_certain: bool,
}

#[derive(Debug)]
struct Field {
    path: FieldPath,
    direction: Direction,
    /// Whether somebody will look at the value.
    is_wanted: bool,
}

impl KeyDocuments {
    /// Documents of the fields of an index that are at `wanted` paths, none of which is inside another.
    pub fn new(index: &IndexDescription, wanted: impl Fn(&FieldPath) -> bool) -> Self {
        let fields: Vec<Field> = index
            .fields
            .iter()
            .map(|field| Field {
                is_wanted: wanted(&field.path),
                path: field.path.clone(),
                direction: direction_of(field.order),
            })
            .collect();
        let is_flat = fields.iter().filter(|field| field.is_wanted).all(|field| field.path.len() == 1);
        Self { fields, is_flat, values: Vec::new(), document: Vec::new(), is_certain: false }
    }

    /// Reads a key.
    pub fn read(&mut self, key: &[u8], type_bits: &[u8]) -> Result<()> {
        let mut decoder = KeyDecoder::new(key, type_bits);
        self.document.clear();
        self.values.clear();
        let mut is_certain = true;
        let mut doc = DocWriter::new(&mut self.document);
        for field in &self.fields {
            decoder.with_field(field.direction, |value| {
                if !field.is_wanted {
                    return;
                }
                // Null may stand for nothing, undefined for an empty array, and an array's elements may have keys too.
                let says_little = matches!(value.tag(), Tag::Null | Tag::Undefined | Tag::Nothing | Tag::Array);
                is_certain &= !says_little;
                match field.path.components() {
                    [name] if self.is_flat => doc.value(name.name(), value),
                    _ => self.values.push(value.into()),
                }
            })?;
        }
        if !self.is_flat {
            let wanted = self.fields.iter().filter(|field| field.is_wanted);
            let fields = wanted.map(|field| field.path.components()).zip(&self.values);
            write_nested(&fields.collect::<Vec<_>>(), &mut doc);
        }
        doc.finish();
        self.is_certain = is_certain;
        Ok(())
    }

    /// The document of the last key.
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// Whether the last key's document has the wanted values as the index's document has them.
    pub fn is_certain(&self) -> bool {
        self.is_certain
    }
}

/// Writes values at paths, so that paths with a common beginning share documents.
fn write_nested(fields: &[(&[Component], &OwnedValue)], doc: &mut DocWriter<'_, Vec<u8>>) {
    for (at, (path, value)) in fields.iter().enumerate() {
        let Some((first, rest)) = path.split_first() else { continue };
        let is_same =
            |(other, _): &&(&[Component], &OwnedValue)| other.first().is_some_and(|other| other.name() == first.name());
        if fields[..at].iter().any(|field| is_same(&field)) {
            continue;
        }
        if rest.is_empty() {
            doc.value(first.name(), value.get());
            continue;
        }
        let inner: Vec<_> = fields[at..].iter().filter(is_same).map(|(path, value)| (&path[1..], *value)).collect();
        doc.document(first.name(), |doc| write_nested(&inner, doc));
    }
}

/// In which direction the bytes of a field grow.
pub(crate) fn direction_of(order: FieldOrder) -> Direction {
    match order {
        FieldOrder::Ascending | FieldOrder::Hashed => Direction::Ascending,
        FieldOrder::Descending => Direction::Descending,
    }
}

#[cfg(test)]
mod tests {
    use smongo_compiler::plan::IndexField;
    use smongo_vm::key::{Bound, KeyEncoder};
    use smongo_vm::value::{RawDoc, Value};

    use super::*;

    /// The document of a key of which the first fields are wanted, and whether it is certain.
    fn read(paths: &[&str], wanted: usize, values: &[Value<'_>]) -> (String, bool) {
        let fields = paths.iter().map(|path| IndexField { path: FieldPath::new(path), order: FieldOrder::Ascending });
        let index = IndexDescription {
            fields: fields.collect(),
            is_sparse: false,
            partial_filter: None,
            is_hidden: false,
            collation: None,
            wildcard: None,
        };
        let (mut key, mut types) = (Vec::new(), Vec::new());
        let mut encoder = KeyEncoder::new(&mut key, &mut types);
        values.iter().for_each(|value| encoder.field(*value, Direction::Ascending));
        encoder.finish(Bound::Equal);
        let mut documents =
            KeyDocuments::new(&index, |path| paths[..wanted].iter().any(|wanted| *path == FieldPath::new(wanted)));
        documents.read(&key, &types).unwrap();
        let doc = RawDoc::from_bytes(documents.document()).unwrap();
        (crate::shell_text::ShellText(Value::document(doc)).to_string(), documents.is_certain())
    }

    #[test]
    fn keys_become_documents() {
        let (one, half, null) = (Value::int32(1), Value::double(0.5), Value::NULL);
        assert_eq!(read(&["a", "b"], 2, &[one, half]), ("{ a: 1, b: 0.5 }".into(), true));
        assert_eq!(read(&["a.x", "b", "a.y"], 3, &[one, half, one]), ("{ a: { x: 1, y: 1 }, b: 0.5 }".into(), true));
        assert_eq!(read(&["a", "b"], 2, &[null, one]), ("{ a: null, b: 1 }".into(), false));
        assert_eq!(read(&["a", "b"], 1, &[one, null]), ("{ a: 1 }".into(), true));
        assert_eq!(read(&["a", "a.0.b"], 1, &[one, null]), ("{ a: 1 }".into(), true));
    }
}
