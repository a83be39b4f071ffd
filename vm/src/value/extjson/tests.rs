//! Texts against values. Wrapper forms: the Extended JSON v2 specification and the BSON corpus.

use super::super::{Tag, Value, View};
use super::*;

/// Canonical text, relaxed text.
#[test]
fn both_notations_round_trip() {
    for (canonical, relaxed) in [
        (r#"{"a":{"$numberInt":"1"}}"#, r#"{"a":1}"#),
        (r#"{"a":{"$numberLong":"9007199254740993"}}"#, r#"{"a":9007199254740993}"#),
        (r#"{"a":{"$numberDouble":"1.0"}}"#, r#"{"a":1.0}"#),
        (r#"{"a":{"$numberDouble":"-0.0"}}"#, r#"{"a":-0.0}"#),
        (r#"{"a":{"$numberDouble":"NaN"}}"#, r#"{"a":{"$numberDouble":"NaN"}}"#),
        (r#"{"a":{"$numberDouble":"-Infinity"}}"#, r#"{"a":{"$numberDouble":"-Infinity"}}"#),
        (r#"{"a":{"$numberDecimal":"1.00"}}"#, r#"{"a":{"$numberDecimal":"1.00"}}"#),
        (r#"{"a":{"$oid":"56e1fc72e0c917e9c4714161"}}"#, r#"{"a":{"$oid":"56e1fc72e0c917e9c4714161"}}"#),
        (r#"{"a":{"$date":{"$numberLong":"1356351330501"}}}"#, r#"{"a":{"$date":"2012-12-24T12:15:30.501Z"}}"#),
        (r#"{"a":{"$date":{"$numberLong":"-284643869501"}}}"#, r#"{"a":{"$date":{"$numberLong":"-284643869501"}}}"#),
        (
            r#"{"a":{"$binary":{"base64":"//8=","subType":"00"}}}"#,
            r#"{"a":{"$binary":{"base64":"//8=","subType":"00"}}}"#,
        ),
        (
            r#"{"a":{"$code":"f","$scope":{"x":{"$numberInt":"1"}}},"b":[]}"#,
            r#"{"a":{"$code":"f","$scope":{"x":1}},"b":[]}"#,
        ),
        (r#"{"a":{"$code":"f"}}"#, r#"{"a":{"$code":"f"}}"#),
        (r#"{"a":{"$symbol":"s"}}"#, r#"{"a":{"$symbol":"s"}}"#),
        (
            r#"{"a":{"$regularExpression":{"pattern":"a/b","options":"im"}}}"#,
            r#"{"a":{"$regularExpression":{"pattern":"a/b","options":"im"}}}"#,
        ),
        (
            r#"{"a":{"$dbPointer":{"$ref":"d.c","$id":{"$oid":"56e1fc72e0c917e9c4714161"}}}}"#,
            r#"{"a":{"$dbPointer":{"$ref":"d.c","$id":{"$oid":"56e1fc72e0c917e9c4714161"}}}}"#,
        ),
        (r#"{"a":{"$timestamp":{"t":4294967295,"i":1}}}"#, r#"{"a":{"$timestamp":{"t":4294967295,"i":1}}}"#),
        (r#"{"a":{"$undefined":true}}"#, r#"{"a":{"$undefined":true}}"#),
        (r#"{"a":{"$minKey":1},"b":{"$maxKey":1}}"#, r#"{"a":{"$minKey":1},"b":{"$maxKey":1}}"#),
        (r#"{"a":[null,true,{"":"\"\\\u0001\né"}]}"#, r#"{"a":[null,true,{"":"\"\\\u0001\né"}]}"#),
        // Not wrappers, though their names begin with a dollar sign.
        (r#"{"a":{"$ref":"c","$id":{"$numberInt":"1"}}}"#, r#"{"a":{"$ref":"c","$id":1}}"#),
        (r#"{"a":{"$regex":"x","$options":"i"}}"#, r#"{"a":{"$regex":"x","$options":"i"}}"#),
        (r#"{"$gt":{"$numberInt":"1"},"$lt":{"$numberInt":"2"}}"#, r#"{"$gt":1,"$lt":2}"#),
    ] {
        let doc = parse_doc(canonical).unwrap_or_else(|error| panic!("{canonical}: {error}"));
        assert_eq!(to_string_canonical(Value::document(&doc)), canonical);
        assert_eq!(to_string_relaxed(Value::document(&doc)), relaxed);
        assert_eq!(parse_doc(relaxed).unwrap(), doc, "{relaxed}");
        let shell = to_string_shell(Value::document(&doc));
        assert_eq!(parse_doc(&shell).unwrap(), doc, "{shell}");
    }
}

/// The shell's spelling, and the relaxed extended JSON of the same value.
#[test]
fn loose_forms() {
    for (loose, relaxed) in [
        ("{a: 1, 'b': \"x\",}", r#"{"a":1,"b":"x"}"#),
        ("{ $match: {\"a.b\": 1} }", r#"{"$match":{"a.b":1}}"#),
        ("{a.b: 1}", r#"{"a.b":1}"#),
        ("[1, /* two */ 2, // three\n 3]", "[1,2,3]"),
        ("'it\\'s \\x41 \\u{1}'", ""),
        ("'it\\'s \\x41'", r#""it's A""#),
        ("\"\\ud83d\\ude00\"", "\"😀\""),
        ("ObjectId('56e1fc72e0c917e9c4714161')", r#"{"$oid":"56e1fc72e0c917e9c4714161"}"#),
        ("ISODate(\"1970-01-01T00:00:01Z\")", r#"{"$date":"1970-01-01T00:00:01Z"}"#),
        ("new Date(1000)", r#"{"$date":"1970-01-01T00:00:01Z"}"#),
        ("NumberLong(\"-1\")", "-1"),
        ("NumberInt(7)", "7"),
        ("NumberDecimal('1.50')", r#"{"$numberDecimal":"1.50"}"#),
        (
            "UUID(\"c8edabc3-f738-4ca3-b68d-ab92a91478a3\")",
            r#"{"$binary":{"base64":"yO2rw/c4TKO2jauSqRR4ow==","subType":"04"}}"#,
        ),
        (
            "{$uuid: 'c8edabc3-f738-4ca3-b68d-ab92a91478a3'}",
            r#"{"$binary":{"base64":"yO2rw/c4TKO2jauSqRR4ow==","subType":"04"}}"#,
        ),
        ("BinData(0, '//8=')", r#"{"$binary":{"base64":"//8=","subType":"00"}}"#),
        ("HexData(5, 'ff00')", r#"{"$binary":{"base64":"/wA=","subType":"05"}}"#),
        ("Timestamp(1, 2)", r#"{"$timestamp":{"t":1,"i":2}}"#),
        ("Timestamp({t: 1, i: 2})", r#"{"$timestamp":{"t":1,"i":2}}"#),
        ("[MinKey, MaxKey()]", r#"[{"$minKey":1},{"$maxKey":1}]"#),
        ("/^a\\/[/]b/mi", r#"{"$regularExpression":{"pattern":"^a\\/[/]b","options":"im"}}"#),
        (
            "[-Infinity, NaN, undefined]",
            r#"[{"$numberDouble":"-Infinity"},{"$numberDouble":"NaN"},{"$undefined":true}]"#,
        ),
        ("[.5, 5., 1e3, +1, 2147483648, 9223372036854775808]", "[0.5,5.0,1000.0,1,2147483648,9.223372036854776e18]"),
        ("{$scope: {}, $code: 'f'}", r#"{"$code":"f","$scope":{}}"#),
        ("{1: 'one'}", r#"{"1":"one"}"#),
        ("DBRef('c', 1)", r#"{"$ref":"c","$id":1}"#),
    ] {
        match parse_value(loose) {
            Ok(value) => assert_eq!(to_string_relaxed(value.get()), relaxed, "{loose}"),
            Err(error) => assert_eq!(relaxed, "", "{loose}: {error}"),
        }
    }
}

#[test]
fn number_types() {
    for (text, tag) in [
        ("1", Tag::Int32),
        ("-2147483648", Tag::Int32),
        ("2147483648", Tag::Int64),
        ("1.0", Tag::Double),
        ("1e0", Tag::Double),
        ("NumberLong(1)", Tag::Int64),
        ("Double(1)", Tag::Double),
    ] {
        assert_eq!(parse_value(text).unwrap().get().tag(), tag, "{text}");
    }
}

#[test]
fn refused() {
    for text in [
        "",
        "{",
        "{a}",
        "{a:}",
        "{a: 1 b: 2}",
        "{,}",
        "[1,,2]",
        "[1]]",
        "{a: 1} x",
        "\"abc",
        "\"\\q\"",
        "\"\\ud800\"",
        "\"line\nbreak\"",
        "{\"a\\u0000\": 1}",
        "/a\\u0000",
        "{$oid: 'xyz'}",
        "{$oid: '56e1fc72e0c917e9c4714161', x: 1}",
        "{$numberInt: '2147483648'}",
        "{$numberInt: 1}",
        "{$date: 'yesterday'}",
        "{$binary: {base64: '//8='}}",
        "{$timestamp: {t: -1, i: 0}}",
        "{$code: 'f', $scope: {}, x: 1}",
        "{$code: 1}",
        "ObjectId()",
        "Date()",
        "Foo(1)",
        "foo",
        "new 1",
    ] {
        assert!(parse_value(text).is_err(), "{text}");
    }
    assert!(parse_doc("[1]").is_err());
    let deep = "[".repeat(100_000);
    assert!(parse_value(&deep).is_err());
}

#[test]
fn errors_tell_where() {
    let error = parse_doc("{a: 1, b: ?}").unwrap_err();
    assert!(error.message().contains("offset 10"), "{error}");
}

#[test]
fn debug_is_the_shell_notation() {
    let doc = parse_doc("{a: NumberLong(1), b: [1.0, 'x'], 'c d': {}}").unwrap();
    assert_eq!(format!("{doc:?}"), r#"{a: NumberLong(1), b: [1.0, "x"], "c d": {}}"#);
    assert_eq!(format!("{:?}", Value::NOTHING), "missing");
    assert!(matches!(doc.get("a").unwrap().view(), View::Int64(1)));
}

/// Wrappers around the deepest value must not count against the limit on documents.
#[test]
fn the_deepest_valid_document_has_a_text() {
    use crate::limits::MAX_DOCUMENT_DEPTH;
    let nested = |levels: usize| format!("{}Date(-1){}", "{a: ".repeat(levels), "}".repeat(levels));
    let doc = parse_doc(&nested(MAX_DOCUMENT_DEPTH)).unwrap();
    assert_eq!(parse_doc(&to_string_canonical(Value::document(&doc))).unwrap(), doc);
    assert!(parse_doc(&nested(MAX_DOCUMENT_DEPTH + 1)).is_err());
    let scopes = |levels: usize| format!("{{a: {}{{}}{}}}", "Code('', {a: ".repeat(levels), "})".repeat(levels));
    let doc = parse_doc(&scopes(MAX_DOCUMENT_DEPTH - 2)).unwrap();
    assert_eq!(parse_doc(&to_string_canonical(Value::document(&doc))).unwrap(), doc);
}
