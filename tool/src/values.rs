//! Extended JSON and the shell's notation, from and to the types of the `bson` crate.

use bson::{Bson, Document};
use serde::Serialize;
use smongo_vm::value::extjson::{self, Notation};
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::failure::Failure;

/// How wide a line of a printed value may be, in characters.
const LINE_WIDTH: usize = 76;

/// The document that a text denotes, in bytes.
pub fn parse_doc(text: &str) -> Result<DocBuf, Failure> {
    extjson::parse_doc(text).map_err(|error| Failure::Data(error.message().to_string()))
}

/// The value that a text denotes.
pub fn parse(text: &str) -> Result<Bson, Failure> {
    let value = extjson::parse_value(text).map_err(|error| Failure::Usage(error.message().to_string()))?;
    let holder = DocBuf::build(|doc| doc.value("", value.get()));
    let mut holder: Document = from_bytes(&holder)?;
    Ok(holder.remove("").unwrap_or(Bson::Null))
}

/// A document of the `bson` crate from bytes.
pub fn from_bytes(doc: &RawDoc) -> Result<Document, Failure> {
    bson::deserialize_from_slice(doc.as_bytes()).map_err(|error| Failure::Data(error.to_string()))
}

/// The bytes of a document.
pub fn to_bytes(doc: &impl Serialize) -> Result<DocBuf, Failure> {
    let bytes = bson::serialize_to_vec(doc).map_err(|error| Failure::Data(error.to_string()))?;
    DocBuf::from_vec(bytes).ok_or_else(|| Failure::Data("not a document".into()))
}

/// A value as one line of text.
pub fn to_line(value: &Bson, notation: Notation) -> Result<String, Failure> {
    let holder = to_bytes(&bson::doc! { "": value })?;
    Ok(holder.get("").map(|value| extjson::to_string(value, notation)).unwrap_or_default())
}

/// A value as the shell prints it: on one line where it fits, else a field a line.
pub fn to_pretty(value: &Bson, notation: Notation) -> Result<String, Failure> {
    let holder = to_bytes(&bson::doc! { "": value })?;
    let mut text = String::new();
    if let Some(value) = holder.get("") {
        pretty(&mut text, value, notation, 0, 0);
    }
    Ok(text)
}

fn pretty(out: &mut String, value: Value<'_>, notation: Notation, indent: usize, before: usize) {
    let line = extjson::to_string(value, notation);
    let array = value.as_array();
    let Some(container) = array.or_else(|| value.as_doc()) else {
        out.push_str(&line);
        return;
    };
    if container.is_empty() || indent + before + line.chars().count() <= LINE_WIDTH {
        out.push_str(&line);
        return;
    }
    let (open, close) = if array.is_some() { ('[', ']') } else { ('{', '}') };
    out.push(open);
    for (at, element) in container.iter().enumerate() {
        out.push_str(if at == 0 { "\n" } else { ",\n" });
        out.extend(std::iter::repeat_n(' ', indent + 2));
        let mut before = 0;
        if array.is_none() {
            let name = name_text(element.name_str(), notation);
            before = name.chars().count() + 2;
            out.push_str(&name);
            out.push_str(": ");
        }
        pretty(out, element.value(), notation, indent + 2, before);
    }
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
    out.push(close);
}

/// A field's name as the notation writes it, which is how a document of one field begins.
fn name_text(name: &str, notation: Notation) -> String {
    let doc = DocBuf::build(|doc| doc.value(name, Value::NULL));
    let line = extjson::to_string(Value::document(&doc), notation);
    let name = line.trim().trim_start_matches('{').trim_end_matches('}').trim();
    name.strip_suffix("null").unwrap_or(name).trim_end().trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_take_several_lines() {
        let long = "x".repeat(80);
        let value = parse(&format!("{{a: 1, 'b c': ['{long}', {{d: NumberLong(1)}}]}}")).unwrap();
        assert_eq!(
            to_pretty(&value, Notation::Shell).unwrap(),
            format!("{{\n  a: 1,\n  \"b c\": [\n    \"{long}\",\n    {{d: NumberLong(1)}}\n  ]\n}}")
        );
        assert_eq!(to_pretty(&parse("{a: [1, 2]}").unwrap(), Notation::Shell).unwrap(), "{a: [1, 2]}");
    }
}
