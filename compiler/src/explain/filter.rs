//! Filters in mongod's normal form: every comparison with its operator, negations as `$not`, conditions that must all
//! hold under one `$and`, sorted by kind and path.
//!
//! ```text
//! {b: {$gte: 1, $lt: 5}, a: 2}   ->   {$and: [{a: {$eq: 2}}, {b: {$lt: 5}}, {b: {$gte: 1}}]}
//! ```

use smongo_vm::program::{BitRule, BitTest, TypeSet};
use smongo_vm::schema::SchemaTest;
use smongo_vm::value::{ArrayWriter, DocBuf, DocWriter, OwnedValue, Tag, Value, compare};

use super::expr;
use crate::ir::{Filter, FilterPath, LeafTest};

type Doc<'w> = DocWriter<'w, Vec<u8>>;

/// The normal form of a filter.
pub fn filter_document(filter: &Filter) -> DocBuf {
    DocBuf::build(|doc| match filter {
        Filter::Always(true) => {}
        filter => write(filter, doc),
    })
}

/// Writes a filter's conditions into a document.
fn write(filter: &Filter, doc: &mut Doc<'_>) {
    match filter {
        Filter::Always(true) => doc.value("$alwaysTrue", Value::int32(1)),
        Filter::Always(false) => doc.value("$alwaysFalse", Value::int32(1)),
        Filter::And(_) => combined(doc, "$and", &conjuncts(filter)),
        Filter::Or(parts) if parts.is_empty() => doc.value("$alwaysFalse", Value::int32(1)),
        Filter::Or(_) => combined(doc, "$or", &disjuncts(filter)),
        Filter::Nor(parts) => list(doc, "$nor", &parts.iter().collect::<Vec<_>>()),
        Filter::Not(part) => negation(part, doc),
        Filter::Leaf { path, test } => on_path(doc, path, |doc| leaf(test, doc)),
        Filter::ElemMatchObject { path, filter } => on_path(doc, path, |doc| {
            doc.document("$elemMatch", |inner| {
                if !matches!(**filter, Filter::Always(true)) {
                    write(filter, inner);
                }
            });
        }),
        Filter::ElemMatchValue { path, filter } => on_path(doc, path, |doc| {
            doc.document("$elemMatch", |inner| tests(filter, inner));
        }),
        Filter::Expr(expr) => expr::write(expr, "$expr", doc),
        Filter::SampleRate(rate) => doc.value("$sampleRate", Value::double(*rate)),
        Filter::ExactlyOne(parts) => list(doc, "$_internalSchemaXor", &parts.iter().collect::<Vec<_>>()),
        Filter::Document { path, filter } => on_path(doc, path, |doc| {
            doc.document("$_internalSchemaObjectMatch", |inner| write(filter, inner));
        }),
        Filter::Elements { path, from, to, filter } => on_path(doc, path, |doc| {
            doc.array("$_internalSchemaAllElemMatchFromIndex", |args| {
                args.value(Value::int64(i64::from(*from)));
                if let Some(to) = to {
                    args.value(Value::int64(i64::from(*to)));
                }
                args.document(|inner| tests(filter, inner));
            });
        }),
        Filter::Fields { known, patterns, other } => {
            doc.document("$_internalSchemaAllowedProperties", |doc| {
                doc.array("properties", |names| known.iter().for_each(|name| names.value(Value::string(name))));
                doc.array("patternProperties", |list| {
                    for (pattern, filter) in patterns {
                        list.document(|doc| {
                            doc.string("regex", pattern);
                            doc.document("expression", |inner| tests(filter, inner));
                        });
                    }
                });
                doc.document("otherwise", |inner| tests(other, inner));
            });
        }
    }
}

/// The parts of a conjunction, those of conjunctions inside it among them, in mongod's order.
fn conjuncts(filter: &Filter) -> Vec<&Filter> {
    fn gather<'f>(filter: &'f Filter, parts: &mut Vec<&'f Filter>) {
        match filter {
            Filter::And(inner) => inner.iter().for_each(|part| gather(part, parts)),
            other => parts.push(other),
        }
    }
    let mut parts = Vec::new();
    gather(filter, &mut parts);
    parts.sort_by_key(|part| part.place());
    parts
}

/// The parts of a disjunction, those of disjunctions inside it among them, in mongod's order.
fn disjuncts(filter: &Filter) -> Vec<&Filter> {
    fn gather<'f>(filter: &'f Filter, parts: &mut Vec<&'f Filter>) {
        match filter {
            Filter::Or(inner) => inner.iter().for_each(|part| gather(part, parts)),
            other => parts.push(other),
        }
    }
    let mut parts = Vec::new();
    gather(filter, &mut parts);
    parts.sort_by_key(|part| part.place());
    parts
}

fn combined(doc: &mut Doc<'_>, name: &str, parts: &[&Filter]) {
    match parts {
        [] => {}
        [one] => write(one, doc),
        many => list(doc, name, many),
    }
}

fn list(doc: &mut Doc<'_>, name: &str, parts: &[&Filter]) {
    doc.array(name, |list| parts.iter().for_each(|part| list.document(|doc| write(part, doc))));
}

fn on_path(doc: &mut Doc<'_>, path: &FilterPath, fill: impl FnOnce(&mut Doc<'_>)) {
    match &path.path {
        Some(path) => doc.document(&path.to_string(), fill),
        None => fill(doc),
    }
}

/// `$not` where one path is spoken of, `$nor` elsewhere.
fn negation(part: &Filter, doc: &mut Doc<'_>) {
    match part {
        Filter::Leaf { path, test } => on_path(doc, path, |doc| doc.document("$not", |doc| leaf(test, doc))),
        Filter::ElemMatchObject { path, filter } => on_path(doc, path, |doc| {
            doc.document("$not", |doc| doc.document("$elemMatch", |inner| write(filter, inner)));
        }),
        Filter::ElemMatchValue { path, filter } => on_path(doc, path, |doc| {
            doc.document("$not", |doc| doc.document("$elemMatch", |inner| tests(filter, inner)));
        }),
        other => match common_path(other) {
            Some((path, leaves)) => on_path(doc, path, |doc| {
                doc.document("$not", |doc| leaves.iter().for_each(|test| leaf(test, doc)));
            }),
            None => list(doc, "$nor", &[other]),
        },
    }
}

/// The tests of a conjunction of leaves on one path.
fn common_path(filter: &Filter) -> Option<(&FilterPath, Vec<&LeafTest>)> {
    let mut leaves = Vec::new();
    let mut common = None;
    for part in conjuncts(filter) {
        let Filter::Leaf { path, test } = part else { return None };
        if common.is_some_and(|common| common != path) {
            return None;
        }
        common = Some(path);
        leaves.push(test);
    }
    Some((common?, leaves))
}

/// Tests of the value at hand, as fields of one document.
fn tests(filter: &Filter, doc: &mut Doc<'_>) {
    match filter {
        Filter::Always(true) => {}
        Filter::And(_) => conjuncts(filter).into_iter().for_each(|part| tests(part, doc)),
        Filter::Not(part) => doc.document("$not", |doc| tests(part, doc)),
        other => write(other, doc),
    }
}

fn leaf(test: &LeafTest, doc: &mut Doc<'_>) {
    match test {
        LeafTest::Eq(value) => doc.value("$eq", value.get()),
        LeafTest::Lt(value) => doc.value("$lt", value.get()),
        LeafTest::Lte(value) => doc.value("$lte", value.get()),
        LeafTest::Gt(value) => doc.value("$gt", value.get()),
        LeafTest::Gte(value) => doc.value("$gte", value.get()),
        LeafTest::In { values, patterns } => match (values.as_slice(), patterns.as_slice()) {
            ([one], []) => doc.value("$eq", one.get()),
            _ => doc.array("$in", |list| members(values, patterns, list)),
        },
        LeafTest::Regex { pattern, options } => {
            doc.string("$regex", pattern);
            if !options.is_empty() {
                doc.string("$options", options);
            }
        }
        LeafTest::Exists => doc.value("$exists", Value::TRUE),
        LeafTest::Type(types) => doc.array("$type", |list| type_numbers(*types, list)),
        LeafTest::Size(size) => doc.value("$size", Value::integer(*size)),
        LeafTest::Mod { divisor, remainder } => doc.array("$mod", |list| {
            list.value(Value::integer(*divisor));
            list.value(Value::integer(*remainder));
        }),
        LeafTest::Bits(bits) => bit_test(bits, doc),
        LeafTest::Schema(test) => schema_test(test, doc),
    }
}

/// The members of `$in`: sorted, each once.
fn members(values: &[OwnedValue], patterns: &[(String, String)], list: &mut ArrayWriter<'_, Vec<u8>>) {
    let mut sorted: Vec<Value<'_>> = values.iter().map(OwnedValue::get).collect();
    sorted.sort_by(|a, b| compare(*a, *b));
    sorted.dedup_by(|a, b| compare(*a, *b).is_eq());
    sorted.into_iter().for_each(|value| list.value(value));
    for (pattern, options) in patterns {
        let mut bytes = Vec::with_capacity(pattern.len() + options.len() + 2);
        bytes.extend_from_slice(pattern.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(options.as_bytes());
        bytes.push(0);
        match Value::decode(Tag::Regex as u8, &bytes) {
            Some((value, _)) => list.value(value),
            // With NUL inside it is no BSON pattern, and is shown as its text.
            None => list.value(Value::string(pattern)),
        }
    }
}

fn type_numbers(types: TypeSet, list: &mut ArrayWriter<'_, Vec<u8>>) {
    let numbers = (1u8..=19).chain([127, 255]);
    for tag in numbers.filter_map(Tag::from_byte).filter(|tag| types.contains(*tag)) {
        let number = if tag == Tag::MinKey { -1 } else { i32::from(tag as u8) };
        list.value(Value::int32(number));
    }
}

fn bit_test(bits: &BitTest, doc: &mut Doc<'_>) {
    let name = match bits.rule {
        BitRule::AllSet => "$bitsAllSet",
        BitRule::AllClear => "$bitsAllClear",
        BitRule::AnySet => "$bitsAnySet",
        BitRule::AnyClear => "$bitsAnyClear",
    };
    doc.array(name, |list| bits.positions.iter().for_each(|at| list.value(Value::integer(i64::from(*at)))));
}

fn schema_test(test: &SchemaTest, doc: &mut Doc<'_>) {
    let length = |n: &u64| Value::integer(i64::try_from(*n).unwrap_or(i64::MAX));
    match test {
        SchemaTest::MinLength(n) => doc.value("$_internalSchemaMinLength", length(n)),
        SchemaTest::MaxLength(n) => doc.value("$_internalSchemaMaxLength", length(n)),
        SchemaTest::MinItems(n) => doc.value("$_internalSchemaMinItems", length(n)),
        SchemaTest::MaxItems(n) => doc.value("$_internalSchemaMaxItems", length(n)),
        SchemaTest::UniqueItems => doc.value("$_internalSchemaUniqueItems", Value::TRUE),
        SchemaTest::MinProperties(n) => doc.value("$_internalSchemaMinProperties", length(n)),
        SchemaTest::MaxProperties(n) => doc.value("$_internalSchemaMaxProperties", length(n)),
        SchemaTest::MultipleOf(divisor) => doc.array("$_internalSchemaFmod", |list| {
            list.value(Value::decimal128(&divisor.0));
            list.value(Value::int32(0));
        }),
        SchemaTest::OneOf(values) => {
            doc.array("$_internalSchemaEq", |list| values.iter().for_each(|value| list.value(value.get())));
        }
    }
}

#[cfg(test)]
mod tests {
    use smongo_vm::value::extjson::{parse_doc, to_string_shell};

    use super::*;
    use crate::front::{context::ParseContext, filter};
    use crate::rewrite::or_to_in;

    /// Forms as mongod 8 shows them in `parsedQuery`; see the manual's page "Explain Results" and its examples.
    #[test]
    fn normal_forms() {
        for (request, normal) in [
            ("{}", "{}"),
            ("{a: 1}", "{a: {$eq: 1}}"),
            ("{b: 1, a: 2}", "{$and: [{a: {$eq: 2}}, {b: {$eq: 1}}]}"),
            ("{b: {$gte: 1, $lt: 5}, a: 2}", "{$and: [{a: {$eq: 2}}, {b: {$lt: 5}}, {b: {$gte: 1}}]}"),
            ("{$and: [{a: 1}]}", "{a: {$eq: 1}}"),
            ("{$or: [{b: 1}, {a: {$gt: 2}}]}", "{$or: [{b: {$eq: 1}}, {a: {$gt: 2}}]}"),
            ("{$or: [{a: 2}, {a: 1}]}", "{a: {$in: [1, 2]}}"),
            ("{a: {$ne: 1}}", "{a: {$not: {$eq: 1}}}"),
            ("{a: {$nin: [2, 1]}}", "{a: {$not: {$in: [1, 2]}}}"),
            ("{a: {$in: [3, 1, 3]}}", "{a: {$in: [1, 3]}}"),
            ("{a: {$in: [3]}}", "{a: {$eq: 3}}"),
            ("{a: {$exists: false}}", "{a: {$not: {$exists: true}}}"),
            ("{a: {$type: 'double'}}", "{a: {$type: [1]}}"),
            ("{a: {$regex: '^x', $options: 'i'}}", "{a: {$regex: '^x', $options: 'i'}}"),
            ("{a: {$elemMatch: {$gt: 1, $lt: 5}}}", "{a: {$elemMatch: {$lt: 5, $gt: 1}}}"),
            ("{a: {$elemMatch: {b: 1}}}", "{a: {$elemMatch: {b: {$eq: 1}}}}"),
            ("{a: {$size: 2}}", "{a: {$size: 2}}"),
            ("{$expr: {$gt: ['$a', 1]}}", "{$expr: {$gt: ['$a', {$const: 1}]}}"),
        ] {
            let ir = filter::parse(&parse_doc(request).unwrap(), &mut ParseContext::new()).unwrap();
            let shown = filter_document(&or_to_in::rewrite(ir));
            let expected = parse_doc(normal).unwrap();
            let text = |doc: &DocBuf| to_string_shell(Value::document(doc));
            assert_eq!(text(&shown), text(&expected), "{request}");
        }
    }
}
