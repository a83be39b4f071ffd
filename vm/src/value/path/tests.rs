//! Tables of (document, path) against what each walk sees. Expectations: MongoDB's manual on querying arrays and on
//! multikey indexes.

use std::ops::ControlFlow;

use bumpalo::Bump;

use super::super::extjson::{parse_doc, to_string_relaxed};
use super::super::{DocBuf, Value};
use super::*;

fn show(value: Value<'_>) -> String {
    if value.is_nothing() { "missing".into() } else { to_string_relaxed(value) }
}

fn doc(text: &str) -> DocBuf {
    parse_doc(text).unwrap()
}

fn matched(text: &str, path: &str, traverse_leaf_array: bool) -> Vec<String> {
    let doc = doc(text);
    let mut seen = Vec::new();
    let flow = match_path(&doc, FieldPath::new(path).components(), traverse_leaf_array, &mut |value, position| {
        seen.push(position.map_or(show(value), |position| format!("{}@{position}", show(value))));
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    seen
}

#[test]
fn filters_see() {
    let rows: &[(&str, &str, &[&str])] = &[
        ("{a: 1}", "a", &["1"]),
        ("{}", "a", &["missing"]),
        ("{a: 1}", "a.b", &["missing"]),
        ("{a: {b: 1}}", "a.b", &["1"]),
        ("{a: {}}", "a.b", &["missing"]),
        ("{a: [1, 2]}", "a", &["1@0", "2@1", "[1,2]"]),
        ("{a: []}", "a", &["[]"]),
        ("{a: [[1], 2]}", "a", &["[1]@0", "2@1", "[[1],2]"]),
        ("{a: []}", "a.b", &[]),
        ("{a: [1, 2]}", "a.b", &[]),
        ("{a: [{b: 1}, {}]}", "a.b", &["1@0", "missing@1"]),
        ("{a: [[{b: 1}]]}", "a.b", &[]),
        ("{a: [{b: [1, 2]}]}", "a.b", &["1@0", "2@0", "[1,2]@0"]),
        ("{a: [{b: [{c: 1}, {c: 2}]}]}", "a.b.c", &["1@0", "2@0"]),
        ("{a: [5, 6]}", "a.1", &["6"]),
        ("{a: [5, 6]}", "a.2", &[]),
        ("{a: [5, [1, 2]]}", "a.1", &["[1,2]"]),
        ("{a: [5, 6]}", "a.01", &[]),
        ("{a: {\"1\": 7}}", "a.1", &["7"]),
        ("{a: [{\"0\": 7}]}", "a.0", &["7@0", "{\"0\":7}"]),
        ("{a: [{b: 1}, {b: 2}]}", "a.1.b", &["missing@0", "missing@1", "2"]),
        ("{a: [[{b: 1}, {b: 2}]]}", "a.0.b", &["1@0", "2@1"]),
        ("{a: [{b: [5, 6]}]}", "a.0.b", &["missing@0", "5@0", "6@1", "[5,6]"]),
    ];
    for (doc, path, expected) in rows {
        assert_eq!(matched(doc, path, true), *expected, "{doc} {path}");
    }
    assert_eq!(matched("{a: [1, 2]}", "a", false), ["[1,2]"]);
    assert_eq!(matched("{a: [{b: [1]}]}", "a.b", false), ["[1]@0"]);
}

#[test]
fn a_filter_stops_where_it_is_told() {
    let doc = doc("{a: [1, 2, 3]}");
    let mut seen = 0;
    let flow = match_path(&doc, FieldPath::new("a").components(), true, &mut |_, _| {
        seen += 1;
        if seen == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((flow, seen), (ControlFlow::Break(()), 2));
}

#[test]
fn expressions_give() {
    let arena = Bump::new();
    for (text, path, expected) in [
        ("{a: {b: 1}}", "a.b", "1"),
        ("{a: 1}", "a.b", "missing"),
        ("{}", "a.b", "missing"),
        ("{a: []}", "a.b", "[]"),
        ("{a: [1, 2]}", "a", "[1,2]"),
        ("{a: [{b: 1}, {}, 5, {b: null}]}", "a.b", "[1,null]"),
        ("{a: [{b: [1, 2]}, {b: 3}]}", "a.b", "[[1,2],3]"),
        ("{a: [{b: [{c: 1}, {c: 2}]}, {b: {c: 3}}]}", "a.b.c", "[[1,2],3]"),
        ("{a: [[{b: 1}]]}", "a.b", "[]"),
        ("{a: [5, 6]}", "a.0", "[]"),
        ("{a: [{\"0\": 7}]}", "a.0", "[7]"),
        ("{a: {\"0\": 7}}", "a.0", "7"),
    ] {
        let doc = doc(text);
        let value = expr_path(Value::document(&doc), FieldPath::new(path).components(), &arena);
        assert_eq!(show(value), expected, "{text} {path}");
    }
    let root = doc("{a: [{b: 1}, {b: 2}]}");
    let root = root.get("a").unwrap();
    assert_eq!(show(expr_path(root, FieldPath::new("b").components(), &arena)), "[1,2]");
}

#[test]
fn indexes_hold() {
    let rows: &[(&str, &str, &[&str], &[usize])] = &[
        ("{a: 1}", "a", &["1"], &[]),
        ("{}", "a", &["null"], &[]),
        ("{a: 1}", "a.b", &["null"], &[]),
        ("{a: [1, 2, 1]}", "a", &["1", "2", "1"], &[0]),
        ("{a: []}", "a", &["{\"$undefined\":true}"], &[0]),
        ("{a: []}", "a.b", &["null"], &[0]),
        ("{a: {b: []}}", "a.b", &["{\"$undefined\":true}"], &[1]),
        ("{a: [[1, 2], 3]}", "a", &["[1,2]", "3"], &[0]),
        ("{a: [{b: 1}, {}, 5]}", "a.b", &["1", "null", "null"], &[0]),
        ("{a: [{b: [1, 2]}, {b: 3}]}", "a.b", &["1", "2", "3"], &[0, 1]),
        ("{a: [[{b: 1}]]}", "a.b", &["null"], &[0]),
        ("{a: [5, 6]}", "a.1", &["6", "6"], &[0]),
        ("{a: [[5, 6]]}", "a.0", &["[5,6]"], &[0]),
        ("{a: [[5, 6]]}", "a.0.1", &["6", "6"], &[0, 1]),
        ("{a: [{b: 1}, {b: 2}]}", "a.0.b", &["1", "1"], &[0]),
        ("{a: [[{b: 1}, {b: 2}]]}", "a.0.b", &["1", "2"], &[0, 1]),
        ("{a: {\"0\": 1}}", "a.0", &["1"], &[]),
    ];
    for (text, path, expected, arrays) in rows {
        let doc = doc(text);
        let mut seen = Vec::new();
        let path = FieldPath::new(path);
        let found = key_values(&doc, path.components(), &mut |value| seen.push(show(value))).unwrap();
        assert_eq!(seen, *expected, "{text} {path}");
        assert_eq!(found.iter().collect::<Vec<_>>(), *arrays, "{text} {path}");
    }
}

#[test]
fn a_position_that_is_also_a_field_is_ambiguous() {
    let doc = doc("{a: [{\"0\": 1}]}");
    let error = key_values(&doc, FieldPath::new("a.0").components(), &mut |_| {}).unwrap_err();
    assert_eq!(error.code().0, 16746);
}

#[test]
fn components_know_positions() {
    for (name, index) in [
        ("0", Some(0)),
        ("12", Some(12)),
        ("01", None),
        ("00", None),
        ("+1", None),
        ("", None),
        ("1a", None),
        ("4294967295", Some(u32::MAX)),
        ("4294967296", None),
    ] {
        assert_eq!(array_index(name), index, "{name}");
    }
    assert_eq!(FieldPath::new("a..b").to_string(), "a..b");
    assert!(FieldPath::new("a.b").is_prefix_of(&FieldPath::new("a.b.c")));
    assert!(!FieldPath::new("a.b").is_prefix_of(&FieldPath::new("a.bc")));
}

#[test]
fn compound_indexes_hold() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("{a: 1, b: 2}", &["a", "b"], &["[1,2]"]),
        ("{a: [1, 2], b: 3}", &["a", "b"], &["[1,3]", "[2,3]"]),
        ("{a: [{b: 1, c: 2}, {b: 3}]}", &["a.b", "a.c"], &["[1,2]", "[3,null]"]),
        ("{a: [{b: [1, 2], c: 3}]}", &["a.b", "a.c"], &["[1,3]", "[2,3]"]),
        ("{a: [{b: 1}]}", &["a", "a.b"], &["[{\"b\":1},1]"]),
        ("{a: []}", &["a", "a.b"], &["[{\"$undefined\":true},null]"]),
    ];
    for (text, paths, expected) in rows {
        let doc = doc(text);
        let paths: Vec<FieldPath> = paths.iter().map(|path| FieldPath::new(path)).collect();
        let paths: Vec<&[Component]> = paths.iter().map(FieldPath::components).collect();
        let mut seen = Vec::new();
        let mut arrays = vec![ArrayComponents::default(); paths.len()];
        index_keys(&doc, &paths, &mut arrays, &mut |key| {
            seen.push(format!("[{}]", key.iter().map(|&value| show(value)).collect::<Vec<_>>().join(",")));
        })
        .unwrap();
        assert_eq!(seen, *expected, "{text}");
    }
}

#[test]
fn parallel_arrays_are_refused() {
    let doc = doc("{addresses: [1], hobbies: [2]}");
    let paths = [FieldPath::new("addresses"), FieldPath::new("hobbies")];
    let mut arrays = [ArrayComponents::default(); 2];
    let error =
        index_keys(&doc, &[paths[0].components(), paths[1].components()], &mut arrays, &mut |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CannotIndexParallelArrays (171): cannot index parallel arrays [hobbies] [addresses]"
    );
}
