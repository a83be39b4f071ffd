//! `RawDoc`: a borrowed BSON document, and the iterator over its elements.

use std::fmt;

use super::repr::{Value, length, nul_position, payload_len};

/// The bytes of one BSON document (or array), borrowed.
///
/// Invariant: at least 5 bytes, the length header equals the slice's length, the last byte is 0. Nothing is promised
/// about what lies between, so reads are checked against the slice and stop at the first malformed element.
#[repr(transparent)]
pub struct RawDoc([u8]);

impl RawDoc {
    /// The document `{}`.
    pub const EMPTY: &'static RawDoc = RawDoc::trusted(&[5, 0, 0, 0, 0]);

    /// The document whose frame (length header and terminator) fits `bytes` exactly. Elements are not looked at:
    /// use [`validate`](crate::value::validate()) for bytes from outside.
    #[inline]
    pub fn from_bytes(bytes: &[u8]) -> Option<&RawDoc> {
        (bytes.len() >= 5 && length(bytes) == Some(bytes.len()) && bytes[bytes.len() - 1] == 0)
            .then(|| RawDoc::trusted(bytes))
    }

    /// A document that this process stored and the storage engine gave back: only the length is compared, because
    /// looking at the terminator would fetch the document's last cache line, which most reads never need.
    #[inline]
    pub fn from_stored(bytes: &[u8]) -> Option<&RawDoc> {
        (bytes.len() >= 5 && length(bytes) == Some(bytes.len())).then(|| RawDoc::trusted(bytes))
    }

    /// A document from bytes that are known to satisfy the invariant.
    #[inline]
    pub(crate) const fn trusted(bytes: &[u8]) -> &RawDoc {
        debug_assert!(bytes.len() >= 5);
        // SAFETY: `RawDoc` is `repr(transparent)` over `[u8]`, so the two references have one layout. The invariant
        // itself is not relied on for memory safety.
        unsafe { &*(std::ptr::from_ref::<[u8]>(bytes) as *const RawDoc) }
    }

    /// All bytes, header and terminator included.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether the document has no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.len() == 5
    }

    /// The elements in stored order.
    #[inline]
    pub fn iter(&self) -> RawIter<'_> {
        RawIter { bytes: &self.0, at: 4 }
    }

    /// The value of the first element with this exact name; dots mean nothing here.
    #[inline]
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        self.get_bytes(name.as_bytes())
    }

    /// [`RawDoc::get`] with the name as bytes. Elements before the one sought are measured, not decoded.
    pub fn get_bytes(&self, name: &[u8]) -> Option<Value<'_>> {
        let bytes = &self.0[..self.0.len() - 1];
        let mut at = 4;
        loop {
            let (&type_byte, after_type) = bytes.get(at..)?.split_first()?;
            let name_len = nul_position(after_type)?;
            let payload = &after_type[name_len + 1..];
            if &after_type[..name_len] == name {
                return Value::decode(type_byte, payload).map(|(value, _)| value);
            }
            at += 2 + name_len + payload_len(type_byte, payload)?;
        }
    }

    /// The `index`-th value, which for an array is the element at that position.
    pub fn get_index(&self, index: usize) -> Option<Value<'_>> {
        self.iter().nth(index).map(|element| element.value())
    }

    /// The values in stored order: an array's elements.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        self.iter().map(|element| element.value())
    }
}

impl<'d> IntoIterator for &'d RawDoc {
    type Item = Element<'d>;
    type IntoIter = RawIter<'d>;

    fn into_iter(self) -> RawIter<'d> {
        self.iter()
    }
}

impl PartialEq for RawDoc {
    /// Byte equality. MongoDB's equality of values is [`equal`](crate::value::equal()).
    fn eq(&self, other: &RawDoc) -> bool {
        self.0 == other.0
    }
}

impl fmt::Debug for RawDoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Value::document(self), f)
    }
}

/// One element of a document: its name, its value, and the bytes both were read from.
#[derive(Clone, Copy)]
pub struct Element<'d> {
    raw: &'d [u8],
    name_len: u32,
    value: Value<'d>,
}

impl<'d> Element<'d> {
    /// The field name without its terminator.
    #[inline]
    pub fn name(&self) -> &'d [u8] {
        &self.raw[1..1 + self.name_len as usize]
    }

    /// The field name as text; empty when it is not UTF-8, which validated documents never hold.
    #[inline]
    pub fn name_str(&self) -> &'d str {
        std::str::from_utf8(self.name()).unwrap_or_default()
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'d> {
        self.value
    }

    /// Type byte, name and payload as stored: what a projection that keeps the field copies.
    #[inline]
    pub fn raw(&self) -> &'d [u8] {
        self.raw
    }

    /// The payload alone, as stored.
    #[inline]
    pub fn raw_payload(&self) -> &'d [u8] {
        &self.raw[2 + self.name_len as usize..]
    }
}

/// Iterator over a document's elements. Stops at the terminator, or at the first element that is not BSON.
#[derive(Clone)]
pub struct RawIter<'d> {
    bytes: &'d [u8],
    at: usize,
}

impl<'d> RawIter<'d> {
    /// The offset, within the document, of the element that `next` gives.
    #[inline]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Whether every byte up to the terminator was read as elements; false once malformed bytes stopped the walk.
    pub fn is_complete(&self) -> bool {
        self.at + 1 == self.bytes.len()
    }
}

impl<'d> Iterator for RawIter<'d> {
    type Item = Element<'d>;

    #[inline]
    fn next(&mut self) -> Option<Element<'d>> {
        let rest = self.bytes.get(self.at..self.bytes.len() - 1)?;
        let (&type_byte, after_type) = rest.split_first()?;
        let name_len = nul_position(after_type)?;
        let (value, payload_len) = Value::decode(type_byte, &after_type[name_len + 1..])?;
        let raw = &rest[..2 + name_len + payload_len];
        self.at += raw.len();
        Some(Element { raw, name_len: name_len as u32, value })
    }
}
