//! What it costs to make a usual filter ready: compiled and planned from nothing with four indexes to choose among; and
//! from the shape of an earlier request by binding this one's values, without and with the keys to scan in the index that
//! was chosen then.

#![allow(missing_docs)]

use std::collections::HashMap;
use std::hint::black_box;

use smongo_benches::measure::{Way, compare};
use smongo_compiler::plan::{
    AccessPath, FieldOrder, IndexDescription, IndexField, IndexView, PlanRequest, plan, plan_again,
};
use smongo_compiler::shape::{Shape, compile_shape};
use smongo_compiler::{ParseContext, compile_filter};
use smongo_vm::value::{ArrayComponents, FieldPath, extjson};

const FILTERS: [(&str, &str); 3] = [
    ("equality", r#"{customer: 4711}"#),
    ("usual", r#"{status: "active", age: {$gte: 18, $lt: 65}, "address.city": "Oslo"}"#),
    ("in", r#"{status: {$in: ["active", "pending", "new"]}, customer: 4711}"#),
];

/// How often a filter is made ready in a round.
const TIMES: u64 = 2000;

fn index(paths: &[&str]) -> IndexDescription {
    let field = |path: &&str| IndexField { path: FieldPath::new(path), order: FieldOrder::Ascending };
    IndexDescription {
        fields: paths.iter().map(field).collect(),
        is_sparse: false,
        partial_filter: None,
        is_hidden: false,
        collation: None,
        wildcard: None,
    }
}

/// Runs `ready` so many times.
fn repeatedly<R>(mut ready: impl FnMut() -> R) -> u64 {
    (0..TIMES).for_each(|_| drop(black_box(ready())));
    TIMES
}

fn main() {
    let indexes = [index(&["_id"]), index(&["customer"]), index(&["status", "age"]), index(&["address.city"])];
    let view =
        |description| IndexView { description, arrays: vec![ArrayComponents::default(); 2], wildcard_arrays: None };
    let views: Vec<IndexView<'_>> = indexes.iter().map(view).collect();
    for (name, text) in FILTERS {
        let filter = extjson::parse_doc(text).expect("the filter");
        let choose = || {
            let compiled = compile_filter(black_box(&filter), &mut ParseContext::new()).expect("it compiles");
            let request = PlanRequest { filter: &compiled.ir, collation: None, sort: None, hint: None };
            let access = plan(&request, &views);
            (compiled, access)
        };
        let chosen = match choose() {
            (_, AccessPath::IndexScan(scan)) => Some(scan.index),
            _ => None,
        };
        let chosen = chosen.expect("an index serves the filter");
        let shape = Shape::of(&filter).expect("a shape");
        let (shaped, _) = compile_shape(&filter, &shape, &mut ParseContext::new()).expect("it compiles");
        let cache = HashMap::from([(shape.key, shaped.expect("parameters in order"))]);
        let hit = || {
            let shape = Shape::of(black_box(&filter)).expect("a shape");
            cache[&shape.key].bind(&shape.params).expect("it binds")
        };
        let hit_with_keys = || {
            let compiled = hit();
            let request = PlanRequest { filter: &compiled.ir, collation: None, sort: None, hint: None };
            let scan = plan_again(&request, chosen, &views[chosen]).expect("the index serves");
            (compiled, scan)
        };
        compare(
            &format!("making {text} ready: {name}"),
            TIMES,
            &["cold"],
            vec![
                Way::new("cold", || repeatedly(choose)),
                Way::new("hit and bind", || repeatedly(hit)),
                Way::new("hit, bind and keys", || repeatedly(hit_with_keys)),
            ],
        );
    }
}
