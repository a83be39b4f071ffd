//! What is refused and what is made of the rest. Results of whole updates are in the corpus.

use smongo_vm::value::extjson::{parse_doc, parse_value, to_string_relaxed};

use super::*;

fn parse_text(update: &str, array_filters: &str) -> Result<Update> {
    let update = parse_value(update).unwrap();
    let filters = parse_value(array_filters).unwrap();
    parse(update.get(), filters.get().as_array(), &mut ParseContext::new())
}

/// Wording: the messages that mongod gives, as the manual and issue reports quote them.
#[test]
fn malformed_updates_are_refused() {
    for (update, filters, code, message) in [
        ("1", "[]", 9, "Update argument must be either an object or an array"),
        (
            "{$foo: {a: 1}}",
            "[]",
            9,
            "Unknown modifier: $foo. Expected a valid update modifier or pipeline-style update specified as an array",
        ),
        (
            "{$set: {a: 1}, b: 1}",
            "[]",
            9,
            "Unknown modifier: b. Expected a valid update modifier or pipeline-style update specified as an array",
        ),
        (
            "{$set: 'x'}",
            "[]",
            9,
            "Modifiers operate on fields but we found type string instead. For example: {$mod: {<field>: ...}} not \
             {$set: \"x\"}",
        ),
        ("{$inc: {a: 'x'}}", "[]", 14, "Cannot increment with non-numeric argument: {a: \"x\"}"),
        ("{$mul: {a: null}}", "[]", 14, "Cannot multiply with non-numeric argument: {a: null}"),
        ("{$rename: {a: 1}}", "[]", 2, "The 'to' field for $rename must be a string: a: 1"),
        ("{$rename: {a: 'a'}}", "[]", 2, "The source and target field for $rename must differ: a: \"a\""),
        (
            "{$rename: {a: 'a.b'}}",
            "[]",
            2,
            "The source and target field for $rename must not be on the same path: a: \"a.b\"",
        ),
        ("{$rename: {'a.$': 'b'}}", "[]", 2, "The source field for $rename may not be dynamic: a.$"),
        ("{$rename: {a: 'b.$[]'}}", "[]", 2, "The destination field for $rename may not be dynamic: b.$[]"),
        ("{$pop: {a: 'x'}}", "[]", 9, "Expected a number in: a: \"x\""),
        ("{$pop: {a: 2}}", "[]", 9, "$pop expects 1 or -1, found: 2"),
        ("{$pullAll: {a: 1}}", "[]", 2, "$pullAll requires an array argument but was given a int"),
        (
            "{$push: {a: {$each: 1}}}",
            "[]",
            2,
            "The argument to $each in $push must be an array but it was of type: int",
        ),
        ("{$push: {a: {$each: [], $x: 1}}}", "[]", 2, "Unrecognized clause in $push: $x"),
        (
            "{$push: {a: {$each: [], $sort: 'x'}}}",
            "[]",
            2,
            "The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort embedded fields",
        ),
        ("{$push: {a: {$each: [], $sort: 2}}}", "[]", 2, "The $sort element value must be either 1 or -1"),
        (
            "{$addToSet: {a: {$each: 'x'}}}",
            "[]",
            14,
            "The argument to $each in $addToSet must be an array but it was of type string",
        ),
        (
            "{$bit: {a: {and: 1.5}}}",
            "[]",
            2,
            "The $bit modifier field must be an Integer(32/64 bit); a 'double' is not supported here: {and: 1.5}",
        ),
        (
            "{$set: {a: 1}}",
            "[{x: 1}]",
            9,
            "The array filter for identifier 'x' was not used in the update { $set: { a: 1 } }",
        ),
        ("{$set: {'a.$[x]': 1}}", "[]", 2, "No array filter found for identifier 'x' in path 'a.$[x]'"),
        (
            "{$set: {'a.$[x]': 1}}",
            "[{x: 1}, {x: 2}]",
            9,
            "Found multiple array filters with the same top-level field name x",
        ),
        (
            "{$set: {'a.$[x]': 1}}",
            "[{'x.a': 1, 'y.a': 2}]",
            9,
            "Error parsing array filter :: caused by :: Expected a single top-level field name, found 'x' and 'y'",
        ),
        (
            "{$set: {'a.$[x]': 1}}",
            "[{X: 1}]",
            2,
            "Error parsing array filter :: caused by :: The top-level field name must be an alphanumeric string \
             beginning with a lowercase letter, found 'X'",
        ),
        ("{$set: {'a.$[x]': 1}}", "[{}]", 9, "Cannot use an expression without a top-level field name in arrayFilters"),
        ("[{$group: {_id: 1}}]", "[]", 72, "$group is not allowed to be used within an update"),
        ("[{$nonsense: 1}]", "[]", 40324, "Unrecognized pipeline stage name: '$nonsense'"),
        ("[{}]", "[]", 40323, "A pipeline stage specification object must contain exactly one field."),
    ] {
        let error = parse_text(update, filters).map(|_| ()).unwrap_err();
        assert_eq!((error.code().0, error.message()), (code, message), "{update}");
    }
}

#[test]
fn the_form_decides_what_an_update_is() {
    assert!(matches!(parse_text("{}", "[]"), Ok(Update::Replacement(_))));
    assert!(matches!(parse_text("{a: {$b: 1}}", "[]"), Ok(Update::Replacement(_))));
    // Refused when it meets a stored document; an upsert may insert it.
    assert!(matches!(parse_text("{a: 1, $b: 1}", "[]"), Ok(Update::Replacement(_))));
    assert!(matches!(parse_text("{$set: {}}", "[]"), Ok(Update::Operators(update)) if update.tree.is_empty()));
    assert!(matches!(parse_text("[]", "[]"), Ok(Update::Pipeline(stages)) if stages.is_empty()));
}

#[test]
fn equalities_make_the_document_of_an_upsert() {
    for (filter, expected) in [
        ("{b: 1, a: {$eq: 2}, _id: 3}", Ok(r#"{"_id":3,"a":2,"b":1}"#)),
        ("{a: {$gt: 1}, b: /x/, c: {$in: [1, 2]}}", Ok("{}")),
        ("{'a.b': 1, 'a.c': {$in: [2]}}", Ok(r#"{"a":{"b":1,"c":2}}"#)),
        ("{$and: [{a: 1}, {$or: [{b: 2}]}], $or: [{c: 1}, {c: 2}]}", Ok(r#"{"a":1,"b":2}"#)),
        ("{a: {$all: [1]}}", Ok(r#"{"a":1}"#)),
        ("{'_id.x': 1}", Ok(r#"{"_id":{"x":1}}"#)),
        ("{$and: [{a: 1}, {a: 2}]}", Err("cannot infer query fields to set, path 'a' is matched twice")),
        ("{a: {b: 1}, 'a.b': 1}", Err("cannot infer query fields to set, both paths 'a' and 'a.b' are matched")),
    ] {
        let filter = filter::parse(&parse_doc(filter).unwrap(), &mut ParseContext::new()).unwrap();
        let base = base_document(&filter).map(|doc| to_string_relaxed(Value::document(&doc)));
        assert_eq!(base.as_deref().map_err(Error::message), expected);
    }
}

#[test]
fn a_replacement_takes_only_the_id_from_the_filter() {
    for (filter, expected) in
        [("{a: 1, _id: 3}", Ok(r#"{"_id":3}"#)), ("{a: 1, $and: [{a: 2}]}", Ok("{}")), ("{'_id.x': 1}", Err(111))]
    {
        let filter = filter::parse(&parse_doc(filter).unwrap(), &mut ParseContext::new()).unwrap();
        let base = base_id(&filter).map(|doc| to_string_relaxed(Value::document(&doc)));
        assert_eq!(base.as_deref().map_err(|error| error.code().0), expected);
    }
}
