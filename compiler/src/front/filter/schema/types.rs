//! `type` and `bsonType`.

use smongo_vm::program::TypeSet;
use smongo_vm::value::{Tag, Value};
use smongo_vm::{Error, Result};

use super::super::types::by_alias;
use super::{Keyword, Parser, distinct_strings, must_be};
use crate::ir::{Filter, LeafTest};

/// `type`: JSON's own types.
pub(super) fn json_type(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    parse(value, keyword, |name| match name {
        "object" => Ok(TypeSet::EMPTY.with(Tag::Document)),
        "array" => Ok(TypeSet::EMPTY.with(Tag::Array)),
        "string" => Ok(TypeSet::EMPTY.with(Tag::String)),
        "boolean" => Ok(TypeSet::EMPTY.with(Tag::Bool)),
        "null" => Ok(TypeSet::EMPTY.with(Tag::Null)),
        "number" => Ok(TypeSet::NUMBER),
        "integer" => Err(Error::failed_to_parse("$jsonSchema type 'integer' is not currently supported.")),
        _ => Err(Error::bad_value(format!("Unknown type name alias: {name}"))),
    })
}

/// `bsonType`: the names that `$type` knows.
pub(super) fn bson_type(value: Value<'_>, keyword: &Keyword<'_>, _: &mut Parser<'_>) -> Result<Option<Filter>> {
    if keyword.schema.get("type").is_some() {
        return Err(Error::failed_to_parse("Cannot specify both $jsonSchema keywords 'type' and 'bsonType'"));
    }
    parse(value, keyword, by_alias)
}

fn parse(value: Value<'_>, keyword: &Keyword<'_>, one: impl Fn(&str) -> Result<TypeSet>) -> Result<Option<Filter>> {
    let types = match value.tag() {
        Tag::String => one(value.as_str().unwrap_or_default())?,
        Tag::Array => distinct_strings(value, keyword.name)?
            .into_iter()
            .try_fold(TypeSet::EMPTY, |types, name| one(name).map(|found| types.union(found)))?,
        _ => return Err(must_be(keyword.name, "either a string or an array of strings")),
    };
    Ok(Some(keyword.subject.test(LeafTest::Type(types))))
}
