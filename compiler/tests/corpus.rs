//! The corpus on the engines that need no storage: the oracle and the interpreter.
//!
//! `tests/corpus/<kind>/<operator>.json` holds rows; see `tests/corpus/README.md` for their form. Every row names its
//! source. All differences are listed before the test fails.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use smongo_compiler::front::{expr, filter};
use smongo_compiler::{CompiledUpdate, ParseContext, codegen, compile_update, oracle, upsert_base};
use smongo_vm::Error;
use smongo_vm::env::Env;
use smongo_vm::interp::{Machine, UpdateInputs};
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value, extjson};

/// The rows of one folder of the corpus, each with the file it stands in.
fn rows(kind: &str) -> Vec<(String, DocBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus").join(kind);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).expect("the corpus folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let mut rows = Vec::new();
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "json")) {
        let name = file.file_stem().expect("a file name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let doc = extjson::parse_doc(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let list = doc.get("rows").and_then(Value::as_array).unwrap_or_else(|| panic!("{name}: no rows"));
        for row in list.values() {
            rows.push((name.clone(), DocBuf::from(row.as_doc().unwrap_or_else(|| panic!("{name}: a row that is no document")))));
        }
    }
    assert!(!rows.is_empty(), "no corpus rows for {kind}");
    rows
}

/// Runs every row of a kind and fails with the list of those that differ.
fn run(kind: &str, check: impl Fn(&RawDoc) -> Result<(), String>) {
    let rows = rows(kind);
    let mut failures = String::new();
    let mut failed = 0;
    for (file, row) in &rows {
        let name = text(row, "name");
        let outcome = if row.get("source").is_some() { check(row) } else { Err("the row names no source".into()) };
        if let Err(difference) = outcome {
            failed += 1;
            let _ = writeln!(failures, "{kind}/{file} \"{name}\": {difference}");
        }
    }
    assert!(failed == 0, "{failed} of {} rows differ\n{failures}", rows.len());
}

fn text<'d>(row: &'d RawDoc, field: &str) -> &'d str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn document<'d>(row: &'d RawDoc, field: &str) -> &'d RawDoc {
    row.get(field).and_then(Value::as_doc).unwrap_or(RawDoc::EMPTY)
}

fn expected_error(row: &RawDoc) -> Option<i64> {
    row.get("error").and_then(Value::as_integer)
}

fn show(value: Value<'_>) -> String {
    if value.is_nothing() { "missing".into() } else { extjson::to_string_canonical(value) }
}

/// Compares an engine's answer with the row's. Values must be the same bytes: type and all.
fn compare(row: &RawDoc, engine: &str, got: Result<OwnedValue, Error>) -> Result<(), String> {
    match (expected_error(row), got) {
        (Some(code), Err(error)) if i64::from(error.code().0) == code => Ok(()),
        (Some(code), Err(error)) => Err(format!("{engine}: expected error {code}, got {error}")),
        (Some(code), Ok(value)) => Err(format!("{engine}: expected error {code}, got {}", show(value.get()))),
        (None, Err(error)) => Err(format!("{engine}: {error}")),
        (None, Ok(value)) => {
            let is_missing = row.get("missing").and_then(Value::as_bool) == Some(true);
            let expected = if is_missing { Value::NOTHING } else { row.get("expect").unwrap_or(Value::NOTHING) };
            if is_same(expected, value.get()) {
                return Ok(());
            }
            Err(format!("{engine}: expected {}, got {}", show(expected), show(value.get())))
        }
    }
}

/// Byte equality but for NaN, of which there are many.
fn is_same(expected: Value<'_>, got: Value<'_>) -> bool {
    match (expected.as_double(), got.as_double()) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        _ => show(expected) == show(got) && expected.tag() == got.tag(),
    }
}

#[test]
fn filters() {
    run("filter", |row| {
        let spec = document(row, "filter");
        let docs: Vec<&RawDoc> =
            row.get("docs").and_then(Value::as_array).unwrap_or(RawDoc::EMPTY).values().filter_map(Value::as_doc).collect();
        let env = Env::fixed();
        let matched = |matches: &mut dyn FnMut(&RawDoc) -> Result<bool, Error>| -> Result<OwnedValue, Error> {
            let mut hits = Vec::new();
            for (at, doc) in docs.iter().enumerate() {
                if matches(doc)? {
                    hits.push(at as i32);
                }
            }
            Ok(int_array(&hits))
        };
        let parsed = filter::parse(spec, &mut ParseContext::new());
        let by_oracle =
            parsed.clone().and_then(|ir| matched(&mut |doc| oracle::matches(&ir, doc, &env)));
        let by_machine = parsed.and_then(|ir| codegen::compile_filter(&ir)).and_then(|program| {
            let mut machine = Machine::new();
            matched(&mut |doc| machine.matches(&program, doc, &env))
        });
        compare(row, "oracle", by_oracle).and_then(|()| compare(row, "interpreter", by_machine))
    });
}

fn int_array(numbers: &[i32]) -> OwnedValue {
    let doc = DocBuf::build(|doc| {
        doc.array("", |array| numbers.iter().for_each(|&number| array.value(Value::int32(number))));
    });
    OwnedValue::new(doc.get("").unwrap_or(Value::NOTHING))
}

#[test]
fn expressions() {
    run("expr", |row| {
        let doc = document(row, "doc");
        let env = Env::fixed();
        let parsed = expr::parse(row.get("expr").unwrap_or(Value::NOTHING), &mut ParseContext::new());
        let by_oracle = parsed.clone().and_then(|ir| oracle::evaluate(&ir, doc, &env));
        let by_machine = parsed.and_then(|ir| codegen::compile_expr(&ir)).and_then(|program| {
            let mut machine = Machine::new();
            machine.compute(&program, doc, &env, None).map(OwnedValue::new)
        });
        compare(row, "oracle", by_oracle).and_then(|()| compare(row, "interpreter", by_machine))
    });
}

#[test]
fn updates() {
    run("update", |row| {
        let (got, modified) = match update(row) {
            Ok((doc, modified)) => (Ok(OwnedValue::new(Value::document(&doc))), Some(modified)),
            Err(error) => (Err(error), None),
        };
        compare(row, "interpreter", got)?;
        match (row.get("modified").and_then(Value::as_bool), modified) {
            (Some(expected), Some(got)) if expected != got => Err(format!("modified: expected {expected}, got {got}")),
            _ => Ok(()),
        }
    });
}

/// Updates the row's document, or makes one when the row is an upsert that nothing matches.
fn update(row: &RawDoc) -> Result<(DocBuf, bool), Error> {
    let mut ctx = ParseContext::new();
    let env = Env::fixed();
    let mut machine = Machine::new();
    let array_filters = row.get("arrayFilters").and_then(Value::as_array);
    let query = filter::parse(document(row, "filter"), &mut ctx)?;
    let update = compile_update(row.get("update").unwrap_or(Value::NOTHING), array_filters, &mut ctx)?;
    let found = row.get("doc").and_then(Value::as_doc);
    let mut how = UpdateInputs::default();
    let old = match found {
        Some(doc) => {
            let program = codegen::compile_filter(&query)?;
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
                .and_then(|ir| codegen::compile_expr(&ir))
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
