//! Shapes of filters as documents: the normal form, with the types of literals in place of their values.

use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, RawDoc, Tag, Value};

/// The shape of a filter in its normal form: `{a: {$eq: 1}}` gives `{a: {$eq: "?number"}}`.
pub fn shape_document(filter: &RawDoc) -> DocBuf {
    DocBuf::build(|doc| fields(filter, doc))
}

fn fields(filter: &RawDoc, doc: &mut DocWriter<'_, Vec<u8>>) {
    for element in filter {
        let (name, value) = (element.name_str(), element.value());
        match (value.as_doc(), value.as_array()) {
            // The operands of operators are literals; below fields and logical operators stand conditions.
            (Some(inner), _) if !is_operand(name) => doc.document(name, |doc| fields(inner, doc)),
            (None, Some(list)) if matches!(name, "$and" | "$or" | "$nor") => {
                doc.array(name, |array| conditions(list, array));
            }
            _ => doc.string(name, &literal(value)),
        }
    }
}

fn conditions(list: &RawDoc, array: &mut ArrayWriter<'_, Vec<u8>>) {
    list.values().filter_map(Value::as_doc).for_each(|condition| array.document(|doc| fields(condition, doc)));
}

fn is_operand(name: &str) -> bool {
    name.starts_with('$') && !matches!(name, "$not" | "$elemMatch")
}

/// What stands for a literal.
fn literal(value: Value<'_>) -> String {
    match value.as_array() {
        None => format!("?{}", type_name(value)),
        Some(list) => {
            let mut types: Vec<&str> = list.values().map(type_name).collect();
            types.dedup();
            match types.as_slice() {
                [] => "[]".into(),
                [one] => format!("?array<?{one}>"),
                _ => "?array<>".into(),
            }
        }
    }
}

fn type_name(value: Value<'_>) -> &'static str {
    if value.is_number() {
        "number"
    } else if value.tag() == Tag::Document {
        "object"
    } else {
        value.tag().name()
    }
}
