//! Laws of the key encoding.

use std::cmp::Ordering;

use arbitrary::{Arbitrary, Unstructured};
use smongo_vm::key::{Bound, Direction, KeyDecoder, KeyEncoder};
use smongo_vm::value::{DocBuf, OwnedValue, RawDoc, Value, View, compare};

/// Two keys of up to three fields, with a direction for each.
#[derive(Debug)]
pub struct Keys {
    directions: Vec<Direction>,
    a: Vec<OwnedValue>,
    b: Vec<OwnedValue>,
}

impl<'a> Arbitrary<'a> for Keys {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let count = u.int_in_range(1..=3)?;
        let mut keys = Keys { directions: Vec::new(), a: Vec::new(), b: Vec::new() };
        for _ in 0..count {
            let a: OwnedValue = u.arbitrary()?;
            // Equal fields let later ones decide.
            keys.b.push(if u.ratio(1, 3)? { a.clone() } else { u.arbitrary()? });
            keys.a.push(a);
            keys.directions.push(if u.arbitrary()? { Direction::Ascending } else { Direction::Descending });
        }
        Ok(keys)
    }
}

fn encode(values: &[OwnedValue], directions: &[Direction], bound: Bound) -> (Vec<u8>, Vec<u8>) {
    let (mut key, mut types) = (Vec::new(), Vec::new());
    let mut encoder = KeyEncoder::new(&mut key, &mut types);
    for (value, &direction) in values.iter().zip(directions) {
        encoder.field(value.get(), direction);
    }
    encoder.finish(bound);
    (key, types)
}

/// Bytes order as values do, bounds enclose, and what was encoded comes back byte for byte.
pub fn order(Keys { directions, a, b }: &Keys) {
    let (a_key, a_types) = encode(a, directions, Bound::Equal);
    let (b_key, _) = encode(b, directions, Bound::Equal);
    let expected = a.iter().zip(b).zip(directions).fold(Ordering::Equal, |order, ((a, b), direction)| {
        order.then_with(|| match direction {
            Direction::Ascending => compare(a.get(), b.get()),
            Direction::Descending => compare(b.get(), a.get()),
        })
    });
    assert_eq!(a_key.cmp(&b_key), expected, "{a:?} {b:?}\n{a_key:02x?}\n{b_key:02x?}");
    for fields in 1..=a.len() {
        assert!(encode(&a[..fields], directions, Bound::Less).0 < a_key);
        assert!(encode(&a[..fields], directions, Bound::Greater).0 > a_key);
    }

    let mut decoder = KeyDecoder::new(&a_key, &a_types);
    for (value, &direction) in a.iter().zip(directions) {
        let expected = with_array_names(value.get());
        let expected = OwnedValue::new(expected.get_index(0).unwrap_or_default());
        let back = decoder.with_field(direction, OwnedValue::new).expect("keys decode");
        let same = DocBuf::build(|doc| doc.value("", back.get())) == DocBuf::build(|doc| doc.value("", expected.get()));
        assert!(same, "{expected:?} came back as {back:?}");
    }
    assert_eq!(decoder.finish().expect("keys end"), (Bound::Equal, &[][..]));
}

/// A document with the value, its arrays' elements named "0", "1", …, which is how keys give them back.
fn with_array_names(value: Value<'_>) -> DocBuf {
    fn put(doc: &RawDoc, array: bool) -> DocBuf {
        DocBuf::build(|out| {
            for (i, element) in doc.iter().enumerate() {
                let index = i.to_string();
                let name = if array { &index } else { element.name_str() };
                match element.value().view() {
                    View::Document(inner) => out.value(name, Value::document(&put(inner, false))),
                    View::Array(inner) => out.value(name, Value::array(&put(inner, true))),
                    _ => out.value(name, element.value()),
                }
            }
        })
    }
    put(&DocBuf::build(|doc| doc.value("", value)), false)
}

/// Any bytes as a key: reading ends without panic.
pub fn damaged(key: &[u8], types: &[u8]) {
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut decoder = KeyDecoder::new(key, types);
        while decoder.skip(direction).is_ok() {}
    }
}
