//! Updates: operators, replacements and pipelines, from BSON to [`Update`].
//!
//! A document whose first field begins with `$` is one of operators ([`OPERATORS`]); any other document replaces the
//! old one; an array is a pipeline. Everything that mongod refuses before it looks at data is refused here, with its
//! codes. What the operators do is not known here: see `smongo_vm::update`.

mod array;
mod array_filters;
mod bit;
mod current_date;
mod field;
mod pipeline;
mod push;
mod rename;
mod upsert;

use smongo_vm::update::{Arg, Operator, TreeBuilder, UpdateTree, describe};
use smongo_vm::value::{DocBuf, Element, OwnedValue, RawDoc, Value, View};
use smongo_vm::{Error, Result};

use self::array_filters::ArrayFilters;
use super::context::ParseContext;
use super::filter;
use crate::ir::Filter;
use crate::ir::update::{OperatorUpdate, Update};

pub use upsert::{base_document, base_id};

/// Parses an update with its array filters, an array of documents.
pub fn parse(update: Value<'_>, array_filters: Option<&RawDoc>, ctx: &mut ParseContext) -> Result<Update> {
    let filters = array_filters.unwrap_or(RawDoc::EMPTY);
    match update.view() {
        View::Array(_) if !filters.is_empty() => {
            Err(Error::failed_to_parse("arrayFilters may not be specified for pipeline-syle updates"))
        }
        View::Array(stages) => pipeline::parse(stages).map(Update::Pipeline),
        View::Document(doc) if is_operator_document(doc) => parse_operators(doc, filters, ctx).map(Update::Operators),
        View::Document(doc) => parse_replacement(doc, filters, ctx).map(Update::Replacement),
        _ => Err(Error::failed_to_parse("Update argument must be either an object or an array")),
    }
}

fn is_operator_document(doc: &RawDoc) -> bool {
    doc.iter().next().is_some_and(|first| first.name().starts_with(b"$"))
}

fn parse_replacement(doc: &RawDoc, filters: &RawDoc, ctx: &mut ParseContext) -> Result<DocBuf> {
    ArrayFilters::parse(filters, ctx, &mut Vec::new())?.check_used(doc)?;
    Ok(DocBuf::from(doc))
}

/// Parses what an operator has to say of one path: the element's name is the path.
type ParseOperator = fn(Element<'_>, &mut Parser<'_>) -> Result<()>;

/// The operators.
const OPERATORS: &[(&str, ParseOperator)] = &[
    ("$set", field::set),
    ("$setOnInsert", field::set_on_insert),
    ("$unset", field::unset),
    ("$inc", field::inc),
    ("$mul", field::mul),
    ("$min", field::min),
    ("$max", field::max),
    ("$currentDate", current_date::parse),
    ("$rename", rename::parse),
    ("$push", push::parse),
    ("$addToSet", array::add_to_set),
    ("$pop", array::pop),
    ("$pull", array::pull),
    ("$pullAll", array::pull_all),
    ("$bit", bit::parse),
];

/// The state of one update's parsing.
struct Parser<'c> {
    ctx: &'c mut ParseContext,
    tree: TreeBuilder,
    args: Vec<OwnedValue>,
    predicates: Vec<Filter>,
    filters: ArrayFilters,
}

impl Parser<'_> {
    /// Keeps an argument.
    fn arg(&mut self, value: Value<'_>) -> Result<Arg> {
        let at =
            u32::try_from(self.args.len()).map_err(|_| Error::failed_to_parse("the update has too many arguments"))?;
        self.args.push(OwnedValue::new(value));
        Ok(Arg(at))
    }

    /// Parses a filter and keeps it.
    fn predicate(&mut self, filter: &RawDoc) -> Result<u16> {
        let filter = filter::parse(filter, self.ctx)?;
        keep_predicate(filter, &mut self.predicates)
    }

    /// Puts an operator at the end of a path.
    fn add(&mut self, path: &str, operator: Operator) -> Result<()> {
        let filters = &mut self.filters;
        self.tree.add(path, operator, |identifier| filters.use_identifier(identifier))
    }
}

fn keep_predicate(filter: Filter, predicates: &mut Vec<Filter>) -> Result<u16> {
    let at =
        u16::try_from(predicates.len()).map_err(|_| Error::failed_to_parse("the update has too many conditions"))?;
    predicates.push(filter);
    Ok(at)
}

fn parse_operators(doc: &RawDoc, filters: &RawDoc, ctx: &mut ParseContext) -> Result<OperatorUpdate> {
    let mut predicates = Vec::new();
    let filters = ArrayFilters::parse(filters, ctx, &mut predicates)?;
    let mut parser = Parser { ctx, tree: UpdateTree::builder(), args: Vec::new(), predicates, filters };
    for element in doc {
        let name = element.name_str();
        let Some((_, parse)) = OPERATORS.iter().find(|(known, _)| *known == name) else {
            return Err(Error::failed_to_parse(format!(
                "Unknown modifier: {name}. Expected a valid update modifier or pipeline-style update specified as an \
                 array"
            )));
        };
        let Some(fields) = element.value().as_doc() else {
            return Err(Error::failed_to_parse(format!(
                "Modifiers operate on fields but we found type {} instead. For example: {{$mod: {{<field>: ...}}}} \
                 not {{{}}}",
                element.value().tag().name(),
                describe_element(element)
            )));
        };
        for field in fields {
            parse(field, &mut parser)?;
        }
    }
    parser.filters.check_used(doc)?;
    Ok(OperatorUpdate { tree: parser.tree.finish(), args: parser.args, predicates: parser.predicates })
}

/// A field as mongod's messages show it: `a: 1`.
fn describe_element(element: Element<'_>) -> String {
    format!("{}: {}", element.name_str(), describe(element.value()))
}

#[cfg(test)]
mod tests;
