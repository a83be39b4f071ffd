//! Whether a filter implies another: what makes a partial index usable.
//!
//! The test is simple and errs on the side of "no". Under a collation, strings imply nothing but what equals them byte
//! for byte, and where request and index compare strings differently they imply nothing at all.

use std::cmp::Ordering;

use smongo_vm::value::{OwnedValue, Tag, Value, canonical_type, compare, equal};

use super::collated::{Strings, compares_strings};
use crate::ir::{Filter, LeafTest};

/// Whether every document that matches `filter` also matches `required`.
pub(super) fn implies(filter: &Filter, required: &Filter, strings: Strings<'_>) -> bool {
    match required {
        Filter::Always(true) => return true,
        Filter::And(parts) => return parts.iter().all(|part| implies(filter, part, strings)),
        Filter::Or(parts) if parts.iter().any(|part| implies(filter, part, strings)) => return true,
        _ => {}
    }
    match filter {
        Filter::Always(false) => true,
        Filter::And(parts) => parts.iter().any(|part| implies(part, required, strings)),
        Filter::Or(parts) => !parts.is_empty() && parts.iter().all(|part| implies(part, required, strings)),
        Filter::Leaf { path, test } => match required {
            Filter::Leaf { path: required_path, test: required } => {
                path == required_path && test_implies(test, required, strings)
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a value that satisfies `test` satisfies `required`.
fn test_implies(test: &LeafTest, required: &LeafTest, strings: Strings<'_>) -> bool {
    if !may_imply(required, strings) {
        return false;
    }
    match (test, required) {
        (LeafTest::In { values, patterns }, _) if patterns.is_empty() && !values.is_empty() => {
            values.iter().all(|value| value_satisfies(value.get(), required))
        }
        (LeafTest::Eq(value), _) => value_satisfies(value.get(), required),
        (LeafTest::Regex { .. } | LeafTest::Mod { .. } | LeafTest::Size(_) | LeafTest::Exists, LeafTest::Exists) => {
            true
        }
        (LeafTest::Lt(value) | LeafTest::Lte(value) | LeafTest::Gt(value) | LeafTest::Gte(value), LeafTest::Exists) => {
            is_bracketed(value.get())
        }
        (LeafTest::Lt(a), LeafTest::Lt(b) | LeafTest::Lte(b)) | (LeafTest::Lte(a), LeafTest::Lte(b)) => {
            bracketed_compare(a.get(), b.get()).is_some_and(Ordering::is_le)
        }
        (LeafTest::Lte(a), LeafTest::Lt(b)) => bracketed_compare(a.get(), b.get()).is_some_and(Ordering::is_lt),
        (LeafTest::Gt(a), LeafTest::Gt(b) | LeafTest::Gte(b)) | (LeafTest::Gte(a), LeafTest::Gte(b)) => {
            bracketed_compare(a.get(), b.get()).is_some_and(Ordering::is_ge)
        }
        (LeafTest::Gte(a), LeafTest::Gt(b)) => bracketed_compare(a.get(), b.get()).is_some_and(Ordering::is_gt),
        (LeafTest::Type(a), LeafTest::Type(b)) => a == b,
        _ => false,
    }
}

/// Whether comparisons that a collation has a say in can be judged by the order of bytes.
fn may_imply(required: &LeafTest, strings: Strings<'_>) -> bool {
    let is_neutral = |value: &OwnedValue| !compares_strings(value.get());
    match (strings, required) {
        (Strings::Bytes, _) => true,
        (Strings::Keys(_), LeafTest::Lt(value) | LeafTest::Lte(value) | LeafTest::Gt(value) | LeafTest::Gte(value)) => {
            is_neutral(value)
        }
        (Strings::Keys(_), _) => true,
        (
            Strings::Apart { .. },
            LeafTest::Eq(value)
            | LeafTest::Lt(value)
            | LeafTest::Lte(value)
            | LeafTest::Gt(value)
            | LeafTest::Gte(value),
        ) => is_neutral(value),
        (Strings::Apart { .. }, LeafTest::In { values, .. }) => values.iter().all(is_neutral),
        (Strings::Apart { .. }, _) => true,
    }
}

/// Whether a document found by equality with `value` satisfies `required`.
fn value_satisfies(value: Value<'_>, required: &LeafTest) -> bool {
    let ordered = |bound: Value<'_>, holds: fn(Ordering) -> bool| bracketed_compare(value, bound).is_some_and(holds);
    match required {
        LeafTest::Eq(wanted) => equal(value, wanted.get()),
        LeafTest::In { values, .. } => values.iter().any(|wanted| equal(value, wanted.get())),
        LeafTest::Exists => value.tag() != Tag::Null && value.tag() != Tag::Undefined,
        LeafTest::Lt(bound) => ordered(bound.get(), Ordering::is_lt),
        LeafTest::Lte(bound) => ordered(bound.get(), Ordering::is_le),
        LeafTest::Gt(bound) => ordered(bound.get(), Ordering::is_gt),
        LeafTest::Gte(bound) => ordered(bound.get(), Ordering::is_ge),
        _ => false,
    }
}

/// The order of two values of one type whose ranges end with the type.
fn bracketed_compare(a: Value<'_>, b: Value<'_>) -> Option<Ordering> {
    let comparable = is_bracketed(a) && is_bracketed(b) && canonical_type(a.tag()) == canonical_type(b.tag());
    comparable.then(|| compare(a, b))
}

/// Whether a range with this operand keeps to the operand's type, and walks arrays as an equality does.
fn is_bracketed(value: Value<'_>) -> bool {
    match value.tag() {
        Tag::Double => value.as_double().is_some_and(|value| !value.is_nan()),
        Tag::Int32
        | Tag::Int64
        | Tag::String
        | Tag::ObjectId
        | Tag::Bool
        | Tag::DateTime
        | Tag::Timestamp
        | Tag::Binary => true,
        _ => false,
    }
}
