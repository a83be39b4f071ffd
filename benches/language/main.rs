//! The query language by kinds of documents: a filter, an expression and an update over flat, nested and array-heavy
//! documents, each in the machine, by hand in safe Rust, and through `bson::RawDocument`. Nanoseconds a document, and
//! ratios; the documents lie one behind the other in memory.

#![allow(missing_docs)]

mod by_hand;
mod docs;
mod raw;

use std::hint::black_box;

use smongo_benches::measure::{BARE, Way, compare};
use smongo_benches::{Arena, Random};
use smongo_compiler::{CompiledUpdate, ParseContext, codegen, compile_filter, compile_update, front};
use smongo_vm::env::Env;
use smongo_vm::interp::{Machine, UpdateInputs};
use smongo_vm::program::Program;
use smongo_vm::value::{DocBuf, RawDoc, Value, extjson};

const DOCUMENTS: u64 = 50_000;
const REFERENCES: [&str; 2] = ["by hand", "raw document"];

/// Writes what an update makes of a document.
type Update = fn(&[u8], &mut Vec<u8>);

/// The request over one kind of documents, with the other ways of doing what they ask for.
struct Kind {
    name: &'static str,
    make: fn(&mut Random, u64) -> DocBuf,
    filter: &'static str,
    filters: [fn(&[u8]) -> bool; 2],
    /// The expression, below the name `v`.
    expression: &'static str,
    expressions: [fn(&[u8]) -> f64; 2],
    update: &'static str,
    updates: [Update; 2],
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "flat",
        make: docs::flat,
        filter: r#"{qty: {$gt: 50}, status: "active"}"#,
        filters: [by_hand::flat_filter, raw::flat_filter],
        expression: r#"{v: {$multiply: ["$qty", "$price"]}}"#,
        expressions: [by_hand::flat_expression, raw::flat_expression],
        update: r#"{$inc: {qty: 1}, $set: {status: "done"}}"#,
        updates: [by_hand::flat_update, raw::flat_update],
    },
    Kind {
        name: "nested",
        make: docs::nested,
        filter: r#"{"customer.address.city": "amber", "totals.net": {$lt: 500}}"#,
        filters: [by_hand::nested_filter, raw::nested_filter],
        expression: r#"{v: {$add: ["$totals.net", "$totals.tax"]}}"#,
        expressions: [by_hand::nested_expression, raw::nested_expression],
        update: r#"{$set: {"customer.address.city": "metropolis"}}"#,
        updates: [by_hand::nested_update, raw::nested_update],
    },
    Kind {
        name: "arrays",
        make: docs::arrays,
        filter: r#"{scores: {$gte: 99}, "items.sku": "sku-7"}"#,
        filters: [by_hand::arrays_filter, raw::arrays_filter],
        expression: r#"{v: {$sum: {$map: {input: "$items", in: {$multiply: ["$$this.quantity", "$$this.price"]}}}}}"#,
        expressions: [by_hand::arrays_expression, raw::arrays_expression],
        update: r#"{$push: {scores: 77}}"#,
        updates: [by_hand::arrays_update, raw::arrays_update],
    },
];

fn read(bytes: &[u8]) -> &RawDoc {
    RawDoc::from_stored(bytes).expect("a document")
}

fn filters(kind: &Kind, arena: &Arena) {
    let filter = extjson::parse_doc(kind.filter).expect("the filter");
    let compiled = compile_filter(&filter, &mut ParseContext::new()).expect("it compiles");
    let (mut machine, env) = (Machine::new(), Env::fixed());
    let [by_hand, raw] = kind.filters;
    compare(
        &format!("{} documents, filter {}", kind.name, kind.filter),
        DOCUMENTS,
        &REFERENCES,
        vec![
            Way::new(BARE, || arena.scan(|bytes| black_box(bytes[0]) == 0)),
            Way::new("by hand", || arena.scan(by_hand)),
            Way::new("machine", || {
                arena.scan(|bytes| machine.matches(&compiled.program, read(bytes), &env).expect("a match"))
            }),
            Way::new("raw document", || arena.scan(raw)),
        ],
    );
}

/// Adds up what `compute` makes of the documents, in hundredths: sums of doubles may differ in the last place.
fn sum(arena: &Arena, mut compute: impl FnMut(&[u8]) -> f64) -> u64 {
    let mut sum = 0u64;
    arena.scan(|bytes| {
        sum = sum.wrapping_add((compute(bytes) * 100.0).round() as u64);
        false
    });
    sum
}

fn expressions(kind: &Kind, arena: &Arena) {
    let doc = extjson::parse_doc(kind.expression).expect("the expression");
    let expr = front::expr::parse_folded(doc.get("v").expect("the expression"), &mut ParseContext::new());
    let program = codegen::compile_expr(&expr.expect("it parses"), None).expect("it compiles");
    let (mut machine, env) = (Machine::new(), Env::fixed());
    let [by_hand, raw] = kind.expressions;
    compare(
        &format!("{} documents, expression {}", kind.name, kind.expression),
        DOCUMENTS,
        &REFERENCES,
        vec![
            Way::new("by hand", || sum(arena, by_hand)),
            Way::new("machine", || {
                sum(arena, |bytes| {
                    let value = machine.compute(&program, read(bytes), &env, None).expect("a value");
                    value.as_double().unwrap_or(0.0)
                })
            }),
            Way::new("raw document", || sum(arena, raw)),
        ],
    );
}

/// Runs an update over the documents and adds up what they come to, in bytes.
fn bytes_of(arena: &Arena, mut update: impl FnMut(&[u8], &mut Vec<u8>)) -> u64 {
    let mut out = Vec::new();
    let mut sum = 0;
    arena.scan(|bytes| {
        out.clear();
        update(bytes, &mut out);
        sum += black_box(&out).len() as u64;
        false
    });
    sum
}

fn updates(kind: &Kind, arena: &Arena) {
    let update = extjson::parse_doc(kind.update).expect("the update");
    let compiled = compile_update(Value::document(&update), None, &mut ParseContext::new()).expect("it compiles");
    let program = match &compiled {
        CompiledUpdate::Program { program, .. } => program,
        CompiledUpdate::Replacement(_) => return,
    };
    let (mut machine, env) = (Machine::new(), Env::fixed());
    let mut in_machine = |bytes: &[u8], out: &mut Vec<u8>| run_update(&mut machine, program, &env, bytes, out);
    let [by_hand, raw] = kind.updates;
    for bytes in arena.docs() {
        let made = |update: &mut dyn FnMut(&[u8], &mut Vec<u8>)| {
            let mut out = Vec::new();
            update(bytes, &mut out);
            out
        };
        let expected = made(&mut |bytes, out| by_hand(bytes, out));
        assert_eq!(made(&mut in_machine), expected, "the machine disagrees on {:?}", read(bytes));
        assert_eq!(made(&mut |bytes, out| raw(bytes, out)), expected, "the raw document disagrees");
    }
    compare(
        &format!("{} documents, update {}", kind.name, kind.update),
        DOCUMENTS,
        &REFERENCES,
        vec![
            Way::new("by hand", || bytes_of(arena, by_hand)),
            Way::new("machine", || bytes_of(arena, &mut in_machine)),
            Way::new("raw document", || bytes_of(arena, raw)),
        ],
    );
}

fn run_update(machine: &mut Machine, program: &Program, env: &Env<'_>, bytes: &[u8], out: &mut Vec<u8>) {
    machine.update(program, read(bytes), env, UpdateInputs::default(), out).expect("a document");
}

fn main() {
    for kind in &KINDS {
        let mut random = Random::new(7);
        let arena = Arena::new((0..DOCUMENTS).map(|number| (kind.make)(&mut random, number)), 0);
        filters(kind, &arena);
        expressions(kind, &arena);
        updates(kind, &arena);
    }
}
