//! Writing BSON: documents built byte by byte into any growable buffer, and the owned forms used at the edges.

use std::fmt;

use super::raw::RawDoc;
use super::repr::{Tag, Value};

/// A growable byte buffer that BSON can be written into.
pub trait Buf {
    /// Appends bytes.
    fn extend(&mut self, bytes: &[u8]);
    /// Bytes written so far.
    fn len(&self) -> usize;
    /// Whether nothing has been written.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Overwrites the four bytes at `at` with a little-endian int32. `at + 4` must not exceed [`Buf::len`].
    fn patch_i32(&mut self, at: usize, value: i32);
    /// Drops everything written after the first `len` bytes.
    fn truncate(&mut self, len: usize);
}

impl Buf for Vec<u8> {
    #[inline]
    fn extend(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    #[inline]
    fn len(&self) -> usize {
        Vec::len(self)
    }
    #[inline]
    fn patch_i32(&mut self, at: usize, value: i32) {
        self[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    fn truncate(&mut self, len: usize) {
        Vec::truncate(self, len);
    }
}

impl Buf for bumpalo::collections::Vec<'_, u8> {
    #[inline]
    fn extend(&mut self, bytes: &[u8]) {
        self.extend_from_slice_copy(bytes);
    }
    #[inline]
    fn len(&self) -> usize {
        bumpalo::collections::Vec::len(self)
    }
    #[inline]
    fn patch_i32(&mut self, at: usize, value: i32) {
        self[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    fn truncate(&mut self, len: usize) {
        bumpalo::collections::Vec::truncate(self, len);
    }
}

/// Writes one document into a buffer. Nothing is complete until [`DocWriter::finish`] fills in the length.
pub struct DocWriter<'b, B: Buf + ?Sized> {
    buf: &'b mut B,
    start: usize,
}

impl<'b, B: Buf + ?Sized> DocWriter<'b, B> {
    /// Begins a document at the end of `buf`.
    #[inline]
    pub fn new(buf: &'b mut B) -> Self {
        let start = buf.len();
        buf.extend(&[0; 4]);
        Self { buf, start }
    }

    #[inline]
    fn header(&mut self, tag: Tag, name: &[u8]) {
        self.buf.extend(&[tag as u8]);
        self.buf.extend(name);
        self.buf.extend(&[0]);
    }

    /// Appends a field. A missing value appends nothing. `name` must not contain NUL.
    #[inline]
    pub fn value(&mut self, name: &str, value: Value<'_>) {
        self.value_named(name.as_bytes(), value);
    }

    /// [`DocWriter::value`] with the name as bytes.
    #[inline]
    pub fn value_named(&mut self, name: &[u8], value: Value<'_>) {
        debug_assert!(!name.contains(&0));
        if value.is_nothing() {
            return;
        }
        self.header(value.tag(), name);
        value.write_payload(self.buf);
    }

    /// Appends a string field.
    pub fn string(&mut self, name: &str, text: &str) {
        self.value(name, Value::string(text));
    }

    /// Appends an element exactly as it stands in another document.
    #[inline]
    pub fn raw_element(&mut self, raw: &[u8]) {
        self.buf.extend(raw);
    }

    /// Appends every element of `doc`.
    pub fn elements_of(&mut self, doc: &RawDoc) {
        let bytes = doc.as_bytes();
        self.buf.extend(&bytes[4..bytes.len() - 1]);
    }

    /// Appends an embedded document that `fill` writes.
    pub fn document<R>(&mut self, name: &str, fill: impl FnOnce(&mut DocWriter<'_, B>) -> R) -> R {
        self.document_named(name.as_bytes(), fill)
    }

    /// [`DocWriter::document`] with the name as bytes.
    pub fn document_named<R>(&mut self, name: &[u8], fill: impl FnOnce(&mut DocWriter<'_, B>) -> R) -> R {
        self.header(Tag::Document, name);
        let mut inner = DocWriter::new(&mut *self.buf);
        let result = fill(&mut inner);
        inner.finish();
        result
    }

    /// Appends an array that `fill` writes.
    pub fn array<R>(&mut self, name: &str, fill: impl FnOnce(&mut ArrayWriter<'_, B>) -> R) -> R {
        self.array_named(name.as_bytes(), fill)
    }

    /// [`DocWriter::array`] with the name as bytes.
    pub fn array_named<R>(&mut self, name: &[u8], fill: impl FnOnce(&mut ArrayWriter<'_, B>) -> R) -> R {
        self.header(Tag::Array, name);
        let mut inner = ArrayWriter::new(&mut *self.buf);
        let result = fill(&mut inner);
        inner.finish();
        result
    }

    /// The buffer, for writers that append whole elements by other means.
    #[inline]
    pub fn buffer(&mut self) -> &mut B {
        self.buf
    }

    /// Bytes written for this document so far, header included.
    #[inline]
    pub fn written(&self) -> usize {
        self.buf.len() - self.start
    }

    /// Terminates the document and fills in its length.
    #[inline]
    pub fn finish(self) {
        self.buf.extend(&[0]);
        let len = self.buf.len() - self.start;
        self.buf.patch_i32(self.start, i32::try_from(len).unwrap_or(i32::MAX));
    }
}

/// Writes one array into a buffer, naming elements "0", "1", ….
pub struct ArrayWriter<'b, B: Buf + ?Sized> {
    doc: DocWriter<'b, B>,
    next: u32,
}

impl<'b, B: Buf + ?Sized> ArrayWriter<'b, B> {
    /// Begins an array at the end of `buf`.
    #[inline]
    pub fn new(buf: &'b mut B) -> Self {
        Self { doc: DocWriter::new(buf), next: 0 }
    }

    /// How many elements have been written.
    pub fn count(&self) -> usize {
        self.next as usize
    }

    fn with_name<R>(&mut self, write: impl FnOnce(&mut DocWriter<'b, B>, &[u8]) -> R) -> R {
        let mut digits = [0u8; 10];
        let mut at = digits.len();
        let mut n = self.next;
        loop {
            at -= 1;
            digits[at] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        self.next += 1;
        write(&mut self.doc, &digits[at..])
    }

    /// Appends an element. A missing value takes its place as `null`, because an array has no holes.
    #[inline]
    pub fn value(&mut self, value: Value<'_>) {
        let value = if value.is_nothing() { Value::NULL } else { value };
        self.with_name(|doc, name| doc.value_named(name, value));
    }

    /// Appends an embedded document that `fill` writes.
    pub fn document<R>(&mut self, fill: impl FnOnce(&mut DocWriter<'_, B>) -> R) -> R {
        self.with_name(|doc, name| doc.document_named(name, fill))
    }

    /// Appends an embedded array that `fill` writes.
    pub fn array<R>(&mut self, fill: impl FnOnce(&mut ArrayWriter<'_, B>) -> R) -> R {
        self.with_name(|doc, name| doc.array_named(name, fill))
    }

    /// Bytes written for this array so far.
    #[inline]
    pub fn written(&self) -> usize {
        self.doc.written()
    }

    /// Terminates the array and fills in its length.
    #[inline]
    pub fn finish(self) {
        self.doc.finish();
    }
}

/// An owned document.
#[derive(Clone, PartialEq)]
pub struct DocBuf(Vec<u8>);

impl DocBuf {
    /// The document `{}`.
    pub fn new() -> Self {
        Self(RawDoc::EMPTY.as_bytes().to_vec())
    }

    /// A document that `fill` writes.
    pub fn build(fill: impl FnOnce(&mut DocWriter<'_, Vec<u8>>)) -> Self {
        let mut bytes = Vec::with_capacity(128);
        let mut writer = DocWriter::new(&mut bytes);
        fill(&mut writer);
        writer.finish();
        Self(bytes)
    }

    /// A document that `fill` writes, unless it fails.
    pub fn try_build<E>(fill: impl FnOnce(&mut DocWriter<'_, Vec<u8>>) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = Vec::with_capacity(128);
        let mut writer = DocWriter::new(&mut bytes);
        fill(&mut writer)?;
        writer.finish();
        Ok(Self(bytes))
    }

    /// A document from bytes with a correct frame; see [`RawDoc::from_bytes`].
    pub fn from_vec(bytes: Vec<u8>) -> Option<Self> {
        RawDoc::from_bytes(&bytes)?;
        Some(Self(bytes))
    }

    /// The borrowed form.
    #[inline]
    pub fn as_doc(&self) -> &RawDoc {
        RawDoc::trusted(&self.0)
    }

    /// The bytes.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl Default for DocBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl From<&RawDoc> for DocBuf {
    fn from(doc: &RawDoc) -> Self {
        Self(doc.as_bytes().to_vec())
    }
}

impl std::ops::Deref for DocBuf {
    type Target = RawDoc;

    fn deref(&self) -> &RawDoc {
        self.as_doc()
    }
}

impl fmt::Debug for DocBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_doc(), f)
    }
}
