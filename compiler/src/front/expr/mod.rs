//! Aggregation expressions: BSON to [`Expr`].
//!
//! [`parse`] takes any value that may stand where an expression is expected. Operators whose arguments are all
//! evaluated are rows of the machine's function table and are parsed by `call`; operators that bind variables, that
//! leave arguments unevaluated or that read literal arguments have a file each here and a row in `SPECIAL`.
//!
//! This module must not know documents, programs or how anything is evaluated.

mod binding;
mod boolean;
mod call;
mod compare;
mod cond;
mod field;
mod if_null;
mod javascript;
mod literal;
mod meta;
mod named;
mod nullary;
mod path;
mod sigmoid;
mod similarity;
mod sort_array;
mod switch;
#[cfg(test)]
mod tests;
mod zip;

use smongo_vm::func;
use smongo_vm::value::{RawDoc, Value, View};
use smongo_vm::{Code, Error, Result};

use super::context::ParseContext;
use crate::ir::Expr;
use crate::rewrite::fold::fold;
pub(in crate::front) use call::call_named;

pub use path::{field_path, parse_path};

/// Parses the argument of one operator, whose name (dollar sign included) comes first.
type Parser = fn(&str, Value<'_>, &mut ParseContext) -> Result<Expr>;

/// Operators that are not plain calls of a function.
const SPECIAL: &[(&str, Parser)] = &[
    ("$and", boolean::and),
    ("$or", boolean::or),
    ("$not", boolean::not),
    ("$cmp", compare::parse),
    ("$eq", compare::parse),
    ("$ne", compare::parse),
    ("$gt", compare::parse),
    ("$gte", compare::parse),
    ("$lt", compare::parse),
    ("$lte", compare::parse),
    ("$cond", cond::parse),
    ("$ifNull", if_null::parse),
    ("$switch", switch::parse),
    ("$let", binding::parse_let),
    ("$map", binding::parse_map),
    ("$filter", binding::parse_filter),
    ("$reduce", binding::parse_reduce),
    ("$literal", literal::constant),
    ("$const", literal::constant),
    ("$expr", literal::expr),
    ("$getField", field::get),
    ("$setField", field::set),
    ("$unsetField", field::unset),
    ("$meta", meta::parse),
    ("$rand", nullary::parse),
    ("$createObjectId", nullary::parse),
    ("$createUUID", nullary::parse),
    ("$function", javascript::function),
    ("$sigmoid", sigmoid::parse_operator),
    ("$similarityCosine", similarity::parse),
    ("$similarityDotProduct", similarity::parse),
    ("$similarityEuclidean", similarity::parse),
    ("$sortArray", sort_array::parse_operator),
    ("$zip", zip::parse),
];

/// Parses a whole expression of a request and folds its constant parts, whose errors are the request's.
pub fn parse_folded(value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    parse(value, ctx).and_then(fold)
}

/// Parses an expression: a literal, a `"$path"`, a `"$$variable"`, an array, a document, or an operator.
pub fn parse(value: Value<'_>, ctx: &mut ParseContext) -> Result<Expr> {
    match value.view() {
        View::String(bytes) if bytes.first() == Some(&b'$') => path::parse(value, ctx),
        View::String(bytes) => {
            func::check_string(bytes.len())?;
            Ok(Expr::Const(value.into()))
        }
        View::Document(doc) => ctx.nested(|ctx| parse_document(doc, ctx)),
        View::Array(array) => ctx.nested(|ctx| literal::array(array, ctx)),
        _ => Ok(Expr::Const(value.into())),
    }
}

/// Parses a document that stands where an expression is expected: an operator when its first name begins with a
/// dollar sign, otherwise a literal.
pub fn parse_document(doc: &RawDoc, ctx: &mut ParseContext) -> Result<Expr> {
    match doc.iter().next() {
        Some(first) if first.name().first() == Some(&b'$') => parse_operator(doc, ctx),
        _ => literal::document(doc, ctx),
    }
}

/// Parses `{$operator: argument}`.
pub fn parse_operator(doc: &RawDoc, ctx: &mut ParseContext) -> Result<Expr> {
    let mut elements = doc.iter();
    let (Some(element), None) = (elements.next(), elements.next()) else {
        let message = format!("An object representing an expression must have exactly one field: {doc:?}");
        return Err(Error::location(15983, message));
    };
    let name = element.name_str();
    if let Some((_, parser)) = SPECIAL.iter().find(|(operator, _)| *operator == name) {
        return parser(name, element.value(), ctx);
    }
    match func::find(name) {
        Some(function) => call::parse(function, element.value(), ctx),
        None => Err(unrecognized(name)),
    }
}

/// Whether an expression operator of this name exists, dollar sign included.
pub fn is_operator(name: &str) -> bool {
    SPECIAL.iter().any(|(operator, _)| *operator == name) || func::find(name).is_some()
}

/// Parses an argument list: the elements of an array, or anything else as the only argument.
fn parse_arguments(value: Value<'_>, ctx: &mut ParseContext) -> Result<Vec<Expr>> {
    match value.as_array() {
        Some(array) => ctx.nested(|ctx| array.values().map(|value| parse(value, ctx)).collect()),
        None => Ok(vec![parse(value, ctx)?]),
    }
}

/// Parses exactly `N` arguments.
fn parse_exactly<const N: usize>(operator: &str, value: Value<'_>, ctx: &mut ParseContext) -> Result<[Expr; N]> {
    let arguments = parse_arguments(value, ctx)?;
    <[Expr; N]>::try_from(arguments).map_err(|arguments| call::wrong_count(operator, N, arguments.len()))
}

fn unrecognized(operator: &str) -> Error {
    Error::new(Code::INVALID_PIPELINE_OPERATOR, format!("Unrecognized expression '{operator}'"))
}
