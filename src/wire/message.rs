//! `OP_MSG`: a body document and any number of document sequences.
//!
//! ```text
//! +--------+-------+----------------------------------+-------------------+
//! | header | flags | sections                         | crc32c (optional) |
//! |   16   |   4   |                                  |         4         |
//! +--------+-------+----------------------------------+-------------------+
//!
//! section: 0 | body document
//!          1 | size (4, itself included) | identifier, NUL | documents ...
//! ```
//!
//! Every document is validated here, once; nothing behind this module checks BSON again.

use smongo_vm::limits::MAX_INTERNAL_DOCUMENT_BYTES;
use smongo_vm::value::{RawDoc, validate_first};
use smongo_vm::{Code, Error};

use super::frame::{self, HEADER_BYTES, OP_MSG};

/// The last four bytes are a CRC-32C of everything before them.
pub const CHECKSUM_PRESENT: u32 = 1;
/// The sender will send more messages without waiting: no reply is expected, or this reply is not the last one.
pub const MORE_TO_COME: u32 = 1 << 1;
/// The client can take several replies to this request.
pub const EXHAUST_ALLOWED: u32 = 1 << 16;

/// Flag bits that a receiver must understand.
const REQUIRED_FLAGS: u32 = 0xffff;

/// Most sections of one message. A command has a handful of arguments that can travel as sequences.
const MAX_SECTIONS: usize = 16;

/// One request, opened and validated.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The command document.
    pub body: &'a RawDoc,
    /// Document sequences: arguments of the command that travel beside the body.
    pub sequences: &'a [Sequence<'a>],
    /// The database, for the legacy handshake, which has it outside the body.
    pub legacy_db: Option<&'a str>,
    /// Whether the client can take several replies.
    pub exhaust_allowed: bool,
}

/// One document sequence.
#[derive(Clone, Debug)]
pub struct Sequence<'a> {
    /// The argument that the documents are.
    pub name: &'a str,
    /// The documents.
    pub documents: Vec<&'a RawDoc>,
}

/// The parts of an `OP_MSG`.
#[derive(Debug)]
pub struct OpMsg<'a> {
    /// The flag bits.
    pub flags: u32,
    /// The command document.
    pub body: &'a RawDoc,
    /// The document sequences.
    pub sequences: Vec<Sequence<'a>>,
}

/// Why a message cannot be run.
#[derive(Debug)]
pub enum Unreadable {
    /// The stream cannot be trusted any more: close the connection.
    Fatal(String),
    /// The frame is sound, its contents are not: answer with this error.
    Refused {
        /// What to answer.
        error: Error,
        /// The flag bits of the message, as far as known.
        flags: u32,
    },
}

/// Opens a complete `OP_MSG`, header included.
pub fn parse(frame: &[u8]) -> Result<OpMsg<'_>, Unreadable> {
    let truncated = || Unreadable::Fatal("OP_MSG is too short".into());
    let flag_bytes: &[u8; 4] = frame.get(HEADER_BYTES..).and_then(|rest| rest.first_chunk()).ok_or_else(truncated)?;
    let flags = u32::from_le_bytes(*flag_bytes);
    if flags & REQUIRED_FLAGS & !(CHECKSUM_PRESENT | MORE_TO_COME) != 0 {
        return Err(Unreadable::Fatal(format!("Message contains illegal flags value: Ob{flags:b}")));
    }
    let mut sections = &frame[HEADER_BYTES + 4..];
    if flags & CHECKSUM_PRESENT != 0 {
        let (covered, stated) = frame.split_last_chunk::<4>().ok_or_else(truncated)?;
        sections = covered.get(HEADER_BYTES + 4..).ok_or_else(truncated)?;
        if crc32c::crc32c(covered) != u32::from_le_bytes(*stated) {
            return Err(Unreadable::Fatal("OP_MSG checksum does not match contents".into()));
        }
    }
    parse_sections(sections, flags).map_err(|error| Unreadable::Refused { error, flags })
}

fn parse_sections(mut rest: &[u8], flags: u32) -> Result<OpMsg<'_>, Error> {
    let mut body = None;
    let mut sequences: Vec<Sequence<'_>> = Vec::new();
    let mut sections = 0;
    while let Some((&kind, after)) = rest.split_first() {
        sections += 1;
        if sections > MAX_SECTIONS {
            return Err(Error::new(Code::INVALID_LENGTH, "Too many document sequences in OP_MSG"));
        }
        rest = match kind {
            0 => {
                if body.is_some() {
                    return Err(Error::location(40430, "Multiple body sections in message"));
                }
                let (doc, rest) = take_document(after)?;
                body = Some(doc);
                rest
            }
            1 => {
                let (sequence, rest) = take_sequence(after)?;
                if sequences.iter().any(|other| other.name == sequence.name) {
                    let message = format!("Duplicate document sequence: {}", sequence.name);
                    return Err(Error::location(40431, message));
                }
                sequences.push(sequence);
                rest
            }
            other => return Err(Error::location(40432, format!("Unknown section kind {other}"))),
        };
    }
    let body: &RawDoc = body.ok_or_else(|| Error::location(40587, "OP_MSG messages must have a body"))?;
    for sequence in &sequences {
        if body.get(sequence.name).is_some() {
            let message = format!("Duplicate field between body and document sequence {}", sequence.name);
            return Err(Error::location(40433, message));
        }
    }
    Ok(OpMsg { flags, body, sequences })
}

fn take_sequence(bytes: &[u8]) -> Result<(Sequence<'_>, &[u8]), Error> {
    let malformed = || invalid("document sequence does not fit its section");
    let size = bytes.first_chunk().map(|size| i32::from_le_bytes(*size)).ok_or_else(malformed)?;
    let size = usize::try_from(size).ok().filter(|&size| size >= 4).ok_or_else(malformed)?;
    let (section, rest) = bytes.split_at_checked(size).ok_or_else(malformed)?;
    let section = &section[4..];
    let nul = section.iter().position(|&byte| byte == 0).ok_or_else(malformed)?;
    let name = std::str::from_utf8(&section[..nul]).map_err(|_| invalid("document sequence name is not UTF-8"))?;
    let mut remaining = &section[nul + 1..];
    let mut documents = Vec::new();
    while !remaining.is_empty() {
        let (doc, after) = take_document(remaining)?;
        documents.push(doc);
        remaining = after;
    }
    Ok((Sequence { name, documents }, rest))
}

/// The validated document at the head of `bytes`, and what follows it.
pub(super) fn take_document(bytes: &[u8]) -> Result<(&RawDoc, &[u8]), Error> {
    validate_first(bytes, MAX_INTERNAL_DOCUMENT_BYTES)
}

fn invalid(message: &str) -> Error {
    Error::new(Code::INVALID_BSON, message)
}

/// Begins an `OP_MSG` reply in `out`, up to where its body document goes.
pub fn begin_reply(out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&[0; HEADER_BYTES + 5]);
}

/// Completes the reply that [`begin_reply`] began.
pub fn finish_reply(out: &mut [u8], flags: u32, request_id: i32, response_to: i32) {
    out[HEADER_BYTES..HEADER_BYTES + 4].copy_from_slice(&flags.to_le_bytes());
    frame::seal(out, request_id, response_to, OP_MSG);
}

#[cfg(test)]
mod tests {
    use super::*;
    use smongo_vm::value::{DocBuf, Value};

    fn frame_of(flags: u32, sections: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; HEADER_BYTES];
        frame.extend_from_slice(&flags.to_le_bytes());
        frame.extend_from_slice(sections);
        frame::seal(&mut frame, 1, 0, OP_MSG);
        frame
    }

    fn body() -> Vec<u8> {
        let mut section = vec![0];
        section.extend_from_slice(DocBuf::build(|doc| doc.value("ping", Value::int32(1))).as_bytes());
        section
    }

    fn sequence(name: &str, count: usize) -> Vec<u8> {
        let mut content = name.as_bytes().to_vec();
        content.push(0);
        for n in 0..count {
            let doc = DocBuf::build(|doc| doc.value("_id", Value::int32(i32::try_from(n).unwrap())));
            content.extend_from_slice(doc.as_bytes());
        }
        let mut section = vec![1];
        section.extend_from_slice(&i32::try_from(content.len() + 4).unwrap().to_le_bytes());
        section.extend_from_slice(&content);
        section
    }

    #[test]
    fn sections_in_any_order() {
        for sections in [[body(), sequence("documents", 3)].concat(), [sequence("documents", 3), body()].concat()] {
            let frame = frame_of(EXHAUST_ALLOWED, &sections);
            let message = parse(&frame).unwrap();
            assert_eq!(message.body.iter().count(), 1);
            assert_eq!(message.sequences[0].name, "documents");
            assert_eq!(message.sequences[0].documents.len(), 3);
        }
    }

    #[test]
    fn refused_with_an_error_reply() {
        let mut long_sequence = sequence("documents", 1);
        long_sequence[1] = 200;
        let rows = [
            ("no section", vec![], 40587),
            ("no body", sequence("documents", 1), 40587),
            ("two bodies", [body(), body()].concat(), 40430),
            ("same sequence twice", [body(), sequence("d", 1), sequence("d", 1)].concat(), 40431),
            ("sequence repeats a field", [body(), sequence("ping", 1)].concat(), 40433),
            ("unknown kind", vec![2, 0, 0], 40432),
            ("sequence too long", [body(), long_sequence].concat(), 22),
            ("document cut short", body()[..6].to_vec(), 22),
            ("document length negative", vec![0, 255, 255, 255, 255], 22),
        ];
        for (name, sections, code) in rows {
            match parse(&frame_of(0, &sections)) {
                Err(Unreadable::Refused { error, .. }) => assert_eq!(error.code().0, code, "{name}"),
                other => panic!("{name}: {other:?}"),
            }
        }
    }

    #[test]
    fn unknown_required_flags_are_fatal_and_optional_ones_ignored() {
        for (flag, fatal) in [(1 << 2, true), (1 << 15, true), (1 << 17, false), (1 << 31, false)] {
            assert_eq!(parse(&frame_of(flag, &body())).is_err(), fatal, "{flag:#x}");
        }
    }

    #[test]
    fn checksum_is_verified() {
        let mut frame = frame_of(CHECKSUM_PRESENT, &[body(), vec![0; 4]].concat());
        let end = frame.len() - 4;
        let crc = crc32c::crc32c(&frame[..end]);
        frame[end..].copy_from_slice(&crc.to_le_bytes());
        assert!(parse(&frame).is_ok());
        frame[end - 1] ^= 1;
        assert!(matches!(parse(&frame), Err(Unreadable::Fatal(_))));
    }
}
