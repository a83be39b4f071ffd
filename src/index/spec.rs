//! Descriptions of indexes: what a request may ask for, the form in which the catalog keeps it, and when two of them
//! are the same.

use smongo_compiler::explain::filter_document;
use smongo_compiler::front::collation;
use smongo_compiler::ir::{Filter, LeafTest};
use smongo_compiler::{ParseContext, compile_filter};
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Tag, Value, equal};

use super::wildcard_spec;
use super::{is_id_pattern, name_of, pattern_of, wildcard};
use crate::error::{Error, Result};
use crate::shell_text::ShellText;

/// The most fields of an index; MongoDB's limit.
const MAX_FIELDS: usize = 32;

/// Options of kinds of indexes that there are none of here, with the kind that has them and the type they want.
const OPTIONS_OF_KINDS: [(&str, &str, OptionType); 8] = [
    ("weights", "text", OptionType::Object),
    ("default_language", "text", OptionType::String),
    ("language_override", "text", OptionType::String),
    ("textIndexVersion", "text", OptionType::Number),
    ("2dsphereIndexVersion", "2dsphere", OptionType::Number),
    ("bits", "2d", OptionType::Number),
    ("min", "2d", OptionType::Number),
    ("max", "2d", OptionType::Number),
];

/// The type of an option's value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OptionType {
    Number,
    Object,
    String,
}

impl OptionType {
    fn check(self, name: &str, value: Value<'_>) -> Result<()> {
        let (fits, wanted) = match self {
            OptionType::Number => (value.is_number(), "a number"),
            // A text index is also weighted by the name of a field.
            OptionType::Object => (value.as_doc().is_some() || value.tag() == Tag::String, "an object"),
            OptionType::String => (value.tag() == Tag::String, "a string"),
        };
        if fits { Ok(()) } else { Err(wrong_type(name, wanted, value)) }
    }
}

/// Options without a meaning of their own here.
const WITHOUT_EFFECT: [&str; 7] = ["v", "key", "name", "ns", "background", "dropDups", "storageEngine"];

/// Kinds of indexes that MongoDB has and smongo does not.
const REFUSED_KINDS: [&str; 5] = ["text", "2d", "2dsphere", "wildcard", "columnstore"];

/// Checks the description of an index that is to be made, and gives the form in which the catalog keeps it. Unknown
/// options are errors unless `ignore_unknown`.
pub(crate) fn normalize(spec: &RawDoc, ignore_unknown: bool) -> Result<DocBuf> {
    let key = match spec.get("key") {
        None => return Err(required("key")),
        Some(key) => key.as_doc().ok_or_else(|| wrong_type("key", "an object", key))?,
    };
    let name = match spec.get("name") {
        None => return Err(required("name")),
        Some(name) => name.as_str().ok_or_else(|| wrong_type("name", "a string", name))?,
    };
    check_options(spec, key, ignore_unknown)?;
    check_version(spec)?;
    check_name(name, key)?;
    check_key(key).map_err(|error| in_specification(spec, &error))?;
    wildcard_spec::check(spec, key).map_err(|error| in_specification(spec, &error))?;
    let normal = DocBuf::build(|doc| {
        doc.value("v", Value::int32(2));
        doc.value("key", Value::document(key));
        doc.string("name", name);
        for option in ["unique", "hidden", "sparse", "prepareUnique"] {
            if is_on(spec, option) {
                doc.value(option, Value::TRUE);
            }
        }
        if let Some(seconds) = spec.get("expireAfterSeconds") {
            doc.value("expireAfterSeconds", stored_seconds(seconds));
        }
        if let Some(filter) = spec.get("partialFilterExpression") {
            doc.value("partialFilterExpression", filter);
        }
        if let Some(collation) = spec.get("collation") {
            doc.value("collation", collation);
        }
        if let Some(projection) = spec.get("wildcardProjection") {
            doc.value("wildcardProjection", projection);
        }
    });
    check_together(&normal, key).map_err(|error| in_specification(spec, &error))?;
    Ok(normal)
}

/// The description of an index of a collection with these options: the collection's collation stands where the
/// description has none, and every option of a collation is said. `simple` is said by having none.
pub(crate) fn in_collection(spec: &RawDoc, options: &RawDoc) -> Result<DocBuf> {
    let own = spec.get("collation").and_then(Value::as_doc);
    let Some(collation) = own.or_else(|| options.get("collation").and_then(Value::as_doc)) else {
        return Ok(spec.into());
    };
    let complete = collation::parse(collation)?.map(|collation| collation.options().to_doc());
    if is_id_pattern(pattern_of(spec)) && complete.as_deref() != options.get("collation").and_then(Value::as_doc) {
        return Err(Error::new(
            Code::BAD_VALUE,
            format!(
                "The _id index must have the same collation as the collection. Index collation: {}, collection \
                 collation: {}",
                ShellText(Value::document(complete.as_deref().unwrap_or(RawDoc::EMPTY))),
                ShellText(options.get("collation").unwrap_or(Value::document(RawDoc::EMPTY)))
            ),
        ));
    }
    Ok(DocBuf::build(|doc| {
        spec.iter().filter(|option| option.name() != b"collation").for_each(|option| doc.raw_element(option.raw()));
        if let Some(complete) = &complete {
            doc.value("collation", Value::document(complete));
        }
    }))
}

fn required(field: &str) -> Error {
    let message = format!("The '{field}' field is a required property of an index specification");
    Error::new(Code::FAILED_TO_PARSE, message)
}

pub(super) fn wrong_type(field: &str, wanted: &str, value: Value<'_>) -> Error {
    Error::new(Code::TYPE_MISMATCH, format!("The field '{field}' must be {wanted}, but got {}", value.tag().name()))
}

pub(super) fn refused(message: impl Into<String>) -> Error {
    Error::new(Code::CANNOT_CREATE_INDEX, message)
}

fn in_specification(spec: &RawDoc, error: &Error) -> Error {
    let shown = ShellText(Value::document(spec));
    Error::new(Code(error.code()), format!("Error in specification {shown} :: caused by :: {}", error.message()))
}

/// Whether an option of two states is on.
fn is_on(spec: &RawDoc, option: &str) -> bool {
    spec.get(option).is_some_and(is_true)
}

/// A truth value, or a number that stands for one.
pub(super) fn is_true(value: Value<'_>) -> bool {
    match value.as_bool() {
        Some(value) => value,
        None => value.as_integer().map_or(value.as_double() != Some(0.0), |value| value != 0),
    }
}

/// Each option by itself.
fn check_options(spec: &RawDoc, key: &RawDoc, ignore_unknown: bool) -> Result<()> {
    let is_id = is_id_pattern(key);
    for option in spec {
        let (name, value) = (option.name_str(), option.value());
        if is_id && !matches!(name, "key" | "name" | "v" | "ns" | "collation") {
            return Err(Error::new(
                Code::INVALID_INDEX_SPECIFICATION_OPTION,
                format!(
                    "The field '{name}' is not valid for an _id index specification. Specification: {}",
                    ShellText(Value::document(spec))
                ),
            ));
        }
        match name {
            "unique" | "sparse" | "hidden" | "prepareUnique" => {
                if value.tag() != Tag::Bool && !value.is_number() {
                    let shown = ShellText(Value::document(&DocBuf::build(|doc| doc.value(name, value)))).to_string();
                    let shown = shown.trim_start_matches("{ ").trim_end_matches(" }");
                    return Err(Error::new(
                        Code::TYPE_MISMATCH,
                        format!("The field '{name}' has value {shown}, which is not convertible to bool"),
                    ));
                }
            }
            "expireAfterSeconds" => check_seconds(value)?,
            "partialFilterExpression" => {
                if value.as_doc().is_none() {
                    return Err(wrong_type(name, "an object", value));
                }
            }
            "collation" => {
                let Some(collation) = value.as_doc() else { return Err(wrong_type(name, "an object", value)) };
                if collation.is_empty() {
                    return Err(Error::new(Code::BAD_VALUE, "The field 'collation' cannot be an empty object."));
                }
                collation::parse(collation)?;
            }
            "wildcardProjection" => {
                wildcard_spec::check_projection(value, key)?;
            }
            "clustered" => return Err(unsupported("clustered indexes")),
            name if WITHOUT_EFFECT.contains(&name) => {}
            name => match OPTIONS_OF_KINDS.iter().find(|(option, ..)| *option == name) {
                Some((_, kind, wanted)) => {
                    wanted.check(name, value)?;
                    if !has_kind(key, kind) {
                        return Err(refused(format!("The field '{name}' is only allowed in an index of type {kind}")));
                    }
                }
                None if ignore_unknown => {}
                None => {
                    return Err(Error::new(
                        Code::INVALID_INDEX_SPECIFICATION_OPTION,
                        format!(
                            "The field '{name}' is not valid for an index specification. Specification: {}",
                            ShellText(Value::document(spec))
                        ),
                    ));
                }
            },
        }
    }
    Ok(())
}

fn has_kind(key: &RawDoc, kind: &str) -> bool {
    key.iter().any(|field| field.value().as_str() == Some(kind))
}

fn unsupported(what: &str) -> Error {
    Error::new(Code::NOT_IMPLEMENTED, format!("smongo does not support {what} yet"))
}

fn check_version(spec: &RawDoc) -> Result<()> {
    let Some(version) = spec.get("v") else { return Ok(()) };
    if !version.is_number() {
        return Err(wrong_type("v", "a number", version));
    }
    match version.as_integer().or_else(|| version.as_double().filter(|n| n.fract() == 0.0).map(|n| n as i64)) {
        Some(1 | 2) => Ok(()),
        Some(version) => Err(refused(format!(
            "Invalid index specification {}; cannot create an index with v={version}",
            ShellText(Value::document(spec))
        ))),
        None => Err(Error::new(
            Code::BAD_VALUE,
            format!("Index version must be representable as a 32-bit integer, but got {}", ShellText(version)),
        )),
    }
}

fn check_name(name: &str, key: &RawDoc) -> Result<()> {
    if name.is_empty() {
        return Err(refused("index name cannot be empty"));
    }
    if name.contains('\0') {
        return Err(refused("index names cannot contain NUL"));
    }
    if name == "*" {
        return Err(Error::new(Code::BAD_VALUE, "The index name '*' is not valid."));
    }
    if name == "_id_" && !is_id_pattern(key) {
        return Err(Error::new(
            Code::BAD_VALUE,
            format!(
                "The index name '_id_' is reserved for the _id index, which must have key pattern {{_id: 1}}, found \
                 key: {}",
                ShellText(Value::document(key))
            ),
        ));
    }
    Ok(())
}

fn check_key(key: &RawDoc) -> Result<()> {
    if key.is_empty() {
        return Err(refused("Index keys cannot be an empty object"));
    }
    let mut hashed = 0;
    for (at, field) in key.iter().enumerate() {
        if at >= MAX_FIELDS {
            return Err(Error::new(Code(13103), "too many compound keys"));
        }
        let value = field.value();
        if let Some(kind) = value.as_str() {
            match kind {
                "hashed" => hashed += 1,
                kind if REFUSED_KINDS.contains(&kind) => {
                    return Err(refused(format!("smongo does not support indexes of type '{kind}' yet")));
                }
                kind => return Err(refused(format!("Unknown index plugin '{kind}'"))),
            }
        } else if !value.is_number() {
            return Err(refused(format!(
                "Values in v:2 index key pattern cannot be of type {}. Only numbers > 0, numbers < 0, and strings are \
                 allowed.",
                value.tag().name()
            )));
        } else if equal(value, Value::int32(0)) || equal(value, Value::double(f64::NAN)) {
            return Err(refused("Values in the index key pattern cannot be 0."));
        }
        check_field_name(field.name_str())?;
        if key.iter().take(at).any(|other| other.name() == field.name()) {
            return Err(refused(format!("Index key pattern has the field '{}' twice", field.name_str())));
        }
    }
    if hashed > 1 {
        return Err(Error::new(
            Code(31303),
            format!(
                "A maximum of one index field is allowed to be hashed but found {hashed} for 'key' {}",
                ShellText(Value::document(key))
            ),
        ));
    }
    Ok(())
}

fn check_field_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(refused("Index keys cannot be an empty field name."));
    }
    let name = match wildcard::below(name) {
        Some("") => return Ok(()),
        Some(below) => below,
        None => name,
    };
    if name.split('.').any(str::is_empty) {
        return Err(refused("Index keys cannot contain an empty field."));
    }
    let is_reference = |part: &str| matches!(part, "$id" | "$ref" | "$db");
    let refused_part =
        name.split('.').enumerate().any(|(at, part)| part.starts_with('$') && (at == 0 || !is_reference(part)));
    if refused_part {
        return Err(refused("Index key contains an illegal field name: field name starts with '$'."));
    }
    Ok(())
}

fn check_seconds(value: Value<'_>) -> Result<()> {
    if !value.is_number() {
        return Err(refused(format!(
            "TTL index 'expireAfterSeconds' option must be numeric, but received a type of '{}'.",
            value.tag().name()
        )));
    }
    let seconds = seconds_of(value);
    if seconds < 0.0 {
        return Err(refused(format!(
            "TTL index 'expireAfterSeconds' option cannot be less than 0, but was {}",
            ShellText(value)
        )));
    }
    if seconds > f64::from(i32::MAX) {
        return Err(refused(format!(
            "TTL index 'expireAfterSeconds' option must be within an acceptable range, try a different number than {}",
            ShellText(value)
        )));
    }
    Ok(())
}

fn seconds_of(value: Value<'_>) -> f64 {
    match value.view() {
        smongo_vm::value::View::Decimal128(decimal) => decimal.to_f64(),
        _ => value.as_integer().map_or_else(|| value.as_double().unwrap_or(0.0), |seconds| seconds as f64),
    }
}

/// A number of seconds within the limits of `expireAfterSeconds`, without its fraction.
pub(crate) fn whole_seconds(value: Value<'_>) -> Result<i64> {
    check_seconds(value)?;
    Ok(stored_seconds(value).as_integer().unwrap_or(0))
}

/// The seconds as the catalog keeps them: a whole number; what is none never comes.
fn stored_seconds(value: Value<'_>) -> Value<'static> {
    let seconds = seconds_of(value);
    Value::int32(if seconds.is_nan() { i32::MAX } else { seconds as i32 })
}

/// What options rule out together.
fn check_together(spec: &RawDoc, key: &RawDoc) -> Result<()> {
    let filter = spec.get("partialFilterExpression").and_then(Value::as_doc);
    if let Some(filter) = filter {
        if is_on(spec, "sparse") {
            return Err(refused("cannot mix \"partialFilterExpression\" and \"sparse\" options"));
        }
        if filter.get("$text").is_some() {
            return Err(Error::new(Code::BAD_VALUE, "$text is not allowed in this context"));
        }
        check_partial_filter(&compile_filter(filter, &mut ParseContext::new())?.ir)?;
    }
    if spec.get("expireAfterSeconds").is_some() && key.iter().nth(1).is_some() {
        return Err(refused("TTL indexes are single-field indexes, compound indexes do not support TTL"));
    }
    if has_kind(key, "hashed") && is_on(spec, "unique") {
        return Err(Error::new(
            Code(16764),
            "Currently hashed indexes cannot guarantee uniqueness. Use a regular index.",
        ));
    }
    Ok(())
}

/// What the filter of a partial index may be made of.
fn check_partial_filter(filter: &Filter) -> Result<()> {
    match filter {
        Filter::Always(true) => Ok(()),
        Filter::And(parts) | Filter::Or(parts) => parts.iter().try_for_each(check_partial_filter),
        Filter::Leaf {
            test:
                LeafTest::Eq(_)
                | LeafTest::Lt(_)
                | LeafTest::Lte(_)
                | LeafTest::Gt(_)
                | LeafTest::Gte(_)
                | LeafTest::Exists
                | LeafTest::Type(_),
            ..
        } => Ok(()),
        Filter::Leaf { test: LeafTest::In { patterns, .. }, .. } if patterns.is_empty() => Ok(()),
        Filter::Expr(_) => Err(Error::new(Code::QUERY_FEATURE_NOT_ALLOWED, "$expr is not allowed in this context")),
        _ => Err(refused("Expression not supported in partial index")),
    }
}

/// What may change during an index's life.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct SpecChanges<'c> {
    pub hidden: Option<bool>,
    pub expire_after_seconds: Option<Value<'c>>,
    pub prepare_unique: Option<bool>,
}

/// A description with other values of what may change during an index's life.
pub(crate) fn with_changes(spec: &RawDoc, changes: &SpecChanges<'_>) -> Result<DocBuf> {
    let SpecChanges { hidden, expire_after_seconds, prepare_unique } = *changes;
    if let Some(seconds) = expire_after_seconds {
        check_seconds(seconds).map_err(|error| Error::new(Code::INVALID_OPTIONS, error.message()))?;
        if pattern_of(spec).iter().nth(1).is_some() || is_id_pattern(pattern_of(spec)) {
            let message = "TTL indexes are single-field indexes, compound indexes do not support TTL";
            return Err(Error::new(Code::INVALID_OPTIONS, message));
        }
    }
    Ok(DocBuf::build(|doc| {
        for option in spec {
            let changes = match option.name_str() {
                "hidden" => hidden.is_some(),
                "prepareUnique" => prepare_unique.is_some(),
                "expireAfterSeconds" => expire_after_seconds.is_some(),
                _ => false,
            };
            if !changes {
                doc.raw_element(option.raw());
            }
        }
        if hidden == Some(true) {
            doc.value("hidden", Value::TRUE);
        }
        if prepare_unique == Some(true) {
            doc.value("prepareUnique", Value::TRUE);
        }
        if let Some(seconds) = expire_after_seconds {
            doc.value("expireAfterSeconds", stored_seconds(seconds));
        }
    }))
}

/// The description of an index that has become unique.
pub(crate) fn made_unique(spec: &RawDoc) -> DocBuf {
    DocBuf::build(|doc| {
        for option in spec {
            if !matches!(option.name_str(), "prepareUnique" | "unique") {
                doc.raw_element(option.raw());
            }
            if option.name() == b"name" {
                doc.value("unique", Value::TRUE);
            }
        }
    })
}

/// How an index that is asked for stands to one that there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    /// They are two.
    Different,
    /// They hold the same keys, with other options.
    Equivalent,
    /// They differ in their names at most.
    Identical,
}

/// Compares two descriptions in the catalog's form, names aside.
fn relation(a: &RawDoc, b: &RawDoc) -> Relation {
    let same = |option: &str| match (a.get(option), b.get(option)) {
        (None, None) => true,
        (Some(a), Some(b)) => equal(a, b),
        _ => false,
    };
    // The index on `_id` is unique without saying so.
    let is_id = is_id_pattern(pattern_of(a)) && is_id_pattern(pattern_of(b));
    let makes_keys = same_filter(a, b) && same("collation") && same("wildcardProjection");
    if !same_pattern(pattern_of(a), pattern_of(b)) || !makes_keys {
        return Relation::Different;
    }
    let same_documents = is_id || same("unique") && same("sparse");
    if !same_documents {
        return Relation::Different;
    }
    if same("hidden") && same("expireAfterSeconds") { Relation::Identical } else { Relation::Equivalent }
}

/// Whether the filters of two partial indexes say the same, in whatever order.
fn same_filter(a: &RawDoc, b: &RawDoc) -> bool {
    let normal = |spec: &RawDoc| {
        let filter = spec.get("partialFilterExpression").and_then(Value::as_doc)?;
        Some(compile_filter(filter, &mut ParseContext::new()).map(|filter| filter_document(&filter.ir)))
    };
    match (normal(a), normal(b)) {
        (None, None) => true,
        (Some(Ok(a)), Some(Ok(b))) => equal(Value::document(&a), Value::document(&b)),
        _ => false,
    }
}

/// Whether two key patterns have the same fields in the same order with the same directions.
pub(crate) fn same_pattern(a: &RawDoc, b: &RawDoc) -> bool {
    let same = |(a, b): (smongo_vm::value::Element<'_>, smongo_vm::value::Element<'_>)| {
        a.name() == b.name() && equal(a.value(), b.value())
    };
    a.iter().count() == b.iter().count() && a.iter().zip(b.iter()).all(same)
}

/// Whether an index that is asked for is there already; fails where it cannot stand beside one that is.
pub(crate) fn check_conflicts<'s>(wanted: &RawDoc, known: impl Iterator<Item = &'s RawDoc> + Clone) -> Result<bool> {
    let shown = |spec: &RawDoc| ShellText(Value::document(spec)).to_string();
    let name = name_of(wanted);
    if is_id_pattern(pattern_of(wanted)) {
        return Ok(true);
    }
    if let Some(existing) = known.clone().find(|spec| name_of(spec) == name) {
        return match relation(wanted, existing) {
            Relation::Identical => Ok(true),
            Relation::Equivalent => Err(Error::new(
                Code::INDEX_OPTIONS_CONFLICT,
                format!(
                    "An equivalent index already exists with the same name but different options. Requested index: \
                     {}, existing index: {}",
                    shown(wanted),
                    shown(existing)
                ),
            )),
            Relation::Different => Err(Error::new(
                Code::INDEX_KEY_SPECS_CONFLICT,
                format!(
                    "An existing index has the same name as the requested index. When index names are not specified, \
                     they are auto generated and can cause conflicts. Please refer to our documentation. Requested \
                     index: {}, existing index: {}",
                    shown(wanted),
                    shown(existing)
                ),
            )),
        };
    }
    let mut alike = known.map(|existing| (existing, relation(wanted, existing)));
    match alike.find(|(_, relation)| *relation != Relation::Different) {
        None => Ok(false),
        Some((existing, Relation::Identical)) => Err(Error::new(
            Code::INDEX_OPTIONS_CONFLICT,
            format!("Index already exists with a different name: {}", name_of(existing)),
        )),
        Some((existing, _)) => Err(Error::new(
            Code::INDEX_OPTIONS_CONFLICT,
            format!(
                "An equivalent index already exists with a different name and options. Requested index: {}, existing \
                 index: {}",
                shown(wanted),
                shown(existing)
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::parse_doc;

    use super::*;

    #[test]
    fn descriptions_are_refused_with_mongods_codes() {
        for (spec, code) in [
            ("{key: {a: 1}, name: 'a_1'}", None),
            ("{key: {a: 1, b: -1}, name: 'x', unique: true, sparse: true}", None),
            ("{key: {a: 1}, name: 'x', expireAfterSeconds: 0}", None),
            ("{key: {a: 'hashed'}, name: 'x'}", None),
            ("{key: {a: 1}, name: 'x', partialFilterExpression: {b: {$gt: 1}}}", None),
            ("{name: 'x'}", Some(9)),
            ("{key: {a: 1}}", Some(9)),
            ("{key: 1, name: 'x'}", Some(14)),
            ("{key: {a: 1}, name: 1}", Some(14)),
            ("{key: {}, name: 'x'}", Some(67)),
            ("{key: {a: 0}, name: 'x'}", Some(67)),
            ("{key: {a: true}, name: 'x'}", Some(67)),
            ("{key: {a: 'nonsense'}, name: 'x'}", Some(67)),
            ("{key: {a: 'text'}, name: 'x'}", Some(67)),
            ("{key: {'a.': 1}, name: 'x'}", Some(67)),
            ("{key: {$a: 1}, name: 'x'}", Some(67)),
            ("{key: {a: 1}, name: ''}", Some(67)),
            ("{key: {a: 1}, name: '*'}", Some(2)),
            ("{key: {a: 1}, name: '_id_'}", Some(2)),
            ("{key: {a: 1}, name: 'x', v: 3}", Some(67)),
            ("{key: {a: 1}, name: 'x', nonsense: 1}", Some(197)),
            ("{key: {_id: 1}, name: '_id_', unique: true}", Some(197)),
            ("{key: {a: 1}, name: 'x', unique: 'x'}", Some(14)),
            ("{key: {a: 1}, name: 'x', expireAfterSeconds: 'x'}", Some(67)),
            ("{key: {a: 1}, name: 'x', expireAfterSeconds: -1}", Some(67)),
            ("{key: {a: 1, b: 1}, name: 'x', expireAfterSeconds: 1}", Some(67)),
            ("{key: {a: 1}, name: 'x', partialFilterExpression: 1}", Some(14)),
            ("{key: {a: 1}, name: 'x', partialFilterExpression: {a: {$ne: 1}}}", Some(67)),
            ("{key: {a: 1}, name: 'x', partialFilterExpression: {a: /x/}}", Some(67)),
            ("{key: {a: 1}, name: 'x', partialFilterExpression: {a: 1}, sparse: true}", Some(67)),
            ("{key: {a: 1}, name: 'x', partialFilterExpression: {$expr: {$eq: ['$a', 1]}}}", Some(224)),
            ("{key: {a: 'hashed'}, name: 'x', unique: true}", Some(16764)),
            ("{key: {'$**': 1}, name: 'x'}", None),
            ("{key: {'a.$**': 1}, name: 'x', partialFilterExpression: {a: {$gt: 0}}}", None),
            ("{key: {'$**': 1}, name: 'x', wildcardProjection: {a: 1, 'b.c': 1}}", None),
            ("{key: {'$**': 1}, name: 'x', wildcardProjection: {_id: 1, a: 0}}", None),
            ("{key: {'$**': 1, d: 1}, name: 'x', wildcardProjection: {a: {b: 1, c: 1}}}", None),
            ("{key: {a: 1, 'b.$**': -1, c: 1}, name: 'x'}", None),
            ("{key: {a: 1, '$**': -1, b: 1}, name: 'x', wildcardProjection: {a: 0, b: 0}}", None),
            ("{key: {'$**': 0}, name: 'x'}", Some(67)),
            ("{key: {'$**': -1}, name: 'x'}", Some(67)),
            ("{key: {'$**': 1}, name: 'x', sparse: true}", Some(67)),
            ("{key: {'$**': 1}, name: 'x', unique: true}", Some(67)),
            ("{key: {'$**': 1}, name: 'x', v: 1}", Some(67)),
            ("{key: {'$**': 1}, name: 'x', expireAfterSeconds: 3600}", Some(67)),
            ("{key: {'$**': 'hashed'}, name: 'x'}", Some(67)),
            ("{key: {'$**': 'wildcard'}, name: 'x'}", Some(67)),
            ("{key: {'a.$**.$**': 1}, name: 'x'}", Some(67)),
            ("{key: {'$**.$**': 1}, name: 'x'}", Some(67)),
            ("{key: {'$**': 1}, name: 'x', wildcardProjection: {a: 1, b: 0}}", Some(31254)),
            ("{key: {'$**': 1}, name: 'x', wildcardProjection: {a: 1, b: 'x'}}", Some(51271)),
            ("{key: {'$**': 1}, name: 'x', wildcardProjection: {}}", Some(9)),
            ("{key: {'a.$**': 1}, name: 'x', wildcardProjection: 'x'}", Some(14)),
            ("{key: {'a.$**': 1}, name: 'x', wildcardProjection: {a: 1}}", Some(9)),
            ("{key: {a: 1}, name: 'x', wildcardProjection: {a: 1}}", Some(2)),
            ("{key: {a: 1, '$**': 1}, name: 'x'}", Some(67)),
            ("{key: {a: 1, 'a.$**': 1}, name: 'x'}", Some(7_246_204)),
            ("{key: {'a.b.c': 1, 'a.b.$**': 1}, name: 'x'}", Some(7_246_204)),
            ("{key: {'a.$**': 1, 'b.$**': 1}, name: 'x'}", Some(7_246_201)),
            ("{key: {'a.$**': 1, b: 'hashed'}, name: 'x'}", Some(67)),
            ("{key: {'$**': 1, c: 1}, name: 'x', wildcardProjection: {'a.b': 1, 'a.b.c': 1}}", Some(7_246_200)),
            ("{key: {a: 1}, name: 'x', bits: 'x'}", Some(14)),
            ("{key: {a: 1}, name: 'x', bits: 1}", Some(67)),
        ] {
            let result = normalize(&parse_doc(spec).unwrap(), false);
            assert_eq!(result.err().map(|error| error.code()), code, "{spec}");
        }
    }

    #[test]
    fn options_are_kept_in_one_form() {
        let spec = parse_doc("{name: 'x', unique: 1, hidden: false, key: {a: 1}, expireAfterSeconds: 3.5}").unwrap();
        let normal = normalize(&spec, false).unwrap();
        assert_eq!(
            ShellText(Value::document(&normal)).to_string(),
            "{ v: 2, key: { a: 1 }, name: \"x\", unique: true, expireAfterSeconds: 3 }"
        );
    }

    #[test]
    fn conflicts_have_mongods_codes() {
        let existing = parse_doc("{v: 2, key: {a: 1}, name: 'a_1'}").unwrap();
        for (wanted, outcome) in [
            ("{v: 2, key: {a: 1}, name: 'a_1'}", Ok(true)),
            ("{v: 2, key: {_id: 1}, name: '_id_'}", Ok(true)),
            ("{v: 2, key: {b: 1}, name: 'b_1'}", Ok(false)),
            ("{v: 2, key: {a: -1}, name: 'a_-1'}", Ok(false)),
            ("{v: 2, key: {a: 1}, name: 'a_u', unique: true}", Ok(false)),
            ("{v: 2, key: {b: 1}, name: 'a_1'}", Err(86)),
            ("{v: 2, key: {a: 1}, name: 'a_1', unique: true}", Err(86)),
            ("{v: 2, key: {a: 1}, name: 'a_1', hidden: true}", Err(85)),
            ("{v: 2, key: {a: 1}, name: 'other'}", Err(85)),
            ("{v: 2, key: {a: 1}, name: 'other', expireAfterSeconds: 1}", Err(85)),
        ] {
            let outcome_found = check_conflicts(&parse_doc(wanted).unwrap(), [existing.as_doc()].into_iter());
            assert_eq!(outcome_found.map_err(|error| error.code()), outcome, "{wanted}");
        }
        let filter = "{v: 2, key: {a: 1}, name: 'p', partialFilterExpression: {$and: [{a: 1}, {b: 2}]}}";
        let existing = parse_doc(filter).unwrap();
        for (filter, outcome) in [("{$and: [{b: 2}, {a: 1}]}", Ok(true)), ("{a: 1, b: 3}", Err(86))] {
            let wanted = format!("{{v: 2, key: {{a: 1}}, name: 'p', partialFilterExpression: {filter}}}");
            let found = check_conflicts(&parse_doc(&wanted).unwrap(), [existing.as_doc()].into_iter());
            assert_eq!(found.map_err(|error| error.code()), outcome, "{wanted}");
        }
    }
}
