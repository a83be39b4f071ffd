//! Constant folding keeps meaning: every documented example gives the same before and after, and names are unambiguous.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use smongo_compiler::front::expr;
use smongo_compiler::rewrite::fold::fold;
use smongo_compiler::{ParseContext, oracle};
use smongo_vm::Result;
use smongo_vm::env::Env;
use smongo_vm::func::{Example, FAMILIES, Function};
use smongo_vm::value::extjson;

fn functions() -> impl Iterator<Item = &'static Function> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The example's value without and with folding, as text that tells types apart.
fn both_ways(example: &Example) -> Result<[String; 2]> {
    let doc = extjson::parse_doc(example.document)?;
    let expression = extjson::parse_value(example.expression)?;
    let parsed = expr::parse(expression.get(), &mut ParseContext::new())?;
    let plain = oracle::evaluate(&parsed, &doc, &Env::fixed())?;
    let folded = oracle::evaluate(&fold(parsed)?, &doc, &Env::fixed())?;
    Ok([format!("{plain:?}"), format!("{folded:?}")])
}

#[test]
fn examples_mean_the_same_after_folding() {
    for function in functions() {
        for example in function.examples {
            let [plain, folded] = both_ways(example).unwrap_or_else(|error| panic!("{}: {error}", example.expression));
            assert_eq!(plain, folded, "{}", example.expression);
        }
    }
}

#[test]
fn every_operator_has_one_row() {
    let mut names: Vec<&str> = functions().map(|function| function.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
