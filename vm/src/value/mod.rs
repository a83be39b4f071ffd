//! The BSON value model over raw bytes.
//!
//! [`Value`] is a 16-byte, `Copy` view of one BSON value: scalars inline, everything else borrowed from a document or
//! an arena. [`RawDoc`] is a borrowed document. Nothing here owns or frees; [`DocBuf`] and [`OwnedValue`] do, at the
//! edges. The absent value is [`Value::NOTHING`], which is not `null`.
//!
//! Reading is total: any bytes may stand inside a `RawDoc` and no read leaves it. A document that
//! [`validate`](crate::value::validate()) has accepted also reads completely.
//!
//! | file | what it holds |
//! |---|---|
//! | `repr` | the 16 bytes of a value |
//! | `raw`, `buf` | reading and writing documents |
//! | `validate` | the check of bytes from outside |
//! | `order`, `number` | MongoDB's order, equality and hash; the number line |
//! | `decimal` | decimal128 without arithmetic |
//! | `extjson` | values as text |
//! | `arbitrary` | values for fuzzing (feature `arbitrary`) |
//! | `owned` | values that outlive their document, and parameters |
//! | `path` | dotted paths and the three ways to follow one |

#[cfg(feature = "arbitrary")]
pub mod arbitrary;
mod buf;
pub mod decimal;
pub mod extjson;
mod number;
mod order;
mod owned;
pub mod path;
mod raw;
mod repr;
mod validate;

pub use buf::{ArrayWriter, Buf, DocBuf, DocWriter};
pub(crate) use number::Canonical;
pub use number::{compare_doubles, compare_int_double};
pub use order::{StringOrder, canonical_type, compare, compare_with, equal, equal_with, hash, hash_with};
pub use owned::{OwnedValue, ParamId};
pub use path::{
    ArrayComponents, Component, FieldPath, expr_path, index_keys, index_keys_with_missing, key_values, match_path,
};
pub use raw::{Element, RawDoc, RawIter};
pub use repr::{Decimal128, Tag, Value, View};
pub use validate::{validate, validate_first};
