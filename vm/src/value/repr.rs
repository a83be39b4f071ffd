//! `Value`: one BSON value in 16 bytes.
//!
//! Layout: a tag (BSON's own type byte), a binary subtype, a length, and 8 bytes that hold the scalar itself or the
//! address of bytes owned by a document or an arena that outlives `'d`.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;

use super::raw::RawDoc;

/// BSON's type byte, with 0 for the absent value. Numbering: the BSON specification, version 1.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Tag {
    /// No value at all: a missing field. Not `null`.
    Nothing = 0,
    Double = 1,
    String = 2,
    Document = 3,
    Array = 4,
    Binary = 5,
    Undefined = 6,
    ObjectId = 7,
    Bool = 8,
    DateTime = 9,
    Null = 10,
    Regex = 11,
    DbPointer = 12,
    JavaScript = 13,
    Symbol = 14,
    JavaScriptWithScope = 15,
    Int32 = 16,
    Timestamp = 17,
    Int64 = 18,
    Decimal128 = 19,
    MaxKey = 127,
    MinKey = 255,
}

impl Tag {
    /// The tag of a BSON type byte; `None` for bytes BSON does not define (0 among them).
    #[inline]
    pub fn from_byte(byte: u8) -> Option<Tag> {
        Some(match byte {
            1 => Tag::Double,
            2 => Tag::String,
            3 => Tag::Document,
            4 => Tag::Array,
            5 => Tag::Binary,
            6 => Tag::Undefined,
            7 => Tag::ObjectId,
            8 => Tag::Bool,
            9 => Tag::DateTime,
            10 => Tag::Null,
            11 => Tag::Regex,
            12 => Tag::DbPointer,
            13 => Tag::JavaScript,
            14 => Tag::Symbol,
            15 => Tag::JavaScriptWithScope,
            16 => Tag::Int32,
            17 => Tag::Timestamp,
            18 => Tag::Int64,
            19 => Tag::Decimal128,
            127 => Tag::MaxKey,
            255 => Tag::MinKey,
            _ => return None,
        })
    }

    /// MongoDB's name of the type, as `$type` the expression gives it: `"missing"` for [`Tag::Nothing`].
    pub fn name(self) -> &'static str {
        match self {
            Tag::Nothing => "missing",
            Tag::Double => "double",
            Tag::String => "string",
            Tag::Document => "object",
            Tag::Array => "array",
            Tag::Binary => "binData",
            Tag::Undefined => "undefined",
            Tag::ObjectId => "objectId",
            Tag::Bool => "bool",
            Tag::DateTime => "date",
            Tag::Null => "null",
            Tag::Regex => "regex",
            Tag::DbPointer => "dbPointer",
            Tag::JavaScript => "javascript",
            Tag::Symbol => "symbol",
            Tag::JavaScriptWithScope => "javascriptWithScope",
            Tag::Int32 => "int",
            Tag::Timestamp => "timestamp",
            Tag::Int64 => "long",
            Tag::Decimal128 => "decimal",
            Tag::MaxKey => "maxKey",
            Tag::MinKey => "minKey",
        }
    }

    /// Whether values of this type lie on the number line.
    #[inline]
    pub fn is_number(self) -> bool {
        matches!(self, Tag::Double | Tag::Int32 | Tag::Int64 | Tag::Decimal128)
    }
}

/// IEEE 754-2008 decimal128 in BSON's encoding (BID, little-endian).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal128(pub [u8; 16]);

/// One BSON value, `Copy`, 16 bytes, borrowed for `'d` where it is not a scalar.
///
/// Two plain words, so that a value travels in two registers: a struct of smaller parts would be written part by part and
/// read back whole, for which a processor has to wait until the parts have left its store queue.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    /// The tag in the lowest byte, the subtype in the next, [`Value::USED`], and the length in the upper half.
    head: NonZeroU64,
    /// The address of the bytes, or the bits of a scalar in the place of one.
    payload: *const u8,
    lifetime: PhantomData<&'d [u8]>,
}

const _: () = assert!(size_of::<Value<'_>>() == 16 && size_of::<Option<Value<'_>>>() == 16);

// A scalar of 64 bits stands in the place of an address.
const _: () = assert!(size_of::<usize>() == 8);

// SAFETY: a `Value` is a scalar or a shared borrow of immutable bytes, like `&[u8]`, which is `Send`.
unsafe impl Send for Value<'_> {}
// SAFETY: no interior mutability; see above.
unsafe impl Sync for Value<'_> {}

/// A [`Value`] opened up for matching. Strings are bytes here, because BSON that other programs wrote may hold any
/// bytes; use [`Value::as_str`] where text is needed.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum View<'d> {
    Nothing,
    MinKey,
    MaxKey,
    Undefined,
    Null,
    Bool(bool),
    Int32(i32),
    Int64(i64),
    Double(f64),
    Decimal128(Decimal128),
    String(&'d [u8]),
    Symbol(&'d [u8]),
    Document(&'d RawDoc),
    Array(&'d RawDoc),
    Binary {
        subtype: u8,
        bytes: &'d [u8],
    },
    ObjectId(&'d [u8; 12]),
    /// Milliseconds since 1970-01-01T00:00:00Z.
    DateTime(i64),
    /// Seconds in the upper 32 bits, the ordinal in the lower 32.
    Timestamp(u64),
    Regex {
        pattern: &'d [u8],
        options: &'d [u8],
    },
    JavaScript(&'d [u8]),
    JavaScriptWithScope {
        code: &'d [u8],
        scope: &'d RawDoc,
    },
    DbPointer {
        namespace: &'d [u8],
        id: &'d [u8; 12],
    },
}

impl<'d> Value<'d> {
    /// The absent value.
    pub const NOTHING: Value<'static> = Value::scalar(Tag::Nothing, 0);
    /// BSON `null`.
    pub const NULL: Value<'static> = Value::scalar(Tag::Null, 0);
    /// BSON's deprecated `undefined`.
    pub const UNDEFINED: Value<'static> = Value::scalar(Tag::Undefined, 0);
    /// Less than every other value.
    pub const MIN_KEY: Value<'static> = Value::scalar(Tag::MinKey, 0);
    /// Greater than every other value.
    pub const MAX_KEY: Value<'static> = Value::scalar(Tag::MaxKey, 0);
    /// `true`.
    pub const TRUE: Value<'static> = Value::scalar(Tag::Bool, 1);
    /// `false`.
    pub const FALSE: Value<'static> = Value::scalar(Tag::Bool, 0);

    /// A bit of the head that is always set, so that no head is zero.
    const USED: u64 = 1 << 16;

    const fn head(tag: Tag, subtype: u8, len: u32) -> NonZeroU64 {
        let parts = tag as u64 | (subtype as u64) << 8 | (len as u64) << 32;
        match NonZeroU64::new(parts | Self::USED) {
            Some(head) => head,
            None => NonZeroU64::MIN,
        }
    }

    const fn scalar(tag: Tag, int: i64) -> Value<'d> {
        Value {
            head: Self::head(tag, 0, 0),
            payload: std::ptr::without_provenance(int as u64 as usize),
            lifetime: PhantomData,
        }
    }

    #[inline]
    fn borrowed(tag: Tag, bytes: &'d [u8]) -> Value<'d> {
        Self::borrowed_as(tag, 0, bytes)
    }

    #[inline]
    fn borrowed_as(tag: Tag, subtype: u8, bytes: &'d [u8]) -> Value<'d> {
        // A value lives inside a document, whose length is an int32, so the cast keeps every length that can occur;
        // longer slices are cut rather than trusted.
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Value { head: Self::head(tag, subtype, len), payload: bytes.as_ptr(), lifetime: PhantomData }
    }

    /// A boolean.
    #[inline]
    pub const fn bool(value: bool) -> Value<'d> {
        Value::scalar(Tag::Bool, value as i64)
    }

    /// A 32-bit integer.
    #[inline]
    pub const fn int32(value: i32) -> Value<'d> {
        Value::scalar(Tag::Int32, value as i64)
    }

    /// A 64-bit integer.
    #[inline]
    pub const fn int64(value: i64) -> Value<'d> {
        Value::scalar(Tag::Int64, value)
    }

    /// The narrowest integer type that holds `value`: int32 where it fits, else int64.
    #[inline]
    pub const fn integer(value: i64) -> Value<'d> {
        if value as i32 as i64 == value { Value::int32(value as i32) } else { Value::int64(value) }
    }

    /// A double.
    #[inline]
    pub const fn double(value: f64) -> Value<'d> {
        Value::scalar(Tag::Double, value.to_bits() as i64)
    }

    /// A date, in milliseconds since the Unix epoch.
    #[inline]
    pub const fn date_time(millis: i64) -> Value<'d> {
        Value::scalar(Tag::DateTime, millis)
    }

    /// A timestamp: seconds in the upper 32 bits, the ordinal in the lower 32.
    #[inline]
    pub const fn timestamp(bits: u64) -> Value<'d> {
        Value::scalar(Tag::Timestamp, bits as i64)
    }

    /// A string.
    #[inline]
    pub fn string(text: &'d str) -> Value<'d> {
        Value::borrowed(Tag::String, text.as_bytes())
    }

    /// A string whose bytes need not be UTF-8 (read from a document).
    #[inline]
    pub fn string_bytes(bytes: &'d [u8]) -> Value<'d> {
        Value::borrowed(Tag::String, bytes)
    }

    /// A symbol (deprecated in BSON).
    #[inline]
    pub fn symbol(bytes: &'d [u8]) -> Value<'d> {
        Value::borrowed(Tag::Symbol, bytes)
    }

    /// JavaScript code without scope.
    #[inline]
    pub fn javascript(bytes: &'d [u8]) -> Value<'d> {
        Value::borrowed(Tag::JavaScript, bytes)
    }

    /// An embedded document.
    #[inline]
    pub fn document(doc: &'d RawDoc) -> Value<'d> {
        Value::borrowed(Tag::Document, doc.as_bytes())
    }

    /// An array: a document whose names are ignored.
    #[inline]
    pub fn array(array: &'d RawDoc) -> Value<'d> {
        Value::borrowed(Tag::Array, array.as_bytes())
    }

    /// Binary data of a subtype.
    #[inline]
    pub fn binary(subtype: u8, bytes: &'d [u8]) -> Value<'d> {
        Value::borrowed_as(Tag::Binary, subtype, bytes)
    }

    /// An ObjectId.
    #[inline]
    pub fn object_id(bytes: &'d [u8; 12]) -> Value<'d> {
        Value::borrowed(Tag::ObjectId, bytes)
    }

    /// A decimal128, borrowed in its stored form.
    #[inline]
    pub fn decimal128(bytes: &'d [u8; 16]) -> Value<'d> {
        Value::borrowed(Tag::Decimal128, bytes)
    }

    /// A value from its BSON type byte and the bytes that begin at its payload. Gives the value and its encoded
    /// length, or `None` when the type is unknown or the bytes are too short for it.
    #[inline]
    pub fn decode(type_byte: u8, bytes: &'d [u8]) -> Option<(Value<'d>, usize)> {
        #[inline]
        fn word<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
            bytes.first_chunk::<N>().copied()
        }
        let tag = Tag::from_byte(type_byte)?;
        Some(match tag {
            Tag::Nothing => return None,
            Tag::Null | Tag::Undefined | Tag::MinKey | Tag::MaxKey => (Value::scalar(tag, 0), 0),
            Tag::Bool => (Value::bool(*bytes.first()? != 0), 1),
            Tag::Int32 => (Value::int32(i32::from_le_bytes(word(bytes)?)), 4),
            Tag::Int64 | Tag::DateTime | Tag::Timestamp => (Value::scalar(tag, i64::from_le_bytes(word(bytes)?)), 8),
            Tag::Double => (Value::double(f64::from_le_bytes(word(bytes)?)), 8),
            Tag::Decimal128 => (Value::borrowed(tag, bytes.get(..16)?), 16),
            Tag::ObjectId => (Value::borrowed(tag, bytes.get(..12)?), 12),
            Tag::String | Tag::Symbol | Tag::JavaScript => {
                let len = length(bytes)?;
                let text = bytes.get(4..4 + len)?;
                (Value::borrowed(tag, text.split_last()?.1), 4 + len)
            }
            Tag::Document | Tag::Array => {
                let len = length(bytes)?;
                let doc = RawDoc::from_bytes(bytes.get(..len)?)?;
                (Value::borrowed(tag, doc.as_bytes()), len)
            }
            Tag::Binary => {
                let len = length(bytes)?;
                let subtype = *bytes.get(4)?;
                (Value::borrowed_as(tag, subtype, bytes.get(5..5 + len)?), 5 + len)
            }
            Tag::Regex => {
                let pattern = nul_position(bytes)?;
                let options = nul_position(&bytes[pattern + 1..])?;
                let len = pattern + options + 2;
                (Value::borrowed(tag, &bytes[..len]), len)
            }
            Tag::DbPointer => {
                let len = length(bytes)?;
                if len == 0 {
                    return None;
                }
                (Value::borrowed(tag, bytes.get(..4 + len + 12)?), 4 + len + 12)
            }
            Tag::JavaScriptWithScope => {
                let len = length(bytes)?;
                let whole = bytes.get(..len)?;
                let code = length(whole.get(4..)?)?;
                RawDoc::from_bytes(whole.get(8 + code..)?)?;
                if code == 0 {
                    return None;
                }
                (Value::borrowed(tag, whole), len)
            }
        })
    }

    /// The value that [`Value::decode`] gives. The commonest types take a few instructions where this is called.
    #[inline(always)]
    pub(crate) fn read(type_byte: u8, bytes: &'d [u8]) -> Option<Value<'d>> {
        const INT32: u8 = Tag::Int32 as u8;
        const INT64: u8 = Tag::Int64 as u8;
        const DOUBLE: u8 = Tag::Double as u8;
        match type_byte {
            INT32 => Some(Value::int32(i32::from_le_bytes(*bytes.first_chunk()?))),
            INT64 => Some(Value::int64(i64::from_le_bytes(*bytes.first_chunk()?))),
            DOUBLE => Some(Value::double(f64::from_le_bytes(*bytes.first_chunk()?))),
            _ => Value::decode(type_byte, bytes).map(|(value, _)| value),
        }
    }

    /// The type.
    #[inline]
    pub fn tag(self) -> Tag {
        // SAFETY: the lowest byte of a head is that of a `Tag`: `head` is the only maker of heads.
        unsafe { std::mem::transmute::<u8, Tag>(self.head.get() as u8) }
    }

    #[inline]
    fn subtype(self) -> u8 {
        (self.head.get() >> 8) as u8
    }

    #[inline]
    fn len(self) -> u32 {
        (self.head.get() >> 32) as u32
    }

    /// Whether there is no value at all.
    #[inline]
    pub fn is_nothing(self) -> bool {
        self.tag() == Tag::Nothing
    }

    /// Whether the value is missing, `null` or `undefined`: what MongoDB's expressions call nullish.
    #[inline]
    pub fn is_nullish(self) -> bool {
        matches!(self.tag(), Tag::Nothing | Tag::Null | Tag::Undefined)
    }

    /// Whether the value is a number of any type.
    #[inline]
    pub fn is_number(self) -> bool {
        self.tag().is_number()
    }

    /// The scalar's bits as an integer; of a value that is no scalar the address, which means nothing.
    #[inline]
    pub(super) fn int(self) -> i64 {
        self.payload.addr() as i64
    }

    /// The borrowed bytes of a value that is not a scalar.
    #[inline]
    pub(super) fn bytes(self) -> &'d [u8] {
        debug_assert!(!matches!(self.tag(), Tag::Int32 | Tag::Int64 | Tag::Double | Tag::Bool | Tag::Null));
        // SAFETY: called only for tags that `borrowed` sets; there address and length came from one `&'d [u8]`.
        unsafe { std::slice::from_raw_parts(self.payload, self.len() as usize) }
    }

    /// The value opened up for matching.
    #[inline]
    pub fn view(self) -> View<'d> {
        match self.tag() {
            Tag::Nothing => View::Nothing,
            Tag::MinKey => View::MinKey,
            Tag::MaxKey => View::MaxKey,
            Tag::Undefined => View::Undefined,
            Tag::Null => View::Null,
            Tag::Bool => View::Bool(self.int() != 0),
            Tag::Int32 => View::Int32(self.int() as i32),
            Tag::Int64 => View::Int64(self.int()),
            Tag::Double => View::Double(f64::from_bits(self.int() as u64)),
            Tag::DateTime => View::DateTime(self.int()),
            Tag::Timestamp => View::Timestamp(self.int() as u64),
            Tag::Decimal128 => View::Decimal128(Decimal128(fixed(self.bytes()))),
            Tag::String => View::String(self.bytes()),
            Tag::Symbol => View::Symbol(self.bytes()),
            Tag::JavaScript => View::JavaScript(self.bytes()),
            Tag::Document => View::Document(RawDoc::trusted(self.bytes())),
            Tag::Array => View::Array(RawDoc::trusted(self.bytes())),
            Tag::Binary => View::Binary { subtype: self.subtype(), bytes: self.bytes() },
            Tag::ObjectId => View::ObjectId(fixed_ref(self.bytes())),
            Tag::Regex => {
                let bytes = self.bytes();
                let pattern = nul_position(bytes).unwrap_or(0);
                let options = bytes.get(pattern + 1..bytes.len().saturating_sub(1)).unwrap_or(&[]);
                View::Regex { pattern: &bytes[..pattern], options }
            }
            Tag::DbPointer => {
                let bytes = self.bytes();
                let (namespace, id) = bytes.split_at(bytes.len() - 12);
                View::DbPointer { namespace: &namespace[4..namespace.len() - 1], id: fixed_ref(id) }
            }
            Tag::JavaScriptWithScope => {
                let bytes = self.bytes();
                let code = length(&bytes[4..]).unwrap_or(1);
                View::JavaScriptWithScope { code: &bytes[8..8 + code - 1], scope: RawDoc::trusted(&bytes[8 + code..]) }
            }
        }
    }

    /// The text of a string, when it is one and is UTF-8.
    #[inline]
    pub fn as_str(self) -> Option<&'d str> {
        self.as_str_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The bytes of a string, when it is one.
    #[inline]
    pub fn as_str_bytes(self) -> Option<&'d [u8]> {
        (self.tag() == Tag::String).then(|| self.bytes())
    }

    /// The embedded document, when it is one (arrays are not).
    #[inline]
    pub fn as_doc(self) -> Option<&'d RawDoc> {
        (self.tag() == Tag::Document).then(|| RawDoc::trusted(self.bytes()))
    }

    /// The array, when it is one.
    #[inline]
    pub fn as_array(self) -> Option<&'d RawDoc> {
        (self.tag() == Tag::Array).then(|| RawDoc::trusted(self.bytes()))
    }

    /// The embedded document or array as a document (arrays have names "0", "1", …).
    #[inline]
    pub fn as_container(self) -> Option<&'d RawDoc> {
        matches!(self.tag(), Tag::Document | Tag::Array).then(|| RawDoc::trusted(self.bytes()))
    }

    /// The boolean, when it is one.
    #[inline]
    pub fn as_bool(self) -> Option<bool> {
        (self.tag() == Tag::Bool).then(|| self.int() != 0)
    }

    /// The integer of an int32 or int64.
    #[inline]
    pub fn as_integer(self) -> Option<i64> {
        matches!(self.tag(), Tag::Int32 | Tag::Int64).then(|| self.int())
    }

    /// The double, when it is one.
    #[inline]
    pub fn as_double(self) -> Option<f64> {
        (self.tag() == Tag::Double).then(|| f64::from_bits(self.int() as u64))
    }

    /// The milliseconds of a date, when it is one.
    #[inline]
    pub fn as_date_millis(self) -> Option<i64> {
        (self.tag() == Tag::DateTime).then(|| self.int())
    }

    /// Writes the payload (no type byte, no name) in BSON's encoding.
    pub fn write_payload<B: super::Buf + ?Sized>(self, out: &mut B) {
        match self.tag() {
            Tag::Nothing | Tag::Null | Tag::Undefined | Tag::MinKey | Tag::MaxKey => {}
            Tag::Bool => out.extend(&[u8::from(self.int() != 0)]),
            Tag::Int32 => out.extend(&(self.int() as i32).to_le_bytes()),
            Tag::Int64 | Tag::DateTime | Tag::Timestamp | Tag::Double => out.extend(&self.int().to_le_bytes()),
            Tag::String | Tag::Symbol | Tag::JavaScript => {
                out.extend(&(self.len() + 1).to_le_bytes());
                out.extend(self.bytes());
                out.extend(&[0]);
            }
            Tag::Binary => {
                out.extend(&self.len().to_le_bytes());
                out.extend(&[self.subtype()]);
                out.extend(self.bytes());
            }
            Tag::Decimal128
            | Tag::ObjectId
            | Tag::Document
            | Tag::Array
            | Tag::Regex
            | Tag::DbPointer
            | Tag::JavaScriptWithScope => out.extend(self.bytes()),
        }
    }
}

/// The non-negative int32 at the head of `bytes`.
#[inline]
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(i32::from_le_bytes(*bytes.first_chunk::<4>()?)).ok()
}

/// The length up to the first NUL, and whether everything before it is ASCII. Eight bytes at a time: names are short,
/// so a call to a vectorised search would cost more than it saves.
#[inline(always)]
pub(super) fn scan_cstring(text: &[u8]) -> Option<(usize, bool)> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    let mut ascii = true;
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let zeros = word.wrapping_sub(LOW) & !word & HIGH;
        if zeros != 0 {
            // The lowest flag is exact: borrows only spread upwards.
            let before = zeros & zeros.wrapping_neg();
            ascii &= word & HIGH & (before - 1) == 0;
            return Some((at + zeros.trailing_zeros() as usize / 8, ascii));
        }
        ascii &= word & HIGH == 0;
        at += 8;
    }
    for (i, &byte) in text[at..].iter().enumerate() {
        if byte == 0 {
            return Some((at + i, ascii));
        }
        ascii &= byte < 0x80;
    }
    None
}

/// Where the first NUL stands.
#[inline(always)]
pub(super) fn nul_position(bytes: &[u8]) -> Option<usize> {
    scan_cstring(bytes).map(|(at, _)| at)
}

/// How many bytes the payload at the head of `bytes` takes, as its type and its own length tell; nothing else about it
/// is checked.
#[inline(always)]
pub(super) fn payload_len(type_byte: u8, bytes: &[u8]) -> Option<usize> {
    Some(match type_byte {
        16 => 4,
        1 | 9 | 17 | 18 => 8,
        2 | 13 | 14 => 4 + length(bytes)?,
        3 | 4 | 15 => length(bytes)?,
        8 => 1,
        7 => 12,
        6 | 10 | 127 | 255 => 0,
        5 => 5 + length(bytes)?,
        19 => 16,
        11 => {
            let pattern = nul_position(bytes)? + 1;
            pattern + nul_position(&bytes[pattern..])? + 1
        }
        12 => 16 + length(bytes)?,
        _ => return None,
    })
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    *fixed_ref(bytes)
}

fn fixed_ref<const N: usize>(bytes: &[u8]) -> &[u8; N] {
    bytes.first_chunk::<N>().expect("values of fixed size are only made from slices of that size")
}

impl Default for Value<'_> {
    /// The absent value.
    fn default() -> Self {
        Value::NOTHING
    }
}

impl fmt::Debug for Value<'_> {
    /// The shell's notation, which reads back as the same value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::extjson::write(f, *self, super::extjson::Notation::Shell)
    }
}

impl fmt::Debug for Decimal128 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NumberDecimal(\"{self}\")")
    }
}
