//! Filters, case by case.

use smongo_vm::Result;
use smongo_vm::env::Env;
use smongo_vm::program::{BitRule, BitTest};
use smongo_vm::regex::Regex;
use smongo_vm::schema::SchemaTest;
use smongo_vm::value::decimal::DecimalParts;
use smongo_vm::value::{
    OwnedValue, RawDoc, StringOrder, Tag, Value, View, canonical_type, compare_with, equal, equal_with,
};

use super::Given;
use super::path::tested;
use crate::ir::{Filter, FilterPath, LeafTest};

type Strings<'e> = Option<&'e dyn StringOrder>;

/// Whether the value under test, which is a whole document at first, matches.
pub(super) fn matches(filter: &Filter, root: Value<'_>, given: Given<'_>) -> Result<bool> {
    match filter {
        Filter::Always(answer) => Ok(*answer),
        Filter::And(parts) => every(parts.iter(), |part| matches(part, root, given)),
        Filter::Or(parts) => any(parts.iter(), |part| matches(part, root, given)),
        Filter::Nor(parts) => Ok(!any(parts.iter(), |part| matches(part, root, given))?),
        Filter::ExactlyOne(parts) => {
            let matching = parts.iter().map(|part| matches(part, root, given)).collect::<Result<Vec<bool>>>()?;
            Ok(matching.into_iter().filter(|matches| *matches).count() == 1)
        }
        Filter::Not(part) => Ok(!matches(part, root, given)?),
        Filter::Leaf { path, test } => any_tested(root, path, |value| holds(test, value, given.strings)),
        Filter::ElemMatchObject { path, filter } => {
            any_element(root, path, |element| Ok(element.as_container().is_some() && matches(filter, element, given)?))
        }
        Filter::ElemMatchValue { path, filter } => any_element(root, path, |element| matches(filter, element, given)),
        Filter::Document { path, filter } => {
            any_tested(root, path, |value| Ok(value.tag() == Tag::Document && matches(filter, value, given)?))
        }
        Filter::Elements { path, from, to, filter } => any_tested(root, path, |value| {
            let Some(array) = value.as_array() else { return Ok(true) };
            let range = *from as usize..to.map_or(usize::MAX, |to| to as usize);
            every(array.values().enumerate().filter(|(at, _)| range.contains(at)), |(_, element)| {
                matches(filter, element, given)
            })
        }),
        Filter::Fields { known, patterns, other } => {
            let Some(doc) = root.as_doc() else { return Ok(true) };
            fields(doc, known, patterns, other, given)
        }
        Filter::Expr(expr) => {
            let empty = RawDoc::EMPTY;
            let value = super::evaluate(expr, root.as_container().unwrap_or(empty), given)?;
            Ok(super::expr::is_true(value.get()))
        }
        Filter::SampleRate(rate) => Ok(given.env.random_unit() < *rate),
    }
}

fn any_tested<'d>(root: Value<'d>, path: &FilterPath, mut test: impl FnMut(Value<'d>) -> Result<bool>) -> Result<bool> {
    any(tested(root, path).into_iter(), &mut test)
}

fn any_element<'d>(
    root: Value<'d>,
    path: &FilterPath,
    mut test: impl FnMut(Value<'d>) -> Result<bool>,
) -> Result<bool> {
    any_tested(root, path, |value| value.as_array().map_or(Ok(false), |array| any(array.values(), &mut test)))
}

fn any<T>(items: impl Iterator<Item = T>, mut test: impl FnMut(T) -> Result<bool>) -> Result<bool> {
    every(items, |item| Ok(!test(item)?)).map(|none| !none)
}

fn every<T>(items: impl Iterator<Item = T>, mut test: impl FnMut(T) -> Result<bool>) -> Result<bool> {
    for item in items {
        if !test(item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fields(
    doc: &RawDoc,
    known: &[String],
    patterns: &[(String, Filter)],
    other: &Filter,
    given: Given<'_>,
) -> Result<bool> {
    every(doc.iter(), |field| {
        let mut is_known = known.iter().any(|name| name.as_bytes() == field.name());
        for (pattern, filter) in patterns {
            if Regex::new(pattern, "")?.is_match(field.name(), &Env::fixed())? {
                is_known = true;
                if !matches(filter, field.value(), given)? {
                    return Ok(false);
                }
            }
        }
        Ok(is_known || matches(other, field.value(), given)?)
    })
}

/// Whether one value passes a test.
fn holds(test: &LeafTest, value: Value<'_>, strings: Strings<'_>) -> Result<bool> {
    Ok(match test {
        LeafTest::Eq(operand) => equals(value, operand.get(), strings),
        LeafTest::Lt(operand) => ordered(value, operand.get(), strings).is_some_and(|order| order.is_lt()),
        LeafTest::Lte(operand) => ordered(value, operand.get(), strings).is_some_and(|order| order.is_le()),
        LeafTest::Gt(operand) => ordered(value, operand.get(), strings).is_some_and(|order| order.is_gt()),
        LeafTest::Gte(operand) => ordered(value, operand.get(), strings).is_some_and(|order| order.is_ge()),
        LeafTest::In { values, patterns } => {
            values.iter().any(|one| equals(value, one.get(), strings))
                || any(patterns.iter(), |(pattern, options)| matches_pattern(pattern, options, value))?
        }
        LeafTest::Regex { pattern, options } => matches_pattern(pattern, options, value)?,
        LeafTest::Exists => !value.is_nothing(),
        LeafTest::Type(types) => !value.is_nothing() && types.contains(value.tag()),
        LeafTest::Size(size) => {
            value.as_array().is_some_and(|array| i64::try_from(array.values().count()) == Ok(*size))
        }
        LeafTest::Mod { divisor, remainder } => {
            whole_part(value).is_some_and(|whole| whole % i128::from(*divisor) == i128::from(*remainder))
        }
        LeafTest::Bits(test) => has_bits(test, value),
        LeafTest::Schema(test) => fits_schema(test, value),
    })
}

/// Equality of a filter: a missing field equals null, and `undefined` equals nothing that a filter can name.
fn equals(value: Value<'_>, operand: Value<'_>, strings: Strings<'_>) -> bool {
    match (value.tag(), operand.tag()) {
        (Tag::Nothing, other) => other == Tag::Null,
        (Tag::Undefined, _) => false,
        _ => equal_with(value, operand, strings),
    }
}

/// The order of two values, when a filter may compare them: they are of one class of types, or the operand is MinKey
/// or MaxKey. NaN is in order with itself only; a missing field counts as null.
fn ordered(value: Value<'_>, operand: Value<'_>, strings: Strings<'_>) -> Option<std::cmp::Ordering> {
    let value = if value.is_nothing() { Value::NULL } else { value };
    let is_bound = matches!(operand.tag(), Tag::MinKey | Tag::MaxKey);
    if !is_bound && canonical_type(value.tag()) != canonical_type(operand.tag()) {
        return None;
    }
    if is_nan(value) != is_nan(operand) && value.is_number() && operand.is_number() {
        return None;
    }
    Some(compare_with(value, operand, strings))
}

fn is_nan(value: Value<'_>) -> bool {
    match value.view() {
        View::Double(double) => double.is_nan(),
        View::Decimal128(decimal) => decimal.is_nan(),
        _ => false,
    }
}

fn matches_pattern(pattern: &str, options: &str, value: Value<'_>) -> Result<bool> {
    match value.view() {
        View::String(text) | View::Symbol(text) => Regex::new(pattern, options)?.is_match(text, &Env::fixed()),
        View::Regex { pattern: own, options: flags } => Ok(own == pattern.as_bytes() && flags == options.as_bytes()),
        _ => Ok(false),
    }
}

/// The number without its fraction, when an int64 holds it.
fn whole_part(value: Value<'_>) -> Option<i128> {
    let whole = match value.view() {
        View::Int32(number) => i128::from(number),
        View::Int64(number) => i128::from(number),
        View::Double(number) if number.is_finite() => number.trunc() as i128,
        View::Decimal128(number) => decimal_whole_part(number.parts())?,
        _ => return None,
    };
    i64::try_from(whole).is_ok().then_some(whole)
}

fn decimal_whole_part(parts: DecimalParts) -> Option<i128> {
    let DecimalParts::Finite(number) = parts else { return None };
    let mut whole = i128::try_from(number.coefficient).ok()?;
    for _ in 0..number.exponent.unsigned_abs() {
        if whole == 0 {
            break;
        }
        whole = if number.exponent < 0 { whole / 10 } else { whole.checked_mul(10)? };
    }
    Some(if number.negative { -whole } else { whole })
}

/// The bits of integral numbers, sign-extended without end, and of binary data, with zeros behind its end.
fn has_bits(test: &BitTest, value: Value<'_>) -> bool {
    let is_set: Box<dyn Fn(u32) -> bool> = match value.view() {
        View::Binary { bytes, .. } => Box::new(move |position| {
            bytes.get((position / 8) as usize).is_some_and(|byte| byte & (1 << (position % 8)) != 0)
        }),
        _ => {
            let Some(whole) = whole_part(value) else { return false };
            if !equal(Value::int64(whole as i64), value) {
                return false;
            }
            Box::new(move |position| if position > 63 { whole < 0 } else { whole >> position & 1 == 1 })
        }
    };
    let set = test.positions.iter().filter(|position| is_set(**position)).count();
    match test.rule {
        BitRule::AllSet => set == test.positions.len(),
        BitRule::AllClear => set == 0,
        BitRule::AnySet => set > 0,
        BitRule::AnyClear => set < test.positions.len(),
    }
}

fn fits_schema(test: &SchemaTest, value: Value<'_>) -> bool {
    let characters = value.as_str().map(|text| text.chars().count() as u64);
    let items = value.as_array().map(|array| array.values().count() as u64);
    let properties = value.as_doc().map(|doc| doc.iter().count() as u64);
    match test {
        SchemaTest::MinLength(least) => characters.is_none_or(|n| n >= *least),
        SchemaTest::MaxLength(most) => characters.is_none_or(|n| n <= *most),
        SchemaTest::MinItems(least) => items.is_none_or(|n| n >= *least),
        SchemaTest::MaxItems(most) => items.is_none_or(|n| n <= *most),
        SchemaTest::MinProperties(least) => properties.is_none_or(|n| n >= *least),
        SchemaTest::MaxProperties(most) => properties.is_none_or(|n| n <= *most),
        SchemaTest::UniqueItems => value.as_array().is_none_or(|array| {
            let sorted: Vec<OwnedValue> = array.values().map(sorted).collect();
            (1..sorted.len()).all(|at| !sorted[..at].iter().any(|other| equal(other.get(), sorted[at].get())))
        }),
        SchemaTest::OneOf(values) => {
            let value = sorted(value);
            values.iter().any(|one| equal(sorted(one.get()).get(), value.get()))
        }
        // Exact remainders of decimals need arithmetic of their own, which has its own tests.
        SchemaTest::MultipleOf(_) => test.holds(value),
    }
}

/// The value with the fields of all its documents in the order of their names.
fn sorted(value: Value<'_>) -> OwnedValue {
    let build = |fields: Vec<(String, OwnedValue)>, is_array: bool| {
        let doc = smongo_vm::value::DocBuf::build(|doc| {
            fields.iter().for_each(|(name, value)| doc.value(name, value.get()));
        });
        OwnedValue::new(if is_array { Value::array(&doc) } else { Value::document(&doc) })
    };
    let parts = |doc: &RawDoc| -> Vec<(String, OwnedValue)> {
        doc.iter().map(|field| (field.name_str().to_owned(), sorted(field.value()))).collect()
    };
    match value.view() {
        View::Document(doc) => {
            let mut fields = parts(doc);
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            build(fields, false)
        }
        View::Array(array) => build(parts(array), true),
        _ => OwnedValue::new(value),
    }
}
