//! The corpus on the engines that need no storage: the oracle and the interpreter.
//!
//! `tests/corpus/<kind>/<operator>.json` holds rows; see `tests/corpus/README.md` for their form. Every row names its
//! source. All differences are listed before the test fails.

use std::fmt::Write as _;
use std::path::Path;

use smongo_compiler::front::{collation, expr, filter};
use smongo_compiler::oracle::Given;
use smongo_compiler::{CompiledUpdate, ParseContext, codegen, compile_update, oracle, upsert_base};
use smongo_vm::Error;
use smongo_vm::env::Env;
use smongo_vm::interp::{Machine, UpdateInputs};
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value, extjson};

#[path = "../../tests/corpus/runner.rs"]
#[allow(dead_code, reason = "shared with the corpus test of the whole engine")]
mod runner;

use runner::{compare, compare_modified, document, documents, is_same, positions, show};

fn run(kind: &str, check: impl FnMut(&RawDoc) -> Result<(), String>) {
    runner::run(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), kind, check);
}

/// A context for the requests of a row, with its collation.
fn context(row: &RawDoc) -> ParseContext {
    let collation = runner::collation(row).map(|spec| collation::parse(spec).expect("a row's collation is valid"));
    ParseContext::new().with_collation(collation.flatten())
}

/// What the oracle is given for a row.
fn given<'e>(env: &'e Env<'e>, ctx: &'e ParseContext) -> Given<'e> {
    Given { env, strings: ctx.collation().map(|collation| &**collation as _) }
}

#[test]
fn filters() {
    run("filter", |row| {
        let spec = document(row, "filter");
        let docs = documents(row);
        let env = Env::fixed();
        let mut ctx = context(row);
        let matched = |matches: &mut dyn FnMut(&RawDoc) -> Result<bool, Error>| -> Result<OwnedValue, Error> {
            let mut hits = Vec::new();
            for (at, doc) in docs.iter().enumerate() {
                if matches(doc)? {
                    hits.push(at);
                }
            }
            Ok(positions(hits))
        };
        let parsed = filter::parse(spec, &mut ctx);
        let by_oracle = parsed.clone().and_then(|ir| matched(&mut |doc| oracle::matches(&ir, doc, given(&env, &ctx))));
        let by_machine = parsed.and_then(|ir| codegen::compile_filter(&ir, ctx.collation())).and_then(|program| {
            let mut machine = Machine::new();
            matched(&mut |doc| machine.matches(&program, doc, &env))
        });
        compare(row, "oracle", by_oracle.map_err(Into::into))?;
        compare(row, "interpreter", by_machine.map_err(Into::into))
    });
}

#[test]
fn expressions() {
    run("expr", |row| {
        let doc = document(row, "doc");
        let env = Env::fixed();
        let mut ctx = context(row);
        let parsed = expr::parse(row.get("expr").unwrap_or(Value::NOTHING), &mut ctx);
        let by_oracle = parsed.clone().and_then(|ir| oracle::evaluate(&ir, doc, given(&env, &ctx)));
        let by_machine = parsed.and_then(|ir| codegen::compile_expr(&ir, ctx.collation())).and_then(|program| {
            let mut machine = Machine::new();
            machine.compute(&program, doc, &env, None).map(OwnedValue::new)
        });
        compare(row, "oracle", by_oracle.map_err(Into::into))?;
        compare(row, "interpreter", by_machine.map_err(Into::into))
    });
}

#[test]
fn updates() {
    run("update", |row| {
        let (got, modified) = match update(row) {
            Ok((doc, modified)) => (Ok(OwnedValue::new(Value::document(&doc))), Some(modified)),
            Err(error) => (Err(error), None),
        };
        compare(row, "interpreter", got.map_err(Into::into))?;
        compare_modified(row, "interpreter", modified)
    });
}

/// Updates the row's document, or makes one when the row is an upsert that nothing matches.
fn update(row: &RawDoc) -> Result<(DocBuf, bool), Error> {
    let mut ctx = context(row);
    let env = Env::fixed();
    let mut machine = Machine::new();
    let array_filters = row.get("arrayFilters").and_then(Value::as_array);
    let query = filter::parse(document(row, "filter"), &mut ctx)?;
    let update = compile_update(row.get("update").unwrap_or(Value::NOTHING), array_filters, &mut ctx)?;
    let found = row.get("doc").and_then(Value::as_doc);
    let mut how = UpdateInputs::default();
    let old = match found {
        Some(doc) => {
            let program = codegen::compile_filter(&query, ctx.collation())?;
            if !machine.matches(&program, doc, &env)? {
                return Ok((DocBuf::from(doc), false));
            }
            how.matched_position = machine.matched_position();
            DocBuf::from(doc)
        }
        None => {
            how.is_insert = true;
            upsert_base(&query)?
        }
    };
    let mut out = Vec::new();
    let modified = match update {
        CompiledUpdate::Replacement(doc) => smongo_vm::update::replace(&old, &doc, &mut out)?.modified,
        CompiledUpdate::Program { program, .. } => machine.update(&program, &old, &env, how, &mut out)?.modified,
    };
    Ok((DocBuf::from_vec(out).expect("an update leaves a document"), modified))
}

/// The examples that document the functions are rows too.
#[test]
fn documented_examples() {
    let mut failures = String::new();
    for function in smongo_vm::func::FAMILIES.iter().flat_map(|family| family.iter()) {
        if function.examples.is_empty() {
            let _ = writeln!(failures, "{}: no example", function.name);
        }
        for example in function.examples {
            let doc = extjson::parse_doc(example.document).expect("an example's document");
            let given = extjson::parse_value(example.expression).expect("an example's expression");
            let expected = match example.value {
                "missing" => OwnedValue::NOTHING,
                text => extjson::parse_value(text).expect("an example's value"),
            };
            let env = Env::fixed();
            let mut machine = Machine::new();
            let got = expr::parse(given.get(), &mut ParseContext::new())
                .and_then(|ir| codegen::compile_expr(&ir, None))
                .and_then(|program| machine.compute(&program, &doc, &env, None).map(OwnedValue::new));
            match got {
                Ok(got) if is_same(expected.get(), got.get()) => {}
                Ok(got) => {
                    let _ = writeln!(failures, "{}: {} gives {}", function.name, example.expression, show(got.get()));
                }
                Err(error) => {
                    let _ = writeln!(failures, "{}: {} fails: {error}", function.name, example.expression);
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
