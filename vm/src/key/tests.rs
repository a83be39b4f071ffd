//! Keys against values: bytes order as values do, equal values give equal bytes, and everything comes back.

use std::cmp::Ordering;

use super::*;
use crate::value::extjson::{parse_doc, parse_value};
use crate::value::{DocBuf, DocWriter, OwnedValue, StringOrder, Value, compare};

const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

fn encode(values: &[Value<'_>], direction: Direction, bound: Bound) -> (Vec<u8>, Vec<u8>) {
    let (mut key, mut types) = (Vec::new(), Vec::new());
    let mut encoder = KeyEncoder::new(&mut key, &mut types);
    values.iter().for_each(|&value| encoder.field(value, direction));
    encoder.finish(bound);
    (key, types)
}

/// The key's fields as a document; missing values are left out.
fn decode(key: &[u8], types: &[u8], fields: usize, direction: Direction) -> DocBuf {
    let mut decoder = KeyDecoder::new(key, types);
    let doc = DocBuf::try_build(|doc| (0..fields).try_for_each(|_| decoder.field(direction, "", doc))).unwrap();
    assert_eq!(decoder.finish().unwrap(), (Bound::Equal, &[][..]));
    doc
}

fn in_document(value: Value<'_>) -> OwnedValue {
    OwnedValue::new(Value::document(&DocBuf::build(|doc| doc.value("a", value))))
}

fn in_array(value: Value<'_>) -> OwnedValue {
    let doc = DocBuf::build(|doc| doc.array("a", |array| array.value(value)));
    OwnedValue::new(doc.get("a").unwrap_or_default())
}

/// Values of every type, and of numbers those where representations and magnitudes meet.
fn samples() -> Vec<OwnedValue> {
    let scalars = [
        "MinKey",
        "undefined",
        "null",
        "''",
        "'a'",
        "'a\\0'",
        "'a\\0\\0b'",
        "'ab'",
        "'b'",
        "Symbol('a')",
        "'\u{10ffff}'",
        "{}",
        "{a: 1}",
        "{a: 1.0}",
        "{a: 2}",
        "{b: 1}",
        "{a: 'x'}",
        "{a: {b: [1, {}]}}",
        "{a: 1, b: 2}",
        "{a: null}",
        "{ab: 1}",
        "{a: -5.5}",
        "{a: NaN}",
        "[]",
        "[1]",
        "[1, 2]",
        "[[]]",
        "[[1], 2]",
        "[undefined]",
        "['a', 'b']",
        "[{a: 1}]",
        "BinData(0, '')",
        "BinData(0, 'AA==')",
        "BinData(0, 'AAA=')",
        "BinData(5, 'AA==')",
        "BinData(2, 'AQAAAAE=')",
        "ObjectId('000000000000000000000001')",
        "ObjectId('ff0000000000000000000001')",
        "false",
        "true",
        "Date(-1)",
        "Date(0)",
        "Date(9223372036854775807)",
        "Timestamp(0, 1)",
        "Timestamp(4294967295, 5)",
        "/a/i",
        "/a/",
        "/ab/",
        "Code('a')",
        "DBPointer('z', ObjectId('000000000000000000000001'))",
        "DBPointer('aa', ObjectId('000000000000000000000000'))",
        "Code('a', {})",
        "Code('a', {x: 1})",
        "Code('a\\0', {})",
        "MaxKey",
        "NaN",
        "NumberDecimal('NaN')",
        "-Infinity",
        "NumberDecimal('-Infinity')",
        "Infinity",
        "NumberDecimal('Infinity')",
        "0",
        "NumberLong(0)",
        "0.0",
        "-0.0",
        "NumberDecimal('0')",
        "NumberDecimal('-0E-10')",
        "NumberDecimal('0E+6111')",
    ];
    let mut samples: Vec<OwnedValue> = scalars.iter().map(|text| parse_value(text).unwrap()).collect();
    samples.push(OwnedValue::new(Value::double(f64::from_bits(0xfff8_0000_0000_0001))));
    for magnitude in [
        "1",
        "NumberLong(1)",
        "1.0",
        "1.5",
        "2",
        "127",
        "128",
        "32767",
        "32768",
        "2147483647",
        "2147483648",
        "4503599627370495.5",
        "4503599627370496.0",
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "9007199254740992.0",
        "9007199254740994.0",
        "9223372036854774784.0",
        "9223372036854775807",
        "9223372036854775808.0",
        "9223372036854777856.0",
        "1e19",
        "1e22",
        "1e23",
        "1e300",
        "1.7976931348623157e308",
        "5e-324",
        "1e-323",
        "2.2250738585072014e-308",
        "1e-300",
        "0.1",
        "0.30000000000000004",
        "0.3",
        "0.5",
        "0.9999999999999999",
        "1.0000000000000002",
        "1.1",
        "19.99",
        "100.1",
        "123456789.125",
    ] {
        for sign in ["", "-"] {
            let text = if magnitude.starts_with('N') { magnitude.into() } else { format!("{sign}{magnitude}") };
            samples.push(parse_value(&text).unwrap());
        }
    }
    samples.push(OwnedValue::new(Value::int64(i64::MIN)));
    for magnitude in [
        "1",
        "1.0",
        "1.00",
        "10",
        "1E+1",
        "0.1",
        "0.10",
        "1.1",
        "19.99",
        "19.990",
        "0.5",
        "0.50",
        "1.5",
        "127.5",
        "4503599627370495.25",
        "9007199254740992.5",
        "9007199254740993",
        "9007199254740993.0",
        "9223372036854775807",
        "9223372036854775807.5",
        "9223372036854775808",
        "9223372036854775808.5",
        "9223372036854775809",
        "1E+22",
        "1E+23",
        "1E+308",
        "1E+309",
        "1E+6144",
        "9.999999999999999999999999999999999E+6144",
        "1E-6176",
        "1E-400",
        "4E-324",
        "5E-324",
        "4.940656458412465441765687928682214E-324",
        "0.1000000000000000055511151231257827",
        "0.1000000000000000055511151231257826",
        "0.1000000000000000055511151231257828",
        "0.9999999999999999999999999999999999",
        "0.9999999999999999",
        "1.000000000000000000000000000000001",
        "99999999999999999999.99999999999999",
        "1234567890123456789012345678901234",
        "0.001",
        "0.0010",
        "3.000000000000000000000000000001",
        "1.7976931348623157E+308",
        "1.797693134862315708145274237317044E+308",
        "1.797693134862315708145274237317045E+308",
    ] {
        for sign in ["", "-"] {
            samples.push(parse_value(&format!("NumberDecimal('{sign}{magnitude}')")).unwrap());
        }
    }
    let nested: Vec<_> = samples.iter().step_by(3).flat_map(|v| [in_document(v.get()), in_array(v.get())]).collect();
    samples.extend(nested);
    samples
}

#[test]
fn bytes_order_as_values_and_come_back() {
    let samples = samples();
    for direction in DIRECTIONS {
        let keys: Vec<_> = samples.iter().map(|value| encode(&[value.get()], direction, Bound::Equal)).collect();
        for (a, (a_key, a_types)) in samples.iter().zip(&keys) {
            let back = decode(a_key, a_types, 1, direction);
            assert_eq!(back, DocBuf::build(|doc| doc.value("", a.get())), "{a:?}");
            for (b, (b_key, _)) in samples.iter().zip(&keys) {
                let expected = match direction {
                    Direction::Ascending => compare(a.get(), b.get()),
                    Direction::Descending => compare(b.get(), a.get()),
                };
                assert_eq!(a_key.cmp(b_key), expected, "{a:?} {b:?} {direction:?} {a_key:02x?} {b_key:02x?}");
            }
        }
    }
}

#[test]
fn fields_order_in_turn() {
    let samples: Vec<_> = samples().into_iter().step_by(7).collect();
    let mut rows = Vec::new();
    for a in &samples {
        for b in &samples {
            let (mut key, mut types) = (Vec::new(), Vec::new());
            let mut encoder = KeyEncoder::new(&mut key, &mut types);
            encoder.field(a.get(), Direction::Ascending);
            encoder.field(b.get(), Direction::Descending);
            encoder.finish(Bound::Equal);
            rows.push((a, b, key));
        }
    }
    for (a, b, key) in rows.iter().step_by(5) {
        for (c, d, other) in &rows {
            let expected = compare(a.get(), c.get()).then_with(|| compare(d.get(), b.get()));
            assert_eq!(key.cmp(other), expected, "{a:?} {b:?} / {c:?} {d:?}");
        }
    }
}

#[test]
fn bounds_enclose_every_key_with_their_fields() {
    let samples = samples();
    for direction in DIRECTIONS {
        for prefix in samples.iter().step_by(5) {
            let less = encode(&[prefix.get()], direction, Bound::Less).0;
            let equal = encode(&[prefix.get()], direction, Bound::Equal).0;
            let greater = encode(&[prefix.get()], direction, Bound::Greater).0;
            assert!(less < equal && equal < greater);
            for rest in &samples {
                let whole = encode(&[prefix.get(), rest.get()], direction, Bound::Equal).0;
                assert!(less < whole && whole < greater, "{prefix:?} {rest:?}");
            }
        }
    }
}

/// The bytes of the format's description.
#[test]
fn the_format_is_as_described() {
    for (text, key, types) in [
        ("5", "2b0a04", ""),
        ("NumberLong(5)", "2b0a04", "01"),
        ("5.0", "2b0a04", "02"),
        ("NumberDecimal('5.00')", "2b0a04", "0a"),
        ("-5", "27f504", ""),
        ("300", "2c025804", ""),
        ("0", "2904", ""),
        ("-0.0", "2904", "04"),
        ("1.5", "2b038000000000000004", ""),
        ("0.5", "2aff8000000000000004", ""),
        ("'a'", "3c610004", ""),
        ("'a\\0'", "3c6100ff0004", ""),
        ("Symbol('a')", "3c610004", "01"),
        ("{a: 1, b: 'x'}", "461e61002b023c62007800", ""),
        ("[1, true]", "502b026e010004", ""),
        ("Date(0)", "78800000000000000004", ""),
        ("null", "1404", ""),
    ] {
        let value = parse_value(text).unwrap();
        let (bytes, bits) = encode(&[value.get()], Direction::Ascending, Bound::Equal);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let key = if text.starts_with('{') { format!("{key}0004") } else { key.into() };
        assert_eq!((hex(&bytes), hex(&bits)), (key, types.into()), "{text}");
    }
}

#[test]
fn missing_and_undefined_share_a_key() {
    let (missing, missing_types) = encode(&[Value::NOTHING], Direction::Ascending, Bound::Equal);
    let (undefined, undefined_types) = encode(&[Value::UNDEFINED], Direction::Ascending, Bound::Equal);
    assert_eq!(missing, undefined);
    assert!(decode(&missing, &missing_types, 1, Direction::Ascending).is_empty());
    assert!(!decode(&undefined, &undefined_types, 1, Direction::Ascending).is_empty());
}

#[test]
fn record_ids_follow_and_order() {
    let mut keys = Vec::new();
    for id in [i64::MIN, -1, 0, 1, i64::MAX] {
        let (mut key, _) = encode(&[Value::int32(1)], Direction::Ascending, Bound::Equal);
        append_record_id(&mut key, id);
        let (fields, back) = split_record_id(&key).unwrap();
        assert_eq!((fields, back), (&b"\x2b\x02\x04"[..], id));
        keys.push(key);
    }
    assert!(keys.is_sorted());
    assert_eq!(split_record_id(b"short"), None);
}

#[test]
fn encoders_leave_what_their_buffers_hold() {
    let (mut key, mut types) = (b"k".to_vec(), b"\0".to_vec());
    let mut encoder = KeyEncoder::new(&mut key, &mut types);
    encoder.field(Value::string("a"), Direction::Ascending);
    encoder.finish(Bound::Equal);
    assert_eq!((key.as_slice(), types.as_slice()), (&b"k\x3ca\0\x04"[..], &b"\0"[..]));
}

#[test]
fn collation_keys_replace_strings() {
    struct IgnoreCase;
    impl StringOrder for IgnoreCase {
        fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
            a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase())
        }
        fn append_sort_key(&self, text: &[u8], out: &mut Vec<u8>) {
            out.extend(text.to_ascii_lowercase());
        }
    }
    let key_of = |text: &str| {
        let doc = parse_doc(text).unwrap();
        let (mut key, mut types) = (Vec::new(), Vec::new());
        let mut encoder = KeyEncoder::with_strings(&mut key, &mut types, Some(&IgnoreCase));
        encoder.field(Value::document(&doc), Direction::Ascending);
        encoder.finish(Bound::Equal);
        key
    };
    assert_eq!(key_of("{a: ['X']}"), key_of("{a: ['x']}"));
    assert_ne!(key_of("{A: 'x'}"), key_of("{a: 'x'}"));
    assert_ne!(key_of("{a: Code('f', {b: 'X'})}"), key_of("{a: Code('f', {b: 'x'})}"));
}

#[test]
fn damaged_keys_are_errors() {
    let all = DocBuf::build(|doc| samples().iter().take(60).for_each(|value| doc.value("a", value.get())));
    let (key, types) = encode(&[Value::document(&all)], Direction::Ascending, Bound::Equal);
    let mut out = Vec::new();
    for at in 0..key.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut key = key.clone();
            key[at] ^= change;
            out.clear();
            let mut doc = DocWriter::new(&mut out);
            // Any result will do, as long as there is one.
            let _ = KeyDecoder::new(&key, &types).field(Direction::Ascending, "", &mut doc);
            let _ = KeyDecoder::new(&key[..at], &types).field(Direction::Descending, "", &mut doc);
        }
    }
    let deep = [0x50; 100_000];
    assert!(KeyDecoder::new(&deep, &[]).skip(Direction::Ascending).is_err());
}
