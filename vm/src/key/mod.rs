//! Order-preserving keys: values as bytes that compare, bytewise, as the values do.
//!
//! Index entries, `_id` keys, sort keys and group keys all use this encoding, so that the storage engine and `memcmp`
//! need to know nothing of BSON. Values that compare equal give equal bytes; what tells them apart (int 1 or double
//! 1.0) goes to a separate string, the *type bits*, from which the exact value can be had back.
//!
//! # A key
//!
//! ```text
//! key   = field … bound [record id]
//! bound = 01  before every key that begins with these fields     (Less)
//!         04  a stored key                                       (Equal)
//!         fe  after every key that begins with these fields      (Greater)
//! ```
//!
//! A field is the encoding of one value; for a descending field every byte of it is inverted. No field is a proper
//! prefix of another, so the first difference decides.
//!
//! # A value
//!
//! One class byte, then the content:
//!
//! ```text
//! 0a MinKey          -
//! 0f undefined       -                                 a missing value too
//! 14 null            -
//! 1e NaN             -
//! 1f number          below or at -2^63: w8 [more]      all bytes behind the class inverted
//! 20…27 number       (-2^63, -1]: 8…1 bytes [more]     all bytes behind the class inverted
//! 28 number          (-1, 0): w8 [more]                all bytes behind the class inverted
//! 29 zero            -
//! 2a number          (0, 1): w8 [more]
//! 2b…32 number       [1, 2^63): 1…8 bytes [more]
//! 33 number          2^63 or above: w8 [more]
//! 3c string          text 00                           00 inside the text is 00 ff; symbols too
//! 46 document        (class name 00 content) … 00      class is 1e for every number, which has its own class byte too
//! 50 array           value … 00
//! 5a binary          length(4) subtype bytes
//! 64 ObjectId        12 bytes
//! 6e bool            00 | 01
//! 78 date            8 bytes, sign bit flipped
//! 7a timestamp       8 bytes
//! 82 regex           pattern 00 options 00
//! 8c DBPointer       length(4) namespace id(12)
//! 96 code            text 00
//! a0 code with scope text 00, then the content of a document
//! f0 MaxKey          -
//! ```
//!
//! All integers are big-endian. Bytes behind a text's 00 are always below ff (inverted: above 00), which is what lets
//! a text sort before its extensions.
//!
//! # A number
//!
//! With `m` the magnitude:
//!
//! ```text
//! 1 <= m < 2^63   (whole part << 1 | has fraction) in as few bytes as hold it; the class tells how many
//!                 fraction: 7 bytes, 52 bits of fraction << 4 | more
//! m < 1           8 bytes, (bits of the largest double <= m) << 2 | more
//! m >= 2^63       8 bytes, (those bits - bits of 2^63) << 2 | more; infinity is just the largest double
//! more            1 for a decimal that equals no double: then exponent(2) digits… 00 follow, where the exponent is
//!                 that of the first digit, plus 16384, and each byte holds two digits, plus 1
//! ```
//!
//! A decimal128 equals a double when it is the decimal of 34 digits nearest to it, as in [`compare`](crate::value::compare()).
//!
//! # Type bits
//!
//! One byte per number, string or undefined, in the order of encoding, and trailing zeros are cut off, so that keys of
//! the commonest types have none:
//!
//! ```text
//! number  0       int32 where it fits, else int64; a double where it has a fraction or is large; a decimal where it
//!                 equals no double and has no trailing zero
//!         1       int64                 2  double                4  double -0.0
//!         3       a decimal, stored whole in 16 bytes behind (zeros, NaN, infinities, forms that are not canonical)
//!         5       a double, stored whole in 8 bytes behind (NaN with a payload)
//!         8 + k   a decimal with k trailing zeros
//! string  0  string      1  symbol
//! undef.  0  undefined   1  missing
//! ```
//!
//! Names of array elements are not kept: they come back as "0", "1", ….
//!
//! # Collation
//!
//! Under a [`StringOrder`](crate::value::StringOrder) strings are replaced by their sort keys. Such a key orders and
//! compares, but the strings cannot be had back.

mod decode;
mod encode;
mod number;
mod record_id;

pub use decode::KeyDecoder;
pub use encode::KeyEncoder;
pub use record_id::{RECORD_ID_BYTES, append_record_id, split_record_id};

/// Which way a field of a key is ordered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Direction {
    /// Least first.
    Ascending,
    /// Greatest first.
    Descending,
}

/// Where a key lies among the keys that begin with its fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Bound {
    /// Before all of them.
    Less = 0x01,
    /// A key as stored.
    Equal = 0x04,
    /// After all of them.
    Greater = 0xfe,
}

/// The class bytes. All lie strictly between the bounds, inverted or not, and never at 00 or ff.
mod class {
    use crate::value::Tag;

    pub(super) const MIN_KEY: u8 = 0x0a;
    pub(super) const UNDEFINED: u8 = 0x0f;
    pub(super) const NULL: u8 = 0x14;
    /// NaN, and inside documents every number.
    pub(super) const NUMBER: u8 = 0x1e;
    pub(super) const NEGATIVE_LARGE: u8 = 0x1f;
    /// One byte of whole part; more bytes lie below.
    pub(super) const NEGATIVE_INT: u8 = 0x27;
    pub(super) const NEGATIVE_SMALL: u8 = 0x28;
    pub(super) const ZERO: u8 = 0x29;
    pub(super) const POSITIVE_SMALL: u8 = 0x2a;
    /// One byte of whole part; more bytes lie above.
    pub(super) const POSITIVE_INT: u8 = 0x2b;
    pub(super) const POSITIVE_LARGE: u8 = 0x33;
    pub(super) const STRING: u8 = 0x3c;
    pub(super) const DOCUMENT: u8 = 0x46;
    pub(super) const ARRAY: u8 = 0x50;
    pub(super) const BINARY: u8 = 0x5a;
    pub(super) const OBJECT_ID: u8 = 0x64;
    pub(super) const BOOL: u8 = 0x6e;
    pub(super) const DATE: u8 = 0x78;
    pub(super) const TIMESTAMP: u8 = 0x7a;
    pub(super) const REGEX: u8 = 0x82;
    pub(super) const DB_POINTER: u8 = 0x8c;
    pub(super) const CODE: u8 = 0x96;
    pub(super) const CODE_WITH_SCOPE: u8 = 0xa0;
    pub(super) const MAX_KEY: u8 = 0xf0;

    /// The class of a type; numbers have finer ones of their own.
    pub(super) fn of(tag: Tag) -> u8 {
        match tag {
            Tag::MinKey => MIN_KEY,
            Tag::Nothing | Tag::Undefined => UNDEFINED,
            Tag::Null => NULL,
            Tag::Double | Tag::Int32 | Tag::Int64 | Tag::Decimal128 => NUMBER,
            Tag::String | Tag::Symbol => STRING,
            Tag::Document => DOCUMENT,
            Tag::Array => ARRAY,
            Tag::Binary => BINARY,
            Tag::ObjectId => OBJECT_ID,
            Tag::Bool => BOOL,
            Tag::DateTime => DATE,
            Tag::Timestamp => TIMESTAMP,
            Tag::Regex => REGEX,
            Tag::DbPointer => DB_POINTER,
            Tag::JavaScript => CODE,
            Tag::JavaScriptWithScope => CODE_WITH_SCOPE,
            Tag::MaxKey => MAX_KEY,
        }
    }
}

#[cfg(test)]
mod tests;
