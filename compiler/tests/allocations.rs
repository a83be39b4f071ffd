//! Expressions, projections and updates over scalars allocate nothing per document once the machine is warm. What they
//! compute stands in the machine's arena, which is emptied and kept, or in the caller's buffer.
//!
//! The bound is for programs without arrays to build, regular expressions, conversions and decimals.

#[path = "../../vm/tests/counting/mod.rs"]
mod counting;

use counting::allocations_during;
use smongo_compiler::{
    CompiledUpdate, ParseContext, codegen, compile_filter, compile_projection, compile_update, front,
};
use smongo_vm::env::Env;
use smongo_vm::interp::{Machine, UpdateInputs};
use smongo_vm::value::{DocBuf, RawDoc, Value, extjson};

/// Documents of a few layouts, with fields that are missing or of other types in some.
fn docs() -> Vec<DocBuf> {
    [
        "{_id: 1, n: 5, f: 2.5, s: 'x', d: {b: 1, c: 'x'}}",
        "{_id: 2, d: {c: 'y'}, s: 'y', f: -1.0, n: NumberLong(5)}",
        "{_id: 3, n: 1, f: 2.5, s: 'x', d: {c: 'x'}}",
        "{_id: 4, n: 5.0, f: NumberLong(1), s: 'y', d: {c: 'x', e: 'a long text that is passed over'}}",
        "{_id: 5, n: 7, f: 3, s: ''}",
    ]
    .map(|text| extjson::parse_doc(text).expect("a test's document"))
    .to_vec()
}

/// Runs `run` over the documents until it is warm, then again, and gives how often that asked for memory.
fn when_warm(mut run: impl FnMut(&RawDoc)) -> u64 {
    let docs = docs();
    let mut pass = || docs.iter().cycle().take(100 * docs.len()).for_each(|doc| run(doc));
    assert!(allocations_during(&mut pass) > 0, "the allocator counts");
    allocations_during(&mut pass)
}

#[test]
fn a_warm_expression_over_scalars_allocates_nothing() {
    for text in [
        "{v: {$add: ['$n', {$multiply: ['$f', 2]}, 1]}}",
        "{v: {$cond: [{$and: [{$gt: ['$n', 3]}, {$lt: ['$f', 3]}]}, '$s', 'none']}}",
        "{v: {$concat: ['$s', '-', {$ifNull: ['$d.c', 'none']}]}}",
        "{v: {$switch: {branches: [{case: {$eq: ['$s', 'x']}, then: {$floor: '$f'}}], default: {$abs: '$n'}}}}",
        "{v: {$let: {vars: {m: {$max: ['$n', '$f']}}, in: {$subtract: ['$$m', '$$ROOT._id']}}}}",
    ] {
        let doc = extjson::parse_doc(text).expect("a test's expression");
        let value = doc.get("v").expect("the expression");
        let expr = front::expr::parse_folded(value, &mut ParseContext::new()).expect("it parses");
        let program = codegen::compile_expr(&expr, None).expect("it compiles");
        let (mut machine, env) = (Machine::new(), Env::fixed());
        let allocations = when_warm(|doc| {
            machine.compute(&program, doc, &env, None).expect("a value");
        });
        assert_eq!(allocations, 0, "{text}");
    }
}

#[test]
fn a_warm_projection_of_scalars_allocates_nothing() {
    for text in [
        "{n: 1, s: 1}",
        "{f: 0, 'd.b': 0}",
        "{_id: 0, 'd.c': 1, n: 1}",
        "{n: 1, total: {$add: ['$n', '$f']}, 'd.label': {$concat: ['$s', '!']}}",
    ] {
        let spec = extjson::parse_doc(text).expect("a test's projection");
        let compiled = compile_projection(&spec, &mut ParseContext::new()).expect("it compiles").expect("no empty one");
        let (mut machine, env) = (Machine::new(), Env::fixed());
        let allocations = when_warm(|doc| {
            machine.project(&compiled.program, doc, &env, None).expect("a document");
        });
        assert_eq!(allocations, 0, "{text}");
    }
}

#[test]
fn a_warm_update_of_scalars_allocates_nothing() {
    for text in [
        "{$set: {n: 9, 'd.c': 'z', fresh: true}}",
        "{$inc: {n: 1, f: 0.5}, $unset: {s: 1}}",
        "{$min: {n: 3}, $max: {f: 2}, $mul: {_n: 2}}",
        "{$currentDate: {at: true}, $rename: {s: 't'}}",
    ] {
        let update = extjson::parse_doc(text).expect("a test's update");
        let compiled = compile_update(Value::document(&update), None, &mut ParseContext::new()).expect("it compiles");
        let CompiledUpdate::Program { program, .. } = compiled else { panic!("operators make a program") };
        let (mut machine, env, mut out) = (Machine::new(), Env::fixed(), Vec::new());
        let allocations = when_warm(|doc| {
            out.clear();
            machine.update(&program, doc, &env, UpdateInputs::default(), &mut out).expect("a document");
        });
        assert_eq!(allocations, 0, "{text}");
    }
}

/// The filters of the machine's own test, as the compiler makes them: with positions for `$`.
#[test]
fn a_warm_filter_from_the_compiler_allocates_nothing() {
    let filter = extjson::parse_doc("{n: {$gt: 1}, f: {$lte: 2.5}, s: {$in: ['x', 'y']}, 'd.c': {$exists: true}}");
    let filter = compile_filter(&filter.expect("a test's filter"), &mut ParseContext::new()).expect("it compiles");
    let (mut machine, env) = (Machine::new(), Env::fixed());
    let mut hits = 0;
    let allocations = when_warm(|doc| {
        hits += usize::from(machine.matches(&filter.program, doc, &env).expect("a filter that cannot fail"));
    });
    assert_eq!((allocations, hits), (0, 3 * 200));
}
