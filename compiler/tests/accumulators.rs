//! Accumulators over groups, without storage: their documented examples, and the corpus.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use bumpalo::Bump;
use smongo_compiler::front::acc as front;
use smongo_compiler::ir::group::Setting;
use smongo_compiler::{ParseContext, codegen};
use smongo_vm::acc;
use smongo_vm::env::Env;
use smongo_vm::interp::Machine;
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value, extjson};
use smongo_vm::{Error, Result};

/// The value of `{r: accumulator}` over documents, in one group.
fn accumulate(accumulator: Value<'_>, documents: &RawDoc, slides: bool) -> Result<OwnedValue> {
    let spec = DocBuf::build(|spec| spec.value("r", accumulator));
    let element = spec.iter().next().expect("a field");
    let field = front::field(element, &mut ParseContext::new())?;
    let program = codegen::compile_row(&field.call.args, None)?;
    let settings: Vec<Value<'_>> = field
        .call
        .settings
        .iter()
        .map(|setting| match setting {
            Setting::Constant(value) => value.get(),
            Setting::OfKey(_) => Value::NOTHING,
        })
        .collect();
    let definition = field.call.definition;
    let (env, mut machine, mut held, arena) = (Env::fixed(), Machine::new(), 0, Bump::new());
    let docs: Vec<&RawDoc> = documents.values().filter_map(Value::as_doc).collect();
    if let (true, Some(begin)) = (slides, definition.begin_sliding) {
        // Everything is taken in twice, and forgotten once.
        let mut state = begin(&settings)?;
        for doc in docs.iter().chain(&docs) {
            state.step(machine.compute_row(&program, doc, &env)?, &mut held)?;
        }
        for doc in &docs {
            state.remove(machine.compute_row(&program, doc, &env)?, &mut held);
        }
        return Ok(OwnedValue::new(state.finish(&arena)?));
    }
    let begin = definition.begin.expect("an accumulator of groups");
    let mut state = begin(&settings)?;
    for doc in docs {
        state.step(machine.compute_row(&program, doc, &env)?, &mut held)?;
    }
    Ok(OwnedValue::new(state.finish(&arena)?))
}

fn show(value: Value<'_>) -> String {
    if value.is_nothing() { "missing".into() } else { extjson::to_string_canonical(value) }
}

#[test]
fn documented_examples() {
    let mut failures = String::new();
    for definition in acc::FAMILIES.iter().flat_map(|family| family.iter()) {
        let Some(example) = definition.example else { continue };
        let documents = extjson::parse_value(example.documents).expect("an example's documents");
        let documents = documents.get().as_array().expect("an array of documents");
        let argument = extjson::parse_value(example.argument).expect("an example's argument");
        let accumulator = DocBuf::build(|doc| doc.value(definition.name, argument.get()));
        let expected = extjson::parse_value(example.value).expect("an example's value");
        for slides in [false, true] {
            match accumulate(Value::document(&accumulator), documents, slides) {
                Ok(got) if show(got.get()) == show(expected.get()) => {}
                Ok(got) => {
                    let _ = writeln!(failures, "{} (slides: {slides}): {}", definition.name, show(got.get()));
                }
                Err(error) => {
                    let _ = writeln!(failures, "{} (slides: {slides}): {error}", definition.name);
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// `tests/corpus/acc/<accumulator>.json`: rows of `docs`, `acc`, and `expect` or `error`.
#[test]
fn corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/acc");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut failures = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let doc = extjson::parse_doc(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let rows = doc.get("rows").and_then(Value::as_array).expect("rows");
        for row in rows.values().filter_map(Value::as_doc) {
            if let Err(difference) = check(row) {
                let name = row.get("name").and_then(Value::as_str).unwrap_or_default();
                let _ = writeln!(failures, "{} \"{name}\": {difference}", file.display());
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn check(row: &RawDoc) -> std::result::Result<(), String> {
    if row.get("source").is_none() {
        return Err("the row names no source".into());
    }
    let docs = row.get("docs").and_then(Value::as_array).unwrap_or(RawDoc::EMPTY);
    let accumulator = row.get("acc").unwrap_or(Value::NOTHING);
    let got = accumulate(accumulator, docs, false).map_err(Error::in_group);
    let wanted = row.get("error").and_then(Value::as_integer);
    match (wanted, got) {
        (Some(code), Err(error)) if i64::from(error.code().0) == code => Ok(()),
        (Some(code), got) => Err(format!("expected error {code}, got {}", outcome(&got))),
        (None, Ok(got)) if show(got.get()) == show(row.get("expect").unwrap_or(Value::NOTHING)) => Ok(()),
        (None, got) => Err(outcome(&got)),
    }
}

fn outcome(got: &std::result::Result<OwnedValue, Error>) -> String {
    match got {
        Ok(value) => show(value.get()),
        Err(error) => error.to_string(),
    }
}
