//! The record number behind a key: 8 bytes, big-endian, sign bit flipped, so that bytes order as the numbers do.

/// How many bytes a record number takes.
pub const RECORD_ID_BYTES: usize = 8;

const SIGN: u64 = 1 << 63;

/// Appends a record number to a finished key.
#[inline]
pub fn append_record_id(key: &mut Vec<u8>, record_id: i64) {
    key.extend_from_slice(&(record_id as u64 ^ SIGN).to_be_bytes());
}

/// The key without the record number at its end, and that number; `None` when the key is too short for one.
#[inline]
pub fn split_record_id(key: &[u8]) -> Option<(&[u8], i64)> {
    let (key, suffix) = key.split_last_chunk::<RECORD_ID_BYTES>()?;
    Some((key, (u64::from_be_bytes(*suffix) ^ SIGN) as i64))
}
