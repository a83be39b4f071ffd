//! BSON read by hand in safe Rust: what the hand-written versions of the benchmarks share.

/// The 32-bit number at `at`: the length of what stands there.
#[inline]
pub fn length(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
}

/// The size of a payload.
#[inline]
pub fn size(kind: u8, bytes: &[u8], at: usize) -> usize {
    match kind {
        1 | 9 | 17 | 18 => 8,
        2 | 13 | 14 => 4 + length(bytes, at),
        3 | 4 => length(bytes, at),
        5 => 5 + length(bytes, at),
        7 => 12,
        8 => 1,
        16 => 4,
        19 => 16,
        _ => 0,
    }
}

/// Walks a document's elements until `visit`, which is given type, name and the payload's place, has an answer.
#[inline]
pub fn walk<R>(bytes: &[u8], mut visit: impl FnMut(u8, &[u8], usize) -> Option<R>) -> Option<R> {
    let mut at = 4;
    while bytes[at] != 0 {
        let kind = bytes[at];
        let name = &bytes[at + 1..];
        let name = &name[..name.iter().position(|&byte| byte == 0)?];
        let payload = at + 2 + name.len();
        if let Some(answer) = visit(kind, name, payload) {
            return Some(answer);
        }
        at = payload + size(kind, bytes, payload);
    }
    None
}

/// The document or array at `at`.
#[inline]
pub fn inner(bytes: &[u8], at: usize) -> &[u8] {
    &bytes[at..at + length(bytes, at)]
}

/// The text at `at`.
#[inline]
pub fn text(bytes: &[u8], at: usize) -> &[u8] {
    &bytes[at + 4..at + 3 + length(bytes, at)]
}

/// The number at `at`, if it is one.
#[inline]
pub fn number(kind: u8, bytes: &[u8], at: usize) -> Option<f64> {
    match kind {
        16 => Some(f64::from(length(bytes, at) as i32)),
        18 => Some(i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) as f64),
        1 => Some(f64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))),
        _ => None,
    }
}
