//! `$jsonSchema`: JSON Schema draft 4 with MongoDB's changes, as a filter.
//!
//! Every keyword is a row of [`KEYWORDS`] that turns its argument into a filter on the *subject*: the document itself, a
//! property, or an element of an array. A keyword that speaks of one type holds for values of all others, and a schema
//! for a property holds where the property is missing; `required` asks for presence. No array is walked implicitly.

mod array;
mod logical;
mod object;
mod scalar;
mod types;

use smongo_vm::program::TypeSet;
use smongo_vm::value::{FieldPath, RawDoc, Tag, Value};
use smongo_vm::{Error, Result};

use super::integer::non_negative;
use super::{Parser, all_of, negation};
use crate::ir::{ArrayRule, Filter, FilterPath, LeafTest};

/// What a schema speaks of.
#[derive(Clone, Debug)]
struct Subject {
    /// `None` is the value under test.
    path: Option<FieldPath>,
    /// Whether it is known to be a document.
    is_document: bool,
}

impl Subject {
    const ROOT: Subject = Subject { path: None, is_document: true };
    const VALUE: Subject = Subject { path: None, is_document: false };

    fn property(name: &str) -> Self {
        Self { path: Some(FieldPath::new(name)), is_document: false }
    }

    fn path(&self) -> FilterPath {
        FilterPath { path: self.path.clone(), arrays: ArrayRule::None }
    }

    fn test(&self, test: LeafTest) -> Filter {
        Filter::Leaf { path: self.path(), test }
    }

    /// `filter`, asked only of values of these types.
    fn when(&self, types: TypeSet, filter: Filter) -> Filter {
        Filter::Or(vec![negation(self.test(LeafTest::Type(types))), filter])
    }

    /// `filter` on the fields of the subject, asked only when it is a document.
    fn fields(&self, filter: Filter) -> Filter {
        if self.is_document {
            return filter;
        }
        let inside = Filter::Document { path: self.path(), filter: Box::new(filter) };
        self.when(TypeSet::EMPTY.with(Tag::Document), inside)
    }
}

/// What a keyword's parser is given besides its argument.
struct Keyword<'a> {
    name: &'a str,
    subject: &'a Subject,
    /// The whole schema, for keywords that change each other's meaning.
    schema: &'a RawDoc,
}

/// Parses a keyword. `None` means that it adds nothing by itself.
type ParseKeyword = fn(Value<'_>, &Keyword<'_>, &mut Parser<'_>) -> Result<Option<Filter>>;

const KEYWORDS: &[(&str, ParseKeyword)] = &[
    ("type", types::json_type),
    ("bsonType", types::bson_type),
    ("enum", scalar::one_of),
    ("minimum", scalar::minimum),
    ("maximum", scalar::maximum),
    ("exclusiveMinimum", scalar::exclusive),
    ("exclusiveMaximum", scalar::exclusive),
    ("multipleOf", scalar::multiple_of),
    ("minLength", scalar::min_length),
    ("maxLength", scalar::max_length),
    ("pattern", scalar::pattern),
    ("required", object::required),
    ("properties", object::properties),
    ("patternProperties", object::pattern_properties),
    ("additionalProperties", object::additional_properties),
    ("minProperties", object::min_properties),
    ("maxProperties", object::max_properties),
    ("dependencies", object::dependencies),
    ("items", array::items),
    ("additionalItems", array::additional_items),
    ("minItems", array::min_items),
    ("maxItems", array::max_items),
    ("uniqueItems", array::unique_items),
    ("allOf", logical::all_of),
    ("anyOf", logical::any_of),
    ("oneOf", logical::one_of),
    ("not", logical::not),
    ("title", note),
    ("description", note),
];

/// Keywords of JSON Schema that MongoDB leaves out.
const UNSUPPORTED: &[&str] = &["$ref", "$schema", "default", "definitions", "format", "id"];

/// `$jsonSchema`.
pub(super) fn parse(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    parser.require_top_level("$jsonSchema")?;
    parse_root(value, parser).map(Some)
}

/// A schema for whole documents.
pub(super) fn parse_root(value: Value<'_>, parser: &mut Parser<'_>) -> Result<Filter> {
    let schema = value.as_doc().ok_or_else(|| Error::type_mismatch("$jsonSchema must be an object"))?;
    parse_schema(schema, &Subject::ROOT, parser)
}

fn parse_schema(schema: &RawDoc, subject: &Subject, parser: &mut Parser<'_>) -> Result<Filter> {
    parser.nested(|parser| {
        let mut parts = Vec::new();
        for (at, element) in schema.iter().enumerate() {
            let name = element.name_str();
            let parse = find(name)?;
            if schema.iter().take(at).any(|earlier| earlier.name() == element.name()) {
                return Err(Error::failed_to_parse(format!("Duplicate $jsonSchema keyword: {name}")));
            }
            parts.extend(parse(element.value(), &Keyword { name, subject, schema }, parser)?);
        }
        Ok(all_of(parts))
    })
}

fn find(name: &str) -> Result<ParseKeyword> {
    if let Some((_, parse)) = KEYWORDS.iter().find(|(known, _)| *known == name) {
        return Ok(*parse);
    }
    Err(Error::failed_to_parse(match UNSUPPORTED.contains(&name) {
        true => format!("$jsonSchema keyword '{name}' is not currently supported"),
        false => format!("Unknown $jsonSchema keyword: {name}"),
    }))
}

/// `title` and `description`.
fn note(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    match value.tag() {
        Tag::String => Ok(None),
        other => {
            let (name, found) = (keyword.name, other.name());
            Err(Error::type_mismatch(format!(
                "$jsonSchema keyword '{name}' must be of type string but found type {found}"
            )))
        }
    }
}

#[cold]
fn must_be(keyword: &str, what: &str) -> Error {
    Error::type_mismatch(format!("$jsonSchema keyword '{keyword}' must be {what}"))
}

fn flag(value: Value<'_>, keyword: &str) -> Result<bool> {
    value.as_bool().ok_or_else(|| must_be(keyword, "a boolean"))
}

fn object<'d>(value: Value<'d>, keyword: &str) -> Result<&'d RawDoc> {
    value.as_doc().ok_or_else(|| must_be(keyword, "an object"))
}

/// The elements of an array that must have some.
fn elements<'d>(value: Value<'d>, keyword: &str) -> Result<&'d RawDoc> {
    let array = value.as_array().ok_or_else(|| must_be(keyword, "an array"))?;
    if array.is_empty() {
        return Err(Error::failed_to_parse(format!("$jsonSchema keyword '{keyword}' cannot be an empty array")));
    }
    Ok(array)
}

/// The strings of an array that has some, no two alike.
fn distinct_strings<'d>(value: Value<'d>, keyword: &str) -> Result<Vec<&'d str>> {
    let mut strings = Vec::new();
    for value in elements(value, keyword)?.values() {
        let text = value.as_str().ok_or_else(|| must_be(keyword, "an array of strings"))?;
        if strings.contains(&text) {
            return Err(Error::failed_to_parse(format!(
                "$jsonSchema keyword '{keyword}' array cannot contain duplicate values: {text}"
            )));
        }
        strings.push(text);
    }
    Ok(strings)
}

/// A bound on a length or number of things.
fn bound(value: Value<'_>, keyword: &str) -> Result<u64> {
    non_negative(keyword, value).map(i64::unsigned_abs)
}
