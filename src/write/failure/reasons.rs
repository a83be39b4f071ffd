//! The words by which operators of filters tell why they are to blame.

use smongo_vm::value::Value;

/// How a test of the values at a path explains itself.
pub(super) struct Test {
    /// Why it is to blame when no value passed.
    pub failed: &'static str,
    /// Why it is to blame when one passed, below a negation.
    pub matched: &'static str,
    /// Types that values must have to pass at all; none when any may pass.
    pub expected_types: &'static [&'static str],
    /// Whether the elements of an array at the end of the path are looked at.
    pub walks_arrays: bool,
    /// Whether it is told which values were looked at.
    pub shows_values: bool,
}

const NUMBERS: &[&str] = &["double", "int", "long", "decimal"];
const NUMBERS_AND_BYTES: &[&str] = &["double", "binData", "int", "long", "decimal"];
const TEXTS: &[&str] = &["string", "regex", "symbol"];
const ARRAY: &[&str] = &["array"];

const COMPARISON: (&str, &str) = ("comparison failed", "comparison succeeded");
const MEMBERSHIP: (&str, &str) = ("no matching value found in array", "matching value found in array");
const EXISTENCE: (&str, &str) = ("path does not exist", "path does exist");

/// The explanation of an operator on a path.
pub(super) fn of_test(operator: &str, operand: Value<'_>) -> Test {
    let swapped = |(failed, matched)| (matched, failed);
    let wants_existence = operand.as_bool() != Some(false) && operand.as_integer() != Some(0) && !operand.is_nullish();
    let (failed, matched) = match operator {
        "$eq" | "$gt" | "$gte" | "$lt" | "$lte" => COMPARISON,
        "$ne" => swapped(COMPARISON),
        "$in" => MEMBERSHIP,
        "$nin" => swapped(MEMBERSHIP),
        "$exists" if wants_existence => EXISTENCE,
        "$exists" => swapped(EXISTENCE),
        "$type" => ("type did not match", "type did match"),
        "$regex" => ("regular expression did not match", "regular expression did match"),
        "$mod" => ("$mod did not evaluate to expected remainder", "$mod did evaluate to expected remainder"),
        "$size" => ("array length was not equal to given size", "array length was equal to given size"),
        "$all" => ("array did not contain all specified values", "array did contain all specified values"),
        "$elemMatch" => ("array did not satisfy the child predicate", "array did satisfy the child predicate"),
        _ => ("bitwise operator failed to match", "bitwise operator matched successfully"),
    };
    let expected_types = match operator {
        "$mod" => NUMBERS,
        "$regex" => TEXTS,
        "$size" | "$elemMatch" => ARRAY,
        "$bitsAllSet" | "$bitsAllClear" | "$bitsAnySet" | "$bitsAnyClear" => NUMBERS_AND_BYTES,
        _ => &[],
    };
    Test {
        failed,
        matched,
        expected_types,
        walks_arrays: !matches!(operator, "$size" | "$all" | "$elemMatch"),
        shows_values: operator != "$exists",
    }
}

impl Test {
    /// Whether a value has a type with which it could have passed.
    pub fn accepts(&self, considered: &[Value<'_>]) -> bool {
        let expected = |value: &Value<'_>| self.expected_types.contains(&value.tag().name());
        self.expected_types.is_empty() || considered.iter().any(expected)
    }
}

/// Why an operator on the whole document is to blame.
pub(super) fn of_document(operator: &str, matched: bool) -> &'static str {
    match (operator, matched) {
        ("$alwaysTrue" | "$alwaysFalse", false) => "expression always evaluates to false",
        ("$alwaysTrue" | "$alwaysFalse", true) => "expression always evaluates to true",
        (_, false) => "expression did not match",
        (_, true) => "expression did match",
    }
}
