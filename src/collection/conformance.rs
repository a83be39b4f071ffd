//! What BSON's specification asks of documents besides being well-formed, for `validate` with `checkBSONConformance`.

use std::collections::HashSet;

use smongo_vm::value::{RawDoc, Value, View};

/// The subtypes of binary data that are UUIDs, and the one that is an MD5 sum: all of 16 bytes.
const SIXTEEN_BYTE_SUBTYPES: [u8; 3] = [3, 4, 5];

/// Whether a document, which is well-formed, keeps the rules: names once per document, positions as the names of array
/// elements, options of regular expressions in alphabetical order, and lengths of UUIDs.
pub(crate) fn is_conformant(doc: &RawDoc) -> bool {
    let mut open = vec![(doc, false)];
    while let Some((doc, is_array)) = open.pop() {
        let mut names = HashSet::new();
        for (at, element) in doc.iter().enumerate() {
            let name_fits = match is_array {
                true => element.name_str().parse() == Ok(at),
                false => names.insert(element.name()),
            };
            if !name_fits || !is_conformant_value(element.value()) {
                return false;
            }
            match element.value().view() {
                View::Document(inner) => open.push((inner, false)),
                View::Array(inner) => open.push((inner, true)),
                View::JavaScriptWithScope { scope, .. } => open.push((scope, false)),
                _ => {}
            }
        }
    }
    true
}

fn is_conformant_value(value: Value<'_>) -> bool {
    match value.view() {
        View::Regex { options, .. } => options.is_sorted(),
        View::Binary { subtype, bytes } => !SIXTEEN_BYTE_SUBTYPES.contains(&subtype) || bytes.len() == 16,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::DocBuf;

    use super::*;

    #[test]
    fn rules_beyond_the_form() {
        let doc = DocBuf::build(|doc| {
            doc.value("a", Value::int32(1));
            doc.array("b", |array| array.value(Value::NULL));
            doc.value("c", Value::binary(4, &[0; 16]));
        });
        assert!(is_conformant(&doc));
        let twice = DocBuf::build(|doc| {
            doc.document("inner", |inner| {
                inner.value("a", Value::NULL);
                inner.value("a", Value::NULL);
            });
        });
        assert!(!is_conformant(&twice));
        assert!(!is_conformant(&DocBuf::build(|doc| doc.value("c", Value::binary(4, &[0; 15])))));
    }
}
