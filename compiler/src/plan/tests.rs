//! Plans as text: indexes, filter and order on the left, the access path on the right.

use smongo_vm::value::extjson::parse_doc;
use smongo_vm::value::{ArrayComponents, FieldPath, Value};

use super::*;
use crate::front::{context::ParseContext, filter, sort};

/// `{a: 1, b: -1}` with flags behind it: `sparse`, `hidden`, `hashed`, `array PATH DEPTH`, `if FILTER`; of a wildcard
/// index `in PATH` or `but PATH` and `arrays PATH`.
fn description(text: &str) -> (IndexDescription, Vec<ArrayComponents>, WildcardArrays) {
    let mut parts = text.split(';').map(str::trim);
    let pattern = parse_doc(parts.next().unwrap()).unwrap();
    let mut known = WildcardArrays::new();
    let mut fields: Vec<IndexField> = pattern
        .iter()
        .map(|field| IndexField {
            path: FieldPath::new(field.name_str()),
            order: match field.value().as_integer() {
                Some(1) => FieldOrder::Ascending,
                Some(_) => FieldOrder::Descending,
                None => FieldOrder::Hashed,
            },
        })
        .collect();
    let place = fields.iter().position(|field| field.path == FieldPath::new("$**"));
    let wildcard = place.map(|place| {
        fields[place].path = FieldPath::from_components([]);
        fields.insert(place, IndexField { path: FieldPath::new(PATH_FIELD), order: FieldOrder::Ascending });
        Wildcard { place, paths: WildcardPaths { listed: Vec::new(), includes: false, has_id: false } }
    });
    let mut arrays = vec![ArrayComponents::default(); fields.len()];
    let mut index = IndexDescription {
        fields,
        is_sparse: false,
        partial_filter: None,
        is_hidden: false,
        collation: None,
        wildcard,
    };
    for flag in parts {
        let words: Vec<&str> = flag.split(' ').collect();
        match words.as_slice() {
            ["sparse"] => index.is_sparse = true,
            ["hidden"] => index.is_hidden = true,
            ["array", field, component] => {
                arrays[field.parse::<usize>().unwrap()].insert(component.parse().unwrap());
            }
            ["arrays", path] => {
                known.insert((*path).into());
            }
            [kind @ ("in" | "but"), path] => {
                let paths = &mut index.wildcard.as_mut().unwrap().paths;
                paths.includes = *kind == "in";
                paths.listed.push(FieldPath::new(path));
            }
            ["if", ..] => index.partial_filter = Some(parsed(&flag[3..])),
            other => unreachable!("{other:?}"),
        }
    }
    (index, arrays, known)
}

fn parsed(text: &str) -> Filter {
    filter::parse(&parse_doc(text).unwrap(), &mut ParseContext::new()).unwrap()
}

fn planned(indexes: &[&str], filter: &str, order: &str) -> String {
    let described: Vec<_> = indexes.iter().map(|index| description(index)).collect();
    let views: Vec<IndexView<'_>> = described
        .iter()
        .map(|(description, arrays, known)| IndexView {
            description,
            arrays: arrays.clone(),
            wildcard_arrays: Some(Arc::new(known.clone())),
        })
        .collect();
    let sort = sort::parse(&parse_doc(order).unwrap()).unwrap();
    let path = plan(&PlanRequest { filter: &parsed(filter), collation: None, sort: sort.as_ref(), hint: None }, &views);
    let scan_text = |scan: &IndexScanPlan| {
        let mut text = format!("{}", scan.index);
        let description = scan.wildcard.as_ref().map_or(&described[scan.index].0, |wildcard| &wildcard.description);
        for (field, bounds) in description.fields.iter().zip(&scan.bounds) {
            text.push_str(&format!(" {}: {bounds}", field.path));
        }
        if scan.direction == ScanDirection::Backward {
            text.push_str(" backward");
        }
        if scan.is_sorted {
            text.push_str(" sorted");
        }
        text
    };
    let scans_text = |scans: &[IndexScanPlan]| scans.iter().map(scan_text).collect::<Vec<_>>().join(" | ");
    let mut text = match &path {
        AccessPath::CollectionScan => return "COLLSCAN".into(),
        AccessPath::IndexScan(scan) => scan_text(scan),
        AccessPath::Union(union) if union.is_sorted => format!("merge {}", scans_text(&union.branches)),
        AccessPath::Union(union) => format!("or {}", scans_text(&union.branches)),
    };
    match path.residual() {
        Residual::Nothing => text.push_str(" proven"),
        Residual::Part(left) => text.push_str(&format!(
            " left {}",
            smongo_vm::value::extjson::to_string_shell(Value::document(&crate::explain::filter_document(left)))
        )),
        Residual::Whole => {}
    }
    text
}

fn check(rows: &[(&[&str], &str, &str, &str)]) {
    let found = rows.iter().map(|(indexes, filter, order, _)| planned(indexes, filter, order));
    let wrong: Vec<String> = rows
        .iter()
        .zip(found)
        .filter(|((.., expected), found)| expected != found)
        .map(|((indexes, filter, order, expected), found)| {
            format!("{indexes:?} {filter} {order}\n  expected {expected}\n  found    {found}")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bounds_of_single_conditions() {
    let a: &[&str] = &["{a: 1}"];
    check(&[
        (a, "{}", "{}", "COLLSCAN"),
        (a, "{b: 1}", "{}", "COLLSCAN"),
        (a, "{a: 1}", "{}", "0 a: [1, 1] proven"),
        (a, "{a: 1, b: 1}", "{}", "0 a: [1, 1] left {b: {$eq: 1}}"),
        (a, "{a: null}", "{}", "0 a: [null, null] proven"),
        (a, "{a: {$gt: 1}}", "{}", "0 a: (1, Infinity] proven"),
        (a, "{a: {$gte: 1, $lt: 5}}", "{}", "0 a: [1, 5) proven"),
        (a, "{a: {$lt: 'x'}}", "{}", "0 a: [\"\", \"x\") proven"),
        (a, "{a: {$gt: 'x'}}", "{}", "0 a: (\"x\", {}) proven"),
        (a, "{a: {$in: [3, 1, 2]}}", "{}", "0 a: [1, 1] [2, 2] [3, 3] proven"),
        (a, "{a: {$ne: 1}}", "{}", "0 a: [MinKey, 1) (1, MaxKey] proven"),
        (a, "{a: /^ab/}", "{}", "0 a: [\"ab\", \"ac\") [BSONRegExp(\"^ab\", \"\"), BSONRegExp(\"^ab\", \"\")]"),
        (a, "{a: /b/}", "{}", "0 a: [\"\", {}) [BSONRegExp(\"b\", \"\"), BSONRegExp(\"b\", \"\")]"),
        (a, "{a: {$exists: false}}", "{}", "0 a: [null, null]"),
        (a, "{a: {$exists: true}}", "{}", "COLLSCAN"),
        (a, "{a: [1, 2]}", "{}", "0 a: [1, 1] [[1, 2], [1, 2]]"),
        (a, "{a: []}", "{}", "0 a: [undefined, undefined] [[], []]"),
        (a, "{$or: [{a: 1}, {a: {$gt: 5}}]}", "{}", "0 a: [1, 1] (5, Infinity] proven"),
        (a, "{$or: [{a: 1}, {b: 1}]}", "{}", "COLLSCAN"),
        (a, "{a: {$gt: 1, $lt: 0}}", "{}", "0 a:  proven"),
    ]);
}

#[test]
fn compound_indexes() {
    let ab: &[&str] = &["{a: 1, b: -1}"];
    check(&[
        (ab, "{a: 1, b: {$gt: 2}}", "{}", "0 a: [1, 1] b: (2, Infinity] proven"),
        (ab, "{b: 2}", "{}", "COLLSCAN"),
        (ab, "{a: {$gt: 1}, b: 2}", "{}", "0 a: (1, Infinity] b: [2, 2] proven"),
        (&["{a: 1}", "{a: 1, b: 1}"], "{a: 1, b: 2}", "{}", "1 a: [1, 1] b: [2, 2] proven"),
        (&["{a: 1, b: 1}", "{a: 1}"], "{a: 1}", "{}", "1 a: [1, 1] proven"),
        (&["{a: 1}", "{b: 1}"], "{a: {$gt: 1}, b: 2}", "{}", "1 b: [2, 2] left {a: {$gt: 1}}"),
    ]);
}

#[test]
fn orders() {
    let ab: &[&str] = &["{a: 1, b: -1}"];
    check(&[
        (ab, "{}", "{a: 1}", "0 a: [MinKey, MaxKey] b: [MinKey, MaxKey] sorted proven"),
        (ab, "{}", "{a: -1, b: 1}", "0 a: [MinKey, MaxKey] b: [MinKey, MaxKey] backward sorted proven"),
        (ab, "{}", "{a: 1, b: 1}", "COLLSCAN"),
        (ab, "{}", "{b: 1}", "COLLSCAN"),
        (ab, "{a: 1}", "{b: 1}", "0 a: [1, 1] b: [MinKey, MaxKey] backward sorted proven"),
        (ab, "{a: 1, b: {$gt: 2}}", "{a: 1, b: 1}", "0 a: [1, 1] b: (2, Infinity] backward sorted proven"),
        (
            ab,
            "{a: {$in: [1, 2]}}",
            "{b: 1}",
            "merge 0 a: [1, 1] b: [MinKey, MaxKey] backward sorted | 0 a: [2, 2] b: [MinKey, MaxKey] backward sorted \
             proven",
        ),
        (ab, "{a: 1}", "{a: 1, c: 1}", "0 a: [1, 1] b: [MinKey, MaxKey] proven"),
        (&["{a: 1}"], "{a: 1}", "{a: -1}", "0 a: [1, 1] sorted proven"),
        (&["{a: 1}; array 0 0"], "{a: 1}", "{a: -1}", "0 a: [1, 1] proven"),
        (&["{a: 1}; array 0 0"], "{}", "{a: -1}", "0 a: [MinKey, MaxKey] backward sorted proven"),
        (&["{a: 1, b: 1}; array 0 0"], "{a: 1}", "{b: 1}", "0 a: [1, 1] b: [MinKey, MaxKey] sorted proven"),
    ]);
}

#[test]
fn arrays_keep_conditions_apart() {
    let leaf: &[&str] = &["{a: 1}; array 0 0"];
    let shared: &[&str] = &["{'a.b': 1, 'a.c': 1}; array 0 0; array 1 0"];
    let full = "[MinKey, MaxKey]";
    check(&[
        (leaf, "{a: {$gt: 1, $lt: 5}}", "{}", "0 a: (1, Infinity] left {a: {$lt: 5}}"),
        (leaf, "{a: {$elemMatch: {$gt: 1, $lt: 5}}}", "{}", "0 a: (1, 5)"),
        (leaf, "{a: {$ne: null}}", "{}", "COLLSCAN"),
        (shared, "{'a.b': 1, 'a.c': 2}", "{}", &format!("0 a.b: [1, 1] a.c: {full} left {{\"a.c\": {{$eq: 2}}}}")),
        (shared, "{a: {$elemMatch: {b: 1, c: 2}}}", "{}", "0 a.b: [1, 1] a.c: [2, 2]"),
        (&["{'a.b': 1, 'a.c': 1}; array 0 1"], "{'a.b': 1, 'a.c': 2}", "{}", "0 a.b: [1, 1] a.c: [2, 2] proven"),
        (&["{'a.0': 1}; array 0 0"], "{'a.0': 1}", "{}", "COLLSCAN"),
        (&["{'a.0': 1}"], "{'a.0': 1}", "{}", "0 a.0: [1, 1] proven"),
    ]);
}

#[test]
fn indexes_that_lack_documents_are_used_only_where_none_is_lacking() {
    let sparse: &[&str] = &["{a: 1}; sparse"];
    let partial: &[&str] = &["{a: 1}; if {b: {$gt: 5}}"];
    check(&[
        (sparse, "{a: 1}", "{}", "0 a: [1, 1] proven"),
        (sparse, "{a: null}", "{}", "COLLSCAN"),
        (sparse, "{a: {$ne: 1}}", "{}", "COLLSCAN"),
        (sparse, "{}", "{a: 1}", "COLLSCAN"),
        (sparse, "{a: {$exists: true}}", "{a: 1}", "0 a: [MinKey, MaxKey] sorted"),
        (partial, "{a: 1}", "{}", "COLLSCAN"),
        (partial, "{a: 1, b: 6}", "{}", "0 a: [1, 1] left {b: {$eq: 6}}"),
        (partial, "{a: 1, b: {$gt: 5}}", "{}", "0 a: [1, 1] left {b: {$gt: 5}}"),
        (partial, "{a: 1, b: {$gte: 5}}", "{}", "COLLSCAN"),
        (partial, "{a: 1, b: {$in: [6, 7]}}", "{}", "0 a: [1, 1] left {b: {$in: [6, 7]}}"),
        (partial, "{a: 1, b: 'x'}", "{}", "COLLSCAN"),
        (&["{a: 1}; if {b: {$exists: true}}"], "{a: 1, b: 3}", "{}", "0 a: [1, 1] left {b: {$eq: 3}}"),
        (&["{a: 1}; hidden"], "{a: 1}", "{}", "COLLSCAN"),
    ]);
}

#[test]
fn hashes_answer_equality_only() {
    let hashed: &[&str] = &["{a: 'hashed'}"];
    let hash = smongo_vm::algo::hashed_key::hashed_key(Value::int32(1));
    check(&[(hashed, "{a: {$gt: 1}}", "{}", "COLLSCAN"), (hashed, "{}", "{a: 1}", "COLLSCAN")]);
    assert!(planned(hashed, "{a: 1}", "{}").contains(&hash.to_string()));
}

#[test]
fn several_scans() {
    let two: &[&str] = &["{a: 1}", "{b: 1}"];
    check(&[
        (two, "{$or: [{a: 1}, {b: 2}]}", "{}", "or 0 a: [1, 1] | 1 b: [2, 2] proven"),
        (two, "{$or: [{a: 1, c: 3}, {b: 2}]}", "{}", "or 0 a: [1, 1] | 1 b: [2, 2]"),
        (two, "{$or: [{a: 1}, {b: 2}, {c: 3}]}", "{}", "COLLSCAN"),
        (two, "{$or: [{a: 1}, {b: 2}], c: 3}", "{}", "or 0 a: [1, 1] | 1 b: [2, 2]"),
        // What stands beside the `$or` narrows its branches.
        (&["{a: 1, c: 1}", "{b: 1}"], "{$or: [{a: 1}, {b: 2}], c: 3}", "{}", "or 0 a: [1, 1] c: [3, 3] | 1 b: [2, 2]"),
        (
            &["{a: 1, c: 1}", "{b: 1, c: 1}"],
            "{$or: [{a: 1}, {b: 2}]}",
            "{c: 1}",
            "merge 0 a: [1, 1] c: [MinKey, MaxKey] sorted | 1 b: [2, 2] c: [MinKey, MaxKey] sorted proven",
        ),
        // Keys of arrays do not tell in which order a document belongs.
        (
            &["{a: 1, c: 1}; array 1 0", "{b: 1, c: 1}"],
            "{$or: [{a: 1}, {b: 2}]}",
            "{c: 1}",
            "or 0 a: [1, 1] c: [MinKey, MaxKey] | 1 b: [2, 2] c: [MinKey, MaxKey] sorted proven",
        ),
    ]);
}

#[test]
fn wildcard_indexes_answer_for_each_path() {
    let all: &[&str] = &["{'$**': 1}"];
    let point = "0 $_path: [\"a\", \"a\"]";
    let below = "0 $_path: [\"a\", \"a\"] [\"a.\", \"a/\")";
    let rows: &[(&[&str], &str, &str, String)] = &[
        (all, "{a: 1}", "{}", format!("{point} a: [1, 1] proven")),
        (all, "{a: {$gt: 1}}", "{}", format!("{point} a: (1, Infinity] proven")),
        (all, "{a: {$in: [1, 2]}}", "{}", format!("{point} a: [1, 1] [2, 2] proven")),
        (all, "{a: {$exists: true}}", "{}", format!("{below} a: [MinKey, MaxKey]")),
        (all, "{a: 1, b: 2}", "{}", format!("{point} a: [1, 1] left {{b: {{$eq: 2}}}}")),
        (all, "{a: {}}", "{}", format!("{point} a: [{{}}, {{}}]")),
        (all, "{a: {$gt: 1}}", "{a: -1}", format!("{point} a: (1, Infinity] backward sorted proven")),
        (all, "{a: {$gt: 1}}", "{b: 1}", format!("{point} a: (1, Infinity] proven")),
        // What documents without the path may match.
        (all, "{}", "{}", "COLLSCAN".into()),
        (all, "{}", "{a: 1}", "COLLSCAN".into()),
        (all, "{a: null}", "{}", "COLLSCAN".into()),
        (all, "{a: {$ne: 1}}", "{}", "COLLSCAN".into()),
        (all, "{a: {$exists: false}}", "{}", "COLLSCAN".into()),
        (all, "{a: {$in: [1, null]}}", "{}", "COLLSCAN".into()),
        // What the index has no keys of.
        (all, "{a: {b: 1}}", "{}", "COLLSCAN".into()),
        (all, "{a: [1, 2]}", "{}", "COLLSCAN".into()),
        (all, "{_id: {$gt: 1}}", "{}", "COLLSCAN".into()),
        (&["{'$**': 1}; in b"], "{a: 1}", "{}", "COLLSCAN".into()),
        (&["{'$**': 1}; in a.b"], "{a: 1}", "{}", "COLLSCAN".into()),
        (&["{'$**': 1}; but a"], "{a.b: 1}", "{}", "COLLSCAN".into()),
        (&["{'$**': 1}; but a.b"], "{a: 1}", "{}", format!("{point} a: [1, 1] proven")),
        (&["{'$**': 1}; but a.b"], "{a: {$exists: true}}", "{}", "COLLSCAN".into()),
        // Arrays.
        (
            &["{'$**': 1}; arrays a"],
            "{a: {$gt: 1, $lt: 5}}",
            "{}",
            format!("{point} a: (1, Infinity] left {{a: {{$lt: 5}}}}"),
        ),
        (&["{'$**': 1}; arrays a"], "{a: {$gt: 1}}", "{a: 1}", format!("{point} a: (1, Infinity] proven")),
        (&["{'$**': 1}; arrays a"], "{'a.0': 1}", "{}", "COLLSCAN".into()),
        // An index of fewer fields is preferred.
        (&["{'$**': 1}", "{a: 1}"], "{a: 1}", "{}", "1 a: [1, 1] proven".into()),
        // Every branch of a union may have a path of its own.
        (
            all,
            "{$or: [{a: 1}, {b: 2}]}",
            "{}",
            "or 0 $_path: [\"a\", \"a\"] a: [1, 1] | 0 $_path: [\"b\", \"b\"] b: [2, 2] proven".into(),
        ),
        // Fields beside the wildcard.
        (
            &["{x: 1, '$**': 1, y: 1}; in a"],
            "{x: 1, 'a.b': 2, y: {$lt: 3}}",
            "{}",
            "0 x: [1, 1] $_path: [\"a.b\", \"a.b\"] a.b: [2, 2] y: [-Infinity, 3) proven".into(),
        ),
        (
            &["{x: 1, '$**': 1}; in a"],
            "{x: 1}",
            "{}",
            "0 x: [1, 1] $_path: [MinKey, MinKey] [\"\", {}) : [MinKey, MaxKey] proven".into(),
        ),
        (&["{x: 1, '$**': 1}; in a"], "{y: 1}", "{}", "COLLSCAN".into()),
        (&["{'$**': 1, x: 1}; in a"], "{x: 1}", "{}", "COLLSCAN".into()),
    ];
    let rows: Vec<_> =
        rows.iter().map(|(indexes, filter, order, path)| (*indexes, *filter, *order, path.as_str())).collect();
    check(&rows);
}
