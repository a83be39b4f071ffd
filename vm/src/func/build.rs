//! Building results in the arena: the few lines every function that returns more than a scalar would repeat.

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use crate::error::{Error, Result};
use crate::limits::MAX_STRING_BYTES;
use crate::value::{ArrayWriter, Decimal128, DocWriter, RawDoc, Value};

/// A buffer of the arena.
pub(crate) type Buffer<'d> = ArenaVec<'d, u8>;

/// A string with a copy of `bytes`.
pub(crate) fn string<'d>(arena: &'d Bump, bytes: &[u8]) -> Value<'d> {
    Value::string_bytes(arena.alloc_slice_copy(bytes))
}

/// A string of several parts.
pub(crate) fn string_of<'d>(arena: &'d Bump, parts: &[&[u8]]) -> Result<Value<'d>> {
    let length = parts.iter().fold(0, |length: usize, part| length.saturating_add(part.len()));
    check_string(length)?;
    let mut bytes = Buffer::with_capacity_in(length, arena);
    parts.iter().for_each(|part| bytes.extend_from_slice_copy(part));
    Ok(Value::string_bytes(bytes.into_bump_slice()))
}

/// Fails when a string of that many bytes is longer than one may be.
pub fn check_string(length: usize) -> Result<()> {
    if length < MAX_STRING_BYTES {
        return Ok(());
    }
    Err(Error::location(16493, "Tried to create string longer than 16MB"))
}

/// Binary data with a copy of `bytes`.
pub(crate) fn binary<'d>(arena: &'d Bump, subtype: u8, bytes: &[u8]) -> Value<'d> {
    Value::binary(subtype, arena.alloc_slice_copy(bytes))
}

/// A decimal128 value.
pub(crate) fn decimal(arena: &Bump, decimal: Decimal128) -> Value<'_> {
    Value::decimal128(arena.alloc(decimal.0))
}

/// A document that `fill` writes.
pub(crate) fn document<'d, E>(
    arena: &'d Bump,
    fill: impl FnOnce(&mut DocWriter<'_, Buffer<'d>>) -> Result<(), E>,
) -> Result<Value<'d>, E> {
    let mut bytes = Buffer::new_in(arena);
    let mut writer = DocWriter::new(&mut bytes);
    fill(&mut writer)?;
    writer.finish();
    Ok(Value::document(RawDoc::trusted(bytes.into_bump_slice())))
}

/// An array that `fill` writes.
pub(crate) fn array<'d, E>(
    arena: &'d Bump,
    fill: impl FnOnce(&mut ArrayWriter<'_, Buffer<'d>>) -> Result<(), E>,
) -> Result<Value<'d>, E> {
    let mut bytes = Buffer::new_in(arena);
    let mut writer = ArrayWriter::new(&mut bytes);
    fill(&mut writer)?;
    writer.finish();
    Ok(Value::array(RawDoc::trusted(bytes.into_bump_slice())))
}
