//! How much of the query language the corpus has rows for: every operator that `COMPAT.md` calls implemented, and a least
//! number of rows.

// A helper that cannot do its work fails its test.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;

use smongo_vm::value::{RawDoc, Value, View};

#[path = "corpus/runner.rs"]
#[allow(dead_code, reason = "shared with the tests that run the corpus")]
mod runner;

/// Fewest rows in all.
const MIN_ROWS: usize = 3000;

/// The sections of `COMPAT.md` that the corpus covers, with the folders that have rows for them.
const SECTIONS: [(&str, &[&str]); 3] =
    [("Query operators", &["filter"]), ("Update operators", &["update"]), ("Expression operators", &["expr", "stage"])];

/// Options of commands, which no row can have; the tests over the wire have them.
const OF_COMMANDS: [&str; 1] = ["bypassDocumentValidation"];

#[test]
fn every_operator_has_rows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("COMPAT.md")).unwrap();
    let mut lacking = Vec::new();
    for (section, folders) in SECTIONS {
        let mut used = BTreeSet::new();
        for (_, row) in folders.iter().flat_map(|folder| runner::rows(root, folder)) {
            names_in(Value::document(&row), &mut used);
            words_of(&row, &mut used);
        }
        let names = implemented(&page, section);
        assert!(names.len() > 20, "{section}: {names:?}");
        lacking.extend(names.into_iter().filter(|name| !used.contains(*name) && !OF_COMMANDS.contains(name)));
    }
    assert!(lacking.is_empty(), "no rows for {lacking:?}");
}

#[test]
fn there_are_many_rows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let counts = ["filter", "expr", "update", "acc", "stage"].map(|kind| (kind, runner::rows(root, kind).len()));
    println!("{counts:?}");
    let count: usize = counts.iter().map(|(_, count)| count).sum();
    assert!(count >= MIN_ROWS, "{count} rows");
}

/// The names of a section of the page that it calls implemented.
fn implemented<'p>(page: &'p str, section: &str) -> Vec<&'p str> {
    let (_, rest) = page.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let rows = rest.split("\n## ").next().unwrap().lines();
    rows.filter_map(|row| row.strip_prefix("| `")?.split_once("` | implemented |")).map(|(name, _)| name).collect()
}

/// Every field name, at any depth.
fn names_in(value: Value<'_>, names: &mut BTreeSet<String>) {
    let Some(container) = value.as_container() else { return };
    for element in container {
        if matches!(value.view(), View::Document(_)) {
            names.insert(element.name_str().to_owned());
        }
        names_in(element.value(), names);
    }
}

/// What an update has that is no name: positions in paths, forms, options.
fn words_of(row: &RawDoc, words: &mut BTreeSet<String>) {
    let mut found = BTreeSet::new();
    names_in(row.get("update").unwrap_or_default(), &mut found);
    let any = |test: fn(&str) -> bool| found.iter().any(|name| test(name));
    let forms = [
        ("$ (positional)", any(|name| name.ends_with(".$") || name.contains(".$."))),
        ("$[]", any(|name| name.contains(".$[]"))),
        ("$[identifier], arrayFilters", row.get("arrayFilters").is_some()),
        ("upsert", row.get("upsert").is_some()),
    ];
    words.extend(forms.into_iter().filter(|(_, is_there)| *is_there).map(|(word, _)| word.to_owned()));
    if row.get("update").and_then(Value::as_array).is_some() {
        words.extend(found.iter().filter(|name| name.starts_with('$')).map(|name| format!("pipeline: {name}")));
    }
}
