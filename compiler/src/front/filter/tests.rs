//! What the corpus cannot say: wording of errors, and how a filter is taken apart.

use smongo_vm::limits::MAX_QUERY_DEPTH;
use smongo_vm::value::extjson::parse_doc;
use smongo_vm::value::{DocBuf, Value};

use super::parse;
use crate::front::context::ParseContext;
use crate::ir::{ArrayRule, Filter, LeafTest};

fn parsed(filter: &str) -> smongo_vm::Result<Filter> {
    parse(&parse_doc(filter).unwrap(), &mut ParseContext::new())
}

/// Wording: mongod 8.2's replies as users report them.
#[test]
fn messages() {
    for (filter, message) in [
        ("{a: {$foo: 1}}", "unknown operator: $foo"),
        ("{a: {$gt: 1, b: 2}}", "unknown operator: b"),
        (
            "{$not: {a: 1}}",
            "unknown top level operator: $not. If you are trying to negate an entire expression, use $nor.",
        ),
        (
            "{$foo: 1}",
            "unknown top level operator: $foo. If you have a field name that starts with a '$' symbol, consider using \
             $getField or $setField.",
        ),
        ("{$or: []}", "$and/$or/$nor must be a nonempty array"),
        ("{$or: 1}", "$or must be an array"),
        ("{$nor: [1]}", "$or/$and/$nor entries need to be full objects"),
        ("{a: {$in: 1}}", "$in needs an array"),
        ("{a: {$nin: 1}}", "$nin needs an array"),
        ("{a: {$in: [{$gt: 1}]}}", "cannot nest $ under $in"),
        ("{a: {$ne: /x/}}", "Can't have regex as arg to $ne."),
        ("{a: {$gt: /x/}}", "Can't have RegEx as arg to predicate over field 'a'."),
        ("{a: undefined}", "cannot compare to undefined"),
        ("{a: {$not: 1}}", "$not needs a regex or a document"),
        ("{a: {$size: 'x'}}", "Failed to parse $size. Expected a number in: $size: \"x\""),
        ("{a: {$size: {$gte: 3.0}}}", "Failed to parse $size. Expected a number in: $size: { $gte: 3.0 }"),
        ("{a: {$size: -1}}", "Failed to parse $size. Expected a non-negative number in: $size: -1"),
        ("{a: {$size: 1.5}}", "Failed to parse $size. Expected an integer: $size: 1.5"),
        ("{a: {$type: 'x'}}", "Unknown type name alias: x"),
        ("{a: {$type: 99}}", "Invalid numerical type code: 99"),
        ("{a: {$mod: [1]}}", "malformed mod, not enough elements"),
        ("{a: {$mod: [0, 1]}}", "divisor cannot be 0"),
        ("{a: {$all: 1}}", "$all needs an array"),
        ("{a: {$all: [{$elemMatch: {b: 1}}, 1]}}", "$all/$elemMatch has to be consistent"),
        ("{a: {$elemMatch: 1}}", "$elemMatch needs an Object"),
        ("{a: {$options: 'i'}}", "$options needs a $regex"),
        ("{a: {$regex: 1}}", "$regex has to be a string"),
        ("{a: {$bitsAllSet: 'x'}}", "a takes an Array, a number, or a BinData but received: $bitsAllSet: \"x\""),
        ("{a: {$where: 'x'}}", "$where cannot be applied to a field"),
    ] {
        assert_eq!(parsed(filter).unwrap_err().message(), message, "{filter}");
    }
}

#[test]
fn the_depth_message_names_the_spot() {
    let mut filter = parse_doc("{a: 1}").unwrap();
    for _ in 0..=MAX_QUERY_DEPTH {
        let inner = filter;
        filter = DocBuf::build(|doc| doc.array("$and", |parts| parts.value(Value::document(&inner))));
    }
    let error = parse(&filter, &mut ParseContext::new()).unwrap_err();
    assert_eq!(error.message(), "exceeded maximum query tree depth of 100 at { a: 1 }");
}

#[test]
fn elements_are_tested_as_they_are() {
    let Filter::ElemMatchValue { path, filter } = parsed("{a: {$elemMatch: {$gt: 1}}}").unwrap() else {
        panic!("$elemMatch with operators is the value form")
    };
    assert_eq!(path.arrays, ArrayRule::Whole);
    let Filter::Leaf { path, test: LeafTest::Gt(_) } = *filter else { panic!("one operator is one leaf") };
    assert_eq!((path.path, path.arrays), (None, ArrayRule::Whole));
}

#[test]
fn deep_operators_are_refused_and_do_not_overflow() {
    let mut operators = parse_doc("{$gt: 1}").unwrap();
    for _ in 0..4000 {
        let inner = operators;
        operators = DocBuf::build(|doc| doc.value("$not", Value::document(&inner)));
    }
    let filter = DocBuf::build(|doc| doc.value("a", Value::document(&operators)));
    assert!(parse(&filter, &mut ParseContext::new()).is_err());
}
