//! Reading the corpus and judging what an engine says of a row: what every corpus test shares.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value, extjson};

/// What an engine says of a row: a value, or an error with its code.
pub type Answer = Result<OwnedValue, Failure>;

/// An error of an engine.
pub struct Failure {
    /// MongoDB's code.
    pub code: i32,
    /// The wording.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error {}: {}", self.code, self.message)
    }
}

impl From<smongo_vm::Error> for Failure {
    fn from(error: smongo_vm::Error) -> Self {
        Failure { code: error.code().0, message: error.message().to_owned() }
    }
}

/// The rows of one folder of the corpus, each with the file it stands in. `root` is the workspace's folder.
pub fn rows(root: &Path, kind: &str) -> Vec<(String, DocBuf)> {
    let folder = root.join("tests/corpus").join(kind);
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
            let row = row.as_doc().unwrap_or_else(|| panic!("{name}: a row that is no document"));
            rows.push((name.clone(), DocBuf::from(row)));
        }
    }
    assert!(!rows.is_empty(), "no corpus rows for {kind}");
    rows
}

/// Runs every row of a kind and fails with the list of those that differ.
pub fn run(root: &Path, kind: &str, mut check: impl FnMut(&RawDoc) -> Result<(), String>) {
    let rows = rows(root, kind);
    let mut failures = String::new();
    let mut failed = 0;
    for (file, row) in &rows {
        let name = row.get("name").and_then(Value::as_str).unwrap_or_default();
        let outcome = if row.get("source").is_some() { check(row) } else { Err("the row names no source".into()) };
        if let Err(difference) = outcome {
            failed += 1;
            let _ = writeln!(failures, "{kind}/{file} \"{name}\": {difference}");
        }
    }
    assert!(failed == 0, "{failed} of {} rows differ\n{failures}", rows.len());
}

/// A field of a row that is a document; an empty one when it is left out.
pub fn document<'d>(row: &'d RawDoc, field: &str) -> &'d RawDoc {
    row.get(field).and_then(Value::as_doc).unwrap_or(RawDoc::EMPTY)
}

/// The collation that a row runs under, as a document.
pub fn collation(row: &RawDoc) -> Option<&RawDoc> {
    row.get("collation").and_then(Value::as_doc)
}

/// The documents of a row.
pub fn documents(row: &RawDoc) -> Vec<&RawDoc> {
    row.get("docs").and_then(Value::as_array).unwrap_or(RawDoc::EMPTY).values().filter_map(Value::as_doc).collect()
}

/// The value that a row expects; nothing for `missing: true`.
pub fn expected(row: &RawDoc) -> Value<'_> {
    let is_missing = row.get("missing").and_then(Value::as_bool) == Some(true);
    if is_missing { Value::NOTHING } else { row.get("expect").unwrap_or(Value::NOTHING) }
}

/// A value as text that tells types apart.
pub fn show(value: Value<'_>) -> String {
    if value.is_nothing() { "missing".into() } else { extjson::to_string_canonical(value) }
}

/// Positions as the value that filter rows expect.
pub fn positions(hits: impl IntoIterator<Item = usize>) -> OwnedValue {
    let doc = DocBuf::build(|doc| {
        doc.array("", |array| {
            hits.into_iter().for_each(|hit| array.value(Value::int32(i32::try_from(hit).expect("few documents"))));
        });
    });
    OwnedValue::new(doc.get("").unwrap_or(Value::NOTHING))
}

/// Compares an engine's answer with the row's.
pub fn compare(row: &RawDoc, engine: &str, got: Answer) -> Result<(), String> {
    compare_with(row, expected(row), engine, got)
}

/// Compares an engine's answer with the row's error, or with `expected`. Values must be the same bytes: type and all.
pub fn compare_with(row: &RawDoc, expected: Value<'_>, engine: &str, got: Answer) -> Result<(), String> {
    let error = row.get("error").and_then(Value::as_integer);
    match (error, got) {
        (Some(code), Err(failure)) if i64::from(failure.code) == code => Ok(()),
        (Some(code), Err(failure)) => Err(format!("{engine}: expected error {code}, got {failure}")),
        (Some(code), Ok(value)) => Err(format!("{engine}: expected error {code}, got {}", show(value.get()))),
        (None, Err(failure)) => Err(format!("{engine}: {failure}")),
        (None, Ok(value)) if is_same(expected, value.get()) => Ok(()),
        (None, Ok(value)) => Err(format!("{engine}: expected {}, got {}", show(expected), show(value.get()))),
    }
}

/// Compares whether an update changed anything with what the row says of it, if it says so.
pub fn compare_modified(row: &RawDoc, engine: &str, modified: Option<bool>) -> Result<(), String> {
    match (row.get("modified").and_then(Value::as_bool), modified) {
        (Some(expected), Some(got)) if expected != got => {
            Err(format!("{engine}: modified: expected {expected}, got {got}"))
        }
        _ => Ok(()),
    }
}

/// Byte equality but for NaN, of which there are many.
pub fn is_same(expected: Value<'_>, got: Value<'_>) -> bool {
    match (expected.as_double(), got.as_double()) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        _ => show(expected) == show(got) && expected.tag() == got.tag(),
    }
}
