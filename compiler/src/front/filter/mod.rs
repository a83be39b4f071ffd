//! Filters: the query language's predicates, from BSON to [`Filter`].
//!
//! A filter document is a conjunction. A name that begins with `$` is an operator on the whole document ([`TOP_LEVEL`]);
//! any other name is a path whose value is either a document of operators on that path ([`field::OPERATORS`]), a regular
//! expression to match, or a value to be equal to. Everything that mongod refuses before it looks at data is refused
//! here, with its codes. What a predicate means for a document is not known here: see `ir::filter`.
//!
//! ```text
//! {a: 1, b: {$gt: 2, $lt: 9}, $or: [{c: /x/}, {d: null}]}
//!  equality  operators on `b`  operator on the document
//! ```

mod array;
mod bits;
mod compare;
mod document;
pub(super) mod echo;
mod exists;
mod field;
pub(super) mod integer;
mod membership;
mod modulo;
mod regex;
mod schema;
#[cfg(test)]
mod tests;
mod types;
mod unsupported;

use smongo_vm::limits::MAX_QUERY_DEPTH;
use smongo_vm::value::{FieldPath, OwnedValue, RawDoc, Value, View};
use smongo_vm::{Error, Result};

use self::echo::echo_document;
use super::context::ParseContext;
use crate::ir::{ArrayRule, Filter, FilterPath, LeafTest};

/// Parses a whole filter.
pub fn parse(filter: &RawDoc, ctx: &mut ParseContext) -> Result<Filter> {
    parse_document(filter, &mut Parser { ctx, level: Level::Top, depth: 0 })
}

/// Parses a JSON schema as collection validators and `$jsonSchema` take it.
pub fn parse_schema(schema: &RawDoc, ctx: &mut ParseContext) -> Result<Filter> {
    schema::parse_root(Value::document(schema), &mut Parser { ctx, level: Level::Top, depth: 0 })
}

/// Parses what a `$pull` or an array filter applies to one element: operators on the element itself.
pub fn parse_element_operators(operators: &RawDoc, ctx: &mut ParseContext) -> Result<Filter> {
    let mut parser = Parser { ctx, level: Level::Element, depth: 0 };
    field::parse_operators(operators, &Target::element(), &mut parser)
}

/// Whether a document is one of operators (`{$gt: 1}`) and not a value to compare with. A reference
/// (`{$ref: "c", $id: 1}`) is a value.
pub fn is_operator_document(doc: &RawDoc) -> bool {
    begins_with_dollar(doc) && !is_reference(doc)
}

/// Whether `name` is an operator on a path or a value (`$gt`), and not one on whole documents (`$or`).
pub fn is_field_operator(name: &str) -> bool {
    field::is_operator(name)
}

/// Where a document of predicates stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Level {
    /// The filter itself, or below `$and`, `$or` and `$nor` in it.
    Top,
    /// Below `$elemMatch`, where the document is an element of an array.
    Element,
}

/// The state of one parse.
struct Parser<'c> {
    ctx: &'c mut ParseContext,
    level: Level,
    /// Documents of predicates around this one.
    depth: usize,
}

impl Parser<'_> {
    /// Runs `parse` inside `$elemMatch`.
    fn in_element<R>(&mut self, parse: impl FnOnce(&mut Parser<'_>) -> Result<R>) -> Result<R> {
        let outer = std::mem::replace(&mut self.level, Level::Element);
        let result = self.nested(parse);
        self.level = outer;
        result
    }

    /// Runs `parse` one level deeper, within the bound that keeps recursion off the stack's end.
    fn nested<R>(&mut self, parse: impl FnOnce(&mut Parser<'_>) -> Result<R>) -> Result<R> {
        let Parser { level, depth, .. } = *self;
        self.ctx.nested(|ctx| parse(&mut Parser { ctx, level, depth }))
    }

    /// Refuses an operator that knows only whole documents when it stands inside `$elemMatch`.
    fn require_top_level(&self, operator: &str) -> Result<()> {
        match self.level {
            Level::Top => Ok(()),
            Level::Element => {
                Err(Error::bad_value(format!("{operator} can only be applied to the top-level document")))
            }
        }
    }
}

/// What the operators of one document apply to.
struct Target {
    path: Option<FieldPath>,
    /// The path as written; empty for an element of an array.
    name: String,
}

impl Target {
    fn field(name: &str) -> Self {
        Self { path: Some(FieldPath::new(name)), name: name.to_owned() }
    }

    /// The element that `$elemMatch` looks at.
    fn element() -> Self {
        Self { path: None, name: String::new() }
    }

    fn path(&self, arrays: ArrayRule) -> FilterPath {
        // An element that is an array is tested as it is: `$elemMatch` has done the walking.
        let arrays = if self.path.is_none() { ArrayRule::Whole } else { arrays };
        FilterPath { path: self.path.clone(), arrays }
    }

    /// A test on the values at the path.
    fn leaf(&self, test: LeafTest) -> Filter {
        Filter::Leaf { path: self.path(ArrayRule::AnyElement), test }
    }

    /// A test on the array at the path as a whole.
    fn whole(&self, test: LeafTest) -> Filter {
        Filter::Leaf { path: self.path(ArrayRule::Whole), test }
    }
}

/// Parses an operator on the whole document. `None` means it says nothing.
type ParseTopLevel = fn(Value<'_>, &mut Parser<'_>) -> Result<Option<Filter>>;

/// The operators on whole documents.
const TOP_LEVEL: &[(&str, ParseTopLevel)] = &[
    ("$and", document::and),
    ("$or", document::or),
    ("$nor", document::nor),
    ("$expr", document::expr),
    ("$comment", document::comment),
    ("$sampleRate", document::sample_rate),
    ("$alwaysTrue", document::always_true),
    ("$alwaysFalse", document::always_false),
    ("$jsonSchema", schema::parse),
    ("$ref", document::reference_collection),
    ("$id", document::reference_id),
    ("$db", document::reference_database),
    ("$text", unsupported::text),
    ("$where", unsupported::where_clause),
];

fn top_level_operator(name: &str) -> Option<ParseTopLevel> {
    TOP_LEVEL.iter().find(|(known, _)| *known == name).map(|(_, parse)| *parse)
}

/// Parses one document of predicates.
fn parse_document(doc: &RawDoc, parser: &mut Parser<'_>) -> Result<Filter> {
    if parser.depth > MAX_QUERY_DEPTH {
        return Err(Error::bad_value(format!(
            "exceeded maximum query tree depth of {MAX_QUERY_DEPTH} at {}",
            echo_document(doc)
        )));
    }
    let mut parts = Vec::new();
    for element in doc {
        let name = element.name_str();
        if name.starts_with('$') {
            let parse = top_level_operator(name).ok_or_else(|| unknown_top_level(name))?;
            parts.extend(parse(element.value(), parser)?);
        } else {
            parts.push(parse_predicate(element.value(), &Target::field(name), parser)?);
        }
    }
    Ok(all_of(parts))
}

/// Parses what stands behind a path.
fn parse_predicate(value: Value<'_>, target: &Target, parser: &mut Parser<'_>) -> Result<Filter> {
    match value.view() {
        View::Document(doc) if is_operator_document(doc) => field::parse_operators(doc, target, parser),
        View::Regex { .. } => regex::literal(value, target),
        _ => compare::equality(value, target, parser),
    }
}

#[cold]
fn unknown_top_level(name: &str) -> Error {
    let advice = match name {
        "$not" => "If you are trying to negate an entire expression, use $nor.",
        _ => "If you have a field name that starts with a '$' symbol, consider using $getField or $setField.",
    };
    Error::bad_value(format!("unknown top level operator: {name}. {advice}"))
}

fn begins_with_dollar(doc: &RawDoc) -> bool {
    doc.iter().next().is_some_and(|first| first.name().starts_with(b"$"))
}

/// Whether a document is a whole database reference.
fn is_reference(doc: &RawDoc) -> bool {
    has_reference_part(doc, "$ref") && has_reference_part(doc, "$id")
}

/// Whether a document has a field of a database reference.
fn is_part_of_reference(doc: &RawDoc) -> bool {
    ["$ref", "$id", "$db"].iter().any(|name| has_reference_part(doc, name))
}

fn has_reference_part(doc: &RawDoc, name: &str) -> bool {
    doc.get(name).is_some_and(|value| match value.view() {
        View::Undefined => name == "$ref",
        View::String(_) => true,
        _ => name == "$id",
    })
}

/// The conjunction of `parts`.
fn all_of(mut parts: Vec<Filter>) -> Filter {
    if parts.len() == 1 { parts.remove(0) } else { Filter::And(parts) }
}

fn negation(filter: Filter) -> Filter {
    Filter::Not(Box::new(filter))
}

/// A copy of a value to compare with. Nothing can be compared with `undefined`.
fn operand(value: Value<'_>, parser: &mut Parser<'_>) -> Result<OwnedValue> {
    match value.view() {
        View::Undefined => Err(Error::bad_value("cannot compare to undefined")),
        _ => Ok(parser.ctx.literal(value)),
    }
}
