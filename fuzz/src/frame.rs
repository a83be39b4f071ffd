//! Laws of the wire protocol's parsers.

use arbitrary::{Arbitrary, Unstructured};
use smongo::wire::compress::{self, Compressor};
use smongo::wire::frame::{self, HEADER_BYTES, Header};
use smongo::wire::legacy;
use smongo::wire::message::{self, Unreadable};
use smongo_vm::limits::MAX_INTERNAL_DOCUMENT_BYTES;
use smongo_vm::value::{DocBuf, validate};

/// A frame: any bytes behind a header that fits them, or sections that are nearly right.
#[derive(Debug)]
pub struct Frame {
    /// The op code.
    pub opcode: i32,
    /// What follows the header.
    pub payload: Vec<u8>,
}

impl<'a> Arbitrary<'a> for Frame {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let opcode = *u.choose(&[frame::OP_MSG, frame::OP_MSG, frame::OP_QUERY, frame::OP_COMPRESSED])?;
        let payload = match u.int_in_range(0..=3)? {
            0 => u.arbitrary()?,
            _ => sections(u)?,
        };
        Ok(Frame { opcode, payload })
    }
}

/// Flags and sections, at times with lengths that are a little wrong and with a checksum.
fn sections(u: &mut Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let flags: u32 = *u.choose(&[0, message::CHECKSUM_PRESENT, message::MORE_TO_COME, message::EXHAUST_ALLOWED, 4])?;
    let mut payload = flags.to_le_bytes().to_vec();
    for _ in 0..u.int_in_range(0..=3)? {
        let doc: DocBuf = u.arbitrary()?;
        if u.arbitrary()? {
            payload.push(0);
            payload.extend_from_slice(doc.as_bytes());
        } else {
            let name: &[u8] = u.choose(&["documents", "updates", "a", "_id"])?.as_bytes();
            let wrong: usize = if u.ratio(1, 8)? { u.int_in_range(0..=9)? } else { 4 };
            let size = (name.len() + 1 + doc.as_bytes().len() + wrong) as u32;
            payload.push(1);
            payload.extend_from_slice(&size.to_le_bytes());
            payload.extend_from_slice(&[name, &[0], doc.as_bytes()].concat());
        }
    }
    if u.ratio(1, 4)? {
        payload.extend_from_slice(u.arbitrary()?);
    }
    Ok(payload)
}

/// Any frame is opened or refused, and all that is opened is valid.
pub fn parsing(Frame { opcode, payload }: &Frame) {
    let mut bytes = vec![0; HEADER_BYTES];
    bytes.extend_from_slice(payload);
    frame::seal(&mut bytes, 1, 2, *opcode);
    with_checksum(&mut bytes);
    let header = Header::of(&bytes).expect("a sealed frame");
    assert_eq!((header.length, header.opcode), (bytes.len(), *opcode));
    open(&bytes);
    let mut inner = Vec::new();
    if compress::decompress(&bytes, &mut inner).is_ok() {
        assert_eq!(Header::of(&inner).expect("a complete message").request_id, 1);
        open(&inner);
    }
    for compressor in [Compressor::Noop, Compressor::Snappy, Compressor::Zlib, Compressor::Zstd] {
        let (mut squeezed, mut back) = (Vec::new(), Vec::new());
        if *opcode != frame::OP_COMPRESSED && compress::compress(compressor, &bytes, &mut squeezed) {
            assert_eq!(compress::decompress(&squeezed, &mut back), Ok(compressor));
            assert_eq!(back, bytes);
        }
    }
}

/// Puts the right checksum where the flags promise one.
fn with_checksum(frame: &mut Vec<u8>) {
    let has_checksum = frame.get(HEADER_BYTES).is_some_and(|flags| flags & 1 == 1);
    if has_checksum && let Some(end) = frame.len().checked_sub(4).filter(|&end| end >= HEADER_BYTES + 4) {
        let checksum = crc32c::crc32c(&frame[..end]);
        frame[end..].copy_from_slice(&checksum.to_le_bytes());
    }
}

fn open(frame: &[u8]) {
    match message::parse(frame) {
        Ok(message) => {
            let documents = message.sequences.iter().flat_map(|sequence| &sequence.documents).copied();
            for doc in documents.chain([message.body]) {
                validate(doc.as_bytes(), MAX_INTERNAL_DOCUMENT_BYTES).expect("messages are validated");
            }
        }
        Err(Unreadable::Refused { error, .. }) => assert!(!error.message().is_empty()),
        Err(Unreadable::Fatal(reason)) => assert!(!reason.is_empty()),
    }
    if let Ok(query) = legacy::parse(frame) {
        validate(query.body.as_bytes(), MAX_INTERNAL_DOCUMENT_BYTES).expect("queries are validated");
    }
}

/// Any bytes as a frame, its header included.
pub fn damaged(bytes: &[u8]) {
    let _ = Header::of(bytes);
    let _ = compress::decompress(bytes, &mut Vec::new());
    if bytes.len() >= HEADER_BYTES {
        open(bytes);
    }
}
