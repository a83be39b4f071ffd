//! `arrayFilters: [{i: {$gt: 5}}, {"j.x": 1, "j.y": 2}]`.
//!
//! Each filter speaks of one top-level field, its identifier, which stands for the array element under test.

use smongo_vm::code::Code;
use smongo_vm::update::describe;
use smongo_vm::value::{RawDoc, Value};
use smongo_vm::{Error, Result};

use super::keep_predicate;
use crate::front::context::ParseContext;
use crate::front::filter;
use crate::ir::{Filter, FilterPath};

/// The array filters of an update.
#[derive(Debug)]
pub(super) struct ArrayFilters(Vec<ArrayFilter>);

#[derive(Debug)]
struct ArrayFilter {
    identifier: String,
    predicate: u16,
    is_used: bool,
}

impl ArrayFilters {
    /// Parses the filters and puts them among the predicates.
    pub(super) fn parse(filters: &RawDoc, ctx: &mut ParseContext, predicates: &mut Vec<Filter>) -> Result<Self> {
        let mut parsed: Vec<ArrayFilter> = Vec::new();
        for element in filters {
            let Some(doc) = element.value().as_doc() else {
                return Err(Error::type_mismatch(format!(
                    "BSON field 'update.updates.arrayFilters.{}' is the wrong type '{}', expected type 'object'",
                    element.name_str(),
                    element.value().tag().name()
                )));
            };
            let (filter, identifier) = parse_one(doc, ctx)
                .map_err(|error| error.with_prefix("Error parsing array filter :: caused by :: "))?;
            let Some(identifier) = identifier else {
                return Err(Error::failed_to_parse(
                    "Cannot use an expression without a top-level field name in arrayFilters",
                ));
            };
            if parsed.iter().any(|other| other.identifier == identifier) {
                return Err(Error::failed_to_parse(format!(
                    "Found multiple array filters with the same top-level field name {identifier}"
                )));
            }
            let predicate = keep_predicate(filter, predicates)?;
            parsed.push(ArrayFilter { identifier, predicate, is_used: false });
        }
        Ok(Self(parsed))
    }

    /// The predicate of an identifier, which counts as used from now on.
    pub(super) fn use_identifier(&mut self, identifier: &str) -> Option<u16> {
        let filter = self.0.iter_mut().find(|filter| filter.identifier == identifier)?;
        filter.is_used = true;
        Some(filter.predicate)
    }

    /// Fails for a filter that no path of `update` uses.
    pub(super) fn check_used(&self, update: &RawDoc) -> Result<()> {
        match self.0.iter().find(|filter| !filter.is_used) {
            None => Ok(()),
            Some(unused) => Err(Error::failed_to_parse(format!(
                "The array filter for identifier '{}' was not used in the update {}",
                unused.identifier,
                describe(Value::document(update))
            ))),
        }
    }
}

/// Operators on whole documents that have no meaning for an array's element.
const FORBIDDEN: &[(&str, Code)] =
    &[("$text", Code::BAD_VALUE), ("$where", Code::BAD_VALUE), ("$expr", Code::QUERY_FEATURE_NOT_ALLOWED)];

/// Fails if a filter, or a filter below its `$and`, `$or` and `$nor`, has an operator that array filters may not have.
fn check_operators(doc: &RawDoc) -> Result<()> {
    let mut open = vec![doc];
    while let Some(doc) = open.pop() {
        for element in doc {
            let name = element.name_str();
            if let Some((name, code)) = FORBIDDEN.iter().find(|(forbidden, _)| *forbidden == name) {
                return Err(Error::new(*code, format!("{name} is not allowed in this context")));
            }
            if matches!(name, "$and" | "$or" | "$nor") {
                let parts = element.value().as_array().into_iter().flat_map(RawDoc::values);
                open.extend(parts.filter_map(Value::as_doc));
            }
        }
    }
    Ok(())
}

fn parse_one(doc: &RawDoc, ctx: &mut ParseContext) -> Result<(Filter, Option<String>)> {
    check_operators(doc)?;
    let filter = filter::parse(doc, ctx)?;
    let mut identifier = None;
    find_identifier(&filter, &mut identifier)?;
    if let Some(name) = &identifier {
        check_identifier(name)?;
    }
    Ok((filter, identifier))
}

fn check_identifier(name: &str) -> Result<()> {
    let is_valid = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_valid {
        return Ok(());
    }
    Err(Error::bad_value(format!(
        "The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '{name}'"
    )))
}

/// Finds the one top-level field that a filter speaks of.
fn find_identifier(filter: &Filter, found: &mut Option<String>) -> Result<()> {
    match filter {
        Filter::Leaf { path, .. } | Filter::ElemMatchObject { path, .. } | Filter::ElemMatchValue { path, .. } => {
            note_path(path, found)
        }
        Filter::And(parts) | Filter::Or(parts) | Filter::Nor(parts) => {
            parts.iter().try_for_each(|part| find_identifier(part, found))
        }
        Filter::Not(part) => find_identifier(part, found),
        // What speaks of whole documents names no field.
        _ => Ok(()),
    }
}

fn note_path(path: &FilterPath, found: &mut Option<String>) -> Result<()> {
    let Some(first) = path.path.as_ref().and_then(|path| path.components().first()) else {
        return Ok(());
    };
    match found {
        None => *found = Some(first.name().to_owned()),
        Some(other) if other != first.name() => {
            return Err(Error::failed_to_parse(format!(
                "Expected a single top-level field name, found '{other}' and '{}'",
                first.name()
            )));
        }
        Some(_) => {}
    }
    Ok(())
}
