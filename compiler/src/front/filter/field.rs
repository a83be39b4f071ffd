//! The operators on a path: `{a: {$gt: 1, $exists: true}}`.

use smongo_vm::value::{RawDoc, Value, View};
use smongo_vm::{Error, Result};

use super::{
    Parser, Target, all_of, array, bits, compare, exists, membership, modulo, negation, regex, types, unsupported,
};
use crate::ir::{Filter, LeafTest};

/// What an operator's parser is given.
pub(super) struct Operator<'a> {
    /// The operator as written, dollar sign included.
    pub(super) name: &'a str,
    /// What it applies to.
    pub(super) target: &'a Target,
    /// The document of operators it stands in, because `$regex` and `$options` are one test in two fields.
    pub(super) siblings: &'a RawDoc,
}

/// Parses an operator on a path. `None` means that another operator of the document has said it.
type ParseField = fn(Value<'_>, &Operator<'_>, &mut Parser<'_>) -> Result<Option<Filter>>;

/// The operators on paths.
pub(super) const OPERATORS: &[(&str, ParseField)] = &[
    ("$eq", compare::eq),
    ("$ne", compare::ne),
    ("$lt", |value, operator, parser| compare::range(value, operator, parser, LeafTest::Lt)),
    ("$lte", |value, operator, parser| compare::range(value, operator, parser, LeafTest::Lte)),
    ("$gt", |value, operator, parser| compare::range(value, operator, parser, LeafTest::Gt)),
    ("$gte", |value, operator, parser| compare::range(value, operator, parser, LeafTest::Gte)),
    ("$in", membership::in_list),
    ("$nin", membership::not_in_list),
    ("$not", not),
    ("$regex", regex::operator),
    ("$options", regex::options),
    ("$exists", exists::parse),
    ("$type", types::parse),
    ("$mod", modulo::parse),
    ("$all", array::all),
    ("$elemMatch", array::elem_match),
    ("$size", array::size),
    ("$bitsAllSet", bits::all_set),
    ("$bitsAllClear", bits::all_clear),
    ("$bitsAnySet", bits::any_set),
    ("$bitsAnyClear", bits::any_clear),
    ("$geoWithin", unsupported::geo),
    ("$geoIntersects", unsupported::geo),
    ("$within", unsupported::geo),
    ("$near", unsupported::near),
    ("$nearSphere", unsupported::near),
    ("$geoNear", unsupported::near),
];

fn find(name: &str) -> Option<ParseField> {
    OPERATORS.iter().find(|(known, _)| *known == name).map(|(_, parse)| *parse)
}

/// Whether `name` is an operator on paths.
pub(super) fn is_operator(name: &str) -> bool {
    find(name).is_some()
}

/// Parses a document of operators into their conjunction.
pub(super) fn parse_operators(doc: &RawDoc, target: &Target, parser: &mut Parser<'_>) -> Result<Filter> {
    parser.nested(|parser| {
        let mut parts = Vec::new();
        for element in doc {
            let name = element.name_str();
            let parse = find(name).ok_or_else(|| unknown(name))?;
            parts.extend(parse(element.value(), &Operator { name, target, siblings: doc }, parser)?);
        }
        Ok(all_of(parts))
    })
}

#[cold]
fn unknown(name: &str) -> Error {
    Error::bad_value(match name {
        "$where" => "$where cannot be applied to a field".to_owned(),
        _ => format!("unknown operator: {name}"),
    })
}

/// `$not`: no value at the path satisfies what follows; a missing path therefore matches.
fn not(value: Value<'_>, operator: &Operator<'_>, parser: &mut Parser<'_>) -> Result<Option<Filter>> {
    let negated = match value.view() {
        View::Regex { .. } => regex::literal(value, operator.target)?,
        View::Document(doc) if doc.is_empty() => return Err(Error::bad_value("$not cannot be empty")),
        View::Document(doc) => parse_operators(doc, operator.target, parser)?,
        _ => return Err(Error::bad_value("$not needs a regex or a document")),
    };
    Ok(Some(negation(negated)))
}
