//! MongoDB's total order over BSON values, the equality that goes with it, and a hash that goes with that.
//!
//! Values of different classes order by class ([`canonical_type`]); within a class by content. Documents compare
//! field by field (class, then name, then value), arrays element by element, binary data by length first. A missing
//! value counts as `undefined`, below `null`.
//!
//! Nothing here knows a collation: strings compare as bytes unless a caller brings a [`StringOrder`]. Nesting is
//! followed with an explicit stack, so no document can exhaust the thread's.

use std::cmp::Ordering;
use std::hash::Hasher;

use smallvec::SmallVec;

use super::number::{Canonical, compare_doubles, compare_numbers};
use super::raw::RawIter;
use super::repr::{Tag, Value, View};

/// How strings compare when it is not bytewise: a collation.
pub trait StringOrder {
    /// The order of two strings.
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering;
    /// Appends bytes that compare, bytewise, as the strings do, and are equal where the strings compare equal.
    fn append_sort_key(&self, text: &[u8], out: &mut Vec<u8>);
}

/// The class of a type in MongoDB's sort order; types of one class compare by content.
#[inline]
pub const fn canonical_type(tag: Tag) -> u8 {
    match tag {
        // MongoDB counts MinKey as -1; classes are only compared, so all others move up instead.
        Tag::MinKey => 0,
        Tag::Nothing | Tag::Undefined => 1,
        Tag::Null => 5,
        Tag::Double | Tag::Int32 | Tag::Int64 | Tag::Decimal128 => 10,
        Tag::String | Tag::Symbol => 15,
        Tag::Document => 20,
        Tag::Array => 25,
        Tag::Binary => 30,
        Tag::ObjectId => 35,
        Tag::Bool => 40,
        Tag::DateTime => 45,
        Tag::Timestamp => 47,
        Tag::Regex => 50,
        Tag::DbPointer => 55,
        Tag::JavaScript => 60,
        Tag::JavaScriptWithScope => 65,
        Tag::MaxKey => 127,
    }
}

/// MongoDB's total order, strings bytewise.
#[inline]
pub fn compare(a: Value<'_>, b: Value<'_>) -> Ordering {
    if a.tag() == b.tag() {
        match a.tag() {
            Tag::Int32 | Tag::Int64 | Tag::DateTime | Tag::Bool => return a.int().cmp(&b.int()),
            Tag::Double => {
                return compare_doubles(f64::from_bits(a.int() as u64), f64::from_bits(b.int() as u64));
            }
            Tag::String | Tag::ObjectId => return a.bytes().cmp(b.bytes()),
            _ => {}
        }
    }
    compare_general(a, b, None)
}

/// MongoDB's total order under a collation.
#[inline]
pub fn compare_with(a: Value<'_>, b: Value<'_>, strings: Option<&dyn StringOrder>) -> Ordering {
    if strings.is_none() { compare(a, b) } else { compare_general(a, b, strings) }
}

/// Whether [`compare`] calls the values equal.
#[inline]
pub fn equal(a: Value<'_>, b: Value<'_>) -> bool {
    if a.tag() == b.tag() {
        match a.tag() {
            Tag::Int32 | Tag::Int64 | Tag::DateTime | Tag::Timestamp | Tag::Bool => return a.int() == b.int(),
            Tag::String | Tag::ObjectId => return a.bytes() == b.bytes(),
            _ => {}
        }
    } else if canonical_type(a.tag()) != canonical_type(b.tag()) {
        return false;
    }
    compare_general(a, b, None).is_eq()
}

/// Whether [`compare_with`] calls the values equal.
#[inline]
pub fn equal_with(a: Value<'_>, b: Value<'_>, strings: Option<&dyn StringOrder>) -> bool {
    if strings.is_none() { equal(a, b) } else { compare_general(a, b, strings).is_eq() }
}

/// Feeds `value` to a hasher so that equal values hash alike, whatever their types.
#[inline]
pub fn hash(value: Value<'_>, hasher: &mut impl Hasher) {
    hash_with(value, hasher, None);
}

/// Two containers being walked side by side.
struct Pair<'d> {
    a: RawIter<'d>,
    b: RawIter<'d>,
    names: bool,
    /// Inside the scope of JavaScript code a collation does not apply.
    collated: bool,
}

impl<'d> Pair<'d> {
    fn of(a: &'d super::RawDoc, b: &'d super::RawDoc, names: bool, collated: bool) -> Self {
        Pair { a: a.iter(), b: b.iter(), names, collated }
    }
}

#[inline(never)]
fn compare_general(a: Value<'_>, b: Value<'_>, strings: Option<&dyn StringOrder>) -> Ordering {
    let mut stack: SmallVec<[Pair<'_>; 4]> = SmallVec::new();
    let mut decided = compare_one(a, b, strings, true, &mut stack);
    while decided.is_eq() {
        let Some(pair) = stack.last_mut() else { break };
        decided = match (pair.a.next(), pair.b.next()) {
            (None, None) => {
                stack.pop();
                continue;
            }
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => {
                let (names, collated) = (pair.names, pair.collated);
                let class = canonical_type(a.value().tag()).cmp(&canonical_type(b.value().tag()));
                let name = if names && class.is_eq() { a.name().cmp(b.name()) } else { class };
                if name.is_eq() { compare_one(a.value(), b.value(), strings, collated, &mut stack) } else { name }
            }
        };
    }
    decided
}

/// Order of two values as far as they themselves tell; containers are pushed to be walked when they do not.
fn compare_one<'d>(
    a: Value<'d>,
    b: Value<'d>,
    strings: Option<&dyn StringOrder>,
    collated: bool,
    stack: &mut SmallVec<[Pair<'d>; 4]>,
) -> Ordering {
    let class = canonical_type(a.tag()).cmp(&canonical_type(b.tag()));
    if class.is_ne() {
        return class;
    }
    match (a.view(), b.view()) {
        (View::String(a) | View::Symbol(a), View::String(b) | View::Symbol(b)) => match strings {
            Some(strings) if collated => strings.compare(a, b),
            _ => a.cmp(b),
        },
        (View::Document(a), View::Document(b)) => {
            if a != b {
                stack.push(Pair::of(a, b, true, collated));
            }
            Ordering::Equal
        }
        (View::Array(a), View::Array(b)) => {
            if a != b {
                stack.push(Pair::of(a, b, false, collated));
            }
            Ordering::Equal
        }
        (View::Binary { subtype: s, bytes: a }, View::Binary { subtype: t, bytes: b }) => {
            a.len().cmp(&b.len()).then(s.cmp(&t)).then_with(|| a.cmp(b))
        }
        (View::ObjectId(a), View::ObjectId(b)) => a.cmp(b),
        (View::Bool(a), View::Bool(b)) => a.cmp(&b),
        (View::DateTime(a), View::DateTime(b)) => a.cmp(&b),
        (View::Timestamp(a), View::Timestamp(b)) => a.cmp(&b),
        (View::Regex { pattern: a, options: s }, View::Regex { pattern: b, options: t }) => {
            a.cmp(b).then_with(|| s.cmp(t))
        }
        (View::DbPointer { namespace: a, id: s }, View::DbPointer { namespace: b, id: t }) => {
            a.len().cmp(&b.len()).then_with(|| a.cmp(b)).then_with(|| s.cmp(t))
        }
        (View::JavaScript(a), View::JavaScript(b)) => a.cmp(b),
        (View::JavaScriptWithScope { code: a, scope: s }, View::JavaScriptWithScope { code: b, scope: t }) => {
            let code = a.cmp(b);
            if code.is_eq() {
                stack.push(Pair::of(s, t, true, false));
            }
            code
        }
        _ if a.is_number() => compare_numbers(a, b),
        // What is left has one value per class: MinKey, undefined and missing, null, MaxKey.
        _ => Ordering::Equal,
    }
}

/// [`hash`] under a collation.
pub fn hash_with(value: Value<'_>, hasher: &mut impl Hasher, strings: Option<&dyn StringOrder>) {
    let mut stack: SmallVec<[(RawIter<'_>, bool, bool); 4]> = SmallVec::new();
    hash_one(value, hasher, strings, true, &mut stack);
    while let Some((elements, names, collated)) = stack.last_mut() {
        let (names, collated) = (*names, *collated);
        match elements.next() {
            None => {
                hasher.write_u8(0xff);
                stack.pop();
            }
            Some(element) => {
                if names {
                    hash_bytes(element.name(), hasher);
                }
                hash_one(element.value(), hasher, strings, collated, &mut stack);
            }
        }
    }
}

#[inline]
fn hash_bytes(bytes: &[u8], hasher: &mut impl Hasher) {
    hasher.write_usize(bytes.len());
    hasher.write(bytes);
}

#[inline]
fn hash_one<'d>(
    value: Value<'d>,
    hasher: &mut impl Hasher,
    strings: Option<&dyn StringOrder>,
    collated: bool,
    stack: &mut SmallVec<[(RawIter<'d>, bool, bool); 4]>,
) {
    hasher.write_u8(canonical_type(value.tag()));
    match value.view() {
        View::String(bytes) | View::Symbol(bytes) => match strings {
            Some(strings) if collated => {
                let mut key = Vec::with_capacity(bytes.len() * 2);
                strings.append_sort_key(bytes, &mut key);
                hash_bytes(&key, hasher);
            }
            _ => hash_bytes(bytes, hasher),
        },
        View::JavaScript(bytes) => hash_bytes(bytes, hasher),
        View::ObjectId(bytes) => hasher.write(bytes),
        View::Document(doc) => stack.push((doc.iter(), true, collated)),
        View::Array(array) => stack.push((array.iter(), false, collated)),
        View::Binary { subtype, bytes } => {
            hasher.write_u8(subtype);
            hash_bytes(bytes, hasher);
        }
        View::Bool(_) | View::DateTime(_) | View::Timestamp(_) => hasher.write_i64(value.int()),
        View::Regex { pattern, options } => {
            hash_bytes(pattern, hasher);
            hash_bytes(options, hasher);
        }
        View::DbPointer { namespace, id } => {
            hash_bytes(namespace, hasher);
            hasher.write(id);
        }
        View::JavaScriptWithScope { code, scope } => {
            hash_bytes(code, hasher);
            stack.push((scope.iter(), true, false));
        }
        View::Int32(_) | View::Int64(_) | View::Double(_) | View::Decimal128(_) => match Canonical::of(value) {
            Some(Canonical::Int(int)) => hasher.write_i64(int),
            Some(Canonical::Double(double)) => hasher.write_u64(double.to_bits()),
            Some(Canonical::Decimal(finite)) => {
                hasher.write_u8(u8::from(finite.negative));
                hasher.write_u128(finite.coefficient);
                hasher.write_i32(finite.exponent);
            }
            Some(Canonical::NaN) | None => {}
        },
        View::Nothing | View::MinKey | View::MaxKey | View::Undefined | View::Null => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::extjson::parse_value;
    use super::super::{DocBuf, RawDoc};
    use super::*;

    fn hash_of(value: Value<'_>) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        hash(value, &mut hasher);
        hasher.finish()
    }

    /// The order of classes and of values within them, ascending (manual: "Comparison/Sort Order").
    #[test]
    fn total_order() {
        let ascending = [
            "MinKey",
            "undefined",
            "null",
            "NaN",
            "-Infinity",
            "-9223372036854775808",
            "-1",
            "-0.0",
            "NumberDecimal('0.5')",
            "1",
            "1.5",
            "NumberLong(2)",
            "Infinity",
            "''",
            "Symbol('A')",
            "'a'",
            "'a\\0'",
            "'b'",
            "{}",
            "{b: 1}",
            "{b: 2}",
            "{c: 0}",
            "{a: ''}",
            "[]",
            "[1]",
            "[1, 0]",
            "[2]",
            "BinData(5, 'eg==')",
            "BinData(0, 'YWE=')",
            "BinData(1, 'YWE=')",
            "ObjectId('000000000000000000000001')",
            "false",
            "true",
            "Date(-1)",
            "Date(1)",
            "Timestamp(0, 1)",
            "Timestamp(4294967295, 0)",
            "/a/i",
            "/b/",
            "DBPointer('z', ObjectId('000000000000000000000001'))",
            "DBPointer('aa', ObjectId('000000000000000000000000'))",
            "Code('f')",
            "Code('f', {})",
            "Code('f', {a: 1})",
            "MaxKey",
        ]
        .map(|text| parse_value(text).unwrap());
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(compare(a.get(), b.get()), i.cmp(&j), "{a:?} {b:?}");
                assert_eq!(equal(a.get(), b.get()), i == j, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn equal_values_hash_alike() {
        for (a, b) in [
            ("1", "NumberLong(1)"),
            ("1", "1.0"),
            ("1.0", "NumberDecimal('1.00')"),
            ("0", "-0.0"),
            ("-0.0", "NumberDecimal('-0E+3')"),
            ("0.5", "NumberDecimal('0.50')"),
            ("1e300", "NumberDecimal('1.000000000000000052504760255204420E+300')"),
            ("NaN", "NumberDecimal('NaN')"),
            ("Infinity", "NumberDecimal('Infinity')"),
            ("'a'", "Symbol('a')"),
            ("{a: [1, {b: 2}]}", "{a: [1.0, {b: NumberLong(2)}]}"),
        ]
        .map(|(a, b)| (parse_value(a).unwrap(), parse_value(b).unwrap()))
        {
            assert!(equal(a.get(), b.get()), "{a:?} {b:?}");
            assert_eq!(hash_of(a.get()), hash_of(b.get()), "{a:?} {b:?}");
        }
    }

    #[test]
    fn missing_equals_undefined_and_precedes_null() {
        assert_eq!(compare(Value::NOTHING, Value::UNDEFINED), Ordering::Equal);
        assert_eq!(compare(Value::NOTHING, Value::NULL), Ordering::Less);
        assert_eq!(compare(Value::NOTHING, Value::MIN_KEY), Ordering::Greater);
    }

    struct IgnoreCase;

    impl StringOrder for IgnoreCase {
        fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
            a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase())
        }
        fn append_sort_key(&self, text: &[u8], out: &mut Vec<u8>) {
            out.extend(text.to_ascii_lowercase());
        }
    }

    #[test]
    fn a_string_order_reaches_nested_strings_but_not_names() {
        let [a, b, c] = ["{x: 'ONE'}", "{x: 'one'}", "{X: 'one'}"].map(|text| parse_value(text).unwrap());
        assert!(equal_with(a.get(), b.get(), Some(&IgnoreCase)));
        assert!(!equal_with(b.get(), c.get(), Some(&IgnoreCase)));
        assert!(!equal(a.get(), b.get()));
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let mut bytes = RawDoc::EMPTY.as_bytes().to_vec();
        for _ in 0..2000 {
            let len = i32::try_from(bytes.len() + 8).unwrap();
            bytes = [&len.to_le_bytes()[..], b"\x03a\0", &bytes, b"\0"].concat();
        }
        let doc = DocBuf::from_vec(bytes).unwrap();
        let other = doc.get("a").unwrap();
        assert_eq!(compare(Value::document(&doc), other), Ordering::Greater);
        hash_of(other);
    }
}
