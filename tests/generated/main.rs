//! The generated pages: `OPCODES.md` from the table of instructions, `COMPAT.md` from what the engine answers, `PLANS.md`
//! from what it explains.
//!
//! The tests fail when a page differs from what would be generated now; `UPDATE=1 cargo test --test generated` writes
//! the pages anew.

// A helper that cannot do its work fails its test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod commands;
mod compat;
mod expressions;
mod opcodes;
mod operators;
mod plans;
mod stages;

#[path = "../wire/client.rs"]
#[allow(dead_code, reason = "shared with the tests of the wire protocol")]
mod client;

use std::path::Path;

#[test]
fn opcodes_page() {
    check_page("OPCODES.md", &opcodes::page());
}

#[test]
fn compat_page() {
    check_page("COMPAT.md", &compat::page());
}

/// The page has each name that the manual lists, once, and none that it does not list. That the server knows all of them
/// is seen where the page is made.
#[test]
fn compat_page_has_every_name() {
    let mut listed: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in include_str!("names.txt").lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        match line.strip_prefix("## ") {
            Some(title) => listed.push((title, Vec::new())),
            None => listed.last_mut().unwrap().1.push(line),
        }
    }
    let mut on_page = compat::names();
    for sections in [&mut listed, &mut on_page] {
        sections.sort_unstable();
        sections.iter_mut().for_each(|(_, names)| names.sort_unstable());
    }
    assert_eq!(on_page, listed);
}

#[test]
fn plans_page() {
    assert_eq!(plans::requests(), 40);
    check_page("PLANS.md", &plans::page());
}

fn check_page(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, generated).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differing: Vec<String> = difference(&written, generated);
    assert!(
        written == generated,
        "{name} is out of date; write it anew with `UPDATE=1 cargo test --test generated`\n{}",
        differing.join("\n")
    );
}

/// Lines that only one of the two has.
fn difference(written: &str, generated: &str) -> Vec<String> {
    let gone = written.lines().filter(|line| !generated.contains(line)).map(|line| format!("- {line}"));
    let new = generated.lines().filter(|line| !written.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}
