//! The frame: 16 bytes of header in front of every message, little-endian.
//!
//! ```text
//!  0        4            8             12        16
//! +--------+------------+-------------+---------+----------------------+
//! | length | request id | response to | op code | payload (length - 16) |
//! +--------+------------+-------------+---------+----------------------+
//! ```

use std::fmt;

/// Length of the header, in bytes, and so the smallest legal message.
pub const HEADER_BYTES: usize = 16;

/// Largest message, header included, in bytes. MongoDB: 48,000,000.
pub const MAX_MESSAGE_BYTES: usize = 48_000_000;

/// Replies of the legacy protocol.
pub const OP_REPLY: i32 = 1;
/// Legacy queries; only the handshake may use them.
pub const OP_QUERY: i32 = 2004;
/// Another message, compressed.
pub const OP_COMPRESSED: i32 = 2012;
/// Requests and replies.
pub const OP_MSG: i32 = 2013;

/// A message header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Length of the message, header included, in bytes.
    pub length: usize,
    /// The sender's number for this message.
    pub request_id: i32,
    /// The request that this message answers.
    pub response_to: i32,
    /// What the payload is.
    pub opcode: i32,
}

/// The length field is outside what the protocol allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadLength(pub i32);

impl fmt::Display for BadLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message length {} is invalid; it must lie between {HEADER_BYTES} and {MAX_MESSAGE_BYTES}", self.0)
    }
}

impl Header {
    /// Reads a header from the first bytes of a message.
    pub fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, BadLength> {
        let word = |at: usize| i32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        match usize::try_from(word(0)) {
            Ok(length @ HEADER_BYTES..=MAX_MESSAGE_BYTES) => {
                Ok(Self { length, request_id: word(4), response_to: word(8), opcode: word(12) })
            }
            _ => Err(BadLength(word(0))),
        }
    }

    /// The header of a complete message.
    pub fn of(frame: &[u8]) -> Option<Self> {
        let header = Self::parse(frame.first_chunk()?).ok()?;
        (header.length == frame.len()).then_some(header)
    }

    /// Writes the header over the first bytes of `frame`.
    pub fn write(self, frame: &mut [u8; HEADER_BYTES]) {
        // A message is never longer than `MAX_MESSAGE_BYTES` by much, far from what an i32 holds.
        let length = i32::try_from(self.length).unwrap_or(i32::MAX);
        for (at, word) in [length, self.request_id, self.response_to, self.opcode].into_iter().enumerate() {
            frame[at * 4..at * 4 + 4].copy_from_slice(&word.to_le_bytes());
        }
    }
}

/// Completes the message that begins at the front of `frame`: its header was left blank until its length was known.
pub fn seal(frame: &mut [u8], request_id: i32, response_to: i32, opcode: i32) {
    let length = frame.len();
    if let Some(header) = frame.first_chunk_mut() {
        Header { length, request_id, response_to, opcode }.write(header);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_limits() {
        for (length, accepted) in [
            (i32::MIN, false),
            (-1, false),
            (0, false),
            (15, false),
            (16, true),
            (48_000_000, true),
            (48_000_001, false),
        ] {
            let mut bytes = [0; HEADER_BYTES];
            bytes[..4].copy_from_slice(&length.to_le_bytes());
            assert_eq!(Header::parse(&bytes).is_ok(), accepted, "{length}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        let header = Header { length: 16, request_id: 7, response_to: -2, opcode: OP_MSG };
        let mut bytes = [0; HEADER_BYTES];
        header.write(&mut bytes);
        assert_eq!(Header::of(&bytes), Some(header));
    }
}
