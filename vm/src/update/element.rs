//! Writing one element of the new document.

use crate::value::{DocWriter, RawDoc, Tag, Value};

use super::operator::Change;

/// The new document, or the embedded document of it that is being written.
pub(super) type Writer<'b> = DocWriter<'b, Vec<u8>>;

/// Where an operator puts its result: at most one value, under a name that is already known.
pub(super) struct Slot<'s, 'b> {
    writer: &'s mut Writer<'b>,
    name: &'s [u8],
}

impl<'s, 'b> Slot<'s, 'b> {
    pub(super) fn new(writer: &'s mut Writer<'b>, name: &'s [u8]) -> Self {
        Self { writer, name }
    }

    /// Writes a value.
    pub(super) fn set(self, value: Value<'_>) -> Change {
        self.writer.value_named(self.name, value);
        Change::Written
    }

    /// Writes an array of these values.
    pub(super) fn set_array<'v>(self, values: impl IntoIterator<Item = Value<'v>>) -> Change {
        self.writer.array_named(self.name, |array| {
            for value in values {
                array.value(value);
            }
        });
        Change::Written
    }

    /// Writes `array` with `values` after its elements.
    pub(super) fn set_extended<'v>(self, array: &RawDoc, values: impl IntoIterator<Item = Value<'v>>) -> Change {
        begin(self.writer, Tag::Array, self.name);
        let mut extended = DocWriter::new(self.writer.buffer());
        extended.elements_of(array);
        for (index, value) in (array.iter().count()..).zip(values) {
            extended.value_named(IndexName::new(index).as_bytes(), value);
        }
        extended.finish();
        Change::Written
    }
}

/// The name of an array element.
pub(super) struct IndexName {
    digits: [u8; 20],
    start: usize,
}

impl IndexName {
    pub(super) fn new(index: usize) -> Self {
        let mut digits = [b'0'; 20];
        let mut start = digits.len();
        let mut rest = index;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                return Self { digits, start };
            }
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.digits[self.start..]
    }
}

/// Writes type byte and name of an element whose payload follows.
pub(super) fn begin(writer: &mut Writer<'_>, tag: Tag, name: &[u8]) {
    let out = writer.buffer();
    out.push(tag as u8);
    out.extend_from_slice(name);
    out.push(0);
}
