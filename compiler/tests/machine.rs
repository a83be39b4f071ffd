//! The way from a request to a result, end to end, for what the corpus rows cannot say: projections, sort keys,
//! matched positions and listings.

use smongo_compiler::{ParseContext, compile_filter, compile_projection, compile_sort};
use smongo_vm::env::Env;
use smongo_vm::interp::{Counts, Machine};
use smongo_vm::program::CountedListing;
use smongo_vm::value::{DocBuf, Value, extjson};

fn doc(text: &str) -> DocBuf {
    extjson::parse_doc(text).expect("a test's document")
}

fn projected(spec: &str, filter: &str, input: &str) -> Result<String, i32> {
    let mut ctx = ParseContext::new();
    let mut machine = Machine::new();
    let env = Env::fixed();
    let filter = compile_filter(&doc(filter), &mut ctx).expect("a test's filter");
    let input = doc(input);
    assert!(machine.matches(&filter.program, &input, &env).expect("a test's match"), "the filter must match");
    let position = machine.matched_position();
    let projection = compile_projection(&doc(spec), &mut ctx).map_err(|error| error.code().0)?;
    let projection = projection.expect("a projection that is not empty");
    let result = machine.project(&projection.program, &input, &env, position).map_err(|error| error.code().0)?;
    Ok(extjson::to_string_relaxed(Value::document(result)))
}

/// Expected documents are those of the manual's pages "Project Fields to Return from Query", "$slice (projection)",
/// "$elemMatch (projection)" and "$ (projection)", in their form for one minimal document.
#[test]
fn find_projections() {
    let rows = [
        ("{a: 1}", "{}", "{_id: 1, a: 2, b: 3}", "{_id: 1, a: 2}"),
        ("{a: 1, _id: 0}", "{}", "{_id: 1, a: 2, b: 3}", "{a: 2}"),
        ("{a: 0}", "{}", "{_id: 1, a: 2, b: 3}", "{_id: 1, b: 3}"),
        ("{_id: 0}", "{}", "{_id: 1, a: 2}", "{a: 2}"),
        ("{_id: 1}", "{}", "{_id: 1, a: 2}", "{_id: 1}"),
        ("{'a.b': 1}", "{}", "{_id: 1, a: {b: 2, c: 3}}", "{_id: 1, a: {b: 2}}"),
        ("{a: {b: 1}}", "{}", "{_id: 1, a: [{b: 2, c: 3}, 4, {c: 5}]}", "{_id: 1, a: [{b: 2}, {}]}"),
        ("{'a.b': 0}", "{}", "{_id: 1, a: [{b: 2, c: 3}, 4]}", "{_id: 1, a: [{c: 3}, 4]}"),
        ("{a: {$slice: 2}}", "{}", "{_id: 1, a: [1, 2, 3], b: 4}", "{_id: 1, a: [1, 2], b: 4}"),
        ("{a: {$slice: -2}}", "{}", "{_id: 1, a: [1, 2, 3]}", "{_id: 1, a: [2, 3]}"),
        ("{a: {$slice: [1, 1]}, b: 1}", "{}", "{_id: 1, a: [1, 2, 3], b: 4, c: 5}", "{_id: 1, a: [2], b: 4}"),
        ("{a: {$elemMatch: {x: 2}}}", "{}", "{_id: 1, a: [{x: 1}, {x: 2, y: 3}], b: 4}", "{_id: 1, a: [{x: 2, y: 3}]}"),
        ("{a: {$elemMatch: {$gt: 1}}}", "{}", "{_id: 1, a: [1, 2, 3]}", "{_id: 1, a: [2]}"),
        ("{'a.$': 1}", "{a: {$gte: 2}}", "{_id: 1, a: [1, 2, 3]}", "{_id: 1, a: [2]}"),
        ("{'a.$': 1}", "{$and: [{a: {$gt: 1}}, {a: {$lt: 5}}]}", "{_id: 1, a: [1, 2, 3]}", "{_id: 1, a: [2]}"),
        ("{'a.$': 1}", "{$or: [{a: 4}, {a: 2}]}", "{_id: 1, a: [1, 2, 3, 4]}", "{_id: 1, a: [2]}"),
        ("{'a.$': 1}", "{a: {$elemMatch: {x: 2}}}", "{_id: 1, a: [{x: 1}, {x: 2}]}", "{_id: 1, a: [{x: 2}]}"),
        ("{a: 1, s: {$eq: ['$a', 2]}}", "{}", "{_id: 1, b: 0, a: 2}", "{_id: 1, a: 2, s: true}"),
        ("{n: '$a.b'}", "{}", "{_id: 1, a: [{b: 1}, {b: 2}]}", "{_id: 1, n: [1, 2]}"),
    ];
    for (spec, filter, input, expected) in rows {
        let expected = extjson::to_string_relaxed(Value::document(&doc(expected)));
        assert_eq!(projected(spec, filter, input), Ok(expected), "{spec} of {input}");
    }
}

/// Conditions that hold without telling an element of the array (recorded answers of the server's functional suite).
#[test]
fn positional_projections_need_a_position() {
    let input = "{_id: 1, a: [1, 2, 3], b: 10}";
    for filter in ["{$or: [{a: 1}, {b: 10}]}", "{'a.0': 1}", "{a: {$size: 3}}", "{$nor: [{a: 9}]}"] {
        assert_eq!(projected("{'a.$': 1}", filter, input), Err(51246), "{filter}");
    }
}

/// What `$` stands for is decided by the request: the order of a document's fields has no part in it.
#[test]
fn positions_do_not_depend_on_the_order_of_fields() {
    for filter in ["{a: 9, b: 2}", "{b: 2, a: 9}", "{b: {$gt: 1}, a: {$in: [7]}, c: null}"] {
        let filter = compile_filter(&doc(filter), &mut ParseContext::new()).expect("a test's filter");
        let (mut machine, env) = (Machine::new(), Env::fixed());
        let positions =
            ["{a: [9, 7], b: [1, 2]}", "{b: [1, 2], a: [9, 7]}", "{x: 1, b: [1, 2], y: 2, a: [9, 7]}"].map(|input| {
                assert!(machine.matches(&filter.program, &doc(input), &env).expect("a test's match"), "{input}");
                machine.matched_position()
            });
        assert!(positions[0].is_some() && positions.iter().all(|position| *position == positions[0]), "{positions:?}");
    }
}

/// A machine remembers the layouts of the documents it has seen; what it finds does not depend on them.
#[test]
fn what_a_machine_has_seen_changes_no_outcome() {
    let docs = [
        "{_id: 1, a: 1, b: {x: 1, y: 2}, name_of_seventeen: 1}",
        "{_id: 2, a: 2.5, b: {x: 1, y: 2.5}, name_of_seventeen: 'x'}",
        "{_id: 3, a: 'a string', b: {y: 'y', x: 1}}",
        "{_id: 4, a: null, b: {x: [1], y: null}, name_of_seventeen: 5}",
        "{_id: 5, b: {y: {z: 1}}, a: NumberLong(3)}",
        "{_id: 6, a: [1, 2.5], b: 1, name_of_seventeen: 1}",
        "{a: {b: 1}, _id: 7, b: {x: 2, y: 2}}",
        "{_id: 8, a: /x/, b: [{y: 2}]}",
        "{_id: 9}",
    ];
    for filter in [
        "{a: {$gt: 1}}",
        "{a: {$gte: 1}, 'b.y': {$lte: 2.5}}",
        "{'b.y': 2, 'b.x': 1}",
        "{name_of_seventeen: 1, a: {$ne: 1}}",
        "{a: {$in: ['a string', null]}, _id: {$gt: 0}}",
    ] {
        let filter = compile_filter(&doc(filter), &mut ParseContext::new()).expect("a test's filter");
        let env = Env::fixed();
        let mut seasoned = Machine::new();
        for step in 1..docs.len() {
            for at in 0..3 * docs.len() {
                let input = doc(docs[at * step % docs.len()]);
                let fresh = Machine::new().matches(&filter.program, &input, &env).expect("a match");
                assert_eq!(seasoned.matches(&filter.program, &input, &env).expect("a match"), fresh, "{input:?}");
            }
        }
    }
}

/// Codes as the manual's projection pages and the server's recorded answers give them.
#[test]
fn malformed_projections() {
    let rows = [
        ("{a: 1, b: 0}", 31254),
        ("{a: 0, b: 1}", 31253),
        ("{a: 1, 'a.b': 1}", 31249),
        ("{'a.b': 1, a: 1}", 31250),
        ("{a: {}}", 51270),
        ("{'a.$': 1, 'b.$': 1}", 31276),
        ("{'a.$': 0}", 31395),
        ("{'a.b': {$elemMatch: {x: 1}}}", 31275),
        ("{a: {$elemMatch: 1}}", 31274),
        ("{'a.$': 'x'}", 31308),
        ("{'a.$': {b: 1}}", 31271),
    ];
    for (spec, code) in rows {
        assert_eq!(projected(spec, "{}", "{_id: 1}"), Err(code), "{spec}");
    }
}

/// Sorting rules: the manual's "Comparison/Sort Order" and cursor.sort() pages. Each row's documents are in order.
#[test]
fn sort_keys_order_documents() {
    let rows: [(&str, &[&str]); 5] = [
        (
            "{a: 1}",
            &["{a: {$minKey: 1}}", "{a: []}", "{}", "{a: 1}", "{a: 1.5}", "{a: 'x'}", "{a: {b: 1}}", "{a: true}"],
        ),
        ("{a: -1}", &["{a: 'x'}", "{a: 2}", "{a: 1}", "{}"]),
        ("{a: 1}", &["{a: [0, 9]}", "{a: 1}", "{a: [2, 3]}"]),
        ("{a: -1}", &["{a: [0, 9]}", "{a: 3}", "{a: [1, 2]}"]),
        ("{a: 1, b: -1}", &["{a: 1, b: 2}", "{a: 1, b: 1}", "{a: 2, b: 9}"]),
    ];
    let env = Env::fixed();
    let mut machine = Machine::new();
    for (spec, docs) in rows {
        let program =
            compile_sort(&doc(spec), &ParseContext::new()).expect("a test's sort").expect("a sort that is not empty");
        let keys: Vec<Vec<u8>> = docs
            .iter()
            .map(|text| {
                let mut key = Vec::new();
                machine.sort_key(&program, &doc(text), &env, &mut key).expect("a key");
                key
            })
            .collect();
        assert!(keys.is_sorted_by(|a, b| a < b), "{spec} over {docs:?}");
    }
    let both =
        compile_sort(&doc("{a: 1, b: 1}"), &ParseContext::new()).expect("a sort").expect("a sort that is not empty");
    let error = machine.sort_key(&both, &doc("{a: [1], b: [2]}"), &env, &mut Vec::new()).expect_err("parallel arrays");
    assert_eq!(error.code().0, 2);
}

#[test]
fn a_listing_shows_instructions_with_what_they_refer_to() {
    let filter = compile_filter(&doc("{a: 5, $or: [{'b.c': {$gt: 1}}, {d: {$in: [1, 2]}}]}"), &mut ParseContext::new());
    let listing = filter.expect("a filter").program.to_string();
    for part in ["filter registers=0", "test.eq p0, c0, ->", "; a 5", "b.c", "in [1, 2]", "match", "reject"] {
        assert!(listing.contains(part), "no {part:?} in\n{listing}");
    }
}

/// What is counted follows from the documents: all three are tried, one passes the first test, and the layout is new once.
#[test]
fn counting_runs_tell_how_often_control_reached_an_instruction_and_went_on() {
    let filter =
        compile_filter(&doc("{$or: [{a: 5}, {'b.c': {$gt: 1}}]}"), &mut ParseContext::new()).expect("a filter");
    let counts = Counts::default();
    let env = Env { counts: Some(&counts), ..Env::fixed() };
    let mut machine = Machine::new();
    // An element near the end of a document is not looked for in the memory.
    let pad = "'a string that is longer than elements in the memory'";
    for (id, a, c) in [(1, 5, 0), (2, 6, 2), (3, 7, 0)] {
        let text = format!("{{_id: {id}, a: {a}, b: {{c: {c}, pad: {pad}}}, pad: {pad}}}");
        machine.matches(&filter.program, &doc(&text), &env).expect("a run");
    }
    machine.matches(&filter.program, &doc("{a: 5}"), &Env::fixed()).expect("a run that is not counted");
    let counted = counts.of(&filter.program).expect("counted");
    assert_eq!(counted.runs, 3);
    let listing = CountedListing { program: &filter.program, counts: &counts }.to_string();
    let of = |op: &str| {
        let line = listing.lines().find(|line| line.contains(op)).unwrap_or_default();
        let number = |name: &str| line.split(name).nth(1)?.split_whitespace().next()?.parse::<u64>().ok();
        (number("in="), number("out="))
    };
    assert_eq!(of("test.eq"), (Some(3), Some(1)), "{listing}");
    assert_eq!(of("test.gt"), (Some(2), Some(1)), "{listing}");
    // `_id` and `a` of each, `b` and `c` of two; in the first they were new, `b` and `c` in the second.
    assert_eq!((counted.elements, counted.unknown), (10, 4));
    assert_eq!(counted.layout_hit_rate(), Some(0.6));
}
