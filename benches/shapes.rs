//! What it costs to make a usual filter ready: compiled and planned from nothing, and from the shape of an earlier request
//! by binding this one's values. Four indexes to choose among.

#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
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

fn shapes(criterion: &mut Criterion) {
    let indexes = [index(&["_id"]), index(&["customer"]), index(&["status", "age"]), index(&["address.city"])];
    let view =
        |description| IndexView { description, arrays: vec![ArrayComponents::default(); 2], wildcard_arrays: None };
    for (name, text) in FILTERS {
        let filter = extjson::parse_doc(text).expect("the filter");
        let mut group = criterion.benchmark_group(name);
        let views = || -> Vec<IndexView<'_>> { indexes.iter().map(view).collect() };
        let mut chosen = None;
        group.bench_function("cold", |b| {
            b.iter(|| {
                let compiled = compile_filter(black_box(&filter), &mut ParseContext::new()).expect("it compiles");
                let request = PlanRequest { filter: &compiled.ir, collation: None, sort: None, hint: None };
                let access = plan(&request, &views());
                if let AccessPath::IndexScan(scan) = &access {
                    chosen = Some(scan.index);
                }
                (compiled, access)
            });
        });
        let chosen = chosen.expect("an index serves the filter");
        let shape = Shape::of(&filter).expect("a shape");
        let (shaped, _) = compile_shape(&filter, &shape, &mut ParseContext::new()).expect("it compiles");
        let shaped = shaped.expect("parameters in order");
        group.bench_function("hit_and_bind", |b| {
            b.iter(|| {
                let shape = Shape::of(black_box(&filter)).expect("a shape");
                let compiled = shaped.bind(&shape.params).expect("it binds");
                let request = PlanRequest { filter: &compiled.ir, collation: None, sort: None, hint: None };
                let scan = plan_again(&request, chosen, &view(&indexes[chosen])).expect("the index serves");
                (shape.key, compiled, scan)
            });
        });
        group.finish();
    }
}

criterion_group!(benches, shapes);
criterion_main!(benches);
