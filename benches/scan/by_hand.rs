//! The filter as one would write it by hand: one walk over the elements, stopping at the first test that fails.

/// In safe Rust.
pub mod safe {
    use smongo_benches::by_hand::{length, walk};

    fn b_is_over_500(kind: u8, bytes: &[u8], at: usize) -> bool {
        match kind {
            16 => length(bytes, at) as i32 > 500,
            18 => i64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) > 500,
            1 => f64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) > 500.0,
            _ => false,
        }
    }

    pub fn matches(bytes: &[u8]) -> bool {
        let mut seen = 0;
        walk(bytes, |kind, name, at| {
            let holds = match name {
                b"status" => {
                    let text = &bytes[at + 4..at + 3 + length(bytes, at)];
                    kind == 2 && (text == b"active" || text == b"pending")
                }
                b"a" => {
                    let inner = &bytes[at..at + length(bytes, at)];
                    kind == 3
                        && walk(inner, |kind, name, at| (name == b"b").then(|| b_is_over_500(kind, inner, at)))
                            .unwrap_or(false)
                }
                b"tags" => {
                    let inner = &bytes[at..at + length(bytes, at)];
                    kind == 4
                        && walk(inner, |kind, _, at| {
                            let is_t7 = kind == 2 && &inner[at + 4..at + 3 + length(inner, at)] == b"t7";
                            is_t7.then_some(true)
                        })
                        .unwrap_or(false)
                }
                _ => return None,
            };
            seen += 1;
            if !holds {
                Some(false)
            } else if seen == 3 {
                Some(true)
            } else {
                None
            }
        })
        .unwrap_or(false)
    }
}

/// In safe Rust, names found and compared eight bytes at a time.
pub mod safe_words {
    #[inline(always)]
    fn word(bytes: &[u8], at: usize) -> u64 {
        match bytes.get(at..at + 8) {
            Some(word) => u64::from_le_bytes(word.try_into().expect("eight bytes")),
            None => tail(bytes, at),
        }
    }

    #[cold]
    fn tail(bytes: &[u8], at: usize) -> u64 {
        bytes[at.min(bytes.len())..].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
    }

    #[inline(always)]
    fn length(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
    }

    #[inline(always)]
    fn name_length(bytes: &[u8], at: usize, word: u64) -> usize {
        let zeros = word.wrapping_sub(0x0101_0101_0101_0101) & !word & 0x8080_8080_8080_8080;
        if zeros != 0 {
            return zeros.trailing_zeros() as usize / 8;
        }
        bytes[at..].iter().position(|&byte| byte == 0).expect("names end")
    }

    #[inline(always)]
    fn size(kind: u8, bytes: &[u8], at: usize) -> usize {
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

    const STATUS: u64 = u64::from_le_bytes(*b"status\0\0");
    const TAGS: u64 = u64::from_le_bytes(*b"tags\0\0\0\0");

    fn a_holds(bytes: &[u8]) -> bool {
        let mut at = 4;
        while bytes[at] != 0 {
            let name = word(bytes, at + 1);
            let payload = at + 2 + name_length(bytes, at + 1, name);
            if name & 0xFFFF == u64::from(b'b') {
                return match bytes[at] {
                    16 => length(bytes, payload) as i32 > 500,
                    18 => word(bytes, payload) as i64 > 500,
                    1 => f64::from_bits(word(bytes, payload)) > 500.0,
                    _ => false,
                };
            }
            at = payload + size(bytes[at], bytes, payload);
        }
        false
    }

    fn tags_hold(bytes: &[u8]) -> bool {
        let mut at = 4;
        while bytes[at] != 0 {
            let payload = at + 2 + name_length(bytes, at + 1, word(bytes, at + 1));
            if bytes[at] == 2 && length(bytes, payload) == 3 && bytes[payload + 4..payload + 6] == *b"t7" {
                return true;
            }
            at = payload + size(bytes[at], bytes, payload);
        }
        false
    }

    pub fn matches(bytes: &[u8]) -> bool {
        let mut seen = 0;
        let mut at = 4;
        while bytes[at] != 0 {
            let kind = bytes[at];
            let name = word(bytes, at + 1);
            let payload = at + 2 + name_length(bytes, at + 1, name);
            let next = payload + size(kind, bytes, payload);
            if name << 8 == STATUS << 8 {
                let text = &bytes[payload + 4..payload + 3 + length(bytes, payload)];
                if !(kind == 2 && (text == b"active" || text == b"pending")) {
                    return false;
                }
                seen += 1;
            } else if name & 0xFFFF == u64::from(b'a') {
                if !(kind == 3 && a_holds(&bytes[payload..next])) {
                    return false;
                }
                seen += 1;
            } else if name & 0xFF_FFFF_FFFF == TAGS {
                if !(kind == 4 && tags_hold(&bytes[payload..next])) {
                    return false;
                }
                seen += 1;
            }
            if seen == 3 {
                return true;
            }
            at = next;
        }
        false
    }
}

/// Without bounds checks: names, lengths and texts are compared as words read from where they stand.
pub mod unsafe_words {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;

    /// Bytes that may be read behind any position of a document, so that words can be read without a look at its end.
    pub const SLACK_BYTES: usize = 8;

    #[inline(always)]
    unsafe fn word(at: *const u8) -> u64 {
        // SAFETY: the callers' positions lie in a document with slack behind it.
        unsafe { at.cast::<u64>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn length(at: *const u8) -> usize {
        // SAFETY: as for `word`.
        unsafe { at.cast::<u32>().read_unaligned() as usize }
    }

    #[inline(always)]
    unsafe fn name_length(at: *const u8, word: u64) -> usize {
        let zeros = word.wrapping_sub(ONES) & !word & HIGHS;
        if zeros != 0 {
            return zeros.trailing_zeros() as usize / 8;
        }
        // SAFETY: the callers' names are those of a valid document.
        unsafe { long_name_length(at) }
    }

    #[cold]
    unsafe fn long_name_length(at: *const u8) -> usize {
        let mut len = 8;
        // SAFETY: a name of a valid document ends within it.
        while unsafe { *at.add(len) } != 0 {
            len += 1;
        }
        len
    }

    #[inline(always)]
    unsafe fn size(kind: u8, at: *const u8) -> usize {
        match kind {
            1 | 9 | 17 | 18 => 8,
            // SAFETY: a payload of these types begins with its length.
            2 | 13 | 14 => 4 + unsafe { length(at) },
            // SAFETY: as above.
            3 | 4 => unsafe { length(at) },
            // SAFETY: as above.
            5 => 5 + unsafe { length(at) },
            7 => 12,
            8 => 1,
            16 => 4,
            19 => 16,
            _ => 0,
        }
    }

    unsafe fn a_holds(doc: *const u8) -> bool {
        // SAFETY: walks the elements of a valid document.
        unsafe {
            let mut at = doc.add(4);
            while *at != 0 {
                let name = word(at.add(1));
                let payload = at.add(2 + name_length(at.add(1), name));
                if name & 0xFFFF == b'b' as u64 {
                    return match *at {
                        16 => length(payload) as i32 > 500,
                        18 => word(payload) as i64 > 500,
                        1 => f64::from_bits(word(payload)) > 500.0,
                        _ => false,
                    };
                }
                at = payload.add(size(*at, payload));
            }
        }
        false
    }

    unsafe fn tags_hold(doc: *const u8) -> bool {
        const T7: u64 = u64::from_le_bytes([3, 0, 0, 0, b't', b'7', 0, 0]);
        // SAFETY: walks the elements of a valid array.
        unsafe {
            let mut at = doc.add(4);
            while *at != 0 {
                let payload = at.add(2 + name_length(at.add(1), word(at.add(1))));
                // Length, text and terminator are seven bytes.
                if *at == 2 && word(payload) << 8 == T7 << 8 {
                    return true;
                }
                at = payload.add(size(*at, payload));
            }
        }
        false
    }

    unsafe fn status_holds(payload: *const u8) -> bool {
        const ACTIVE: u64 = u64::from_le_bytes(*b"active\0\0");
        const PENDING: u64 = u64::from_le_bytes(*b"pending\0");
        // SAFETY: the text and the slack behind it can be read.
        let (len, text) = unsafe { (length(payload), word(payload.add(4))) };
        len == 7 && text << 8 == ACTIVE << 8 || len == 8 && text == PENDING
    }

    /// # Safety
    ///
    /// `doc` begins a valid document, behind which [`SLACK_BYTES`] more can be read.
    pub unsafe fn matches(doc: *const u8) -> bool {
        const STATUS: u64 = u64::from_le_bytes(*b"status\0\0");
        const TAGS: u64 = u64::from_le_bytes(*b"tags\0\0\0\0");
        let mut seen = 0;
        // SAFETY: walks the elements of a valid document; words reach no further than the slack.
        unsafe {
            let mut at = doc.add(4);
            while *at != 0 {
                let kind = *at;
                let name = word(at.add(1));
                let payload = at.add(2 + name_length(at.add(1), name));
                let holds = if name << 8 == STATUS << 8 {
                    kind == 2 && status_holds(payload)
                } else if name & 0xFFFF == b'a' as u64 {
                    kind == 3 && a_holds(payload)
                } else if name & 0xFF_FFFF_FFFF == TAGS {
                    kind == 4 && tags_hold(payload)
                } else {
                    at = payload.add(size(kind, payload));
                    continue;
                };
                if !holds {
                    return false;
                }
                seen += 1;
                if seen == 3 {
                    return true;
                }
                at = payload.add(size(kind, payload));
            }
        }
        false
    }
}

/// Three lookups through the `bson` crate's raw documents.
pub fn raw_document(bytes: &[u8]) -> bool {
    use bson::{RawBsonRef, RawDocument};
    let Ok(doc) = RawDocument::from_bytes(bytes) else { return false };
    let over_500 =
        match doc.get("a").ok().flatten().and_then(|a| a.as_document()).and_then(|a| a.get("b").ok().flatten()) {
            Some(RawBsonRef::Int32(b)) => b > 500,
            Some(RawBsonRef::Int64(b)) => b > 500,
            Some(RawBsonRef::Double(b)) => b > 500.0,
            _ => false,
        };
    over_500
        && matches!(doc.get("status"), Ok(Some(RawBsonRef::String("active" | "pending"))))
        && doc
            .get("tags")
            .ok()
            .flatten()
            .and_then(|tags| tags.as_array())
            .is_some_and(|tags| tags.into_iter().any(|tag| matches!(tag, Ok(RawBsonRef::String("t7")))))
}
